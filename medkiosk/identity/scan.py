"""What a scanner read: whose number it is, or why it is nobody's. Pure (docs/identity.md section 4)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from medkiosk.identity import checkdigit
from medkiosk.identity.number import Rules, compact

LONGEST = 128
_AIM = re.compile(r"\]([A-Za-z])([0-9A-Za-z])", re.ASCII)
_GS1 = frozenset({"]C1", "]d2", "]Q3", "]e0", "]J1"})
"""Symbology identifiers (ISO/IEC 15424) whose data are GS1 element strings."""
_FNC1 = "\x1d"
_GSRN = re.compile(r"(?:\(8018\)|8018)([0-9]{18})(?:\x1d?(?:\(8019\)|8019)[0-9]{1,10})?\x1d?", re.ASCII)
_GS1_BARE = re.compile(r"(?:\(8018\)|8018)[0-9]{18}", re.ASCII)
_HIBC = re.compile(r"\+/AC([0-9A-Z]{1,15})(?:/[0-9A-Z\-. $%]*)*", re.ASCII)
_PLAIN = re.compile(r"[0-9A-Za-z][0-9A-Za-z./-]{0,63}", re.ASCII)
_DAY = re.compile(r"[0-9]{1,4}[-./][0-9]{1,2}[-./][0-9]{1,4}", re.ASCII)
_AGAIN = "Scan the wristband again."


@dataclass(frozen=True)
class Scan:
    """What was read.

    Attributes:
        mrn: the number in its normal form; empty where it is no patient's.
        issuers: who may have issued it; none where any may have.
        words: why it is no patient's number; empty where it is.
    """

    mrn: str = ""
    issuers: tuple[str, ...] = ()
    words: str = ""


def looks_scanned(text: str) -> bool:
    """Whether keys that came as fast as a scanner's can be a code at all: no word, and no date."""
    return len(text) >= 4 and any(each.isdigit() for each in text) and not _DAY.fullmatch(text)


def read(untrusted_text: str, rules: Rules, prefix: str = "") -> Scan:
    """Say what a scanned text is.

    Args:
        untrusted_text: all that the scanner typed but the key at its end.
        rules: the issuers that are known.
        prefix: what this site's scanners put before everything.
    """
    text = untrusted_text.strip(" ")
    text = text.removeprefix(prefix)
    if not text or len(text) > LONGEST or any(not each.isprintable() and each != _FNC1 for each in text):
        return Scan(
            words=f"This was not read as a wristband: it is too long, or has control characters. {_AGAIN}"
        )
    aim = _AIM.match(text)
    bare = text[aim.end() :] if aim else text
    if (aim and aim.group() in _GS1) or _GS1_BARE.match(bare):
        return _gs1(bare.removeprefix(_FNC1), rules)
    if bare.startswith("+"):
        return _hibc(bare, rules)
    return _plain(bare, rules)


def _gs1(text: str, rules: Rules) -> Scan:
    found = _GSRN.fullmatch(text)
    if found is None:
        if text.removeprefix("(").startswith("8017"):
            return Scan(words="This is the card of a member of staff, not a patient's wristband.")
        return Scan(words="This is a label of goods or of something else, not a patient's wristband.")
    number = found[1]
    if not checkdigit.gs1(number):
        return Scan(words=f"The wristband was not read right: its check digit is wrong. {_AGAIN}")
    ours = [each for each in rules.issuers if each.gs1_prefix and number.startswith(each.gs1_prefix)]
    if not ours:
        return Scan(words="This wristband is of an organisation whose numbers this kiosk does not know.")
    return Scan(number, (max(ours, key=lambda each: len(each.gs1_prefix)).name,))


def _hibc(text: str, rules: Rules) -> Scan:
    if not checkdigit.mod43(text):
        return Scan(words=f"The code was not read right: its check character is wrong. {_AGAIN}")
    found = _HIBC.fullmatch(text[:-1])
    if found is None:
        return Scan(words="This code names goods, a document or a member of staff, not a patient.")
    return _plain(found[1], rules)


def _plain(text: str, rules: Rules) -> Scan:
    if text.startswith("MKS1:"):
        return Scan(words="This is a slate of a kiosk, not a patient's wristband.")
    if not _PLAIN.fullmatch(text) or not any(each.isdigit() for each in text):
        return Scan(words="This code is not a patient's number.")
    fitting = tuple(each.name for each in rules.fitting(text))
    if fitting:
        return Scan(compact(text), fitting)
    if rules.listed:
        return Scan(words=f"This is no number of any issuer that this kiosk knows, or was misread. {_AGAIN}")
    return Scan(text)

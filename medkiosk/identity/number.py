"""What a patient's number looks like at each issuer, and its one normal form. Pure (docs/identity.md)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from medkiosk.core.config import Config, Issuer
from medkiosk.core.consent import Subject
from medkiosk.identity.checkdigit import SCHEMES

_SEPARATORS = frozenset(" -./\u2010\u2011\u2012\u2013")
_DIGITS = frozenset("0123456789")
_LETTERS_DIGITS = _DIGITS | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")

Key = tuple[str, str]
"""Issuer and number by which one patient is told from another."""


def plain(text: str) -> str:
    """A text as compared: without case, doubled blanks, and the other forms of one character."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def compact(text: str) -> str:
    """A number without what people put between its digits, in capitals."""
    wide = unicodedata.normalize("NFKC", text).upper()
    return "".join(each for each in wide if each not in _SEPARATORS and not each.isspace())


def problem(rule: Issuer, number: str) -> str:
    """What is wrong with a number in its normal form, in words; empty where nothing is."""
    allowed = _DIGITS if rule.characters == "digits" else _LETTERS_DIGITS
    if any(each not in allowed for each in number):
        kinds = "digits" if rule.characters == "digits" else "letters and digits"
        return f"a number of {rule.name} has only {kinds}"
    if not rule.shortest <= len(number) <= rule.longest:
        wanted = str(rule.shortest) if rule.shortest == rule.longest else f"{rule.shortest} to {rule.longest}"
        return f"a number of {rule.name} has {wanted} characters, and this has {len(number)}"
    if not SCHEMES[rule.check](number):
        return (
            f"this is no number of {rule.name}: its check digit is wrong, so a digit was misread or mistyped"
        )
    return ""


@dataclass(frozen=True)
class Rules:
    """The issuers that a kiosk knows.

    Attributes:
        issuers: as configured.
        listed: no other issuer is taken.
    """

    issuers: tuple[Issuer, ...] = ()
    listed: bool = False
    _by_name: dict[str, Issuer] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, config: Config) -> Rules:
        """Those of a configuration."""
        return cls(config.issuer, config.identity.issuers == "listed")

    def __post_init__(self) -> None:
        """Find them by every name that they have."""
        for each in self.issuers:
            for name in (each.name, *each.also):
                self._by_name[plain(name)] = each

    def rule(self, issuer: str) -> Issuer | None:
        """The rule of an issuer, by any of its names."""
        return self._by_name.get(plain(issuer))

    def normal(self, subject: Subject) -> Subject:
        """A subject with issuer and number as they are kept."""
        rule = self.rule(subject.issuer)
        return Subject(
            mrn=" ".join(subject.mrn.split()) if rule is None else compact(subject.mrn),
            issuer=" ".join(subject.issuer.split()) if rule is None else rule.name,
            name=" ".join(subject.name.split()),
            birth_date=subject.birth_date,
        )

    def problem(self, subject: Subject) -> str:
        """What is wrong with the number or issuer of a `normal` subject, in words; empty where nothing is."""
        rule = self.rule(subject.issuer)
        if rule is not None:
            return problem(rule, subject.mrn)
        if self.listed:
            names = ", ".join(each.name for each in self.issuers)
            return f"numbers of this issuer are not taken here; the issuers are: {names}"
        return ""

    def key(self, subject: Subject) -> Key:
        """What tells one patient from another, also where older records wrote the number otherwise."""
        rule = self.rule(subject.issuer)
        if rule is None:
            return plain(subject.issuer), plain(subject.mrn)
        return plain(rule.name), plain(compact(subject.mrn))

    def fitting(self, number: str) -> Sequence[Issuer]:
        """The issuers of which a scanned number can be."""
        return [each for each in self.issuers if not problem(each, compact(number))]

"""What a receiver may do with an export: GA4GH Data Use Ontology codes and a last day (docs/data-use.md).

The table is of release 2021-02-23 of DUO, the last one that GA4GH approved; labels are DUO's, words are ours.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import msgspec

from medkiosk.core.consent import Purpose


class DataUse(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Terms of one export.

    Attributes:
        codes: DUO codes (``DUO:0000042``), ascending, none twice.
        until: the last day of use, ``YYYY-MM-DD``; empty where there is none.
    """

    codes: tuple[str, ...] = ()
    until: str = ""


class Kind(StrEnum):
    """The two branches of DUO."""

    PERMISSION = "permission"  # DUO:0000001
    MODIFIER = "modifier"  # DUO:0000017


@dataclass(frozen=True)
class Duo:
    """One code.

    Attributes:
        short: DUO's shorthand.
        label: DUO's label.
        words: what it means for the receiver of pictures, in plain English.
        kind: which branch it is of.
        which: what the code says nothing without, and a bundle has no place to say; empty for most.
    """

    short: str
    label: str
    words: str
    kind: Kind = Kind.MODIFIER
    which: str = ""


_P = Kind.PERMISSION
DUO: Mapping[str, Duo] = {
    "DUO:0000004": Duo("NRES", "no restriction", "Any use.", _P),
    "DUO:0000006": Duo(
        "HMB", "health or medical or biomedical research", "Medical research and teaching of it.", _P
    ),
    "DUO:0000007": Duo("DS", "disease specific research", "Research on one disease.", _P, "which disease"),
    "DUO:0000011": Duo(
        "POA", "population origins or ancestry research only", "Research on origins and ancestry only.", _P
    ),
    "DUO:0000042": Duo("GRU", "general research use", "Research of any kind.", _P),
    "DUO:0000012": Duo(
        "RS", "research specific restrictions", "One type of research only.", which="which type of research"
    ),
    "DUO:0000015": Duo(
        "NMDS", "no general methods research", "Not to develop methods or train software with."
    ),
    "DUO:0000016": Duo("GSO", "genetic studies only", "Genetic studies only."),
    "DUO:0000018": Duo(
        "NPUNCU",
        "not for profit, non commercial use only",
        "Not-for-profit organisations only, and no commercial use.",
    ),
    "DUO:0000019": Duo("PUB", "publication required", "The results must be published."),
    "DUO:0000020": Duo("COL", "collaboration required", "Only together with the department."),
    "DUO:0000021": Duo("IRB", "ethics approval required", "Only with an ethics committee's approval."),
    "DUO:0000022": Duo("GS", "geographical restriction", "In one region only.", which="which region"),
    "DUO:0000024": Duo("MOR", "publication moratorium", "No publication before a day.", which="which day"),
    "DUO:0000025": Duo("TS", "time limit on use", "Until the last day that is given, then destroy them."),
    "DUO:0000026": Duo("US", "user specific restriction", "Only the person who received them."),
    "DUO:0000027": Duo("PS", "project specific restriction", "Only for the project that was agreed on."),
    "DUO:0000028": Duo("IS", "institution specific restriction", "Only inside the recipient's institution."),
    "DUO:0000029": Duo(
        "RTN", "return to database or resource", "What is made of them goes back to the department."
    ),
    "DUO:0000043": Duo("CC", "clinical care use", "The care of the patient."),
    "DUO:0000044": Duo(
        "NPOA",
        "population origins or ancestry research prohibited",
        "Not for research on origins and ancestry.",
    ),
    "DUO:0000045": Duo("NPU", "not for profit organisation use only", "Not-for-profit organisations only."),
    "DUO:0000046": Duo("NCU", "non-commercial use only", "No commercial use."),
}
"""Every code, by its id."""

NRES, HMB, POA, GRU = "DUO:0000004", "DUO:0000006", "DUO:0000011", "DUO:0000042"
GSO, NPUNCU, PUB, IRB, MOR, TS = (
    "DUO:0000016", "DUO:0000018", "DUO:0000019", "DUO:0000021", "DUO:0000024", "DUO:0000025",
)  # fmt: skip
US, PS, IS, CC, NPOA, NPU, NCU = (
    "DUO:0000026", "DUO:0000027", "DUO:0000028", "DUO:0000043", "DUO:0000044", "DUO:0000045", "DUO:0000046",
)  # fmt: skip

PERMISSIONS: Mapping[Purpose, tuple[str, ...]] = {
    Purpose.CLINICAL_RECORD: (CC,),
    Purpose.TEACHING_RESEARCH: (HMB, GRU),
    Purpose.PUBLICATION: (HMB, GRU, NRES),
}
"""What a bundle for a purpose may allow, the usual one first: exactly one of them.

CC is a modifier in DUO, which was made for research; here it stands alone, for nothing but care.
"""
ENDS = frozenset({Purpose.TEACHING_RESEARCH})
"""Purposes whose use must have a last day. Care does not end on a day, and what is published stays so."""
MOST_YEARS = 10
"""The last day lies no further ahead than this."""
_USUAL: Mapping[Purpose, tuple[str, ...]] = {
    Purpose.CLINICAL_RECORD: (CC, IS),
    Purpose.TEACHING_RESEARCH: (HMB, NPUNCU, IS, TS),
    Purpose.PUBLICATION: (HMB, PS),
}
_AGAINST: tuple[tuple[str, str, str], ...] = (
    (POA, NPOA, "allowing research on ancestry only and forbidding it leaves nothing"),
    (NPUNCU, NPU, "NPUNCU says NPU already"),
    (NPUNCU, NCU, "NPUNCU says NCU already"),
    (NPU, NCU, "both together are NPUNCU"),
    (PUB, US, "what must be published cannot stay with one person"),
)
"""Pairs that cannot stand together, and why."""


def usual(purpose: Purpose, today: date) -> DataUse:
    """Return the terms that are offered first: narrow ones, and a year where use must end."""
    until = _later(today, 1).isoformat() if purpose in ENDS else ""
    return DataUse(tuple(sorted(_USUAL[purpose])), until)


def choices(purpose: Purpose) -> tuple[str, ...]:
    """Return the codes that can be chosen for a purpose: permissions, then modifiers. A day says TS."""
    modifiers = [
        code
        for code, duo in DUO.items()
        if duo.kind is Kind.MODIFIER and not duo.which and code not in (TS, CC, GSO)
    ]
    if purpose is Purpose.CLINICAL_RECORD:
        modifiers = [code for code in modifiers if code in (US, IS)]
    return (*PERMISSIONS[purpose], *modifiers)


def problems(terms: DataUse, purpose: Purpose, today: date) -> tuple[str, ...]:
    """Return why nothing may leave on these terms; empty if it may.

    Args:
        terms: what the receiver would be allowed.
        purpose: what consent was asked for.
        today: the day of the export.
    """
    codes = set(terms.codes)
    if unknown := sorted(code for code in codes if code not in DUO):
        return (f"Not a data use code: {', '.join(code[:20] for code in unknown[:5])}.",)
    found = []
    if list(terms.codes) != sorted(codes):
        found.append("Data use codes are given in ascending order, each once.")
    found += _about_codes(codes, purpose)
    if (TS in codes) != bool(terms.until):
        found.append(f"A last day and the code {TS} (time limit on use) go together.")
    if purpose in ENDS and not terms.until:
        found.append("For this purpose the use of pictures must have a last day.")
    if terms.until:
        found += _about_day(terms.until, today)
    return tuple(found)


def _about_codes(codes: set[str], purpose: Purpose) -> list[str]:
    found = []
    allowed = codes & {*PERMISSIONS[purpose]}
    permissions = {code for code in codes if DUO[code].kind is Kind.PERMISSION or code == CC}
    found += [
        f"{_name(code)} allows something else than what this export is for."
        for code in sorted(permissions - allowed)
    ]
    if len(allowed) != 1:
        names = " or ".join(_name(code) for code in PERMISSIONS[purpose])
        found.append(f"The terms must allow exactly one thing: {names}.")
    if NRES in codes and len(codes) > 1:
        found.append(f"{_name(NRES)} cannot stand beside a restriction.")
    if GSO in codes:
        found.append(f"{_name(GSO)} leaves no use for a picture.")
    found += [
        f"{_name(code)} says nothing without {DUO[code].which}." for code in sorted(codes) if DUO[code].which
    ]
    found += [f"{DUO[a].short} and {DUO[b].short}: {why}." for a, b, why in _AGAINST if {a, b} <= codes]
    return found


def _about_day(until: str, today: date) -> list[str]:
    try:
        day = date.fromisoformat(until) if len(until) == len("YYYY-MM-DD") else None
    except ValueError:
        day = None
    if day is None or day.isoformat() != until:
        return ["The last day of use is written YYYY-MM-DD."]
    if day < today:
        return ["The last day of use is over already."]
    if day > _later(today, MOST_YEARS):
        return [f"The last day of use lies more than {MOST_YEARS} years ahead."]
    return []


def words(terms: DataUse) -> tuple[str, ...]:
    """Return the terms in plain English, a sentence each; what is not known as it stands."""
    said = [DUO[code].words if code in DUO else f"{code}." for code in terms.codes if code != TS]
    return (*said, *((f"Until {terms.until}, then destroy them.",) if terms.until else ()))


def _name(code: str) -> str:
    return f"{DUO[code].short} ({DUO[code].label})"


def _later(day: date, years: int) -> date:
    year = min(day.year + years, date.max.year)
    return day.replace(year=year, day=min(day.day, calendar.monthrange(year, day.month)[1]))

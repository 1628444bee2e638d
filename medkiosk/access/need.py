"""Who may do what with whose pictures: role, need to know, the restricted class, break-glass. Pure.

`decide` is the one place that says so, from the table `RULES` (docs/access.md). Three things are asked
in turn, and each can only say no: whether the roles give the capability, whether this person has to do with
this patient, and, where the pictures are restricted, whether they have that right. A broken glass stands for
the second and the third, never for the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from medkiosk.core.capability import Capability
from medkiosk.core.ids import AccountId, EncounterId, GlassId


class Action(StrEnum):
    """What somebody wants to do with an encounter or a picture."""

    LIST = "list"  # know that it is there: its number, its pictures' names and states
    NAME = "name"  # read the patient's name, date of birth and label
    SEE = "see"  # look at a redacted picture
    SEE_ORIGINAL = "see_original"
    RECORD = "record"  # consent, slate, whose it is, what a frame is for, team, class
    REVIEW = "review"  # change masks, approve, reject
    EXPORT = "export"
    RETAIN = "retain"  # classes, holds, disposals


class NeedToKnow(StrEnum):
    """Whose encounters a person has to do with."""

    DEPARTMENT = "department"  # those of their departments and of none, and those they are of the team of
    OWN = "own"  # only those they are of the team of


@dataclass(frozen=True)
class Rule:
    """What an action asks for.

    Attributes:
        role: one of these capabilities.
        duty: who has one of these has to do with every patient: it is their task for the whole hospital.
        right: of restricted pictures: whether the right to see them is needed.
        glass: whether a broken glass stands for need and right.
        words: for whoever has not the role.
    """

    role: frozenset[Capability]
    words: str
    duty: frozenset[Capability] = frozenset()
    right: bool = True
    glass: bool = False


_OFFICER = frozenset({Capability.EXPORT})
_KEEPING = frozenset({Capability.MANAGE_RETENTION, Capability.APPROVE_DISPOSAL})

RULES: dict[Action, Rule] = {
    Action.LIST: Rule(
        frozenset({Capability.SEE_CATALOGUE}),
        "your role does not see the catalogue",
        duty=_OFFICER,
        right=False,
        glass=True,
    ),
    Action.NAME: Rule(
        frozenset({Capability.SEE_CATALOGUE}),
        "your role does not see the catalogue",
        duty=_OFFICER,
        glass=True,
    ),
    Action.SEE: Rule(
        frozenset({Capability.SEE_REDACTED}), "your role does not see pictures", duty=_OFFICER, glass=True
    ),
    Action.SEE_ORIGINAL: Rule(
        frozenset({Capability.SEE_ORIGINAL}), "your role does not see originals", glass=True
    ),
    Action.RECORD: Rule(
        frozenset({Capability.RECORD}),
        "your role does not record encounters and consents",
        right=False,
    ),
    Action.REVIEW: Rule(frozenset({Capability.REVIEW}), "your role does not review"),
    Action.EXPORT: Rule(_OFFICER, "your role does not export", duty=_OFFICER),
    Action.RETAIN: Rule(_KEEPING, "your role does not decide about retention", duty=_KEEPING, right=False),
}

NOT_YOURS = "this patient is neither your team's nor your department's"
NOT_YOUR_TEAMS = "you are not of this patient's team"
NOBODYS = "this picture belongs to nobody yet, and is seen only by who can say whose it is"
RESTRICTED = "these are intimate pictures; seeing them is a right of its own, which you do not have"


@dataclass(frozen=True)
class Glass:
    """A broken glass that is still open, as far as the caller's own clock says.

    Attributes:
        until: when it ends at the latest, UTC.
    """

    glass_id: GlassId
    encounter_id: EncounterId
    until: datetime


@dataclass(frozen=True)
class Person:
    """Who asks.

    Attributes:
        capabilities: what the roles give together, the right to see restricted pictures among them.
        departments: where they work.
        glasses: what they broke in this session.
    """

    account_id: AccountId
    capabilities: frozenset[Capability]
    departments: frozenset[str] = frozenset()
    glasses: tuple[Glass, ...] = ()


@dataclass(frozen=True)
class Facts:
    """What is asked about.

    Attributes:
        encounter_id: whose it is; None of a picture that belongs to nobody.
        department: of the encounter; empty where none was said.
        team: who has to do with it.
        restricted: whether its pictures are intimate.
        rule: what this hospital wants.
    """

    encounter_id: EncounterId | None
    department: str = ""
    team: frozenset[AccountId] = frozenset()
    restricted: bool = False
    rule: NeedToKnow = NeedToKnow.DEPARTMENT


@dataclass(frozen=True)
class Verdict:
    """The answer.

    Attributes:
        allowed: whether they may.
        why: why not, in words for a person; empty where they may.
        glass: the broken glass without which they might not; empty where none was needed.
        breakable: not allowed, and breaking the glass would change that.
    """

    allowed: bool
    why: str = ""
    glass: GlassId | str = ""
    breakable: bool = False


_YES = Verdict(allowed=True)


def decide(person: Person, action: Action, what: Facts, now: datetime) -> Verdict:
    """Say whether somebody may do something with an encounter or a picture of it.

    Args:
        person: who asks.
        action: what they want.
        what: about which encounter.
        now: UTC; a glass that ended before does not count.
    """
    rule = RULES[action]
    if not rule.role & person.capabilities:
        return Verdict(allowed=False, why=rule.words)
    why = _why_not_need(person, rule, what) or _why_not_right(person, rule, what)
    if not why:
        return _YES
    if not rule.glass or what.encounter_id is None:
        return Verdict(allowed=False, why=why)
    if Capability.BREAK_GLASS not in person.capabilities:
        return Verdict(allowed=False, why=why)
    for glass in person.glasses:
        if glass.encounter_id == what.encounter_id and now < glass.until:
            return Verdict(allowed=True, glass=glass.glass_id)
    why = (
        f"{why}. If you must treat this patient now, break the glass: say why; it is logged and read"
        " afterwards"
    )
    return Verdict(allowed=False, why=why, breakable=True)


def _why_not_need(person: Person, rule: Rule, what: Facts) -> str:
    """Why this person has nothing to do with it; empty where they have."""
    if rule.duty & person.capabilities:
        return ""
    if what.encounter_id is None:
        return "" if Capability.RECORD in person.capabilities else NOBODYS
    if person.account_id in what.team:
        return ""
    if what.rule is NeedToKnow.OWN:
        return NOT_YOUR_TEAMS
    return "" if not what.department or what.department in person.departments else NOT_YOURS


def _why_not_right(person: Person, rule: Rule, what: Facts) -> str:
    """Why this person may not see restricted pictures; empty where it is none, or they may."""
    if rule.right and what.restricted and Capability.SEE_RESTRICTED not in person.capabilities:
        return RESTRICTED
    return ""

"""From which day an encounter's pictures may be destroyed (docs/retention.md). Pure.

The periods are those of the Records Management Code of Practice of NHS England (2021, updated in August
2023), appendix II: adult health records 8 years, children's records until the 25th birthday, or the 26th
where the person was 17 when treatment ended; both from the day on which the person was last seen. Where
something is not known, the longer period counts: doubt keeps.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from medkiosk.core.lifecycle import RetentionClass

ADULT_YEARS = 8
OF_AGE = 18
CHILD_UNTIL = 25
CHILD_UNTIL_AT_17 = 26
OLDEST = 130
"""Years beyond which a birth date is not believed."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True)
class Care:
    """What the period follows from.

    Attributes:
        seen: the last day on which the kiosk knows the subject to have been seen, in any encounter.
        born: the birth date; None where it is unknown.
        given: the class that somebody gave the encounter; None where nobody did.
        until: when the protocol ends; for research only, None where that is not said.
    """

    seen: date
    born: date | None = None
    given: RetentionClass | None = None
    until: date | None = None


@dataclass(frozen=True)
class Term:
    """How long an encounter is kept.

    Attributes:
        retention: the class, given or derived.
        due: the first day on which it may be destroyed; None for never.
        words: why, in a sentence.
    """

    retention: RetentionClass
    due: date | None
    words: str


def read_date(text: str) -> date | None:
    """Read YYYY-MM-DD; None where it is empty or not a day."""
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def anniversary(day: date, years: int) -> date | None:
    """Return the same day so many years later: 29 February becomes 1 March; None beyond the calendar."""
    year = day.year + years
    if year > date.max.year:
        return None
    try:
        return day.replace(year=year)
    except ValueError:
        return date(year, 3, 1)


def age_at(born: date, day: date) -> int:
    """Return full years of age; below zero before the birth."""
    birthday = anniversary(born, day.year - born.year)
    return day.year - born.year - (birthday is None or day < birthday)


def term(care: Care) -> Term:
    """Return how long an encounter is kept. A given class beats the derived one."""
    match care.given:
        case None:
            return _derived(care)
        case RetentionClass.PERMANENT:
            return Term(RetentionClass.PERMANENT, None, "It is kept for ever; somebody decided so.")
        case RetentionClass.RESEARCH:
            return _research(care)
        case RetentionClass.ADULT:
            return _adult(care, "Somebody gave it the class adult")
        case RetentionClass.CHILD:
            return _child(care)


def _derived(care: Care) -> Term:
    born = _believed(care)
    if born is None:
        return _unknown_birth(care)
    age = age_at(born, care.seen)
    if age < OF_AGE:
        return _child(care)
    return _adult(care, f"The subject was {age} when last seen")


def _adult(care: Care, why: str) -> Term:
    due = _after(anniversary(care.seen, ADULT_YEARS))
    return Term(
        RetentionClass.ADULT,
        due,
        f"{why}, on {care.seen}: kept for {ADULT_YEARS} years, as adult records are.",
    )


def _child(care: Care) -> Term:
    born = _believed(care)
    if born is None:
        return _unknown_birth(care)
    age = age_at(born, care.seen)
    years = CHILD_UNTIL_AT_17 if age == OF_AGE - 1 else CHILD_UNTIL
    # The adults' period ends later only of one who was of age when last seen and was given this class.
    ends = [anniversary(born, years), anniversary(care.seen, ADULT_YEARS)]
    due = None if None in ends else max(end for end in ends if end is not None)
    words = f"The subject was {age} when last seen, on {care.seen}: kept until the {years}th birthday"
    return Term(RetentionClass.CHILD, _after(due), f"{words}, and {ADULT_YEARS} years at least.")


def _unknown_birth(care: Care) -> Term:
    due = _after(anniversary(care.seen, CHILD_UNTIL))
    words = (
        f"The birth date is not known, so this may be a newborn, last seen on {care.seen}:"
        f" kept for {CHILD_UNTIL} years. Give it a class to change that."
    )
    return Term(RetentionClass.CHILD, due, words)


def _research(care: Care) -> Term:
    if care.until is None:
        return Term(RetentionClass.RESEARCH, None, "It is kept for research, without an end.")
    words = f"It is kept for research until {care.until}, as the protocol says."
    return Term(RetentionClass.RESEARCH, _after(care.until), words)


def _believed(care: Care) -> date | None:
    """The birth date, unless nobody could have been seen who was born then."""
    if care.born is None or not 0 <= age_at(care.born, care.seen) <= OLDEST:
        return None
    return care.born


def _after(last: date | None) -> date | None:
    """The first day after a period, which itself still keeps: no time zone makes anything due too early."""
    return None if last is None or last == date.max else last + timedelta(days=1)

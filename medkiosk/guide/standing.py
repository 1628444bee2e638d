"""Who is current in what, and what is missing before somebody may act. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from medkiosk.core.clock import parse_rfc3339
from medkiosk.core.trainingevents import TrainingPassed
from medkiosk.guide.page import Page


class Standing(StrEnum):
    """How somebody stands in a module."""

    CURRENT = "current"
    NEVER = "never"
    EXPIRED = "expired"
    CHANGED = "changed"
    GONE = "gone"
    """There is no such page any more, or it has no check."""


STANDING_WORDS: dict[Standing, str] = {
    Standing.CURRENT: "current",
    Standing.NEVER: "not passed yet",
    Standing.EXPIRED: "passed too long ago",
    Standing.CHANGED: "passed in an older version; the page has changed since",
    Standing.GONE: "this kiosk has no such check",
}


@dataclass(frozen=True)
class Stand:
    """One module of one person.

    Attributes:
        module: the page's id.
        standing: how they stand.
        passed: when, RFC 3339; empty where never.
        until: when it ends to count; None where it does not count now.
    """

    module: str
    standing: Standing
    passed: str = ""
    until: datetime | None = None


def standing(
    module: str, page: Page | None, last: TrainingPassed | None, now: datetime, valid_days: int
) -> Stand:
    """Say how somebody stands in one module.

    Args:
        module: the page's id.
        page: as it is now; None where there is none.
        last: their newest pass of it; None where there is none.
        now: see `medkiosk.daemon.consenting.not_before`.
        valid_days: how long a pass counts.
    """
    when = last.at if last else ""
    if page is None or not page.questions:
        return Stand(module, Standing.GONE, when)
    if last is None:
        return Stand(module, Standing.NEVER)
    if last.version.partition(".")[0] != str(page.version.major):
        return Stand(module, Standing.CHANGED, when)
    until = parse_rfc3339(last.at) + timedelta(days=valid_days)
    if now >= until:
        return Stand(module, Standing.EXPIRED, when)
    return Stand(module, Standing.CURRENT, when, until)


def missing(
    modules: Iterable[str],
    pages: Mapping[str, Page],
    passed: Mapping[str, TrainingPassed],
    now: datetime,
    valid_days: int,
) -> tuple[Stand, ...]:
    """Return the modules in which somebody is not current, each once; empty where they may go on."""
    stands = (
        standing(each, pages.get(each), passed.get(each), now, valid_days) for each in dict.fromkeys(modules)
    )
    return tuple(each for each in stands if each.standing is not Standing.CURRENT)


def refusal(act: str, lacking: Iterable[Stand], pages: Mapping[str, Page]) -> str:
    """Say why somebody may not act, which checks are missing, and which keys lead there.

    Args:
        act: the verb: approve, export.
        lacking: what `missing` returned, not empty.
        pages: for their titles.
    """
    lacking = tuple(lacking)
    parts = []
    for each in lacking:
        page = pages.get(each.module)
        name = f'"{page.title}"' if page else f'"{each.module}"'
        parts.append(f"{name}: {STANDING_WORDS[each.standing]}")
    words = f"to {act}, this department demands checks that you have not passed: {'; '.join(parts)}"
    if any(each.standing is Standing.GONE for each in lacking):
        return f"{words}. An administrator takes the page again (Guide, T), or proposes other settings"
    return f"{words}. Home, then Guide (O), choose the page, then Check (C)"

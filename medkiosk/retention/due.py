"""Whether something may be destroyed today, with the reason in words. Pure.

A hold beats all: nothing that is held is due, whatever its class, and no court order in a proposal changes
that before the hold is lifted. That something is due destroys nothing: it can be proposed, and two people
decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from medkiosk.core.ids import CaptureId, EncounterId, HoldId
from medkiosk.retention.classes import Term


@dataclass(frozen=True)
class Hold:
    """A legal hold that is in force."""

    hold_id: HoldId
    encounters: frozenset[EncounterId]
    captures: frozenset[CaptureId]

    def holds(self, encounter_id: EncounterId | None, captures: Iterable[CaptureId]) -> bool:
        """Tell whether it holds an encounter or one of some captures of it."""
        return encounter_id in self.encounters or not self.captures.isdisjoint(captures)


@dataclass(frozen=True)
class Verdict:
    """Whether something may be destroyed.

    Attributes:
        due: its time has come and nothing holds it.
        holds: what holds it.
        words: why, in a sentence.
    """

    due: bool
    holds: tuple[HoldId, ...]
    words: str


def judge(
    term: Term | None,
    holds: Sequence[Hold],
    encounter_id: EncounterId | None,
    captures: Iterable[CaptureId],
    today: date,
) -> Verdict:
    """Decide about an encounter, or about captures of one.

    Args:
        term: how long the encounter is kept; None for captures that belong to none: they are never due.
        holds: all that are in force.
        encounter_id: whose they are.
        captures: those in question; of a whole encounter, all of its.
        today: by the kiosk's clock.
    """
    captures = tuple(captures)
    holding = tuple(hold.hold_id for hold in holds if hold.holds(encounter_id, captures))
    if holding:
        return Verdict(False, holding, "A legal hold keeps it until the hold is lifted.")
    if term is None:
        return Verdict(False, (), "It belongs to no encounter, so no period has begun.")
    if term.due is None:
        return Verdict(False, (), f"Never due. {term.words}")
    if today < term.due:
        return Verdict(False, (), f"Not due before {term.due}. {term.words}")
    return Verdict(True, (), f"Due since {term.due}. {term.words}")

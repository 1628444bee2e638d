"""What the events say about how long things are kept, what holds them, and their disposal.

Nothing here says what is due: that is `medkiosk.retention`'s, and takes today's date. What was disposed of is
remembered by id, since the recall list and the audit trail go on naming it.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from medkiosk.core import lifecycle as life
from medkiosk.core.disposal import INITIAL, Step, is_over, leads_to
from medkiosk.core.ids import CaptureId, DisposalId, EncounterId, HoldId
from medkiosk.core.lifecycle import DisposalState

KeepingEvent = life.RetentionSet | life.HoldPlaced | life.HoldLifted | life.DisposalProposed | Step


class Disposal(msgspec.Struct):
    """One disposal.

    Attributes:
        proposed: what was asked for, by whom and why.
        decided: who said yes or no, and when.
        destroyed: how many objects and records are gone.
    """

    proposed: life.DisposalProposed
    state: DisposalState = INITIAL
    decided: life.DisposalApproved | life.DisposalRefused | None = None
    destroyed: int = 0
    finished: life.DisposalFinished | None = None


class Keeping(msgspec.Struct):
    """Classes, holds and disposals. Part of one catalogue; changed only by `take`.

    Attributes:
        classes: what somebody decided about each encounter, the last word.
        holds: those in force.
        bound: of each, the captures that it names, that its encounters had when it was placed, and that came
            to them since: wherever these are now, it keeps them.
        last: of encounters of whose person others were disposed of: the last day the person was seen.
        disposals: all, oldest first.
        gone: encounters and captures that were disposed of.
    """

    classes: dict[EncounterId, life.RetentionSet] = {}
    holds: dict[HoldId, life.HoldPlaced] = {}
    bound: dict[HoldId, set[CaptureId]] = {}
    last: dict[EncounterId, str] = {}
    disposals: dict[DisposalId, Disposal] = {}
    gone: set[str] = set()

    def take(self, event: KeepingEvent) -> str:
        """Take in the next event; return why it does not fit, or nothing."""
        match event:
            case life.RetentionSet():
                self.classes[event.encounter_id] = event
            case life.HoldPlaced():
                if event.hold_id in self.holds:
                    return "the hold exists"
                self.holds[event.hold_id] = event
                self.bound[event.hold_id] = set(event.captures)
            case life.HoldLifted():
                if self.holds.pop(event.hold_id, None) is None:
                    return "unknown hold"
                self.bound.pop(event.hold_id, None)
            case life.DisposalProposed():
                if event.disposal_id in self.disposals:
                    return "the disposal exists"
                self.disposals[event.disposal_id] = Disposal(event)
            case _:
                return self._step(event)
        return ""

    def _step(self, event: Step) -> str:
        if isinstance(event, life.Disposed):
            # Whatever else is known of the disposal: these are gone.
            self.gone.update(event.captures, event.encounters)
            for encounter_id in event.encounters:
                self.classes.pop(encounter_id, None)
                self.last.pop(encounter_id, None)
        if (disposal := self.disposals.get(event.disposal_id)) is None:
            return "unknown disposal"
        match event:
            case life.DisposalRefused() | life.DisposalApproved():
                disposal.decided = event
            case life.Disposed():
                disposal.destroyed += len(event.objects) + len(event.records)
                if event.encounters:
                    self._remember(disposal.proposed.seen)
            case life.DisposalFinished():
                disposal.finished = event
        disposal.state = leads_to(event)
        return ""

    def _remember(self, persons: tuple[life.LastSeen, ...]) -> None:
        for person in persons:
            for encounter_id in person.encounters:
                if encounter_id not in self.gone:
                    self.last[encounter_id] = max(person.day, self.last.get(encounter_id, ""))

    def came(self, encounter_id: EncounterId, captures: Iterable[CaptureId]) -> None:
        """Captures are an encounter's now: what holds it binds them, until it is lifted."""
        for hold in self.holds.values():
            if encounter_id in hold.encounters:
                self.bound[hold.hold_id].update(captures)

    def begun(self) -> list[Disposal]:
        """Disposals that were approved and are not finished: what they name is kept still."""
        return [
            disposal
            for disposal in self.disposals.values()
            if disposal.state is not INITIAL and not is_over(disposal.state)
        ]

    def in_disposal(self) -> dict[str, DisposalId]:
        """Encounters and captures that a disposal names that is neither refused nor finished."""
        return {
            id_: disposal_id
            for disposal_id, disposal in self.disposals.items()
            if not is_over(disposal.state)
            for id_ in (*disposal.proposed.encounters, *disposal.proposed.captures)
        }

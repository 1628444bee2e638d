"""The in-memory kiosk's retention: what is due, holds, and disposals that end at once."""

from __future__ import annotations

import msgspec

from medkiosk.core.errors import NotAllowedError
from medkiosk.core.ids import CaptureId, DisposalId, EncounterId, HoldId
from medkiosk.core.lifecycle import DisposalState, RetentionClass
from medkiosk.ipc import types as t
from tests.console.state import Kiosk

AT = "2026-11-22T08:00:00.000Z"
PROPOSED = t.DisposalInfo(
    disposal_id=DisposalId("8" * 32),
    at=AT,
    by="Olga Officer",
    reason="the period is over",
    authority="schedule",
    early=False,
    encounters=(EncounterId("e" * 32),),
    captures=2,
    state=DisposalState.PROPOSED,
    decided_by="",
    decided_at="",
    verdicts=("Erika Mustermann, 2 pictures: Due since 2026-01-01.",),
    judged=1,
    not_due=0,
    goes="2 pictures (6 files), 1 encounter, with names, answers and reviews: nobody can open them again.",
    remains=("Copies of the disk made before still open with two recovery sheets.",),
    drives=("Blue disk",),
    destroyed=0,
    finished_at="",
)


class Retention:
    """The part of the `Api` about it."""

    _kiosk: Kiosk

    def set_retention(
        self, encounter_id: EncounterId, retention: RetentionClass, reason: str, until: str = ""
    ) -> t.RetentionInfo:
        if until == "soon":
            raise NotAllowedError(reason="an end is written YYYY-MM-DD")
        self._kiosk.terms[encounter_id] = t.RetentionInfo(
            encounter_id=encounter_id, retention=retention, due=until, words=f"{reason}; until {until}."
        )
        return self._kiosk.terms[encounter_id]

    def get_retention(self, encounter_id: EncounterId) -> t.RetentionInfo:
        fresh = t.RetentionInfo(
            encounter_id=encounter_id,
            retention=RetentionClass.ADULT,
            due="2034-11-23",
            words="Not due before 2034-11-23. The subject was 42 when last seen, on 2026-11-22: kept for 8"
            " years, as adult records are.",
        )
        return self._kiosk.terms.get(encounter_id, fresh)

    def place_hold(
        self,
        encounters: tuple[EncounterId, ...],
        captures: tuple[CaptureId, ...],
        reason: str,
        authority: str,
    ) -> t.HoldInfo:
        hold = t.HoldInfo(
            hold_id=HoldId("7" * 32),
            at=AT,
            by="Olga Officer",
            encounters=encounters,
            captures=captures,
            reason=reason,
            authority=authority,
        )
        self._kiosk.holds = (*self._kiosk.holds, hold)
        self._kiosk.due = tuple(
            msgspec.structs.replace(item, held=(hold.hold_id,)) if item.encounter_id in encounters else item
            for item in self._kiosk.due
        )
        return hold

    def lift_hold(self, hold_id: HoldId, reason: str) -> t.Holds:
        self._kiosk.holds = tuple(hold for hold in self._kiosk.holds if hold.hold_id != hold_id)
        self._kiosk.due = tuple(msgspec.structs.replace(item, held=()) for item in self._kiosk.due)
        return self.list_holds()

    def list_holds(self) -> t.Holds:
        return t.Holds(holds=self._kiosk.holds)

    def list_due(self, offset: int = 0, limit: int = 200) -> t.DueList:
        return t.DueList(items=self._kiosk.due[offset:][:limit], total=len(self._kiosk.due))

    def propose_disposal(
        self,
        encounters: tuple[EncounterId, ...],
        captures: tuple[CaptureId, ...],
        reason: str,
        authority: str,
        early: bool = False,
    ) -> t.DisposalInfo:
        if any(item.held for item in self._kiosk.due if item.encounter_id in encounters):
            raise NotAllowedError(reason="A legal hold keeps 1 of 1; it must be lifted first.")
        self._kiosk.calls.append(" ".join(("propose", *captures)))
        info = msgspec.structs.replace(
            PROPOSED, reason=reason, authority=authority, early=early, encounters=encounters
        )
        self._kiosk.due = tuple(item for item in self._kiosk.due if item.encounter_id not in encounters)
        self._kiosk.disposals = (info, *self._kiosk.disposals)
        return info

    def refuse_disposal(self, disposal_id: DisposalId, reason: str) -> t.DisposalInfo:
        return self._decide(disposal_id, DisposalState.REFUSED)

    def approve_disposal(self, disposal_id: DisposalId) -> t.DisposalInfo:
        return self._decide(disposal_id, DisposalState.FINISHED)

    def _decide(self, disposal_id: DisposalId, state: DisposalState) -> t.DisposalInfo:
        self._kiosk.disposals = tuple(
            msgspec.structs.replace(each, state=state, decided_by="Rita Reviewer", decided_at=AT)
            if each.disposal_id == disposal_id
            else each
            for each in self._kiosk.disposals
        )
        return self._kiosk.disposals[0]

    def get_disposal(self, disposal_id: DisposalId) -> t.DisposalInfo:
        [found] = [each for each in self._kiosk.disposals if each.disposal_id == disposal_id]
        return found

    def list_disposals(self, offset: int = 0, limit: int = 50) -> t.DisposalList:
        found = self._kiosk.disposals
        return t.DisposalList(disposals=found[offset:][:limit], total=len(found))

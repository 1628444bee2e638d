"""Who said that what is another patient's, and what became of it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec

from medkiosk.core.correction import INITIAL, next_state
from medkiosk.core.correctionevents import CorrectionDecided, CorrectionProposed, CorrectionState
from medkiosk.core.ids import CaptureId, CorrectionId, EncounterId


class Correction(msgspec.Struct):
    """One correction."""

    proposed: CorrectionProposed
    state: CorrectionState = INITIAL
    decided: CorrectionDecided | None = None


class Corrections(msgspec.Struct):
    """All corrections, oldest first. Part of one catalogue; changed only by `take` and `forget`."""

    all: dict[CorrectionId, Correction] = {}

    def take(self, event: CorrectionProposed | CorrectionDecided) -> str:
        """Take in the next event; return why it does not fit, or nothing."""
        correction = self.all.get(event.correction_id)
        if isinstance(event, CorrectionProposed):
            if correction is not None:
                return "the correction exists"
            self.all[event.correction_id] = Correction(event)
            return ""
        if correction is None:
            return "unknown correction"
        after = next_state(correction.state, event.outcome)
        if after is None:
            return f"not possible while {correction.state}"
        correction.state, correction.decided = after, event
        return ""

    def open(self) -> Iterator[CorrectionProposed]:
        """Those that nobody has decided about, oldest first."""
        return (each.proposed for each in self.all.values() if each.state is CorrectionState.PROPOSED)

    def doubt(self, capture_id: CaptureId, encounter_id: EncounterId | None) -> CorrectionId | None:
        """The open correction that says of a picture, or of the encounter it is in, that it is another's."""
        for each in self.open():
            if capture_id in each.captures or (not each.captures and each.encounter_id == encounter_id):
                return each.correction_id
        return None

    def forget(self, captures: Collection[str], encounters: Collection[EncounterId]) -> None:
        """Let go of those that were only about what is disposed of, as `medkiosk.retention.scope` says.

        Args:
            captures: all that were ever disposed of.
            encounters: those that are now.
        """
        self.all = {
            id_: each
            for id_, each in self.all.items()
            if not (
                set(captures).issuperset(each.proposed.captures)
                if each.proposed.captures
                else each.proposed.encounter_id in encounters
            )
        }

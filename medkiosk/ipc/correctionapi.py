"""What clients may ask about who a patient is; a part of `medkiosk.ipc.api.Api`."""

from __future__ import annotations

from typing import Protocol

from medkiosk.core.capability import Capability
from medkiosk.core.consent import Subject
from medkiosk.core.correctionevents import Outcome
from medkiosk.core.ids import CaptureId, CorrectionId, EncounterId
from medkiosk.ipc import types as t
from medkiosk.ipc.marking import method


class CorrectionApi(Protocol):
    """Who a patient is, and what to do when it was the wrong one."""

    @method(needs=Capability.RECORD, secret=("subject",))
    def check_subject(self, subject: Subject) -> t.SubjectCheck:
        """What is known of a patient who is about to be written down, and who is easily mistaken for them."""
        ...

    @method(needs=Capability.SEE_CATALOGUE, secret=("text",))
    def read_scan(self, text: str) -> t.ScanInfo:
        """Whose wristband a barcode scanner read, and which encounters they have."""
        ...

    @method(needs=Capability.RECORD, secret=("reason",))
    def propose_correction(
        self, encounter_id: EncounterId, captures: tuple[CaptureId, ...], reason: str
    ) -> t.CorrectionInfo:
        """Say that pictures of one patient are another one's, of this encounter; a second person decides.

        Until then nothing of them is approved or leaves.
        """
        ...

    @method(needs=Capability.RECORD, secret=("subject", "reason"))
    def propose_identity(
        self, encounter_id: EncounterId, subject: Subject, reason: str, confirmed: str = ""
    ) -> t.CorrectionInfo:
        """Say that an encounter is of somebody else than was written down; a second person decides.

        ``confirmed`` as in `create_encounter`.
        """
        ...

    @method(needs=Capability.DECIDE_CORRECTION, secret=("reason",))
    def decide_correction(
        self, correction_id: CorrectionId, outcome: Outcome, reason: str = ""
    ) -> t.CorrectionInfo:
        """Say yes or no, as a second person; a no needs a reason."""
        ...

    @method(needs=Capability.RECORD, secret=("reason",))
    def take_back_correction(self, correction_id: CorrectionId, reason: str = "") -> t.CorrectionInfo:
        """Take back what one proposed oneself."""
        ...

    @method(needs=Capability.SEE_CATALOGUE)
    def list_corrections(self, offset: int = 0, limit: int = 50) -> t.CorrectionList:
        """Corrections, those that wait first, then the newest."""
        ...

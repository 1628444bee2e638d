"""One connection's face of who a patient is. A part of `Service`."""

from __future__ import annotations

from medkiosk.access.need import Action
from medkiosk.core.accessevents import Listing
from medkiosk.core.consent import Subject
from medkiosk.core.correctionevents import Outcome
from medkiosk.core.errors import BadRequestError, NotAllowedError
from medkiosk.core.ids import CaptureId, CorrectionId, EncounterId
from medkiosk.daemon import correcting, identifying
from medkiosk.daemon.connection import Connection
from medkiosk.ipc import types as t

_BY_GLASS = (
    "you see this only by a broken glass, and that is for treating a patient now; somebody else decides whose"
    " pictures these are"
)


class CorrectionService(Connection):
    """The methods of `medkiosk.ipc.correctionapi.CorrectionApi`."""

    def check_subject(self, subject: Subject) -> t.SubjectCheck:
        """See `CorrectionApi.check_subject`."""
        return identifying.check(self._kiosk, self._living, subject)

    def read_scan(self, text: str) -> t.ScanInfo:
        """See `CorrectionApi.read_scan`."""
        scan = identifying.read_scan(self._kiosk, self._living, text)
        if scan.mrn:
            self._kiosk.searches.told(self._living, Listing.SCAN, scan.mrn, scan.encounters)
        return scan

    def propose_correction(
        self, encounter_id: EncounterId, captures: tuple[CaptureId, ...], reason: str
    ) -> t.CorrectionInfo:
        """See `CorrectionApi.propose_correction`."""
        self._need(Action.RECORD, encounter_id, *captures)
        return correcting.propose(self._kiosk, self._living, encounter_id, captures, reason)

    def propose_identity(
        self, encounter_id: EncounterId, subject: Subject, reason: str, confirmed: str = ""
    ) -> t.CorrectionInfo:
        """See `CorrectionApi.propose_identity`."""
        self._need(Action.RECORD, encounter_id)
        return correcting.propose_identity(
            self._kiosk, self._living, encounter_id, subject, reason, confirmed
        )

    def decide_correction(
        self, correction_id: CorrectionId, outcome: Outcome, reason: str = ""
    ) -> t.CorrectionInfo:
        """See `CorrectionApi.decide_correction`."""
        if outcome is Outcome.TAKEN_BACK:
            raise BadRequestError(detail="a second person says yes or no; who proposed takes back")
        if self._need(Action.NAME, *correcting.encounters_of(self._kiosk, correction_id)):
            raise NotAllowedError(reason=_BY_GLASS)
        return correcting.decide(self._kiosk, self._living, correction_id, outcome, reason)

    def take_back_correction(self, correction_id: CorrectionId, reason: str = "") -> t.CorrectionInfo:
        """See `CorrectionApi.take_back_correction`."""
        return correcting.decide(self._kiosk, self._living, correction_id, Outcome.TAKEN_BACK, reason)

    def list_corrections(self, offset: int = 0, limit: int = 50) -> t.CorrectionList:
        """See `CorrectionApi.list_corrections`."""
        found = correcting.corrections(self._kiosk, self._living, offset, limit)
        return self._listed(Listing.CORRECTIONS, found)

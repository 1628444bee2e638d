"""What crosses the socket about who a patient is. Clients use it through `medkiosk.ipc.types`."""

from __future__ import annotations

from medkiosk.core.consent import Purpose, Subject
from medkiosk.core.correctionevents import CorrectionState
from medkiosk.core.ids import AccountId, CaptureId, CorrectionId, EncounterId
from medkiosk.ipc.storetypes import Wire


class SimilarInfo(Wire, frozen=True):
    """Another patient who may be mistaken for the one on the form; ``words`` says why."""

    encounter_id: EncounterId
    subject: Subject
    words: str


class SubjectCheck(Wire, frozen=True):
    """What is known of what stands on a form (docs/identity.md).

    Attributes:
        subject: as it would be kept: the number in its normal form; of a known patient, as written last.
        problem: why it cannot be kept at all, in words; empty where it can.
        known: the patient was here before, and this is how they were written.
        conflict: the number is known with this other name or birth date.
        similar: others who may be meant, or be mistaken for them.
        token: to be given back to `create_encounter` by whoever looked at all of this; empty where there is
            nothing to look at.
    """

    subject: Subject
    problem: str = ""
    known: bool = False
    conflict: Subject | None = None
    similar: tuple[SimilarInfo, ...] = ()
    token: str = ""


class ScanInfo(Wire, frozen=True):
    """What a barcode scanner read.

    Attributes:
        mrn: the number in its normal form; empty where it is no patient's.
        issuers: who may have issued it; none where any may have.
        words: why it is no patient's number; empty where it is.
        encounters: that patient's encounters here, newest first.
    """

    mrn: str = ""
    issuers: tuple[str, ...] = ()
    words: str = ""
    encounters: tuple[EncounterId, ...] = ()


class LeftInfo(Wire, frozen=True):
    """Pictures of a correction that left under the wrong patient."""

    recipient: str
    at: str
    purpose: Purpose
    pictures: int
    perhaps: bool


class CorrectionInfo(Wire, frozen=True):
    """One correction, with what the second person has to know.

    Attributes:
        by: who proposed it; ``by_id`` is their account.
        captures: which pictures; none where it is about the identity of the encounter.
        names: of the pictures, as the camera named them.
        encounter_id: where the pictures belong, or whose identity it is.
        before: whom they, or the encounter, are under now, each patient once.
        after: whom they belong to.
        approved: pictures that lose their approval.
        left: what left under the wrong patient, oldest first.
        needs: what follows from a yes, in words.
        obstacles: why it cannot be done as proposed any more, in words.
    """

    correction_id: CorrectionId
    at: str
    by: str
    by_id: AccountId
    reason: str
    state: CorrectionState
    encounter_id: EncounterId
    captures: tuple[CaptureId, ...]
    names: tuple[str, ...]
    before: tuple[Subject, ...]
    after: Subject
    approved: int
    left: tuple[LeftInfo, ...]
    needs: tuple[str, ...]
    obstacles: tuple[str, ...]
    decided_by: str = ""
    decided_at: str = ""
    decision: str = ""


class CorrectionList(Wire, frozen=True):
    """A page of corrections, newest first; ``total`` counts all, ``open`` those that wait."""

    corrections: tuple[CorrectionInfo, ...]
    total: int
    open: int

"""What can happen when pictures or an encounter are of another patient (docs/identity.md section 5)."""

from __future__ import annotations

from enum import StrEnum

from medkiosk.core.consent import Subject
from medkiosk.core.event import Event
from medkiosk.core.ids import CaptureId, CorrectionId, EncounterId


class CorrectionState(StrEnum):
    """Where a correction stands (`medkiosk.core.correction`)."""

    PROPOSED = "proposed"
    DONE = "done"
    REFUSED = "refused"
    TAKEN_BACK = "taken_back"


class Outcome(StrEnum):
    """How a correction was decided."""

    APPROVED = "approved"  # by a second person
    REFUSED = "refused"  # by a second person
    TAKEN_BACK = "taken back"  # by the first one


class CorrectionProposed(Event, frozen=True, tag="correction.proposed", omit_defaults=True):
    """Somebody says that pictures, or a whole encounter, are of another patient; a second person decides.

    Attributes:
        encounter_id: to which the pictures belong; or whose identity is wrong.
        captures: the pictures; none where it is about the identity of the encounter.
        whose: the encounter of each of them when it was proposed.
        before: identity of the encounter when it was proposed; for identities only.
        subject: what it is to be; for identities only.
    """

    correction_id: CorrectionId
    encounter_id: EncounterId
    reason: str
    captures: tuple[CaptureId, ...] = ()
    whose: tuple[EncounterId, ...] = ()
    before: Subject | None = None
    subject: Subject | None = None


class CorrectionDecided(Event, frozen=True, tag="correction.decided", omit_defaults=True):
    """Somebody said yes or no to a correction; after a yes, what it changes is in the same transaction.

    Attributes:
        encounter_id: that of the proposal.
        outcome: yes, no, or taken back.
        captures: those of the proposal; after a yes about an identity, all that were in the encounter. After
            a yes their approvals end.
        identity: whether it was about the identity of the encounter.
    """

    correction_id: CorrectionId
    encounter_id: EncounterId
    outcome: Outcome
    captures: tuple[CaptureId, ...] = ()
    identity: bool = False
    reason: str = ""


class SubjectCorrected(Event, frozen=True, tag="subject.corrected"):
    """An encounter is of this subject; what was written down before does not count any more."""

    encounter_id: EncounterId
    subject: Subject
    correction_id: CorrectionId


AnyCorrection = CorrectionProposed | CorrectionDecided | SubjectCorrected

"""Pictures and patients put right by two people, as tests need it."""

from __future__ import annotations

from medkiosk.core.consent import Subject
from medkiosk.core.correctionevents import Outcome
from medkiosk.core.ids import CaptureId, EncounterId
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import CorrectionInfo, EncounterInfo


def moved(
    first: Client, second: Client, to: EncounterId, captures: tuple[CaptureId, ...], reason: str
) -> CorrectionInfo:
    """One proposes that pictures are another patient's, the other approves."""
    proposed = first.propose_correction(to, captures, reason)
    return second.decide_correction(proposed.correction_id, Outcome.APPROVED)


def written(client: Client, subject: Subject, label: str) -> EncounterInfo:
    """An encounter, by somebody who looked at the similar patients and says that it is none of them."""
    looked = client.check_subject(subject)
    return client.create_encounter(subject, label, confirmed=looked.token)

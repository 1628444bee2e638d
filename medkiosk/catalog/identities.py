"""What follows in the catalogue when an encounter is of another patient than was written down."""

from __future__ import annotations

from operator import attrgetter

import msgspec

from medkiosk.catalog.index import Holdings
from medkiosk.core.consent import subject_key
from medkiosk.core.correctionevents import CorrectionDecided, Outcome, SubjectCorrected
from medkiosk.core.ids import EncounterId
from medkiosk.core.photo import ReviewState


def correct_subject(held: Holdings, event: SubjectCorrected) -> str:
    """Take a corrected identity; return why it does not fit, or nothing.

    The encounter's answers go with it, and exports remember whose it was when they left.
    """
    encounter = held.encounters.get(event.encounter_id)
    if encounter is None:
        return "unknown encounter"
    before, after = subject_key(encounter.subject), subject_key(event.subject)
    if before != after:
        held.outside.corrected(event.encounter_id, encounter.subject)
        mine = [view for view in held.said.get(before, []) if view.encounter_id == event.encounter_id]
        unsay(held, before, event.encounter_id)
        if mine:
            # In recorded order, as if they had been this patient's from the beginning.
            held.said[after] = sorted([*held.said.get(after, []), *mine], key=attrgetter("at"))
    encounter.created = msgspec.structs.replace(encounter.created, subject=event.subject)
    held.identities += 1
    return ""


def unsay(held: Holdings, person: tuple[str, str], encounter_id: EncounterId) -> None:
    """Take an encounter's answers from those of a person, see `subject_key`."""
    if left := [view for view in held.said.get(person, []) if view.encounter_id != encounter_id]:
        held.said[person] = left
    else:
        held.said.pop(person, None)


def decided(held: Holdings, event: CorrectionDecided) -> str:
    """Take a yes or no; after a yes approvals end, since the pictures were compared with another name."""
    words = held.corrections.take(event)
    for capture_id in event.captures if event.outcome is Outcome.APPROVED else ():
        if (capture := held.captures.get(capture_id)) is None:
            continue
        if capture.state in (ReviewState.APPROVED, ReviewState.NEEDS_SECOND):
            capture.state = ReviewState.PROPOSED
        detail = held.shelf.change(capture)
        detail.approved, detail.votes = None, ()
    return words

"""What the catalogue lets go of when pictures and encounters are destroyed, or a picture is moved."""

from __future__ import annotations

from collections.abc import Iterable

from medkiosk.catalog.holdings import Capture
from medkiosk.catalog.identities import unsay
from medkiosk.catalog.index import Holdings, short
from medkiosk.catalog.packed import detail_of
from medkiosk.catalog.problems import without
from medkiosk.core.consent import subject_key
from medkiosk.core.ids import CaptureId, EncounterId, ObjectId


def forget(
    held: Holdings,
    captures: Iterable[CaptureId],
    encounters: Iterable[EncounterId],
    objects: Iterable[ObjectId],
) -> None:
    """Let go of what was disposed of, as if its records had never been there; unknown ids are fine.

    A kiosk that reads its records again meets what still names these (an assignment, a copy found on
    another card) before it meets the word of their disposal: such problems are taken back, too.
    """
    captures, encounters = set(captures), set(encounters)
    held.outside.forget(captures, encounters)
    held.corrections.forget({*captures, *held.keeping.gone}, encounters)
    held.sites.forget(captures, encounters)
    gone = [held.captures.pop(id_) for id_ in captures if id_ in held.captures]
    for capture in gone:
        _forget_capture(held, capture)
    for import_id in {capture.import_id for capture in gone}:
        import_ = held.imports[import_id]
        import_.captures = [each for each in import_.captures if each.capture_id not in captures]
        import_.slated = any(detail_of(each).seen is not None for each in import_.captures)
    numbers = {capture.number for capture in gone}
    for import_ in held.imports.values() if numbers else ():
        import_.files.drop(numbers, captures)
    for encounter_id in encounters:
        _forget_encounter(held, encounter_id)
    named = {*captures, *encounters, *objects}
    kept = (without(problem, named) for problem in held.problems)
    held.problems = [problem for problem in kept if problem is not None]


def unassign(held: Holdings, capture: Capture) -> None:
    """Take a capture from its encounter, if it has one."""
    if capture.encounter_id is not None:
        held.imports[capture.import_id].assigned -= 1
        held.encounters[capture.encounter_id].captures.pop(capture.capture_id, None)
        capture.encounter_id = None


def _forget_capture(held: Holdings, capture: Capture) -> None:
    for file in detail_of(capture).originals:
        held.objects.discard(short(file.object_id))
    held.shelf.drop(capture)
    held.numbered[capture.number] = None
    held.waiting.pop(capture.capture_id, None)
    unassign(held, capture)


def _forget_encounter(held: Holdings, encounter_id: EncounterId) -> None:
    if (encounter := held.encounters.pop(encounter_id, None)) is None:
        return
    held.circle.forget(encounter_id)
    for capture in encounter.captures.values():  # of those that stay, nobody says any more whose they are
        capture.encounter_id = None
        held.imports[capture.import_id].assigned -= 1
    held.identities += 1
    unsay(held, subject_key(encounter.subject), encounter_id)

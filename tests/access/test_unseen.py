"""What one must not see stays so when pictures are moved and patients are typed, on the real daemon.

After the others of this folder: it leaves encounters behind.
"""

from __future__ import annotations

import msgspec
import pytest

from medkiosk.core.correctionevents import Outcome
from medkiosk.core.ids import EncounterId
from medkiosk.ipc.wire import RemoteError
from tests.access.hospital import INTIMATE, PLAIN, Hospital

NO_RIGHT = "a right of its own"


def restricted(here: Hospital, encounter_id: EncounterId) -> bool:
    [found] = here.logged_in("ines").get_encounters((encounter_id,)).encounters
    return found.restricted


def test_intimate_pictures_take_their_class_along(here: Hospital) -> None:
    pat, ines = here.logged_in("pat"), here.logged_in("ines")
    other = pat.create_encounter(INTIMATE, "again", "skin").encounter_id
    assert not restricted(here, other)
    assert pat.assign(other, (here.of_intimate,), "the same patient").restricted
    with pytest.raises(RemoteError, match=NO_RIGHT):
        pat.get_preview(here.of_intimate)
    with pytest.raises(RemoteError, match=NO_RIGHT):
        pat.lift_restriction(other, "I want to look")
    ines.lift_restriction(other, "it was the arm")
    assert pat.get_preview(here.of_intimate)[1]
    ines.assign(here.intimate, (here.of_intimate,), "back")
    assert not restricted(here, other), "from there it took nothing along"


def test_so_they_do_when_two_people_move_them_to_another_patient(here: Hospital) -> None:
    pat, ines = here.logged_in("pat"), here.logged_in("ines")
    moved = pat.propose_correction(here.plain, (here.of_intimate,), "the other patient's")
    ines.decide_correction(moved.correction_id, Outcome.APPROVED)
    assert restricted(here, here.plain)
    with pytest.raises(RemoteError, match=NO_RIGHT):
        pat.get_preview(here.of_intimate)
    back = pat.propose_correction(here.intimate, (here.of_intimate,), "it was not")
    ines.decide_correction(back.correction_id, Outcome.APPROVED)
    ines.lift_restriction(here.plain, "nothing intimate is left")


def asked(here: Hospital) -> int:
    lines = here.logged_in("audi").list_events(0, 5000).events
    return sum(line.type == "patient.asked_for" for line in lines)


def test_a_form_says_the_same_whether_a_hidden_patient_was_guessed_or_not(here: Hospital) -> None:
    otto = here.logged_in("otto")
    right = msgspec.structs.replace(PLAIN, birth_date="")
    wrong = msgspec.structs.replace(PLAIN, name="Somebody Else", birth_date="1970-01-01")
    new = msgspec.structs.replace(PLAIN, mrn="1000009")
    before = asked(here)
    for typed in (PLAIN, right, wrong, new):
        found = otto.check_subject(typed)
        assert found == type(found)(subject=typed)
    assert asked(here) == before, "nothing was said"
    with pytest.raises(RemoteError, match="of whose team you are not") as refused:
        otto.create_encounter(wrong, "eye", "eyes")
    assert PLAIN.name not in str(refused.value)
    assert asked(here) == before + 1
    made = otto.create_encounter(right, "eye", "eyes")
    assert made.subject == right, "the birth date that is known does not come back"
    assert asked(here) == before + 2, "nor is a right guess without a record"

"""Who a patient is, at the console: similar patients, wristbands, and corrections by two people."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from textual import events
from textual.pilot import Pilot

from medkiosk.console.screens.encounter import EncounterScreen
from medkiosk.console.widgets.field import Field
from medkiosk.core.consent import Purpose, Subject
from medkiosk.core.correctionevents import CorrectionState
from medkiosk.core.events import Role
from medkiosk.ipc.client import connect
from medkiosk.ipc.types import EncounterInfo, LeftInfo
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.state import PASSPHRASE
from tests.console.test_screens import console

ERIKA = Subject(mrn="9434765919", issuer="NHS", name="Mustermann, Erika", birth_date="1961-03-09")
ADA = Subject(mrn="4010232137", issuer="NHS", name="Example, Ada", birth_date="1985-12-24")


@pytest.fixture
def erika(running: RunningKiosk) -> EncounterInfo:
    """Erika with all photos but the last, and Ada with none."""
    running.kiosk.hire("pat", "Pat Photographer", Role.PHOTOGRAPHER)
    with connect(running.path) as rita:
        rita.login("rita", PASSPHRASE)
        rita.create_encounter(ADA, "hand")
        made = rita.create_encounter(ERIKA, "left forearm")
        return rita.assign(made.encounter_id, tuple(running.kiosk.photos)[:-1])


async def fill(pilot: Pilot[Any], *values: str) -> None:
    for value in values:
        await flows.type_text(pilot, value)
        await pilot.press("enter")


async def at_form(pilot: Pilot[Any], *, issuer: str | None = None) -> None:
    """From Home to an empty form; with another issuer than the one that stands there, if given."""
    await flows.log_in(pilot, "rita")
    await pilot.press("e")
    await flows.until_text(pilot, "Mustermann, Erika")
    await pilot.press("n")
    await flows.until_screen(pilot, "EncounterScreen")
    if issuer is not None:
        await clear(pilot, "issuer", issuer)


def field(pilot: Pilot[Any], name: str) -> str:
    return pilot.app.screen.query_one(f"#{name}", Field).value


async def clear(pilot: Pilot[Any], name: str, value: str) -> None:
    pilot.app.screen.query_one(f"#{name}", Field).value = value
    await pilot.pause()


async def test_a_similar_patient_is_shown_and_a_hurried_enter_takes_nobody(
    running: RunningKiosk, erika: EncounterInfo
) -> None:
    async with console(running.path, size=(80, 24)) as pilot:
        await at_form(pilot, issuer="")
        await fill(pilot, "77", "Elsewhere", "Erika Musterman", "1961-09-03")
        await pilot.press("f2")
        await flows.until_text(pilot, "Is it one of these patients?")
        await flows.until_text(pilot, "born 1961-03-09, MRN 9434765919 (NHS)")
        await pilot.press("enter", "enter")
        await flows.until_text(pilot, "Is it one of these patients?")
        assert len(running.kiosk.encounters) == 2
        await pilot.press("escape")
        await flows.until_text(pilot, "Nothing was saved.")
        await pilot.press("f2")
        await flows.until_text(pilot, "Is it one of these patients?")
        await pilot.press("n")
        await flows.until_screen(pilot, "ConsentScreen")
        newest = next(iter(running.kiosk.encounters.values()))
        assert (newest.subject.mrn, newest.subject.birth_date) == ("77", "1961-09-03")


async def test_the_similar_patient_is_the_one_that_is_meant(
    running: RunningKiosk, erika: EncounterInfo
) -> None:
    async with console(running.path, size=(80, 24)) as pilot:
        await at_form(pilot, issuer="")
        await fill(pilot, "77", "Elsewhere", "Erika Musterman", "1961-03-09")
        await pilot.press("f2")
        await flows.until_text(pilot, "Is it one of these patients?")
        await pilot.press("down", "enter")
        await flows.until_screen(pilot, "ConsentScreen")
        assert next(iter(running.kiosk.encounters.values())).subject == ERIKA


async def test_a_known_number_with_another_name_asks_which_is_right(
    running: RunningKiosk, erika: EncounterInfo
) -> None:
    async with console(running.path, size=(80, 24)) as pilot:
        await at_form(pilot)
        await fill(pilot, "9434765918")
        await fill(pilot, "", "Erika Beispiel", "1961-03-09")
        await pilot.press("f2")
        await flows.until_text(pilot, "its check digit is wrong")
        await clear(pilot, "mrn", "943 476 5919")
        await pilot.press("f2")
        await flows.until_screen(pilot, "SettleConflict")
        await flows.until_text(pilot, "Name Mustermann, Erika Erika Beispiel")
        await pilot.press("escape")
        await flows.until_text(pilot, "Compare the number with the wristband")
        assert len(running.kiosk.encounters) == 2
        await pilot.press("f2")
        await flows.until_screen(pilot, "SettleConflict")
        await pilot.press("t")
        await flows.until_text(pilot, "Why is what is typed right?")
        await fill(pilot, "married since")
        await flows.until_screen(pilot, "ConsentScreen")
        assert next(iter(running.kiosk.encounters.values())).subject.name == "Erika Beispiel"


async def scan(pilot: Pilot[Any], code: str, end: str = "enter") -> None:
    """As a scanner types: keys right after one another, by the application's own way in."""
    app = flows.app_of(pilot)
    for each in (*code, end):
        key = {"]": "right_square_bracket", "+": "plus", "/": "slash"}.get(each, each)
        app.post_message(events.Key(key, each if len(each) == 1 else "\r"))
    await pilot.pause()


async def test_a_wristband_goes_to_the_number_wherever_the_cursor_is(
    running: RunningKiosk, erika: EncounterInfo
) -> None:
    async with console(running.path, size=(80, 24)) as pilot:
        await at_form(pilot, issuer="Elsewhere")
        pilot.app.screen.query_one("#label").focus()
        await pilot.pause()
        await flows.type_text(pilot, "left arm")
        await scan(pilot, "]C04010232137")
        await flows.until_text(pilot, "This patient was here before.")
        assert (field(pilot, "mrn"), field(pilot, "issuer")) == ("4010232137", "NHS")
        assert field(pilot, "label") == "left arm"
        assert isinstance(pilot.app.screen, EncounterScreen), "its Enter saved nothing"
        await scan(pilot, "]C18017950110153001083462")
        await flows.until_text(pilot, "member of staff")
        assert field(pilot, "mrn") == "4010232137"
        await scan(pilot, "9434765919", "tab")
        await flows.until(pilot, lambda: field(pilot, "mrn") == "9434765919", "not taken")
        # In its own field it stays, the next keys are the next field's, and what is no patient's goes again.
        await clear(pilot, "mrn", "")
        pilot.app.screen.query_one("#mrn").focus()
        await pilot.pause()
        await scan(pilot, "]C04010232137")
        await flows.until(pilot, lambda: field(pilot, "mrn") == "4010232137", "not taken")
        assert pilot.app.focused is pilot.app.screen.query_one("#issuer")
        await clear(pilot, "mrn", "")
        pilot.app.screen.query_one("#mrn").focus()
        await pilot.pause()
        await scan(pilot, "]C18017950110153001083462")
        await flows.until(pilot, lambda: field(pilot, "mrn") == "", "a card of staff is no patient")
        assert len(running.kiosk.encounters) == 2


async def test_a_hand_is_no_scanner_and_words_are_no_codes(
    running: RunningKiosk, erika: EncounterInfo
) -> None:
    async with console(running.path, size=(80, 24)) as pilot:
        await at_form(pilot)
        pilot.app.screen.query_one("#name").focus()
        await pilot.pause()
        await scan(pilot, "Mustermann")
        await flows.until(pilot, lambda: field(pilot, "name") == "Mustermann", "typing was taken away")
        assert not [each for each in running.kiosk.calls if each.startswith("read_scan")]
        assert pilot.app.focused is pilot.app.screen.query_one("#birth_date"), "Enter went on"
        await scan(pilot, "1961-03-09")
        await flows.until(pilot, lambda: field(pilot, "birth_date") == "1961-03-09", "a date is no code")


async def test_a_wristband_on_a_list_shows_that_patient_and_is_no_command(
    running: RunningKiosk, erika: EncounterInfo
) -> None:
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("e")
        await flows.until_text(pilot, "2 encounters, newest first")
        await scan(pilot, "4010232137")
        await flows.until_text(pilot, "The patient of the wristband.")
        await flows.until_text(pilot, "1 encounter")
        assert "Mustermann" not in flows.text(pilot)
        await pilot.press("escape")
        await flows.until_text(pilot, "Mustermann, Erika")
        await scan(pilot, "+/EAH783B")
        await flows.until_text(pilot, "not a patient")
        assert pilot.app.screen.__class__.__name__ == "EncountersScreen", "its letters were no keys"
        await pilot.press("escape", "i")
        await flows.until_screen(pilot, "ImportsScreen")
        await flows.until_text(pilot, "IMG_0001")
        await scan(pilot, "9434765919")
        await flows.until_text(pilot, "The patient of the wristband.")
        assert "Example, Ada" not in flows.text(pilot)


async def test_photos_of_the_wrong_patient_are_moved_by_two_people(
    running: RunningKiosk, erika: EncounterInfo
) -> None:
    running.kiosk.left = (
        LeftInfo(
            recipient="Dr. Anna Example",
            at="2026-11-20T08:00:00.000Z",
            purpose=Purpose.TEACHING_RESEARCH,
            pictures=1,
            perhaps=False,
        ),
    )
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "pat")
        await pilot.press("i")
        await flows.until_text(pilot, "Mustermann")
        await pilot.press("enter", "space", "a")
        await flows.until_text(pilot, "Whose photo is this?")
        await flows.until_text(pilot, "Example, Ada")
        await pilot.press("down", "enter")
        await flows.until_text(pilot, "If it is another patient's, a second person")
        await fill(pilot, "typed the wrong one")
        await flows.until_screen(pilot, "CorrectionsScreen")
        await flows.until_text(pilot, "WAITS for a second person")
        await flows.until_text(pilot, "HAS LEFT")
        await pilot.press("y")
        await flows.until_text(pilot, "Is that right?")
        await pilot.press("y")
        await flows.until_text(pilot, "NOT DONE: You may not do this")
        await pilot.press("f9")
        await flows.log_in(pilot, "rita")
        await pilot.press("c")
        await flows.until_text(pilot, "Dr. Anna Example")
        await pilot.press("y")
        await flows.until_text(pilot, "Is that right?")
        await pilot.press("y")
        await flows.until_text(pilot, "the recall list has them")
        [done] = running.kiosk.corrections.values()
        assert (done.state, done.decided_by) == (CorrectionState.DONE, "Rita Reviewer")
        assert next(iter(running.kiosk.photos.values())).info.encounter_id == done.encounter_id
        await pilot.press("n")
        await flows.until_text(pilot, "Choose a correction that waits.")


async def test_another_identity_is_proposed_and_refused(running: RunningKiosk, erika: EncounterInfo) -> None:
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "pat")
        await pilot.press("e")
        await flows.until_text(pilot, "Mustermann, Erika")
        await pilot.press("i")
        await flows.until_screen(pilot, "IdentityScreen")
        await pilot.press("f2")
        await flows.until_text(pilot, "Say why")
        await clear(pilot, "reason", "was misspelt")
        await pilot.press("f2")
        await flows.until_text(pilot, "Nothing is changed yet.")
        await clear(pilot, "name", "Mustermann, Erica")
        await pilot.press("f2")
        await flows.until_screen(pilot, "CorrectionsScreen")
        await flows.until_text(pilot, "Mustermann, Erica")
        await pilot.press("u")
        await flows.until_text(pilot, "Taken back")
        [done] = running.kiosk.corrections.values()
        assert done.state is CorrectionState.TAKEN_BACK
        assert done.before == (ERIKA,)
        assert done.after == msgspec.structs.replace(ERIKA, name="Mustermann, Erica")

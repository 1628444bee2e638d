"""A long list: a window around the cursor, which stays on its entry; and a field that finds."""

from __future__ import annotations

import threading
from typing import Any

import msgspec
import pytest
from textual import events
from textual.pilot import Pilot

from medkiosk.console.typeahead import TOO_EARLY
from medkiosk.console.widgets.finder import EncounterFinder
from medkiosk.console.widgets.paged import WINDOW, PagedList
from medkiosk.core.consent import Subject
from medkiosk.ipc import types as t
from medkiosk.ipc.client import connect
from tests.console import flows
from tests.console.kiosk import RunningKiosk, Service
from tests.console.state import PASSPHRASE
from tests.console.test_screens import console
from tests.console.test_typeahead import burst

MANY = 1000


def fill(running: RunningKiosk) -> None:
    """A thousand encounters, the newest first: Person 999 to Person 0."""
    with connect(running.path) as rita:
        rita.login("rita", PASSPHRASE)
        model = rita.create_encounter(Subject(mrn="0", issuer="H", name="Person 0", birth_date=""), "")
    running.kiosk.encounters = {
        each.encounter_id: each for each in map(another(model), reversed(range(MANY)))
    }


def another(model: t.EncounterInfo) -> Any:
    def make(number: int) -> t.EncounterInfo:
        subject = msgspec.structs.replace(model.subject, name=f"Person {number}", mrn=f"{number:07}")
        return msgspec.structs.replace(model, encounter_id=f"{number:032x}", subject=subject)

    return make


def listed(pilot: Pilot[Any]) -> PagedList[t.EncounterInfo]:
    return pilot.app.screen.query_one(EncounterFinder).list


def chosen(pilot: Pilot[Any]) -> str:
    current = listed(pilot).current
    return current.subject.name if current is not None else ""


async def test_far_and_back_with_no_more_than_a_window_loaded(running: RunningKiosk) -> None:
    fill(running)
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("e")
        await flows.until_text(pilot, "1000 encounters, newest first")
        assert chosen(pilot) == f"Person {MANY - 1}"
        await pilot.press("end")
        await flows.until(pilot, lambda: chosen(pilot) == "Person 0", "not at the end")
        await flows.until_text(pilot, "Person 0 MRN")
        assert len(listed(pilot).shown()) <= 6 * WINDOW
        await pilot.press("pageup", "up")
        assert listed(pilot).cursor < MANY - 10
        await pilot.press("home")
        await flows.until(pilot, lambda: chosen(pilot) == f"Person {MANY - 1}", "not at the beginning")

        # What comes in pushes nothing under the cursor, near the beginning and far from it.
        for keys, there in ((("down",) * 3, "Person 996"), (("end", "up"), "Person 1")):
            await pilot.press(*keys)
            await flows.until(pilot, lambda: chosen(pilot) == there, "elsewhere")  # noqa: B023
            model = next(iter(running.kiosk.encounters.values()))
            new = [
                another(model)(number)
                for number in range(5000, 5000 + WINDOW + len(running.kiosk.encounters))
            ]
            running.kiosk.encounters = {
                **{each.encounter_id: each for each in new},
                **running.kiosk.encounters,
            }
            listed(pilot).reload()
            await flows.until(pilot, lambda: listed(pilot).settled, "not loaded")
            assert chosen(pilot) == there
            await flows.until_text(pilot, f"{there} MRN")
            await pilot.press("home")
            await flows.until(pilot, lambda: chosen(pilot) != "", "not at the beginning")


async def test_enter_chooses_no_line_that_nobody_has_seen(
    running: RunningKiosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(running)
    find, answers = Service.find_encounters, threading.Event()

    def held(kiosk: Any, text: str, offset: int = 0, limit: int = 500) -> t.Encounters:
        answers.wait(10)
        return find(kiosk, text, offset, limit)

    monkeypatch.setattr(Service, "find_encounters", held)
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("i")
        await flows.until_text(pilot, "3 photos in this import")
        await pilot.press("a")
        await flows.until_screen(pilot, "ChooseEncounter")
        await flows.until_text(pilot, "Person 999")
        await flows.type_text(pilot, "000034")  # ten people, and the answer is not there yet
        await pilot.press("enter")
        answers.set()
        await flows.until_text(pilot, TOO_EARLY[:30])
        await flows.until_screen(pilot, "ChooseEncounter")
        assert not any(photo.info.encounter_id for photo in running.kiosk.photos.values())
        await flows.looked(pilot)
        await flows.until_text(pilot, "Person 349")
        await pilot.press("enter")
        await flows.until_text(pilot, "3 photos assigned to Person 349")


async def test_after_end_and_home_enter_chooses_only_a_line_that_was_drawn(running: RunningKiosk) -> None:
    fill(running)
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("e")
        await flows.until_text(pilot, "1000 encounters, newest first")
        for key, last in (("end", "Person 0"), ("home", f"Person {MANY - 1}"), ("end", "Person 0")):
            await pilot.press(key)
            await flows.until_text(pilot, f"{last} MRN")
            assert chosen(pilot) == last
        seen_at, driver = listed(pilot)._seen_at, pilot.app._driver
        assert seen_at
        assert driver is not None
        early = events.Key("enter", "\r")
        early.time = seen_at - 0.001
        assert early.time > (flows.app_of(pilot).typed._since or 0.0)
        driver.send_message(early)
        await flows.until_text(pilot, TOO_EARLY[:40])
        await flows.until_screen(pilot, "EncountersScreen")
        await pilot.press("up", "down")  # a line that was drawn may be chosen at once
        await burst(pilot, "up", "enter")
        await flows.until_screen(pilot, "ReviewScreen")
        await flows.until_text(pilot, "No photo waits here.")


async def test_what_is_typed_and_enter_at_once_chooses_the_one_that_is_found(running: RunningKiosk) -> None:
    fill(running)
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("i")
        await flows.until_text(pilot, "3 photos in this import")
        await pilot.press("a")
        await flows.until_screen(pilot, "ChooseEncounter")
        await flows.type_text(pilot, "0000345")
        await pilot.press("enter")
        await flows.until_text(pilot, "3 photos assigned to Person 345")
        await pilot.press("escape")
        await flows.until_screen(pilot, "HomeScreen")
        await pilot.press("e")
        await flows.until_text(pilot, "newest first")
        await pilot.press("f")
        await flows.type_text(pilot, "nobody at all")
        await flows.until_text(pilot, "No encounter was found.")
        await pilot.press("escape")
        await flows.until_text(pilot, "1000 encounters, newest first")
        await pilot.press("escape")
        await flows.until_screen(pilot, "HomeScreen")

"""Hold, class and disposal from where an encounter or a picture is chosen, also before anything is due."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from medkiosk.core.events import Role
from medkiosk.core.lifecycle import RetentionClass
from medkiosk.ipc.client import connect
from medkiosk.ipc.types import EncounterInfo
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.test_screens import SUBJECT, TERMS, console


@pytest.fixture
def encounter(running: RunningKiosk) -> EncounterInfo:
    """Somebody photographed today, with all photos but the last."""
    running.kiosk.hire("olga", "Olga Officer", Role.PRIVACY_OFFICER)
    with connect(running.path) as rita:
        rita.login("rita", "correct horse battery")
        made = rita.create_encounter(SUBJECT, "left forearm")
        rita.record_consent(made.encounter_id, TERMS)
        return rita.assign(made.encounter_id, tuple(running.kiosk.photos)[:-1])


async def both(pilot: Pilot[Any], question: str, reason: str, rule: str, authority: str) -> None:
    await flows.until_text(pilot, question)
    await flows.type_text(pilot, reason)
    await pilot.press("enter")
    await flows.until_text(pilot, rule)
    await flows.type_text(pilot, authority)
    await pilot.press("enter")


async def test_a_fresh_encounter_is_held_and_another_class_is_given(
    running: RunningKiosk, encounter: EncounterInfo
) -> None:
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "olga")
        await pilot.press("e")
        await flows.until_text(pilot, "Mustermann, Erika")
        await pilot.press("h")
        await both(pilot, "Why is it to be kept?", "a claim", "Whose order or claim", "solicitor 7")
        await flows.until_text(pilot, "It is kept until the hold is lifted")
        [hold] = running.kiosk.holds
        assert (hold.encounters, hold.captures) == ((encounter.encounter_id,), ())
        assert (hold.reason, hold.authority) == ("a claim", "solicitor 7")

        await pilot.press("k")
        await flows.until_text(pilot, "Now adult. Not due before 2034-11-23.")
        await pilot.press("down", "down", "enter")
        await flows.until_text(pilot, "When does the protocol end?")
        await flows.type_text(pilot, "soon")
        await pilot.press("enter")
        await flows.until_text(pilot, "Why research?")
        await flows.type_text(pilot, "study 7")
        await pilot.press("enter")
        await flows.until_text(pilot, "an end is written YYYY-MM-DD")
        assert not running.kiosk.terms
        await pilot.press("k")
        await flows.until_text(pilot, "Now adult")
        await pilot.press("end", "enter")
        await flows.until_text(pilot, "Why permanent?")
        await flows.type_text(pilot, "first of its kind")
        await pilot.press("enter")
        await flows.until_text(pilot, "Permanent: Mustermann, Erika")
        assert running.kiosk.terms[encounter.encounter_id].retention is RetentionClass.PERMANENT


async def test_a_court_order_is_asked_for_where_it_is_not_due_and_only_there(
    running: RunningKiosk, encounter: EncounterInfo
) -> None:
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "olga")
        await pilot.press("e")
        await flows.until_text(pilot, "Mustermann, Erika")
        await pilot.press("d")
        await flows.until_text(pilot, "Not due before 2034-11-23.")
        await both(
            pilot, "Why is it to be destroyed?", "judgement", "NOT DUE: which order", "court 4 of 2026"
        )
        await flows.until_text(pilot, "A second person has to approve it")
        [proposed] = running.kiosk.disposals
        assert (proposed.early, proposed.encounters) == (True, (encounter.encounter_id,))
        assert proposed.authority == "court 4 of 2026"
        with connect(running.path) as olga:
            olga.login("olga", "correct horse battery")
            olga.set_retention(encounter.encounter_id, RetentionClass.RESEARCH, "study 7", "2026-11-22")
        await pilot.press("d")
        await flows.until_text(pilot, "study 7; until 2026-11-22.")
        await both(pilot, "Why is it to be destroyed?", "it is over", "Which rule or order", "schedule")
        await flows.until(pilot, lambda: len(running.kiosk.disposals) == 2, "not proposed")
        assert not running.kiosk.disposals[0].early


async def test_single_pictures_are_held_and_proposed_where_they_are_listed(
    running: RunningKiosk, encounter: EncounterInfo
) -> None:
    photos = tuple(running.kiosk.photos)
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "olga")
        await pilot.press("i")
        await flows.until_text(pilot, "3 photos in this import")
        await pilot.press("h")
        await flows.until_text(pilot, "Go to a photo (Enter), or mark some (Space).")
        await pilot.press("enter", "h")
        await both(pilot, "Why is it to be kept?", "a claim", "Whose order or claim", "solicitor 7")
        await flows.until_text(pilot, "Held: 1 picture,")
        [hold] = running.kiosk.holds
        assert (hold.encounters, hold.captures) == ((), photos[:1])
        # One of an encounter, and one that belongs to nobody.
        await pilot.press("down", "space", "space", "d")
        await flows.until_text(pilot, "2 pictures")
        await both(pilot, "Why is it to be destroyed?", "never agreed", "NOT DUE: which order", "article 17")
        await flows.until_text(pilot, "A second person has to approve it")
        assert f"propose {photos[1]} {photos[2]}" in running.kiosk.calls
        assert running.kiosk.disposals[0].early


async def test_who_is_no_privacy_officer_is_asked_nothing(
    running: RunningKiosk, encounter: EncounterInfo
) -> None:
    running.kiosk.hire("rolf", "Rolf Reviewer", Role.REVIEWER)
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "rolf")
        await pilot.press("e")
        await flows.until_text(pilot, "Mustermann, Erika")
        for key in ("h", "k", "d"):
            await pilot.press(key)
            await flows.until_text(pilot, "NOT DONE: Only a privacy officer decides")
            await pilot.press("c", "escape")
            await flows.until(pilot, lambda: "privacy officer" not in flows.text(pilot), "still said")
        assert not running.kiosk.holds

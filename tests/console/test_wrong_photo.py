"""Nothing that comes late, comes new or is too small makes a key act on another photo than the one meant."""

from __future__ import annotations

from medkiosk.console.messages import Decided
from medkiosk.console.screens.review import ReviewScreen
from medkiosk.console.terminal import Terminal
from medkiosk.console.widgets.paged import PagedList
from medkiosk.console.widgets.photo import LEAST_SIDE
from medkiosk.core.photo import ReviewState
from medkiosk.ipc.client import connect
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.state import PASSPHRASE, PREVIEW
from tests.console.test_screens import SUBJECT, console, review_screen, reviewing


def encounter(running: RunningKiosk) -> None:
    with connect(running.path) as rita:
        rita.login("rita", PASSPHRASE)
        rita.create_encounter(SUBJECT, "left forearm")


def assigned(running: RunningKiosk) -> set[str]:
    return {each.info.name for each in running.kiosk.photos.values() if each.info.encounter_id}


async def test_a_new_import_does_not_slide_under_the_cursor(running: RunningKiosk) -> None:
    encounter(running)
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("i")
        await flows.until_text(pilot, "3 photos in this import")
        await pilot.press("enter", "enter")
        await flows.until_screen(pilot, "ReviewScreen")
        running.kiosk.plug_in(2, model="Canon EOS R5", name="NEW_{:04d}")
        await pilot.press("escape")
        await flows.until_screen(pilot, "ImportsScreen")
        await flows.until_text(pilot, "EOS R5")
        assert pilot.app.screen.query_one("#imports", PagedList).cursor == 1
        await pilot.press("a")
        await flows.until_screen(pilot, "ChooseEncounter")
        await flows.until_text(pilot, "3 photos, IMG_0001 to IMG_0003, of the import of 2026-11-22")
        await flows.until_text(pilot, "from Canon EOS R6 013021001234.")
        await pilot.press("enter")
        await flows.until_text(pilot, "3 photos assigned to")
    assert assigned(running) == {"IMG_0001", "IMG_0002", "IMG_0003"}


async def test_keys_wait_for_the_photos_of_the_import_under_the_cursor(running: RunningKiosk) -> None:
    encounter(running)
    running.kiosk.plug_in(2, model="Canon EOS R5", name="NEW_{:04d}")
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("i")
        await flows.until_text(pilot, "2 photos in this import")
        running.kiosk.answers.clear()
        await pilot.press("down", "a")
        await flows.until_text(pilot, "are not shown yet. Wait a moment")
        assert "NEW_" not in flows.text(pilot)
        await pilot.press("enter", "space", "enter")
        await flows.until_screen(pilot, "ImportsScreen")
        running.kiosk.answers.set()
        await flows.until_text(pilot, "3 photos in this import")
        await pilot.press("a")
        await flows.until_screen(pilot, "ChooseEncounter")
        await pilot.press("enter")
        await flows.until_text(pilot, "3 photos assigned to")
    assert assigned(running) == {"IMG_0001", "IMG_0002", "IMG_0003"}


async def test_a_photo_shown_as_a_thumbnail_is_not_approved(running: RunningKiosk) -> None:
    small = Terminal(sixel=True, cell=lambda: (6, 12))
    async with reviewing(running, terminal=small, size=(160, 50)) as pilot:
        await pilot.resize_terminal(120, 40)
        await pilot.press("n")
        await flows.until_text(pilot, "photo 2 of 3")
        await flows.until_text(pilot, "this terminal is too small to show the photo.")
        await pilot.press("z", "a")
        await flows.until_text(pilot, "NOT DONE: It cannot be approved: this terminal is too small")
        await pilot.press("z", "z")
        assert max(PREVIEW) > LEAST_SIDE
        await pilot.resize_terminal(160, 50)
        await flows.until_text(pilot, "READY")
        await pilot.resize_terminal(60, 14)
        await flows.until(pilot, lambda: "too small" in review_screen(pilot)._why_not(), "approved small")
        await pilot.press("a")
        await pilot.pause(0.2)
    states = {each.info.state for each in running.kiosk.photos.values()}
    assert states == {ReviewState.PROPOSED}


async def test_no_photo_is_skipped_while_a_decision_is_on_its_way(running: RunningKiosk) -> None:
    async with reviewing(running) as pilot:
        await flows.until_text(pilot, "READY: A approves")
        running.kiosk.answers.clear()
        await pilot.press("a", "n", "n", "p", "n")
        await pilot.pause(0.2)
        assert "photo 1 of 3" in flows.text(pilot)
        running.kiosk.answers.set()
        await flows.until_text(pilot, "IMG_0001: approved. 2 photos left.")
        await flows.until_text(pilot, "photo 2 of 3")


async def test_the_answer_for_a_photo_that_was_left_moves_nothing(running: RunningKiosk) -> None:
    async with reviewing(running) as pilot:
        with connect(running.path) as rita:
            rita.login("rita", PASSPHRASE)
            late = rita.get_capture(next(iter(running.kiosk.photos)))
        await pilot.press("n")
        await flows.until_text(pilot, "photo 2 of 3")
        await flows.until_text(pilot, "READY: A approves")
        screen = pilot.app.screen
        assert isinstance(screen, ReviewScreen)
        screen.post_message(Decided(late))
        await pilot.pause(0.2)
        assert "photo 2 of 3" in flows.text(pilot)
        assert screen._detail is not None
        assert screen._detail.info.name == "IMG_0002"

"""F on the review screen: what a frame is for."""

from __future__ import annotations

from medkiosk.console import words
from medkiosk.core.photo import ImageRole
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.test_screens import reviewing


async def test_a_slate_is_named_and_left_out_of_what_waits(running: RunningKiosk) -> None:
    async with reviewing(running) as pilot:
        await pilot.press("f")
        await flows.until_screen(pilot, "ChooseRole")
        await flows.until_text(pilot, "What is IMG_0001 for?")
        await pilot.press("down", "enter")
        await flows.until_text(pilot, "IMG_0001: slate. 2 photos left.")
        await flows.until_text(pilot, "IMG_0002")
        assert running.kiosk.calls.count("give_role: slate") == 1
        await pilot.press("p")
        await flows.until_text(pilot, "slate, never leaves")
        await flows.until_text(pilot, "NOT TO BE APPROVED HERE: This frame is a slate")
        await pilot.press("a")
        await flows.until_text(pilot, "NOT DONE: It cannot be approved")
        await pilot.press("escape")
        await flows.until_screen(pilot, "HomeScreen")
        await pilot.press("r")
        await flows.until_text(pilot, "photo 1 of 2")
        await pilot.press("escape", "i")
        await flows.until_text(pilot, "slate, never leaves")


async def test_a_frame_becomes_clinical_again_with_a_reason_only(running: RunningKiosk) -> None:
    photo = next(iter(running.kiosk.photos.values()))
    async with reviewing(running) as pilot:
        await pilot.press("f", "end", "enter")
        await flows.until_text(pilot, "IMG_0001: mistake.")
        await pilot.press("p")
        await flows.until_text(pilot, "mistake, never leaves")
        await flows.on_review(pilot)
        await pilot.press("f")
        await flows.until_screen(pilot, "ChooseRole")
        await pilot.press("home", "enter")
        await flows.until_screen(pilot, "AskReason")
        await pilot.press("enter")
        await pilot.pause()
        assert photo.info.role is ImageRole.REJECT
        await flows.give_reason(pilot, "it shows the hand")
        await flows.until_text(pilot, "IMG_0001: clinical picture.")
        assert running.kiosk.calls.count("give_role: clinical it shows the hand") == 1
        await flows.until_text(pilot, "to review")


async def test_the_same_role_and_escape_change_nothing(running: RunningKiosk) -> None:
    async with reviewing(running) as pilot:
        await pilot.press("f", "enter")
        await flows.until_screen(pilot, "ReviewScreen")
        await pilot.press("f", "down", "escape")
        await flows.until_screen(pilot, "ReviewScreen")
        await pilot.pause()
        assert not [call for call in running.kiosk.calls if call.startswith("give_role")]


def test_every_role_has_words() -> None:
    assert list(words.ROLES) == list(words.ROLES_EXPLAINED) == list(ImageRole)

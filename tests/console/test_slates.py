"""Slates and quarantine on the screen."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from medkiosk.console.screens.slate import SlateScreen
from medkiosk.console.widgets.qr import modules
from medkiosk.core.events import Role
from medkiosk.core.slate import SlateKind, read_slate
from medkiosk.ipc.client import connect
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.state import PASSPHRASE
from tests.console.test_screens import SUBJECT, console


def encounter(running: RunningKiosk) -> None:
    with connect(running.path) as rita:
        rita.login("rita", PASSPHRASE)
        rita.create_encounter(SUBJECT, "left forearm")


async def ask_for_a_slate(pilot: Pilot[Any], user: str) -> None:
    await flows.log_in(pilot, user)
    await pilot.press("e")
    await flows.until_text(pilot, "left forearm")
    await pilot.press("s")


@pytest.mark.parametrize(
    ("size", "theme", "columns"), [((80, 24), "calm", 1), ((120, 50), "calm", 2), ((192, 54), "ansi", 2)]
)
async def test_the_slate_is_drawn_as_large_as_fits(
    running: RunningKiosk, size: tuple[int, int], theme: str, columns: int
) -> None:
    encounter(running)
    async with console(running.path, size=size, theme=theme) as pilot:
        await ask_for_a_slate(pilot, "rita")
        await flows.until_screen(pilot, "SlateScreen")
        await flows.until_text(pilot, "OPENING SLATE")
        screen = pilot.app.screen
        assert isinstance(screen, SlateScreen)
        assert screen._slate is not None
        text = screen._slate.text
        slate = read_slate(text, bytes(32))
        assert slate is not None
        assert slate.kind is SlateKind.OPEN
        side = len(modules(text))
        shown = str(screen.query_one("#slate", Static).render())
        assert {len(line) for line in shown.split("\n")} == {columns * side}
        assert "Mustermann" not in flows.text(pilot), "a photograph of this screen names nobody"
        assert SUBJECT.mrn not in flows.text(pilot)

        await pilot.press("c")
        await flows.until_text(pilot, "CLOSING SLATE")
        assert screen._slate.kind is SlateKind.CLOSE
        calls = running.kiosk.calls.count("show_slate: close")
        await flows.until(
            pilot, lambda: running.kiosk.calls.count("show_slate: close") > calls, "its time stands still"
        )


@pytest.mark.parametrize(("size", "theme"), [((80, 14), "calm"), ((80, 24), "ansi")])
async def test_a_terminal_without_room_says_so(
    running: RunningKiosk, size: tuple[int, int], theme: str
) -> None:
    encounter(running)
    async with console(running.path, size=size, theme=theme) as pilot:
        await ask_for_a_slate(pilot, "rita")
        await flows.until_text(pilot, "too small to show a slate")
        assert "OPENING" not in flows.text(pilot)


async def test_who_may_not_record_gets_no_slate(running: RunningKiosk) -> None:
    running.kiosk.hire("olga", "Olga Officer", Role.PRIVACY_OFFICER)
    encounter(running)
    async with console(running.path) as pilot:
        await ask_for_a_slate(pilot, "olga")
        await flows.until_text(pilot, "NOT DONE")
        assert "OPENING" not in flows.text(pilot)


async def test_quarantine_says_why_each_photo_belongs_to_nobody(running: RunningKiosk) -> None:
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("i")
        await flows.until_text(pilot, "in this import")
        await pilot.press("w")
        await flows.until_screen(pilot, "QuarantineScreen")
        await flows.until_text(pilot, "3 photos of this import in quarantine")
        await flows.until_text(
            pilot, "No slate was photographed in this import. IMG_0001, IMG_0002, IMG_0003"
        )
        await flows.until_text(pilot, "mark the photos")


async def test_quarantine_is_resolved_by_marking_photos_and_assigning_them(running: RunningKiosk) -> None:
    encounter(running)
    photos = running.kiosk.photos
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("i")
        await flows.until_text(pilot, "in this import")
        await pilot.press("w")
        await flows.until_text(pilot, "3 photos of this import in quarantine")
        await pilot.press("escape")
        await flows.until_screen(pilot, "ImportsScreen")
        await flows.until_text(pilot, "in this import")
        await pilot.press("enter", "space", "down", "space", "a")
        await flows.until_screen(pilot, "ChooseEncounter")
        await pilot.press("enter")
        await flows.until_screen(pilot, "ImportsScreen")
        await flows.until_text(pilot, "assigned to")
        assert sum(photo.info.encounter_id is None for photo in photos.values()) == 1, "the marked ones only"
        await pilot.press("w")
        await flows.until_text(pilot, "1 photo of this import in quarantine")
        await pilot.press("escape")
        await flows.until_screen(pilot, "ImportsScreen")
        await flows.until_text(pilot, "in this import")
        await pilot.press("a")
        await flows.until_screen(pilot, "ChooseEncounter")
        await pilot.press("enter")
        await flows.until_screen(pilot, "ImportsScreen")
        await flows.until_text(pilot, "assigned to")
        assert all(photo.info.encounter_id for photo in photos.values())
        await pilot.press("w")
        await flows.until_text(pilot, "0 photos of this import in quarantine")

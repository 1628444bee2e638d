"""Settings at the console: an administrator gathers and proposes, a privacy officer decides."""

from __future__ import annotations

from typing import Any

import msgspec
from textual.pilot import Pilot

from medkiosk.core.events import Role
from medkiosk.ipc import types as t
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.test_screens import console


async def settings(pilot: Pilot[Any], user: str) -> None:
    """From Home."""
    await flows.log_in(pilot, user)
    await pilot.press("s")
    await flows.until_screen(pilot, "SettingsScreen")
    await flows.until_text(pilot, "In force:")


def staff(running: RunningKiosk) -> None:
    running.kiosk.hire("ada", "Ada Admin", Role.ADMINISTRATOR)
    running.kiosk.hire("olga", "Olga Officer", Role.PRIVACY_OFFICER)


async def typed(pilot: Pilot[Any], words: str) -> None:
    """In place of what stands in the field."""
    await pilot.press("home", "shift+end", "delete")
    await flows.type_text(pilot, words)
    await pilot.press("f2")
    await flows.until_screen(pilot, "SettingsScreen")


async def test_one_proposes_and_another_decides(running: RunningKiosk) -> None:
    staff(running)
    running.kiosk.altered.own = {"access.need_to_know": "own"}
    async with console(running.path) as pilot:
        await settings(pilot, "ada")
        await flows.until_text(pilot, "Accounts and encounters can be given these departments")
        await pilot.press("enter")
        await flows.until_screen(pilot, "SettingScreen")
        await typed(pilot, "dermatology, eyes")
        await flows.until_text(pilot, "TO BE: dermatology, eyes")
        await pilot.press("down", "enter")
        await flows.until_screen(pilot, "SettingScreen")
        await pilot.press("left", "space", "f2")
        await flows.until_text(pilot, "TO BE: department")
        await pilot.press("p")
        await flows.until_text(pilot, "LESS PROTECTION: people see more patients than before.")
        await flows.until_text(pilot, "becomes dermatology, eyes")
        await pilot.press("y")
        await flows.until_text(pilot, "Why?")
        await flows.type_text(pilot, "a second department")
        await pilot.press("enter")
        await flows.until_text(pilot, "PROPOSED by Ada Admin")
        await pilot.press("y")
        await flows.until_screen(pilot, "ShowChanges")
        await pilot.press("y")
        await flows.until_text(pilot, "none of your roles gives decide_settings")
        await pilot.press("f9")
        await flows.until_text(pilot, "nobody is logged in")
        await settings(pilot, "olga")
        await flows.until_text(pilot, "a second department")
        await pilot.press("y")
        await flows.until_screen(pilot, "ShowChanges")
        await flows.until_text(pilot, "LESS PROTECTION")
        await pilot.press("y")
        await flows.until_text(pilot, "Version 1 counts when the program starts again: R.")
        assert running.kiosk.altered.own["access.departments"] == ["dermatology", "eyes"]
        await pilot.press("r")
        await flows.until_text(pilot, "Everybody is logged out")
        await pilot.press("y")
        await flows.until_text(pilot, "The program starts again.")
        assert "restart_for_settings" in running.kiosk.calls
        await pilot.press("escape")
        await flows.until_text(pilot, "version 1 counts when the program starts again")


async def test_what_is_none_is_said_at_the_field_and_nothing_is_gathered(running: RunningKiosk) -> None:
    staff(running)
    async with console(running.path) as pilot:
        await settings(pilot, "ada")
        await pilot.press("p")
        await flows.until_text(pilot, "Nothing is gathered")
        await pilot.press("down", "down", "enter")
        await flows.until_screen(pilot, "SettingScreen")
        await pilot.press("home", "shift+end", "delete")
        await flows.type_text(pilot, "a day")
        await pilot.press("f2")
        await flows.until_text(pilot, "[access] break_glass_s is a number from 60 to 28800")
        await typed(pilot, "1800")
        await flows.until_text(pilot, "TO BE: 1800 seconds (30 minutes)")
        await pilot.press("d")
        await pilot.pause()
        await flows.until(pilot, lambda: "TO BE" not in flows.text(pilot), "still gathered")
        await pilot.press("d")
        await flows.until_text(pilot, "The image decides about it already.")


async def test_issuers_are_a_list_of_forms(running: RunningKiosk) -> None:
    staff(running)
    async with console(running.path) as pilot:
        await settings(pilot, "ada")
        await pilot.press(*["down"] * 12, "enter")
        await flows.until_screen(pilot, "IssuersScreen")
        await pilot.press("n")
        await flows.until_screen(pilot, "IssuerScreen")
        await flows.type_text(pilot, "NHS")
        await pilot.press("enter", "enter", "enter")
        for words in ("10", "10"):
            await flows.type_text(pilot, words)
            await pilot.press("enter")
        await pilot.press("right", "space", "f2")
        await flows.until_screen(pilot, "IssuersScreen")
        await flows.until_text(pilot, "NHS: 10 digits, check mod11")
        await pilot.press("f2")
        await flows.until_screen(pilot, "SettingsScreen")
        await flows.until_text(pilot, "TO BE: NHS: 10 digits, check mod11")
        await pilot.press("enter")
        await flows.until_text(pilot, "NHS: 10 digits, check mod11")
        await pilot.press("d", "f2")
        await flows.until_text(pilot, "TO BE: none")
        await pilot.press("x")
        await flows.until_text(pilot, "What was gathered is forgotten.")


async def test_a_stick_brings_a_proposal_and_what_is_refused_says_its_line(running: RunningKiosk) -> None:
    staff(running)
    running.kiosk.altered.stick = "[access]\nneed_to_know = 'mine'\n"
    async with console(running.path) as pilot:
        await settings(pilot, "ada")
        await pilot.press("f")
        await flows.until_text(pilot, "line 2: [access] need_to_know is one of")
        running.kiosk.altered.stick = "[review]\nsecond_for = ['publication']\n"
        await pilot.press("f")
        await flows.until_text(pilot, "becomes publication")
        await pilot.press("y")
        await flows.until_text(pilot, "Why?")
        await flows.type_text(pilot, "the board")
        await pilot.press("enter")
        await flows.until_text(pilot, "PROPOSED by Ada Admin")
        await pilot.press("u")
        await flows.until_text(pilot, "Taken back.")
        assert running.kiosk.altered.own == {}


async def test_older_settings_are_said_in_capitals_on_home(running: RunningKiosk) -> None:
    staff(running)
    altered = running.kiosk.altered
    altered.status = t.SettingsStatus(version=1, newest=2, unused=True)
    altered.unused = ("version 2: the file is damaged",)
    async with console(running.path) as pilot:
        await flows.until_text(pilot, "OLDER SETTINGS ARE IN FORCE")
        await settings(pilot, "olga")
        await flows.until_text(pilot, "version 2: the file is damaged")
        altered.status = msgspec.structs.replace(altered.status, unused=False)

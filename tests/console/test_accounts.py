"""Accounts, one's own passphrase, and what the console does when its session is ended from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from medkiosk.access.passphrase import weakness
from medkiosk.core.errors import BadRequestError
from medkiosk.core.events import Role
from medkiosk.daemon.keysthere import SAME_DISK
from medkiosk.ipc.client import connect
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.state import PASSPHRASE
from tests.console.test_screens import console

SECRET = "tulips beneath granite ladders"


@asynccontextmanager
async def administrator(
    running: RunningKiosk, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Pilot[Any]]:
    running.kiosk.hire("ada", "Ada Admin", Role.ADMINISTRATOR)
    async with console(running.path, size=size) as pilot:
        await flows.log_in(pilot, "ada")
        await pilot.press("a")
        await flows.until_text(pilot, "Rita Reviewer")
        yield pilot


async def fill(pilot: Pilot[Any], *words: str) -> None:
    for each in words:
        await flows.type_text(pilot, each)
        await pilot.press("enter")


async def test_an_administrator_makes_an_account(running: RunningKiosk) -> None:
    async with administrator(running) as pilot:
        assert "reviewer, privacy officer" in flows.text(pilot)
        await pilot.press("n")
        await flows.until_text(pilot, "New account")
        await fill(pilot, "pat", "Pat Photographer")
        await pilot.press("enter")
        await fill(pilot, SECRET, "something else")
        await pilot.press("f2")
        await flows.until_text(pilot, "not the same twice")
        assert [field.value for field in pilot.app.screen.query("#new, #again").results(Input)] == ["", ""]
        await fill(pilot, SECRET, SECRET)
        assert SECRET not in flows.text(pilot)
        await pilot.press("f2")
        await flows.until_text(pilot, "pat can log in now.")
        await flows.until_text(pilot, "Pat Photographer")
    assert running.kiosk.accounts["pat"][2] == (Role.PHOTOGRAPHER,)


async def test_an_account_is_closed_with_a_reason(running: RunningKiosk) -> None:
    async with administrator(running) as pilot:
        rows = list(running.kiosk.accounts)
        await pilot.press(*["down"] * rows.index("rita"), "d")
        await flows.until_text(pilot, "Why may rita not log in any more?")
        await pilot.press("escape")
        assert "rita" in running.kiosk.accounts
        await pilot.press("d")
        await flows.until_text(pilot, "Why may rita")
        await fill(pilot, "works elsewhere")
        await flows.until_text(pilot, "rita cannot log in any more.")
    assert "rita" not in running.kiosk.accounts
    assert running.kiosk.closed == {"rita": "works elsewhere"}


async def test_a_forgotten_passphrase_is_given_and_then_changed_before_anything_else(
    running: RunningKiosk,
) -> None:
    async with administrator(running) as pilot:
        rows = list(running.kiosk.accounts)
        await pilot.press(*["down"] * rows.index("rita"), "r")
        await flows.until_text(pilot, "For rita. They must change it")
        await fill(pilot, SECRET, SECRET)
        await flows.until_text(pilot, "rita has another passphrase")
        await pilot.press("f9")
        await flows.until_text(pilot, "You are logged out.")
        await pilot.press("l")
        await flows.until_screen(pilot, "LoginScreen")
        await fill(pilot, "rita", PASSPHRASE)
        await flows.until_text(pilot, "An administrator gave you this passphrase")
        assert "My passphrase" in flows.text(pilot)
        await fill(pilot, PASSPHRASE, SECRET, SECRET)
        await flows.until_text(pilot, "Your passphrase was changed.")
        assert SECRET not in flows.text(pilot)
        await flows.until_screen(pilot, "HomeScreen")
    assert running.kiosk.given == set()


async def test_who_is_no_administrator_sees_no_accounts(running: RunningKiosk) -> None:
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("a")
        await flows.until_text(pilot, "NOT DONE")
        assert "Rita Reviewer, " not in flows.text(pilot)


async def test_where_the_kiosks_keys_are_is_told_to_who_decides_about_the_machine(
    running: RunningKiosk,
) -> None:
    running.kiosk.keys = ("Keys: systemd credentials.", SAME_DISK)
    async with administrator(running) as pilot:
        await flows.until_text(pilot, "Keys: systemd credentials. The device secret is on the file system")
        await flows.until_text(pilot, "as [store] device.")


async def test_every_role_can_be_chosen_on_a_small_screen(running: RunningKiosk) -> None:
    async with administrator(running, size=(80, 24)) as pilot:
        await pilot.press("n")
        await flows.until_text(pilot, "Make the account")
        for role in Role:
            assert role.value.replace("_", " ") in flows.text(pilot)
        await pilot.press("f1")
        await flows.until_text(pilot, "Forms")
        assert "New encounter" not in flows.text(pilot).partition("Everywhere")[0]


async def test_the_whole_advice_about_a_weak_passphrase_fits_on_a_small_screen(running: RunningKiosk) -> None:
    weak = max((weakness(each) for each in ("abcabcabc", "qwertyuiop", "Smith", "a" * 30)), key=len)
    words = BadRequestError(detail=weak).message
    async with administrator(running, size=(80, 24)) as pilot:
        await pilot.press("n")
        await flows.until_text(pilot, "Make the account")
        pilot.app.screen.say(words, wrong=True)  # type: ignore[attr-defined]
        await flows.until_text(pilot, "NOT DONE: " + words)


async def test_what_was_said_to_the_person_before_is_gone_after_the_next_login(running: RunningKiosk) -> None:
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("f9")
        await flows.until_text(pilot, "You are logged out.")
        await flows.log_in(pilot, "rita")
        assert "You are logged out." not in flows.text(pilot)


@pytest.mark.parametrize("screen", ["e", "p", "i"])
async def test_a_locked_kiosk_shows_the_login_and_why(running: RunningKiosk, screen: str) -> None:
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press(screen)
        await flows.until(pilot, lambda: pilot.app.status.unlocked, "never unlocked")  # type: ignore[attr-defined]
        with connect(running.path) as passer_by:
            passer_by.lock()
        await flows.until_text(pilot, "The kiosk was locked and you were logged out.")
        await flows.until_screen(pilot, "LoginScreen")
        assert pilot.app.session is None  # type: ignore[attr-defined]


async def test_an_own_logout_is_not_taken_for_a_lock(running: RunningKiosk) -> None:
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await flows.until(pilot, lambda: pilot.app.status.unlocked, "never unlocked")  # type: ignore[attr-defined]
        await pilot.press("f9")
        await flows.until_text(pilot, "You are logged out.")
        await flows.until(pilot, lambda: not pilot.app.status.unlocked, "never locked")  # type: ignore[attr-defined]
        await pilot.pause(0.2)
        await flows.until_screen(pilot, "HomeScreen")
        assert "was locked" not in flows.text(pilot)

"""Updates at the console: looked at, installed after a question, said on Home."""

from __future__ import annotations

from medkiosk.console.screens.update import UpdateScreen, found_text, update_rows
from medkiosk.core.events import Role
from medkiosk.core.updates import UPDATE_WORDS, UpdateState
from medkiosk.ipc import types as t
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.test_screens import console

FOUND = t.UpdateFound(
    stick="usb-sda1",
    running="0.0.1",
    version="0.0.2",
    manifest_sha256="ab" * 32,
    commit="c" * 40,
    created="2026-11-23T00:00:00.000Z",
    size=700 << 20,
    failed=True,
)


async def test_an_administrator_installs_what_was_looked_at(running: RunningKiosk) -> None:
    running.kiosk.hire("ada", "Ada Admin", Role.ADMINISTRATOR)
    running.kiosk.update = t.UpdateStatus(running="0.0.1")
    running.kiosk.found = FOUND
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "ada")
        await pilot.press("v")
        await flows.until(pilot, lambda: isinstance(pilot.app.screen, UpdateScreen), "no screen")
        await pilot.press("i")
        await flows.until_text(pilot, "C looks at the stick first.")
        await pilot.press("c")
        await flows.until_text(pilot, "Version 0.0.2")
        await flows.until_text(pilot, "ab" * 32)
        await flows.until_text(pilot, "did not work")
        await pilot.press("i")
        await flows.until_text(pilot, "Install version 0.0.2 over 0.0.1?")
        assert not [call for call in running.kiosk.calls if "update" in call]
        await pilot.press("y")
        await flows.until_text(pilot, "UPDATE READY: RESTART")
        assert "apply_update: abababab usb-sda1" in running.kiosk.calls
        await pilot.press("r")
        await flows.until_text(pilot, "Restart now, and take the update?")
        await pilot.press("y")
        await flows.until_text(pilot, "The kiosk starts again.")
        assert "restart_for_update" in running.kiosk.calls
        await pilot.press("escape")
        await flows.until_text(pilot, "UPDATE READY: RESTART")


def test_home_says_nothing_of_a_kiosk_without_an_update() -> None:
    assert update_rows(t.UpdateStatus(running="0.0.1")) == []


def test_what_a_stick_says_is_clean() -> None:
    state = UpdateState.COPYING
    [(_, words)] = update_rows(
        t.UpdateStatus(
            state=state, words=UPDATE_WORDS[state], version="\x1b[2J", detail="a\x07b", bytes_total=1
        )
    )
    assert "\x1b" not in str(words)
    assert "\x07" not in str(words)
    assert "LEAVE THE STICK IN" in str(words)
    evil = t.UpdateFound(
        stick="\x1b]0;x\x07",
        running="",
        version="",
        manifest_sha256="",
        commit="\x1b",
        created="\x1b",
        size=1,
    )
    assert "\x1b" not in str(found_text(evil))

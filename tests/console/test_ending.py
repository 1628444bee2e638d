"""The end of a kiosk at the console: two people, the site's name typed, the last head to be photographed."""

from __future__ import annotations

from textual.widgets import Input

from medkiosk.console.screens.ending import EndScreen, outcome_words
from medkiosk.console.screens.ledger import CodeScreen
from medkiosk.core.events import Role
from medkiosk.ipc import types as t
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.machine import LEDGER_HEAD
from tests.console.test_screens import console


async def test_two_people_end_a_kiosk_and_its_last_head_is_shown(running: RunningKiosk) -> None:
    running.kiosk.hire("ada", "Ada Admin", Role.ADMINISTRATOR)
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "ada")
        await pilot.press("a")
        await flows.until_text(pilot, "Accounts, oldest first")
        await pilot.press("x")
        await flows.until(pilot, lambda: isinstance(pilot.app.screen, EndScreen), "no form")
        await pilot.press("f2")
        await flows.until_text(pilot, "Nothing was done.")
        assert not running.kiosk.ended
        screen = pilot.app.screen
        for name, typed in (("site", "Scratch"), ("second", "olga"), ("second_passphrase", "marmalade jars")):
            screen.query_one(f"#{name}", Input).value = typed
        await pilot.press("f2")
        await flows.until(pilot, lambda: isinstance(pilot.app.screen, CodeScreen), "no code")
        assert running.kiosk.ended == ("Scratch", "olga", "marmalade jars")
        assert screen.query_one("#second_passphrase", Input).value == ""
        await pilot.press("escape")
        await flows.until_text(pilot, "Nothing opens the disk of this kiosk any more.")
        assert screen.query_one("#site", Input).disabled


def test_what_could_not_be_done_is_said() -> None:
    bad = t.Ended(head=LEDGER_HEAD, header=False, keys=0, discarded=False, tpm=False, remembers=True)
    words = outcome_words(bad)
    assert "could not be overwritten" in words
    assert "could not be told" in words
    assert "Clear the TPM" in words
    assert "did not forget" in words
    there = t.Ended(head=LEDGER_HEAD, header=True, keys=5, discarded=True, tpm=True, folder="medkiosk-head-x")
    assert "on the stick: medkiosk-head-x" in outcome_words(there)
    full = t.Ended(head=LEDGER_HEAD, header=True, keys=5, discarded=True, tpm=True, stick="It is full.")
    assert "not on the stick. It is full." in outcome_words(full)
    assert "agree at the next start" in outcome_words(
        t.Ended(head=LEDGER_HEAD, header=True, keys=5, discarded=True, tpm=True)
    )

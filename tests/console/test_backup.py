"""Backup drives at the console: the big words, what a drive still holds, a new one, a lost one."""

from __future__ import annotations

import msgspec
import pytest

from medkiosk.console.screens.backup import BackupScreen, drive_text
from medkiosk.console.widgets.bigwords import BigWords, large
from medkiosk.core.drives import BACKUP_WORDS, DriveState, big_words
from medkiosk.core.events import Role
from medkiosk.core.ids import DisposalId
from medkiosk.ipc import types as t
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.state import backup, drive
from tests.console.test_screens import console


@pytest.mark.parametrize("words", sorted(set(BACKUP_WORDS.values()) - {""}))
def test_the_big_words_fit_into_one_line_of_a_bare_terminal(words: str) -> None:
    assert large(words, 78, 5) is not None


def test_the_worst_of_several_drives_is_said() -> None:
    assert big_words(()) == big_words((DriveState.UNKNOWN,)) == ""
    assert big_words((DriveState.COMPLETE, DriveState.UNKNOWN)) == "BACKUP COMPLETE"
    assert big_words((DriveState.COMPLETE, DriveState.COPYING)) == "BACKUP RUNNING"
    assert big_words((DriveState.COMPLETE, DriveState.LOST)) == "BACKUP FAILED"


async def test_home_says_how_far_the_backup_is_and_needs_no_login(running: RunningKiosk) -> None:
    async with console(running.path) as pilot:

        def shown() -> str:
            return pilot.app.screen.query_one("#backup", BigWords).words

        for state, words in (
            (DriveState.COPYING, "BACKUP RUNNING"),
            (DriveState.COMPLETE, "BACKUP COMPLETE"),
            (DriveState.FAILED, "BACKUP FAILED"),
        ):
            running.kiosk.backups = (backup(state, "A sentence about it."),)
            running.kiosk.touch()
            await flows.until(pilot, lambda words=words: shown() == words, words)  # type: ignore[misc]
            await flows.until_text(pilot, "A sentence about it.")
        running.kiosk.backups = (backup(DriveState.COPYING),)
        running.kiosk.touch()
        await flows.until_text(pilot, "315 MB of 944 MB")


async def test_the_screen_lists_enrols_and_forgets(running: RunningKiosk) -> None:
    running.kiosk.hire("ada", "Ada Admin", Role.ADMINISTRATOR)
    held = t.HeldDisposal(disposal_id=DisposalId("d" * 32), at="2026-11-21T09:00:00.000Z")
    running.kiosk.drives = t.Drives(drives=(drive("Blue disk", 7, held),), places=("left",))
    running.kiosk.backups = (backup(DriveState.COMPLETE),)
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "ada")
        await pilot.press("b")
        await flows.until(pilot, lambda: isinstance(pilot.app.screen, BackupScreen), "no list")
        await flows.until_text(pilot, "Blue disk")
        await flows.until_text(pilot, "STILL HOLDS what was disposed of (1, the first on 2026-11-21)")
        await pilot.press("f")
        await flows.until_text(pilot, "Choose a drive")
        await pilot.press("down", "f")
        await flows.until_text(pilot, "What became of it")
        await flows.type_text(pilot, "lost in a taxi")
        await pilot.press("enter")
        await flows.until_text(pilot, "lost in a taxi")
        await pilot.press("n")
        await flows.until_text(pilot, "What is the new backup drive called?")
        await flows.until_text(pilot, "Name of the drive")
        await flows.type_text(pilot, "Red disk")
        await pilot.press("enter")
        await flows.until_text(pilot, "It is a backup drive now")
        assert [one.label for one in running.kiosk.drives.drives] == ["Blue disk", "Red disk"]
        await pilot.press("r")
        await flows.until_text(pilot, "BACKUP RUNNING")


def test_a_drive_that_is_plugged_in_is_not_asked_to_be_plugged_in() -> None:
    held = t.HeldDisposal(disposal_id=DisposalId("d" * 32), at="2026-11-21T09:00:00.000Z")
    away = drive("Blue disk", 7, held)
    here = msgspec.structs.replace(away, plugged_in="left", finished_at="")
    assert str(drive_text(away)).endswith(": plug it in")
    assert str(drive_text(here)).count("press R and leave it in until BACKUP COMPLETE") == 2
    assert "plug it in" not in str(drive_text(here))

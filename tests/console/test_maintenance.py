"""Maintenance at the console, and what leads on after a rollback."""

from __future__ import annotations

import pytest

from medkiosk.console.screens.maintenance import (
    MaintenanceScreen,
    check_words,
    problem_table,
    scrub_words,
    verdict,
    witness_words,
)
from medkiosk.console.words import ALARM_ADVICE, advice
from medkiosk.core.alarms import CONTRADICTED, ROLLED_BACK
from medkiosk.core.drives import DriveState
from medkiosk.core.events import Role
from medkiosk.ipc import types as t
from medkiosk.ipc.maintenancetypes import (
    CheckProblem,
    CheckReport,
    CheckStatus,
    WitnessesRead,
    WitnessKey,
)
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.state import Kiosk, backup
from tests.console.test_screens import console

AT = "2026-11-23T05:00:00.000Z"
DAMAGED = CheckReport(
    finished=AT,
    objects=12,
    records=30,
    ledger_size=40,
    bytes=5_000_000,
    problems=(
        CheckProblem(code="object.blob_changed", subject="ab", sentence="The sealed file was changed."),
    ),
    more=2,
)


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (CheckStatus(), "NOT CHECKED YET"),
        (CheckStatus(running=True), "CHECKING"),
        (CheckStatus(running=True, done=45, total=100, finished=AT), "CHECKING 45 PER CENT"),
        (CheckStatus(finished=AT), "STORE IS GOOD"),
        (CheckStatus(finished=AT, problems=1), "STORE IS DAMAGED"),
        # What was not finished says nothing new.
        (CheckStatus(finished=AT, failed="It ended early."), "STORE IS GOOD"),
    ],
)
def test_the_verdict_is_that_of_the_last_check_that_was_finished(check: CheckStatus, words: str) -> None:
    assert verdict(check)[0] == words


def test_figures_say_what_was_looked_at() -> None:
    words = str(check_words(CheckStatus(finished=AT, problems=3), DAMAGED))
    assert "12 sealed files (5.0 MB), 30 records, 40 ledger entries; 3 damaged" in words
    assert str(check_words(CheckStatus(failed="It ended early."), DAMAGED)) == "It ended early."
    assert "waits for a camera" in str(
        scrub_words(t.ScrubStatus(running=True, waiting=True, done=1, total=9))
    )
    assert len(problem_table(DAMAGED).rows) == 2


def test_what_a_stick_says_is_clean() -> None:
    words = witness_words(WitnessesRead(held=("a\x1b[2Jb",), refused=("File 1: \x07no.",)))
    assert "\x1b" not in words
    assert "\x07" not in words
    assert "Nothing new" in witness_words(WitnessesRead())


async def test_an_auditor_checks_repairs_and_asks_witnesses(running: RunningKiosk) -> None:
    kiosk = running.kiosk
    kiosk.hire("audi", "Audi Auditor", Role.AUDITOR)
    kiosk.report = DAMAGED
    kiosk.witnesses = WitnessesRead(
        refused=("Checkpoint 1 of 1: nobody knows the key.",),
        keys=(
            WitnessKey(name="auditor.example/w1", key_id="0123abcd", vkey="auditor.example/w1+0123abcd+B"),
        ),
    )
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "audi")
        await pilot.press("m")
        await flows.until_screen(pilot, "MaintenanceScreen")
        await flows.until_text(pilot, "The sealed file was changed.")
        await flows.until_text(pilot, "and 2 more things")
        await pilot.press("c")
        await flows.until_text(pilot, "It is checked; the kiosk works meanwhile.")
        await pilot.press("w")
        await flows.until_text(pilot, "medkiosk-head-2026-11-23-00000000: the head of 40 entries")
        await pilot.press("t")
        await flows.until_text(pilot, "Let auditor.example/w1 be a witness of this ledger?")
        await flows.until_text(pilot, "0123abcd")
        assert not [call for call in kiosk.calls if "enrol_witness" in call]
        await pilot.press("y")
        await flows.until_text(pilot, "auditor.example/w1 is a witness now.")
        assert "enrol_witness: auditor.example/w1+0123abcd+B" in kiosk.calls
        await pilot.press("r")
        await flows.until_text(pilot, "No backup drive is ready: repair from the store itself?")
        assert not [call for call in kiosk.calls if "repair_now" in call]
        await pilot.press("y")
        await flows.until_text(pilot, "The kiosk starts again, and repairs the store before.")
        assert "repair_now: without a drive" in kiosk.calls
        kiosk.backups = (backup(DriveState.COMPLETE),)
        kiosk.touch()
        screen = pilot.app.screen
        assert isinstance(screen, MaintenanceScreen)
        await flows.until(pilot, lambda: screen.kiosk.status and screen.kiosk.status.backups, "no drive")
        await pilot.press("r")
        await flows.until_text(pilot, "Repair from the backup drive that is plugged in?")
        assert "repair_now" not in kiosk.calls
        await pilot.press("y")
        await flows.until_text(pilot, "The kiosk starts again, and repairs the store before.")
        assert "repair_now" in kiosk.calls
        await pilot.press("n")
        await flows.until_text(pilot, "Make this stick one of the kiosk's own?")
        await pilot.press(*"Red", "enter")
        await flows.until_text(pilot, "The stick is one of this kiosk's own now.")
        assert "enrol_stick: Red" in kiosk.calls


async def test_where_nobody_can_log_in_the_set_up_is_asked(running: RunningKiosk) -> None:
    async with console(running.path) as pilot:
        await pilot.press("l")
        await flows.until_screen(pilot, "LoginScreen")
        await pilot.press("f4")
        await flows.until_text(pilot, "Have the set-up repair this kiosk?")
        assert "ask_setup" not in running.kiosk.calls
        await pilot.press("y")
        await flows.until_text(pilot, "Press the power button once")
        assert "ask_setup" in running.kiosk.calls


async def test_after_a_rollback_the_login_asks_who_answers_for_it(running: RunningKiosk) -> None:
    kiosk = running.kiosk
    kiosk.hire("ada", "Ada Admin", Role.ADMINISTRATOR)
    kiosk.alarm = ROLLED_BACK
    kiosk.touch()
    async with console(running.path) as pilot:
        await flows.until_text(pilot, ALARM_ADVICE[ROLLED_BACK][:40])
        await pilot.press("l")
        await flows.until_screen(pilot, "RollbackScreen")
        await flows.until_text(pilot, "Is the newest copy lost?")
        await pilot.press("f2")
        await flows.until_text(pilot, "Nothing was done.")
        assert not kiosk.calls
        for typed in ("the disk died", "ada", "correct horse battery"):
            await pilot.press(*("space" if letter == " " else letter for letter in typed), "enter")
        await flows.until_text(pilot, "Accepted and written down.")
        assert "accept_rollback: ada the disk died" in kiosk.calls
        assert getattr(pilot.app, "session") is not None  # noqa: B009 -- the application is ours


def test_each_alarm_says_what_to_do() -> None:
    kiosk = Kiosk()
    kiosk.alarm = CONTRADICTED
    assert "backup drive" in advice(kiosk.status(), None)

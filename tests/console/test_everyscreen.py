"""Whatever happens on whatever screen: no crash, nothing lost, no name in a log."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.screen import Screen

from medkiosk.console.screens.login import LoginScreen
from medkiosk.core.consent import Subject
from medkiosk.ipc.client import connect
from tests.console import flows
from tests.console.everyscreen import EVIL, NAME, all_screens, make
from tests.console.kiosk import RunningKiosk
from tests.console.state import PASSPHRASE
from tests.console.test_screens import console

EACH = bool(os.environ.get("MEDKIOSK_EVERY_SCREEN"))
SIZES = ((20, 4), (200, 60), (1, 1), (80, 24)) if EACH else ((20, 4), (80, 24))
KILLED = 1 if EACH else 9
"""The daemon is killed on each screen, or on each so-manieth."""
PASTED = (EVIL + "\n" + "x" * 1000) * 1000


def prepared(running: RunningKiosk) -> dict[str, str]:
    """An encounter whose patient has a name that was made to harm, with all photos; the ids by their type."""
    with connect(running.path) as rita:
        rita.login("rita", PASSPHRASE)
        encounter = rita.create_encounter(Subject(mrn=EVIL, issuer=EVIL, name=EVIL, birth_date=EVIL), EVIL)
        rita.assign(encounter.encounter_id, tuple(running.kiosk.photos))
    return {
        "EncounterId": encounter.encounter_id,
        "ImportId": running.kiosk.imports[0].import_id,
        "CaptureId": next(iter(running.kiosk.photos)),
        "AccountId": running.kiosk.accounts["rita"][0],
    }


async def log_in(pilot: Pilot[Any]) -> None:
    """Without the form, which other tests fill in."""
    app = flows.app_of(pilot)
    await flows.until(pilot, lambda: app.status is not None, "no status")
    app.session = app.link.run(lambda kiosk: kiosk.login("rita", PASSPHRASE))
    await pilot.pause()


async def storm(pilot: Pilot[Any]) -> None:
    """A megabyte is pasted with control characters in it, keys are hit, the window is torn at."""
    focused = pilot.app.screen.focused
    if focused is not None:
        focused.post_message(events.Paste(PASTED))
    for size in SIZES:
        await pilot.resize_terminal(*size)
    await pilot.press("tab", "down", "end", "home")


def alive(pilot: Pilot[Any], kind: type[Screen[Any]]) -> None:
    app = pilot.app
    assert app._exception is None, (kind, app._exception)
    assert app.is_running, kind


async def test_on_every_screen_a_storm_and_the_end_of_the_daemon(
    running: RunningKiosk, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """With MEDKIOSK_EVERY_SCREEN the daemon is killed on each of them (``make console-hostile``)."""
    caplog.set_level(logging.DEBUG)
    ids = prepared(running)
    before = {id_: photo.info.state for id_, photo in running.kiosk.photos.items()}
    kinds = all_screens()
    assert len(kinds) > 40
    async with console(running.path, size=(80, 24)) as pilot:
        app = flows.app_of(pilot)
        await log_in(pilot)
        for number, kind in enumerate(kinds):
            app.push_screen(make(kind, ids))
            await pilot.pause()
            alive(pilot, kind)
            await storm(pilot)
            alive(pilot, kind)
            if number == len(kinds) // 2:
                app.clock = lambda: datetime(1999, 1, 1, tzinfo=UTC)  # set back while screens are open
            if number % KILLED == 0:
                running.stop()
                await flows.until(pilot, lambda: app.session is None, f"still logged in: {kind}")
                await flows.until(pilot, lambda: isinstance(app.screen, LoginScreen), f"no way out of {kind}")
                alive(pilot, kind)
                running.start()
                await log_in(pilot)
            await app._go_home()
    assert {id_: photo.info.state for id_, photo in running.kiosk.photos.items()} == before
    assert len(running.kiosk.encounters) == 1
    said = capfd.readouterr()
    assert NAME not in caplog.text + said.out + said.err

"""Names and files made to harm: whatever the daemon passes on is shown as harmless text."""

from __future__ import annotations

import msgspec
from textual import events
from textual.widgets import Input

from medkiosk.core.consent import Purpose, Subject
from medkiosk.core.device import DeviceState
from medkiosk.core.exportevents import RecipientMethod
from medkiosk.ipc.client import connect
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.state import PASSPHRASE, device
from tests.console.terminals import PtyConsole, command, log_in
from tests.console.test_screens import console

EVIL = "\x1b]0;owned\x07\x1b[2J[bold red][@click=app.quit]\u202eeva[/] $background [/nonsense"
SHOWN = "[bold red][@click=app.quit]"


def spoil(running: RunningKiosk) -> None:
    kiosk = running.kiosk
    kiosk.devices = (device(DeviceState.SAFE, 3, 3, EVIL),)
    kiosk.devices = (msgspec.structs.replace(kiosk.devices[0], detail=EVIL),)
    kiosk.problems = (EVIL,)
    kiosk.missing = (EVIL,)
    kiosk.imports = [msgspec.structs.replace(each, model=EVIL, serial=EVIL) for each in kiosk.imports]
    for photo in kiosk.photos.values():
        photo.info = msgspec.structs.replace(photo.info, name=EVIL)
        photo.words = EVIL
        photo.findings = tuple(
            msgspec.structs.replace(each, detector=EVIL, reason=EVIL) for each in photo.findings
        )
    with connect(running.path) as rita:
        rita.login("rita", PASSPHRASE)
        subject = Subject(mrn=EVIL, issuer=EVIL, name=EVIL, birth_date=EVIL)
        encounter = rita.create_encounter(subject, EVIL)
        rita.assign(encounter.encounter_id, tuple(kiosk.photos))
        rita.enrol_recipient(EVIL, EVIL, RecipientMethod.AGE, EVIL, EVIL[-16:], tuple(Purpose), EVIL)
    running.kiosk.hire("eve", EVIL, *running.kiosk.accounts["rita"][2])
    kiosk.touch()


async def test_every_screen_shows_it_as_plain_text(running: RunningKiosk) -> None:
    spoil(running)
    async with console(running.path) as pilot:
        await flows.until_text(pilot, SHOWN)
        await flows.log_in(pilot, "eve")
        for key, screen in (
            ("e", "EncountersScreen"),
            ("i", "ImportsScreen"),
            ("r", "ReviewScreen"),
            ("x", "ExportScreen"),
        ):
            await pilot.press(key)
            await flows.until_screen(pilot, screen)
            await flows.until_text(pilot, "[bold red]")
            await pilot.press("escape")
            await flows.until_screen(pilot, "HomeScreen")
        await pilot.press("e")
        await flows.until_text(pilot, "no consent yet")
        await pilot.press("c")
        await flows.until_screen(pilot, "ConsentScreen")
        await pilot.press("f2")
        await flows.until_screen(pilot, "EncountersScreen")


def test_no_escape_sequence_of_theirs_reaches_the_terminal(running: RunningKiosk) -> None:
    spoil(running)
    with PtyConsole(command(running.path, "--graphics", "sixel")) as terminal:
        terminal.until(SHOWN)
        log_in(terminal, "eve")
        for key in ("e", "i", "r"):
            terminal.press(key)
            terminal.until("[bold red]")
            terminal.press("escape")
            terminal.until("Next: ")
        written = terminal.raw
    assert b"\x1b]0;owned" not in written
    assert "\u202e".encode() not in written


async def test_a_scanner_gone_mad_or_a_pasted_book_changes_nothing_else(running: RunningKiosk) -> None:
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("e")
        await flows.until_screen(pilot, "EncountersScreen")
        await pilot.press("n")
        await flows.until_screen(pilot, "EncounterScreen")
        field = pilot.app.screen.focused
        assert isinstance(field, Input)
        for pasted in ("x" * 1_000_000, "12\x1b[2J\u202e34\nrm -rf"):
            field.post_message(events.Paste(pasted))
            await pilot.pause()
        assert len(field.value) <= 64
        await pilot.press("enter")
        await flows.type_text(pilot, "Demo")
        await pilot.press("enter")
        await flows.type_text(pilot, "محمد O'Neill \u0301\u0301")
        await pilot.press("f2")
        await flows.until_screen(pilot, "ConsentScreen")
        (encounter,) = running.kiosk.encounters.values()
        assert encounter.subject.mrn == "12[2J34"
        assert encounter.subject.name.startswith("محمد O'Neill")

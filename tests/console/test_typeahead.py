"""Keys pressed faster than screens open: none is lost, and none does anything to what nobody has seen."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.widgets import Input

from medkiosk.console.actions import ACTIONS, Where
from medkiosk.console.screens.base import Warned
from medkiosk.console.screens.review import ReviewScreen
from medkiosk.console.typeahead import HOLD_S, TOO_EARLY
from medkiosk.console.widgets.paged import PagedList, PagedTable
from medkiosk.core.exportevents import RecipientMethod
from medkiosk.core.photo import ReviewState
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.state import PASSPHRASE
from tests.console.terminals import PtyConsole, command, log_in
from tests.console.test_export import prepare
from tests.console.test_screens import console, review_screen, reviewing

_EACH_S = 0.06
"""From key to key of a fast hand; what comes faster is a barcode scanner."""


async def burst(pilot: Pilot[Any], *keys: str) -> None:
    """All at once, as when the console was busy while a person typed; names of keys, or letters."""
    driver, began = pilot.app._driver, time.monotonic()
    assert driver is not None
    await asyncio.sleep(_EACH_S * len(keys))
    for place, key in enumerate(keys, 1):
        single = len(key) == 1
        event = events.Key(_character_to_key(key) if single else key, key if single else None)
        event.time = began + _EACH_S * place
        driver.send_message(event)


async def rested(pilot: Pilot[Any]) -> None:
    """No key waits, and what is on the screen can be seen."""
    typed = flows.app_of(pilot).typed
    await flows.until(pilot, lambda: typed.shown and not typed._keys, "keys wait for ever")


def values(pilot: Pilot[Any]) -> list[str]:
    return [field.value for field in pilot.app.screen.query(Input) if field.id in {"mrn", "issuer", "name"}]


async def test_what_is_typed_right_after_the_key_that_opens_a_form_stands_in_its_fields(
    running: RunningKiosk,
) -> None:
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("e")
        await flows.until_screen(pilot, "EncountersScreen")
        await burst(pilot, "n", *"7421093", "enter", *"Demo", "enter", *"Mu")
        await flows.until_screen(pilot, "EncounterScreen")
        await flows.until(pilot, lambda: values(pilot) == ["7421093", "Demo", "Mu"], "letters were lost")


async def test_from_home_two_screens_further_at_once(running: RunningKiosk) -> None:
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await burst(pilot, "e", "n", *"7421093")
        await flows.until_screen(pilot, "EncounterScreen")
        await flows.until(pilot, lambda: values(pilot)[0] == "7421093", "letters were lost")
        await burst(pilot, "escape", "escape", "i", "enter")
        await flows.until_screen(pilot, "ImportsScreen")
        await flows.until(pilot, lambda: getattr(pilot.app.focused, "id", "") == "captures", "Enter was lost")


async def test_after_the_passphrase_keys_wait_for_whoever_logs_in(running: RunningKiosk) -> None:
    async with console(running.path) as pilot:
        await burst(pilot, "l", *"rita", "enter", *PASSPHRASE, "enter", "e", "n", *"77")
        await flows.until_screen(pilot, "EncounterScreen")
        await flows.until(pilot, lambda: values(pilot)[0] == "77", "letters were lost")


async def test_a_question_is_not_answered_before_it_was_on_the_screen(running: RunningKiosk) -> None:
    prepare(running, method=RecipientMethod.PASSPHRASE)
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("x")
        await flows.until_text(pilot, "3 photos may leave. F2 exports.")
        await burst(pilot, "f2", "y", "enter", "y")
        await flows.until_text(pilot, "cannot be called back")
        await rested(pilot)
        await flows.until_screen(pilot, "Confirm")  # it still asks
        await flows.until_text(pilot, TOO_EARLY[:40])
        assert [each.display for each in pilot.app.screen.query(Warned)] == [True]
        await pilot.press("y")
        await flows.until_screen(pilot, "ExportedScreen")


async def click(pilot: Pilot[Any], x: int, y: int, pressed: float) -> None:
    """A button of the mouse goes down at a moment, and comes up now."""
    driver = pilot.app._driver
    assert driver is not None
    for kind, moment in ((events.MouseDown, pressed), (events.MouseUp, time.monotonic())):
        event = kind(None, x, y, 0, 0, 1, False, False, False, x, y)
        event.time = moment
        driver.send_message(event)


async def test_a_click_on_what_was_not_seen_does_nothing_where_one_was_before(running: RunningKiosk) -> None:
    for model in ("Canon EOS R5", "Canon EOS R7"):
        running.kiosk.plug_in(2, model=model)
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("i")
        await flows.until_text(pilot, "2 photos in this import")
        typed, imports = flows.app_of(pilot).typed, pilot.app.screen.query_one("#imports", PagedList)
        x, y = imports.region.x + 5, imports.region.y + PagedTable.HEAD
        await click(pilot, x, y + 2, time.monotonic())
        await flows.until(pilot, lambda: imports.cursor == 2, "a click does not choose")
        await rested(pilot)
        await click(pilot, x, y + 1, (typed._since or 0.0) - 0.001)
        await pilot.press("f1")  # comes after the click
        await flows.until_screen(pilot, "KeysScreen")
        assert imports.cursor == 2
        await pilot.press("escape")
        await flows.until_text(pilot, "in this import")
        await rested(pilot)
        await click(pilot, x, y + 1, time.monotonic())
        await flows.until(pilot, lambda: imports.cursor == 1, "no click works any more")


async def test_of_what_was_typed_ahead_nothing_follows_what_could_not_be_done(running: RunningKiosk) -> None:
    prepare(running, method=RecipientMethod.PASSPHRASE)
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "rita")
        await burst(pilot, "x", "f2", "y", "escape", "escape")
        await flows.until_text(pilot, TOO_EARLY[:40])
        await rested(pilot)
        await flows.until_screen(pilot, "ExportScreen")
        await flows.until_text(pilot, "3 photos may leave. F2 exports.")
        await pilot.press("f2")
        await flows.until_text(pilot, "cannot be called back")


@pytest.mark.parametrize("key", ["s", "c", "x", "enter", "d"])
async def test_nothing_is_done_to_an_encounter_that_was_not_listed_yet(
    running: RunningKiosk, key: str
) -> None:
    prepare(running, method=RecipientMethod.PASSPHRASE)
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await burst(pilot, "e", key)
        await flows.until_text(pilot, TOO_EARLY[:40])
        await rested(pilot)
        await flows.until_screen(pilot, "EncountersScreen")
        await flows.until_text(pilot, "Mustermann, Erika")
        await pilot.press(key)
        await flows.until(pilot, lambda: "Encounters" not in type(pilot.app.screen).__name__, "no key works")


async def test_no_photo_is_approved_by_a_key_from_before_it_was_painted(running: RunningKiosk) -> None:
    first = next(iter(running.kiosk.photos.values()))
    async with reviewing(running) as pilot:
        screen = review_screen(pilot)
        await flows.until_text(pilot, "READY: A approves what you see")
        driver = pilot.app._driver
        assert driver is not None
        early = events.Key("a", "a")
        early.time = screen._painted_at - 0.001
        assert early.time > (flows.app_of(pilot).typed._since or 0.0)
        driver.send_message(early)
        await flows.until_text(pilot, TOO_EARLY[:40])
        assert not first.info.approvers
        await pilot.press("a")
        await flows.until_text(pilot, "approved.")
        assert first.info.state is ReviewState.APPROVED


async def early_key(pilot: Pilot[Any], key: str) -> None:
    """One that was pressed just before the photo on the screen was seen, but after the screen itself was."""
    seen_at, driver = review_screen(pilot).seen_at, pilot.app._driver
    assert seen_at is not None
    assert driver is not None
    flows.app_of(pilot).typed._since = seen_at - 1.0
    character = key if len(key) == 1 else None
    event = events.Key(_character_to_key(key) if character else key, character)
    event.time = seen_at - 0.001
    driver.send_message(event)


async def refused(pilot: Pilot[Any], key: str) -> None:
    """It does nothing, and the screen says so."""
    screen = review_screen(pilot)
    screen.say("")
    await flows.until(pilot, lambda: TOO_EARLY[:40] not in flows.text(pilot), "the words stay")
    await rested(pilot)
    await early_key(pilot, key)
    await flows.until(pilot, lambda: TOO_EARLY[:40] in flows.text(pilot), f"{key} is not refused")
    await rested(pilot)
    assert pilot.app.screen is screen, key


async def test_no_mask_of_a_photo_is_deleted_by_a_key_from_before_it_was_painted(
    running: RunningKiosk,
) -> None:
    first = next(iter(running.kiosk.photos.values()))
    async with reviewing(running) as pilot:
        await pilot.press("m", "s")
        await flows.until_text(pilot, "revision 2")
        await flows.until_text(pilot, "READY")
        drawn = first.findings[-1]
        draft = review_screen(pilot)._draft
        assert draft.finding == drawn
        await refused(pilot, "d")
        assert draft.findings == first.findings
        await pilot.press("d")
        await flows.until_text(pilot, "MASKS CHANGED")
        assert drawn not in draft.findings


async def test_whatever_a_key_does_to_a_photo_it_does_to_none_that_was_not_painted_when_it_was_pressed(
    running: RunningKiosk,
) -> None:
    acts = [each for each in ACTIONS if each.where is Where.REVIEW and each.name != "back"]
    looks = {each.name for each in acts if each.name.partition("(")[0] in ReviewScreen.LOOKS}
    assert not {"approve", "reject", "delete", "save", "uncover", "original"} & looks
    async with reviewing(running) as pilot:
        await pilot.press("n")
        await flows.until_text(pilot, "photo 2 of 3")
        await flows.until_text(pilot, "READY")
        screen, calls = review_screen(pilot), list(running.kiosk.calls)
        before = screen._draft.findings
        for action in acts:
            if action.name not in looks:
                await refused(pilot, action.keys[0])
                assert screen._draft.findings == before, action.name
        assert running.kiosk.calls == calls
        for key, shown in (
            ("z", "CLOSER"),
            ("n", "photo 3 of 3"),
            ("p", "photo 2 of 3"),
            ("escape", "Next: "),
        ):
            await early_key(pilot, key)
            await flows.until_text(pilot, shown)
            await rested(pilot)


async def test_of_keys_at_once_those_that_move_on_are_taken_and_the_others_told(
    running: RunningKiosk,
) -> None:
    async with reviewing(running) as pilot:
        await burst(pilot, "n", "n", "r")
        await flows.until(pilot, lambda: TOO_EARLY[:40] in flows.text(pilot), "R is not refused")
        await flows.until_text(pilot, "photo 3 of 3")
        await rested(pilot)
        await pilot.press("r")
        await flows.until_screen(pilot, "AskReason")


async def test_a_photo_that_cannot_be_painted_is_seen_in_words(
    running: RunningKiosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = running.kiosk.picture
    async with reviewing(running) as pilot:
        monkeypatch.setattr(running.kiosk, "picture", lambda photo: honest(photo)[:-3])
        await pilot.press("n")
        await flows.until_text(pilot, "This photo could not be drawn, so it cannot be approved here.")
        await pilot.press("r")
        await flows.until_screen(pilot, "AskReason")
        monkeypatch.undo()
        await pilot.press("escape")
        await flows.until_screen(pilot, "ReviewScreen")
        await pilot.resize_terminal(30, 6)  # no room for a picture
        await pilot.press("p")
        await flows.until(pilot, lambda: flows.photo_seen(pilot), "nothing can be done to it")
        await rested(pilot)
        await pilot.press("r")
        await flows.until_screen(pilot, "AskReason")


def test_in_lines_a_photo_is_acted_on_once_it_was_said(running: RunningKiosk) -> None:
    with PtyConsole(command(running.path, "--plain")) as console_:
        console_.until("Keys: L Log in")
        console_.press("l")
        console_.until("User: empty")
        console_.type("rita\r")
        console_.until("Passphrase: empty")
        console_.type(f"{PASSPHRASE}\r")
        console_.until("open: somebody is logged in")
        console_.press("r")
        console_.until("photo 1 of 3")
        console_.until("this terminal cannot show photos.")
        console_.press("n")
        console_.until("photo 2 of 3")
        console_.press("r")
        console_.until("Why is this photo rejected?")


async def test_esc_leaves_a_screen_whose_daemon_does_not_answer(running: RunningKiosk) -> None:
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        running.kiosk.answers.clear()
        try:
            await burst(pilot, "i", "enter", "escape")
            await flows.until_screen(pilot, "ImportsScreen")
            began = time.monotonic()
            await flows.until_screen(pilot, "HomeScreen")
            assert time.monotonic() - began < HOLD_S + 5
        finally:
            running.kiosk.answers.set()


async def test_f9_waits_for_nothing_and_takes_with_it_what_waits(running: RunningKiosk) -> None:
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        app = flows.app_of(pilot)
        running.kiosk.answers.clear()
        try:
            await burst(pilot, "i", "enter", "enter", "f9")
            await flows.until(pilot, lambda: app._leaving or app.session is None, "F9 waits")
            assert not app.typed._keys
        finally:
            running.kiosk.answers.set()
        await flows.until_text(pilot, "You are logged out.")
        await rested(pilot)
        await flows.until_screen(pilot, "HomeScreen")


async def test_a_key_that_meets_another_screen_on_its_way_counts_as_pressed_before_that(
    running: RunningKiosk,
) -> None:
    """An answer of the daemon opened it while a widget of the screen before had the key."""
    prepare(running, method=RecipientMethod.PASSPHRASE)
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        typed, home = flows.app_of(pilot).typed, pilot.app.screen
        for key, screen in (("s", "EncountersScreen"), ("n", "EncounterScreen")):
            pressed = events.Key(key, key)
            await asyncio.sleep(_EACH_S)
            await pilot.press("e")
            await flows.until_text(pilot, "Mustermann, Erika")
            await rested(pilot)
            typed._target = home
            await pilot.pause(_EACH_S)
            assert await typed.came_back(pressed)
            await rested(pilot)
            await flows.until_screen(pilot, screen)
            assert not running.kiosk.calls
            await pilot.press("escape")
        await flows.until_screen(pilot, "EncountersScreen")


async def test_after_keys_were_lost_none_of_the_same_hand_goes_into_the_next_field(
    running: RunningKiosk,
) -> None:
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("i")
        await flows.until_text(pilot, "3 photos in this import")
        running.kiosk.answers.clear()
        await burst(pilot, "a", *"7742")
        await asyncio.sleep(HOLD_S + 0.6)
        await burst(pilot, *"1093")
        running.kiosk.answers.set()
        await flows.until_screen(pilot, "ChooseEncounter")
        await flows.until_text(pilot, TOO_EARLY[:30])
        assert pilot.app.screen.query_one(Input).value == ""
        await burst(pilot, *"7742")
        await flows.until(pilot, lambda: pilot.app.screen.query_one(Input).value == "7742", "not typed")


def test_two_keys_in_one_write_in_a_terminal(running: RunningKiosk) -> None:
    prepare(running, method=RecipientMethod.PASSPHRASE)
    with PtyConsole(command(running.path)) as console_:
        log_in(console_)
        console_.write(b"i\r")
        console_.until("in this import")
        console_.press("space")
        console_.until("1 photo marked.")
        console_.press("escape")
        console_.until("Next: ")
        console_.write(b"x\x1bOQ")  # F2
        console_.until(TOO_EARLY[:40])
        console_.until("photos may leave. F2 exports.")
        console_.write(b"\x1bOQy")
        console_.until("cannot be called back")
        time.sleep(0.5)
        assert "cannot be called back" in console_.text()
        assert not running.kiosk.exported
        console_.press("y")
        console_.until("Compare signer")

"""Whether a card may be used again, in big letters, and for which files not: without a login."""

from __future__ import annotations

import msgspec
import pytest

from medkiosk.console.kept import big_passport
from medkiosk.console.screens.kept import KeptScreen
from medkiosk.console.widgets.bigwords import BigWords, large
from medkiosk.core.device import KEEP_CARD, REUSE, DeviceState
from medkiosk.ipc import types as t
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.state import device
from tests.console.terminals import PtyConsole, command
from tests.console.test_screens import console
from tests.console.test_terminals import golden


def card(key: str, passport: str, state: DeviceState = DeviceState.SAFE) -> t.DeviceStatus:
    plugged = device(state, 20, 20, "memory card")
    return msgspec.structs.replace(plugged, key=key, kind="card", passport=passport)


def camera(passport: str) -> t.DeviceStatus:
    return msgspec.structs.replace(device(DeviceState.SAFE, 20, 20), key="camera", passport=passport)


@pytest.mark.parametrize(
    ("cards", "words"),
    [
        ([camera("")], ""),
        ([camera(KEEP_CARD)], "KEEP THIS CARD"),
        ([camera(""), card("a", REUSE)], "SAFE TO REUSE"),
        ([camera(KEEP_CARD), card("a", REUSE)], "KEEP A CARD"),
        ([], ""),
        ([card("a", "", DeviceState.IMPORTING)], ""),
        ([card("a", REUSE)], "SAFE TO REUSE"),
        ([card("a", KEEP_CARD)], "KEEP THIS CARD"),
        ([card("a", REUSE), card("b", REUSE)], "SAFE TO REUSE"),
        ([card("a", REUSE), card("b", "", DeviceState.IMPORTING)], ""),
        ([card("a", REUSE), card("b", KEEP_CARD)], "KEEP A CARD"),
        ([card("a", REUSE), card("b", KEEP_CARD, DeviceState.GONE)], "SAFE TO REUSE"),
    ],
)
def test_the_passport_of_all_cards_is_the_most_careful_one(cards: list[t.DeviceStatus], words: str) -> None:
    assert big_passport(cards) == words
    if words:
        assert large(words, 78, 5) is not None, "it fits into one line of a bare terminal"


async def test_which_files_keep_the_card_is_one_key_away_and_needs_no_login(running: RunningKiosk) -> None:
    files = tuple(t.KeptFile(name=f"IMG_{n:04d}", words="It was cut off.") for n in range(1, 121))
    other = t.KeptFile(name="", words="It cannot be read.")
    running.kiosk.devices = (card("a", KEEP_CARD), card("b", REUSE), card("c", KEEP_CARD))
    running.kiosk.kept = {"a": files, "c": (other,)}
    running.kiosk.touch()
    async with console(running.path) as pilot:
        await flows.until(
            pilot,
            lambda: pilot.app.screen.query_one("#passport", BigWords).words == "KEEP A CARD",
            "no passport",
        )
        await flows.until_text(pilot, "K lists the files")
        await pilot.press("k")
        await flows.until(pilot, lambda: isinstance(pilot.app.screen, KeptScreen), "no list")
        await flows.until_text(pilot, "Files 1 to 50 of 121")
        await flows.until_text(pilot, "IMG_0001")
        await flows.until_text(pilot, "It was cut off.")
        await pilot.press("p")
        await flows.until_text(pilot, "This is the first page.")
        await pilot.press("n")
        await flows.until_text(pilot, "Files 51 to 100 of 121")
        await pilot.press("n")
        await flows.until_text(pilot, "Files 101 to 121 of 121")
        await flows.until_text(pilot, "no camera name")
        await flows.until_text(pilot, "needed for no file")
        await pilot.press("n")
        await flows.until_text(pilot, "This is the last page.")
        await pilot.press("escape")
        await flows.until_screen(pilot, "HomeScreen")
    assert running.kiosk.calls.count("login") == 0


async def test_of_a_device_that_was_not_read_to_its_end_nothing_is_claimed(running: RunningKiosk) -> None:
    running.kiosk.devices = (card("a", "", DeviceState.LOST),)
    running.kiosk.touch()
    async with console(running.path) as pilot:
        await pilot.press("k")
        await flows.until_text(pilot, "UNPLUGGED TOO EARLY. Which files are missing is known once")


@pytest.mark.parametrize(
    ("name", "passport"), [("card-kept", KEEP_CARD), ("card-reuse", REUSE)], ids=["kept", "reuse"]
)
def test_on_eighty_by_twenty_four_both_words_are_large(
    running: RunningKiosk, name: str, passport: str
) -> None:
    note = "Not on the device: number 0003."
    running.kiosk.devices = (msgspec.structs.replace(card("a", passport), notes=(note,), damaged=1),)
    running.kiosk.touch()
    with PtyConsole(command(running.path, "--theme", "ansi"), columns=80, rows=24) as shown:
        shown.until("number 0003")
        golden(name, shown.inked)

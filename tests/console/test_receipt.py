"""What the screens say about an import: pace, passport, notes, receipt."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console

from medkiosk.console.screens.home import device_table
from medkiosk.console.screens.receipt import ReceiptScreen, receipt_words
from medkiosk.core.device import KEEP_CARD, STATE_WORDS, DeviceState
from medkiosk.core.ids import ImportId
from medkiosk.ipc import types as t
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.state import device
from tests.console.test_screens import console


def drawn(devices: tuple[t.DeviceStatus, ...]) -> str:
    page = io.StringIO()
    Console(file=page, width=130).print(device_table(devices))
    return page.getvalue()


def test_home_says_how_far_it_is_and_how_long_it_takes() -> None:
    doing = "file 7 of 20, 61 MB of 180 MB, 24 MB a second, a few seconds left"
    busy = msgspec.structs.replace(device(DeviceState.IMPORTING, 20, 6), doing=doing)
    assert doing in " ".join(drawn((busy,)).split())


@pytest.mark.parametrize("state", [DeviceState.OPENING, DeviceState.LISTING, DeviceState.RETRYING])
def test_home_says_what_happens_before_there_is_a_figure(state: DeviceState) -> None:
    said = drawn((device(state, 0, 0),))
    assert STATE_WORDS[state] in said
    assert "0 of 0" not in said


def test_home_says_whether_the_card_is_still_needed_and_what_else_there_is() -> None:
    note = "Not on the device: number 0003."
    held = msgspec.structs.replace(
        device(DeviceState.SAFE, 20, 19), damaged=1, passport=KEEP_CARD, notes=(note,), doing="file 20 of 20"
    )
    said = drawn((held,))
    assert "SAFE TO UNPLUG" in said
    assert KEEP_CARD in said
    assert note in said
    assert "1 damaged on the card" in said
    assert "file 20 of 20" not in said  # it is over


KEPT = "1 to be deleted and still there"
UNCLEAR = "2 of which nobody knows whether they are still there"


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({}, None),
        ({"deleted": 3}, "Afterwards 3 deleted from the device."),
        (
            {"deleted": 10, "kept": 1, "unclear": 2},
            f"Afterwards 10 deleted from the device, {KEPT}, {UNCLEAR}.",
        ),
    ],
)
def test_a_receipt_says_what_was_deleted_afterwards(counts: dict[str, int], words: str | None) -> None:
    info = t.ImportInfo(
        import_id=ImportId("i"),
        at="2026-05-01T09:00:00Z",
        device_kind="card",
        model="EOS",
        serial="7",
        captures=13,
        assigned=0,
        finished=True,
        failed=0,
    )
    receipt = t.Receipt(
        info=info,
        on_device=13,
        bytes=9,
        sealed=13,
        already=0,
        copies=0,
        damaged=0,
        failed=0,
        safe=True,
        expendable=True,
        gaps=(),
        lines=(),
        total=0,
        **counts,
    )
    said = receipt_words(receipt).splitlines()
    assert [line for line in said if "fterwards" in line] == ([words] if words else [])


async def test_the_receipt_of_an_import_is_one_key_away(running: RunningKiosk) -> None:
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("i")
        await flows.until_text(pilot, "in this import")
        await pilot.press("t")
        await flows.until(pilot, lambda: isinstance(pilot.app.screen, ReceiptScreen), "no receipt")
        await flows.until_text(pilot, "sealed")
        await flows.until_text(pilot, "IMG_0001")
        await flows.until_text(pilot, "0004 to 0006")
        await pilot.press("escape")
        await flows.until_screen(pilot, "ImportsScreen")

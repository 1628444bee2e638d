"""The ledger's head on the screen, and the big words when nothing is taken."""

from __future__ import annotations

import base64

import pytest

from medkiosk.console.screens.home import mood
from medkiosk.console.screens.ledger import grouped
from medkiosk.console.widgets.qr import modules
from medkiosk.core.events import Role
from medkiosk.daemon.board import Board
from medkiosk.offline.heads import read_line
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.machine import LEDGER_HEAD
from tests.console.test_screens import console
from tests.console.test_terminals import GOLDEN


@pytest.mark.parametrize(("size", "fits"), [((132, 50), True), ((80, 24), False)])
async def test_the_head_is_shown_to_be_kept(
    running: RunningKiosk, size: tuple[int, int], *, fits: bool
) -> None:
    def code() -> set[int]:
        shown = pilot.app.screen.query_one("#code")
        return {len(line) for line in str(shown.render()).split("\n")} if shown.display else set()

    running.kiosk.hire("audi", "Audi Auditor", Role.AUDITOR)
    async with console(running.path, size=size) as pilot:
        await flows.log_in(pilot, "audi")
        await pilot.press("g")
        await flows.until_screen(pilot, "LedgerScreen")
        await flows.until_text(pilot, "20852163 entries")
        said = flows.text(pilot)
        for words in (
            "Photograph this",
            "scratch.medkiosk.invalid/ledger",
            "auditor.example/w1 saw 20000000",
        ):
            assert words in said
        side = len(modules(LEDGER_HEAD.text))
        assert code() == ({side} if fits else set())
        assert ("C shows the code" in said) is not fits
        await pilot.press("c")
        await flows.until_screen(pilot, "CodeScreen")
        await flows.until(pilot, lambda: len(code()) == 1, "no code")
        [width] = code()
        assert width in {2 * side, len(modules(LEDGER_HEAD.text, "l"))}
        await pilot.press("escape")
        await flows.until_screen(pilot, "LedgerScreen")


def test_what_stands_on_the_screen_is_what_compare_takes() -> None:
    """The walk past every screen compares the screen with this golden one."""
    typed = (GOLDEN / "80x24" / "ledger.txt").read_text().split("\n\n")[1]
    assert LEDGER_HEAD.origin in typed
    assert read_line(typed) == read_line(LEDGER_HEAD.text)


async def test_a_photographer_does_not_see_it(running: RunningKiosk) -> None:
    async with console(running.path, size=(132, 50)) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("g")
        await flows.until_text(pilot, "none of your roles")


def test_the_code_is_what_compare_takes() -> None:
    head = read_line(LEDGER_HEAD.text)
    assert (head.origin, head.size, head.root.hex()) == (LEDGER_HEAD.origin, 20852163, LEDGER_HEAD.root)
    assert head.line() == LEDGER_HEAD.text
    assert bytes.fromhex(grouped(LEDGER_HEAD.root).replace(" ", "")) == base64.b64decode(
        LEDGER_HEAD.text.split()[2]
    )


def test_nothing_is_said_more_loudly_than_that_the_store_was_rolled_back() -> None:
    board = Board()
    board.set(alarm="STORE ROLLED BACK")
    assert board.status.headline == "STORE ROLLED BACK"
    assert mood(board.status) == "-alarm"
    board.set(alarm="")
    assert board.status.headline == "PLUG IN A CAMERA OR CARD"
    assert mood(board.status) == "-quiet"

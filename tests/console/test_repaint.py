"""What a key costs: a key on a list draws two lines, and what nobody sees is not drawn at all."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from textual.strip import Strip

from medkiosk.console.screens.home import HomeScreen
from medkiosk.console.widgets.paged import PagedList
from medkiosk.core.device import DeviceState
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.state import device
from tests.console.test_paged import fill, listed
from tests.console.test_screens import console


async def test_a_key_on_a_list_draws_what_changed_and_no_more(
    running: RunningKiosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All lines were drawn again for each key once: half of what a key cost."""
    fill(running)
    drawn: Counter[int] = Counter()
    draw = PagedList.render_line

    def counted(self: PagedList[Any], y: int) -> Strip:
        drawn[y] += 1
        return draw(self, y)

    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("e")
        await flows.until_text(pilot, "1000 encounters, newest first")
        await flows.until(pilot, lambda: listed(pilot).settled, "not loaded")
        await pilot.press("down")
        await pilot.pause(0.2)
        monkeypatch.setattr(PagedList, "render_line", counted)
        await pilot.press("down")
        await pilot.pause(0.2)
        assert listed(pilot).cursor == 2
        # Two lines an entry: the one that was chosen, and the one that is.
        assert sum(drawn.values()) <= 4, drawn


async def test_home_is_drawn_when_it_is_seen_again_and_not_before(running: RunningKiosk) -> None:
    """While an import runs a status comes several times a second: no key waits for a screen below."""
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        home = pilot.app.screen
        assert isinstance(home, HomeScreen)
        await pilot.press("e")
        await flows.until_screen(pilot, "EncountersScreen")
        running.kiosk.devices = (device(DeviceState.IMPORTING, 12, 7, "Another Camera"),)
        running.kiosk.touch()
        await flows.until_text(pilot, "DO NOT UNPLUG")  # in the line above
        await flows.until(pilot, lambda: home._waits, "it was drawn under another screen")
        await pilot.press("escape")
        await flows.until_text(pilot, "Another Camera")
        assert not home._waits

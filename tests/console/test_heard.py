"""While somebody types the end of a key as they hear it, the key cannot be read off any screen."""

from __future__ import annotations

import pytest

from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.test_export import KEY
from tests.console.test_screens import console


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 40), (200, 60)])
async def test_the_form_with_the_key_is_hidden(running: RunningKiosk, size: tuple[int, int]) -> None:
    async with console(running.path, size=size) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("x", "f3")
        await flows.until_text(pilot, "N enrols somebody")
        await pilot.press("n")
        await flows.until_screen(pilot, "EnrolScreen")
        await flows.type_text(pilot, "Dr. Eva Brandt")
        await pilot.press("enter", "enter", "right", "space", "enter")
        await flows.type_text(pilot, "2031-06-30")
        await pilot.press("enter", "enter")
        await flows.type_text(pilot, KEY)
        await pilot.press("f2")
        await flows.until_screen(pilot, "HeardScreen")
        await flows.until_text(pilot, "on a number that you had before")
        assert KEY[-16:] not in flows.text(pilot)
        assert "Organisation" not in flows.text(pilot)

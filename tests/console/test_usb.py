"""USB at the console: what is refused is named on Home, an administrator lets a keyboard in."""

from __future__ import annotations

from medkiosk.console.screens.home import is_quiet, mood
from medkiosk.console.screens.usb import UsbScreen, called
from medkiosk.core.events import Role
from medkiosk.ipc import types as t
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.test_screens import console

OLD = t.KeyboardInfo(vendor="046d", product="c31c", name="Old", port="pci-1", serial="", there=True)
NEW = t.KeyboardInfo(vendor="413c", product="2113", name="New", port="pci-2", serial="7", there=True)
BAD = t.RefusedDevice(
    vendor="413c",
    product="2113",
    name="New",
    reason="keyboard",
    words="It says it is a keyboard or mouse. Pull it out; nothing was taken from it.",
    port="pci-2",
)


async def test_home_names_what_is_refused_and_the_big_words_stay(running: RunningKiosk) -> None:
    async with console(running.path) as pilot:
        await flows.until_text(pilot, "SAFE TO UNPLUG")
        before = running.kiosk.status()
        running.kiosk.usb = t.Usb(keyboards=(), refused=(BAD,), strangers=())
        running.kiosk.touch()
        await flows.until_text(pilot, "not used: 413c:2113 New")
        await flows.until_text(pilot, "Pull it out; nothing was taken from it.")
        after = running.kiosk.status()
        assert (after.headline, mood(after)) == (before.headline, mood(before))
        assert is_quiet(before)
        assert not is_quiet(after)


def test_a_name_is_clean_even_if_the_daemon_let_it_through() -> None:
    evil = t.RefusedDevice(
        vendor="04\x1b9", product="ffffff", name="[b]\x1b[2J\n" + "A" * 100, reason="", words="", port=""
    )
    shown = called(evil)
    assert "\x1b" not in shown
    assert "\n" not in shown
    assert len(shown) <= 50


async def test_an_administrator_lets_a_keyboard_in_and_forgets_one(running: RunningKiosk) -> None:
    running.kiosk.hire("ada", "Ada Admin", Role.ADMINISTRATOR)
    running.kiosk.usb = t.Usb(keyboards=(OLD,), refused=(BAD,), strangers=(NEW,))
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "ada")
        await pilot.press("u")
        await flows.until(pilot, lambda: isinstance(pilot.app.screen, UsbScreen), "no list")
        await flows.until_text(pilot, "413c:2113 New NOT on the list")
        await pilot.press("n")
        await flows.until_text(pilot, "Choose one that is not on the list")
        await pilot.press("down", "n")
        await flows.until_text(pilot, "Let 413c:2113 New type on this kiosk?")
        await pilot.press("y")
        await flows.until_text(pilot, "It works from now on, in this port.")
        assert [one.port for one in running.kiosk.usb.keyboards] == ["pci-1", "pci-2"]
        await pilot.press("up", "f")
        await flows.until_text(pilot, "Take 046d:c31c Old off the list?")
        await pilot.press("y")
        await flows.until_text(pilot, "It is not used any more.")
        assert [one.port for one in running.kiosk.usb.keyboards] == ["pci-2"]

"""No key leads out of the console to a shell; and what is there where the kernel cannot draw."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from tests.kiosk import PASSPHRASE
from tests.vm.desk import ADMIN, Desk
from tests.vm.machine import Machine
from tests.vm.prepared import BOOT_S, READY

pytestmark = pytest.mark.timeout(3600)

LOCKED = "locked: no photo can be read here"

TERMINALS = (
    *(f"ctrl-alt-f{number}" for number in (*range(2, 13), 1)),
    *(f"alt-f{number}" for number in (*range(2, 13), 1)),
    "alt-right",
    "alt-left",
    "alt-up",
    "print",
)
"""Keys by which a kernel or a compositor shows another virtual terminal."""
SYSTEM = (
    *["ctrl-alt-delete"] * 8,  # seven within two seconds are more than a request to systemd
    *(f"alt-sysrq-{letter}" for letter in "rkeisufb"),
    "ctrl-alt-backspace",
    "ctrl-alt-esc",
    "alt-esc",
    "alt-f4",
    "alt-tab",
    "meta_l",
    "meta_l-d",
    "meta_l-ret",
    "ctrl-alt-t",
    "power",
    "sleep",
)
"""Keys that a kernel, systemd or a desktop obeys."""
PROGRAM = (
    *(f"ctrl-shift-{letter}" for letter in "nrfoucvxz"),
    "shift-insert",
    "shift-pgup",
    "shift-pgdn",
    "f11",
    *(f"ctrl-{key}" for key in (*"czdqspo", "backslash")),
    "esc",
)
"""Keys of foot (a new window, search, links), of a terminal (end, stop) and of Textual (quit, commands)."""

_HARNESS = 4 << 8 | 65
"""The number of ttyS1, where `Machine.shell` is."""


@dataclass(frozen=True)
class Seen:
    """What no key may change.

    Attributes:
        boot: which start of the machine this is.
        terminals: programs that have a terminal, with its number. A shell or a login prompt would be one.
        windows: the programs that draw one.
        console: its main process, and how often it was started anew.
    """

    boot: str
    terminals: tuple[tuple[str, int], ...]
    windows: tuple[str, ...]
    console: str


def look(kiosk: Machine, unit: str) -> Seen:
    """Look at the console from inside; ``unit`` is what draws it."""
    said = kiosk.shell("cat /proc/[0-9]*/stat 2>/dev/null | cut -c1-100")
    found = re.findall(r"^[0-9]+ \((.*)\) . [0-9]+ [0-9]+ [0-9]+ (-?[0-9]+) ", said, re.MULTILINE)
    held = [(name, int(number)) for name, number in found if int(number) not in {0, _HARNESS}]
    return Seen(
        boot=kiosk.shell("cat /proc/sys/kernel/random/boot_id"),
        terminals=tuple(sorted(held)),
        windows=tuple(sorted(name for name, _ in found if name in {"cage", "foot", "footclient"})),
        console=kiosk.shell(f"systemctl show -p MainPID,NRestarts,ActiveState {unit}"),
    )


def in_front(kiosk: Machine) -> str:
    """The virtual terminal that is on the screen."""
    return kiosk.shell("cat /sys/class/tty/tty0/active").split()[0]


def obeyed(kiosk: Machine) -> None:
    """Wait until all keys that were pressed had their effect: the console obeys the next one."""
    kiosk.press("f1")
    kiosk.see("List of keys")
    kiosk.press("esc")
    kiosk.see(LOCKED)


def test_no_key_leads_from_the_console_to_a_shell_or_a_second_window(kiosk: Machine) -> None:
    before = look(kiosk, "medkiosk-console")
    assert before.windows == ("cage", "foot")
    assert [name for name, _ in before.terminals] == ["medkiosk-consol"]
    assert in_front(kiosk) == "tty1"
    for key in TERMINALS:
        kiosk.press(key)
        assert in_front(kiosk) == "tty1", key
    for key in (*SYSTEM, *PROGRAM):
        kiosk.press(key)
    obeyed(kiosk)
    kiosk.picture("after-all-keys")
    assert look(kiosk, "medkiosk-console") == before
    Desk(kiosk).log_in(ADMIN)


def test_where_nothing_can_be_drawn_the_console_is_on_the_bare_terminal_and_no_key_leads_out_of_it(
    kiosk: Machine,
) -> None:
    kiosk.rewind(READY)
    kiosk.start(graphics="qxl-vga")  # the image has no driver for it: like another maker's graphics
    kiosk.see(LOCKED, timeout_s=BOOT_S)
    kiosk.picture("bare-terminal")
    assert kiosk.shell("ls /sys/class/drm 2>/dev/null | grep card") == "exit 1"
    before = look(kiosk, "medkiosk-console-text")
    assert "ActiveState=active" in before.console
    assert before.windows == ()
    assert [name for name, _ in before.terminals] == ["medkiosk-consol"]
    for key in TERMINALS:
        kiosk.press(key)
        assert in_front(kiosk) == "tty1", key
    for key in (*SYSTEM, *PROGRAM):
        kiosk.press(key)
    obeyed(kiosk)
    assert look(kiosk, "medkiosk-console-text") == before
    desk = Desk(kiosk)
    desk.press_for("l", "Passphrase")
    desk.fill(ADMIN, PASSPHRASE)
    desk.see("open: somebody is logged in")

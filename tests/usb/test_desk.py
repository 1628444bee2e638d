"""What the daemon says of refused devices: real store, real ledger, real board; udev's words handed in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medkiosk.core.errors import NotFoundError
from medkiosk.core.ids import AccountId
from medkiosk.core.usbevents import KeyboardEnrolled, KeyboardForgotten, UsbRefused
from medkiosk.daemon.usbdesk import LastKeyboardError, NoKeyboardListError, UsbDesk
from medkiosk.device import usbpolicy
from medkiosk.device.usbkeyboards import Keyboard, KeyboardsDamagedError, read
from tests.daemon.importing import ImportRig
from tests.usb.test_pure import KEYBOARD, PORT, SCANNER, USB

BAD = {**USB, "MEDKIOSK_REFUSED": "keyboard", "ID_PATH": "pci-0000:00:14.0-usb-0:4"}
NEW = Keyboard("413c", "2113", "pci-0000:00:14.0-usb-0:4")
ADMIN = AccountId("a" * 32)


class Rig:
    """A desk on a clock of its own."""

    def __init__(self, folder: Path) -> None:
        self.store = ImportRig(folder / "store")
        self.list = folder / "keyboards.rules"
        self.now = 0.0
        self.there: tuple[Keyboard, ...] = ()
        self.desk = self.make(self.list)

    def make(self, keyboards: Path | None) -> UsbDesk:
        return UsbDesk(
            keyboards,
            self.store.journal,
            self.store.board,
            monotonic=lambda: self.now,
            connected=lambda: self.there,
        )

    def wait(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not true():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def problems(self) -> str:
        return " ".join(self.store.board.status.problems)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    usbpolicy.save([KEYBOARD], rig.list)
    rig.desk.start()
    yield rig
    rig.desk.stop()
    rig.store.close()


def test_a_refused_keyboard_is_on_the_screen_and_in_the_ledger(rig: Rig) -> None:
    headline = rig.store.board.status.headline
    for action in ("add", "bind", "change"):
        rig.desk.happened(action, BAD)
    rig.wait(lambda: bool(rig.store.board.status.refused))
    (line,) = rig.store.board.status.refused
    assert (line.vendor, line.product, line.name, line.reason) == (
        "046d",
        "c31c",
        "Logitech USB Keyboard",
        "keyboard",
    )
    assert line.words.startswith("It says it is a keyboard or mouse. Pull it out; nothing was taken from it")
    assert rig.store.board.status.headline == headline
    (event,) = rig.store.events(UsbRefused)
    assert (event.reason, event.called, event.uncounted) == ("keyboard", "Logitech USB Keyboard", 0)


def test_who_pulls_it_out_at_once_can_still_read_what_it_was(rig: Rig) -> None:
    rig.desk.happened("add", BAD)
    rig.desk.happened("remove", BAD)
    rig.wait(lambda: bool(rig.store.board.status.refused))
    rig.now = 30.0
    rig.wait(lambda: not rig.store.board.status.refused)
    assert len(rig.store.events(UsbRefused)) == 1


def test_a_device_that_is_let_in_after_all_goes_from_the_screen(rig: Rig) -> None:
    rig.desk.happened("add", BAD)
    rig.wait(lambda: bool(rig.store.board.status.refused))
    rig.desk.happened("change", {**BAD, "MEDKIOSK_REFUSED": ""})
    rig.now = 30.0
    rig.wait(lambda: not rig.store.board.status.refused)


def test_a_flood_fills_neither_screen_nor_ledger(rig: Rig) -> None:
    connects = 3000
    for n in range(connects):
        port = f"/devices/x/1-{n % 20}"
        shape = {**BAD, "DEVPATH": port, "ID_MODEL_ID": f"{n:04x}", "ID_MODEL": "\x1b]0;evil"}
        rig.desk.happened("add", shape)
        rig.desk.happened("remove", shape)
    rig.wait(lambda: len(rig.store.board.status.refused) == 8)
    assert len(rig.store.events(UsbRefused)) == 10
    rig.now = 700.0
    rig.wait(lambda: len(rig.store.events(UsbRefused)) == 11)
    last = rig.store.events(UsbRefused)[-1]
    assert last.uncounted == connects - 11
    assert all(one.name == "Logitech 0 evil" for one in rig.store.board.status.refused)


def test_nobody_waits_for_the_ledger(rig: Rig) -> None:
    with rig.store.journal.lock:  # somebody syncs a stick that hangs
        done = threading.Event()

        def plug() -> None:
            rig.desk.happened("add", BAD)
            done.set()

        threading.Thread(target=plug).start()
        assert done.wait(5)
    rig.wait(lambda: len(rig.store.events(UsbRefused)) == 1)


def test_a_stand_in_is_named_until_it_is_enrolled(rig: Rig) -> None:
    used = {**USB, "ID_VENDOR_ID": "413c", "ID_MODEL_ID": "2113", "MEDKIOSK_USB": "keyboard"}
    rig.desk.happened("add", {**used, "ID_PATH": NEW.port})
    rig.wait(lambda: "413c:2113" in rig.problems())
    rig.there = (NEW,)
    rig.desk.enrol(NEW.port, ADMIN)
    rig.wait(lambda: "413c:2113" not in rig.problems())


def test_the_keyboard_of_the_list_is_no_news(rig: Rig) -> None:
    rig.desk.happened("add", {**USB, "MEDKIOSK_USB": "keyboard"})
    rig.desk.happened("add", BAD)
    rig.wait(lambda: bool(rig.store.board.status.refused))
    assert "stands in" not in rig.problems()
    assert "in the place of" not in rig.problems()


def test_enrol_and_forget(rig: Rig) -> None:
    rig.there = (KEYBOARD, NEW)
    usb = rig.desk.usb()
    assert [(one.port, one.there) for one in usb.keyboards] == [(PORT, True)]
    assert [one.port for one in usb.strangers] == [NEW.port]
    with pytest.raises(LastKeyboardError):
        rig.desk.forget(PORT, ADMIN)
    with pytest.raises(NotFoundError):
        rig.desk.enrol(SCANNER.port, ADMIN)
    rig.desk.enrol(NEW.port, ADMIN)
    assert set(read(rig.list.read_text())) == {KEYBOARD, NEW}
    rig.desk.forget(PORT, ADMIN)
    assert read(rig.list.read_text()) == (NEW,)
    with pytest.raises(NotFoundError):
        rig.desk.forget(PORT, ADMIN)
    (enrolled,), (forgotten,) = rig.store.events(KeyboardEnrolled), rig.store.events(KeyboardForgotten)
    assert (enrolled.actor, enrolled.port, forgotten.port) == (ADMIN, NEW.port, PORT)


def test_another_keyboard_in_the_same_port_takes_the_place(rig: Rig) -> None:
    rig.there = (Keyboard("413c", "2113", PORT),)
    rig.desk.enrol(PORT, ADMIN)
    assert read(rig.list.read_text()) == rig.there


def test_a_list_that_somebody_changed_is_said_and_not_used(rig: Rig) -> None:
    rig.list.write_text(rig.list.read_text() + 'RUN+="/bin/id"\n')
    with pytest.raises(KeyboardsDamagedError):
        rig.desk.usb()
    rig.desk.happened("add", {**USB, "MEDKIOSK_USB": "keyboard"})
    rig.wait(lambda: "not what the kiosk wrote" in rig.problems())


def test_a_computer_that_keeps_no_list(rig: Rig) -> None:
    desk = rig.make(None)
    for ask in (desk.usb, lambda: desk.enrol(PORT, ADMIN), lambda: desk.forget(PORT, ADMIN)):
        with pytest.raises(NoKeyboardListError):
            ask()

"""Closing the door: what is written for udev, from lists that are whole, missing, damaged or no files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from medkiosk.device import usbpolicy
from medkiosk.device.usbkeyboards import Keyboard, KeyboardsDamagedError, read, rules
from tests.usb.test_pure import KEYBOARD, PORT, SCANNER

NEW = Keyboard("413c", "2113", PORT)


class Machine:
    """Where the files of a machine would be."""

    def __init__(self, folder: Path) -> None:
        self.list = folder / "keyboards.rules"
        self.closed = folder / "run" / "closed"
        self.made = folder / "udev" / "rules.d" / "71-medkiosk-keyboards.rules"

    def close(self, *there: Keyboard) -> str:
        return usbpolicy.close(
            keyboards=self.list, closed=self.closed, made=self.made, there=lambda: there, slow_s=0
        )

    def used(self) -> set[Keyboard]:
        return set(read(self.made.read_text()))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_list_counts(machine: Machine) -> None:
    usbpolicy.save([KEYBOARD, SCANNER], machine.list)
    assert machine.close(KEYBOARD, Keyboard("413c", "2113", "pci-x")) == ""
    assert machine.used() == {KEYBOARD, SCANNER}
    assert machine.closed.read_text() == rules([])


def test_a_stand_in_stays_until_the_next_start_and_no_longer(machine: Machine) -> None:
    usbpolicy.save([KEYBOARD], machine.list)
    machine.close(NEW)
    assert machine.used() == {KEYBOARD, NEW}
    machine.close(Keyboard("1234", "5678", PORT))  # the list changed: nobody new stands in
    assert machine.used() == {KEYBOARD, NEW}
    machine.closed.unlink()
    machine.close(KEYBOARD)
    assert machine.used() == {KEYBOARD}


def test_without_a_list_the_door_closes_and_what_is_there_types(machine: Machine) -> None:
    assert machine.close(NEW) == ""
    assert machine.used() == {NEW}
    assert machine.closed.exists()


def test_a_damaged_list_closes_the_door_too(machine: Machine) -> None:
    machine.list.write_text(rules([KEYBOARD]) + 'RUN+="/bin/id"\n')
    assert "not what the kiosk wrote" in machine.close(NEW)
    assert machine.used() == {NEW}
    assert "RUN" not in machine.made.read_text()


def test_what_is_no_plain_file_is_not_read(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text(rules([KEYBOARD]))
    machine.list.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyboardsDamagedError):
        usbpolicy.load(machine.list)
    machine.list.unlink()
    os.mkfifo(machine.list)  # a reader would wait for a writer, for ever
    with pytest.raises(KeyboardsDamagedError):
        usbpolicy.load(machine.list)
    machine.list.unlink()
    machine.list.mkdir()
    with pytest.raises(KeyboardsDamagedError):
        usbpolicy.load(machine.list)
    machine.list.rmdir()
    machine.list.write_bytes(b"\xff" * 100_000)
    with pytest.raises(KeyboardsDamagedError):
        usbpolicy.load(machine.list)


def test_a_list_belongs_to_whom_its_folder_belongs(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    os.chown(tmp_path, 65534, 65534)
    usbpolicy.save([KEYBOARD], tmp_path / "keyboards.rules")
    assert (tmp_path / "keyboards.rules").stat().st_uid == 65534

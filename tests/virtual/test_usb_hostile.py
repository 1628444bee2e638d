"""The untrustworthy devices do what they are for; whether the kiosk stands them is tested elsewhere."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.virtual.usbdesc import found_interfaces
from tests.virtual.usbdisk import DISK_IN, DISK_OUT, SECTOR, Disk
from tests.virtual.usbguest import Guest, TransferError
from tests.virtual.usbhostile import DEVICES, flap, keyboard_of, plugged_in
from tests.virtual.usbredir import RedirDevice
from tests.virtual.usbwire import Packet, Setup

_SILENT_S = 0.2


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image"
    path.write_bytes(b"".join(bytes([number]) * SECTOR for number in range(64)))
    return path


@pytest.fixture
def port(request: pytest.FixtureRequest, tmp_path: Path, image: Path) -> Iterator[RedirDevice]:
    port = plugged_in(request.param, tmp_path / "s", image)
    yield port
    port.close()


@pytest.fixture
def guest(port: RedirDevice) -> Iterator[Guest]:
    guest = Guest(port.path)
    yield guest
    guest.close()


def classes(guest: Guest) -> list[int]:
    """The classes of the interfaces that the configuration has, read as a kernel reads it."""
    [total] = struct.unpack_from("<H", guest.descriptor(2, length=9), 2)
    return [one.class_[0] for one in found_interfaces(guest.descriptor(2, length=total))]


@pytest.mark.parametrize("port", sorted(set(DEVICES) - {"silent"}), indirect=True)
def test_each_is_there_and_stays_there(port: RedirDevice, guest: Guest) -> None:
    guest.plugged()
    device = guest.descriptor(1, length=18)
    for number in device[14:17]:
        if 0 < number <= len(port.descriptors.strings):
            assert guest.descriptor(3, number, 255)[:255] == port.descriptors.strings[number - 1][:255]
    classes(guest)
    with pytest.raises(TransferError):
        guest.control(Setup(0xC0, 0x42, 0, 0, 4))  # a vendor's request
    port.unplug()
    guest.unplugged()
    port.plug()
    guest.plugged()


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        ("keyboard-as-r6", [3]),
        ("disk+keyboard", [8, 3]),
        ("camera+keyboard", [6, 3]),
        ("camera+disk", [6, 8]),
        ("hidden-keyboard", [6] * 45 + [3]),
        ("alternate-keyboard", [6]),
        ("ecm", [2, 10]),
        ("ncm", [2, 10]),
        ("rndis", [0xE0, 10]),
        ("hub", [9]),
        ("255-real-interfaces", [6] * 255),
    ],
    indirect=["port"],
)
def test_what_they_are(guest: Guest, expected: list[int]) -> None:
    guest.plugged()
    assert classes(guest) == expected


@pytest.mark.parametrize("port", ["changing"], indirect=True)
def test_one_says_something_else_each_time(guest: Guest) -> None:
    guest.plugged()
    assert [classes(guest) for _ in range(4)] == [[6], [3], [6], [3]]


@pytest.mark.parametrize("port", ["silent"], indirect=True)
def test_one_never_answers(guest: Guest) -> None:
    guest.plugged()
    asked = guest.start(Packet.CONTROL, struct.pack("<4B3H", 0x80, 6, 0x80, 0, 0x0100, 0, 18))
    with pytest.raises(TimeoutError):
        guest.answer(asked, _SILENT_S)


@pytest.mark.parametrize("port", ["keyboard", "disk+keyboard"], indirect=True)
def test_a_keyboard_types(port: RedirDevice, guest: Guest) -> None:
    guest.plugged()
    keyboard = keyboard_of(port)
    used = [keyboard.is_used]
    number = len(found_interfaces(port.descriptors.configuration)) - 1
    assert guest.control(Setup(0x81, 6, 0x2200, number, 255)).startswith(b"\x05\x01\x09\x06")
    assert [*used, keyboard.is_used] == [False, True]
    guest.listen_to(0x84)
    keyboard.type("aZ1\n", pause_s=0)
    guest.wait_for(lambda: len(guest.interrupts) == 8)
    pressed = [data for _, data in guest.interrupts[::2]]
    assert [(data[0], data[2]) for data in pressed] == [(0, 0x04), (2, 0x1D), (0, 0x1E), (0, 0x28)]
    assert all(data == bytes(8) for _, data in guest.interrupts[1::2])


def command(guest: Guest, block: bytes, length: int) -> tuple[bytes, int]:
    """One SCSI command that reads: the data and the status."""
    guest.write(DISK_OUT, struct.pack("<4sIIBBB16s", b"USBC", 7, length, 0x80, 0, len(block), block))
    data = guest.read(DISK_IN, length) if length else b""
    signature, tag, residue, status = struct.unpack("<4sIIB", guest.read(DISK_IN, 13))
    assert (signature, tag) == (b"USBS", 7)
    assert residue == length - len(data)
    return data, status


@pytest.mark.parametrize("port", ["disk"], indirect=True)
def test_a_disk_is_read_and_written_but_for_its_bad_sectors(
    port: RedirDevice, guest: Guest, image: Path
) -> None:
    port.handler = Disk(image, bad=frozenset({9}))
    port.handler.plugged(port)
    guest.plugged()
    assert command(guest, bytes((0x25,)).ljust(10, b"\0"), 8) == (struct.pack(">II", 63, SECTOR), 0)
    data, status = command(guest, struct.pack(">BxIxHx", 0x28, 3, 4), 4 * SECTOR)
    assert (data, status) == (image.read_bytes()[3 * SECTOR : 7 * SECTOR], 0)
    data, status = command(guest, struct.pack(">BxIxHx", 0x28, 8, 4), 4 * SECTOR)
    assert (data, status) == (image.read_bytes()[8 * SECTOR : 9 * SECTOR], 1)
    sense, status = command(guest, bytes((0x03, 0, 0, 0, 18, 0)), 18)
    assert (sense[2], sense[12], status) == (3, 0x11, 0)
    write = struct.pack(">BxIxHx", 0x2A, 5, 2)
    guest.write(DISK_OUT, struct.pack("<4sIIBBB16s", b"USBC", 8, 2 * SECTOR, 0, 0, 10, write))
    guest.write(DISK_OUT, b"w" * 2 * SECTOR)
    assert guest.read(DISK_IN, 13)[12] == 0
    assert image.read_bytes()[5 * SECTOR : 8 * SECTOR] == b"w" * 2 * SECTOR + bytes([7]) * SECTOR


@pytest.mark.parametrize("port", ["keyboard"], indirect=True)
def test_plugging_fifty_times_a_second(port: RedirDevice, guest: Guest) -> None:
    guest.plugged()
    began = time.monotonic()
    flap(port, 25)
    guest.wait_for(lambda: guest.connects == 26)
    assert time.monotonic() - began < 30
    assert guest.plugged().vendor == 0x046D

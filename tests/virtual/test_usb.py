"""The virtual R6 on USB, as a system sees it that it is plugged into; without one, over the wire."""

from __future__ import annotations

import hashlib
import random
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.virtual.ptpip import Answer
from tests.virtual.usb import VirtualR6Usb
from tests.virtual.usbguest import Announced, Guest, PtpHost, TransferError
from tests.virtual.usbptp import BULK_IN, BULK_OUT, EVENTS, HEADER, Container
from tests.virtual.usbwire import GoneError, Setup, Speed, Status

MIB = 1 << 20
DATA_HEADER = HEADER.size
SIZES = {
    "DCIM/100CANON/IMG_0001.JPG": 3 * MIB + 17,
    "DCIM/100CANON/IMG_0002.JPG": 512 * 40 - DATA_HEADER,  # fills its last packet
    "DCIM/100CANON/IMG_0003.JPG": (1 << 16) - DATA_HEADER,  # fills the host's buffer, too
    "DCIM/100CANON/IMG_0004.JPG": 1,
}


@pytest.fixture
def card(tmp_path: Path) -> Path:
    for name, size in SIZES.items():
        path = tmp_path / "card" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(random.Random(size).randbytes(size))
    return tmp_path / "card"


@pytest.fixture
def camera(card: Path, tmp_path: Path) -> Iterator[VirtualR6Usb]:
    device = VirtualR6Usb(tmp_path / "r6.sock", card)
    yield device
    device.close()


@pytest.fixture
def guest(camera: VirtualR6Usb, tmp_path: Path) -> Iterator[Guest]:
    guest = Guest(tmp_path / "r6.sock")
    yield guest
    guest.close()


@pytest.fixture
def host(guest: Guest) -> PtpHost:
    guest.plugged()
    return PtpHost(guest)


def files(host: PtpHost) -> dict[str, int]:
    """Open a session and list all files: name and handle."""
    assert host.operation(0x1002, 1) == (Answer.OK, b"")
    storage = struct.unpack_from("<2I", host.operation(0x1004)[1])[1]
    found = {}
    todo = [0xFFFFFFFF]
    while todo:
        data = host.operation(0x9109, storage, todo.pop(), 0x100000)[1]
        [count] = struct.unpack_from("<I", data)
        for number in range(count):
            entry = data[8 + 56 * number : 60 + 56 * number]
            handle, _, format_ = struct.unpack_from("<3I", entry)
            if format_ == 0x3001:
                todo.append(handle)
            else:
                found[entry[32:48].rstrip(b"\0").decode()] = handle
    return found


def content(host: PtpHost, handle: int, size: int) -> bytes:
    """Read a file in blocks of a mebibyte, as libgphoto2 does."""
    parts = []
    for offset in range(0, size, MIB):
        code, data = host.operation(0x101B, handle, offset, min(MIB, size - offset))
        assert code == Answer.OK
        parts.append(data)
    return b"".join(parts)


def test_it_says_that_it_is_an_r6(guest: Guest) -> None:
    said = guest.plugged()
    assert said == Announced(
        Speed.HIGH,
        (0, 0, 0),
        0x04A9,
        0x32F5,
        [(6, 1, 1)],
        {0: (0, 0), 0x80: (0, 0), BULK_IN: (2, 512), BULK_OUT: (2, 512), EVENTS: (3, 64)},
    )
    device = guest.descriptor(1, length=18)
    assert struct.unpack_from("<2H", device, 8) == (0x04A9, 0x32F5)
    head = guest.descriptor(2, length=9)
    [total] = struct.unpack_from("<H", head, 2)
    whole = guest.descriptor(2, length=total)
    assert len(whole) == total
    assert whole[:9] == head
    assert whole[14:17] == bytes((6, 1, 1))
    assert [guest.text(number) for number in device[14:17]] == [
        "Canon Inc.",
        "Canon Digital Camera",
        "0123456789abcdef0123456789abcdef",
    ]
    with pytest.raises(TransferError):
        guest.descriptor(3, 0xEE)  # what Windows asks for


def test_files_come_as_they_are(host: PtpHost, card: Path) -> None:
    found = files(host)
    assert sorted(found) == sorted(Path(name).name for name in SIZES)
    for name, size in SIZES.items():
        handle = found[Path(name).name]
        expected = hashlib.sha256((card / name).read_bytes()).hexdigest()
        assert hashlib.sha256(content(host, handle, size)).hexdigest() == expected
        assert hashlib.sha256(host.operation(0x1009, handle)[1]).hexdigest() == expected
    assert host.operation(0x1003) == (Answer.OK, b"")


def test_a_second_session_sees_what_came_meanwhile(host: PtpHost, card: Path) -> None:
    before = files(host)
    (card / "DCIM/100CANON/IMG_0005.JPG").write_bytes(b"new")
    assert host.operation(0x1002, 1)[0] == Answer.SESSION_ALREADY_OPEN
    assert host.operation(0x1003)[0] == Answer.OK
    assert set(files(host)) - set(before) == {"IMG_0005.JPG"}


def test_data_goes_to_the_camera(host: PtpHost, camera: VirtualR6Usb) -> None:
    host.operation(0x1002, 1)
    host.operation(0x9114, 1)
    value = struct.pack("<3I", 12, 0xD11C, 4)
    assert host.operation(0x9110, data=value)[0] == Answer.OK
    assert camera.camera.settings.destination == 4


def test_requests_of_the_class(host: PtpHost) -> None:
    status = Setup(0xA1, 0x67, 0, 0, 64)
    assert host.guest.control(status) == struct.pack("<HH", 4, Answer.OK)
    handle = files(host)["IMG_0001.JPG"]
    host.command(0x101B, handle, 0, MIB)
    assert len(host.guest.read(BULK_IN, 4096)) == 4096
    host.guest.control(Setup(0x21, 0x64, 0, 0, 6), struct.pack("<HI", 0x4001, 9))
    assert host.operation(0x1004)[0] == Answer.OK  # nothing of the cancelled transfer is left
    host.guest.control(Setup(0x21, 0x66, 0, 0, 0))
    assert host.operation(0x1004)[0] == Answer.SESSION_NOT_OPEN
    with pytest.raises(TransferError):
        host.guest.control(Setup(0xA1, 0x60, 0, 0, 4))


def test_a_request_waits_until_something_is_there_or_it_is_cancelled(host: PtpHost) -> None:
    reading = host.guest.start_read(BULK_IN)
    with pytest.raises(TimeoutError):
        host.guest.answer(reading, 0.1)
    assert host.guest.cancel(reading)[1] == Status.CANCELLED
    assert host.operation(0x1002, 1)[0] == Answer.OK


def test_a_request_that_a_packet_does_not_fit_in_fails(host: PtpHost) -> None:
    files(host)
    host.command(0x1004)
    with pytest.raises(TransferError, match=str(int(Status.BABBLE))):
        host.guest.read(BULK_IN, 5)


def test_events_come_by_themselves(host: PtpHost, camera: VirtualR6Usb) -> None:
    host.guest.listen_to(EVENTS)
    assert host.operation(0x1002, 1)[0] == Answer.OK
    handler = camera.handler
    assert hasattr(handler, "event")
    handler.event(0x4002, 0x91000001)
    host.guest.wait_for(lambda: bool(host.guest.interrupts))
    address, data = host.guest.interrupts[0]
    assert address == EVENTS
    assert data == HEADER.pack(16, Container.EVENT, 0x4002, 0) + struct.pack("<I", 0x91000001)


def test_it_can_be_pulled_out_in_the_middle(host: PtpHost, camera: VirtualR6Usb, card: Path) -> None:
    camera.replug(["vanish-at=2000000"], pause_s=0)
    host.guest.plugged()
    handle = files(host)["IMG_0001.JPG"]
    with pytest.raises(GoneError):
        content(host, handle, SIZES["DCIM/100CANON/IMG_0001.JPG"])
    assert not camera.is_plugged
    camera.replug(pause_s=0)
    host.guest.plugged()
    data = content(host, files(host)["IMG_0001.JPG"], SIZES["DCIM/100CANON/IMG_0001.JPG"])
    assert data == (card / "DCIM/100CANON/IMG_0001.JPG").read_bytes()


def test_a_camera_that_is_stuck_still_answers_on_its_control_endpoint(
    host: PtpHost, camera: VirtualR6Usb
) -> None:
    camera.replug(["stall=1000000"], pause_s=0)
    host.guest.plugged()
    handle = files(host)["IMG_0001.JPG"]
    assert len(host.operation(0x101B, handle, 0, MIB)[1]) == MIB
    with pytest.raises(TimeoutError):
        host.operation(0x101B, handle, MIB, MIB, wait_s=0.2)
    assert host.guest.control(Setup(0xA1, 0x67, 0, 0, 64))


def test_an_endpoint_that_halts_goes_on_when_it_is_cleared(host: PtpHost, camera: VirtualR6Usb) -> None:
    camera.replug(wire=["halt=1000"], pause_s=0)
    host.guest.plugged()
    handle = files(host)["IMG_0001.JPG"]
    host.command(0x101B, handle, 0, MIB)
    with pytest.raises(TransferError, match=str(int(Status.STALL))):
        host.guest.read(BULK_IN)
    assert host.guest.control(Setup(0x82, 0, 0, BULK_IN, 2)) == b"\x01\x00"
    host.guest.control(Setup(0x02, 1, 0, BULK_IN, 0))
    assert len(host.container()[2]) == MIB


@pytest.mark.parametrize("wire", ["length=5", "length=-5", "transaction"])
def test_containers_can_lie(host: PtpHost, camera: VirtualR6Usb, wire: str) -> None:
    camera.replug(wire=[wire], pause_s=0)
    host.guest.plugged()
    with pytest.raises(AssertionError, match="another"):
        host.operation(0x1001)


def test_an_empty_packet_can_be_missing(host: PtpHost, camera: VirtualR6Usb) -> None:
    """What comes next then runs into the same transfer, as on a real wire."""
    camera.replug(wire=["no-empty-packet"], pause_s=0)
    host.guest.plugged()
    handle = files(host)["IMG_0002.JPG"]
    with pytest.raises(AssertionError, match="another length"):
        host.operation(0x1009, handle)


def test_the_command_line(card: Path, tmp_path: Path) -> None:
    path = tmp_path / "line.sock"
    command = [sys.executable, "-m", "tests.virtual.usb", "--socket", str(path), "--root", str(card)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == f"{path}\n"
        guest = Guest(path)
        guest.plugged()
        process.stdin.write("unplug\n")
        guest.unplugged()
        process.stdin.write("fault denied\nplug\n")
        guest.plugged()
        host = PtpHost(guest)
        assert host.operation(0x1009, files(host)["IMG_0004.JPG"])[0] == Answer.ACCESS_DENIED
        process.stdin.write("quit\n")
        assert process.wait(10) == 0
        guest.unplugged()
        guest.close()

"""udev's messages from a socket that was handed over: read as libudev writes them, from root alone."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator

import pytest

from medkiosk.device import uevents
from medkiosk.device.uevents import Monitor, handed_over, parse

_KOBJECT_UEVENT = 15
_UDEVD = 2


def message(action: str, **properties: str) -> bytes:
    """What udevd sends (systemd, monitor_netlink_header): 40 bytes, then properties."""
    body = b"".join(f"{k}={v}\0".encode() for k, v in {"ACTION": action, **properties}.items())
    return (
        struct.pack("=8s4sIIIIIII", b"libudev\0", b"\xfe\xed\xca\xfe", 40, 40, len(body), 0, 0, 0, 0) + body
    )


CAMERA = message("add", SUBSYSTEM="usb", DEVTYPE="usb_device", DEVPATH="/devices/x/usb1/1-1", ID_GPHOTO2="1")


def test_a_message_is_read() -> None:
    event = parse(CAMERA)
    assert event is not None
    assert event.action == "add"
    assert event.properties["ID_GPHOTO2"] == "1"


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        CAMERA[:20],
        CAMERA[:-1],
        b"add@/devices/x\0ACTION=add\0",  # the kernel's own form
        b"libudev\0" + b"\0" * 40,
        CAMERA.replace(b"\xfe\xed\xca\xfe", b"\xca\xfe\xfe\xed"),
        CAMERA[:16] + struct.pack("=II", 0xFFFFFFFF, 0xFFFFFFFF) + CAMERA[24:],
    ],
)
def test_what_udevd_does_not_send_is_passed_over(wrong: bytes) -> None:
    assert parse(wrong) is None


def test_the_socket_is_taken_once() -> None:
    said = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "other:udev"}
    assert handed_over(said) == 4
    assert said == {}
    assert handed_over(said) is None
    assert handed_over({"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "udev"}) is None
    assert handed_over({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "0", "LISTEN_FDNAMES": "udev"}) is None


def bound(groups: int) -> socket.socket:
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _KOBJECT_UEVENT)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    made.bind((0, groups))
    return made


@pytest.fixture
def sender() -> Iterator[socket.socket]:
    with bound(0) as made:
        try:
            with contextlib.suppress(ConnectionRefusedError):  # nobody listened
                made.sendto(message("change", TEST="1"), (0, _UDEVD))
        except PermissionError:
            pytest.skip("only root may send what udevd sends")
        yield made


def test_messages_are_heard_through_the_kernel(sender: socket.socket) -> None:
    mine = bound(_UDEVD)
    monitor = Monitor(mine.detach())
    try:
        sender.sendto(message("add", STALE="1"), (0, _UDEVD))
        monitor.start()  # what came before is forgotten
        assert monitor.poll(0) is None
        sender.sendto(CAMERA, (0, _UDEVD))
        sender.sendto(b"rubbish", (0, _UDEVD))
        event = monitor.poll(5)
        assert event is not None
        assert event.properties["DEVPATH"] == "/devices/x/usb1/1-1"
        assert monitor.poll(0.2) is None
    finally:
        monitor.close()


def test_too_many_messages_are_noticed(sender: socket.socket) -> None:
    mine = bound(_UDEVD)
    mine.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    monitor = Monitor(mine.detach())
    try:
        for _ in range(100):
            sender.sendto(CAMERA, (0, _UDEVD))
        while monitor.poll(0) is not None or not monitor.lost:
            pass
        assert monitor.lost
    finally:
        monitor.close()


# What the appliance does: the socket is made outside, the reader lives in a network namespace of its own.
_INSIDE = """
import ctypes, socket, sys
from medkiosk.device.uevents import Monitor
assert ctypes.CDLL(None, use_errno=True).unshare(0x40000000) == 0  # CLONE_NEWNET
own = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15)
own.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
own.bind((0, 2))
own, given = Monitor(own.detach()), Monitor(int(sys.argv[1]))
print("here", flush=True)
heard = given.poll(10)
print(heard.action if heard else "deaf", own.poll(0.2), flush=True)
"""


def test_it_is_heard_from_a_network_namespace_of_its_own_and_only_so(sender: socket.socket) -> None:
    with bound(_UDEVD) as mine:
        os.set_inheritable(mine.fileno(), True)
        command = [sys.executable, "-c", _INSIDE, str(mine.fileno())]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, pass_fds=[mine.fileno()])
        assert child.stdout is not None
        with child.stdout as out:
            assert out.readline() == "here\n"
            sender.sendto(CAMERA, (0, _UDEVD))
            assert out.readline() in {"add None\n", "change None\n"}
        assert child.wait(10) == 0


def test_the_unit_gives_it_the_name_that_is_looked_for() -> None:
    from tests.systemd.tools import UNITS

    lines = (UNITS / "medkiosk-udev.socket").read_text().splitlines()
    assert f"FileDescriptorName={uevents.NAME}" in lines
    assert "ListenNetlink=kobject-uevent 2" in lines
    assert "PassCredentials=yes" in lines
    daemon = (UNITS / "medkioskd.service").read_text().splitlines()
    assert "Sockets=medkiosk-udev.socket" in daemon

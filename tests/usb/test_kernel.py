"""The rules with a real kernel and a real udev: what gets a driver. Minutes: set MEDKIOSK_VM=1.

The devices say what they say over USB itself; some were made so that two readers of the same bytes disagree.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from medkiosk.device.usbkeyboards import Keyboard, rules
from tests.virtual.usbdesc import Descriptors, Transfer, configuration, device, endpoint, interface, string
from tests.virtual.usbhid import Composite, keyboard_interface
from tests.virtual.usbhostile import DEVICES, Made, keyboard_of
from tests.virtual.usbredir import RedirDevice
from tests.virtual.usbsystem import System, build, missing
from tests.virtual.usbwire import Speed

pytestmark = [
    pytest.mark.skipif("MEDKIOSK_VM" not in os.environ, reason="boots a machine: set MEDKIOSK_VM=1"),
    pytest.mark.skipif(bool(missing()), reason=missing()),
    pytest.mark.timeout(900),
]
SYSTEMD = Path(__file__).resolve().parents[2] / "systemd"
DRIVERS = "for i in /sys/bus/usb/devices/{0}:*; do [ -e $i/driver ] && basename $(readlink $i/driver); done"


class Seen(NamedTuple):
    """What became of a device: of itself, what udev knows of it, and the drivers of its interfaces."""

    authorized: bool
    used: str
    refused: str
    drivers: tuple[str, ...]


def put(system: System, text: str, path: str) -> None:
    coded = base64.b64encode(text.encode()).decode()
    system.run(f"mkdir -p {Path(path).parent}; : > {path}.b64")
    for start in range(0, len(coded), 800):  # a serial line's reader takes 4 KiB a line
        system.run(f"echo {coded[start : start + 800]} >> {path}.b64")
    system.run(f"base64 -d {path}.b64 > {path}; rm {path}.b64")


def decide_again(system: System) -> None:
    system.run(
        "udevadm control --reload; udevadm trigger --subsystem-match=usb --action=change; udevadm settle"
    )


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    build()
    with System(tmp_path_factory.mktemp("vm"), usbcore="authorized_default=0") as running:
        for name in ("70-medkiosk-camera.rules", "72-medkiosk-usb.rules"):
            put(running, (SYSTEMD / name).read_text(), f"/usr/lib/udev/rules.d/{name}")
        running.run("echo kiosk:x:990: >> /etc/group; modprobe -a usbhid usb_storage")
        running.run(
            "udevadm control --reload; udevadm trigger --subsystem-match=usb --action=add; udevadm settle"
        )
        yield running


@pytest.fixture
def closed(system: System) -> System:
    system.run("mkdir -p /run/medkiosk-usb; : > /run/medkiosk-usb/closed; rm -f /run/udev/rules.d/71-*")
    decide_again(system)
    return system


class Plug:
    """A device in a port of the system."""

    def __init__(self, system: System, port: RedirDevice, path: Path) -> None:
        self.system, self.port = system, port
        self._before = self._there()
        self.cable = system.attach(path)

    def wait(self) -> None:
        """Until the system has it, and has decided about it."""
        for _ in range(20):
            if new := self._there() - self._before:
                (self.name,) = new
                break
            self.system.run("sleep 0.3")
        else:
            raise TimeoutError(self.system.run("dmesg | tail -n 12"))
        self.system.run("udevadm settle; sleep 0.5; udevadm settle")

    def _there(self) -> set[str]:
        return set(re.findall(r"^\d+-[\d.]+$", self.system.run("ls -1 /sys/bus/usb/devices"), re.MULTILINE))

    def seen(self) -> Seen:
        said = self.system.run(
            f"cat /sys/bus/usb/devices/{self.name}/authorized;"
            f"udevadm info -q property -p /sys/bus/usb/devices/{self.name}"
        )
        known = dict(re.findall(r"^([A-Z_]+)=(.*)$", said, re.MULTILINE))
        drivers = re.findall(r"^[a-z][a-z_-]+$", self.system.run(DRIVERS.format(self.name)), re.MULTILINE)
        return Seen(
            said.strip().startswith("1"),
            known.get("MEDKIOSK_USB", ""),
            known.get("MEDKIOSK_REFUSED", ""),
            tuple(drivers),
        )

    def pull(self) -> None:
        self.system.qmp("device_del", id=self.cable)
        self.port.close()
        for _ in range(20):
            if self._there() <= self._before:
                return
            self.system.run("sleep 0.2")


Plugging = Callable[[str], Plug]


@pytest.fixture
def plug(system: System, tmp_path: Path) -> Iterator[Plugging]:
    plugged: list[Plug] = []

    def one(name: str) -> Plug:
        image = tmp_path / "image"
        image.write_bytes(bytes(1 << 20))
        path = tmp_path / f"s{len(plugged)}"
        if name in OURS:
            made = Made(OURS[name], Composite())
        else:
            made = DEVICES[name](image)._replace(speed=Speed.HIGH)
        port = RedirDevice(path, made.descriptors, made.handler, speed=made.speed)
        port.plug()
        plugged.append(Plug(system, port, path))
        plugged[-1].wait()
        return plugged[-1]

    yield one
    for each in plugged:
        each.pull()


def _part(number: int, *class_: int) -> bytes:
    """An interface with an endpoint: udev does not see a last one that has none."""
    a, b, c = class_
    return interface(number, (a, b, c), endpoint(0x81 + number, Transfer.INTERRUPT, 64, 4))


_NAMES = [string("A"), string("B"), string("1")]
_BLIND = bytes((2, 0xFF))
"""A descriptor of two bytes: udev's reader stops at it, the kernel's goes on."""
OURS = {
    "blind": Descriptors(
        device(0x0781, 0x5581),
        configuration(_part(0, 8, 6, 0x50), _BLIND, keyboard_interface(1), interfaces=2),
        _NAMES,
    ),
    "key": Descriptors(device(0x2581, 0xF1D0), configuration(_part(0, 3, 0, 0)), _NAMES),
    "yubikey": Descriptors(
        device(0x1050, 0x0407),
        configuration(keyboard_interface(0), _part(1, 3, 0, 0), _part(2, 11, 0, 0)),
        _NAMES,
    ),
    "gaming-keyboard": Descriptors(
        device(0x1B1C, 0x1B3D), configuration(keyboard_interface(0), _part(1, 3, 0, 0)), _NAMES
    ),
    "floppy": Descriptors(device(0x03EE, 0x6901), configuration(_part(0, 8, 4, 0)), _NAMES),
    "printer": Descriptors(device(0x03F0, 0x0001), configuration(_part(0, 7, 1, 2)), _NAMES),
}
REFUSED = {
    "keyboard": "keyboard",
    "keyboard-as-r6": "keyboard",
    "disk+keyboard": "composite",
    "camera+keyboard": "composite",
    "camera+disk": "composite",
    "hidden-keyboard": "composite|other",
    "alternate-keyboard": "composite",
    "ecm": "network",
    "ncm": "network",
    "rndis": "network",
    "gaming-keyboard": "keyboard",
    "floppy": "other",
    "printer": "other",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_has_no_driver(closed: System, plug: Plugging, name: str) -> None:
    seen = plug(name).seen()
    assert (seen.authorized, seen.used, seen.drivers) == (False, "", ())
    assert seen.refused in REFUSED[name].split("|")


def test_storage_is_used(closed: System, plug: Plugging) -> None:
    stick = plug("disk")
    assert stick.seen() == Seen(True, "storage", "", ("usb-storage",))
    closed.wait_for("ls /sys/class/block", r"sd[a-z]")


def test_a_keyboard_that_udev_does_not_see_has_no_driver(closed: System, plug: Plugging) -> None:
    seen = plug("blind").seen()
    assert "usbhid" not in seen.drivers
    assert seen.drivers in ((), ("usb-storage",))


@pytest.mark.parametrize("name", ["key", "yubikey"])
def test_a_security_key_is_allowed_and_cannot_type(closed: System, plug: Plugging, name: str) -> None:
    key = plug(name)
    assert key.seen() == Seen(True, "key", "", ())
    said = closed.run(f"cd /sys/bus/usb/devices; grep . {key.name}:*/bInterfaceClass {key.name}:*/authorized")
    allowed = re.findall(r":1\.(\d)/authorized:1", said)
    assert allowed == (["0"] if name == "key" else ["1"])
    place = f"/sys/bus/usb/devices/{key.name}/uevent"
    node = closed.run(f"stat -c '%a %g' /dev/$(sed -n s/DEVNAME=//p {place})")
    assert "660 990" in node


def test_only_the_keyboard_of_the_list_types_and_only_in_its_port(closed: System, plug: Plugging) -> None:
    keyboard = plug("keyboard")
    assert keyboard.seen().refused == "keyboard"
    said = closed.run(f"udevadm info -q property -p /sys/bus/usb/devices/{keyboard.name}")
    (port,) = re.findall(r"^ID_PATH=(.*)$", said, re.MULTILINE)
    listed = Keyboard("046d", "c31c", port, name="Logitech USB Keyboard")
    elsewhere = Keyboard("046d", "c31c", port + ".1")
    for lists, used in (([elsewhere], False), ([listed], True), ([], False)):
        put(closed, rules(lists), "/run/udev/rules.d/71-medkiosk-keyboards.rules")
        decide_again(closed)
        closed.run("sleep 0.5; udevadm settle")
        seen = keyboard.seen()
        assert (seen.authorized, seen.drivers) == ((True, ("usbhid",)) if used else (False, ())), lists
        assert keyboard_of(keyboard.port).is_used or not used


def test_until_the_door_is_closed_keyboards_type_and_nothing_else_is_used(
    system: System, plug: Plugging
) -> None:
    system.run("rm -f /run/medkiosk-usb/closed /run/udev/rules.d/71-*")
    decide_again(system)
    keyboard, stick, key = (plug(each) for each in ("keyboard", "disk", "yubikey"))
    assert keyboard.seen() == Seen(True, "early", "", ("usbhid",))
    assert stick.seen() == Seen(False, "", "", ())
    system.run(": > /run/medkiosk-usb/closed")
    decide_again(system)
    system.run("sleep 0.5; udevadm settle")
    assert keyboard.seen() == Seen(False, "", "keyboard", ())
    assert stick.seen() == Seen(True, "storage", "", ("usb-storage",))
    assert key.seen() == Seen(True, "key", "", ())  # what typed before has lost its driver


@pytest.mark.parametrize(
    "name", sorted(set(DEVICES) - set(REFUSED) - {"disk", "silent", "hub", "half-device"})
)
def test_no_lie_gets_a_keyboard_or_a_network(closed: System, plug: Plugging, name: str) -> None:
    try:
        seen = plug(name).seen()
    except TimeoutError:
        return  # the kernel itself did not take it
    assert set(seen.drivers) <= {"usb-storage", "hub"}, seen

"""USB devices that nobody should trust, by name: for the tests of what the kiosk lets in.

    python -m tests.virtual.usbhostile --socket S NAME [--image FILE]

`plugged_in` gives one to a test. On standard input ``type TEXT`` types, where the device can; ``flap N``,
``unplug`` and ``plug`` do what they say. What is behind a hub cannot be sent over this wire: in QEMU there is
``device_add usb-hub,bus=xhci.0,port=5``, and then, e.g., ``usb-kbd,bus=xhci.0,port=5.1`` (full speed).
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.virtual.usbdesc import (
    Descriptors,
    Transfer,
    configuration,
    device,
    endpoint,
    interface,
    raw_string,
    string,
)
from tests.virtual.usbdisk import DISK_OUT, Disk, storage_interface
from tests.virtual.usbhid import Composite, Keyboard, keyboard_descriptors, keyboard_interface
from tests.virtual.usbptp import BULK_OUT, PRODUCT, PTP_CLASS, VENDOR, ptp_interface
from tests.virtual.usbredir import Handler, RedirDevice
from tests.virtual.usbwire import Setup, Speed, Status

_NAMES = [string("Canon Inc."), string("Canon Digital Camera"), string("0123456789")]
_R6 = device(VENDOR, PRODUCT, version=2)
_NETWORK_IN, _NETWORK_OUT, _NETWORK_EVENTS = 0x81, 0x02, 0x83


class Quiet:
    """The handler of a device that takes everything, says nothing, and knows no request."""

    def plugged(self, port: RedirDevice) -> None:
        pass

    def reset(self) -> None:
        pass

    def control(self, setup: Setup, data: bytes) -> bytes | Status | None:
        return Status.STALL

    def received(self, endpoint: int, data: bytes) -> Status:
        return Status.SUCCESS


class Changing(Descriptors):
    """Another configuration each time that it is read whole: first the one, then the other, in turns."""

    def __init__(self, device: bytes, configurations: list[bytes], strings: list[bytes]) -> None:
        super().__init__(device, configurations[0], strings)
        self._configurations = configurations
        self._reads = 0

    def get(self, kind: int, index: int, length: int) -> bytes | None:
        found = super().get(kind, index, length)
        if kind == 2 and length > 9:
            self._reads += 1
            self.configuration = self._configurations[self._reads % len(self._configurations)]
        return found


class Many(Descriptors):
    """The same long configuration as often as it is asked for."""

    def get(self, kind: int, index: int, length: int) -> bytes | None:
        return super().get(kind, 0 if kind == 2 else index, length)


class Made(NamedTuple):
    """A device to be plugged in."""

    descriptors: Descriptors
    handler: Handler
    speed: Speed = Speed.HIGH


Maker = Callable[[Path | None], Made]


def _keyboard(image: Path | None) -> Made:
    """A keyboard that comes later, and types."""
    return Made(keyboard_descriptors(), Keyboard(), Speed.LOW)


def _camera_keyboard_ids(image: Path | None) -> Made:
    """A keyboard with the numbers and names of an R6."""
    return Made(Descriptors(_R6, configuration(keyboard_interface()), _NAMES), Keyboard())


def _disk(image: Path | None) -> Made:
    """A stick or a card, on an image."""
    return Made(
        Descriptors(device(0x0781, 0x5581), configuration(storage_interface()), _disk_names()), Disk(image)
    )


def _disk_and_keyboard(image: Path | None) -> Made:
    """A stick that is a keyboard, too."""
    parts = ((Disk(image), frozenset({DISK_OUT})), (Keyboard(), frozenset[int]()))
    both = configuration(storage_interface(0), keyboard_interface(1))
    return Made(Descriptors(device(0x0781, 0x5581), both, _disk_names()), Composite(*parts))


def _camera_and_keyboard(image: Path | None) -> Made:
    """An R6 that is a keyboard, too."""
    parts = ((Quiet(), frozenset({BULK_OUT})), (Keyboard(), frozenset[int]()))
    return Made(
        Descriptors(_R6, configuration(ptp_interface(0), keyboard_interface(1)), _NAMES), Composite(*parts)
    )


def _camera_and_disk(image: Path | None) -> Made:
    """A camera that is a disk, too."""
    parts = ((Quiet(), frozenset({BULK_OUT})), (Disk(image), frozenset({DISK_OUT})))
    both = configuration(ptp_interface(0), storage_interface(1))
    return Made(Descriptors(_R6, both, _NAMES), Composite(*parts))


def _hidden_keyboard(image: Path | None) -> Made:
    """A camera with a keyboard behind more kinds of interfaces than udev lists."""
    fillers = [interface(number, (6, 1, number)) for number in range(1, 30)]
    more = [interface(number, (6, 2, number)) for number in range(30, 45)]
    whole = configuration(ptp_interface(0), *fillers, *more, keyboard_interface(45))
    parts = ((Quiet(), frozenset({BULK_OUT})), *((Quiet(), frozenset[int]()) for _ in range(44)))
    return Made(Descriptors(_R6, whole, _NAMES), Composite(*parts, (Keyboard(), frozenset[int]())))


def _alternate_keyboard(image: Path | None) -> Made:
    """A camera whose only interface has a second setting, in which it is a keyboard."""
    whole = configuration(ptp_interface(0), keyboard_interface(0, alternate=1))
    return Made(Descriptors(_R6, whole, _NAMES), Keyboard())


def _changing(image: Path | None) -> Made:
    """A camera when it is first looked at, and a keyboard when it is looked at again."""
    one, other = configuration(ptp_interface()), configuration(keyboard_interface())
    return Made(Changing(_R6, [one, other], _NAMES), Keyboard())


def _ethernet(class_: tuple[int, int, int], extra: bytes, data: tuple[int, int, int], name: str) -> Made:
    control = interface(0, class_, endpoint(_NETWORK_EVENTS, Transfer.INTERRUPT, 16, 9), extra=extra)
    ends = (endpoint(_NETWORK_IN, Transfer.BULK, 512), endpoint(_NETWORK_OUT, Transfer.BULK, 512))
    names = [string("Realtek"), string(name), string("00E04C680001"), string("02E04C680001")]
    return Made(
        Descriptors(
            device(0x0BDA, 0x8153, class_=(2, 0, 0)), configuration(control, interface(1, data, *ends)), names
        ),
        Quiet(),
    )


def _ecm(image: Path | None) -> Made:
    """A network adapter (CDC-ECM)."""
    functional = bytes.fromhex("0524001001" + "0524060001" + "0d240f0400000000ea0500000000"[:26])
    return _ethernet((2, 6, 0), functional, (10, 0, 0), "USB Ethernet")


def _ncm(image: Path | None) -> Made:
    """A network adapter (CDC-NCM)."""
    functional = bytes.fromhex("0524001001" + "0524060001" + "0d240f0400000000ea05000000" + "06241a000100")
    return _ethernet((2, 13, 0), functional, (10, 0, 1), "USB 2.5G")


def _rndis(image: Path | None) -> Made:
    """A network adapter (RNDIS), as telephones are."""
    functional = bytes.fromhex("0524001001" + "0524010001" + "04240200" + "0524060001")
    return _ethernet((0xE0, 1, 3), functional, (10, 0, 0), "Android")


def _hub(image: Path | None) -> Made:
    """A hub that says that something is in each of its fifteen ports; nothing there answers."""

    class Hub(Quiet):
        def control(self, setup: Setup, data: bytes) -> bytes | Status | None:
            match setup.request_type, setup.request:
                case (0xA0, 6):
                    return bytes((11, 0x29, 15, 0, 0, 50, 100, 0, 0, 0xFF, 0xFF))
                case (0xA0, 0):
                    return bytes(4)
                case (0xA3, 0):
                    return bytes((0x03, 0x05, 0x11, 0))  # powered, enabled, high speed; changed
                case (0x20 | 0x23, _):
                    return b""
            return Status.STALL

    ports = interface(0, (9, 0, 0), endpoint(0x81, Transfer.INTERRUPT, 2, 12))
    names = [string("Generic"), string("USB Hub"), string("1")]
    return Made(Descriptors(device(0x05E3, 0x0608, class_=(9, 0, 1)), configuration(ports), names), Hub())


def _lie(whole: bytes, *, first: bytes = _R6, strings: list[bytes] | None = None) -> Maker:
    return lambda image: Made(Descriptors(first, whole, _NAMES if strings is None else strings), Quiet())


def _claiming(total: int) -> bytes:
    """A camera's configuration that claims to have so many bytes."""
    whole = configuration(ptp_interface())
    return whole[:2] + total.to_bytes(2, "little") + whole[4:]


def _silent(image: Path | None) -> Made:
    """It is plugged in, and never answers anything."""

    class Silent(Descriptors):
        is_silent = True

    return Made(Silent(_R6, configuration(ptp_interface()), _NAMES), Quiet())


def _disk_names() -> list[bytes]:
    return [string("SanDisk"), string("Ultra"), string("0011223344556677")]


_STRANGE_NAMES = [
    string(
        "\x1b[2J\x1b[HSAFE TO UNPLUG\r\n\x07\x00\u202eedis"
    ),  # clears a terminal, rings, turns writing round
    raw_string(b"\x00\xd8\x00\xd8\x00\xdc\xff"),  # surrogates without their halves, and half a unit
    bytes([255, 3]) + "\n\t'\"\\$(reboot)`;/../".encode("utf-16-le"),  # claims to be longer than it is
]
_NOTHING = bytes((255, 0xFF)) + bytes(253)

DEVICES: dict[str, Maker] = {
    "keyboard": _keyboard,
    "keyboard-as-r6": _camera_keyboard_ids,
    "disk": _disk,
    "disk+keyboard": _disk_and_keyboard,
    "camera+keyboard": _camera_and_keyboard,
    "camera+disk": _camera_and_disk,
    "hidden-keyboard": _hidden_keyboard,
    "alternate-keyboard": _alternate_keyboard,
    "changing": _changing,
    "ecm": _ecm,
    "ncm": _ncm,
    "rndis": _rndis,
    "hub": _hub,
    "no-interfaces": _lie(configuration(ptp_interface(), interfaces=0)),
    "255-interfaces": _lie(configuration(ptp_interface(), interfaces=255)),
    "255-real-interfaces": _lie(configuration(*(interface(number, PTP_CLASS) for number in range(255)))),
    "too-long": _lie(_claiming(0xFFFF)),
    "too-short": _lie(_claiming(12)),
    "no-length": _lie(configuration(ptp_interface(), bytes(40))),
    "cut": _lie(configuration(ptp_interface())[:20]),
    "half-device": _lie(configuration(ptp_interface()), first=_R6[:11]),
    "strange-names": _lie(configuration(ptp_interface()), strings=_STRANGE_NAMES),
    "no-names": _lie(configuration(ptp_interface()), strings=[]),
    "nothing": lambda image: Made(
        Many(
            device(VENDOR, PRODUCT, configurations=255),
            configuration(ptp_interface(), _NOTHING * 256),
            _NAMES,
        ),
        Quiet(),
    ),
    "silent": _silent,
}


def plugged_in(name: str, socket_path: Path, image: Path | None = None) -> RedirDevice:
    """Make the device of a name in `DEVICES`, plugged, at a socket; ``image`` is for those with a disk."""
    made = DEVICES[name](image)
    port = RedirDevice(socket_path, made.descriptors, made.handler, speed=made.speed)
    port.plug()
    return port


def keyboard_of(port: RedirDevice) -> Keyboard:
    """The keyboard in a device. Raises LookupError where there is none."""
    found = [port.handler] if isinstance(port.handler, Keyboard) else []
    if isinstance(port.handler, Composite):
        found = [part for part in port.handler.handlers if isinstance(part, Keyboard)]
    if not found:
        raise LookupError("it has no keyboard")
    return found[0]


def flap(port: RedirDevice, times: int, *, on_s: float = 0.01, off_s: float = 0.01) -> None:
    """Plug a device in and pull it out many times.

    QEMU lets a guest see a plug only 0.2 s of its own time after the last pull, so one device is seen five
    times a second at most: ten devices at ten sockets, each in a thread of its own, make fifty.
    """
    for _ in range(times):
        port.unplug()
        time.sleep(off_s)
        port.plug()
        time.sleep(on_s)


def main() -> None:
    parser = argparse.ArgumentParser(description="A virtual USB device that nobody should trust.")
    parser.add_argument("--socket", type=Path, required=True, help="where to listen for QEMU")
    parser.add_argument("--image", type=Path, help="a disk's sectors")
    parser.add_argument("name", choices=sorted(DEVICES))
    options = parser.parse_args()
    port = plugged_in(options.name, options.socket, options.image)
    print(options.socket, flush=True)
    for line in sys.stdin:
        word, _, argument = line.rstrip("\n").partition(" ")
        match word:
            case "type":
                keyboard_of(port).type(argument + "\n")
            case "unplug":
                port.unplug()
            case "plug":
                port.plug()
            case "flap":
                threading.Thread(target=flap, args=(port, int(argument)), daemon=True).start()
        print("done", flush=True)
    port.close()


if __name__ == "__main__":
    main()

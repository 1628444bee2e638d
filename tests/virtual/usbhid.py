"""A virtual USB keyboard that types by itself, and what two functions in one device have in common."""

from __future__ import annotations

import time

from tests.virtual.usbdesc import Descriptors, Transfer, configuration, device, endpoint, interface, string
from tests.virtual.usbredir import Handler, RedirDevice
from tests.virtual.usbwire import Setup, Status

KEYBOARD_CLASS = (3, 1, 1)
_REPORT_DESCRIPTOR = bytes.fromhex(  # HID 1.11, appendix B.1: the boot keyboard
    "05010906a101050719e029e71500250175019508810295017508810195057501050819012905910295017503910195067508"
    "150025650507190029658100c0"
)
_GET_DESCRIPTOR, _GET_REPORT, _GET_IDLE, _GET_PROTOCOL = 6, 1, 2, 3
_REPORT = 0x22
_SHIFT = 0x02
_SPECIAL = {"\n": 0x28, "\x1b": 0x29, "\t": 0x2B, " ": 0x2C, "-": 0x2D, "=": 0x2E, ".": 0x37, "/": 0x38}
_SHIFTED = {"!": 0x1E, "@": 0x1F, ">": 0x37, "?": 0x38, "|": 0x31, "_": 0x2D}
_ADDRESS = 0x84  # none that a camera or a disk has, so that it can be a part of either


def keyboard_interface(number: int = 0, address: int = _ADDRESS, *, alternate: int = 0) -> bytes:
    """The interface of a boot keyboard."""
    hid = bytes((9, 0x21, 0x11, 0x01, 0, 1, _REPORT)) + len(_REPORT_DESCRIPTOR).to_bytes(2, "little")
    sends = endpoint(address, Transfer.INTERRUPT, 8, 4)
    return interface(number, KEYBOARD_CLASS, sends, alternate=alternate, extra=hid)


def keyboard_descriptors(
    vendor: int = 0x046D, product: int = 0xC31C, name: str = "USB Keyboard"
) -> Descriptors:
    """What a keyboard says of itself."""
    return Descriptors(
        device(vendor, product, max_packet=8, strings=(1, 2, 0)),  # low speed (USB 2.0, section 5.5.3)
        configuration(keyboard_interface()),
        [string("Logitech"), string(name)],
    )


class Keyboard:
    """The handler of a keyboard.

    Attributes:
        is_used: a driver took it, so that what it types arrives somewhere.
    """

    def __init__(self, address: int = _ADDRESS) -> None:
        self._address = address
        self._port: RedirDevice | None = None
        self.is_used = False

    def plugged(self, port: RedirDevice) -> None:
        self._port = port
        self.is_used = False

    def reset(self) -> None:
        pass

    def control(self, setup: Setup, data: bytes) -> bytes | Status | None:
        if setup.request_type == 0x81 and setup.request == _GET_DESCRIPTOR and setup.value >> 8 == _REPORT:
            self.is_used = True
            return _REPORT_DESCRIPTOR
        if setup.request_type == 0xA1 and setup.request in {_GET_REPORT, _GET_IDLE, _GET_PROTOCOL}:
            return bytes(8)
        if setup.request_type == 0x21:
            return b""  # lights, idle rate, protocol
        return Status.STALL

    def received(self, endpoint: int, data: bytes) -> Status:
        return Status.SUCCESS

    def type(self, text: str, pause_s: float = 0.02) -> None:
        """Press and release the keys of a text: a to z, digits, and what is in `_SPECIAL` and `_SHIFTED`."""
        assert self._port is not None
        for character in text:
            modifier, key = _key(character)
            for report in (bytes([modifier, 0, key, 0, 0, 0, 0, 0]), bytes(8)):
                self._port.send(self._address, report)
                time.sleep(pause_s)


class Composite:
    """The handler of a device with several functions.

    Args:
        parts: for each interface its function and the addresses of its endpoints.
    """

    def __init__(self, *parts: tuple[Handler, frozenset[int]]) -> None:
        self._parts = parts

    @property
    def handlers(self) -> list[Handler]:
        """Its functions, in the order of their interfaces."""
        return [handler for handler, _ in self._parts]

    def plugged(self, port: RedirDevice) -> None:
        for handler, _ in self._parts:
            handler.plugged(port)

    def reset(self) -> None:
        for handler, _ in self._parts:
            handler.reset()

    def control(self, setup: Setup, data: bytes) -> bytes | Status | None:
        number = setup.index & 0xFF
        if setup.request_type & 0x1F == 1 and number < len(self._parts):
            return self._parts[number][0].control(setup, data)
        return Status.STALL

    def received(self, endpoint: int, data: bytes) -> Status:
        for handler, addresses in self._parts:
            if endpoint in addresses:
                return handler.received(endpoint, data)
        return Status.STALL


def _key(character: str) -> tuple[int, int]:
    if character in _SPECIAL:
        return 0, _SPECIAL[character]
    if character in _SHIFTED:
        return _SHIFT, _SHIFTED[character]
    if character.isdigit():
        return 0, 0x1E + (int(character) - 1) % 10
    return (_SHIFT if character.isupper() else 0), 0x04 + ord(character.lower()) - ord("a")

"""Security keys that no driver has: HID packets through ``/dev/bus/usb``, for the appliance (docs/usb.md).

There the kernel may not know a key as a keyboard, whatever the key says it is: its interface is allowed and
gets no driver, so there is no ``/dev/hidraw`` for it. Only the worker loads this module. Numbers are those of
``linux/usbdevice_fs.h``, and of section 11.2.8 of the CTAP specification.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from fido2.hid.base import CtapHidConnection, HidDescriptor, parse_report_descriptor

_INTERFACES = Path("/sys/bus/usb/devices")
_NODES = Path("/dev/bus/usb")
_CONTROL: Final = 0xC0185500
_BULK: Final = 0xC0185502
_CLAIM: Final = 0x8004550F
_TRANSFER = struct.Struct("=IIIxxxxQ")  # endpoint, length, milliseconds, address
_REQUEST = struct.Struct("=BBHHHIxxxxQ")
_FROM_INTERFACE, _GET_DESCRIPTOR, _REPORT = 0x81, 6, 0x2200
_MOST_REPORT = 1024
_PACKET = 64
_WRITE_MS = 2_000
_READ_MS = 10_000  # while a key waits for a touch it says so ten times a second
_KEY = ("03", "00", "00")


class Found(NamedTuple):
    """An interface that may be a security key's.

    Attributes:
        node: of the whole device.
        interface: its number.
        into, out: addresses of its two interrupt endpoints.
    """

    node: Path
    interface: int
    into: int
    out: int


def found(interfaces: Path = _INTERFACES, nodes: Path = _NODES) -> Iterator[Found]:
    """Every HID interface that no driver has and that is no keyboard's or mouse's, as sysfs says."""
    for folder in sorted(interfaces.glob("*:*")):
        try:
            said = tuple(_read(folder / f"bInterface{name}") for name in ("Class", "SubClass", "Protocol"))
            if said != _KEY or (folder / "driver").exists() or _read(folder / "authorized") != "1":
                continue
            ends = {_end(each) for each in folder.glob("ep_*")}
            into = [address for address in ends if address is not None and address & 0x80]
            out = [address for address in ends if address is not None and not address & 0x80]
            if len(into) != 1 or len(out) != 1:
                continue
            device = folder.resolve().parent
            bus, number = int(_read(device / "busnum")), int(_read(device / "devnum"))
            interface = int(_read(folder / "bInterfaceNumber"), 16)
        except (OSError, ValueError):
            continue  # it was pulled out meanwhile
        yield Found(nodes / f"{bus:03d}" / f"{number:03d}", interface, into[0], out[0])


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii").strip()


def _end(folder: Path) -> int | None:
    """Address of an endpoint of `_PACKET` bytes that carries interrupts; None for any other."""
    if _read(folder / "type") != "Interrupt" or int(_read(folder / "wMaxPacketSize"), 16) != _PACKET:
        return None
    return int(_read(folder / "bEndpointAddress"), 16)


class UsbConnection(CtapHidConnection):
    """Packets to and from one security key; it is nobody else's until this is closed.

    Args:
        key: where.

    Raises:
        OSError: it cannot be opened, or somebody else has it.
        ValueError: its report descriptor is no security key's.
    """

    def __init__(self, key: Found) -> None:
        self._key = key
        self._fd = os.open(key.node, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.ioctl(self._fd, _CLAIM, struct.pack("=I", key.interface))
            into, out = parse_report_descriptor(self._report_descriptor())
        except BaseException:
            os.close(self._fd)
            raise
        if (into, out) != (_PACKET, _PACKET):
            os.close(self._fd)
            raise ValueError("no packets of a security key")
        self.descriptor = HidDescriptor(str(key.node), 0, 0, into, out, None, None)

    def _report_descriptor(self) -> bytes:
        buffer = ctypes.create_string_buffer(_MOST_REPORT)
        wanted = _REQUEST.pack(
            _FROM_INTERFACE,
            _GET_DESCRIPTOR,
            _REPORT,
            self._key.interface,
            _MOST_REPORT,
            _WRITE_MS,
            ctypes.addressof(buffer),
        )
        length = int(fcntl.ioctl(self._fd, _CONTROL, bytearray(wanted), True))
        return buffer.raw[:length]

    def _transfer(self, endpoint: int, buffer: ctypes.Array[ctypes.c_char], wait_ms: int) -> int:
        asked = _TRANSFER.pack(endpoint, len(buffer), wait_ms, ctypes.addressof(buffer))
        return int(fcntl.ioctl(self._fd, _BULK, bytearray(asked), True))

    def read_packet(self) -> bytes:
        """Wait for a packet.

        Raises:
            OSError: none came, or the key was pulled out.
        """
        buffer = ctypes.create_string_buffer(_PACKET)
        length = self._transfer(self._key.into, buffer, _READ_MS)
        return buffer.raw[:length]

    def write_packet(self, data: bytes) -> None:
        """Send a packet.

        Raises:
            OSError: the key takes none.
        """
        self._transfer(self._key.out, ctypes.create_string_buffer(bytes(data), len(data)), _WRITE_MS)

    def close(self) -> None:
        """Let go of it."""
        os.close(self._fd)

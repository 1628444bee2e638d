"""USB descriptors of a virtual device (USB 2.0, chapter 9; sizes in bytes, integers little endian)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

ENGLISH = 0x0409


class Kind(IntEnum):
    """Descriptor types."""

    DEVICE = 1
    CONFIGURATION = 2
    STRING = 3
    INTERFACE = 4
    ENDPOINT = 5


class Transfer(IntEnum):
    """Transfer types of endpoints."""

    CONTROL = 0
    ISOCHRONOUS = 1
    BULK = 2
    INTERRUPT = 3


class Interface(NamedTuple):
    """What a configuration says of one interface: its number and its class, subclass and protocol."""

    number: int
    class_: tuple[int, int, int]


class Endpoint(NamedTuple):
    """What a configuration says of one endpoint, and of which interface it is."""

    address: int
    transfer: Transfer
    max_packet: int
    interval: int
    interface: int


def device(
    vendor: int,
    product: int,
    *,
    version: int = 0x0100,
    usb: int = 0x0200,
    class_: tuple[int, int, int] = (0, 0, 0),
    max_packet: int = 64,
    strings: tuple[int, int, int] = (1, 2, 3),
    configurations: int = 1,
) -> bytes:
    """A device descriptor; ``strings`` are the numbers of maker, product and serial number, 0 for none."""
    return struct.pack(
        "<BBH4BHHH4B",
        *(18, Kind.DEVICE, usb, *class_, max_packet),
        *(vendor, product, version, *strings, configurations),
    )


def endpoint(address: int, transfer: Transfer, max_packet: int, interval: int = 0) -> bytes:
    """An endpoint descriptor; the address has bit 7 set where the host reads from it."""
    return struct.pack("<4BHB", 7, Kind.ENDPOINT, address, transfer, max_packet, interval)


def interface(
    number: int, class_: tuple[int, int, int], *endpoints: bytes, alternate: int = 0, extra: bytes = b""
) -> bytes:
    """An interface descriptor, the descriptors of its class (``extra``), and its endpoints."""
    head = struct.pack("<9B", 9, Kind.INTERFACE, number, alternate, len(endpoints), *class_, 0)
    return head + extra + b"".join(endpoints)


def configuration(*parts: bytes, interfaces: int | None = None) -> bytes:
    """A configuration of these interfaces; ``interfaces`` is how many it claims where that is not true."""
    body = b"".join(parts)
    numbers = {one.number for one in found_interfaces(body)}
    count = len(numbers) if interfaces is None else interfaces
    return struct.pack("<BBHBBBBB", 9, Kind.CONFIGURATION, 9 + len(body), count, 1, 0, 0x80, 250) + body


def string(text: str) -> bytes:
    """A string descriptor; what is longer than one can be (126 UTF-16 units) is cut off."""
    return raw_string(text.encode("utf-16-le", "surrogatepass")[:252])


def raw_string(units: bytes) -> bytes:
    """A string descriptor of any bytes, UTF-16 or not."""
    return bytes([len(units) + 2, Kind.STRING]) + units


@dataclass
class Descriptors:
    """What a device says of itself.

    Attributes:
        device: its device descriptor.
        configuration: its only configuration, with everything in it.
        strings: string descriptors, number 1 first.
        is_silent: no request on the control endpoint is ever answered.
    """

    is_silent = False

    device: bytes
    configuration: bytes
    strings: list[bytes] = field(default_factory=list)

    def get(self, kind: int, index: int, length: int) -> bytes | None:
        """The answer to GET_DESCRIPTOR, at most ``length`` bytes; None where there is no such one."""
        found: bytes | None = None
        if kind == Kind.DEVICE:
            found = self.device
        elif kind == Kind.CONFIGURATION and index == 0:
            found = self.configuration
        elif kind == Kind.STRING and index == 0:
            found = raw_string(struct.pack("<H", ENGLISH))
        elif kind == Kind.STRING and index <= len(self.strings):
            found = self.strings[index - 1]
        return None if found is None else found[:length]

    def interfaces(self) -> list[Interface]:
        """What the host is told of interfaces."""
        return found_interfaces(self.configuration)

    def endpoints(self) -> list[Endpoint]:
        """What the host is told of endpoints; alternate settings of one interface count, too."""
        number, found = 0, []
        for part in _parts(self.configuration):
            if part[1] == Kind.INTERFACE and len(part) >= 9:
                number = part[2]
            elif part[1] == Kind.ENDPOINT and len(part) >= 7:
                address, attributes, max_packet, interval = struct.unpack_from("<2BHB", part, 2)
                found.append(
                    Endpoint(address, Transfer(attributes & 3), max_packet & 0x7FF, interval, number)
                )
        return found


def found_interfaces(data: bytes) -> list[Interface]:
    """The interfaces that a configuration really has, each once."""
    found = {
        part[2]: Interface(part[2], (part[5], part[6], part[7]))
        for part in reversed(list(_parts(data)))
        if part[1] == Kind.INTERFACE and len(part) >= 9
    }
    return [found[number] for number in sorted(found)]


def _parts(data: bytes) -> list[bytes]:
    parts = []
    at = 0
    while at + 2 <= len(data) and data[at] >= 2:
        parts.append(data[at : at + data[at]])
        at += data[at]
    return parts

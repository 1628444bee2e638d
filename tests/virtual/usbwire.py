"""Packets of the USB network redirection protocol 0.7, over one socket, from either side of it.

All integers are little endian. The side that has the device is the *host*, the one that uses it the *guest*.
"""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum

MAX_PACKET = 64 << 20
"""Longest packet taken from the other side, bytes."""


class Packet(IntEnum):
    HELLO = 0
    DEVICE_CONNECT = 1
    DEVICE_DISCONNECT = 2
    RESET = 3
    INTERFACE_INFO = 4
    EP_INFO = 5
    SET_CONFIGURATION = 6
    GET_CONFIGURATION = 7
    CONFIGURATION_STATUS = 8
    SET_ALT_SETTING = 9
    GET_ALT_SETTING = 10
    ALT_SETTING_STATUS = 11
    START_INTERRUPT_RECEIVING = 15
    STOP_INTERRUPT_RECEIVING = 16
    INTERRUPT_RECEIVING_STATUS = 17
    CANCEL_DATA_PACKET = 21
    FILTER_REJECT = 22
    FILTER_FILTER = 23
    CONTROL = 100
    BULK = 101
    INTERRUPT = 103


class Status(IntEnum):
    SUCCESS = 0
    CANCELLED = 1
    INVALID = 2
    IO_ERROR = 3
    STALL = 4
    TIMEOUT = 5
    BABBLE = 6


class Speed(IntEnum):
    LOW = 0
    FULL = 1
    HIGH = 2
    SUPER = 3


class Capability(IntEnum):
    """Bits of the hello's capabilities. xHCI needs the last three."""

    CONNECT_DEVICE_VERSION = 1
    FILTER = 2
    EP_INFO_MAX_PACKET_SIZE = 4
    IDS_64_BITS = 5
    BULK_LENGTH_32_BITS = 6


CAPABILITIES = sum(1 << one for one in Capability)
CONTROL_HEADER = struct.Struct("<4B3H")  # endpoint, request, requesttype, status, value, index, length
BULK_HEADER = struct.Struct("<BBHIH")  # endpoint, status, length, stream, high half of length
INTERRUPT_HEADER = struct.Struct("<BBH")  # endpoint, status, length
_HELLO = struct.Struct("<64sI")
_SHORT_HEADER = struct.Struct("<III")  # type, length, id
_HEADER = struct.Struct("<IIQ")


class GoneError(Exception):
    """The other side closed the connection, or said something that ends it."""


@dataclass(frozen=True)
class Setup:
    """A control request (USB 2.0, 9.3)."""

    request_type: int
    request: int
    value: int
    index: int
    length: int


class Link:
    """Whole packets of the protocol over one socket, from either side of it."""

    def __init__(self, sock: socket.socket, name: str) -> None:
        self._socket = sock
        self._sending = threading.Lock()
        self._header = _SHORT_HEADER  # until both sides said that they know longer ids
        self.send(Packet.HELLO, 0, _HELLO.pack(name.encode(), CAPABILITIES))
        type_, _, payload = self.read()
        if type_ != Packet.HELLO or len(payload) < _HELLO.size:
            raise GoneError("no hello")
        lacking = CAPABILITIES & ~_HELLO.unpack_from(payload)[1]
        if lacking:
            raise GoneError(f"capabilities {lacking:#x} are lacking")
        self._header = _HEADER

    def send(self, type_: Packet, identity: int, *payload: bytes | memoryview) -> None:
        data = b"".join((self._header.pack(type_, sum(map(len, payload)), identity), *payload))
        try:
            with self._sending:
                self._socket.sendall(data)
        except OSError as error:
            raise GoneError(str(error)) from error

    def read(self) -> tuple[int, int, bytes]:
        """Read one packet: its type, its id, and what follows the header."""
        type_, length, identity = self._header.unpack(self._exactly(self._header.size))
        if length > MAX_PACKET:
            raise GoneError(f"packet of {length} bytes")
        return type_, identity, self._exactly(length)

    def close(self) -> None:
        with suppress(OSError):  # the other side may have closed it
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _exactly(self, size: int) -> bytes:
        data = bytearray(size)
        view = memoryview(data)
        while view:
            try:
                got = self._socket.recv_into(view)
            except OSError as error:
                raise GoneError(str(error)) from error
            if not got:
                raise GoneError("closed")
            view = view[got:]
        return bytes(data)

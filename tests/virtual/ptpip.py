"""PTP/IP as a camera speaks it: packets on a TCP connection, and the small datasets inside them.

CIPA DC-005 (PTP/IP) for the packets, ISO 15740 (PTP) for strings, arrays and response codes.
All integers are little endian.
"""

from __future__ import annotations

import os
import socket
import struct
from enum import IntEnum
from typing import NamedTuple

HEADER = struct.Struct("<II")  # length of the whole packet, type
MAX_PACKET = 1 << 20
"""Largest packet taken from an initiator, bytes: none of the requests we answer comes near."""


class Packet(IntEnum):
    INIT_COMMAND_REQUEST = 1
    INIT_COMMAND_ACK = 2
    INIT_EVENT_REQUEST = 3
    INIT_EVENT_ACK = 4
    INIT_FAIL = 5
    REQUEST = 6
    RESPONSE = 7
    EVENT = 8
    START_DATA = 9
    DATA = 10
    CANCEL = 11
    END_DATA = 12
    PING = 13
    PONG = 14


class Answer(IntEnum):
    """PTP response codes."""

    OK = 0x2001
    GENERAL_ERROR = 0x2002
    SESSION_NOT_OPEN = 0x2003
    OPERATION_NOT_SUPPORTED = 0x2005
    INVALID_STORAGE = 0x2008
    INVALID_HANDLE = 0x2009
    PROPERTY_NOT_SUPPORTED = 0x200A
    OBJECT_WRITE_PROTECTED = 0x200D
    STORE_READ_ONLY = 0x200E
    ACCESS_DENIED = 0x200F
    DEVICE_BUSY = 0x2019
    INVALID_PARAMETER = 0x201D
    SESSION_ALREADY_OPEN = 0x201E


class GoneError(Exception):
    """The other side closed the connection, or said something that ends it."""


class Request(NamedTuple):
    code: int
    transaction: int
    params: tuple[int, ...]


class Connection:
    """Whole packets over one socket."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def read(self) -> tuple[int, bytes]:
        """Read one packet: its type and what follows the header."""
        length, type_ = HEADER.unpack(self._exactly(HEADER.size))
        if not HEADER.size <= length <= MAX_PACKET:
            raise GoneError(f"packet of {length} bytes")
        return type_, self._exactly(length - HEADER.size)

    def send(self, type_: Packet, payload: bytes = b"") -> None:
        self._send(HEADER.pack(HEADER.size + len(payload), type_) + payload)

    def start_data(self, transaction: int, total: int) -> None:
        self.send(Packet.START_DATA, struct.pack("<IQ", transaction, total))

    def end_data(self, transaction: int, payload: bytes) -> None:
        self.send(Packet.END_DATA, struct.pack("<I", transaction) + payload)

    def send_file(self, transaction: int, fd: int, offset: int, count: int, announced: int) -> None:
        """Send ``count`` bytes of a file as one data packet that claims ``announced`` bytes."""
        header = HEADER.pack(12 + announced, Packet.END_DATA) + struct.pack("<I", transaction)
        try:
            self.sock.sendall(header, socket.MSG_MORE)
            while count:
                sent = os.sendfile(self.sock.fileno(), fd, offset, count)
                if not sent:
                    raise GoneError("the file behind the object became shorter")
                offset += sent
                count -= sent
        except OSError as error:
            raise GoneError(str(error)) from error

    def respond(self, transaction: int, code: int, params: tuple[int, ...] = ()) -> None:
        self.send(Packet.RESPONSE, struct.pack(f"<HI{len(params)}I", code, transaction, *params))

    def _send(self, data: bytes) -> None:
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise GoneError(str(error)) from error

    def _exactly(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size:
            try:
                part = self.sock.recv(min(size, 1 << 16))
            except OSError as error:
                raise GoneError(str(error)) from error
            if not part:
                raise GoneError("closed")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def parse_request(payload: bytes) -> tuple[Request, bool]:
    """Read an operation request; the flag tells whether the initiator will send data."""
    phase, code, transaction = struct.unpack_from("<IHI", payload)
    count = (len(payload) - 10) // 4
    return Request(code, transaction, struct.unpack_from(f"<{count}I", payload, 10)), phase == 2


def string(text: str) -> bytes:
    """A PTP string: count of UTF-16 units with the closing NUL, then the units; one 0 byte if empty."""
    if not text:
        return b"\0"
    units = text.encode("utf-16-le", "surrogatepass") + b"\0\0"
    if len(units) > 2 * 255:
        raise ValueError("a PTP string has at most 254 characters")
    return bytes([len(units) // 2]) + units


def array16(values: tuple[int, ...]) -> bytes:
    return struct.pack(f"<I{len(values)}H", len(values), *values)


def array32(values: tuple[int, ...]) -> bytes:
    return struct.pack(f"<I{len(values)}I", len(values), *values)

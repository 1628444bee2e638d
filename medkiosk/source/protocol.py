"""What the daemon and a source worker say to each other, over `medkiosk.core.frames`.

============  =========  ==========================================================
daemon says   payload    worker answers
============  =========  ==========================================================
OPEN          u8 grants, device  HELLO(device), or FAIL and the end
LIST          -          ENTRY*, then LISTED(number of entries), or FAIL
HEAD          u32 index  DATA*, then END(bytes sent, 0), or FAIL
READ          u32 index  DATA*, then END(bytes sent, u8 shape), or FAIL
CLOCK         -          TIME(what the camera shows, or nothing), or FAIL; ends the listing
SET_CLOCK     i64 UTC    DONE, or FAIL; ends the listing
DELETE        u32 index  DONE, or FAIL; the indexes stay
BYE           -          the end
============  =========  ==========================================================

Ending the listing means that the next HEAD, READ or DELETE needs a LIST before it. SET_CLOCK and DELETE end
a worker that was not opened with the grant for it: whoever only reads cannot delete by a mistake.

A worker that was told its device on the command line says HELLO without being asked; one that systemd
started for a connection waits for OPEN.

Integers are big endian; strings are a u16 length and that many bytes. Every bound here is checked by the
daemon before it uses what came.
"""

from __future__ import annotations

import struct
from enum import IntEnum

import msgspec

from medkiosk.source.model import (
    ENDS_SESSION,
    MAX_ENTRIES,
    DeviceInfo,
    Entry,
    Grant,
    Kind,
    Shape,
    SourceCode,
)

MAX_NAME = 255
"""Longest name and longest component of a folder, bytes."""
MAX_FOLDER = 1024
"""Longest folder path, bytes."""
MAX_REQUEST = 8
MAX_OPEN = 3 * (255 + 2) + 2
"""Longest payload of OPEN, bytes."""

_INDEX = struct.Struct(">I")
_END = struct.Struct(">QB")
_CODE = struct.Struct(">H")
_LENGTH = struct.Struct(">H")
_ENTRY = struct.Struct(">IQqH")
_SECONDS = struct.Struct(">q")
_ESCAPED = rb"\x5c"
_MAX_NUMBER = 2**53 - 1  # what canonical JSON can record
_KINDS: tuple[Kind, ...] = ("camera", "card")
_FIRST_SECOND = 0
_LAST_SECOND = 253_402_300_799  # the end of the year 9999


class ToWorker(IntEnum):
    """Frame types that the daemon sends."""

    LIST = 1
    HEAD = 2
    READ = 3
    BYE = 4
    OPEN = 5
    CLOCK = 6
    SET_CLOCK = 7
    DELETE = 8


class FromWorker(IntEnum):
    """Frame types that the worker sends."""

    HELLO = 17
    ENTRY = 18
    LISTED = 19
    DATA = 20
    END = 21
    FAIL = 22
    TIME = 23
    DONE = 24


class ProtocolError(Exception):
    """The other side sent a payload that is not of the form or beyond a bound."""


class RawEntry(msgspec.Struct, frozen=True):
    """An entry as the worker has it: names are the device's own bytes, already cut to the bounds."""

    index: int
    storage: bytes
    folder: bytes
    name: bytes
    size: int
    mtime: int
    failure: int = 0


class CameraTime(msgspec.Struct, frozen=True):
    """A camera's clock: what its display shows, taken as if it were UTC, and its UTC; seconds since 1970."""

    wall: int
    utc: int | None


def pack_index(index: int) -> bytes:
    """Write the payload of HEAD, READ and DELETE, and of LISTED."""
    return _INDEX.pack(index)


def unpack_index(untrusted_payload: bytes) -> int:
    """Read an index or count: 0 to `MAX_ENTRIES`.

    Raises:
        ProtocolError: it is not four bytes, or larger.
    """
    untrusted_index = _one(_INDEX, untrusted_payload)
    if untrusted_index > MAX_ENTRIES:
        raise ProtocolError("index beyond the bound")
    return untrusted_index


def pack_end(size: int, shape: Shape = Shape.UNKNOWN) -> bytes:
    """Write the payload of END."""
    return _END.pack(size, shape)


def unpack_end(untrusted_payload: bytes) -> tuple[int, Shape]:
    """Read the payload of END; the reader compares the size with what it counted.

    Raises:
        ProtocolError: not of the form, or a shape that we do not know.
    """
    if len(untrusted_payload) != _END.size:
        raise ProtocolError("payload of the wrong length")
    size, untrusted_shape = _END.unpack(untrusted_payload)
    try:
        return size, Shape(untrusted_shape)
    except ValueError as error:
        raise ProtocolError("unknown shape") from error


def pack_code(code: int) -> bytes:
    """Write the payload of FAIL."""
    return _CODE.pack(code)


def unpack_code(untrusted_payload: bytes) -> SourceCode:
    """Read the payload of FAIL.

    Raises:
        ProtocolError: not two bytes, or a code that we do not know.
    """
    return unpack_failure(_one(_CODE, untrusted_payload))


def unpack_failure(untrusted_code: int) -> SourceCode:
    """Turn a number into a code.

    Raises:
        ProtocolError: it is none of ours.
    """
    try:
        return SourceCode(untrusted_code)
    except ValueError as error:
        raise ProtocolError("unknown code") from error


def pack_open(device: DeviceInfo, grants: Grant) -> bytes:
    """Write the payload of OPEN."""
    return bytes([grants]) + pack_hello(device)


def unpack_open(payload: bytes) -> tuple[DeviceInfo, Grant]:
    """Read the payload of OPEN.

    Raises:
        ProtocolError: not of the form, or a grant that we do not know.
    """
    if not payload or payload[0] > Grant.DELETE | Grant.SET_CLOCK:
        raise ProtocolError("unknown grant")
    return unpack_hello(payload[1:]), Grant(payload[0])


def pack_seconds(seconds: int) -> bytes:
    """Write the payload of SET_CLOCK."""
    return _SECONDS.pack(seconds)


def unpack_seconds(payload: bytes) -> int:
    """Read the payload of SET_CLOCK: seconds since 1970, up to the year 9999.

    Raises:
        ProtocolError: not eight bytes, or beyond the bounds.
    """
    return _bounded_seconds(_one(_SECONDS, payload))


def pack_time(time: CameraTime | None) -> bytes:
    """Write the payload of TIME; nothing for a device without a clock."""
    if time is None:
        return b""
    return pack_seconds(time.wall) + (b"" if time.utc is None else pack_seconds(time.utc))


def unpack_time(untrusted_payload: bytes) -> CameraTime | None:
    """Read the payload of TIME.

    Raises:
        ProtocolError: not of the form, or a time beyond the bounds.
    """
    if not untrusted_payload:
        return None
    wall = unpack_seconds(untrusted_payload[: _SECONDS.size])
    rest = untrusted_payload[_SECONDS.size :]
    return CameraTime(wall=wall, utc=unpack_seconds(rest) if rest else None)


def unpack_nothing(untrusted_payload: bytes) -> None:
    """Read the payload of DONE.

    Raises:
        ProtocolError: it has one.
    """
    if untrusted_payload:
        raise ProtocolError("payload where none belongs")


def pack_hello(info: DeviceInfo) -> bytes:
    """Write the payload of HELLO; strings are cut to `MAX_NAME` bytes."""
    texts = (info.model, info.serial, info.port)
    return bytes([_KINDS.index(info.kind)]) + b"".join(
        _string(text.encode("utf-8", "backslashreplace")[:MAX_NAME]) for text in texts
    )


def unpack_hello(untrusted_payload: bytes) -> DeviceInfo:
    """Read the payload of HELLO.

    Raises:
        ProtocolError: not of the form, or a string longer than `MAX_NAME`.
    """
    if not untrusted_payload or untrusted_payload[0] >= len(_KINDS):
        raise ProtocolError("unknown kind of device")
    model, at = _unstring(untrusted_payload, 1, MAX_NAME)
    serial, at = _unstring(untrusted_payload, at, MAX_NAME)
    port, at = _unstring(untrusted_payload, at, MAX_NAME)
    _ended(untrusted_payload, at)
    return DeviceInfo(kind=_KINDS[untrusted_payload[0]], model=model, serial=serial, port=port)


def pack_entry(entry: RawEntry) -> bytes:
    """Write the payload of ENTRY."""
    return (
        _ENTRY.pack(entry.index, entry.size, entry.mtime, entry.failure)
        + _string(entry.storage)
        + _string(entry.folder)
        + _string(entry.name)
    )


def unpack_entry(untrusted_payload: bytes) -> Entry:
    r"""Read the payload of ENTRY; bytes that are not UTF-8 become ``\xNN``, and so does a backslash.

    No two names have one label: what is dropped from a listing as known, or as seen, is told by it.

    Raises:
        ProtocolError: not of the form, a name or number beyond its bound, a failure that is none of ours
            or that a single file cannot have.
    """
    if len(untrusted_payload) < _ENTRY.size:
        raise ProtocolError("entry too short")
    index, size, mtime, untrusted_failure = _ENTRY.unpack_from(untrusted_payload)
    if size > _MAX_NUMBER or abs(mtime) > _MAX_NUMBER:
        raise ProtocolError("number beyond its bound")
    failure = unpack_failure(untrusted_failure) if untrusted_failure else None
    if failure is not None and (failure in ENDS_SESSION or size):
        raise ProtocolError("no such failure of a single file")
    storage, at = _unstring(untrusted_payload, _ENTRY.size, MAX_NAME, _ESCAPED)
    folder, at = _unstring(untrusted_payload, at, MAX_FOLDER, _ESCAPED)
    name, at = _unstring(untrusted_payload, at, MAX_NAME, _ESCAPED)
    _ended(untrusted_payload, at)
    return Entry(
        index=index, storage=storage, folder=folder, name=name, size=size, mtime=mtime, failure=failure
    )


def _one(form: struct.Struct, untrusted_payload: bytes) -> int:
    if len(untrusted_payload) != form.size:
        raise ProtocolError("payload of the wrong length")
    value: int = form.unpack(untrusted_payload)[0]
    return value


def _bounded_seconds(seconds: int) -> int:
    if not _FIRST_SECOND <= seconds <= _LAST_SECOND:
        raise ProtocolError("time beyond the bounds")
    return seconds


def _string(text: bytes) -> bytes:
    return _LENGTH.pack(len(text)) + text


def _unstring(untrusted_payload: bytes, at: int, limit: int, backslash: bytes = b"\\") -> tuple[str, int]:
    start = at + _LENGTH.size
    if len(untrusted_payload) < start:
        raise ProtocolError("string cut off")
    (untrusted_length,) = _LENGTH.unpack_from(untrusted_payload, at)
    end = start + untrusted_length
    if untrusted_length > limit or len(untrusted_payload) < end:
        raise ProtocolError("string beyond its bound")
    text = untrusted_payload[start:end].replace(b"\\", backslash)
    return text.decode("utf-8", "backslashreplace"), end


def _ended(untrusted_payload: bytes, at: int) -> None:
    if at != len(untrusted_payload):
        raise ProtocolError("bytes after the end")

"""Sized frames: what the daemon and its workers say to each other over a pipe or socket.

A frame is ``type (1 byte) | length (4 bytes, big endian) | payload``. Nothing else crosses: no pickles, no
free text. The receiver states the largest payload it will take *before* it allocates anything.
"""

from __future__ import annotations

import struct
from typing import NamedTuple, Protocol

HEADER = struct.Struct(">BI")
CHUNK = 1 << 20
"""Payload size of data frames, bytes. Large enough to keep a pipe busy, small enough to bound memory."""


class Frame(NamedTuple):
    """One frame: its type byte and its payload."""

    type: int
    payload: bytes


class FrameError(Exception):
    """The other side broke the framing: ended early, or announced more than allowed."""


class FrameCutError(FrameError):
    """The stream ended inside a frame: the other side is gone."""


class Readable(Protocol):
    """Reads exactly up to ``size`` bytes, fewer only at the end of the stream."""

    def read(self, size: int, /) -> bytes:
        """Return ``size`` bytes, fewer only at the end of the stream."""
        ...


class Writable(Protocol):
    """Takes all of ``data``."""

    def write(self, data: bytes | memoryview, /) -> object:
        """Take all of ``data``."""
        ...

    def flush(self) -> object:
        """Hand on what was taken."""
        ...


def write_frame(
    stream: Writable, type_: int, payload: bytes | memoryview = b"", *, flush: bool = True
) -> None:
    """Write one frame and flush it.

    Args:
        stream: a buffered binary stream.
        type_: the frame's type byte.
        payload: what the frame carries.
        flush: False where more frames follow at once: small ones then go out together.
    """
    stream.write(HEADER.pack(type_, len(payload)))
    if len(payload):
        stream.write(payload)
    if flush:
        stream.flush()


def read_frame(stream: Readable, limit: int = CHUNK) -> Frame | None:
    """Read one frame; None at a clean end of the stream.

    Args:
        stream: a buffered binary stream (``read`` blocks until the size is there or the stream ends).
        limit: largest payload accepted, bytes.

    Raises:
        FrameCutError: the stream ended inside a frame.
        FrameError: the payload would be larger than ``limit``.
    """
    untrusted_header = stream.read(HEADER.size)
    if not untrusted_header:
        return None
    if len(untrusted_header) < HEADER.size:
        raise FrameCutError("stream ended inside a frame header")
    type_, untrusted_length = HEADER.unpack(untrusted_header)
    if untrusted_length > limit:
        raise FrameError(f"frame of {untrusted_length} bytes is over the limit of {limit}")
    payload = stream.read(untrusted_length)
    if len(payload) < untrusted_length:
        raise FrameCutError("stream ended inside a frame")
    return Frame(type_, payload)

"""What the daemon says to the reader of a stick and to the helper that installs, and what they answer. Pure.

The bytes of an update go stick -> reader -> daemon -> helper, once. The reader has the stick and nothing
else, the helper has the disk and never sees the stick; the daemon looks at nothing that it passes on.
"""

from __future__ import annotations

import struct
from enum import IntEnum

NUMBER = struct.Struct(">H")
SIZE = struct.Struct(">Q")
PIECE = 1 << 20
"""Largest payload of DATA, bytes."""


class Read(IntEnum):
    """What the reader says: FOLDER (a version), MANIFEST, SIGNATURE; then, when it got GO, for each of the
    three parts PART (its size now, 8 bytes) and DATA until its end; at last END. FAILED (a number of two
    bytes) at any time.
    """

    FOLDER = 1
    MANIFEST = 2
    SIGNATURE = 3
    PART = 4
    DATA = 5
    END = 6
    FAILED = 7


GO = b"g"
"""What the reader waits for before it sends parts; the end of its input ends it."""


class Ask(IntEnum):
    """What the helper is asked: MANIFEST and SIGNATURE, which it answers; then, to install it, INSTALL and
    the bytes of all parts in DATA, one part after the other, without a mark between them. RESTART stands
    alone.
    """

    MANIFEST = 1
    SIGNATURE = 2
    INSTALL = 3
    DATA = 4
    RESTART = 5


class Say(IntEnum):
    """What the helper answers: ACCEPTED, FAILED (a number of two bytes), AT (a `Stage` of one byte), DONE."""

    ACCEPTED = 17
    FAILED = 18
    AT = 19
    DONE = 20


class Stage(IntEnum):
    """How far the helper is."""

    READY = 1  # there is room: bytes may come
    INSTALLING = 2  # everything came and is what was signed; said again every few seconds


MAX_ANSWER = 8

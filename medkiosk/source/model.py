"""What a source can say: which device it is, what lies on it, and why a file could not be read."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import ClassVar, Literal

import msgspec

from medkiosk.core.errors import KioskError

Kind = Literal["camera", "card"]

HEAD_BYTES = 64 * 1024
"""Most that `SourceSession.head` gives, bytes."""

MAX_ENTRIES = 200_000
"""Most files that one device may list."""


class DeviceInfo(msgspec.Struct, frozen=True):
    """The device behind a source, in its own words (bounded, otherwise unchecked).

    Attributes:
        kind: camera or card.
        model: e.g. ``Canon EOS R6``; ``memory card`` for a card.
        serial: the body's serial number; empty where there is none.
        port: libgphoto2's port string, or the card's directory.
    """

    kind: Kind
    model: str
    serial: str
    port: str


class Grant(IntFlag):
    """What a worker may change on its device. Without a grant it reads and nothing else."""

    NONE = 0
    DELETE = 1
    SET_CLOCK = 2


class ClockReading(msgspec.Struct, frozen=True):
    """What a camera's clock showed, and when the kiosk asked.

    The camera's answer lies somewhere between asking and getting, and has whole seconds: with
    ``asked + took / 2`` as the kiosk's time of the reading, the error is at most ``took / 2`` and a second.

    Attributes:
        wall: what the camera's display shows, ISO 8601 without a zone, e.g. ``2026-11-22T15:07:52``. This
            is the time that it writes into its pictures.
        utc: the same moment by the camera's own idea of zone and summer time, seconds since 1970; None
            where it does not say. Worth what somebody once set in its menu.
        asked: the kiosk's time when it asked, seconds since 1970.
        took: from asking to getting by a clock that only goes forward, seconds.
    """

    wall: str
    utc: int | None
    asked: float
    took: float


class Shape(IntEnum):
    """How a file's own structure compares with its length."""

    UNKNOWN = 0
    """It is of no kind that tells where it ends."""
    WHOLE = 1
    """It ends where its structure ends."""
    CUT = 2
    """It ends before its structure does."""
    TRAILING = 3
    """More follows after the end of its structure."""
    BROKEN = 4
    """It is not built like what its name or its beginning says."""

    @property
    def is_damaged(self) -> bool:
        """Whether the card may hold more of it than it gave; bytes behind a picture's end are no damage."""
        return self in {Shape.CUT, Shape.BROKEN}

    @property
    def is_doubtful(self) -> bool:
        """Whether it is worth reading the file again: once, since the card may really hold it like this."""
        return self in {Shape.CUT, Shape.TRAILING, Shape.BROKEN}


SHAPE_WORDS: dict[Shape, str] = {
    Shape.CUT: (
        "This file ends in the middle of the picture, on the card too; it is in the kiosk exactly as it is on"
        " the card. Look at the picture in the camera before the card is used again."
    ),
    Shape.BROKEN: (
        "This file is not built like a picture, on the card too; it is in the kiosk exactly as it is on the"
        " card. Look at it in the camera before the card is used again."
    ),
}
"""The one sentence a person reads of a file that gave the same bytes twice and still is damaged."""

DAMAGED_BEFORE = (
    "This file was found cut off or not built like a picture when it was imported; it is in the kiosk exactly"
    " as it is on the card. Look at it in the camera before the card is used again."
)
"""The same, where it is only recorded that it is damaged."""


class SourceCode(IntEnum):
    """Why a device or a file on it could not be read. Only the number crosses the process boundary."""

    UNPLUGGED = 1
    BUSY = 2
    STALLED = 3
    CLAIMED = 4
    SHORT = 5
    LONG = 6
    SIZE_UNKNOWN = 7
    CHANGED = 8
    GONE = 9
    UNREADABLE = 10
    UNSUPPORTED = 11
    TOO_MANY = 12
    NAME = 13
    PROTOCOL = 14
    CRASHED = 15
    DENIED = 16
    DEVICE = 17
    PROTECTED = 18
    DIFFERS = 19
    TOO_DEEP = 20
    READ_ONLY = 21
    EMPTY = 22
    STUCK = 23


class Entry(msgspec.Struct, frozen=True):
    """One file on a device, as the device lists it. Names are labels, never used as paths.

    Attributes:
        index: position in the listing; by this the file is asked for.
        storage: which memory, e.g. ``store_00010001``; ``card`` for a card.
        folder: path of its folder inside the storage, ``/`` between components, e.g. ``DCIM/100CANON``.
        name: its own name. May hold any character, also ``/`` and line ends.
        size: bytes; 0 where ``failure`` is set.
        mtime: seconds since 1970 as the device gave them: wall clock or UTC, that differs by device.
        failure: why this cannot be read at all (a file without a size, a folder that cannot be opened);
            reading it raises this. It is listed so that nobody thinks that everything was imported.
    """

    index: int
    storage: str
    folder: str
    name: str
    size: int
    mtime: int
    failure: SourceCode | None = None


WORDS: dict[SourceCode, str] = {
    SourceCode.UNPLUGGED: (
        "The camera or card does not answer any more; what was acknowledged is safe, the rest is imported"
        " when it is plugged in and switched on again."
    ),
    SourceCode.BUSY: (
        "The camera is busy with something else; nothing was lost. Leave its menus, or switch it off and on."
    ),
    SourceCode.STALLED: (
        "The device stopped in the middle and was let go; what was acknowledged is safe. Unplug it and plug"
        " it in again."
    ),
    SourceCode.CLAIMED: (
        "Another program holds this camera, so it cannot be read; nothing was changed. Unplug it and plug it"
        " in again."
    ),
    SourceCode.SHORT: (
        "The device gave fewer bytes of this file than it had announced; the file was not imported and is"
        " read again next time. Keep the card as it is."
    ),
    SourceCode.LONG: (
        "The device gave more bytes of this file than it had announced; the file was not imported. Keep the"
        " card as it is."
    ),
    SourceCode.SIZE_UNKNOWN: (
        "The camera does not say how large this file is (0, or a film over 4 GiB), so it was not imported."
        " Put the card into the kiosk's card reader."
    ),
    SourceCode.EMPTY: (
        "This file has no bytes on the card, so there was nothing to import. Look for the picture in the"
        " camera, and keep the card as it is: what was taken may still be on it."
    ),
    SourceCode.CHANGED: (
        "This file changed while it was being imported; it was not imported and is read again next time."
    ),
    SourceCode.GONE: (
        "This file was listed and then was not there any more; nothing of it was imported. Look at the card"
        " in the camera."
    ),
    SourceCode.UNREADABLE: (
        "The device reported an error when this file was read; it was not imported. Try again, then try"
        " another reader; do not format the card."
    ),
    SourceCode.UNSUPPORTED: (
        "The camera does not hand out this kind of file; it was not imported. Put the card into the kiosk's"
        " card reader."
    ),
    SourceCode.TOO_MANY: (
        "There are more files or folders here than the kiosk reads at once; what lies beyond was not"
        " imported. Keep the card as it is and ask the installer to look at it."
    ),
    SourceCode.NAME: (
        "This file's name cannot be told to the camera; it was not imported. Put the card into the kiosk's"
        " card reader."
    ),
    SourceCode.PROTOCOL: (
        "Reading the device gave nonsense and was stopped; what was acknowledged is safe. Unplug it and plug"
        " it in again."
    ),
    SourceCode.CRASHED: (
        "The part of the kiosk that reads the device ended unexpectedly; what was acknowledged is safe, the"
        " rest is imported again."
    ),
    SourceCode.DENIED: (
        "The kiosk may not use this device; nothing was imported. Ask the installer to check the device"
        " rules."
    ),
    SourceCode.DEVICE: (
        "The device refused without saying why; what was acknowledged is safe. Switch it off and on, then"
        " plug it in again."
    ),
    SourceCode.PROTECTED: (
        "This file is write-protected, so it stays on the card; its copy in the kiosk is safe. To have it"
        " removed, lift the protection in the camera's menu."
    ),
    SourceCode.READ_ONLY: (
        "This card can only be read here, so everything stays on it; what was acknowledged is safe. To free"
        " the card, format it in the camera."
    ),
    SourceCode.STUCK: (
        "The device stopped answering twice while this file was read, so it was not imported; the other files"
        " were. Keep the card as it is, and try another reader or cable."
    ),
    SourceCode.DIFFERS: (
        "Reading this file again gave other bytes, so it was not imported. Keep the card as it is, try"
        " another reader or cable, and do not use this card for new pictures."
    ),
    SourceCode.TOO_DEEP: (
        "This folder lies too deep inside others, or leads back into itself, and was not looked through; the"
        " rest of the card was. Keep the card as it is and ask the installer to look at it."
    ),
}
"""The one sentence a person reads for each code."""

ENDS_SESSION = frozenset(
    {
        SourceCode.UNPLUGGED,
        SourceCode.STALLED,
        SourceCode.CLAIMED,
        SourceCode.PROTOCOL,
        SourceCode.CRASHED,
        SourceCode.DENIED,
    }
)
"""Codes after which the device cannot be read in this session; all others concern one request."""


class SourceError(KioskError):
    """{words}"""  # noqa: D415 the sentence is in WORDS

    code: ClassVar[str] = "source.failed"

    def __init__(self, reason: SourceCode) -> None:
        self.reason = reason
        super().__init__(words=WORDS[reason])

    @property
    def ends_session(self) -> bool:
        """Whether nothing more can be read from the device without a new session."""
        return self.reason in ENDS_SESSION

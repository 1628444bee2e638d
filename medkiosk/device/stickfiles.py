"""What may lie on a stick and what is read of it; the frames of the worker that reads it. Pure.

Rule: of all that lies on a stick, six kinds of files are ever opened: the kiosk's own mark,
acknowledgements (docs/acknowledgement.md), checkpoints that witnesses signed, witnesses' keys
(docs/ledger.md), settings that somebody proposes (docs/settings.md), and pages of the guide (docs/guide.md).
Everything else is a name that is counted.
"""

from __future__ import annotations

import re
import struct
from enum import STRICT, IntEnum, IntFlag
from typing import Final, NamedTuple

MARK = ".medkiosk-stick"
"""The file by which a kiosk knows a stick of its own (docs/stick.md)."""
MARK_BYTES = 1024
ACKNOWLEDGEMENTS = 64
ACKNOWLEDGEMENT_BYTES = 64 << 10
WITNESSED = 32
"""Checkpoints, and keys, that are read."""
COSIGNED_BYTES = 256 << 10
KEY_BYTES = 8 << 10
SETTINGS_NAME = "medkiosk-settings.toml"
SETTINGS_BYTES = 32 << 10
GUIDE_NAMES = "medkiosk-guide-*.md"
GUIDE_PAGES = 64
GUIDE_PAGE_BYTES = 64 << 10
MOST_NAMES = 20_000
"""More names than these are not looked at."""

_ACKNOWLEDGEMENT = re.compile(rb"medkiosk-acknowledgement-[0-9a-f]{8}\.json")
_COSIGNED = re.compile(rb"medkiosk-cosigned-[A-Za-z0-9._-]{1,60}")
_KEY = re.compile(rb"medkiosk-witness-[A-Za-z0-9._-]{1,60}")
_SETTINGS = re.compile(re.escape(SETTINGS_NAME).encode())
_GUIDE = re.compile(rb"medkiosk-guide-[A-Za-z0-9._-]{1,60}\.md")
_OURS = re.compile(
    rb"medkiosk(-recall|-head|-audit)?-[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9a-f]{8}|\.medkiosk-partial-[0-9a-f]{8}|"
    rb"medkiosk-update-[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}|" + re.escape(MARK.encode())
)
_SYSTEM = frozenset(
    {
        b"lost+found",
        b"System Volume Information",
        b"$RECYCLE.BIN",
        b".Trashes",
        b".Trash-1000",
        b".fseventsd",
        b".Spotlight-V100",
        b".TemporaryItems",
        b".DS_Store",
        b"Thumbs.db",
        b"desktop.ini",
        b".metadata_never_index",
    }
)
"""What computers put on a stick by themselves."""


class Frame(IntEnum):
    """What the worker says: the mark, each acknowledgement, checkpoint and key, the settings, each page of
    the guide, then what it found.
    """

    MARK = 1
    ACKNOWLEDGEMENT = 2
    FOUND = 3
    COSIGNED = 4
    KEY = 5
    SETTINGS = 6
    GUIDE = 7


class Found(IntFlag, boundary=STRICT):
    """What else there is to say of a stick."""

    NOTHING = 0
    FOREIGN = 1  # something that is neither ours nor a computer's
    UNREADABLE = 2  # the folder could not be read to its end, or a file that should be
    TOO_MANY = 4  # names or acknowledgements
    MARKED = 8  # there is a file called like our mark, whatever is in it
    ODD = 16  # what should be read is no plain file, is larger than it may be, or has another name


FOUND = struct.Struct(">B")
MAX_FRAME = COSIGNED_BYTES


class Look(NamedTuple):
    """What was found on a stick; everything in it was said by the stick.

    Attributes:
        found: flags.
        untrusted_mark: the content of the mark; empty without one.
        untrusted_acknowledgements: contents, at most `ACKNOWLEDGEMENTS` of `ACKNOWLEDGEMENT_BYTES`.
        untrusted_cosigned: checkpoints that witnesses signed, at most `WITNESSED` of `COSIGNED_BYTES`.
        untrusted_keys: keys of witnesses, at most `WITNESSED` of `KEY_BYTES`.
        untrusted_settings: proposed settings, at most one of `SETTINGS_BYTES`.
        untrusted_guide: pages of the guide, at most `GUIDE_PAGES` of `GUIDE_PAGE_BYTES`.
    """

    found: Found
    untrusted_mark: bytes
    untrusted_acknowledgements: tuple[bytes, ...]
    untrusted_cosigned: tuple[bytes, ...] = ()
    untrusted_keys: tuple[bytes, ...] = ()
    untrusted_settings: tuple[bytes, ...] = ()
    untrusted_guide: tuple[bytes, ...] = ()

    @property
    def is_blank(self) -> bool:
        """Whether nothing on it is somebody else's, as far as can be told."""
        return not self.found & (Found.FOREIGN | Found.UNREADABLE | Found.TOO_MANY)


class Kind(NamedTuple):
    """One kind of file that is read: how many of them, up to which size each, in which frames."""

    frame: Frame
    names: re.Pattern[bytes]
    most: int
    most_bytes: int


READ: Final = (
    Kind(Frame.ACKNOWLEDGEMENT, _ACKNOWLEDGEMENT, ACKNOWLEDGEMENTS, ACKNOWLEDGEMENT_BYTES),
    Kind(Frame.COSIGNED, _COSIGNED, WITNESSED, COSIGNED_BYTES),
    Kind(Frame.KEY, _KEY, WITNESSED, KEY_BYTES),
    Kind(Frame.SETTINGS, _SETTINGS, 1, SETTINGS_BYTES),
    Kind(Frame.GUIDE, _GUIDE, GUIDE_PAGES, GUIDE_PAGE_BYTES),
)
"""What is read beside the mark, in the order in which it is said."""


def kind_of(untrusted_name: bytes) -> Kind | None:
    """As what a file of this name is read; None where it is not."""
    return next((kind for kind in READ if kind.names.fullmatch(untrusted_name)), None)


def is_misnamed(untrusted_name: bytes) -> bool:
    """Tell whether a name begins like that of a page of the guide, and is none: the set would lack it."""
    return untrusted_name.lower().startswith(b"medkiosk-guide-") and kind_of(untrusted_name) is None


def is_foreign(untrusted_name: bytes) -> bool:
    """Tell whether a name in the top folder is neither ours nor one that computers make by themselves."""
    return not (
        untrusted_name in _SYSTEM
        or kind_of(untrusted_name) is not None
        or _OURS.fullmatch(untrusted_name) is not None
    )

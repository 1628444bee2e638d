"""Names by DCF (JEITA CP-3461, "Design rule for Camera File system"): where a file stands on a card. Pure.

A camera writes into ``DCIM/nnnXXXXX``, directly below the card's root: ``nnn`` from 100 to 999, ``XXXXX``
five letters by which makes and models tell their folders apart. A file is called ``YYYYmmmm.EXT``, ``mmmm``
from 0001 to 9999. What lies anywhere else was put there by somebody, and its name says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

STILLS = frozenset({"JPG", "CR3", "HIF", "CR2", "TIF"})
VIDEOS = frozenset({"MP4", "MOV", "CRM", "AVI"})
ATTACHED = frozenset({"WAV", "THM", "XMP"})

LAST = 9999
"""The highest file number; the next is 1."""
MOST_MISSING = 999
"""A longer jump is another series (another camera, numbers that were set anew), and says nothing."""

_GIVEN_BY_CAMERAS = ("IMG_", "_MG_", "MVI_")
_FOLDER = re.compile(r"DCIM/([1-9][0-9]{2})([0-9A-Z_]{5})")
_STEM = re.compile(r"[0-9A-Z_]{4}(?!0000)([0-9]{4})")


class DcfPlace(NamedTuple):
    """Where a file stands among all that a camera wrote on one storage.

    Attributes:
        letters: the five characters of the folder; folders with the same are one series.
        folder: the folder's number, 100 to 999.
        number: the file's, 1 to 9999.
        stem: the eight characters before the dot, in capitals.
    """

    letters: str
    folder: int
    number: int
    stem: str

    @classmethod
    def of(cls, untrusted_folder: str, untrusted_name: str) -> DcfPlace | None:
        """Read a place; None for a file that no camera of the kind that is read here put there.

        Args:
            untrusted_folder: the entry's folder below its storage, e.g. ``DCIM/100CANON``.
            untrusted_name: the entry's name, e.g. ``IMG_0001.CR3``.
        """
        stem = _stem(untrusted_name)
        # Capitals of other characters may be ASCII: that of a dotless i is I.
        inside = _FOLDER.fullmatch(untrusted_folder.upper()) if untrusted_folder.isascii() else None
        if stem is None or inside is None:
            return None
        return cls(inside[2], int(inside[1]), int(stem[1]), stem[0])


def media_extension(name: str) -> str | None:
    """The extension in capitals, without the dot, where it is one a camera gives to what it records."""
    extension = name.rpartition(".")[2].upper() if "." in name and name.isascii() else ""
    return extension if extension in STILLS | VIDEOS | ATTACHED else None


def shot_name(folder: str, name: str) -> str:
    """The eight characters by which camera and photographer know a shot; empty for any other file."""
    place = DcfPlace.of(folder, name)
    return place.stem if place else ""


def public_name(folder: str, name: str) -> str:
    """The shot's name where everybody may see it; empty for a file that a hand may have named.

    ``MAIE1962`` and ``10234567`` are names by DCF, too, and may be a patient's name and year, or number. So
    only those are shown whose first four characters Canon's cameras give by themselves.
    """
    stem = shot_name(folder, name)
    return stem if stem.startswith(_GIVEN_BY_CAMERAS) else ""


def capture_key(folder: str, name: str) -> str:
    """Name the capture that a file belongs to: equal for RAW, JPEG, HIF and sound memo of one shot.

    Files with DCF names in the same folder, also in one that somebody made, and with the same eight
    characters before the dot are one capture. Any other file is a capture of its own. Keys compare within one
    storage.

    Args:
        folder: the entry's folder, e.g. ``DCIM/100CANON``.
        name: the entry's name, e.g. ``IMG_0001.CR3``.
    """
    stem = _stem(name)
    return f"{folder}/{stem[0] if stem else name}"


def in_order(numbers: Sequence[int]) -> list[int]:
    """The numbers of one folder in the order in which they were taken.

    A folder in which the camera passed 9999 holds the end and the beginning of the count, with nothing
    between: the end was first.

    Args:
        numbers: at least one, each once, rising.
    """
    if numbers[0] != 1 or numbers[-1] != LAST:
        return list(numbers)
    widest = max(range(1, len(numbers)), key=lambda at: numbers[at] - numbers[at - 1])
    if numbers[widest] - numbers[widest - 1] > MOST_MISSING + 1:
        return [*numbers[widest:], *numbers[:widest]]
    return list(numbers)


def _stem(name: str) -> re.Match[str] | None:
    if media_extension(name) is None:
        return None
    return _STEM.fullmatch(name.rpartition(".")[0].upper())

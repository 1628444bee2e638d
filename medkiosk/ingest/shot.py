"""Which files are of one shot, also when they lie in two slots or come from two devices. Pure.

Two kinds of evidence:

- *place*: the same storage, DCF folder and eight characters (`medkiosk.core.dcf.capture_key`);
- *date*: the same DCF folder and eight characters anywhere, and the same moment of exposure. Names alone
  prove nothing, every camera has an IMG_0001, and modification times differ by the zone that a device or a
  card reader takes for granted. The moment stands in the first bytes of a JPEG and of a CR3 as the same 19
  ASCII characters (Exif 2.32, DateTimeOriginal). It is searched for, not parsed: keys live in this process.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

BEST_FIRST = ("JPG", "HIF", "CR3")
"""Of the files of one shot, what a derivative is made of (`medkiosk.catalog` ranks them by content)."""

_MOMENT = re.compile(
    rb"(?<![0-9])(?:19|20)[0-9]{2}:(?:0[1-9]|1[0-2]):(?:0[1-9]|[12][0-9]|3[01])"
    rb" (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?![0-9])"
)


def moment(untrusted_head: bytes) -> bytes:
    """The one moment that a file's first bytes name, as ``YYYY:MM:DD HH:MM:SS``.

    Empty where there is none, or more than one: a picture that was worked on has two, and proves nothing.
    """
    found = set(_MOMENT.findall(untrusted_head))
    return found.pop() if len(found) == 1 else b""


@dataclass(frozen=True)
class Dated:
    """A shot by folder, eight characters and moment: the same wherever its files lie.

    ``folder`` is the DCF folder's own name, e.g. ``100CANON``.
    """

    folder: str
    stem: str
    at: bytes

    @classmethod
    def of(cls, folder: str, shot_name: str, untrusted_head: bytes) -> Dated | None:
        """The shot that a file says it is of; None where it does not say, or has no name of a camera's."""
        at = moment(untrusted_head) if shot_name else b""
        return cls(folder.upper().rpartition("/")[2], shot_name, at) if at else None

    def parts(self, extension: str) -> Sequence[bytes]:
        """What names the shot's file with this extension, to be hashed under a key."""
        return self.folder.encode(), self.stem.encode(), self.at, extension.encode()


Shot = str | Dated


@dataclass
class Shots:
    """The shots of one listing: `add` every file first, then ask.

    A shot is named by its date if one of the files at its place has one, else by its place.
    """

    _named: dict[str, Dated] = field(default_factory=dict)
    _added: list[tuple[str, str]] = field(default_factory=list)
    _files: dict[Shot, set[str]] | None = None

    def add(self, place: str, dated: Dated | None, extension: str | None) -> None:
        """Take one file in."""
        if dated is not None:
            self._named.setdefault(place, dated)
        if extension is not None:
            self._added.append((place, extension))

    def of(self, place: str) -> Shot:
        """The shot that the file at this place is of."""
        return self._named.get(place, place)

    def extensions(self, place: str) -> set[str]:
        """Of the shot at this place, the extensions of all files in the listing."""
        if self._files is None:
            self._files = {}
            for at, extension in self._added:
                self._files.setdefault(self.of(at), set()).add(extension)
        return self._files.get(self.of(place), set())

    def best(self, place: str) -> str | None:
        """The extension of the file that this shot's derivative is made of; None where there is none."""
        there = self.extensions(place)
        return next((extension for extension in BEST_FIRST if extension in there), None)

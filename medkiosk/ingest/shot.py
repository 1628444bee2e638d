"""Which files are of one shot, also when they lie in two slots or come from two devices. Pure.

Two kinds of evidence:

- *place*: the same storage, DCF folder and eight characters (`medkiosk.core.dcf.capture_key`);
- *date*: the same DCF folder and eight characters anywhere, the same moment of exposure and the same camera.
  Names alone prove nothing, every camera has an IMG_0001; two clocks that were reset agree; and modification
  times differ by the zone that a device or a card reader takes for granted. Moment and serial number stand
  in the first bytes of a JPEG and of a CR3 as the same 19 and 12 ASCII characters (Exif 2.32,
  DateTimeOriginal and BodySerialNumber). They are searched for, not parsed: keys live in this process.
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


_BODY = re.compile(rb"(?<![0-9A-Za-z])[0-9]{12}(?=\0)")
"""A Canon's BodySerialNumber (Exif 2.32, tag A431)."""


def body(untrusted_head: bytes) -> bytes:
    """The one serial number of a camera in a file's first bytes; empty where there is none, or several."""
    found = set(_BODY.findall(untrusted_head))
    return found.pop() if len(found) == 1 else b""


def moment(untrusted_head: bytes) -> bytes:
    """The one moment that a file's first bytes name, as ``YYYY:MM:DD HH:MM:SS``.

    Empty where there is none, or more than one: a picture that was worked on has two, and proves nothing.
    """
    found = set(_MOMENT.findall(untrusted_head))
    return found.pop() if len(found) == 1 else b""


@dataclass(frozen=True)
class Dated:
    """A shot by folder, eight characters, moment and camera: the same wherever its files lie.

    ``folder`` is the DCF folder's own name, e.g. ``100CANON``; ``body`` the camera's serial number, empty
    where the file does not say. Two cameras whose clocks were reset agree on all but that.
    """

    folder: str
    stem: str
    at: bytes
    body: bytes = b""

    @classmethod
    def of(cls, folder: str, shot_name: str, untrusted_head: bytes) -> Dated | None:
        """The shot that a file says it is of; None where it does not say, or has no name of a camera's."""
        at = moment(untrusted_head) if shot_name else b""
        if not at:
            return None
        return cls(folder.upper().rpartition("/")[2], shot_name, at, body(untrusted_head))

    def parts(self, extension: str) -> Sequence[bytes]:
        """What names the shot's file with this extension, to be hashed under a key."""
        return self.folder.encode(), self.stem.encode(), self.at, self.body, extension.encode()


Shot = str | Dated


@dataclass
class Shots:
    """The shots of one listing: `add` every file first, then ask.

    A shot is named by its date if one of the files at its place has one, else by its place. Files at one
    place that disagree about moment or camera are of several shots, each named by its own date.
    """

    _named: dict[str, set[Dated]] = field(default_factory=dict)
    _added: list[tuple[str, Dated | None, str]] = field(default_factory=list)
    _files: dict[Shot, set[str]] | None = None

    def add(self, place: str, dated: Dated | None, extension: str | None) -> None:
        """Take one file in."""
        if dated is not None:
            self._named.setdefault(place, set()).add(dated)
        if extension is not None:
            self._added.append((place, dated, extension))

    def of(self, place: str, dated: Dated | None) -> Shot:
        """The shot that a file is of, by its place and what it says itself."""
        named = self._named.get(place, set())
        if len({name.at for name in named}) > 1 or len({name.body for name in named} - {b""}) > 1:
            return dated or place
        return max(named, key=lambda name: name.body, default=place)

    def extensions(self, place: str, dated: Dated | None) -> set[str]:
        """Of the shot of this file, the extensions of all files in the listing."""
        if self._files is None:
            self._files = {}
            for at, said, extension in self._added:
                self._files.setdefault(self.of(at, said), set()).add(extension)
        return self._files.get(self.of(place, dated), set())

    def best(self, place: str, dated: Dated | None) -> str | None:
        """The extension of the file that this shot's derivative is made of; None where there is none."""
        there = self.extensions(place, dated)
        return next((extension for extension in BEST_FIRST if extension in there), None)

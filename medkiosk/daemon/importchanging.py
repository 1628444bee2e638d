"""Files that change while a device is read: a computer writes to the folder, or a log on the card grows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

import msgspec

from medkiosk.core.errors import KioskError
from medkiosk.daemon.importtools import Place, place
from medkiosk.source.model import Entry, SourceCode

PASSES = 3
"""Imports one after the other; if there is something new even then, the next ones come after a pause."""
_CHANGES = 2
"""A file that changed in so many passes fails by itself, so that the rest of the device comes to an end."""


class StillChangingError(KioskError):
    """Files on this device went on changing while they were imported. What was acknowledged is safe; keep the
    device plugged in, and stop what writes to it: the kiosk tries again by itself.
    """

    code = "import.changing"


class Changing:
    """What is remembered of one device from plug to unplug."""

    def __init__(self) -> None:
        self._changes: Counter[tuple[str, str, str]] = Counter()

    def refused(self, entries: Iterable[Entry]) -> list[Entry]:
        """The listing, in which files that change again and again cannot be read."""
        return [
            msgspec.structs.replace(entry, failure=SourceCode.CHANGED)
            if entry.failure is None and self._fails(entry)
            else entry
            for entry in entries
        ]

    def settled(self, before: Iterable[Entry], after: Iterable[Entry], left: AbstractSet[Place]) -> bool:
        """Whether a second look shows only what the import has seen, with the times that it has seen.

        Args:
            before: the listing that was imported.
            after: the one of the second look.
            left: what may be on the device now.
        """
        was: dict[tuple[str, str, str], set[tuple[int, int]]] = {}
        for entry in before:
            was.setdefault(_name(entry), set()).add((entry.size, entry.mtime))
        new = False
        for entry in after:
            versions = was.get(_name(entry), set())
            changed = bool(versions) and (entry.size, entry.mtime) not in versions
            if self._fails(entry):
                continue
            if changed:
                self._changes[_name(entry)] += 1
            new = new or changed or place(entry) not in left
        return not new

    def _fails(self, entry: Entry) -> bool:
        return self._changes[_name(entry)] >= _CHANGES


def _name(entry: Entry) -> tuple[str, str, str]:
    return entry.storage, entry.folder, entry.name

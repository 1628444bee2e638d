"""File numbers that are missing on a device: shots that were deleted, or were never written. Pure.

DCF names (JEITA CP-3461) end in a number from 0001 to 9999; a folder's name begins with one from 100 to 999.
A camera counts on through its folders, and begins again at 0001 after 9999 and, if it is told to, in a new
folder or on a formatted card. None of that is a gap, nor is where a card's numbers begin.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from medkiosk.core.events import Gap

MOST_MISSING = 999
"""A longer jump is another series (another camera, numbers that were set anew), and says nothing."""

_FOLDER = re.compile(r"(?:^|/)DCIM/([1-9][0-9]{2})[0-9A-Z_]{5}$")
_FILE = re.compile(r"[0-9A-Z_]{4}([0-9]{4})\.[0-9A-Z]{1,4}")
_LAST = 9999
_SHOWN = 5


def gaps(untrusted_places: Iterable[tuple[str, str, str]]) -> tuple[Gap, ...]:
    """Find what is missing between the first and the last file of each storage.

    Args:
        untrusted_places: storage, folder and name of every file on the device.

    Returns:
        In order of storage, folder and number. Names that are not DCF's are passed over.
    """
    numbers: dict[str, dict[int, dict[int, str]]] = {}
    for storage, folder, name in untrusted_places:
        inside, file = _FOLDER.search(folder.upper()), _FILE.fullmatch(name.upper())
        if inside is not None and file is not None and (number := int(file[1])):
            numbers.setdefault(storage, {}).setdefault(int(inside[1]), {})[number] = folder
    return tuple(gap for storage, folders in sorted(numbers.items()) for gap in _of_storage(storage, folders))


def gap_words(found: tuple[Gap, ...]) -> str:
    """What to tell the person about missing numbers; empty where there are none."""
    if not found:
        return ""
    shown = [
        f"{gap.first:04d}" if gap.first == gap.last else f"{gap.first:04d} to {gap.last:04d}" for gap in found
    ]
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return f"Not on the device: number {', '.join(shown[:_SHOWN])}{more}. If nobody deleted them, ask."


def _of_storage(storage: str, folders: dict[int, dict[int, str]]) -> Iterable[Gap]:
    before: int | None = None
    for _, files in sorted(folders.items()):
        for number in _in_order(sorted(files)):
            if before is not None and 1 < number - before <= MOST_MISSING + 1:
                yield Gap(storage=storage, folder=files[number], first=before + 1, last=number - 1)
            before = number


def _in_order(numbers: list[int]) -> list[int]:
    """The numbers of one folder in the order in which they were taken.

    A folder in which the camera passed 9999 holds the end and the beginning of the count, with nothing
    between: the end was first.
    """
    if numbers[0] != 1 or numbers[-1] != _LAST:
        return numbers
    widest = max(range(1, len(numbers)), key=lambda at: numbers[at] - numbers[at - 1], default=0)
    if widest and numbers[widest] - numbers[widest - 1] > MOST_MISSING + 1:
        return numbers[widest:] + numbers[:widest]
    return numbers

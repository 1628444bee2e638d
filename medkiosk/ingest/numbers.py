"""File numbers that are missing on a device: shots that were deleted, or were never written. Pure.

DCF names (JEITA CP-3461) end in a number from 0001 to 9999; a folder's name begins with one from 100 to 999.
A camera counts on through its folders, and begins again at 0001 after 9999 and, if it is told to, in a new
folder or on a formatted card. None of that is a gap, nor is where a card's numbers begin.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from medkiosk.core import canon
from medkiosk.core.dcf import MOST_MISSING, DcfPlace, in_order
from medkiosk.core.events import Gap

_SHOWN = 5
_MOST_RECORDED, _MOST_BYTES = 200, 128 * 1024
"""A record holds 256 KiB, and a storage may have a long name of characters that take six bytes each."""


def gaps(untrusted_places: Iterable[tuple[str, str, str]]) -> tuple[Gap, ...]:
    """Find what is missing between the first and the last file of each series of each storage.

    Args:
        untrusted_places: storage, folder and name of every file on the device.

    Returns:
        In order of storage, series, folder and number. Names that are not DCF's are passed over.
    """
    numbers: dict[tuple[str, str], dict[int, dict[int, str]]] = {}
    for storage, folder, name in untrusted_places:
        place = DcfPlace.of(folder, name)
        if place is not None:
            series = numbers.setdefault((storage, place.letters), {})
            series.setdefault(place.folder, {})[place.number] = folder
    return tuple(
        gap for (storage, _), folders in sorted(numbers.items()) for gap in _of_series(storage, folders)
    )


def recordable(found: tuple[Gap, ...]) -> tuple[Gap, ...]:
    """As many of the gaps as one event may hold, from the first on."""
    first = found[:_MOST_RECORDED]
    sizes = accumulate(len(canon.encode(gap)) + 1 for gap in first)
    return tuple(gap for gap, size in zip(first, sizes, strict=True) if size <= _MOST_BYTES)


def gap_words(found: tuple[Gap, ...]) -> str:
    """What to tell the person about missing numbers; empty where there are none."""
    if not found:
        return ""
    shown = [
        f"{gap.first:04d}" if gap.first == gap.last else f"{gap.first:04d} to {gap.last:04d}" for gap in found
    ]
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return (
        f"Not on the device: number {', '.join(shown[:_SHOWN])}{more}. Ask the photographer: if nobody"
        " deleted them, keep this card and look for them on the others."
    )


def _of_series(storage: str, folders: dict[int, dict[int, str]]) -> Iterable[Gap]:
    before: int | None = None
    for _, files in sorted(folders.items()):
        for number in in_order(sorted(files)):
            if before is not None and 1 < number - before <= MOST_MISSING + 1:
                yield Gap(storage=storage, folder=files[number], first=before + 1, last=number - 1)
            before = number

"""Which part of a photo is looked at, pure: levels, parts, panning.

All boxes here are in pixels of what leaves (the derivative), which is the whole upright picture or, where the
photo is cropped, the crop alone. `onto` and `into` translate from and to the whole picture, in which findings
are measured.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Generic, TypeVar

from medkiosk.core.photo import Box

Size = tuple[int, int]
"""Width and height."""
Point = tuple[int, int]
T = TypeVar("T")

LARGEST = 2048
"""Longest side that the daemon draws at once."""
_NEAR = math.sqrt(0.5)
"""A doubled level that would come nearer to full resolution than this is left out."""


def levels(full: Size, area: Size) -> tuple[float, ...]:
    """Screen pixels for each pixel of the photo: all of it, doubled as often as there is room, then 1.

    A photo that fits at full resolution has one level.
    """
    scales = [min(area[0] / full[0], area[1] / full[1])]
    if scales[0] >= 1:
        return tuple(scales)
    while scales[-1] * 2 <= _NEAR:
        scales.append(scales[-1] * 2)
    return (*scales, 1.0)


def visible(full: Size, area: Size, scale: float, centre: Point) -> Box:
    """The part around a point that fills an area at a scale, shifted to lie inside the photo."""
    w, h = (min(max(math.floor(side / scale), 1), most) for side, most in zip(area, full, strict=True))
    if scale >= 1:
        w, h = min(w, LARGEST), min(h, LARGEST)
    x, y = (
        min(max(at - side // 2, 0), most - side) for at, side, most in zip(centre, (w, h), full, strict=True)
    )
    return Box(x, y, w, h)


def drawing(part: Box, area: Size) -> Size:
    """The largest size in which it is of use to have a part drawn."""
    return min(area[0], part.w, LARGEST), min(area[1], part.h, LARGEST)


def centre_of(box: Box) -> Point:
    """The middle of a box."""
    return box.x + box.w // 2, box.y + box.h // 2


def panned(part: Box, full: Size, right: int, down: int) -> Point:
    """The centre after going half a part in a direction, as far as there is something to see."""
    moved = Box(part.x + right * (part.w // 2), part.y + down * (part.h // 2), part.w, part.h)
    x = min(max(moved.x, 0), full[0] - part.w)
    y = min(max(moved.y, 0), full[1] - part.h)
    return centre_of(Box(x, y, part.w, part.h))


def _starts(side: int, most: int) -> list[int]:
    """Where parts of a side begin that cover the whole length, evenly spread."""
    count = -(-most // side)
    return [round(place * (most - side) / max(count - 1, 1)) for place in range(count)]


def turned(part: Box, full: Size, by: int) -> tuple[Point, int, int]:
    """Go through the photo part by part, in reading order and around the end.

    Going on like this from any part shows every pixel once at least.

    Returns:
        The centre of the next part, its number from 1, and how many there are.
    """
    across, down = _starts(part.w, full[0]), _starts(part.h, full[1])
    column = min(range(len(across)), key=lambda n: abs(across[n] - part.x))
    row = min(range(len(down)), key=lambda n: abs(down[n] - part.y))
    total = len(across) * len(down)
    place = (row * len(across) + column + by) % total
    corner = Box(across[place % len(across)], down[place // len(across)], part.w, part.h)
    return centre_of(corner), place + 1, total


def onto(box: Box, crop: Box | None) -> Box | None:
    """A box of the whole picture, measured in what leaves; None where it lies outside of that."""
    if crop is None:
        return box
    beside = box.x >= crop.x + crop.w or box.x + box.w <= crop.x
    above = box.y >= crop.y + crop.h or box.y + box.h <= crop.y
    return None if beside or above else Box(box.x - crop.x, box.y - crop.y, box.w, box.h)


def into(point: Point, crop: Box | None) -> Point:
    """A point of what leaves, measured in the whole picture."""
    return point if crop is None else (point[0] + crop.x, point[1] + crop.y)


class Recent(Generic[T]):
    """The last few parts that were drawn, in memory only."""

    def __init__(self, most: int = 6) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[Box, Size], T] = OrderedDict()

    def get(self, part: Box, size: Size) -> T | None:
        """A part drawn in a size, if it is still here."""
        found = self._kept.get((part, size))
        if found is not None:
            self._kept.move_to_end((part, size))
        return found

    def put(self, part: Box, size: Size, drawn: T) -> None:
        """Keep one; the one not used for longest goes."""
        self._kept[part, size] = drawn
        self._kept.move_to_end((part, size))
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def all(self) -> tuple[T, ...]:
        """Everything that is still here."""
        return tuple(self._kept.values())

    def clear(self) -> None:
        """Let go of all."""
        self._kept.clear()

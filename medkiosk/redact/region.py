"""Rectangles: padding, growing to whole MCUs, coverage. Pure; all values are pixels of the upright image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from medkiosk.core.photo import Box


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int


def clip(box: Box, within: Size) -> Box | None:
    """Cut ``box`` to the image; None when nothing of it lies inside."""
    left, top = max(box.x, 0), max(box.y, 0)
    right, bottom = min(box.x + box.w, within.width), min(box.y + box.h, within.height)
    if right <= left or bottom <= top:
        return None
    return Box(left, top, right - left, bottom - top)


def pad(box: Box, permille: int) -> Box:
    """Grow ``box`` by ``permille`` of its own width to the left and right, of its height up and down."""
    dx = -(-box.w * permille // 1000)
    dy = -(-box.h * permille // 1000)
    return Box(box.x - dx, box.y - dy, box.w + 2 * dx, box.h + 2 * dy)


def grow(box: Box, mcu: Size, within: Size) -> Box | None:
    """Grow ``box`` outwards to whole MCUs and cut it to the image; None when it lies outside.

    The last MCU of a row or column may reach over the edge of the image: it is masked whole, and the
    returned box ends at the edge.
    """
    inside = clip(box, within)
    if inside is None:
        return None
    left = inside.x // mcu.width * mcu.width
    top = inside.y // mcu.height * mcu.height
    right = -(-(inside.x + inside.w) // mcu.width) * mcu.width
    bottom = -(-(inside.y + inside.h) // mcu.height) * mcu.height
    return clip(Box(left, top, right - left, bottom - top), within)


def contains(outer: Box, inner: Box) -> bool:
    """Tell whether all of ``inner`` lies in ``outer``."""
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and outer.x + outer.w >= inner.x + inner.w
        and outer.y + outer.h >= inner.y + inner.h
    )


def intersection(a: Box, b: Box) -> Box | None:
    """The rectangle that two boxes share, or None."""
    left, top = max(a.x, b.x), max(a.y, b.y)
    right, bottom = min(a.x + a.w, b.x + b.w), min(a.y + a.h, b.y + b.h)
    if right <= left or bottom <= top:
        return None
    return Box(left, top, right - left, bottom - top)


def bounding(a: Box, b: Box) -> Box:
    """The smallest rectangle around two boxes."""
    left, top = min(a.x, b.x), min(a.y, b.y)
    return Box(left, top, max(a.x + a.w, b.x + b.w) - left, max(a.y + a.h, b.y + b.h) - top)


def iou(a: Box, b: Box) -> float:
    """Intersection over union, 0 to 1."""
    shared = intersection(a, b)
    if shared is None:
        return 0.0
    area = shared.w * shared.h
    return area / (a.w * a.h + b.w * b.h - area)


def union_area(boxes: Iterable[Box]) -> int:
    """Number of pixels under at least one of the boxes, each counted once."""
    rows = list(boxes)
    xs = sorted({edge for box in rows for edge in (box.x, box.x + box.w)})
    total = 0
    for left, right in pairwise(xs):
        spans = sorted((box.y, box.y + box.h) for box in rows if box.x <= left and box.x + box.w >= right)
        reached = -1
        for top, bottom in spans:
            total += (right - left) * max(0, bottom - max(top, reached))
            reached = max(reached, bottom)
    return total


def share_covered(box: Box, by: Sequence[Box]) -> float:
    """How much of ``box`` lies under ``by``: 0 nothing, 1 all of it."""
    parts = [part for other in by if (part := intersection(box, other)) is not None]
    return union_area(parts) / (box.w * box.h)

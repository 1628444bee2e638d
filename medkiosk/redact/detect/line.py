"""A line of text at its angle, and how pieces of the same line become one. Pure but for cv2's geometry."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from medkiosk.core.photo import Box
from medkiosk.redact.region import Size, clip

_SAME_IOU = 0.5
_INSIDE = 0.9
_SAME_ANGLE = math.radians(12)
_SAME_THICKNESS = 1.6
_ALONG = 0.5
"""How far, in thicknesses, the middle of a piece may lie beside the line that it goes on."""


class Line(NamedTuple):
    """One line of text.

    Attributes:
        corners: shape (4, 2), x and y in full-size pixels, going round; a rectangle at any angle.
        confidence: per mille.
    """

    corners: NDArray[np.float32]
    confidence: int

    @property
    def area(self) -> float:
        """Pixels inside."""
        a, b = self.sides()
        return math.hypot(*a) * math.hypot(*b)

    def box(self, full: Size) -> Box | None:
        """The upright box around the line, cut to the picture; None when it lies outside."""
        x0, y0 = (math.floor(value) for value in self.corners.min(axis=0))
        x1, y1 = (math.ceil(value) for value in self.corners.max(axis=0))
        return clip(Box(x0, y0, max(1, x1 - x0), max(1, y1 - y0)), full)

    def sides(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The rectangle's long side and its short side, as vectors."""
        a, b = self.corners[1] - self.corners[0], self.corners[2] - self.corners[1]
        return (a, b) if math.hypot(*a) >= math.hypot(*b) else (b, a)


def join(lines: Iterable[Line]) -> list[Line]:
    """Make findings of the same line one, as sure as the surest and as large as all together.

    Two show the same line when their intersection over union is at least 0.5, when one lies almost (90 %)
    inside the other, or when they overlap and one goes on where the other was cut by a tile's border.
    """
    found = list(lines)
    while True:
        kept: list[Line] = []
        for line in sorted(found, key=_surest_first):
            for index, other in enumerate(kept):
                if _same(line, other):
                    kept[index] = Line(_around(line, other), other.confidence)
                    break
            else:
                kept.append(line)
        # A line that grew may now hold another that was apart from it.
        if len(kept) == len(found):
            return kept
        found = kept


def _surest_first(line: Line) -> tuple[float, ...]:
    return (-line.confidence, *line.corners.min(axis=0).tolist(), -line.area)


def _around(a: Line, b: Line) -> NDArray[np.float32]:
    """The larger of two when it holds the other, else the smallest rectangle around both."""
    large, small = (a, b) if a.area >= b.area else (b, a)
    if _shared(a, b) >= 0.98 * small.area:
        return large.corners
    rectangle = cv2.minAreaRect(np.concatenate([a.corners, b.corners]))
    return np.asarray(cv2.boxPoints(rectangle), np.float32)


def _same(a: Line, b: Line) -> bool:
    if (a.corners.max(axis=0) < b.corners.min(axis=0)).any():
        return False
    if (b.corners.max(axis=0) < a.corners.min(axis=0)).any():
        return False
    shared = _shared(a, b)
    if shared <= 0:
        return False
    if shared >= _SAME_IOU * (a.area + b.area - shared) or shared >= _INSIDE * min(a.area, b.area):
        return True
    return _goes_on(a, b)


def _shared(a: Line, b: Line) -> float:
    return float(cv2.intersectConvexConvex(a.corners, b.corners)[0])


def _goes_on(a: Line, b: Line) -> bool:
    (along, across), (other, thickness) = a.sides(), b.sides()
    thick, thin = math.hypot(*across), math.hypot(*thickness)
    if max(thick, thin) > _SAME_THICKNESS * min(thick, thin):
        return False
    length, reach = math.hypot(*along), math.hypot(*other)
    turn = abs(float(along[0] * other[1] - along[1] * other[0])) / (length * reach)
    if turn > math.sin(_SAME_ANGLE):
        return False
    apart = b.corners.mean(axis=0) - a.corners.mean(axis=0)
    beside = abs(float(along[0] * apart[1] - along[1] * apart[0])) / length
    return beside <= _ALONG * min(thick, thin)

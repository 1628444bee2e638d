"""Edges by the structure tensor, and rectangles at an angle that are full of them.

What codes of every kind have in common is a patch of many strong edges. How these lie tells the kind: in bar
codes one way, in matrix codes two ways, as often the one as the other. (Structure tensor: Bigun and Granlund
1987.)
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from medkiosk.core.photo import Box
from medkiosk.redact.pixels import Grey, as_pixels, halved

CELL = 8
"""Side of a cell of the tensor, pixels."""
_STRIP = 64
"""Rows that are worked on at a time, pixels: so many stay in the processor's cache."""
_MARGIN = 8.0


@dataclass(frozen=True)
class Tensor:
    """Mean products of the picture's derivatives in cells of `CELL` pixels, each of shape (rows, columns)."""

    xx: NDArray[np.float32]
    yy: NDArray[np.float32]
    xy: NDArray[np.float32]

    @classmethod
    def of(cls, grey: Grey) -> Tensor:
        """The tensor of a picture of at least one cell (Sobel derivatives, grey levels x 4 at a step)."""
        rows, columns = max(1, grey.shape[0] // CELL), max(1, grey.shape[1] // CELL)
        planes = [np.empty((rows, columns), np.float32) for _ in range(3)]
        for top in range(0, rows, _STRIP // CELL):
            bottom = min(rows, top + _STRIP // CELL)
            # With a row more on either side, the derivatives are those of the whole picture.
            above = min(top, 1)
            across, down = cv2.spatialGradient(grey[top * CELL - above : bottom * CELL + 1])
            inside = (slice(above, above + (bottom - top) * CELL), slice(0, columns * CELL))
            a, b = across[inside], down[inside]
            for plane, (first, second) in zip(planes, ((a, a), (b, b), (a, b)), strict=True):
                product = cv2.multiply(first, second, dtype=cv2.CV_32F)
                plane[top:bottom] = cv2.resize(product, (columns, bottom - top), interpolation=cv2.INTER_AREA)
        return cls(*planes)

    def smoothed(self, cells: int) -> Tensor:
        """Averaged over a square of cells."""
        planes = (self.xx, self.yy, self.xy)
        return Tensor(
            *(
                np.asarray(
                    cv2.boxFilter(plane, -1, (cells, cells), borderType=cv2.BORDER_REFLECT), np.float32
                )
                for plane in planes
            )
        )

    def energy(self) -> NDArray[np.float32]:
        """Mean square of the derivative."""
        return np.asarray(self.xx + self.yy, np.float32)

    def coherence(self) -> NDArray[np.float32]:
        """1 where all edges run one way, 0 where they run all ways, or as often one way as across it."""
        one_way = np.sqrt((self.xx - self.yy) ** 2 + 4 * self.xy**2)
        return np.asarray(one_way / (self.energy() + 1e-6), np.float32)


class Patch(NamedTuple):
    """A rectangle at an angle: ``turn`` in radians, middle and sides in coordinates turned by it."""

    turn: float
    along: float
    across: float
    length: float
    height: float

    def scaled(self, by: float) -> Patch:
        """The same in a picture so many times as large."""
        return Patch(self.turn, self.along * by, self.across * by, self.length * by, self.height * by)

    def grown(self, by: float) -> Patch:
        """So many pixels larger on every side."""
        return self._replace(length=self.length + 2 * by, height=self.height + 2 * by)

    def box(self, shrink: int) -> Box:
        """The upright box around it, in pixels of a picture ``shrink`` times as large."""
        c, s = abs(math.cos(self.turn)), abs(math.sin(self.turn))
        x = self.along * math.cos(self.turn) - self.across * math.sin(self.turn)
        y = self.along * math.sin(self.turn) + self.across * math.cos(self.turn)
        length, height = self.length + 2 * _MARGIN, self.height + 2 * _MARGIN
        w, h = length * c + height * s, length * s + height * c
        left, top = math.floor((x - w / 2) * shrink), math.floor((y - h / 2) * shrink)
        return Box(left, top, math.ceil(w * shrink), math.ceil(h * shrink))

    def cut(self, grey: Grey, enlarged: int = 1, most: int = 0, rows: int = 0) -> Grey:
        """What it holds, turned upright; the border is repeated where it reaches out.

        Args:
            grey: the picture.
            enlarged: so many times as large.
            most: halved until its longer side has at most so many pixels; 0 for any number.
            rows: only so many rows of it, evenly spaced; 0 for all.
        """
        box = self.box(1)
        left, top = max(0, box.x), max(0, box.y)
        part = grey[top : max(top + 1, box.y + box.h), left : max(left + 1, box.x + box.w)]
        scale = float(enlarged)
        while most and max(self.length, self.height) * scale > most and min(part.shape) > 1:
            part, scale = halved(part), scale / 2
        c, s = math.cos(self.turn), math.sin(self.turn)
        length, height = max(1, int(self.length * scale)), max(1, int(self.height * scale))
        down = float(enlarged)
        if rows and height > rows:
            down, height = enlarged * rows / height, rows
        along, across = self.along - left * c - top * s, self.across + left * s - top * c
        move = np.array(
            [
                [c * enlarged, s * enlarged, length / 2 - along * scale],
                [-s * down, c * down, height / 2 - across * scale * down / enlarged],
            ],
            np.float32,
        )
        how = cv2.INTER_LINEAR if enlarged == 1 else cv2.INTER_CUBIC
        return as_pixels(
            cv2.warpAffine(part, move, (length, height), flags=how, borderMode=cv2.BORDER_REPLICATE)
        )


class Heap(NamedTuple):
    """Neighbouring cells that are marked: their bounding box, and which cells of it (shape (h, w))."""

    x: int
    y: int
    cells: NDArray[np.bool_]

    @property
    def window(self) -> tuple[slice, slice]:
        """Where it lies in a plane of the tensor."""
        h, w = self.cells.shape
        return slice(self.y, self.y + h), slice(self.x, self.x + w)

    @property
    def area(self) -> int:
        """How many cells."""
        return int(np.count_nonzero(self.cells))

    def patch(self, turn: float) -> Patch:
        """The smallest rectangle at this angle that holds it, in pixels."""
        rows, columns = np.nonzero(self.cells)
        px, py = (columns + self.x + 0.5) * CELL, (rows + self.y + 0.5) * CELL
        u = px * math.cos(turn) + py * math.sin(turn)
        v = py * math.cos(turn) - px * math.sin(turn)
        left, right, top, bottom = float(u.min()), float(u.max()), float(v.min()), float(v.max())
        return Patch(turn, (left + right) / 2, (top + bottom) / 2, right - left + CELL, bottom - top + CELL)


def heaps(marked: NDArray[np.bool_], least_side: int, least_area: int) -> Iterator[Heap]:
    """Marked cells that touch by their sides, those of at least this size."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(marked.astype(np.uint8), connectivity=4)
    for index, (x, y, w, h, area) in enumerate(stats.tolist()):
        if index and area >= least_area and min(w, h) >= least_side:
            yield Heap(x, y, labels[y : y + h, x : x + w] == index)

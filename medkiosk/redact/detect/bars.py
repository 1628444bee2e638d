"""Where there are many edges, and which of these places are bar codes, by the structure tensor.

A bar code is a patch of many edges that all run one way, at uneven distances. That is seen at any angle and
without reading it. (Coherence of the structure tensor: Bigun and Granlund 1987.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from medkiosk.core.photo import Box
from medkiosk.redact.pixels import Grey
from medkiosk.redact.policy import CodePolicy

CELL = 8
"""Side of a cell of the tensor, pixels."""
_WINDOWS = (3, 7, 13)
"""Cells over which edges are averaged: narrow bars, and wide ones with even ground between them."""
_LEAST_CELLS = 3
_MARGIN = 8.0
_MIDDLE = 0.8
"""Of a code's height: its rounded or bent ends are not measured."""


@dataclass(frozen=True)
class Tensor:
    """Mean products of the picture's derivatives in cells of `CELL` pixels, each of shape (rows, columns)."""

    xx: NDArray[np.float32]
    yy: NDArray[np.float32]
    xy: NDArray[np.float32]

    @classmethod
    def of(cls, grey: Grey) -> Tensor:
        """The tensor of a picture of at least one cell (Sobel derivatives, grey levels x 4 at a step)."""
        across, down = cv2.spatialGradient(grey)
        size = (max(1, grey.shape[1] // CELL), max(1, grey.shape[0] // CELL))
        inside = (slice(0, size[1] * CELL), slice(0, size[0] * CELL))
        across, down = across[inside], down[inside]
        products = ((across, across), (down, down), (across, down))
        planes = [
            np.asarray(
                cv2.resize(cv2.multiply(a, b, dtype=cv2.CV_32F), size, interpolation=cv2.INTER_AREA),
                np.float32,
            )
            for a, b in products
        ]
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

    def coherence(self) -> NDArray[np.float32]:
        """1 where all edges run one way, 0 where they run all ways."""
        energy = self.xx + self.yy
        one_way = np.sqrt((self.xx - self.yy) ** 2 + 4 * self.xy**2)
        return np.asarray(one_way / (energy + 1e-6), np.float32)


class Patch(NamedTuple):
    """A rectangle at an angle: ``turn`` in radians, middle and sides in coordinates turned by it."""

    turn: float
    along: float
    across: float
    length: float
    height: float

    def box(self, shrink: int) -> Box:
        """The upright box around it, in pixels of a picture ``shrink`` times as large."""
        c, s = abs(math.cos(self.turn)), abs(math.sin(self.turn))
        x = self.along * math.cos(self.turn) - self.across * math.sin(self.turn)
        y = self.along * math.sin(self.turn) + self.across * math.cos(self.turn)
        length, height = self.length + 2 * _MARGIN, self.height + 2 * _MARGIN
        w, h = length * c + height * s, length * s + height * c
        left, top = math.floor((x - w / 2) * shrink), math.floor((y - h / 2) * shrink)
        return Box(left, top, math.ceil(w * shrink), math.ceil(h * shrink))


def busy(tensor: Tensor, energy: int) -> list[Box]:
    """Places with strong edges in any direction, as boxes in pixels of the picture that the tensor is of."""
    near = tensor.smoothed(3)
    marked = ((near.xx + near.yy) > energy).astype(np.uint8)
    closed = cv2.morphologyEx(marked, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(closed)
    return [
        Box(x * CELL, y * CELL, w * CELL, h * CELL)
        for x, y, w, h, _ in stats[1:].tolist()
        if min(w, h) >= _LEAST_CELLS
    ]


def bar_codes(grey: Grey, tensor: Tensor, policy: CodePolicy) -> list[Patch]:
    """Bar codes at any angle, read or not, light on dark too, in pixels of ``grey``."""
    return [
        patch
        for cells in _WINDOWS
        for patch in _striped(tensor, cells, policy)
        if _is_bar_code(_cut(grey, patch), policy)
    ]


def _striped(tensor: Tensor, cells: int, policy: CodePolicy) -> list[Patch]:
    """Patches in which most edges run one way."""
    near = tensor.smoothed(cells)
    energy = near.xx + near.yy
    marked = (near.coherence() > policy.bar_coherence / 1000) & (energy > policy.bar_energy)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(marked.astype(np.uint8), connectivity=4)
    found = []
    for index, (x, y, w, h, area) in enumerate(stats.tolist()):
        if index == 0 or area < (_LEAST_CELLS + 2) ** 2 or min(w, h) < _LEAST_CELLS:
            continue
        window = (slice(y, y + h), slice(x, x + w))
        part = labels[window] == index
        xx, yy, xy = (float(plane[window][part].sum()) for plane in (tensor.xx, tensor.yy, tensor.xy))
        turn = 0.5 * math.atan2(2 * xy, xx - yy)
        rows, columns = np.nonzero(part)
        px, py = (columns + x + 0.5) * CELL, (rows + y + 0.5) * CELL
        u = px * math.cos(turn) + py * math.sin(turn)
        v = py * math.cos(turn) - px * math.sin(turn)
        left, right, top, bottom = float(u.min()), float(u.max()), float(v.min()), float(v.max())
        patch = Patch(turn, (left + right) / 2, (top + bottom) / 2, right - left + CELL, bottom - top + CELL)
        if area * CELL * CELL >= policy.bar_filled / 1000 * patch.length * patch.height:
            found.append(patch)
    return found


def _cut(grey: Grey, patch: Patch) -> NDArray[np.float32]:
    """The patch turned so that its bars stand upright."""
    c, s = math.cos(patch.turn), math.sin(patch.turn)
    height = max(1, int(patch.height * _MIDDLE))
    length = max(1, int(patch.length))
    move = np.array([[c, s, length / 2 - patch.along], [-s, c, height / 2 - patch.across]], np.float32)
    cut = cv2.warpAffine(
        grey, move, (length, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cut, np.float32)


def _is_bar_code(patch: NDArray[np.float32], policy: CodePolicy) -> bool:
    """Tell bars from hair, cloth, letters, rulers: the same in every row, many, strong, of several widths."""
    profile = patch.mean(axis=0)
    if profile.var() < policy.bar_consistency / 1000 * patch.var():
        return False
    around = max(15, min(len(profile) // 4, 101))
    level = np.asarray(cv2.blur(profile.reshape(1, -1), (around, 1)))[0]
    above = profile > level
    edges = np.nonzero(above[1:] != above[:-1])[0]
    if len(edges) < policy.bar_edges or np.abs(profile - level).mean() < policy.bar_contrast:
        return False
    widths = [second - first for first, second in pairwise(edges.tolist())]
    return min(_variety(widths[::2]), _variety(widths[1::2])) >= policy.bar_variety / 1000


def _variety(widths: list[int]) -> float:
    """Standard deviation in parts of the mean: a ruler's lines, and the gaps between them, are all alike."""
    values = np.asarray(widths, np.float32)
    return float(values.std() / values.mean())

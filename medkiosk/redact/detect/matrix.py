"""Matrix codes by their edges: a compact patch, half dark and half light everywhere, whose edges cross.

A patch of the structure tensor in which edges run as often one way as across it. Turned upright, dark and
light are told apart (Otsu 1979), and every part of it must hold both, about evenly; rows and columns change
often. Printed words have more paper than ink and change often along the line only; foliage, hair and cloth
seldom lie in a compact patch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
import zxingcpp

from medkiosk.redact.detect.edges import CELL, Heap, Patch, Tensor, heaps
from medkiosk.redact.pixels import Grey, halved
from medkiosk.redact.policy import CodePolicy, TexturePolicy

_LEAST_CELLS = 3
_FILLS_BOX = 0.3
_LONG_SIDE = 512
"""A patch is measured at this size at the most, pixels."""
_PARTS = 4
_QUIET = 16
"""Added around a patch before it is read, pixels."""
_SMALL = 200
"""A patch with a shorter side than this is enlarged before it is read, pixels."""
_MOST = 1200
"""A patch is read with this long side at the most, pixels."""
_FORMATS = zxingcpp.barcode_formats_from_str("AllMatrix,PDF417")


class Texture(NamedTuple):
    """What a patch looks like, turned upright.

    Attributes:
        separation: between-class variance of dark and light in parts of all variance (Otsu).
        dark: share of dark pixels.
        contrast: grey levels between dark and light.
        changes: between dark and light in the middle row and column (medians), the smaller, the larger.
        palest: share of dark in the part, of 4 x 4, that has least of it.
        unevenness: standard deviation of that share over the parts.
        length: of the longer side in parts of the shorter one.
        crossing: 1 where all edges run along or across, 0 where they run all ways.
        one_way: 1 where all edges run one way.
    """

    separation: float
    dark: float
    contrast: float
    changes: tuple[float, float]
    palest: float
    unevenness: float
    length: float
    crossing: float
    one_way: float


def crossed(grey: Grey, tensor: Tensor, policy: CodePolicy) -> Iterator[Patch]:
    """Compact patches of edges that run two ways, in pixels of the picture that the tensor is of."""
    near = np.asarray(cv2.blur(tensor.energy(), (3, 3)), np.float32)
    seen: set[tuple[int, ...]] = set()
    for energy in policy.matrix_energies:
        closed = cv2.morphologyEx(
            (near > energy).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)
        )
        for heap in heaps(closed > 0, _LEAST_CELLS, _LEAST_CELLS**2 + 2):
            key = (heap.x // 2, heap.y // 2, *(side // 2 for side in heap.cells.shape))
            if key in seen or not _may_be(heap, tensor, policy):
                continue
            seen.add(key)
            patch = heap.patch(_turn(grey, heap))
            if heap.area * CELL * CELL >= policy.matrix_filled / 1000 * patch.length * patch.height:
                yield patch


def _may_be(heap: Heap, tensor: Tensor, policy: CodePolicy) -> bool:
    if heap.area < _FILLS_BOX * heap.cells.size or heap.cells.size > tensor.xx.size / 4:
        return False
    xx, yy, xy = (float(plane[heap.window][heap.cells].sum()) for plane in (tensor.xx, tensor.yy, tensor.xy))
    return math.hypot(xx - yy, 2 * xy) <= policy.matrix_coherence / 1000 * (xx + yy)


def _turn(grey: Grey, heap: Heap) -> float:
    """The angle of edges that cross, radians, within a quarter turn."""
    rows, columns = heap.window
    part = grey[rows.start * CELL : rows.stop * CELL, columns.start * CELL : columns.stop * CELL]
    while max(part.shape) > _LONG_SIDE:
        part = halved(part)
    return _angles(part).turn


class _Angles(NamedTuple):
    turn: float
    crossing: float
    one_way: float


def _angles(part: Grey) -> _Angles:
    """The means of twice and of four times the angle of every edge, by its strength.

    How long these means are in parts of the longest, and a fourth of the second's angle.
    """
    across, down = (plane.astype(np.float32) for plane in cv2.spatialGradient(np.ascontiguousarray(part)))
    square, product = across**2 - down**2, 2 * across * down
    strength = across**2 + down**2 + 1e-3
    real = float(((square**2 - product**2) / strength).sum())
    imaginary = float((2 * square * product / strength).sum())
    all_strength = float(strength.sum())
    one_way = math.hypot(float(square.sum()), float(product.sum())) / all_strength
    return _Angles(math.atan2(imaginary, real) / 4, math.hypot(real, imaginary) / all_strength, one_way)


def texture(grey: Grey, patch: Patch) -> Texture | None:
    """What a patch looks like; None where there is nothing on it."""
    cut = patch.cut(grey, most=_LONG_SIDE)
    _, light = cv2.threshold(cut, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    share = float(light.mean())
    if not 0 < share < 1:
        return None
    bright = light > 0
    contrast = float(cut[bright].mean() - cut[~bright].mean())
    rows = _median((light[:, 1:] != light[:, :-1]).sum(axis=1))
    columns = _median((light[1:] != light[:-1]).sum(axis=0))
    angles = _angles(cut)
    parts = 1 - np.asarray(
        cv2.resize(light.astype(np.float32), (_PARTS, _PARTS), interpolation=cv2.INTER_AREA)
    )
    return Texture(
        separation=share * (1 - share) * contrast**2 / (float(cut.var()) + 1e-6),
        dark=1 - share,
        contrast=contrast,
        changes=(min(rows, columns), max(rows, columns)),
        palest=float(parts.min()),
        unevenness=float(parts.std()),
        length=max(cut.shape) / min(cut.shape),
        crossing=angles.crossing,
        one_way=angles.one_way,
    )


def looks_like(seen: Texture, wanted: TexturePolicy) -> bool:
    """Whether a patch looks as the policy wants it."""
    few, many = seen.changes
    return (
        seen.contrast >= wanted.contrast
        and seen.separation >= wanted.separation / 1000
        and _within(seen.dark, wanted.dark)
        and seen.palest >= wanted.palest / 1000
        and seen.unevenness <= wanted.unevenness / 1000
        and seen.length <= wanted.length / 1000
        and few >= wanted.changes[0]
        and many >= wanted.changes[1]
        and _within(seen.crossing, wanted.crossing)
        and _within(seen.one_way, wanted.one_way)
    )


def is_read(grey: Grey, patch: Patch) -> bool:
    """Whether zxing-cpp decodes a matrix code or PDF417 on a patch, turned upright."""
    enlarged = 2 if min(patch.length, patch.height) < _SMALL else 1
    cut = patch.grown(_QUIET).cut(grey, enlarged, _MOST)
    return bool(zxingcpp.read_barcodes(cut, formats=_FORMATS, try_downscale=False))


def _within(value: float, bounds: tuple[int, int]) -> bool:
    return bounds[0] / 1000 <= value <= bounds[1] / 1000


def _median(values: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
    return float(np.sort(values)[len(values) // 2])

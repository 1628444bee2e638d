"""Bar codes by their edges: a patch of many edges that all run one way, at uneven distances.

That is seen at any angle and without reading it.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from medkiosk.redact.detect.edges import CELL, Patch, Tensor, heaps
from medkiosk.redact.pixels import Grey
from medkiosk.redact.policy import CodePolicy

_WINDOWS = (3, 7, 13)
"""Cells over which edges are averaged: narrow bars, and wide ones with even ground between them."""
_LEAST_CELLS = 3
_MIDDLE = 0.8
"""Of a code's height: its rounded or bent ends are not measured."""
_INNER = 0.6
"""Of a code's height, to be read: at an angle its corners reach further."""
_ROWS = 64
"""So many rows of a patch are measured."""
_SHORTEST = 40
"""A patch that is shorter has too few edges, pixels."""
_FEWEST = 8
_QUIET = 16
"""Added at both ends of a patch before it is read, pixels."""
_MOST = 1200
"""A patch is read with this length at the most, pixels."""
_ENLARGED = 3
_SHARPENED = (6.0, 12.0)
"""Sigma of the blur that is undone, pixels of the enlarged line."""
_BAND = 6
_LINEAR = zxingcpp.barcode_formats_from_str("AllLinear")


class Stripes(NamedTuple):
    """What a patch looks like whose edges run one way.

    Attributes:
        changes: between dark and light in its middle row (median over the rows).
        edges: of the mean of all rows.
        sameness: share of its variance that is the same in every row.
        contrast: mean grey levels between bars and their surroundings.
        variety: standard deviation of the widths of bars, or of gaps, in parts of their mean.
    """

    changes: int
    edges: int
    sameness: float
    contrast: float
    variety: float


def striped(tensor: Tensor, policy: CodePolicy) -> list[Patch]:
    """Patches in which most edges run one way, in pixels of the picture that the tensor is of."""
    return [patch for cells in _WINDOWS for patch in _striped(tensor, cells, policy)]


def _striped(tensor: Tensor, cells: int, policy: CodePolicy) -> list[Patch]:
    near = tensor.smoothed(cells)
    marked = (near.coherence() > policy.bar_coherence / 1000) & (near.energy() > policy.bar_energy)
    found = []
    for heap in heaps(marked, _LEAST_CELLS, (_LEAST_CELLS + 2) ** 2):
        xx, yy, xy = (
            float(plane[heap.window][heap.cells].sum()) for plane in (tensor.xx, tensor.yy, tensor.xy)
        )
        patch = heap.patch(0.5 * math.atan2(2 * xy, xx - yy))
        if (
            patch.length >= _SHORTEST
            and heap.area * CELL * CELL >= policy.bar_filled / 1000 * patch.length * patch.height
        ):
            found.append(patch)
    return found


def stripes(grey: Grey, patch: Patch) -> Stripes:
    """What a patch looks like, turned so that its bars stand upright."""
    cut = patch._replace(height=patch.height * _MIDDLE).cut(grey, rows=_ROWS)
    profile = np.asarray(cut.mean(axis=0), np.float32)
    around = max(15, min(len(profile) // 4, 101))
    level = np.asarray(cv2.blur(profile.reshape(1, -1), (around, 1)), np.float32)
    light = cut > level
    changes = np.sort(np.count_nonzero(light[:, 1:] != light[:, :-1], axis=1))
    above = profile > level[0]
    edges = np.nonzero(above[1:] != above[:-1])[0]
    widths = [second - first for first, second in pairwise(edges.tolist())]
    return Stripes(
        changes=int(changes[len(changes) // 2]),
        edges=len(edges),
        sameness=float(profile.var() / (cut.var() + 1e-6)),
        contrast=float(np.abs(profile - level[0]).mean()),
        variety=min(_variety(widths[::2]), _variety(widths[1::2])) if len(edges) >= _FEWEST else 0.0,
    )


def _variety(widths: list[int]) -> float:
    values = np.asarray(widths, np.float32)
    return float(values.std() / values.mean())


def are_bars(seen: Stripes, policy: CodePolicy) -> bool:
    """Tell bars from hair, cloth, letters, rulers: many, the same in every row, strong, of several widths."""
    fewest, most = policy.bar_likeness
    return (
        seen.edges >= policy.bar_edges
        and seen.sameness >= policy.bar_consistency / 1000
        and seen.contrast >= policy.bar_contrast
        and seen.variety >= policy.bar_variety / 1000
        and fewest / 1000 * seen.edges <= seen.changes <= most / 1000 * seen.edges
    )


def read_bars(grey: Grey, patch: Patch) -> bool:
    """Whether zxing-cpp decodes a patch whose bars were averaged along their length.

    So noise goes and blur can be undone. It is shown the line as it is, sharpened in two ways, and the
    negatives of these.
    """
    inner = patch._replace(height=patch.height * _INNER, length=patch.length + 2 * _QUIET)
    profile = inner.cut(grey, most=_MOST, rows=_ROWS).mean(axis=0, dtype=np.float32).reshape(1, -1)
    line = np.asarray(
        cv2.resize(profile, None, fx=_ENLARGED, fy=1, interpolation=cv2.INTER_CUBIC), np.float32
    )
    looks = [_stretched(line)]
    looks += [_stretched(line + 2 * (line - cv2.GaussianBlur(line, (0, 0), sigma))) for sigma in _SHARPENED]
    looks += [255 - look for look in looks]
    rows = np.repeat(np.concatenate(looks), _BAND, axis=0)
    return bool(zxingcpp.read_barcodes(rows, formats=_LINEAR, try_rotate=False, try_downscale=False))


def _stretched(line: NDArray[np.float32]) -> Grey:
    return np.asarray(cv2.normalize(line, np.empty(0), 0, 255, cv2.NORM_MINMAX, cv2.CV_8U), np.uint8)

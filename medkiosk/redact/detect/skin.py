"""Where a picture shows skin: the frame's own cluster of smooth skin-like chroma, of any tone and light.

A fixed rule in RGB fails on dark skin and under coloured light. Human skin of every tone lies in one range of
hue (melanin and blood absorb blue most), so the prior is a wide range of hue in CIELAB, and the frame says
where in it its skin is: the largest connected heap in the histogram of a* and b* over smooth pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from medkiosk.redact.policy import MarkPolicy

Plane = NDArray[np.float32]
Mask = NDArray[np.uint8]

_BIN = 2.0
_LOWEST = -40.0
_BINS = 64
"""The histogram covers a* and b* from -40 to 88 in steps of 2."""
_SMOOTH = 4.0
"""Standard deviation of lightness (L*, 0 to 100) in 5 x 5 pixels below which a pixel is smooth."""
_LIGHTNESS = (7.0, 98.0)
"""Outside, 8 bits hold too little chroma to tell."""


class Skin(NamedTuple):
    """Masks of 0 and 1, shape (height, width).

    Attributes:
        sure: pixels whose colour is the frame's skin colour.
        region: these, with what they enclose or surround closely.
    """

    sure: Mask
    region: Mask


def find_skin(lab: Plane, policy: MarkPolicy) -> Skin | None:
    """Find skin in a picture in CIELAB (L* 0 to 100), shape (height, width, 3); None where there is none."""
    light = lab[..., 0]
    usable = (light > _LIGHTNESS[0]) & (light < _LIGHTNESS[1])
    bins = np.clip((lab[..., 1:] - _LOWEST) / _BIN, 0, _BINS - 1).astype(np.int32)
    index = bins[..., 0] * _BINS + bins[..., 1]
    smooth = usable & (_spread(light) < _SMOOTH)
    counts = np.bincount(index[smooth], minlength=_BINS * _BINS).reshape(_BINS, _BINS).astype(np.float32)
    heap = _largest_heap(cv2.GaussianBlur(counts, (0, 0), 1.0) * _prior(policy), policy)
    if heap is None:
        return None
    sure = (heap.reshape(-1)[index] & usable).astype(np.uint8)
    sure = _without_specks(cv2.medianBlur(sure, 5), policy)
    if int(sure.sum()) * 1000 < policy.least_skin * sure.size:
        return None
    return Skin(sure, _closed(sure, policy))


def _prior(policy: MarkPolicy) -> Plane:
    """How well each bin of the histogram fits skin of any tone: 0 to 1."""
    centres = _LOWEST + _BIN * (np.arange(_BINS, dtype=np.float32) + 0.5)
    a, b = np.meshgrid(centres, centres, indexing="ij")
    hue, chroma = np.degrees(np.arctan2(b, a)), np.hypot(a, b)
    low, high = policy.hue
    outside = np.maximum(low - hue, 0) + np.maximum(hue - high, 0)
    fits = (
        np.exp(-((outside / 12) ** 2)) * np.clip((chroma - 4) / 4, 0, 1) * np.clip((62 - chroma) / 10, 0, 1)
    )
    return np.asarray(fits, np.float32)


def _largest_heap(weights: Plane, policy: MarkPolicy) -> NDArray[np.bool_] | None:
    """The bins around the mode that hold more than a part of what it holds, connected with it."""
    peak = float(weights.max())
    if peak <= 0:
        return None
    high = (weights > peak * policy.heap / 1000).astype(np.uint8)
    _, labels = cv2.connectedComponents(high, connectivity=8)
    mode = int(weights.argmax())
    heap = labels.reshape(-1)[mode] == labels
    # One bin more on every side: the foot of the heap.
    return np.asarray(cv2.dilate(heap.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)


def _spread(plane: Plane) -> Plane:
    mean = cv2.boxFilter(plane, -1, (5, 5))
    square = cv2.boxFilter(plane * plane, -1, (5, 5))
    return np.sqrt(np.maximum(square - mean * mean, 0))


def _without_specks(mask: Mask, policy: MarkPolicy) -> Mask:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] * 1000 >= policy.least_patch * mask.size
    large[0] = False
    return np.asarray(large[labels], np.uint8) if count > 1 else mask


def _closed(sure: Mask, policy: MarkPolicy) -> Mask:
    """Skin with its holes, and with the notches that a mark at its border makes."""
    radius = max(1, round(max(sure.shape) * policy.closing / 1000))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    # A border of skin colour around the picture would enclose everything, one of nothing opens holes there.
    closed = cv2.morphologyEx(sure, cv2.MORPH_CLOSE, disc, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    closed = np.maximum(closed, sure)
    holes = 1 - closed
    count, labels, stats, _ = cv2.connectedComponentsWithStats(holes, connectivity=4)
    height, width = sure.shape
    for number in range(1, count):
        x, y, w, h, area = (int(value) for value in stats[number])
        inside = x > 0 and y > 0 and x + w < width and y + h < height
        if inside and area * 1000 <= policy.largest * sure.size:
            closed[labels == number] = 1
    return np.asarray(closed, np.uint8)

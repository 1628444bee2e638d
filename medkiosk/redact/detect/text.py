"""Text: the PP-OCRv6 detector (differentiable binarisation, arXiv 1911.08947) at two scales.

One view of the whole picture finds large and middle text; overlapping tiles of a larger view find small text.
The network gives a probability for each pixel to be inside the shrunken core of a text line; cores are
traced, boxed at their angle, and grown back.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from medkiosk.core.photo import Box
from medkiosk.redact.detect.hit import Hit, merge
from medkiosk.redact.detectors import DetectorId
from medkiosk.redact.pixels import Pixels, as_pixels, scaled_to
from medkiosk.redact.policy import TextPolicy
from medkiosk.redact.region import Size, clip

_MULTIPLE = 32
_SAME_LINE_IOU = 0.5
_MAX_LINES = 300
_LINE_ASPECT = 3.0
_STROKES = 0.6
"""Least contrast inside the core of letters, as a part of that around them (docs/redaction.md)."""
_LARGE_CORE = 40
_LETTER = 0.3
_MAX_ENLARGEMENT = 2
_MIN_CORE = 2.0
"""Cores thinner than this many pixels of the view are noise."""


class TextDetector:
    """PP-OCRv6 text line detector, loaded from bytes that were checked against the pin."""

    def __init__(self, model: bytes, policy: TextPolicy) -> None:
        self._net = cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8), cv2.dnn.ENGINE_NEW)
        self._policy = policy
        self._forward(np.zeros((_MULTIPLE, _MULTIPLE, 3), np.uint8))  # packs the weights, once for all forks

    def find(self, pixels: Pixels) -> list[Hit]:
        """Text lines in upright BGR pixels, shape (height, width, 3)."""
        full = Size(pixels.shape[1], pixels.shape[0])
        policy = self._policy
        side = min(policy.long_side, _MAX_ENLARGEMENT * max(full))
        hits = self._view(scaled_to(pixels, side), 0, 0, side, full)
        side = min(policy.tiled_long_side, max(full))
        if side > policy.long_side:
            large = scaled_to(pixels, side)
            for rows in _tiles(large.shape[0], policy.tile, policy.tile_overlap):
                for columns in _tiles(large.shape[1], policy.tile, policy.tile_overlap):
                    hits += self._view(large[rows, columns], columns.start, rows.start, side, full)
        return merge(hits, _SAME_LINE_IOU)

    def _view(self, view: Pixels, left: int, top: int, side: int, full: Size) -> list[Hit]:
        """Lines in one view: a picture whose long side is ``side``, or a tile of it at ``left, top``."""
        height, width = view.shape[:2]
        canvas = cv2.copyMakeBorder(
            view, 0, _up(height) - height, 0, _up(width) - width, cv2.BORDER_REPLICATE
        )
        probability = self._forward(as_pixels(canvas))[:height, :width]
        core = (probability >= self._policy.pixel_threshold / 1000).astype(np.uint8)
        contours, _ = cv2.findContours(core, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        hits = []
        for contour in sorted(contours, key=cv2.contourArea, reverse=True)[:_MAX_LINES]:
            corners = self._corners(contour, side, view)
            confidence = _mean_inside(probability, contour)
            if corners is None or confidence * 1000 < self._policy.line_threshold:
                continue
            corners = (corners + np.array([left, top])) * max(full) / side
            x0, y0 = (math.floor(value) for value in corners.min(axis=0))
            x1, y1 = (math.ceil(value) for value in corners.max(axis=0))
            box = clip(Box(x0, y0, max(1, x1 - x0), max(1, y1 - y0)), full)
            if box is not None:
                hits.append(Hit(DetectorId.TEXT, box, min(1000, round(confidence * 1000))))
        return hits

    def _corners(self, contour: Any, side: int, view: Pixels) -> NDArray[np.float32] | None:  # noqa: ANN401 - as cv2 gives it
        """Four corners of the line around a core, at its angle; None for what is not shaped like a line."""
        centre, (w, h), angle = cv2.minAreaRect(contour)
        if min(w, h) < _MIN_CORE:
            return None
        # The core is the line shrunk by this distance (arXiv 1911.08947, section 3.4, turned round).
        distance = w * h / (2 * (w + h)) * self._policy.unclip / 1000
        w, h = w + 2 * distance, h + 2 * distance
        thickness = min(w, h)
        too_thick = thickness > side * self._policy.largest_blob / 1000
        if max(w, h) < _LINE_ASPECT * thickness and (too_thick or _is_object(view, contour, distance)):
            return None
        padding = 2 * thickness * self._policy.padding / 1000
        return np.asarray(cv2.boxPoints((centre, (w + padding, h + padding), angle)), np.float32)

    def _forward(self, canvas: Pixels) -> NDArray[np.float32]:
        blob = cv2.dnn.blobFromImage(canvas, 1 / 127.5, mean=(127.5, 127.5, 127.5))
        self._net.setInput(blob)
        result: NDArray[np.float32] = self._net.forward()[0, 0]
        return result


def _is_object(view: Pixels, contour: Any, distance: float) -> bool:  # noqa: ANN401 - as cv2 gives it
    """Tell a mole, a button or an eye from a few letters. Only for shapes that are not long like a line.

    The network takes dark round things on skin for letters. Letters have strokes and ground inside their
    core; an object is nearly even inside, or, where the core is wider than the object, one single shape.
    """
    margin = max(1, round(distance))
    x, y, w, h = cv2.boundingRect(contour)
    x0, y0 = max(x - margin, 0), max(y - margin, 0)
    grey = cv2.cvtColor(view[y0 : y + h + margin, x0 : x + w + margin], cv2.COLOR_BGR2GRAY)
    core = np.zeros(grey.shape, np.uint8)
    cv2.drawContours(core, [contour], 0, 1, -1, offset=(-x0, -y0))
    around = cv2.dilate(core, np.ones((2 * margin + 1, 2 * margin + 1), np.uint8))
    if _spread(grey[core > 0], 5) < _STROKES * _spread(grey[around > 0], 2):
        return True
    return min(w, h) >= _LARGE_CORE and _shapes(grey[y - y0 : y - y0 + h, x - x0 : x - x0 + w]) < 2


def _spread(values: NDArray[Any], percent: int) -> int:
    """Grey levels between the darkest and the lightest ``percent`` of some pixels.

    By sorting: numpy's percentile imports modules when it is first called, which the sandbox forbids.
    """
    ordered = np.sort(values)
    cut = len(ordered) * percent // 100
    return int(ordered[-1 - cut]) - int(ordered[cut])


def _shapes(grey: Any) -> int:  # noqa: ANN401 - as cv2 gives it
    """How many things of letter size stand out from the ground."""
    _, light = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    edge = np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]])
    marked = 1 - light if edge.mean() > 0.5 else light
    _, _, stats, _ = cv2.connectedComponentsWithStats(marked, connectivity=8)
    extent = np.maximum(stats[1:, cv2.CC_STAT_HEIGHT], stats[1:, cv2.CC_STAT_WIDTH])
    return int((extent >= _LETTER * min(grey.shape)).sum())


def _mean_inside(probability: NDArray[np.float32], contour: Any) -> float:  # noqa: ANN401 - as cv2 gives it
    x, y, w, h = cv2.boundingRect(contour)
    inside = np.zeros((h, w), np.uint8)
    cv2.drawContours(inside, [contour], 0, 1, -1, offset=(-x, -y))
    return float(cv2.mean(probability[y : y + h, x : x + w], inside)[0])


def _up(length: int) -> int:
    return -(-length // _MULTIPLE) * _MULTIPLE


def _tiles(length: int, longest: int, overlap: int) -> list[slice]:
    """Cut a side into equal overlapping pieces of at most ``longest`` pixels."""
    if length <= longest:
        return [slice(0, length)]
    count = -(-(length - overlap) // (longest - overlap))
    piece = -(-(length + (count - 1) * overlap) // count)
    return [
        slice(start, start + piece)
        for start in (round(i * (length - piece) / (count - 1)) for i in range(count))
    ]

"""Text: the PP-OCRv6 detector (differentiable binarisation, arXiv 1911.08947) at two scales.

One view of the whole picture finds large and middle text; overlapping tiles of a larger view find small text.
The network gives a probability for each pixel to be inside the shrunken core of a text line; cores are
traced, boxed at their angle, and grown back.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from medkiosk.core.photo import Box
from medkiosk.redact.detect.hit import Hit, merge
from medkiosk.redact.detectors import DetectorId
from medkiosk.redact.pixels import Pixels, scaled_to
from medkiosk.redact.policy import TextPolicy
from medkiosk.redact.region import Size, clip

_MULTIPLE = 32
_SAME_LINE_IOU = 0.5
_MAX_LINES = 300
_LINE_ASPECT = 3.0
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
        height, width = view.shape[:2]
        canvas = np.zeros((_up(height), _up(width), 3), np.uint8)
        canvas[:height, :width] = view
        probability = self._forward(canvas)[:height, :width]
        core = (probability >= self._policy.pixel_threshold / 1000).astype(np.uint8)
        contours, _ = cv2.findContours(core, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        hits = []
        scale = max(full) / side
        largest = side * self._policy.largest_blob / 1000
        for contour in sorted(contours, key=cv2.contourArea, reverse=True)[:_MAX_LINES]:
            centre, (w, h), angle = cv2.minAreaRect(contour)
            if min(w, h) < _MIN_CORE:
                continue
            x, y, bw, bh = cv2.boundingRect(contour)
            inside = np.zeros((bh, bw), np.uint8)
            cv2.drawContours(inside, [contour], 0, 1, -1, offset=(-x, -y))
            mean = cv2.mean(probability[y : y + bh, x : x + bw], inside)[0]
            if mean < self._policy.line_threshold / 1000:
                continue
            if min(w, h) > largest and max(w, h) < _LINE_ASPECT * min(w, h):
                continue
            distance = w * h / (2 * (w + h)) * self._policy.unclip / 1000
            distance += (min(w, h) + 2 * distance) * self._policy.padding / 1000
            corners = cv2.boxPoints((centre, (w + 2 * distance, h + 2 * distance), angle))
            corners = (np.asarray(corners) + np.array([left, top])) * scale
            x0, y0 = (math.floor(v) for v in corners.min(axis=0))
            x1, y1 = (math.ceil(v) for v in corners.max(axis=0))
            box = clip(Box(x0, y0, max(1, x1 - x0), max(1, y1 - y0)), full)
            if box is not None:
                hits.append(Hit(DetectorId.TEXT, box, min(1000, round(mean * 1000))))
        return hits

    def _forward(self, canvas: Pixels) -> NDArray[np.float32]:
        blob = cv2.dnn.blobFromImage(canvas, 1 / 127.5, mean=(127.5, 127.5, 127.5))
        self._net.setInput(blob)
        result: NDArray[np.float32] = self._net.forward()[0, 0]
        return result


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

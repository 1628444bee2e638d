"""Text: the PP-OCRv6 detector (differentiable binarisation, arXiv 1911.08947) at two scales.

One view of the whole picture finds large and middle text; overlapping tiles of a larger view find small text.
The network gives a probability for each pixel to be inside the shrunken core of a text line; cores are
traced, boxed at their angle, and grown back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from medkiosk.core.photo import RedactCode
from medkiosk.redact.detect.hit import Hit
from medkiosk.redact.detect.line import Line, join
from medkiosk.redact.detect.net import STRIDES, Net, tiles, whole_strides
from medkiosk.redact.detect.objects import Contour, is_object
from medkiosk.redact.detectors import DetectorId
from medkiosk.redact.errors import RefusedError
from medkiosk.redact.pixels import Pixels, View, as_pixels
from medkiosk.redact.policy import TextPolicy
from medkiosk.redact.region import Size

_MAX_LINES = 300
_MOST_FOUND = 800
"""In all looks together; joining more takes longer than seconds."""
_LINE_ASPECT = 3.0
"""A shape so many times as long as thick is a line."""
_SURE_ASPECT = 1.5
_MAX_ENLARGEMENT = 2
_MIN_CORE = 2.0
"""Cores thinner than this many pixels of the view are noise."""


class TextDetector:
    """PP-OCRv6 text line detector, loaded from bytes that were checked against the pin."""

    def __init__(self, model: bytes, policy: TextPolicy) -> None:
        self._net = Net(model)
        self._policy = policy
        self._forward(np.zeros((STRIDES, STRIDES, 3), np.uint8))  # packs the weights, once for all forks

    def find(self, view: View) -> list[Hit]:
        """Text lines that are sure enough to be masked, as upright boxes in pixels of the full picture."""
        return self.hits(self.lines(view), view.full)

    def hits(self, lines: Sequence[Line], full: Size) -> list[Hit]:
        """What to mask of `lines`."""
        boxes = [(line.box(full), line.confidence, self._threshold(line)) for line in lines]
        return [
            Hit(DetectorId.TEXT, box, confidence)
            for box, confidence, threshold in boxes
            if box is not None and confidence >= threshold
        ]

    def _threshold(self, line: Line) -> int:
        long, short = (math.hypot(*side) for side in line.sides())
        return self._policy.line_threshold if long >= _LINE_ASPECT * short else self._policy.short_line

    def lines(self, view: View) -> list[Line]:
        """Text lines at their angle in pixels of the full picture, the surest first, weak ones included.

        A weak line that goes on or repeats a sure one widens it.

        Raises:
            RefusedError: CROWDED, there is more text than anybody decides.
        """
        policy = self._policy
        longest = max(view.full)
        side = min(policy.long_side, _MAX_ENLARGEMENT * longest)
        found = self._look(view.scaled(side), 0, 0, side, longest)
        side = min(policy.tiled_long_side, longest)
        if side > policy.long_side:
            large = view.scaled(side)
            for rows in tiles(large.shape[0], policy.tile, policy.tile_overlap):
                for columns in tiles(large.shape[1], policy.tile, policy.tile_overlap):
                    found += self._look(large[rows, columns], columns.start, rows.start, side, longest)
        if len(found) > _MOST_FOUND:
            raise RefusedError(RedactCode.CROWDED, f"{len(found)} lines of text")
        return join(found)

    def _look(self, part: Pixels, left: int, top: int, side: int, longest: int) -> list[Line]:
        """Lines in a picture whose long side is ``side``, or in a tile of it at ``left, top``."""
        height, width = part.shape[:2]
        canvas = cv2.copyMakeBorder(
            part, 0, whole_strides(height) - height, 0, whole_strides(width) - width, cv2.BORDER_REPLICATE
        )
        probability = self._forward(as_pixels(canvas))[:height, :width]
        core = (probability >= self._policy.pixel_threshold / 1000).astype(np.uint8)
        contours, _ = cv2.findContours(core, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        found = []
        for contour in sorted(contours, key=cv2.contourArea, reverse=True)[:_MAX_LINES]:
            confidence = _mean_inside(probability, contour)
            if confidence * 1000 < self._policy.weak_line:
                continue
            corners = self._corners(contour, confidence, part)
            if corners is not None:
                placed = (corners + np.array([left, top], np.float32)) * np.float32(longest / side)
                found.append(Line(placed, min(1000, round(confidence * 1000))))
        return found

    def _corners(self, contour: Contour, confidence: float, part: Pixels) -> NDArray[np.float32] | None:
        """Four corners of the line around a core, at its angle; None for what is not shaped like a line."""
        centre, (w, h), angle = cv2.minAreaRect(contour)
        if min(w, h) < _MIN_CORE:
            return None
        aspect = max(w, h) / min(w, h)
        # The core is the line shrunk by this distance (arXiv 1911.08947, section 3.4, turned round).
        distance = w * h / (2 * (w + h)) * self._policy.unclip / 1000
        w, h = w + 2 * distance, h + 2 * distance
        thickness = min(w, h)
        if thickness > self._policy.largest_blob and max(w, h) < _LINE_ASPECT * thickness:
            return None
        if (
            aspect < _LINE_ASPECT
            and not self._sure(aspect, confidence)
            and is_object(part, contour, distance)
        ):
            return None
        padding = 2 * thickness * self._policy.padding / 1000
        return np.asarray(cv2.boxPoints((centre, (w + padding, h + padding), angle)), np.float32)

    def _sure(self, aspect: float, confidence: float) -> bool:
        return aspect >= _SURE_ASPECT and confidence * 1000 >= self._policy.sure_line

    def _forward(self, canvas: Pixels) -> NDArray[np.float32]:
        blob = cv2.dnn.blobFromImage(canvas, 1 / 127.5, mean=(127.5, 127.5, 127.5))
        result: NDArray[np.float32] = self._net.run(np.asarray(blob, np.float32))[0][0, 0]
        return result


def _mean_inside(probability: NDArray[np.float32], contour: Contour) -> float:
    x, y, w, h = cv2.boundingRect(contour)
    inside = np.zeros((h, w), np.uint8)
    cv2.drawContours(inside, [contour], 0, 1, -1, offset=(-x, -y))
    return float(cv2.mean(probability[y : y + h, x : x + w], inside)[0])

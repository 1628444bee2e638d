"""Faces: CenterFace (arXiv 1911.03599) in four rotations at several sizes.

The network was trained on upright faces; turned by 90 degrees it loses a third of them, so every picture is
looked at from all four sides. Decoding follows the paper: a heat map with stride 4, log sizes, offsets.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from medkiosk.core.photo import Box
from medkiosk.redact.detect.hit import Hit, merge, surest
from medkiosk.redact.detectors import DetectorId
from medkiosk.redact.pixels import Pixels, scaled_to
from medkiosk.redact.policy import FacePolicy
from medkiosk.redact.region import Size, clip

_OUTPUTS = ("537", "538", "539", "540")  # heat map, log size (h, w), offset (down, right), landmarks
_STRIDE = 4
_MULTIPLE = 32
_SAME_FACE_IOU = 0.3
_MAX_PER_VIEW = 500


class FaceDetector:
    """CenterFace, loaded from bytes that were checked against the pin."""

    def __init__(self, model: bytes, policy: FacePolicy) -> None:
        self._net = cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8), cv2.dnn.ENGINE_NEW)
        self._policy = policy
        self._forward(np.zeros((_MULTIPLE, _MULTIPLE, 3), np.uint8))  # packs the weights, once for all forks

    def find(self, pixels: Pixels) -> list[Hit]:
        """Faces in upright BGR pixels, shape (height, width, 3)."""
        height, width = pixels.shape[:2]
        hits: list[Hit] = []
        for side in self._policy.long_sides:
            small = scaled_to(pixels, side)
            for quarter_turns in range(4):
                hits += self._view(small, quarter_turns, Size(width, height))
        return [hit for hit in merge(hits, _SAME_FACE_IOU) if hit.confidence >= self._policy.threshold]

    def _view(self, small: Pixels, quarter_turns: int, full: Size) -> list[Hit]:
        """Hits of one size seen from one side, in full-size pixels of the unturned picture."""
        turned = np.rot90(small, quarter_turns)
        height, width = turned.shape[:2]
        canvas = np.zeros((_up(height), _up(width), 3), np.uint8)
        canvas[:height, :width] = turned
        heat, size, offset, _landmarks = self._forward(canvas)
        rows, columns = np.nonzero(heat[0, 0] >= self._policy.support / 1000)
        if len(rows) > _MAX_PER_VIEW:
            order = np.argsort(-heat[0, 0, rows, columns], kind="stable")[:_MAX_PER_VIEW]
            rows, columns = rows[order], columns[order]
        hits = []
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            h, w = (_STRIDE * math.exp(min(float(value), 10.0)) for value in size[0, :, row, column])
            y = (row + float(offset[0, 0, row, column]) + 0.5) * _STRIDE - h / 2
            x = (column + float(offset[0, 1, row, column]) + 0.5) * _STRIDE - w / 2
            box = _unturn(x, y, w, h, Size(width, height), quarter_turns)
            placed = _scale(box, full, Size(small.shape[1], small.shape[0]))
            if placed is not None:
                hits.append(
                    Hit(DetectorId.FACES, placed, min(1000, round(float(heat[0, 0, row, column]) * 1000)))
                )
        return surest(hits, _SAME_FACE_IOU)

    def _forward(self, canvas: Pixels) -> tuple[NDArray[np.float32], ...]:
        self._net.setInput(cv2.dnn.blobFromImage(canvas, swapRB=True))
        return tuple(np.asarray(output, np.float32) for output in self._net.forward(_OUTPUTS))


def _up(length: int) -> int:
    return -(-length // _MULTIPLE) * _MULTIPLE


def _unturn(
    x: float, y: float, w: float, h: float, turned: Size, quarter_turns: int
) -> tuple[float, float, float, float]:
    """Undo ``np.rot90(..., quarter_turns)`` (counter-clockwise) for one box of the turned picture."""
    match quarter_turns:
        case 0:
            return x, y, w, h
        case 1:
            return turned.height - y - h, x, h, w
        case 2:
            return turned.width - x - w, turned.height - y - h, w, h
        case _:
            return y, turned.width - x - w, h, w


def _scale(box: tuple[float, float, float, float], full: Size, small: Size) -> Box | None:
    x, y, w, h = box
    across, down = full.width / small.width, full.height / small.height
    left, top = math.floor(x * across), math.floor(y * down)
    right, bottom = math.ceil((x + w) * across), math.ceil((y + h) * down)
    return clip(Box(left, top, max(1, right - left), max(1, bottom - top)), full)

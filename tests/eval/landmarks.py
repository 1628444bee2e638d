"""Eyes, nose and corners of the mouth in the labelled faces, to cut close-ups at the right places.

From CenterFace (arXiv 1911.03599, section 3.3), which the redaction uses too: what it cannot see from any
side is left out, so the close-ups are of faces that are clear as a whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from medkiosk.redact.pixels import Pixels
from tests.eval.faces import Photo, photos
from tests.eval.score import Bounds

Points = NDArray[np.float64]

_SIDE = 320
_AROUND = 0.5
_SURE = 0.5
_CERTAIN = 0.75
_SMALLEST_LABEL = 100
_SMALLEST_EYES = 25
_OUTPUTS = ["537", "538", "539", "540"]


@dataclass(frozen=True)
class Face:
    """A labelled face: photograph, label, five points (left and right eye, nose, mouth), shape (5, 2)."""

    photo: Photo
    label: Bounds
    points: Points


@cache
def _net() -> Any:
    folder = Path(os.environ.get("MEDKIOSK_MODELS", Path(__file__).resolve().parents[2] / ".models"))
    return cv2.dnn.readNetFromONNX(str(folder / "centerface.onnx"))


@cache
def faces() -> list[Face]:
    """Every labelled face of 100 pixels and more whose points are found."""
    return list(_faces())


def _faces() -> Iterator[Face]:
    for photo in photos():
        for label in photo.labels:
            if min(label[2] - label[0], label[3] - label[1]) < _SMALLEST_LABEL:
                continue
            points = _points(photo.pixels, label)
            if points is not None and np.hypot(*(points[1] - points[0])) >= _SMALLEST_EYES:
                yield Face(photo, label, points)


def _points(pixels: Pixels, label: Bounds) -> Points | None:
    """The points of the face in a label, from the first side from which the network is certain."""
    around = np.array([label[2] - label[0], label[3] - label[1]]) * _AROUND
    origin = np.maximum(np.array(label[:2]) - around, 0).astype(int)
    end = (np.array(label[2:]) + around).astype(int)
    part = pixels[origin[1] : end[1], origin[0] : end[0]]
    scale = _SIDE / max(part.shape[:2])
    view = np.full((_SIDE, _SIDE, 3), 127, np.uint8)
    small = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    view[: small.shape[0], : small.shape[1]] = small[:_SIDE, :_SIDE]
    size = (label[2] - label[0], label[3] - label[1])
    centre = (np.array([label[0] + label[2], label[1] + label[3]]) / 2 - origin) * scale
    best, points = _SURE, None
    for turns in range(4):
        for score, seen in _look(np.ascontiguousarray(np.rot90(view, turns))):
            back = _unturn(seen, turns)
            near = np.hypot(*(back.mean(axis=0) - centre)) < 0.35 * (label[3] - label[1]) * scale
            if score > best and near and _plausible(back, min(size) * scale):
                best, points = score, back / scale + origin
        if best > _CERTAIN:
            break
    return points


def _plausible(points: Points, width: float) -> bool:
    """Whether five points lie as in a face of about this width: seen from a wrong side they do not."""
    across = points[1] - points[0]
    length = float(np.hypot(*across))
    if not 1.6 < width / max(length, 1.0) < 4.5:
        return False
    down = np.array([-across[1], across[0]])
    nose, mouth = (
        np.array([(at - points[:2].mean(axis=0)) @ axis / length**2 for axis in (across, down)])
        for at in (points[2], points[3:].mean(axis=0))
    )
    between = abs(nose[0]) < 0.6 and abs(mouth[0]) < 0.45
    return bool(between and 0.25 < nose[1] < 1.0 and 0.75 < mouth[1] < 1.6)


def _look(view: Pixels) -> list[tuple[float, Points]]:
    """Peaks of the heat map over the threshold and their points, in pixels of the view."""
    net = _net()
    net.setInput(cv2.dnn.blobFromImage(view, 1.0, (_SIDE, _SIDE), swapRB=True))
    heat, scale, offset, marks = net.forward(_OUTPUTS)
    rows, columns = np.where(heat[0, 0] > _SURE)
    result = []
    for r, c in zip(rows, columns, strict=True):
        height, width = np.exp(scale[0, :, r, c]) * 4
        y0 = (r + offset[0, 0, r, c] + 0.5) * 4 - height / 2
        x0 = (c + offset[0, 1, r, c] + 0.5) * 4 - width / 2
        mark = marks[0, :, r, c].reshape(5, 2)
        result.append(
            (float(heat[0, 0, r, c]), np.stack([mark[:, 1] * width + x0, mark[:, 0] * height + y0], 1))
        )
    return result


def _unturn(points: Points, turns: int) -> Points:
    """Points seen in a square that was turned anticlockwise by quarter turns, back in the square."""
    for _ in range(turns):
        points = np.stack([_SIDE - 1 - points[:, 1], points[:, 0]], axis=1)
    return points

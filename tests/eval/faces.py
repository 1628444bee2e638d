"""Faces: the labelled photographs turned, near and far, and with their skin toned anew.

The labels are upright boxes around heads, hair included. What must be hidden is the ellipse that fills the
label, turned with the picture; the label itself is scored too (it turns with the picture, and at a multiple
of 90 degrees it is the upright box that was drawn).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medkiosk.core.photo import Category
from medkiosk.redact.pixels import Pixels, as_pixels
from tests.eval.grounds import photo_ground
from tests.eval.picture import Picture, Rendered
from tests.eval.score import Bounds, Ellipse, Outline, Truth
from tests.eval.tone import TONES, group, typology_angle, with_tone
from tests.shared import shared

Matrix = NDArray[np.float64]
TURNS = (0, 30, 45, 90, 180, 270)
SHARES = (0.03, 0.06, 0.12, 0.25, 0.6)
_BINS = (0.03, 0.06, 0.12, 0.25, 0.5)
_CANVAS = (2400, 1600)
_WHOLE = 0.8


@dataclass(frozen=True)
class Photo:
    """One labelled photograph."""

    path: Path
    labels: tuple[Bounds, ...]

    @cached_property
    def pixels(self) -> Pixels:
        """BGR, shape (height, width, 3)."""
        return np.ascontiguousarray(np.asarray(Image.open(self.path).convert("RGB"))[:, :, ::-1])


def photos() -> list[Photo]:
    """The labelled photographs, or, where they are absent, the one face of the project's own pictures."""
    folder = shared("eval/faces")
    if folder is None:
        return [Photo(path, labels) for path, labels in _own().items() if path.exists()]
    entries = json.loads((folder / "boxes.json").read_text(encoding="utf-8"))
    return [Photo(folder / entry["file"], tuple(tuple(box) for box in entry["boxes"])) for entry in entries]


def _own() -> dict[Path, tuple[Bounds, ...]]:
    from tests.virtual.scenes import photos_dir

    return {photos_dir() / "astronaut.png": ((170.0, 40.0, 280.0, 200.0),)}


def turned(every: int = 1) -> Iterator[Picture]:
    """Each photograph turned by each angle."""
    for photo in photos()[::every]:
        for angle in TURNS:
            yield Picture("faces turned", f"{photo.path.stem}-{angle}", partial(_turn, photo, angle), True)


def _turn(photo: Photo, angle: int) -> Rendered:
    height, width = photo.pixels.shape[:2]
    pixels, matrix = rotated(photo.pixels, angle)
    truths = []
    for label in photo.labels:
        tags = {"turned by": str(angle)}
        if angle == 0:
            tags |= {"skin as pictured": group(typology_angle(photo.pixels, label))}
        head = Ellipse.within(*label)
        (cx, cy), *corners = _moved(
            matrix, [(head.cx, head.cy), *Outline.box(*_cut(label, width, height)).points]
        )
        shape = Ellipse(cx, cy, head.rx, head.ry, float(angle))
        truths.append(Truth(Category.FACE, shape, tags, Outline(tuple(corners))))
    return Rendered(pixels, truths)


def rotated(pixels: Pixels, angle: float) -> tuple[Pixels, Matrix]:
    """Turn clockwise about the middle, on the picture's mean colour; the picture and its matrix."""
    height, width = pixels.shape[:2]
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    new_w = round(abs(width * cos) + abs(height * sin))
    new_h = round(abs(width * sin) + abs(height * cos))
    matrix = np.array([[cos, -sin, 0.0], [sin, cos, 0.0]])
    matrix[:, 2] = (new_w - 1) / 2, (new_h - 1) / 2
    matrix[:, 2] -= matrix[:, :2] @ np.array([(width - 1) / 2, (height - 1) / 2])
    mean = tuple(float(value) for value in pixels.reshape(-1, 3).mean(axis=0))
    result = cv2.warpAffine(pixels, matrix, (new_w, new_h), flags=cv2.INTER_CUBIC, borderValue=mean)
    return as_pixels(result), matrix


def _moved(matrix: Matrix, points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    placed = np.asarray(points) @ matrix[:, :2].T + matrix[:, 2]
    return [(float(x), float(y)) for x, y in placed]


def _cut(label: Bounds, width: int, height: int) -> Bounds:
    return max(label[0], 0), max(label[1], 0), min(label[2], width), min(label[3], height)


def scaled(every: int = 1) -> Iterator[Picture]:
    """Photographs pasted into a larger scene, or cut, so that the highest face is a share of the height."""
    for number, photo in enumerate(photos()[:: 2 * every]):
        for share in SHARES:
            yield Picture(
                "faces near and far",
                f"{photo.path.stem}-{share}",
                partial(_at_share, photo, share, number),
                True,
            )


def _at_share(photo: Photo, share: float, number: int) -> Rendered:
    """The photograph at the scale at which its highest face has this share of the canvas's height."""
    width, height = _CANVAS
    tallest = max(photo.labels, key=lambda label: label[3] - label[1])
    scale = share * height / (tallest[3] - tallest[1])
    size = (round(photo.pixels.shape[1] * scale), round(photo.pixels.shape[0] * scale))
    inter = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = cv2.resize(photo.pixels, size, interpolation=inter)
    canvas = photo_ground(width, height, number)
    rng = np.random.default_rng(number)
    # Where the photograph is larger than the canvas, the highest face stays in the middle.
    middle = ((tallest[0] + tallest[2]) / 2 * scale, (tallest[1] + tallest[3]) / 2 * scale)
    at = [
        round(length / 2 - m) if s > length else int(rng.integers(0, length - s + 1))
        for length, s, m in zip((width, height), size, middle, strict=True)
    ]
    left, top = max(at[0], 0), max(at[1], 0)
    right, bottom = min(at[0] + size[0], width), min(at[1] + size[1], height)
    canvas[top:bottom, left:right] = small[top - at[1] : bottom - at[1], left - at[0] : right - at[0]]
    truths = []
    for label in photo.labels:
        x0, y0, x1, y1 = (value * scale + at[i % 2] for i, value in enumerate(label))
        # A face of which the canvas cut more than a fifth away belongs to the close-ups.
        box = (max(x0, left), max(y0, top), min(x1, right), min(y1, bottom))
        visible = max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1]) / ((x1 - x0) * (y1 - y0))
        if visible < _WHOLE:
            if visible > 0:
                truths.append(Truth(Category.FACE, Outline.box(*box), {"face height": "cut by the border"}))
            continue
        tags = {"face height": _bin((y1 - y0) / height)}
        truths.append(Truth(Category.FACE, Ellipse.within(*box), tags, Outline.box(*box)))
    return Rendered(canvas, truths)


def _bin(share: float) -> str:
    low = 0.0
    for high in _BINS:
        if share < high:
            return f"{low:.0%} to {high:.0%} of the picture"
        low = high
    return f"over {low:.0%} of the picture"


def toned(every: int = 1) -> Iterator[Picture]:
    """The photographs in ordinary light, their skin moved to three tones: a simulation."""
    lit = [
        photo
        for photo in photos()
        if all(10 < typology_angle(photo.pixels, box) < 65 for box in photo.labels)
    ]
    for photo in lit[:: 2 * every]:
        for target in TONES:
            yield Picture(
                "faces, skin toned anew",
                f"{photo.path.stem}-{target}",
                partial(_tone, photo, target),
                True,
            )


def _tone(photo: Photo, target: int) -> Rendered:
    pixels = with_tone(photo.pixels, photo.labels, target)
    truths = [
        Truth(
            Category.FACE,
            Ellipse.within(*label),
            {"skin toned to": group(typology_angle(pixels, label))},
            Outline.box(*label),
        )
        for label in photo.labels
    ]
    return Rendered(pixels, truths)

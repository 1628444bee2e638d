"""Close-ups: a face, or a part of one, that fills the frame; masked; with a dressing over an eye.

A face is levelled by its eyes and measured in distances between them: the origin is half-way between the
eyes, y points down, the mouth is at about 1.1, the chin at 1.95, the hairline at -1.1, an ear at 1.2. Parts
are cut in these coordinates and enlarged to a photograph's size: as soft as an enlarged phone picture.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from medkiosk.core.photo import Category
from medkiosk.redact.pixels import Pixels, as_pixels
from tests.eval.landmarks import Face, Points, faces
from tests.eval.picture import Picture, Rendered
from tests.eval.score import Bounds, Outline, Truth

_LONG_SIDE = 1600
_MOST_OUTSIDE = 0.05
_FACE: Bounds = (-1.25, -1.1, 1.25, 1.95)
_WHOLE: Bounds = (-1.4, -1.3, 1.4, 2.1)
_LOOSE: Bounds = (-2.0, -1.7, 2.0, 2.6)


@dataclass(frozen=True)
class Cut:
    """What a close-up shows of a face: a rectangle (mouth: around the mouth), and what is drawn on it."""

    frame: Bounds
    dress: (
        Callable[[Pixels, Callable[[float, float], tuple[float, float]], np.random.Generator], None] | None
    ) = None
    at_mouth: bool = False


def _mask(
    pixels: Pixels, place: Callable[[float, float], tuple[float, float]], rng: np.random.Generator
) -> None:
    """A surgical mask: light blue or white, three folds, bands to the ears."""
    colour = (235, 215, 175) if rng.random() < 0.6 else (240, 240, 240)
    top = 0.35 + rng.uniform(-0.05, 0.1)
    outline = [(-1.0, 0.75), (-0.35, top + 0.1), (0, top), (0.35, top + 0.1), (1.0, 0.75)]
    outline += [(0.85, 1.6), (0.4, 2.0), (-0.4, 2.0), (-0.85, 1.6)]
    for side in (-1, 1):
        for y in (0.8, 1.55):
            _line(pixels, [place(side * 0.95, y), place(side * 1.35, 0.45)], (225, 225, 225))
    corners = np.array([place(*point) for point in outline]).round().astype(np.int32)
    shade = pixels.copy()
    cv2.fillPoly(shade, [corners], colour, cv2.LINE_AA)
    for y in (0.95, 1.2, 1.45):
        _line(shade, [place(-0.9, y - 0.05), place(0, y + 0.05), place(0.9, y - 0.05)], (200, 185, 150))
    # The light of the scene goes on over the mask.
    light = cv2.GaussianBlur(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), (0, 0), pixels.shape[1] / 12)
    level = np.clip(light.astype(np.float32) / max(float(light.mean()), 1.0), 0.5, 1.3)[:, :, None]
    covered = np.zeros(pixels.shape[:2], np.uint8)
    cv2.fillPoly(covered, [corners], 1)
    lit = np.clip(shade * level, 0, 255).astype(np.uint8)
    pixels[:] = np.where(covered[:, :, None] > 0, lit, shade)


def _dressing(
    pixels: Pixels, place: Callable[[float, float], tuple[float, float]], rng: np.random.Generator
) -> None:
    """A gauze pad over one eye, held by two strips of tape."""
    side = -0.5 if rng.random() < 0.5 else 0.5
    turn = rng.uniform(-0.4, 0.4)

    def corners(half_w: float, half_h: float, angle: float) -> Pixels:
        cos, sin = math.cos(angle), math.sin(angle)
        points = [(-half_w, -half_h), (half_w, -half_h), (half_w, half_h), (-half_w, half_h)]
        placed = [place(side + x * cos - y * sin, 0.05 + x * sin + y * cos) for x, y in points]
        return np.array(placed).round().astype(np.int32)

    cv2.fillPoly(pixels, [corners(0.48, 0.36, turn)], (238, 242, 244), cv2.LINE_AA)
    weave = rng.normal(0, 5, pixels.shape[:2])[:, :, None]
    pad = np.zeros(pixels.shape[:2], np.uint8)
    cv2.fillPoly(pad, [corners(0.48, 0.36, turn)], 1)
    pixels[:] = np.where(pad[:, :, None] > 0, np.clip(pixels + weave, 0, 255), pixels).astype(np.uint8)
    for angle in (turn + 0.9, turn - 0.9):
        cv2.fillPoly(pixels, [corners(0.85, 0.07, angle)], (222, 230, 236), cv2.LINE_AA)


def _line(pixels: Pixels, points: list[tuple[float, float]], colour: tuple[int, int, int]) -> None:
    curve = np.array(points).round().astype(np.int32)
    cv2.polylines(pixels, [curve], False, colour, max(2, pixels.shape[1] // 200), cv2.LINE_AA)


CUTS: dict[str, Cut] = {
    "whole": Cut(_WHOLE),
    "eyes only": Cut((-1.15, -0.5, 1.15, 0.5)),
    "mouth only": Cut((-0.8, -0.42, 0.8, 0.42), at_mouth=True),
    "left half": Cut((-1.4, -1.3, 0.0, 2.1)),
    "right half": Cut((0.0, -1.3, 1.4, 2.1)),
    "upper half": Cut((-1.4, -1.3, 1.4, 0.55)),
    "lower half": Cut((-1.4, 0.55, 1.4, 2.1)),
    "masked": Cut(_LOOSE, _mask),
    "dressing over an eye": Cut(_LOOSE, _dressing),
}


def closeups(most: int) -> Iterator[Picture]:
    """At most so many faces for each kind of cut, each kind from other faces where there are enough."""
    for kind, cut in CUTS.items():
        chosen = sorted(
            (face for face in faces() if _outside(face, cut) <= _MOST_OUTSIDE),
            key=lambda face: zlib.crc32(f"{face.photo.path.name}{face.label[0]:.0f}".encode()),
        )
        step = max(1, len(chosen) // most)
        for face in chosen[::step][:most]:
            name = f"{kind.replace(' ', '-')}-{face.photo.path.stem}-{face.label[0]:.0f}"
            yield Picture("close-ups", name, partial(cut_out, face, kind), True)


def _frame(points: Points, cut: Cut) -> Bounds:
    if not cut.at_mouth:
        return cut.frame
    x, y = _levelled(points, points[3:].mean(axis=0))
    x0, y0, x1, y1 = cut.frame
    return x0 + x, y0 + y, x1 + x, y1 + y


def _axes(points: Points) -> tuple[Points, Points, Points]:
    """Origin, and the two axes whose length is the distance between the eyes, in pixels."""
    across = points[1] - points[0]
    return (points[0] + points[1]) / 2, across, np.array([-across[1], across[0]])


def _levelled(points: Points, pixel: Points) -> tuple[float, float]:
    origin, across, down = _axes(points)
    length = float(across @ across)
    return float((pixel - origin) @ across) / length, float((pixel - origin) @ down) / length


def _outside(face: Face, cut: Cut) -> float:
    """How much of the cut would lie outside the photograph."""
    x0, y0, x1, y1 = _frame(face.points, cut)
    origin, across, down = _axes(face.points)
    x, y = np.meshgrid(np.linspace(x0, x1, 40), np.linspace(y0, y1, 40))
    px, py = (origin[i] + x * across[i] + y * down[i] for i in (0, 1))
    height, width = face.photo.pixels.shape[:2]
    return float(1 - ((px >= 0) & (py >= 0) & (px < width) & (py < height)).mean())


def cut_out(face: Face, kind: str) -> Rendered:
    """One close-up, its long side 1600 pixels."""
    cut = CUTS[kind]
    x0, y0, x1, y1 = _frame(face.points, cut)
    scale = _LONG_SIDE / max(x1 - x0, y1 - y0)
    width, height = round((x1 - x0) * scale), round((y1 - y0) * scale)
    origin, across, down = _axes(face.points)
    corner = origin + x0 * across + y0 * down
    to_photo = np.array([[across[0], down[0], 0.0], [across[1], down[1], 0.0]]) / scale
    to_photo[:, 2] = corner
    cut_pixels = cv2.warpAffine(
        face.photo.pixels,
        to_photo,
        (width, height),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    pixels = as_pixels(cut_pixels)

    def place(x: float, y: float) -> tuple[float, float]:
        return (x - x0) * scale, (y - y0) * scale

    if cut.dress is not None:
        cut.dress(pixels, place, np.random.default_rng(zlib.crc32(face.photo.path.name.encode())))
    tags = {"close-up of": kind}
    truths = [Truth(Category.FACE, _seen(place, (width, height)), tags)]
    for other in face.photo.labels:
        if other != face.label:
            corners = np.array(Outline.box(*other).points) - corner
            moved = np.stack([corners @ across, corners @ down], axis=1) / float(across @ across) * scale
            # Not scored, but not a false box either.
            truths.append(Truth(Category.FACE, Outline(tuple((float(x), float(y)) for x, y in moved))))
    return Rendered(pixels, truths)


def _seen(place: Callable[[float, float], tuple[float, float]], size: tuple[int, int]) -> Outline:
    """The part of the face that is in the frame: an ellipse, cut by the frame's borders."""
    (x0, y0), (x1, y1) = place(*_FACE[:2]), place(*_FACE[2:])
    angles = np.linspace(0, 2 * math.pi, 72, endpoint=False)
    xs = np.clip((x0 + x1) / 2 + (x1 - x0) / 2 * np.cos(angles), 0, size[0])
    ys = np.clip((y0 + y1) / 2 + (y1 - y0) / 2 * np.sin(angles), 0, size[1])
    return Outline(tuple((float(x), float(y)) for x, y in zip(xs, ys, strict=True)))

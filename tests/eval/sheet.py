"""Stick patches (a label, a code) on grounds, at any angle, none over another."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from medkiosk.core.photo import Category
from medkiosk.redact.pixels import Pixels, as_pixels
from tests.eval.grounds import TONES, photo_ground, skin
from tests.eval.picture import Picture, Rendered
from tests.eval.score import Outline, Point, Truth

Matrix = NDArray[np.float64]
SIZES = {"20 MP": (5472, 3648), "6 MP": (3000, 2000), "2 MP": (1732, 1155)}
_TRIES = 60
_MOST = 14
_MARGIN = 12


@dataclass(frozen=True)
class Patch:
    """Something to stick on: BGR, how opaque each pixel is (0 to 1), what must be hidden, its groups."""

    pixels: Pixels
    alpha: NDArray[np.float32]
    outline: tuple[Point, ...]
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Item:
    """A patch that is drawn when it is its turn; ``width, height`` bound it once it is turned."""

    draw: Callable[[], Patch]
    width: int
    height: int


def warp(patch: Patch, matrix: Matrix, size: tuple[int, int]) -> Patch:
    """Apply a 3x3 perspective transform."""
    flags = cv2.INTER_AREA if abs(np.linalg.det(matrix[:2, :2])) < 0.5 else cv2.INTER_CUBIC
    pixels = cv2.warpPerspective(patch.pixels, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpPerspective(patch.alpha, matrix, size, flags=cv2.INTER_LINEAR)
    points = np.array([patch.outline], np.float64)
    moved = cv2.perspectiveTransform(points, matrix)[0]
    outline = tuple((float(x), float(y)) for x, y in moved)
    return Patch(as_pixels(pixels), np.asarray(alpha, np.float32), outline, patch.tags)


def turn(patch: Patch, angle: float) -> Patch:
    """Turn clockwise by degrees, onto a patch that holds all of it."""
    height, width = patch.pixels.shape[:2]
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    new_w = math.ceil(abs(width * cos) + abs(height * sin))
    new_h = math.ceil(abs(width * sin) + abs(height * cos))
    matrix = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0, 0, 1]])
    matrix[:2, 2] = (new_w - 1) / 2, (new_h - 1) / 2
    matrix[:2, 2] -= matrix[:2, :2] @ np.array([(width - 1) / 2, (height - 1) / 2])
    return warp(patch, matrix, (new_w, new_h))


def sheets(
    name: str, category: Category, size: str, items: Iterable[Item], seed: int, peer: bool = False
) -> Iterator[Picture]:
    """Spread items over as many pictures as they need, on skin of three tones and photographs in turn."""
    rng = np.random.default_rng(seed)
    width, height = SIZES[size]
    left = list(items)
    rng.shuffle(left)
    number = 0
    while left:
        taken: list[tuple[Item, int, int]] = []
        rest = []
        for item in left:
            at = _place(item, taken, width, height, rng) if len(taken) < _MOST else None
            if at is None:
                rest.append(item)
            else:
                taken.append((item, *at))
        if not taken:
            raise ValueError(f"{name}: an item is larger than {size}")
        yield Picture(
            name,
            f"{size.replace(' ', '')}-{seed}-{number}",
            partial(_render, tuple(taken), category, width, height, number),
            peer,
        )
        left = rest
        number += 1


def _place(
    item: Item, taken: list[tuple[Item, int, int]], width: int, height: int, rng: np.random.Generator
) -> tuple[int, int] | None:
    if item.width + 2 * _MARGIN > width or item.height + 2 * _MARGIN > height:
        return None
    for _ in range(_TRIES):
        x = int(rng.integers(_MARGIN, width - item.width - _MARGIN + 1))
        y = int(rng.integers(_MARGIN, height - item.height - _MARGIN + 1))
        if all(
            x + item.width + _MARGIN < ox
            or ox + other.width + _MARGIN < x
            or y + item.height + _MARGIN < oy
            or oy + other.height + _MARGIN < y
            for other, ox, oy in taken
        ):
            return x, y
    return None


def _render(
    items: tuple[tuple[Item, int, int], ...], category: Category, width: int, height: int, number: int
) -> Rendered:
    tone = list(TONES)[number // 2 % 3]
    canvas = (
        skin(width, height, tone, number) if number % 2 == 0 else photo_ground(width, height, number // 2)
    )
    truths = []
    for item, x, y in items:
        patch = item.draw()
        h, w = patch.pixels.shape[:2]
        under = canvas[y : y + h, x : x + w]
        alpha = patch.alpha[..., None]
        under[:] = np.clip(under * (1 - alpha) + patch.pixels * alpha, 0, 255).astype(np.uint8)
        outline = Outline(tuple((px + x, py + y) for px, py in patch.outline))
        truths.append(Truth(category, outline, patch.tags))
    return Rendered(canvas, truths)

"""Handwriting, simulated: letters as single pen strokes on a grid, rounded, slanted and shaken.

Nobody's hand: it shows whether thin, uneven, connected strokes are found, not how real handwriting fares.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

# Strokes as points "xy" on a grid of 0-4 across and 0-9 down (0 top of capitals, 6 base line, 9 descender);
# "," lifts the pen.
_LETTERS = {
    "0": "20 02 04 26 44 42 20",
    "1": "12 20 26",
    "2": "01 20 41 42 06 46",
    "3": "00 40 22 34 45 26 05",
    "4": "30 04 44,30 36",
    "5": "40 00 03 32 45 26 05",
    "6": "30 03 05 26 45 34 04",
    "7": "00 40 16",
    "8": "20 01 43 45 26 05 03 41 20",
    "9": "43 14 02 20 41 43 26",
    "/": "40 06",
    "M": "06 00 24 40 46",
    "R": "06 00 30 42 33 03,13 46",
    "N": "06 00 46 40",
    "S": "41 20 02 33 45 26 05",
    "A": "06 20 46,14 34",
    "a": "43 23 04 16 36 43 46",
    "h": "00 06,04 23 34 36",
    "i": "13 16,11 12",
    "m": "03 06,04 13 24 26,24 33 44 46",
    "n": "03 06,04 23 34 36",
    "o": "23 04 16 36 44 23",
    "r": "03 06,04 23 33",
    "t": "10 15 26 36,02 32",
}
_WIDTH = 5
_RATE = 12


def write(words: str, height: int, seed: int) -> NDArray[np.float32]:
    """Ink of a written line, 0 to 1, cut to its box; capitals are 0.72 of ``height`` pixels."""
    rng = np.random.default_rng(1000 + seed)
    unit = 0.72 * height / 6
    canvas = np.zeros((round(2.2 * height), round((len(words) + 2) * (_WIDTH + 1) * unit)), np.uint8)
    x, slant = unit * 4, rng.uniform(0.05, 0.35)
    pen = max(1, round(height * rng.uniform(0.05, 0.08)))
    rise = rng.normal(0, 0.02)
    for letter in words:
        if letter == " ":
            x += 3.5 * unit
            continue
        grow = rng.uniform(0.9, 1.15)
        for stroke in _LETTERS[letter].split(","):
            points = np.array([(int(p[0]), int(p[1])) for p in stroke.split()], float)
            points += rng.normal(0, 0.22, points.shape)
            curve = _rounded(points) * (unit * grow)
            curve[:, 0] += x + (6 * unit - curve[:, 1]) * slant
            curve[:, 1] += 0.7 * height + rise * x + rng.normal(0, 0.25) * unit
            cv2.polylines(canvas, [curve.round().astype(np.int32)], False, 255, pen, cv2.LINE_AA)
        x += (_WIDTH + rng.normal(0, 0.35)) * unit * grow
    ys, xs = np.nonzero(canvas > 64)
    cut = canvas[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    return (cut / 255).astype(np.float32)


def _rounded(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """A quadratic B-spline through the middles of the strokes, ends kept."""
    if len(points) < 3:
        return points
    middles = (points[:-1] + points[1:]) / 2
    parts = [points[:1]]
    t = np.linspace(0, 1, _RATE)[:, None]
    for before, corner, after in zip(middles[:-1], points[1:-1], middles[1:], strict=True):
        parts.append((1 - t) ** 2 * before + 2 * t * (1 - t) * corner + t**2 * after)
    parts.append(points[-1:])
    return np.concatenate(parts)

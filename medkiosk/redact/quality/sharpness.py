"""How sharp a picture is, as the blur in pixels that its best-focused parts must have had.

The ratio of gradient energy before and after a known further blur tells the blur of an edge whatever its
contrast: for a step edge R = sqrt((s^2 + r^2) / s^2), so s = r / sqrt(R^2 - 1). The idea is Zhuo and Sim's,
"Defocus map estimation from a single image", Pattern Recognition 44, 2011, here with the energies of whole
tiles. Dark and pale skin, strong and weak light give the same value. Noise is measured and taken off first.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from medkiosk.redact.pixels import Grey, Pixels

_TILE, _MARGIN = 64, 8
_SIDE = _TILE + 2 * _MARGIN
_ROWS, _COLUMNS = 9, 12
_REBLUR = 2.0
_NOISE_BEFORE, _NOISE_AFTER = 0.1878, 0.00207
"""Gradient energy of white noise of variance 1, before and after the further blur."""
_OVER_NOISE = 3.0
_WEAKEST = 0.5
"""Mean squared gradient after the blur, grey levels per pixel, below which a tile tells nothing."""
_FEWEST = 4
_BEST = 0.1
"""The best-focused tenth of the tiles counts: a sharp lesion before a blurred background is sharp."""
_DIRECTIONS = 8
_LAPLACIAN = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


class Blur(NamedTuple):
    """Gaussian sigma in pixels, across the direction where it is largest and where it is smallest."""

    worst: float
    best: float


def measure(grey: Grey) -> Blur | None:
    """The blur of the best-focused tiles, one tile out of each part of the picture.

    Args:
        grey: shape (height, width), half the size of a 20 megapixel picture or smaller.

    Returns:
        None where fewer than four tiles have edges above the noise.
    """
    height, width = grey.shape
    if min(height, width) < _SIDE:
        return None
    corners = _corners(grey)
    tiles = np.empty((len(corners), _SIDE, _SIDE), np.float32)
    for number, (y, x) in enumerate(corners):
        tiles[number] = grey[y : y + _SIDE, x : x + _SIDE]
    strip = tiles.reshape(-1, _SIDE)
    noise = _noise(strip)
    before = _energies(strip) - _NOISE_BEFORE * noise
    blurred = np.asarray(cv2.GaussianBlur(strip, (0, 0), _REBLUR), np.float32)
    after = _energies(blurred) - _NOISE_AFTER * noise
    telling = (before > _OVER_NOISE * _NOISE_BEFORE * noise) & (after > _WEAKEST)
    blurs = []
    for direction in range(_DIRECTIONS):
        valid = telling[direction]
        if int(valid.sum()) < _FEWEST:
            continue
        ratio = np.maximum(before[direction][valid] / after[direction][valid], 1.001)
        sigmas = np.sort(_REBLUR / np.sqrt(ratio * ratio - 1))
        blurs.append(float(sigmas[max(1, int(len(sigmas) * _BEST))]))
    return Blur(max(blurs), min(blurs)) if blurs else None


def _corners(grey: Grey) -> list[tuple[int, int]]:
    """Top left corners of the tile with the strongest coarse edges in each part of the picture."""
    height, width = grey.shape
    down, across = height // _TILE, width // _TILE
    reduced = cv2.resize(grey, (across * 16, down * 16), interpolation=cv2.INTER_AREA).astype(np.float32)
    coarse = cv2.GaussianBlur(reduced, (0, 0), 1)
    right, below = cv2.Sobel(coarse, cv2.CV_32F, 1, 0), cv2.Sobel(coarse, cv2.CV_32F, 0, 1)
    energy = cv2.resize(right * right + below * below, (across, down), interpolation=cv2.INTER_AREA)
    energy = energy.reshape(down, across)
    rows, columns = min(down, _ROWS), min(across, _COLUMNS)
    found = []
    for row in range(rows):
        top, bottom = row * down // rows, (row + 1) * down // rows
        for column in range(columns):
            left, end = column * across // columns, (column + 1) * across // columns
            at_row, at_column = divmod(int(energy[top:bottom, left:end].argmax()), end - left)
            y = int((top + at_row + 0.5) * height / down) - _SIDE // 2
            x = int((left + at_column + 0.5) * width / across) - _SIDE // 2
            found.append((min(max(y, 0), height - _SIDE), min(max(x, 0), width - _SIDE)))
    return found


def _noise(strip: NDArray[np.float32]) -> float:
    """Variance of the noise, from the quietest tenth of the tiles (Immerkaer 1996)."""
    second = cv2.filter2D(strip, cv2.CV_32F, _LAPLACIAN).reshape(-1, _SIDE, _SIDE)
    inner = second[:, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    variances = np.sort((inner * inner).mean((1, 2)) / 36)
    return float(variances[len(variances) // 10])


def _energies(strip: NDArray[np.float32] | Pixels) -> NDArray[np.float32]:
    """Mean squared gradient, shape (direction, tile)."""
    right = cv2.Sobel(strip, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    below = cv2.Sobel(strip, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    tensor = [
        (product.reshape(-1, _SIDE, _SIDE)[:, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN]).mean((1, 2))
        for product in (right * right, below * below, right * below)
    ]
    angles = [math.pi * number / _DIRECTIONS for number in range(_DIRECTIONS)]
    return np.stack(
        [
            math.cos(a) ** 2 * tensor[0] + math.sin(a) ** 2 * tensor[1] + math.sin(2 * a) * tensor[2]
            for a in angles
        ]
    ).astype(np.float32)

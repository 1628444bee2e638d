"""Exposure, clipping, glare and tint of a picture, judged without knowing how dark the skin is."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from medkiosk.redact.pixels import Pixels, as_pixels, scaled_to

Mask = NDArray[np.bool_]
LONG_SIDE = 684
_MIDDLE = 0.7
"""Half axes of the ellipse that is looked at, of the half sides: the subject is in the middle."""
_BLACK, _DARK, _CLIPPED, _WHITE = 10, 25, 253, 250
_LARGEST_HIGHLIGHT = 41
"""Pixels at `LONG_SIDE`: a bright spot wider than this is an object, not a reflection."""
_LONGEST_HIGHLIGHT = 82
_SPECULAR, _BRIGHT = 90, 165
_HALO, _RING = 9, 21
_SKIN_AROUND = 0.9
_CAST_LONG_SIDE = 320
_DARKEST = 25.0
_MOST_NEUTRAL = 0.1
_SKIN_HUES = (-30.0, 90.0)
"""Degrees in CIELAB's a, b: skin of every tone, wood, incandescent light. A tint that way proves nothing."""
_NEUTRAL_ENOUGH = 4.0
_GROUND, _REDDEST = (75, 97), 45
_BRIGHTER = 12
_FEWEST_BESIDE, _APART, _MOSTLY = 20, 20, 0.8
"""Pixels beside a ruler at least, CIELAB units between them and its ground, and in what share of them."""
_LOG_LIGHT = np.log2((np.arange(256, dtype=np.float32) / 255) ** 2.2 + 0.002).astype(np.float32)
"""Of an 8-bit level: log2 of its linear light, with what a dark pixel's noise amounts to added."""


class Light(NamedTuple):
    """Scores per mille, see `medkiosk.core.quality.Quality`; and how much of the middle could be skin."""

    skin: int
    exposure: int
    shadows: int
    highlights: int
    glare: int
    cast: int | None


def measure(
    pixels: Pixels,
    ground: tuple[float, float] | None = None,
    strip: NDArray[np.float32] | None = None,
) -> Light:
    """Judge the light of an upright BGR picture.

    Args:
        pixels: shape (height, width, 3).
        ground: CIELAB a and b of something known to be neutral (a scale's ground), where there is such.
        strip: corners of a ruler, shares of width and height, shape (4, 2): what shines there is no glare.
    """
    small = scaled_to(pixels, LONG_SIDE) if max(pixels.shape[:2]) > LONG_SIDE else pixels
    middle = _middle(small.shape[0], small.shape[1])
    blue, green, red = cv2.split(small)
    lightest, darkest = cv2.max(cv2.max(blue, green), red), cv2.min(cv2.min(blue, green), red)
    levels = np.bincount(lightest[middle], minlength=256).cumsum()
    bright = int(np.searchsorted(levels, 0.99 * levels[-1]))
    black = lightest <= _BLACK
    clipped = lightest >= _CLIPPED
    backdrop = _backdrop(black)
    shadows = _share(black & ~backdrop, middle & ~backdrop)
    white = _backdrop(darkest >= _WHITE)
    highlights = _share(clipped & ~white, middle & ~white)
    subject = skin(small)
    return Light(
        skin=_share(subject, middle & (lightest > _DARK)),
        exposure=bright * 1000 // 255,
        shadows=shadows,
        highlights=highlights,
        glare=_glare(as_pixels(darkest), subject, strip),
        cast=_cast(small, ground),
    )


def skin(pixels: Pixels) -> Mask:
    """Where the colour could be skin: by ratios of the channels in linear light, whatever its tone."""
    logs = cv2.LUT(pixels, _LOG_LIGHT)
    blue, green, red = cv2.split(logs)
    red_green, green_blue = red - green, green - blue
    coloured = (red_green > 0.15) & (red_green < 2.2) & (green_blue > -0.15) & (green_blue < 1.8)
    return np.asarray(coloured & (red_green + green_blue > 0.35) & (red > _LOG_LIGHT[_DARK]), np.bool_)


def _middle(height: int, width: int) -> Mask:
    y, x = np.ogrid[0:height, 0:width]
    down, across = (2 * y + 1) / height - 1, (2 * x + 1) / width - 1
    return np.asarray(down * down + across * across < _MIDDLE * _MIDDLE, np.bool_)


def _share(part: Mask, whole: Mask) -> int:
    all_of_it = int(np.count_nonzero(whole))
    return 1000 * int(np.count_nonzero(part & whole)) // all_of_it if all_of_it else 0


def _backdrop(mask: Mask) -> Mask:
    """The parts of a mask that reach the border of the picture."""
    _count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    touching = np.zeros(int(labels.max()) + 1, np.bool_)
    touching[edge] = True
    touching[0] = False
    return np.asarray(touching[labels], np.bool_)


def _glare(darkest: NDArray[np.uint8], subject: Mask, strip: NDArray[np.float32] | None) -> int:
    """Share of specular spots among skin and spots.

    A reflection adds the same to all channels, so it stands out in the smallest of them on any skin tone;
    it is small, nearly white, and has skin around its halo.
    """
    kernel = np.ones((_LARGEST_HIGHLIGHT, _LARGEST_HIGHLIGHT), np.uint8)
    stands_out = cv2.morphologyEx(darkest, cv2.MORPH_TOPHAT, kernel)
    bright = ((stands_out >= _SPECULAR) & (darkest >= _BRIGHT)).astype(np.uint8)
    if strip is not None:
        corners = np.round(strip * np.array(bright.shape[::-1], np.float32)).astype(np.int32)
        cv2.fillConvexPoly(bright, corners, 0)
    _count, labels, stats, _centres = cv2.connectedComponentsWithStats(bright)
    short = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) <= _LONGEST_HIGHLIGHT
    short[0] = False
    spots = short[labels]
    halo, near = (
        cv2.dilate(spots.astype(np.uint8), np.ones((side, side), np.uint8)) for side in (_HALO, _RING)
    )
    count, labels = cv2.connectedComponents(near)
    ring = (near > 0) & (halo == 0)
    around = np.bincount(labels[ring], minlength=count)
    of_skin = np.bincount(labels[ring & subject], minlength=count)
    on_skin = of_skin >= _SKIN_AROUND * np.maximum(around, 1)
    on_skin[0] = False
    glare = spots & on_skin[labels]
    return _share(glare, subject | glare)


def _cast(small: Pixels, ground: tuple[float, float] | None) -> int | None:
    """Distance of the most neutral tenth from grey; None where the tint could be the subject's own."""
    if ground is not None:
        return min(1000, round(10 * math.hypot(*ground)))
    tiny = scaled_to(small, _CAST_LONG_SIDE)
    lab = cv2.cvtColor(tiny.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    seen = (lab[:, :, 0] > _DARKEST) & (tiny.max(axis=2) < _WHITE)
    a, b = lab[:, :, 1][seen], lab[:, :, 2][seen]
    few = int(len(a) * _MOST_NEUTRAL)
    if few < 100:
        return None
    nearest = np.argpartition(a * a + b * b, few)[:few]
    mean_a, mean_b = float(a[nearest].mean()), float(b[nearest].mean())
    distance = math.hypot(mean_a, mean_b)
    hue = math.degrees(math.atan2(mean_b, mean_a))
    if distance > _NEUTRAL_ENOUGH and _SKIN_HUES[0] <= hue <= _SKIN_HUES[1]:
        return None
    return min(1000, round(10 * distance))


def ground_of(patch: Pixels, sides: Pixels) -> tuple[float, float] | None:
    """What a ruler is printed on, as CIELAB a and b; None where that may not be white.

    Args:
        patch: ticks and the ground between them.
        sides: the picture beside the ruler; where that looks like the ground, the ruler is clear or on paper.
    """
    if sides.shape[1] < _FEWEST_BESIDE:
        return None
    lab, beside = (
        cv2.cvtColor(part.astype(np.float32) / 255, cv2.COLOR_BGR2LAB).reshape(-1, 3)
        for part in (patch, sides)
    )
    ground = lab[np.argsort(lab[:, 0], kind="stable")[len(lab) // 2 :]].mean(axis=0)
    apart = np.sqrt(((beside - ground) ** 2).sum(axis=1)) > _APART
    lightness, a, b = (float(value) for value in ground)
    white = _GROUND[0] < lightness < _GROUND[1] and math.hypot(a, b) < _REDDEST
    white &= lightness > float(beside[:, 0].mean()) + _BRIGHTER
    return (a, b) if white and apart.mean() > _MOSTLY else None

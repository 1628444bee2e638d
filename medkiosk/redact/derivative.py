"""Open a derivative as a recipient would: with another decoder, knowing nothing but its bytes."""

from __future__ import annotations

import math

import cv2
import numpy as np

from medkiosk.core.photo import Box
from medkiosk.redact.errors import BurnError
from medkiosk.redact.jpeg import header as jpeg
from medkiosk.redact.jpeg.structure import flaw
from medkiosk.redact.pixels import Pixels, View, as_pixels
from medkiosk.redact.policy import Limits
from medkiosk.redact.region import Size, clip
from medkiosk.redact.sight import LARGE, Sight

_BLACKEST = 32
"""DC is rounded to at most one step of its divisor (255) above black: 255 / 8 levels."""
_FLAT = 3
_EDGE = 16
_COLOUR = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
_HALF_COLOUR = cv2.IMREAD_REDUCED_COLOR_2 | cv2.IMREAD_IGNORE_ORIENTATION
_GREY = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION


def sight_of_derivative(derivative: memoryview, limits: Limits) -> Sight:
    """Check a derivative's structure and decode it with OpenCV's own codec.

    It was written by libturbojpeg; a second decoder sees what a recipient's program sees.

    Raises:
        BurnError: a segment that is not allowed, bytes too many, too large, or not a picture.
    """
    size = _size(derivative, limits)
    half = max(size) >= LARGE
    colours = _decode(derivative, _HALF_COLOUR if half else _COLOUR)
    grey = _decode(derivative, _GREY)
    wanted = (-(-size.height // 2), -(-size.width // 2)) if half else (size.height, size.width)
    if colours.shape != (*wanted, 3) or grey.shape != (size.height, size.width):
        raise BurnError("another decoder sees another size")
    return Sight(View(colours, size), grey)


def part_of_derivative(derivative: memoryview, box: Box, limits: Limits) -> tuple[Pixels, Size]:
    """Decode a part of a derivative, cut to the picture: BGR pixels, and the size of the whole.

    Raises:
        BurnError: as above, or the part lies outside.
    """
    size = _size(derivative, limits)
    part = clip(box, size)
    pixels = _decode(derivative, _COLOUR)
    if part is None or pixels.shape != (size.height, size.width, 3):
        raise BurnError("nothing to be drawn there")
    return pixels[part.y : part.y + part.h, part.x : part.x + part.w], size


def is_burned(sight: Sight, mask: Box) -> bool:
    """Whether a mask's place is flat black: whoever wrote the derivative may say what it did not do.

    A little brighter than black where the quantiser is coarse: burning gives the DC that is next to black
    from above. Colours are looked at away from the edge, over which they are interpolated.
    """
    box = clip(mask, sight.full)
    if box is None:
        return True
    lightness = sight.grey[box.y : box.y + box.h, box.x : box.x + box.w]
    darkest, lightest, _, _ = cv2.minMaxLoc(lightness)
    if lightest > _BLACKEST or lightest - darkest > _FLAT:
        return False
    scale = sight.view.pixels.shape[1] / sight.full.width
    left, right = math.ceil((box.x + _EDGE) * scale), math.floor((box.x + box.w - _EDGE) * scale)
    top, bottom = math.ceil((box.y + _EDGE) * scale), math.floor((box.y + box.h - _EDGE) * scale)
    if left >= right or top >= bottom:
        return True
    return int(sight.view.pixels[top:bottom, left:right].max()) <= _BLACKEST + _FLAT


def _size(derivative: memoryview, limits: Limits) -> Size:
    if problem := flaw(bytes(derivative)):
        raise BurnError(problem)
    header = jpeg.parse(derivative)
    if header.width * header.height > limits.max_pixels:
        raise BurnError("larger than any derivative")
    return Size(header.width, header.height)


def _decode(derivative: memoryview, flags: int) -> Pixels:
    pixels = cv2.imdecode(np.frombuffer(derivative, np.uint8), flags)
    if pixels is None:
        raise BurnError("another decoder cannot read the derivative")
    return as_pixels(pixels)

"""Open a derivative as a recipient would: with another decoder, knowing nothing but its bytes."""

from __future__ import annotations

import cv2
import numpy as np

from medkiosk.core.photo import Box
from medkiosk.redact import jpeg
from medkiosk.redact.burn import BurnError
from medkiosk.redact.pixels import Pixels, View, as_pixels
from medkiosk.redact.policy import Limits
from medkiosk.redact.region import Size, clip
from medkiosk.redact.sight import LARGE, Sight
from medkiosk.redact.structure import flaw

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

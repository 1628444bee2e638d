"""The residual check: look again at the exact bytes that would leave, with another decoder."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from medkiosk.core.photo import Box, Category
from medkiosk.redact.burn import BurnError
from medkiosk.redact.detect.hit import Hit
from medkiosk.redact.detectors import DETECTORS
from medkiosk.redact.pixels import Pixels, as_pixels
from medkiosk.redact.region import Size, share_covered
from medkiosk.redact.structure import flaw


def decode_derivative(derivative: bytes, size: Size) -> Pixels:
    """Check the structure of a derivative and decode it with OpenCV's own codec to BGR pixels.

    The derivative was written by libturbojpeg; a second decoder sees what a recipient's program sees.

    Raises:
        BurnError: a segment that is not allowed, bytes too many, or not the picture that was meant.
    """
    if problem := flaw(derivative):
        raise BurnError(problem)
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(np.frombuffer(derivative, np.uint8), flags)
    if pixels is None or pixels.shape != (size.height, size.width, 3):
        raise BurnError("another decoder cannot read the derivative")
    return as_pixels(pixels)


Area = tuple[Category, Box]
"""A place, and what it is about."""


def uncovered(hits: Sequence[Hit], masks: Sequence[Box], kept: Sequence[Area], covered: int) -> list[Hit]:
    """Hits that are neither masked nor kept.

    Args:
        hits: what detectors found.
        masks: burned boxes.
        kept: what a reviewer kept. Counts for hits of the same category only: to keep the words on a poster
            is not to keep a face on it.
        covered: per mille of a hit that must lie in masks and kept places for it not to count.
    """
    return [
        hit
        for hit in hits
        if share_covered(
            hit.box,
            [*masks, *(box for category, box in kept if category is DETECTORS[hit.detector].category)],
        )
        * 1000
        < covered
    ]

"""The one type for decoded pictures, and scaling them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from medkiosk.redact.region import Size

Pixels = NDArray[np.uint8]
"""Shape (height, width, 3), 8 bit; BGR unless said otherwise."""
Grey = NDArray[np.uint8]
"""Shape (height, width), 8 bit."""

_Made = TypeVar("_Made")


@dataclass(frozen=True)
class View:
    """A picture as it was decoded, perhaps at a half or a quarter of its size, and its full size.

    Detectors look at ``pixels`` and return boxes in pixels of ``full``, so that a large picture is decoded
    and scaled once for all of them. Nobody writes to ``pixels``.
    """

    pixels: Pixels
    full: Size
    _made: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def whole(cls, pixels: Pixels) -> View:
        """A picture that was decoded at full size."""
        return cls(pixels, Size(pixels.shape[1], pixels.shape[0]))

    def once(self, key: Hashable, make: Callable[[], _Made]) -> _Made:
        """What ``make`` gives for this picture, worked out the first time that ``key`` is asked for."""
        if key not in self._made:
            self._made[key] = make()
        made: _Made = self._made[key]
        return made

    def scaled(self, long_side: int, shrink: int = cv2.INTER_AREA) -> Pixels:
        """Scale so that the longer side has ``long_side`` pixels, down by averaging.

        Once for all who ask, so nobody writes to what comes back.
        What is halved on the way is halved once for all sizes; ``shrink`` does the rest, less than a half.
        """
        return self.once(("scaled", long_side, shrink), lambda: self._scaled(long_side, shrink))

    def _scaled(self, long_side: int, shrink: int) -> Pixels:
        pixels, halvings = self.pixels, 0
        height, width = pixels.shape[:2]
        scale = long_side / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        while scale <= 0.5 and min(pixels.shape[:2]) > 1:
            halvings += 1
            pixels = self.once(("halved", halvings), partial(halved, pixels))
            scale *= 2
        return as_pixels(cv2.resize(pixels, size, interpolation=shrink if scale < 1 else cv2.INTER_LINEAR))


def as_pixels(array: Any) -> Pixels:  # noqa: ANN401 - cv2's stubs promise less than cv2 keeps
    """Name an array that cv2 made from 8-bit pixels for what it is; copies nothing."""
    return np.asarray(array, np.uint8)


def halved(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Half the size, grey or in colours, two by two pixels averaged: eight times as fast as by a fraction."""
    half = (pixels.shape[1] // 2, pixels.shape[0] // 2)
    return as_pixels(cv2.resize(pixels, half, interpolation=cv2.INTER_AREA))


def scaled_to(pixels: Pixels, long_side: int) -> Pixels:
    """As `View.scaled`, of a picture that is scaled once."""
    return View.whole(pixels).scaled(long_side)

"""Codes: every QR, DataMatrix, Aztec, PDF417 and bar code that zxing-cpp locates, read or not."""

from __future__ import annotations

from typing import Any

import cv2
import zxingcpp

from medkiosk.core.photo import Box
from medkiosk.redact.detect.hit import Hit, merge
from medkiosk.redact.detectors import DetectorId
from medkiosk.redact.pixels import Pixels
from medkiosk.redact.policy import CodePolicy
from medkiosk.redact.region import Size, clip

_SAME_CODE_IOU = 0.3
_LARGE = 2000
"""Long side from which on a picture is looked at twice, pixels."""
_READ = 1000
_LOCATED_ONLY = 500
_CORNERS = ("top_left", "top_right", "bottom_right", "bottom_left")


class CodeDetector:
    """zxing-cpp at full size, with what it locates but cannot decode."""

    def __init__(self, policy: CodePolicy) -> None:
        self._ignored = frozenset(zxingcpp.barcode_format_from_str(name) for name in policy.ignored_unread)

    def find(self, pixels: Pixels, *, quick: bool = False) -> list[Hit]:
        """Codes in upright BGR pixels, shape (height, width, 3).

        Args:
            pixels: the picture.
            quick: leave out the full size of a large picture, and with it the smallest codes.
        """
        full = Size(pixels.shape[1], pixels.shape[0])
        grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
        if max(full) < _LARGE:
            return merge(self._look(grey, 1, full), _SAME_CODE_IOU)
        # Light codes on dark (screens) are not tiny: looking for them at full size would double the time.
        half = cv2.resize(grey, (full.width // 2, full.height // 2), interpolation=cv2.INTER_AREA)
        hits = self._look(half, 2, full)
        if not quick:
            hits += self._look(grey, 1, full, thorough=False)
        return merge(hits, _SAME_CODE_IOU)

    def _look(self, grey: Any, shrink: int, full: Size, *, thorough: bool = True) -> list[Hit]:  # noqa: ANN401
        hits = []
        codes = zxingcpp.read_barcodes(grey, return_errors=True, try_invert=thorough, try_downscale=thorough)
        for code in codes:
            if not code.valid and code.format in self._ignored:
                continue
            corners = [getattr(code.position, name) for name in _CORNERS]
            left, top = min(c.x for c in corners), min(c.y for c in corners)
            right, bottom = max(c.x for c in corners) + 1, max(c.y for c in corners) + 1
            box = clip(
                Box(left * shrink, top * shrink, (right - left) * shrink, (bottom - top) * shrink), full
            )
            if box is not None:
                hits.append(Hit(DetectorId.CODES, box, _READ if code.valid else _LOCATED_ONLY))
        return hits

"""Codes: every QR, DataMatrix, Aztec, PDF417 and bar code that zxing-cpp locates, read or not."""

from __future__ import annotations

import cv2
import zxingcpp

from medkiosk.core.photo import Box
from medkiosk.redact.detect.hit import Hit, merge
from medkiosk.redact.detectors import DetectorId
from medkiosk.redact.pixels import Pixels
from medkiosk.redact.policy import CodePolicy
from medkiosk.redact.region import Size, clip

_SAME_CODE_IOU = 0.3
_READ = 1000
_LOCATED_ONLY = 500
_CORNERS = ("top_left", "top_right", "bottom_right", "bottom_left")


class CodeDetector:
    """zxing-cpp at full size, with what it locates but cannot decode."""

    def __init__(self, policy: CodePolicy) -> None:
        self._ignored = frozenset(zxingcpp.barcode_format_from_str(name) for name in policy.ignored_unread)

    def find(self, pixels: Pixels, shrink: int = 1) -> list[Hit]:
        """Codes in upright BGR pixels, shape (height, width, 3).

        Args:
            pixels: the picture.
            shrink: look at 1 / ``shrink`` of the size: quicker, and blind to the smallest codes.
        """
        full = Size(pixels.shape[1], pixels.shape[0])
        grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
        if shrink > 1 and min(full) >= 64 * shrink:
            grey = cv2.resize(
                grey, (full.width // shrink, full.height // shrink), interpolation=cv2.INTER_AREA
            )
        else:
            shrink = 1
        hits = []
        for code in zxingcpp.read_barcodes(grey, return_errors=True):
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
        return merge(hits, _SAME_CODE_IOU)

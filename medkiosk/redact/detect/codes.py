"""Codes: QR, Data Matrix, Aztec, PDF417 and bar codes, read or not.

zxing-cpp looks at half size, and at full size where there are many edges; bar codes that it cannot read are
located by their edges (`bars.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from medkiosk.core.photo import Box
from medkiosk.redact.detect.bars import Tensor, bar_codes, busy
from medkiosk.redact.detect.hit import Hit, merge
from medkiosk.redact.detectors import DetectorId
from medkiosk.redact.pixels import Grey, halved
from medkiosk.redact.policy import CodePolicy
from medkiosk.redact.region import Size, bounding, clip, intersection, share_covered

_SAME_CODE_IOU = 0.3
_LARGE = 2000
"""Long side from which on a picture is looked at twice, pixels."""
_QUIET = 48
"""Added around a place with many edges before it is looked at alone, pixels: a code's quiet zone."""
_READ = 1000
_LOCATED_ONLY = 500
_CORNERS = ("top_left", "top_right", "bottom_right", "bottom_left")
_OWN_PATCH = 0.3
"""A code that fills so much of a place with many edges is that place: some codes are located by a part."""
_SAME_PATCH = 0.6
_SQUARE = 1.5


class _Code(NamedTuple):
    box: Box
    read: bool
    doubtful: bool


class CodeDetector:
    """zxing-cpp, with what it locates but cannot decode, and bar codes by their edges."""

    def __init__(self, policy: CodePolicy) -> None:
        self._policy = policy
        self._doubtful = frozenset(zxingcpp.barcode_format_from_str(name) for name in policy.doubtful_unread)

    def find(self, pixels: NDArray[np.uint8], *, quick: bool = False) -> list[Hit]:
        """Codes in an upright picture, shape (height, width) grey or (height, width, 3) BGR.

        Args:
            pixels: the picture at full size.
            quick: leave out the full size of a large picture, and with it the smallest codes.
        """
        grey = pixels if pixels.ndim == 2 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)
        full = Size(grey.shape[1], grey.shape[0])
        shrink = 1 if max(full) < _LARGE else 2
        small = grey if shrink == 1 else halved(grey)
        tensor = Tensor.of(small)
        codes = _look(small, Box(0, 0, 0, 0), shrink, self._doubtful)
        codes += [_Code(patch.box(shrink), False, False) for patch in bar_codes(small, tensor, self._policy)]
        places = [_scaled(place, shrink) for place in busy(tensor, self._policy.busy_energy)]
        if shrink > 1 and not quick:
            codes += self._closer(grey, places, codes)
        return merge(self._hits(codes, places, full), _SAME_CODE_IOU)

    def _closer(self, grey: Grey, places: list[Box], codes: list[_Code]) -> list[_Code]:
        """Full size: only where there are many edges, or everywhere when these places are too large."""
        full = Size(grey.shape[1], grey.shape[0])
        known = [code.box for code in codes if code.read]
        wide = [clip(_widened(place), full) for place in places if share_covered(place, known) < _SAME_PATCH]
        looks = [box for box in wide if box is not None]
        if sum(box.w * box.h for box in looks) > self._policy.most_busy / 1000 * grey.size:
            return _look(grey, Box(0, 0, 0, 0), 1, self._doubtful, thorough=False)
        found = []
        for box in looks:
            part = np.ascontiguousarray(grey[box.y : box.y + box.h, box.x : box.x + box.w])
            found += _look(part, box, 1, self._doubtful)
        return found

    def _hits(self, codes: Iterable[_Code], places: list[Box], full: Size) -> list[Hit]:
        hits = []
        for code in codes:
            if code.doubtful and not any(_is_square_about(place, code.box) for place in places):
                continue
            box = clip(_with_its_place(code.box, places), full)
            if box is not None:
                hits.append(Hit(DetectorId.CODES, box, _READ if code.read else _LOCATED_ONLY))
        return hits


def _look(
    grey: Grey, at: Box, shrink: int, doubtful: frozenset[object], *, thorough: bool = True
) -> list[_Code]:
    """What zxing-cpp locates in a part of the picture that lies at the corner of ``at``."""
    found = []
    for code in zxingcpp.read_barcodes(
        grey, return_errors=True, try_invert=thorough, try_downscale=thorough and shrink > 1
    ):
        corners = [getattr(code.position, name) for name in _CORNERS]
        left, top = min(c.x for c in corners), min(c.y for c in corners)
        right, bottom = max(c.x for c in corners) + 1, max(c.y for c in corners) + 1
        box = Box(at.x + left * shrink, at.y + top * shrink, (right - left) * shrink, (bottom - top) * shrink)
        found.append(_Code(box, code.valid, not code.valid and code.format in doubtful))
    return found


def _scaled(box: Box, by: int) -> Box:
    return Box(box.x * by, box.y * by, box.w * by, box.h * by)


def _widened(box: Box) -> Box:
    return Box(box.x - _QUIET, box.y - _QUIET, box.w + 2 * _QUIET, box.h + 2 * _QUIET)


def _is_square_about(place: Box, box: Box) -> bool:
    """A place with many edges that is as long as high, about, and of which the box is a good part."""
    shared = intersection(place, box)
    if shared is None or max(place.w, place.h) > _SQUARE * min(place.w, place.h):
        return False
    area = shared.w * shared.h
    return area >= _OWN_PATCH * place.w * place.h and area >= _SAME_PATCH * box.w * box.h


def _with_its_place(box: Box, places: list[Box]) -> Box:
    """A code's box, grown to the place with many edges that it fills a good part of and lies mostly in."""
    for place in places:
        shared = intersection(box, place)
        if shared is None:
            continue
        area = shared.w * shared.h
        if area >= _OWN_PATCH * place.w * place.h and area >= 0.5 * box.w * box.h:
            return bounding(box, place)
    return box

"""Codes: QR, Data Matrix, Aztec, PDF417 and bar codes, read or not.

zxing-cpp looks at the picture at half size. At half and full size, patches whose edges lie as in a code are
turned upright and shown to it alone; what it cannot read there is a code all the same where it looks like one
(`bars.py`, `matrix.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from medkiosk.core.photo import Box
from medkiosk.redact.detect.bars import are_bars, read_bars, striped, stripes
from medkiosk.redact.detect.edges import Patch, Tensor
from medkiosk.redact.detect.hit import Hit, merge
from medkiosk.redact.detect.matrix import crossed, is_read, looks_like, texture
from medkiosk.redact.detectors import DetectorId
from medkiosk.redact.pixels import Grey, halved
from medkiosk.redact.policy import CodePolicy
from medkiosk.redact.region import Size, bounding, clip, intersection, share_covered

_SAME_CODE_IOU = 0.3
_LARGE = 2000
"""Long side from which on a picture is looked at twice, pixels."""
_READ = 1000
_LOCATED_ONLY = 500
_CORNERS = ("top_left", "top_right", "bottom_right", "bottom_left")
_KNOWN = 0.9
"""A patch of which this part is found already is not looked at again."""
_HELD = 0.5
"""This part of a code that was located but not read must lie on patches that look like one."""
_LEAST, _LONGEST = 16, 2
"""The smallest side of a square code, pixels, and the longer side of its box in parts of the shorter."""
_TINY, _MOST_TINY = 110, 60
"""Patches up to this long side, pixels, are read whatever they look like; so many of a picture."""
_OWN_PATCH = 0.3
"""A code that fills so much of such a patch is that patch: some codes are located by a part."""


class _Code(NamedTuple):
    box: Box
    read: bool
    sure: bool = False


class CodeDetector:
    """zxing-cpp, with what it locates but cannot decode, and what looks like a code."""

    def __init__(self, policy: CodePolicy) -> None:
        self._policy = policy
        self._sure = frozenset(zxingcpp.barcode_format_from_str(name) for name in policy.sure_unread)

    def find(self, pixels: NDArray[np.uint8], *, quick: bool = False) -> list[Hit]:
        """Codes in an upright picture, shape (height, width) grey or (height, width, 3) BGR.

        Args:
            pixels: the picture at full size.
            quick: leave out the full size of a large picture, and with it the smallest codes.
        """
        grey = pixels if pixels.ndim == 2 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)
        shrink = 1 if max(grey.shape) < _LARGE else 2
        small = grey if shrink == 1 else halved(grey)
        located = _located(small, shrink, self._sure)
        search = _Search(grey, [code for code in located if code.read], self._policy)
        search.look(small, shrink)
        if shrink > 1 and not quick:
            search.look(grey, 1)
        search.confirm(code for code in located if not code.read)
        return search.hits()


class _Search:
    """What is known of one picture."""

    def __init__(self, grey: Grey, codes: list[_Code], policy: CodePolicy) -> None:
        self._grey = grey
        self._codes = codes
        self._places: list[Box] = []
        self._tiny = 0
        self._policy = policy

    def look(self, grey: Grey, shrink: int) -> None:
        """Look at the patches of edges of the picture, which is ``shrink`` times as large as ``grey``."""
        tensor = Tensor.of(grey)
        for patch in striped(tensor, self._policy):
            self._bars(grey, patch, shrink)
        for patch in crossed(grey, tensor, self._policy):
            self._matrix(grey, patch, shrink)

    def _bars(self, grey: Grey, patch: Patch, shrink: int) -> None:
        box = patch.box(shrink)
        if self._is_known(box):
            return
        seen = stripes(grey, patch)
        if seen.changes < self._policy.bar_changes:
            return
        self._places.append(box)
        if are_bars(seen, self._policy):
            self._codes.append(_Code(box, read=False))
        elif read_bars(self._grey, patch.scaled(shrink)):
            self._codes.append(_Code(box, read=True))

    def _matrix(self, grey: Grey, patch: Patch, shrink: int) -> None:
        box = patch.box(shrink)
        if self._is_known(box):
            return
        seen = texture(grey, patch)
        if seen is None or not (looks_like(seen, self._policy.suspect) or self._is_small(patch, shrink)):
            return
        if looks_like(seen, self._policy.suspect):
            self._places.append(box)
        if any(looks_like(seen, wanted) for wanted in self._policy.unread):
            self._codes.append(_Code(box, read=False))
        elif is_read(self._grey, patch.scaled(shrink)):
            self._codes.append(_Code(box, read=True))

    def _is_small(self, patch: Patch, shrink: int) -> bool:
        """Whether to read a patch however it looks: a tiny code's label outweighs its modules."""
        if max(patch.length, patch.height) * shrink > _TINY or self._tiny >= _MOST_TINY:
            return False
        self._tiny += 1
        return True

    def _is_known(self, box: Box) -> bool:
        return share_covered(box, [code.box for code in self._codes]) >= _KNOWN

    def confirm(self, located: Iterable[_Code]) -> None:
        """Take what zxing-cpp located and cannot read for a code where it is sure, or patches say so.

        (It locates some in noise.)
        """
        self._codes += [
            code for code in located if code.sure or share_covered(code.box, self._places) >= _HELD
        ]

    def hits(self) -> list[Hit]:
        """Every code once."""
        full = Size(self._grey.shape[1], self._grey.shape[0])
        boxes = ((code.read, clip(_with_its_place(code.box, self._places), full)) for code in self._codes)
        found = (
            Hit(DetectorId.CODES, box, _READ if read else _LOCATED_ONLY)
            for read, box in boxes
            if box is not None
        )
        return merge(found, _SAME_CODE_IOU)


def _located(grey: Grey, shrink: int, sure: frozenset[object]) -> list[_Code]:
    """What zxing-cpp locates in the whole picture, read or not; which formats it is sure of unread."""
    found = []
    for code in zxingcpp.read_barcodes(grey, return_errors=True, try_downscale=shrink > 1):
        corners = [getattr(code.position, name) for name in _CORNERS]
        left, top = min(c.x for c in corners), min(c.y for c in corners)
        right, bottom = max(c.x for c in corners) + 1, max(c.y for c in corners) + 1
        box = Box(left * shrink, top * shrink, (right - left) * shrink, (bottom - top) * shrink)
        long, short = max(box.w, box.h), min(box.w, box.h)
        square = short >= _LEAST and long <= _LONGEST * short
        found.append(_Code(box, code.valid, square and code.format in sure))
    return found


def _with_its_place(box: Box, places: Iterable[Box]) -> Box:
    """A code's box, grown to the patches that it fills a good part of and lies mostly in."""
    grown = box
    for place in places:
        shared = intersection(box, place)
        if shared is None:
            continue
        area = shared.w * shared.h
        if area >= _OWN_PATCH * place.w * place.h and area >= _HELD * box.w * box.h:
            grown = bounding(grown, place)
    return grown

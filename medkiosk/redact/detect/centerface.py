"""CenterFace (arXiv 1911.03599): one look at a picture from one side, and what it shows.

The network was trained on upright faces; turned by 90 degrees it loses a third of them, so its callers look
at each picture from several sides. Decoding follows the paper: a heat map with stride 4, log sizes, offsets.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from medkiosk.core.photo import Box
from medkiosk.redact.detect.hit import Hit
from medkiosk.redact.detect.net import STRIDES, Net, whole_strides
from medkiosk.redact.detectors import DetectorId
from medkiosk.redact.pixels import Pixels, View, as_pixels
from medkiosk.redact.region import Size

_OUTPUTS = ("537", "538", "539")  # heat map, log size (h, w), offset (down, right)
_STRIDE = 4
_SAME_FACE_IOU = 0.3
_MAX_PER_LOOK = 500
_LARGEST_LOG_SIZE = 10.0
_TURNS = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}


class Look(NamedTuple):
    """A picture as the network sees it.

    Attributes:
        canvas: BGR pixels, sides that are multiples of 32.
        to_full: affine map, shape (2, 3), from pixels of ``canvas`` to pixels of the full picture.
        full: size of the full picture.
    """

    canvas: Pixels
    to_full: NDArray[np.float64]
    full: Size


class _Seen(NamedTuple):
    """The outputs for one look, each (channel, row, column): heat map, log (h, w), offset (down, right)."""

    heat: NDArray[np.float32]
    size: NDArray[np.float32]
    offset: NDArray[np.float32]


class CenterFace:
    """The network, loaded from bytes that were checked against the pin."""

    def __init__(self, model: bytes) -> None:
        self._net = Net(model, _OUTPUTS)
        self._net.run(np.zeros((1, 3, STRIDES, STRIDES), np.float32))  # packs the weights, once for all forks

    def find(self, look: Look, threshold: int, detector: DetectorId) -> list[Hit]:
        """Faces in one look, in full-size pixels of the upright picture, each face once.

        Looks are not batched: two at a time were 0 to 10 % faster and took twice the memory.

        Args:
            look: what to look at.
            threshold: least confidence, per mille.
            detector: under which number hits are returned.
        """
        return _decoded(self._seen(look), look, threshold, detector)

    def find_turned(
        self, view: View, long_side: int, quarter_turns: int, threshold: int, detector: DetectorId
    ) -> list[Hit]:
        """As `find`, in the whole picture at ``long_side``, turned; run once for all thresholds."""
        look = quarter_turned(view.scaled(long_side), quarter_turns, view.full)
        seen = view.once((self, long_side, quarter_turns), lambda: self._seen(look))
        return _decoded(seen, look, threshold, detector)

    def _seen(self, look: Look) -> _Seen:
        blob = np.empty((1, 3, *look.canvas.shape[:2]), np.float32)
        for channel in range(3):  # a plane at a time: four times as fast as all at once
            blob[0, 2 - channel] = look.canvas[:, :, channel]
        return _Seen(*(output[0] for output in self._net.run(blob)))


def quarter_turned(small: Pixels, quarter_turns: int, full: Size) -> Look:
    """The picture turned counter-clockwise by 0 to 3 quarter turns, pixel for pixel."""
    turned = small if quarter_turns == 0 else as_pixels(cv2.rotate(small, _TURNS[quarter_turns]))
    height, width = turned.shape[:2]
    back = (
        ((1, 0, 0), (0, 1, 0)),
        ((0, -1, height), (1, 0, 0)),
        ((-1, 0, width), (0, -1, height)),
        ((0, 1, 0), (-1, 0, width)),
    )[quarter_turns]
    return Look(_fitted(turned), _full_scale(small, full) @ np.array(back, np.float64), full)


def parted(small: Pixels, rows: slice, columns: slice, full: Size) -> Look:
    """A part of the picture, not turned."""
    to_full = _full_scale(small, full) @ np.array(((1, 0, columns.start), (0, 1, rows.start)), np.float64)
    return Look(_fitted(small[rows, columns]), to_full, full)


def shifted(canvas: Pixels, by: tuple[int, int], look: Look) -> Look:
    """A look whose picture lies on a larger canvas, ``by`` pixels from its left and its top."""
    to_full = look.to_full.copy()
    to_full[:, 2] -= to_full[:, :2] @ by
    return Look(_fitted(canvas), to_full, look.full)


def tilted(small: Pixels, degrees: float, full: Size) -> Look:
    """The picture turned counter-clockwise by any angle on a canvas that holds all of it, black around it."""
    height, width = small.shape[:2]
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    across = width * abs(cos) + height * abs(sin)
    down = width * abs(sin) + height * abs(cos)
    turn = np.array(((cos, sin), (-sin, cos)))
    shift = np.array((across, down)) / 2 - turn @ (width / 2, height / 2)
    # OpenCV counts from the middle of the first pixel, everything else here from its corner.
    middles = np.column_stack([turn, shift + turn @ (0.5, 0.5) - 0.5])
    size = (whole_strides(math.ceil(across)), whole_strides(math.ceil(down)))
    canvas = cv2.warpAffine(small, middles, size, flags=cv2.INTER_LINEAR)
    back = np.column_stack([turn.T, -turn.T @ shift])
    return Look(as_pixels(canvas), _full_scale(small, full) @ back, full)


def _decoded(seen: _Seen, look: Look, threshold: int, detector: DetectorId) -> list[Hit]:
    """What the outputs say, in full-size pixels, each face once."""
    heat, size, offset = seen
    rows, columns = np.nonzero(heat[0] >= threshold / 1000)
    scores = heat[0, rows, columns]
    order = np.argsort(-scores, kind="stable")[:_MAX_PER_LOOK]
    rows, columns, scores = rows[order], columns[order], scores[order]
    sizes = _STRIDE * np.exp(np.minimum(size[::-1, rows, columns].astype(np.float64), _LARGEST_LOG_SIZE))
    cells = np.asarray(np.stack([columns, rows]) + offset[::-1, rows, columns], np.float64)
    halves = np.asarray(sizes / 2, np.float64)
    boxes = _to_full((cells + 0.5) * _STRIDE, halves, look.to_full)
    edges = _whole_pixels(boxes, look.full)
    return [
        Hit(detector, Box(left, top, right - left, bottom - top), min(1000, round(score * 1000)))
        for (left, top, right, bottom), score in (
            (edges[:, index].tolist(), float(scores[index])) for index in _apart(edges)
        )
    ]


def _fitted(pixels: Pixels) -> Pixels:
    """The picture with black at its right and bottom, to sides that the network takes."""
    height, width = pixels.shape[:2]
    if height % STRIDES == width % STRIDES == 0:
        return pixels
    canvas = np.zeros((whole_strides(height), whole_strides(width), 3), np.uint8)
    canvas[:height, :width] = pixels
    return canvas


def _full_scale(small: Pixels, full: Size) -> NDArray[np.float64]:
    return np.diag((full.width / small.shape[1], full.height / small.shape[0]))


def _to_full(
    centres: NDArray[np.float64], halves: NDArray[np.float64], to_full: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Upright boxes (left, top, right, bottom), shape (4, n), around the ellipses in the boxes of a look.

    Around the ellipse and not around the turned box, which has empty corners: a face is round. For quarter
    turns both are the same.
    """
    turn, shift = to_full[:, :2], to_full[:, 2:]
    middle = turn @ centres + shift
    reach = np.sqrt(turn**2 @ halves**2)
    return np.concatenate([middle - reach, middle + reach])


def _whole_pixels(boxes: NDArray[np.float64], full: Size) -> NDArray[np.int64]:
    """Boxes grown to whole pixels and cut to the picture; one that lies outside gets no area."""
    limits = np.array([[full.width], [full.height]])
    low = np.clip(np.floor(boxes[:2]), 0, limits)
    high = np.clip(np.ceil(boxes[2:]), low, limits)
    return np.concatenate([low, high]).astype(np.int64)


def _apart(boxes: NDArray[np.int64]) -> list[int]:
    """Indices of boxes, surest first as they come, without those that show the same face as a surer one."""
    left, top, right, bottom = boxes
    areas = (right - left) * (bottom - top)
    alive = areas > 0
    kept = []
    for index in range(len(areas)):
        if not alive[index]:
            continue
        kept.append(index)
        across = np.minimum(right, right[index]) - np.maximum(left, left[index])
        down = np.minimum(bottom, bottom[index]) - np.maximum(top, top[index])
        shared = np.maximum(across, 0) * np.maximum(down, 0)
        alive &= shared < _SAME_FACE_IOU * (areas + areas[index] - shared)
    return kept

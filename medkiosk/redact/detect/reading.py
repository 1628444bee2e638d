"""Reading: the PP-OCRv6 recogniser (after arXiv 2206.00159) on found lines, and what they say.

A line is cut out at its angle, turned level and scaled to 48 pixels. The network gives a probability for each
character at each step along it; the surest path is read off (connectionist temporal classification, Graves
2006). A line may be upside down, so both ways are read, and the surer one counts.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from medkiosk.core.identifiers import Identifier
from medkiosk.core.photo import RedactCode
from medkiosk.redact.detect.hit import Hit
from medkiosk.redact.detect.line import Line
from medkiosk.redact.detect.matching import match
from medkiosk.redact.detect.net import Net
from medkiosk.redact.detectors import DetectorId
from medkiosk.redact.errors import RefusedError
from medkiosk.redact.pixels import Pixels, as_pixels
from medkiosk.redact.policy import ReadingPolicy
from medkiosk.redact.region import Size

_HEIGHT = 48
_WIDTH_STEP = 160
"""Widths come in steps: the network's first run at each size is slower than the next ones."""
_CERTAIN = 1000


class Reading(NamedTuple):
    """What a line says, and how sure (per mille, mean over its characters)."""

    text: str
    confidence: int


class Reader:
    """PP-OCRv6 recogniser, loaded from bytes that were checked against the pin.

    Raises:
        ValueError: the file names no characters.
    """

    def __init__(self, model: bytes, policy: ReadingPolicy) -> None:
        self._net = Net(model)
        self._policy = policy
        listed = self._net.metadata("character").split("\n")
        # Class 0 is the blank between characters, the last one the space (PP-OCR's convention).
        self._characters = ["", *(each for each in listed if each), " "]
        if len(self._characters) < 3:
            raise ValueError("the model names no characters")
        self._net.run(
            np.zeros((1, 3, _HEIGHT, _WIDTH_STEP), np.float32)
        )  # packs the weights, once for all forks

    def find_identifiers(
        self,
        pixels: NDArray[np.uint8],
        lines: Sequence[Line],
        identifiers: Sequence[Identifier],
        clock: Callable[[], float] = time.process_time,
    ) -> list[Hit]:
        """Lines that say one of the identifiers, as certain hits.

        Args:
            pixels: the picture at full size, shape (height, width) grey or (height, width, 3) BGR.
            lines: what the text detector found, the surest first, weak ones included.
            identifiers: whom the picture may show; with none nothing is read.
            clock: seconds; injected for tests.

        Raises:
            RefusedError: CROWDED, there are more lines than may be read, or it takes too long. What was not
                read must not pass for read.
        """
        if not identifiers:
            return []
        full = Size(pixels.shape[1], pixels.shape[0])
        until = clock() + self._policy.seconds
        hits = []
        if len(lines) > self._policy.most_lines:
            raise RefusedError(RedactCode.CROWDED, f"{len(lines)} lines of text")
        for line in lines:
            if clock() > until:
                raise RefusedError(RedactCode.CROWDED, "reading takes too long")
            box = line.box(full)
            if box is not None and match(self.read(pixels, line).text, identifiers):
                hits.append(Hit(DetectorId.IDENTIFIERS, box, _CERTAIN))
        return hits

    def read(self, pixels: NDArray[np.uint8], line: Line) -> Reading:
        """Read one line at its angle, either way up, and sideways too when it is nearly as thick as long.

        The box of a small line is much thicker than its letters, which then come out too narrow to be told
        apart: a thinner strip is tried as well. It ends as soon as a reading is sure.
        """
        best = Reading("", 0)
        for share in self._policy.thickness:
            strip = level(pixels, line, share / 1000)
            height, width = strip.shape[:2]
            sideways = width < self._policy.square / 1000 * height
            for turns in (0, 2, 1, 3) if sideways else (0, 2):
                reading = self._read(as_pixels(np.rot90(strip, turns)))
                best = max(best, reading, key=lambda each: each.confidence)
                if best.confidence >= self._policy.enough:
                    return best
        return best

    def _read(self, strip: Pixels) -> Reading:
        blob = self._blob(strip)
        (steps,) = self._net.run(blob)
        best = steps[0].argmax(axis=1)
        sure = steps[0].max(axis=1)
        # One character lasts several steps; between two equal ones there is a blank.
        first = np.concatenate([[True], best[1:] != best[:-1]]) & (best != 0)
        text = "".join(self._characters[each] for each in best[first].tolist())
        confidence = float(sure[first].mean()) if text.strip() else 0.0
        return Reading(text.strip(), min(1000, round(1000 * confidence)))

    def _blob(self, strip: Pixels) -> NDArray[np.float32]:
        """A strip at 48 pixels of height, padded with grey to the next step of width."""
        height, width = strip.shape[:2]
        longest = self._policy.longest
        wide = min(max(1, round(width * _HEIGHT / height)), longest)
        shrink = cv2.INTER_AREA if height > _HEIGHT else cv2.INTER_CUBIC
        scaled = cv2.resize(strip, (wide, _HEIGHT), interpolation=shrink)
        blob = np.zeros((1, 3, _HEIGHT, -(-wide // _WIDTH_STEP) * _WIDTH_STEP), np.float32)
        blob[0, :, :, :wide] = scaled.transpose(2, 0, 1).astype(np.float32) / 127.5 - 1
        return blob


def level(pixels: NDArray[np.uint8], line: Line, share: float = 1.0) -> Pixels:
    """Cut out ``share`` of a line's thickness, turned so that its long side lies level; BGR."""
    along, across = line.sides()
    across = across * share
    width, height = max(1, round(math.hypot(*along))), max(1, round(math.hypot(*across)))
    # A strip is never larger than the recogniser can use.
    shrink = min(1.0, 2 * _HEIGHT / height)
    # Turned from the long side by a right angle, not taken from the corners: these may go round either way,
    # and the letters would be mirrored.
    down = np.array([-along[1], along[0]]) * (math.hypot(*across) / math.hypot(*along))
    start = line.corners.mean(axis=0) - (along + down) / 2
    others = (start, start + along, start + down)
    width, height = max(1, round(width * shrink)), max(1, round(height * shrink))
    to = np.array([[0, 0], [width, 0], [0, height]], np.float32)
    turn = cv2.getAffineTransform(np.array(others, np.float32), to)
    strip = cv2.warpAffine(
        pixels, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return as_pixels(cv2.cvtColor(strip, cv2.COLOR_GRAY2BGR) if strip.ndim == 2 else strip)

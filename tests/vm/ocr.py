"""Reading a picture of the screen: the words that a person would see, by the project's own text recogniser.

Letters are found as patches of contrast, joined to lines, and read one line at a time. What was read once is
remembered: most of a screen stays as it was.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medkiosk.console.widgets.bigwords import _FONT, _ROWS
from medkiosk.redact.detect.net import Net
from tests.kiosk import MODELS

_HEIGHT = 48  # what the recogniser reads, pixels
_STEP = 160
_LONGEST = 2400
_TALLEST = 36  # of a letter in running text, pixels
_FRAME = 330  # one patch as wide as this is a frame or a picture
_CONTRAST = 40

_LETTERS = {dots: letter for letter, dots in _FONT.items()}

_seen: dict[bytes, str] = {}


@cache
def _net() -> tuple[Net, list[str]]:
    net = Net((MODELS / "ppocrv6_rec.onnx").read_bytes())
    listed = net.metadata("character").split("\n")
    return net, ["", *(each for each in listed if each), " "]


def _read(strip: NDArray[np.uint8]) -> str:
    height, width = strip.shape[:2]
    wide = min(max(1, round(width * _HEIGHT / height)), _LONGEST)
    scaled = cv2.resize(
        strip, (wide, _HEIGHT), interpolation=cv2.INTER_AREA if height > 48 else cv2.INTER_CUBIC
    )
    key = hashlib.sha256(scaled.tobytes()).digest()
    if key not in _seen:
        net, characters = _net()
        blob = np.zeros((1, 3, _HEIGHT, -(-wide // _STEP) * _STEP), np.float32)
        blob[0, :, :, :wide] = scaled.transpose(2, 0, 1).astype(np.float32) / 127.5 - 1
        (steps,) = net.run(blob)
        best = steps[0].argmax(axis=1)
        first = np.concatenate([[True], best[1:] != best[:-1]]) & (best != 0)
        _seen[key] = "".join(characters[each] for each in best[first].tolist()).strip()
    return _seen[key]


def big(strip: NDArray[np.uint8]) -> str:
    """Letters of whole character cells, as `medkiosk.console.widgets.bigwords` draws them; empty for others.

    Args:
        strip: one line of them with some ground around it, shape (height, width, 3).
    """
    ink = np.abs(strip.astype(np.int16) - strip[0, 0]).max(axis=2) > 60
    down, across = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(down):
        return ""
    ink = ink[down[0] : down[-1] + 1, across[0] : across[-1] + 1]
    height, width = ink.shape
    for dot in (height / _ROWS, height / _ROWS / 2):  # the smallest letters have dots half as wide as high
        columns = round(width / dot)
        rows = ((np.arange(_ROWS) + 0.5) * height / _ROWS).astype(int)
        places = ((np.arange(columns) + 0.5) * width / columns).astype(int)
        dots = ink[np.ix_(rows, places)]
        letters = [
            letter[:, letter.any(axis=0).argmax() :]
            for letter in np.split(dots, np.flatnonzero(~dots.any(axis=0)), axis=1)
            if letter.any()
        ]
        read = ["|".join("".join(" #"[dot] for dot in row) for row in letter.tolist()) for letter in letters]
        known = [_LETTERS[each] for each in read if each in _LETTERS]
        if 2 * len(known) > len(letters):  # of another font, one or two look like ours
            return "".join(known)
    return ""


def _boxes(mask: NDArray[np.uint8], gap: int, thinnest: int) -> list[tuple[int, int, int, int]]:
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((1, gap), np.uint8))
    _, _, found, _ = cv2.connectedComponentsWithStats(joined, connectivity=4)
    return [(x, y, w, h) for x, y, w, h, _ in found[1:].tolist() if h >= thinnest]


def words(picture: Image.Image) -> str:
    """Everything that can be read, one line of text a line, from top to bottom; large letters too."""
    pixels = np.asarray(picture.convert("RGB"))[:, :, ::-1]
    edges = cv2.morphologyEx(pixels, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).max(axis=2)
    mask = (edges > _CONTRAST).astype(np.uint8)
    _, labels, found, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    widths, heights = found[:, cv2.CC_STAT_WIDTH], found[:, cv2.CC_STAT_HEIGHT]
    small = (heights <= _TALLEST) & (widths <= _FRAME)
    large = (heights > _TALLEST) & (widths <= _FRAME)
    small[0] = large[0] = False
    boxes = _boxes(small[labels].astype(np.uint8), 22, 8) + _boxes(large[labels].astype(np.uint8), 120, 40)
    lines = []
    for x, y, w, h in sorted(boxes, key=lambda box: (box[1] // 8, box[0])):
        pad = 2 if h <= _TALLEST else h // 8
        strip = pixels[max(0, y - pad) : y + h + pad, max(0, x - pad) : x + w + pad]
        said = (big(strip) if h > _TALLEST else "") or _read(np.ascontiguousarray(strip))
        if said:
            lines.append(said)
    return "\n".join(lines)


def plain(text: str) -> str:
    """Letters and digits alone, in capitals, with those that look alike made one: for comparing."""
    return re.sub(r"[^A-Z0-9]", "", text.upper()).translate(str.maketrans("OIL", "011"))


def says(screen: str, text: str) -> bool:
    """Whether what was read holds a text; spaces, capitals, and 0 for O do not matter."""
    return plain(text) in plain(screen)

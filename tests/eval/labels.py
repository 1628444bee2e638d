"""Text: printed labels, wristbands, light on dark, low contrast, blur, straight on the ground, by hand.

A line's height is its font size in pixels: capitals are about 0.72 of it. Fonts are what a fresh machine has
and nothing that is copied here: Aileron (in Pillow), Rubik (in OpenCV, in place of its old stroke fonts), and
DejaVu where the system has it. Handwriting is a simulation: letters of single strokes (strokes.py), shaken.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from medkiosk.core.photo import Category
from tests.eval.picture import Picture
from tests.eval.score import Point
from tests.eval.sheet import Item, Patch, sheets, turn
from tests.eval.strokes import write

Ink = NDArray[np.float32]

_WORDS = (
    "SMITH, Jane A.",
    "MRN 00471193",
    "DOB 04.07.1961",
    "12 MAR 2026 08:31",
    "Ward 7B Bed 12",
    "Dr. K. Osei",
)
_SHORT = ("JS", "7B", "1961", "MRN", "O+")
_BY_HAND = ("Smith 4/7/61", "MRN 4711 93", "Room 12 Ami", "a 3 min 7/8")
_SYSTEM = ("DejaVuSans.ttf", "DejaVuSansMono-Bold.ttf", "DejaVuSerif.ttf")
_ANGLES = (0, 15, 45, 90, 180)


@dataclass(frozen=True)
class Line:
    """One line: kind, words, font size in pixels, turn in degrees, contrast (0 to 1), blur in font sizes."""

    kind: str
    words: str
    height: int
    angle: int = 0
    font: int = 0
    contrast: float = 0.9
    blur: float = 0.0
    seed: int = 0


@cache
def fonts() -> tuple[str, ...]:
    """The names of the fonts that are here."""
    found = ["Aileron", "Rubik"]
    for name in _SYSTEM:
        try:
            ImageFont.truetype(name, 20)
        except OSError:
            continue
        found.append(name.removesuffix(".ttf"))
    return tuple(found)


def labels(every: int = 1) -> Iterator[Picture]:
    """Lines on 20, 6 and 2 megapixels."""
    for number, size in enumerate(("20 MP", "6 MP", "2 MP")):
        lines = _specs(size)[::every]
        yield from sheets("text", Category.TEXT, size, [_item(line, size) for line in lines], 50 + number)


def _specs(size: str) -> list[Line]:
    lines: list[Line] = []

    def add(kind: str, words: tuple[str, ...], height: int, angle: int = 0, **more: float) -> None:
        n = len(lines)
        lines.append(Line(kind, words[n % len(words)], height, angle, font=n % len(fonts()), seed=n, **more))

    if size != "20 MP":
        for height in (20, 32, 64) if size == "6 MP" else (20, 40):
            for angle in _ANGLES:
                add("printed", _WORDS, height, angle)
            add("light on dark", _WORDS, height)
            add("wristband", _WORDS, height, 15)
        return lines
    for height in (20, 28, 40, 64, 100, 150, 200):
        for angle in _ANGLES:
            add("printed", _WORDS, height, angle)
        add("printed", _WORDS, height)
        add("light on dark", _WORDS, height)
        add("light on dark", _WORDS, height, 90)
        add("short", _SHORT, height)
        add("short", _SHORT, height, 45)
    for height in (24, 40, 64, 110):
        for angle in (0, 15, 45, 90):
            add("wristband", _WORDS, height, angle)
        for contrast in (0.4, 0.2):
            add("low contrast", _WORDS, height, contrast=contrast)
            add("low contrast", _WORDS, height, 15, contrast=contrast)
        for blur in (0.05, 0.1):
            add("blurred", _WORDS, height, blur=blur)
        add("on the ground", _WORDS, height)
        add("on the ground", _WORDS, height, 90)
    for height in (40, 64, 100, 160):
        for angle in (0, 15, 90):
            add("by hand (simulated)", _BY_HAND, height, angle)
            add("by hand (simulated)", _BY_HAND, height, angle)
    return lines


def _item(line: Line, size: str) -> Item:
    patch = _draw(line, size)
    height, width = patch.pixels.shape[:2]
    return Item(partial(_draw, line, size), width, height)


def _draw(line: Line, size: str) -> Patch:
    ink = write(line.words, line.height, line.seed) if line.kind.startswith("by hand") else _print(line)
    rng = np.random.default_rng(line.seed)
    margin = round(0.5 * line.height)
    ink = np.asarray(np.pad(ink, margin), np.float32)
    if line.blur:
        ink = np.asarray(cv2.GaussianBlur(ink, (0, 0), line.blur * line.height), np.float32)
    dark, light = 25 + 15 * rng.random(), 238.0
    if line.kind == "low contrast":
        light = 200.0
        dark = light * (1 - line.contrast) / (1 + line.contrast)  # Michelson's definition
    paper, pen = (dark + 20, light) if line.kind == "light on dark" else (light, dark)
    tint = np.array([1.0, 0.99, 0.97]) if line.kind != "light on dark" else np.array([1.3, 1.0, 0.8])
    mixed = paper * tint * (1 - ink[..., None]) + pen * ink[..., None]
    pixels = np.clip(mixed, 0, 255).astype(np.uint8)
    alpha = np.ones(ink.shape, np.float32)
    on_ground = line.kind == "on the ground" or (line.kind.startswith("by hand") and line.seed % 2)
    if on_ground:  # a marker on skin, a stamp in the picture
        pixels = np.full((*ink.shape, 3), (60, 30, 25), np.uint8)
        alpha = 0.85 * ink
    outline = _ink_box(ink)
    tags = {"kind": line.kind}
    if line.kind not in {"low contrast", "blurred"}:
        tags |= {"height": f"{line.height} px", "turned by": str(line.angle), "picture": size}
    if line.kind == "low contrast":
        tags |= {"contrast": f"{line.contrast:g}"}
    if line.kind == "blurred":
        tags |= {"blur": f"{line.blur:g} of the height"}
    tags |= {"font": "strokes" if line.kind.startswith("by hand") else fonts()[line.font]}
    patch = Patch(pixels, alpha.astype(np.float32), outline, tags)
    if line.kind == "wristband":
        patch = _around_wrist(patch)
    return turn(patch, line.angle) if line.angle else patch


def _print(line: Line) -> Ink:
    """Ink of a printed line, 0 to 1, cut to its box."""
    name = fonts()[line.font]
    if name == "Rubik":
        canvas = np.zeros((2 * line.height, (len(line.words) + 2) * line.height), np.uint8)
        # OpenCV draws this font's line of 22 pixels at scale 1.
        cv2.putText(
            canvas,
            line.words,
            (line.height // 2, round(1.5 * line.height)),
            cv2.FONT_HERSHEY_SIMPLEX,
            line.height / 31,
            255,
            2,
            cv2.LINE_AA,
        )
        ys, xs = np.nonzero(canvas > 64)
        cut = canvas[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
        return (cut / 255).astype(np.float32)
    font = (
        ImageFont.load_default(line.height)
        if name == "Aileron"
        else ImageFont.truetype(f"{name}.ttf", line.height)
    )
    left, top, right, bottom = font.getbbox(line.words)
    image = Image.new("L", (math.ceil(right - left), math.ceil(bottom - top)))
    ImageDraw.Draw(image).text((-left, -top), line.words, fill=255, font=font)
    return (np.asarray(image) / 255).astype(np.float32)


def _ink_box(ink: Ink) -> tuple[Point, ...]:
    ys, xs = np.nonzero(ink > 0.25)
    x0, x1 = float(xs.min()), float(xs.max() + 1)
    y0, y1 = float(ys.min()), float(ys.max() + 1)
    # Several points on the long sides: a wristband bends them.
    along = [x0 + (x1 - x0) * part / 8 for part in range(9)]
    return tuple([(x, y0) for x in along] + [(x, y1) for x in reversed(along)])


def _around_wrist(patch: Patch) -> Patch:
    """Bend round a cylinder, of which the patch takes up 120 degrees, seen from a little above; shade it."""
    height, width = patch.pixels.shape[:2]
    reach = math.radians(60)
    radius = width / (2 * reach)
    new_w = math.floor(2 * radius * math.sin(reach))
    sag = 0.35 * height
    new_h = math.ceil(height + sag)
    x = np.arange(new_w, dtype=np.float32) - new_w / 2
    angle = np.arcsin(np.clip(x / radius, -1, 1))
    drop = sag * (1 - np.cos(angle)) / (1 - math.cos(reach))
    map_x = np.broadcast_to(angle * radius + width / 2, (new_h, new_w)).astype(np.float32)
    map_y = (np.arange(new_h, dtype=np.float32)[:, None] - drop[None, :]).astype(np.float32)
    pixels = cv2.remap(patch.pixels, map_x, map_y, cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.remap(patch.alpha, map_x, map_y, cv2.INTER_LINEAR)
    shade = (0.55 + 0.45 * np.cos(angle))[None, :, None]
    outline = []
    for px, py in patch.outline:
        a = (px - width / 2) / radius
        outline.append(
            (radius * math.sin(a) + new_w / 2, py + sag * (1 - math.cos(a)) / (1 - math.cos(reach)))
        )
    shaded = np.clip(pixels * shade, 0, 255).astype(np.uint8)
    return Patch(shaded, np.asarray(alpha, np.float32), tuple(outline), patch.tags)

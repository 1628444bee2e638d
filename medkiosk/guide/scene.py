"""Pictures to practise on, made of shapes: nobody's skin, nobody's name. Pure, and no image library."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from medkiosk.core.photo import Box, Finding

Colour = tuple[int, int, int]
FULL = (2400, 1600)
"""Width and height of every scene, pixels."""
_BLACK: Colour = (0, 0, 0)
_GLYPHS = {
    "A": "01110100011000111111100011000110001",
    "D": "11110100011000110001100011000111110",
    "E": "11111100001000011110100001000011111",
    "I": "01110001000010000100001000010001110",
    "M": "10001110111010110101100011000110001",
    "N": "10001110011010110011100011000110001",
    "O": "01110100011000110001100011000101110",
    "R": "11110100011000111110101001001010001",
    "T": "11111001000010000100001000010000100",
    "0": "01110100011001110101110011000101110",
    "1": "00100011000010000100001000010001110",
    "2": "01110100010000100010001000100011111",
    "4": "00010001100101010010111110001000010",
    "7": "11111000010001000100010000100001000",
    "8": "01110100011000101110100011000101110",
    "9": "01110100011000101111000010001001100",
    ".": "00000000000000000000000000110001100",
    " ": "0" * 35,
}
"""Five columns and seven rows a character, row by row."""
_COLUMNS, _ROWS = 5, 7


class Form(StrEnum):
    """What a shape is."""

    BOX = "box"
    ELLIPSE = "ellipse"
    WORDS = "words"


@dataclass(frozen=True)
class Shape:
    """A shape of one colour; ``words`` fill its box in capitals."""

    form: Form
    box: Box
    colour: Colour
    words: str = ""


@dataclass(frozen=True)
class Thing:
    """Something in a scene that matters.

    Attributes:
        name: as it is called in a sentence: "the name on the wristband".
        box: where it is.
        hide: whether it must be masked; else it must stay visible.
    """

    name: str
    box: Box
    hide: bool


class Outcome(StrEnum):
    """What a reviewer does with a picture."""

    APPROVED = "approved"
    REJECTED = "rejected"
    SET_ASIDE = "set aside"
    """Said to be no clinical picture."""


@dataclass(frozen=True)
class Scene:
    """One picture to practise on.

    Attributes:
        title: what it shows.
        ground: colour of what no shape covers.
        shapes: from behind to before.
        things: what must be hidden, and what must be seen.
        found: what the detectors say about it, as a real one would: some of it, not all.
        right: what to do with it.
        why: a sentence for who did something else.
    """

    title: str
    ground: Colour
    shapes: tuple[Shape, ...]
    things: tuple[Thing, ...]
    found: tuple[Finding, ...]
    right: Outcome = Outcome.APPROVED
    why: str = field(default="")


def draw(scene: Scene, part: Box, width: int, height: int, masks: Iterable[Box]) -> bytes:
    """Draw a part of a scene with its masks.

    Args:
        scene: what.
        part: which part of it, in its own pixels.
        width: pixels of a row of the result.
        height: its rows.
        masks: drawn black, above everything.

    Returns:
        Raw RGB, 8 bits a channel, rows from above without padding.
    """
    rows = [bytearray(bytes(scene.ground) * width) for _ in range(height)]
    view = _View(part, width, height)
    for shape in scene.shapes:
        for box in _boxes(shape):
            view.fill(rows, box, shape.colour, round_=shape.form is Form.ELLIPSE)
    for mask in masks:
        view.fill(rows, mask, _BLACK, round_=False)
    return b"".join(rows)


def _boxes(shape: Shape) -> list[Box]:
    """The boxes that a shape is made of: one, or one for each run of a character's row."""
    if shape.form is not Form.WORDS:
        return [shape.box]
    box, cells = shape.box, len(shape.words) * (_COLUMNS + 1)
    found = []
    for place, character in enumerate(shape.words):
        glyph = _GLYPHS[character]
        for cell, ink in enumerate(glyph):
            if ink == "1":
                column, row = place * (_COLUMNS + 1) + cell % _COLUMNS, cell // _COLUMNS
                left, right = box.x + column * box.w // cells, box.x + (column + 1) * box.w // cells
                top, bottom = box.y + row * box.h // _ROWS, box.y + (row + 1) * box.h // _ROWS
                found.append(Box(left, top, right - left, bottom - top))
    return found


@dataclass(frozen=True)
class _View:
    """A part of a scene, and how large it is drawn."""

    part: Box
    width: int
    height: int

    def fill(self, rows: list[bytearray], box: Box, colour: Colour, *, round_: bool) -> None:
        """Fill a box, or the ellipse in it, row by row."""
        across, down = self.width / self.part.w, self.height / self.part.h
        top = max(round((box.y - self.part.y) * down), 0)
        bottom = min(round((box.y + box.h - self.part.y) * down), self.height)
        for row in range(top, bottom):
            half = box.w / 2
            if round_:
                off = ((row + 0.5) / down + self.part.y - box.y - box.h / 2) / (box.h / 2)
                half *= max(1 - off * off, 0.0) ** 0.5
            middle = box.x + box.w / 2 - self.part.x
            left = max(round((middle - half) * across), 0)
            right = min(round((middle + half) * across), self.width)
            if left < right:
                rows[row][3 * left : 3 * right] = bytes(colour) * (right - left)

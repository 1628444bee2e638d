"""What is to be drawn, in numbers: all that the console itself knows of drawing. Pure, without numpy."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

import msgspec

TILE_COLUMNS = 24
TILE_ROWS = 6
"""Six rows of any height are whole sixel bands, so that only the lowest tiles can end inside one."""
_LARGEST_FACTOR = 4.0
"""Screen pixels for one of the picture, at most."""


class Stroke(IntEnum):
    """How an outline is drawn; the value is its palette entry."""

    MASK = 3
    SUGGESTED = 4
    KEPT = 5
    LESION = 6


class View(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The part of a picture that is shown, in the picture's pixels."""

    x: int
    y: int
    w: int
    h: int


class Outline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rectangle to draw, in the picture's pixels; the strong one is the selected one."""

    x: float
    y: float
    w: float
    h: float
    strong: bool
    stroke: Stroke = Stroke.MASK


class Grid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a widget is cut into tiles.

    Attributes:
        columns: of the widget, in cells.
        rows: likewise.
        cell: width and height of a cell, in pixels.
    """

    columns: int
    rows: int
    cell: tuple[int, int]

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height of the picture's paper: whole sixel bands, so that nothing hangs over the edge."""
        height = self.rows * self.cell[1]
        return self.columns * self.cell[0], max(height - height % 6, 1)

    def spans(self) -> Iterator[tuple[int, list[tuple[int, int]]]]:
        """For each row of tiles its height, and the start and width of each tile, in cells."""
        for top in range(0, self.rows, TILE_ROWS):
            height = min(TILE_ROWS, self.rows - top)
            starts = range(0, self.columns, TILE_COLUMNS)
            yield height, [(left, min(TILE_COLUMNS, self.columns - left)) for left in starts]

    def tiles(self) -> Iterator[tuple[slice, slice]]:
        """Rows and columns of the pixels of each tile, in the order of the tiles."""
        cell_width, cell_height = self.cell
        top = 0
        for height, spans in self.spans():
            rows = slice(top * cell_height, (top + height) * cell_height)
            for left, width in spans:
                yield rows, slice(left * cell_width, (left + width) * cell_width)
            top += height


class Place(msgspec.Struct, frozen=True):
    """Where a picture lies on its paper, in screen pixels."""

    left: int
    top: int
    width: int
    height: int


def fitted(width: int, height: int, area_width: int, area_height: int) -> tuple[int, int]:
    """Width and height at which so many pixels fit into an area, never enlarged more than fourfold."""
    factor = min(area_width / width, area_height / height, _LARGEST_FACTOR)
    return (
        max(min(round(width * factor), area_width), 1),
        max(min(round(height * factor), area_height), 1),
    )


def placing(view: View, area: tuple[int, int]) -> Place:
    """Where a part of a picture is drawn in an area: as large as it fits, in the middle."""
    width, height = fitted(view.w, view.h, *area)
    return Place((area[0] - width) // 2, (area[1] - height) // 2, width, height)

"""What the console says to the process that draws, and what that answers.

First a source, as `ToPainter.SOURCE` and `ToPainter.PIXELS`, once; then any number of `ToPainter.DRAW`,
each answered by a `FromPainter.TILE` for every tile that changed and one `FromPainter.DRAWN`. Whatever else
comes, from either side, ends the process.
"""

from __future__ import annotations

import struct
from enum import IntEnum

import msgspec

from medkiosk.console.drawing.shapes import Grid, Outline, View

SOURCE = struct.Struct(">III")
"""What comes before the raw RGB of a source: its number, its width and height."""
TILE = struct.Struct(">I")
"""In front of the sixels of a tile: its number."""
LIMIT = 64 << 20
"""Largest payload of a frame, bytes: several times the daemon's largest picture."""


class ToPainter(IntEnum):
    """Frames to the process."""

    SOURCE = 1
    PIXELS = 2
    DRAW = 3
    FORGET = 4


class FromPainter(IntEnum):
    """Frames from the process."""

    TILE = 1
    DRAWN = 2


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be drawn.

    Attributes:
        number: of the frame that is to come; never 0.
        before: the frame that is on the screen, whose tiles are not drawn again; 0 where there is none.
        source: number of the source.
        sources: numbers of those that may still be asked for; the others can go.
        view: what is looked at of it.
        outlines: what to draw on it.
        grid: how it is cut into tiles.
    """

    number: int
    before: int
    source: int
    sources: tuple[int, ...]
    view: View
    outlines: tuple[Outline, ...]
    grid: Grid


def pack(order: Order) -> bytes:
    """Write an order."""
    return msgspec.json.encode(order)


def unpack(payload: bytes) -> Order:
    """Read an order.

    Raises:
        ValueError: it is none.
    """
    return msgspec.json.decode(payload, type=Order)

"""What the process that draws remembers: sources with their colours, and the frame on the screen."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from medkiosk.console.drawing import sixel
from medkiosk.console.drawing.protocol import Order
from medkiosk.console.drawing.shapes import Grid, View, placing

_THREADS = 2
"""Numpy lets go of the interpreter; and keys need a core, too."""


@dataclass(eq=False)
class _Source:
    """Pixels to draw from; the palette is chosen when they are first drawn."""

    rgb: sixel.Rgb
    palette: sixel.Palette | None = None


@dataclass(frozen=True)
class _Frame:
    """One state of the whole widget, quantised and outlined."""

    source: _Source
    view: View
    grid: Grid
    base: sixel.Placed
    indices: sixel.Indices


class Painter:
    """Draws what it is ordered to, and only the tiles that look different from those on the screen."""

    def __init__(self) -> None:
        self._sources: dict[int, _Source] = {}
        self._frames: dict[int, _Frame] = {}
        self._pool = ThreadPoolExecutor(_THREADS)

    def take(self, number: int, width: int, height: int, pixels: bytes) -> None:
        """Keep a source.

        Raises:
            ValueError: the bytes do not fit the size.
        """
        self._sources[number] = _Source(sixel.picture(pixels, width, height))

    def forget(self) -> None:
        """Let go of everything."""
        self._sources.clear()
        self._frames.clear()

    def draw(self, order: Order) -> Iterator[tuple[int, str]]:
        """Draw; the number and the sixels of each tile that changed, in order.

        Raises:
            ValueError: there is no such source, or nothing of it is looked at, or it is too large.
        """
        source = self._sources.get(order.source)
        if source is None or not _inside(order.view, source) or min(order.grid.pixels) < 1:
            raise ValueError("nothing to draw")
        before = self._frames.get(order.before)
        palette, base = self._based(source, order, before)
        indices = sixel.outlined(base, order.outlines)
        # Whoever ordered this may throw it away, and name the frame before it again.
        kept = {order.before: before} if before else {}
        self._frames = {**kept, order.number: _Frame(source, order.view, order.grid, base, indices)}
        self._sources = {number: each for number, each in self._sources.items() if number in order.sources}
        same = before is not None and (before.source, before.grid) == (source, order.grid)
        old = before.indices if before is not None and same else None
        changed = {
            number: part
            for number, part in enumerate(order.grid.tiles())
            if old is None or not sixel.equal(old[part], indices[part])
        }
        encoded = self._pool.map(lambda part: sixel.encode(indices[part], palette), changed.values())
        yield from zip(changed, encoded, strict=True)

    def _based(
        self, source: _Source, order: Order, before: _Frame | None
    ) -> tuple[sixel.Palette, sixel.Placed]:
        """The picture in its colours at its place, as it was before where nothing else is looked at."""
        now = source, order.view, order.grid
        if source.palette and before and (before.source, before.view, before.grid) == now:
            return source.palette, before.base
        chosen = self._pool.submit(lambda: source.palette or sixel.palette_of(source.rgb))
        place = placing(order.view, order.grid.pixels)
        part = sixel.scaled(source.rgb, order.view, place.width, place.height)
        source.palette = chosen.result()
        return source.palette, sixel.placed(part, source.palette, order.view, order.grid.pixels)


def _inside(view: View, source: _Source) -> bool:
    height, width, _ = source.rgb.shape
    across = view.x >= 0 and view.w >= 1 and view.x + view.w <= width
    return across and view.y >= 0 and view.h >= 1 and view.y + view.h <= height

"""A photo in the terminal, as sixels.

The picture is cut into tiles of whole character cells, each a widget of its own, so that Textual's own
book-keeping repaints exactly those whose pixels changed. Encoding is done in a worker thread; requests that
come meanwhile are merged into one. Nothing may lie over a tile; under a modal screen the tiles are blank.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.segment import ControlType, Segment
from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.worker import Worker, WorkerState

from medkiosk.console.terminal import CellSize, Terminal
from medkiosk.console.widgets import sixel
from medkiosk.core.photo import Box
from medkiosk.ipc.types import Picture

TILE_COLUMNS = 24
TILE_ROWS = 6
"""Six rows of any height are whole sixel bands, so that only the lowest tiles can end inside one."""

LEAST_SIDE = 600
"""Screen pixels of the long side below which a larger picture is a thumbnail: small marks are lost in it."""


@dataclass(frozen=True)
class Look:
    """What part of the picture to show and what to draw on it, in full-size pixels.

    Attributes:
        zoom: 1 shows everything.
        centre: middle of what is shown when zoomed.
        outlines: boxes; the strong one is the selected one.
    """

    zoom: int = 1
    centre: tuple[int, int] = (0, 0)
    outlines: tuple[tuple[Box, bool], ...] = ()


@dataclass(frozen=True)
class _Grid:
    """How the widget is cut into tiles."""

    columns: int
    rows: int
    cell: CellSize

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


@dataclass(frozen=True)
class _Frame:
    """One state of the whole widget, quantised and outlined."""

    number: int
    grid: _Grid
    picture: Picture
    view: sixel.View
    base: sixel.Placed
    indices: sixel.Indices


class Tile(Widget):
    """A rectangle of cells that shows sixels."""

    sixels = ""
    frame = 0

    def render_lines(self, crop: Region) -> list[Strip]:
        """Blank cells, or the picture in place of them.

        The cursor is moved over the cells, since what stands right of them is written without positioning;
        the picture itself is drawn with the last line, on top of its blanks.
        """
        blank = Strip.blank(crop.width, self.visual_style.rich_style)
        whole = crop.size == self.size
        if not (self.sixels and whole and self.is_attached and self.screen.is_active):
            return [blank] * crop.height
        left, top, right, bottom = self.region.corners
        over = Strip([_control(f"\x1b[{crop.width}C")], crop.width)
        drawing = f"\x1b[{top + 1};{left + 1}H{self.sixels}\x1b[{bottom};{right + 1}H"
        last = Strip([*blank, _control(drawing)], crop.width)
        self.post_message(PhotoView.TileDrawn(self, self.frame))
        return [*[over] * (crop.height - 1), last]


def _control(text: str) -> Segment:
    return Segment(text, None, [(ControlType.CURSOR_FORWARD, 0)])


def large_enough(picture: Picture, side: int) -> bool:
    """Whether a picture drawn with this long side, in screen pixels, can be judged."""
    return side >= min(LEAST_SIDE, max(picture.width, picture.height))


class PhotoView(Widget):
    """Shows one picture.

    Args:
        terminal: how large its cells are.
    """

    class Encoded(Message):
        """A worker thread finished a frame; ``tiles`` has the changed ones by their number."""

        def __init__(self, frame: _Frame, palette: sixel.Palette, tiles: dict[int, str]) -> None:
            self.frame = frame
            self.palette = palette
            self.tiles = tiles
            super().__init__()

    class TileDrawn(Message):
        """A tile of a frame went to the terminal."""

        def __init__(self, tile: Tile, frame: int) -> None:
            self.tile = tile
            self.frame = frame
            super().__init__()

    class Painted(Message):
        """All that is looked at is on the screen; ``judged`` says that it is all of it, and large enough."""

        def __init__(self, picture: Picture, *, judged: bool) -> None:
            self.picture = picture
            self.judged = judged
            super().__init__()

    class Failed(Message):
        """The picture could not be drawn."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__()
        self._terminal = terminal
        self._grid: _Grid | None = None
        self._rgb: sixel.Rgb | None = None
        self._palette: sixel.Palette | None = None
        self._picture: Picture | None = None
        self._full = (1, 1)
        self._look = Look()
        self._frame: _Frame | None = None
        self._undrawn: set[Tile] = set()
        self._number = 0
        self._encoding = False
        self._stale = False

    def compose(self) -> ComposeResult:
        """The tiles of the present size."""
        if self._grid is None:
            return
        for height, spans in self._grid.spans():
            with Horizontal() as row:
                row.styles.height = height
                for _, width in spans:
                    tile = Tile()
                    tile.styles.width, tile.styles.height = width, height
                    yield tile

    @on(events.Resize)
    async def _resized(self) -> None:
        cell = self._terminal.cell()
        grid = _Grid(self.size.width, self.size.height, cell) if cell and self.size.area else None
        if grid != self._grid:
            self._grid = grid
            self._frame = None
            self._undrawn = set()
            await self.recompose()
            self._request()

    def show(self, picture: Picture, pixels: bytes, full: tuple[int, int], look: Look) -> None:
        """Show another picture.

        Args:
            picture: its size and revision.
            pixels: raw RGB.
            full: width and height of the full-size picture, in which boxes are measured.
            look: what part, with what outlines.

        Raises:
            ValueError: the bytes do not fit the size.
        """
        self._rgb = sixel.picture(pixels, picture.width, picture.height)
        self._picture, self._full, self._look = picture, full, look
        self._palette, self._frame = None, None
        self._number += 1  # what is being encoded now is of another picture
        self._request()

    def look(self, look: Look) -> None:
        """Show another part, or other outlines."""
        if look != self._look:
            self._look = look
            self._request()

    def clear(self) -> None:
        """Show nothing, and let go of the picture."""
        self._rgb = self._palette = self._picture = self._frame = None
        self._number += 1
        for tile in self.query(Tile):
            tile.sixels = ""
            tile.refresh()

    def _request(self) -> None:
        if self._encoding:
            self._stale = True
        elif self._rgb is not None and self._picture is not None and self._grid is not None:
            self._encoding, self._stale = True, False
            self._number += 1
            self._encode(
                self._number, self._rgb, self._palette, self._picture, self._view(), self._grid, self._frame
            )

    def _view(self) -> tuple[sixel.View, tuple[sixel.Outline, ...]]:
        picture, look = self._picture, self._look
        if picture is None:
            raise RuntimeError("no picture to look at")
        fx, fy = picture.width / self._full[0], picture.height / self._full[1]
        w, h = max(picture.width // look.zoom, 1), max(picture.height // look.zoom, 1)
        x = min(max(round(look.centre[0] * fx) - w // 2, 0), picture.width - w)
        y = min(max(round(look.centre[1] * fy) - h // 2, 0), picture.height - h)
        outlines = tuple(
            sixel.Outline(box.x * fx, box.y * fy, box.w * fx, box.h * fy, strong)
            for box, strong in look.outlines
        )
        return sixel.View(x, y, w, h), outlines

    @work(thread=True, exit_on_error=False, group="photo", description="draw a photo")
    def _encode(
        self,
        number: int,
        rgb: sixel.Rgb,
        palette: sixel.Palette | None,
        picture: Picture,
        seen: tuple[sixel.View, Sequence[sixel.Outline]],
        grid: _Grid,
        before: _Frame | None,
    ) -> None:
        view, outlines = seen
        palette = palette or sixel.palette_of(rgb)
        same = before is not None and (before.view, before.grid) == (view, grid)
        base = before.base if before and same else sixel.placed(rgb, palette, view, *grid.pixels)
        indices = sixel.outlined(base, outlines)
        old = before.indices if before and before.grid == grid else None
        tiles = {
            place: sixel.encode(indices[part], palette)
            for place, part in enumerate(_parts(grid))
            if old is None or not sixel.equal(old[part], indices[part])
        }
        frame = _Frame(number, grid, picture, view, base, indices)
        self.post_message(self.Encoded(frame, palette, tiles))

    @on(Encoded)
    def _encoded(self, message: Encoded) -> None:
        message.stop()
        self._encoding = False
        frame = message.frame
        if frame.number == self._number and frame.grid == self._grid:
            self._frame, self._palette = frame, message.palette
            tiles = list(self.query(Tile))
            self._undrawn |= {tiles[place] for place in message.tiles}
            for place, sixels in message.tiles.items():
                tiles[place].sixels = sixels
                tiles[place].frame = frame.number
                tiles[place].refresh()
            if not self._undrawn:  # it looks like what is there
                self._painted(frame)
        if self._stale:
            self._request()

    @on(TileDrawn)
    def _tile_drawn(self, message: TileDrawn) -> None:
        message.stop()
        if self._frame is None or message.frame != message.tile.frame or message.tile not in self._undrawn:
            return
        self._undrawn.discard(message.tile)
        if not self._undrawn:
            self._painted(self._frame)

    def _painted(self, frame: _Frame) -> None:
        picture, base = frame.picture, frame.base
        whole = (base.view.w, base.view.h) == (picture.width, picture.height)
        judged = whole and large_enough(picture, max(base.width, base.height))
        self.post_message(self.Painted(picture, judged=judged))

    @property
    def too_small(self) -> bool:
        """Whether the whole picture, at the present size of the terminal, is too small to be judged."""
        picture, grid = self._picture, self._grid
        if picture is None or grid is None:
            return False
        return not large_enough(picture, max(sixel.fitted(picture.width, picture.height, *grid.pixels)))

    @on(Worker.StateChanged)
    def _worker_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR:
            event.stop()
            self._encoding = False
            self.post_message(self.Failed())


def _parts(grid: _Grid) -> Iterator[tuple[slice, slice]]:
    """The pixels of each tile, in the order of the tiles."""
    cell_width, cell_height = grid.cell
    top = 0
    for height, spans in grid.spans():
        rows = slice(top * cell_height, (top + height) * cell_height)
        for left, width in spans:
            yield rows, slice(left * cell_width, (left + width) * cell_width)
        top += height

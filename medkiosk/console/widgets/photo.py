"""A photo in the terminal, as sixels.

The picture is cut into tiles of whole character cells, each a widget of its own, so that Textual's own
book-keeping repaints exactly those whose pixels changed. Encoding is done in a worker thread; requests that
come meanwhile are merged into one. Nothing may lie over a tile; under a modal screen the tiles are blank.

The whole is drawn from the preview. A part is drawn from pixels of full resolution, which the view asks for
with `PhotoView.Wanted`; until they come, the preview is stretched in their place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

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
from medkiosk.console.zoom import Recent, Size, drawing, levels, visible
from medkiosk.core.photo import Box
from medkiosk.ipc.types import Picture

TILE_COLUMNS = 24
TILE_ROWS = 6
"""Six rows of any height are whole sixel bands, so that only the lowest tiles can end inside one."""

_ENCODERS = 2
"""Threads that encode tiles: numpy lets go of the interpreter, and keys need a core, too."""
LEAST_SIDE = 600
"""Screen pixels of the long side below which a larger picture is a thumbnail: small marks are lost in it."""


@dataclass(frozen=True)
class Mark:
    """A box to outline, in pixels of what leaves; the strong one is the chosen one."""

    box: Box
    stroke: sixel.Stroke
    strong: bool


@dataclass(frozen=True)
class Look:
    """What to show and what to draw on it, in pixels of what leaves.

    Attributes:
        level: 0 shows everything; the others are those of `medkiosk.console.zoom.levels`.
        centre: middle of what is shown above level 0.
        marks: boxes.
    """

    level: int = 0
    centre: tuple[int, int] = (0, 0)
    marks: tuple[Mark, ...] = ()


@dataclass(eq=False)
class _Source:
    """Pixels to draw from: those of the preview, or of a part.

    Attributes:
        box: what they show of what leaves.
        palette: chosen when it is first drawn.
    """

    rgb: sixel.Rgb
    box: Box
    palette: sixel.Palette | None = field(default=None)

    def forget(self) -> None:
        """Overwrite the pixels, which must be our own."""
        self.rgb.fill(0)
        self.palette = None

    @property
    def size(self) -> Size:
        """Width and height of the pixels."""
        height, width, _ = self.rgb.shape
        return width, height


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
    source: _Source
    view: sixel.View
    base: sixel.Placed
    indices: sixel.Indices


class Tile(Widget):
    """A rectangle of cells that shows sixels."""

    sixels = ""
    frame = 0
    hangs = False
    """Whether some pixels of its last line are below the picture, which ends with a whole sixel band."""

    def render_lines(self, crop: Region) -> list[Strip]:
        """Blank cells, or the picture in place of them.

        The cursor is moved over the cells, since what stands right of them is written without positioning;
        the picture itself is drawn with the last line. Blanks are written under it only where it ends inside
        a line: on a slow machine foot shows a line of blanks before the picture that comes on top of it, and
        that looks like a mask.
        """
        blank = Strip.blank(crop.width, self.visual_style.rich_style)
        whole = crop.size == self.size
        if not (self.sixels and whole and self.is_attached and self.screen.is_active):
            return [blank] * crop.height
        left, top, right, bottom = self.region.corners
        over = f"\x1b[{crop.width}C"
        drawing = f"\x1b[{top + 1};{left + 1}H{self.sixels}\x1b[{bottom};{right + 1}H"
        first = Strip([_control(over)], crop.width)
        last = Strip([*(blank if self.hangs else first), _control(drawing)], crop.width)
        self.post_message(PhotoView.TileDrawn(self, self.frame))
        return [*[first] * (crop.height - 1), last]


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

        def __init__(self, frame: _Frame, tiles: dict[int, str]) -> None:
            self.frame = frame
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

    class Wanted(Message):
        """Pixels of a part are needed, of what leaves or of the ``original``: answer with `put`."""

        def __init__(self, picture: Picture, part: Box, size: Size, *, original: bool = False) -> None:
            self.original = original
            self.picture = picture
            self.part = part
            self.size = size
            super().__init__()

    class Failed(Message):
        """The picture could not be drawn."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__()
        self._terminal = terminal
        self._grid: _Grid | None = None
        self._whole: _Source | None = None
        self._parts = Recent[_Source]()
        self._originals = Recent[_Source](1)
        self._comparing = False
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
                    tile.hangs = bool(height * self._grid.cell[1] % 6)
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

    def show(self, picture: Picture, pixels: bytes, full: Size, look: Look) -> None:
        """Show another picture.

        Args:
            picture: the preview's size and revision.
            pixels: raw RGB.
            full: width and height of what leaves, in which marks are measured.
            look: what part, with what marks.

        Raises:
            ValueError: the bytes do not fit the size.
        """
        self._whole = _Source(sixel.picture(pixels, picture.width, picture.height), Box(0, 0, *full))
        self._parts.clear()
        self._wipe()
        self._picture, self._full, self._look = picture, full, look
        self._frame = None
        self._number += 1  # what is being encoded now is of another picture
        self._request()

    def put(self, picture: Picture, part: Box, size: Size, pixels: bytes, *, original: bool = False) -> None:
        """Take the pixels of a part that was wanted; those of another picture or revision are dropped.

        So are those of an original that is not looked at any more.

        Raises:
            ValueError: the bytes do not fit the size.
        """
        ours = self._picture
        if ours is None or (picture.capture_id, picture.revision) != (ours.capture_id, ours.revision):
            return
        if original and not self._comparing:
            return
        rgb = sixel.picture(pixels, picture.width, picture.height)
        if original:
            for before in self._originals.all():
                before.forget()
            self._originals.put(part, size, _Source(rgb.copy(), part))
        else:
            self._parts.put(part, size, _Source(rgb, part))
        if (part, size) == self.wanted:
            self._request()

    def look(self, look: Look) -> None:
        """Show another part, or other marks."""
        if look != self._look:
            self._look = look
            self._request()

    @property
    def comparing(self) -> bool:
        """Whether the original is shown in place of what leaves."""
        return self._comparing

    def compare(self) -> None:
        """Show the original in place of what leaves, the same part of it."""
        self._comparing = True
        self._request()

    def cover(self) -> None:
        """Show what leaves again, and overwrite what was kept of the original."""
        self._wipe()
        self._number += 1  # what is being encoded now is of the original
        self._request()

    def _wipe(self) -> None:
        self._comparing = False
        for source in self._originals.all():
            source.forget()
            if self._frame is not None and self._frame.source is source:
                self._frame.indices.fill(sixel.PAPER)
                self._frame.base.paper.fill(sixel.PAPER)
                self._frame = None
        self._originals.clear()

    def clear(self) -> None:
        """Show nothing, and let go of the picture."""
        self._wipe()
        self._whole = self._picture = self._frame = None
        self._parts.clear()
        self._number += 1
        for tile in self.query(Tile):
            tile.sixels = ""
            tile.refresh()

    @property
    def levels(self) -> tuple[float, ...]:
        """Screen pixels for each pixel of the picture, at each level; the first shows all of it."""
        return levels(self._full, self._grid.pixels) if self._grid else (1.0,)

    @property
    def part(self) -> Box:
        """What is looked at, in pixels of what leaves."""
        scales = self.levels
        level = min(self._look.level, len(scales) - 1)
        if level == 0 or self._grid is None:
            return Box(0, 0, *self._full)
        return visible(self._full, self._grid.pixels, scales[level], self._look.centre)

    @property
    def wanted(self) -> tuple[Box, Size] | None:
        """The part that is looked at, and the size in which it should be drawn; None for the whole.

        Of an original there is no preview: all of it is a part, too.
        """
        if self._grid is None:
            return None
        if not self._comparing and min(self._look.level, len(self.levels) - 1) == 0:
            return None
        part = self.part
        return part, drawing(part, self._grid.pixels)

    @property
    def sharp(self) -> bool:
        """Whether pixels of full resolution are there for what is looked at."""
        wanted = self.wanted
        return wanted is None or self._kept.get(*wanted) is not None

    @property
    def _kept(self) -> Recent[_Source]:
        return self._originals if self._comparing else self._parts

    def _request(self) -> None:
        if self._encoding:
            self._stale = True
        elif self._whole is not None and self._picture is not None and self._grid is not None:
            self._encoding, self._stale = True, False
            self._number += 1
            wanted = self.wanted
            source = self._whole if wanted is None else self._kept.get(*wanted)
            if source is None and wanted is not None:
                self.post_message(self.Wanted(self._picture, *wanted, original=self._comparing))
            seen = self._seen(source or self._whole)
            self._encode(self._number, source or self._whole, self._picture, seen, self._grid, self._frame)

    def _seen(self, source: _Source) -> tuple[sixel.View, tuple[sixel.Outline, ...]]:
        """What is looked at, and the marks, in pixels of a source."""
        part, box = self.part, source.box
        width, height = source.size
        fx, fy = width / box.w, height / box.h
        w, h = max(round(part.w * fx), 1), max(round(part.h * fy), 1)
        x, y = round((part.x - box.x) * fx), round((part.y - box.y) * fy)
        outlines = tuple(
            sixel.Outline(
                (mark.box.x - box.x) * fx,
                (mark.box.y - box.y) * fy,
                mark.box.w * fx,
                mark.box.h * fy,
                mark.strong,
                mark.stroke,
            )
            for mark in self._look.marks
        )
        return sixel.View(min(x, width - w), min(y, height - h), w, h), outlines

    @work(thread=True, exit_on_error=False, group="photo", description="draw a photo")
    def _encode(
        self,
        number: int,
        source: _Source,
        picture: Picture,
        seen: tuple[sixel.View, Sequence[sixel.Outline]],
        grid: _Grid,
        before: _Frame | None,
    ) -> None:
        view, outlines = seen
        with ThreadPoolExecutor(_ENCODERS) as pool:
            chosen = pool.submit(lambda: source.palette or sixel.palette_of(source.rgb))
            if before and (before.source, before.view, before.grid) == (source, view, grid):
                palette, base = chosen.result(), before.base
            else:
                part = sixel.scaled(source.rgb, view, *sixel.fitted(view.w, view.h, *grid.pixels))
                palette = chosen.result()
                base = sixel.placed(part, palette, view, *grid.pixels)
            source.palette = palette
            indices = sixel.outlined(base, outlines)
            old = before.indices if before and (before.source, before.grid) == (source, grid) else None
            changed = {
                place: part
                for place, part in enumerate(_parts(grid))
                if old is None or not sixel.equal(old[part], indices[part])
            }
            encoded = pool.map(lambda part: sixel.encode(indices[part], palette), changed.values())
            tiles = dict(zip(changed, encoded, strict=True))
        self.post_message(self.Encoded(_Frame(number, grid, picture, source, view, base, indices), tiles))

    @on(Encoded)
    def _encoded(self, message: Encoded) -> None:
        message.stop()
        self._encoding = False
        frame = message.frame
        if frame.number == self._number and frame.grid == self._grid:
            self._frame = frame
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
        preview = frame.source is self._whole
        whole = preview and (base.view.w, base.view.h) == (picture.width, picture.height)
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

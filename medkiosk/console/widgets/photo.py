"""A photo in the terminal, as sixels.

The picture is cut into tiles of whole character cells, each a widget of its own, so that Textual's own
book-keeping repaints exactly those whose pixels changed. They are encoded by a process of its own
(`medkiosk.console.drawing`), which a worker thread waits for; requests that come meanwhile are merged into
one. Nothing may lie over a tile; under a modal screen the tiles are blank.

The whole is drawn from the preview. A part is drawn from pixels of full resolution, which the view asks for
with `PhotoView.Wanted`; until they come, the preview is stretched in their place.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from itertools import count

from rich.segment import ControlType, Segment
from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from medkiosk.console.drawing.client import Artist, ArtistError, EndedError, Pixels
from medkiosk.console.drawing.protocol import Order
from medkiosk.console.drawing.shapes import Grid, Outline, Place, Stroke, View, fitted, placing
from medkiosk.console.terminal import Terminal
from medkiosk.console.zoom import Recent, Size, drawing, levels, visible
from medkiosk.core.photo import Box
from medkiosk.ipc.types import Picture

LEAST_SIDE = 600
"""Screen pixels of the long side below which a larger picture is a thumbnail: small marks are lost in it."""


@dataclass(frozen=True)
class Mark:
    """A box to outline, in pixels of what leaves; the strong one is the chosen one."""

    box: Box
    stroke: Stroke
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


_numbers = count(1)


class _Source(Pixels):
    """Pixels to draw from: those of the preview, or of a part.

    Args:
        picture: its size.
        pixels: raw RGB.
        box: what they show of what leaves.

    Raises:
        ValueError: the bytes do not fit the size.
    """

    def __init__(self, picture: Picture, pixels: bytes | bytearray, box: Box) -> None:
        if len(pixels) != picture.width * picture.height * 3 or not pixels:
            raise ValueError("the picture's size and its bytes do not agree")
        super().__init__(next(_numbers), picture.width, picture.height, pixels)
        self.box = box

    def forget(self) -> None:
        """Overwrite the pixels, which must be our own."""
        if isinstance(self.rgb, bytearray):
            self.rgb[:] = bytes(len(self.rgb))


@dataclass(frozen=True)
class _Frame:
    """One state of the whole widget."""

    number: int
    grid: Grid
    picture: Picture
    source: _Source
    view: View

    @property
    def place(self) -> Place:
        """Where the picture lies on the widget."""
        return placing(self.view, self.grid.pixels)


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
        """A frame, or None if it is not wanted any more; the tiles that changed, or None if it failed."""

        def __init__(self, frame: _Frame | None, tiles: dict[int, str] | None) -> None:
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
        self._artist = Artist()
        self._grid: Grid | None = None
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
        grid = Grid(self.size.width, self.size.height, cell) if cell and self.size.area else None
        if grid != self._grid:
            self._grid = grid
            self._frame = None
            self._number += 1  # what is being encoded now is for tiles that are gone
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
        self._whole = _Source(picture, pixels, Box(0, 0, *full))
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
        if original:
            for before in self._originals.all():
                before.forget()
                self._number += 1  # it may be being encoded, and be black by now
            self._originals.put(part, size, _Source(picture, bytearray(pixels), part))
        else:
            self._parts.put(part, size, _Source(picture, pixels, part))
        if original or (part, size) == self.wanted:
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
        originals = self._originals.all()
        for source in originals:
            source.forget()
        self._originals.clear()
        if originals:
            self._artist.end()  # with all that it knew of them
            self._blank()  # before there is something else to show, and if there never is

    def clear(self) -> None:
        """Show nothing, and let go of the picture."""
        self._wipe()
        self._whole = self._picture = None
        self._parts.clear()
        self._number += 1
        self._artist.forget()
        self._blank()

    def _blank(self) -> None:
        """Have nothing on the screen."""
        self._frame = None
        self._undrawn = set()
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
            source = source or self._whole
            view, outlines = self._seen(source)
            frame = _Frame(self._number, self._grid, self._picture, source, view)
            held = [self._whole, *self._parts.all(), *self._originals.all()]
            before = self._frame.number if self._frame else 0
            numbers = tuple(each.number for each in held)
            order = Order(frame.number, before, source.number, numbers, view, outlines, self._grid)
            self._encode(frame, order)

    def _seen(self, source: _Source) -> tuple[View, tuple[Outline, ...]]:
        """What is looked at, and the marks, in pixels of a source."""
        part, box = self.part, source.box
        width, height = source.width, source.height
        fx, fy = width / box.w, height / box.h
        w, h = max(round(part.w * fx), 1), max(round(part.h * fy), 1)
        x, y = round((part.x - box.x) * fx), round((part.y - box.y) * fy)
        outlines = tuple(
            Outline(
                (mark.box.x - box.x) * fx,
                (mark.box.y - box.y) * fy,
                mark.box.w * fx,
                mark.box.h * fy,
                mark.strong,
                mark.stroke,
            )
            for mark in self._look.marks
        )
        return View(min(x, width - w), min(y, height - h), w, h), outlines

    @work(thread=True, exit_on_error=False, group="photo", description="draw a photo")
    def _encode(self, frame: _Frame, order: Order) -> None:
        try:
            message = self.Encoded(frame, self._artist.draw(order, frame.source))
        except EndedError:
            message = self.Encoded(None, {})
        except ArtistError:
            message = self.Encoded(frame, None)
        self.post_message(message)

    @work(thread=True, exit_on_error=False, group="artist", description="get ready to draw")
    def _warm(self) -> None:
        with suppress(ArtistError, EndedError):  # the first photo will tell
            self._artist.start()

    def on_mount(self) -> None:
        """Have somebody ready who draws, when the first photo comes."""
        self._warm()

    def on_unmount(self) -> None:
        """Nobody draws any more."""
        self._artist.close()

    @on(Encoded)
    def _encoded(self, message: Encoded) -> None:
        message.stop()
        self._encoding = False
        frame = message.frame
        if frame is not None and frame.number == self._number and frame.grid == self._grid:
            if message.tiles is None:
                self._blank()
                self.post_message(self.Failed())
            else:
                self._put_up(frame, message.tiles)
        if self._stale:
            self._request()

    def _put_up(self, frame: _Frame, drawn: dict[int, str]) -> None:
        self._frame = frame
        tiles = list(self.query(Tile))
        self._undrawn |= {tiles[place] for place in drawn}
        for place, sixels in drawn.items():
            tiles[place].sixels = sixels
            tiles[place].frame = frame.number
            tiles[place].refresh()
        if not self._undrawn:  # it looks like what is there
            self._painted(frame)

    @on(TileDrawn)
    def _tile_drawn(self, message: TileDrawn) -> None:
        message.stop()
        if self._frame is None or message.frame != message.tile.frame or message.tile not in self._undrawn:
            return
        self._undrawn.discard(message.tile)
        if not self._undrawn:
            self._painted(self._frame)

    def _painted(self, frame: _Frame) -> None:
        if not all(tile.sixels for tile in self.query(Tile)):
            return  # whatever led here: what is not on the screen was not seen
        picture, view, place = frame.picture, frame.view, frame.place
        preview = frame.source is self._whole
        whole = preview and (view.w, view.h) == (picture.width, picture.height)
        judged = whole and large_enough(picture, max(place.width, place.height))
        self.post_message(self.Painted(picture, judged=judged))

    @property
    def too_small(self) -> bool:
        """Whether the whole picture, at the present size of the terminal, is too small to be judged."""
        picture, grid = self._picture, self._grid
        if picture is None or grid is None:
            return False
        return not large_enough(picture, max(fitted(picture.width, picture.height, *grid.pixels)))

"""Raw RGB to sixels, pure: scale, choose colours, draw outlines, encode.

The only module of the console that uses numpy. It never sees an image file: the daemon's worker decoded it,
and what arrives here is rows of 8-bit RGB, whose length `picture` checks.

Sixels are the raster format of the DEC VT340 (DEC STD 070, "VT330/VT340 Programmer Reference Manual",
chapter 14): bands of six rows; in a band, for each colour, one character a column whose low six bits say
which of the six rows get that colour.

It is our own encoder because the widget of textual-image encodes while the screen is being drawn, which
stops every key for a third of a second; this one runs in another process, and encodes only the tiles that
changed.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from medkiosk.console.drawing.shapes import Outline, Place, Stroke, View, placing

Rgb = npt.NDArray[np.uint8]
"""Shape (height, width, 3)."""
Indices = npt.NDArray[np.uint8]
"""Shape (height, width): numbers of palette entries."""

PAPER, DARK, LIGHT = 0, 1, 2
"""Palette entries that every palette has: around the picture, and two for the chosen outline; those of
`Stroke` follow."""
_FIXED = (
    (18, 21, 26), (0, 0, 0), (255, 214, 10), (150, 200, 255), (255, 140, 40), (225, 225, 225), (80, 240, 130),
)  # fmt: skip
_COLOURS = 248
"""Entries for the picture itself; with the fixed ones fewer than the 256 that terminals have."""
_BINS = 1 << 15
_LONGEST_RUN = 9999
_EVERY = np.arange(_BINS)
_MIDDLES = np.stack([_EVERY >> 10, (_EVERY >> 5) & 31, _EVERY & 31], axis=1).astype(np.float32) * 8 + 4
_GRID = np.hstack([-2 * _MIDDLES, np.ones((_BINS, 1), dtype=np.float32)])
_BAYER = np.array(
    [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]],
    dtype=np.int16,
)


_DASHES: dict[Stroke, tuple[int, int]] = {Stroke.SUGGESTED: (12, 18), Stroke.KEPT: (3, 9)}
"""Pixels drawn, and pixels after which it repeats; the others are drawn through."""


@dataclass(frozen=True)
class Palette:
    """Colours of one picture.

    Attributes:
        colours: shape (n, 3), at most 256.
        nearest: shape (32768,): for each 15-bit colour the number of the entry closest to it.
    """

    colours: Rgb
    nearest: npt.NDArray[np.uint8]

    @cached_property
    def registers(self) -> tuple[str, ...]:
        """What tells a terminal each colour."""
        percent = (self.colours.astype(np.int32) * 100 + 127) // 255
        return tuple(f"#{entry};2;{r};{g};{b}" for entry, (r, g, b) in enumerate(percent.tolist()))


def picture(pixels: bytes, width: int, height: int) -> Rgb:
    """See raw RGB bytes as an array.

    Raises:
        ValueError: the length is not ``width * height * 3``, or a side is 0.
    """
    if width < 1 or height < 1 or len(pixels) != width * height * 3:
        raise ValueError("the picture's size and its bytes do not agree")
    return np.frombuffer(pixels, dtype=np.uint8).reshape(height, width, 3)


def _bin_of(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    deep = (rgb >> 3).astype(np.int32)
    bins: npt.NDArray[np.int32] = (deep[..., 0] << 10) | (deep[..., 1] << 5) | deep[..., 2]
    return bins


class _Box:
    """Some bins of the histogram, and how much there is to gain from splitting them."""

    def __init__(
        self, points: npt.NDArray[np.intp], weights: npt.NDArray[np.intp], bins: npt.NDArray[np.intp]
    ) -> None:
        spans = np.ptp(points[bins], axis=0)
        self.bins = bins
        self.axis = int(np.argmax(spans))
        self.span = int(spans[self.axis]) * int(weights[bins].sum())

    def halves(self, points: npt.NDArray[np.intp], weights: npt.NDArray[np.intp]) -> list[_Box]:
        """Cut along the widest axis, half of the pixels to each side."""
        bins = self.bins[np.argsort(points[self.bins, self.axis], kind="stable")]
        sums = np.cumsum(weights[bins])
        half = min(int(np.searchsorted(sums, sums[-1] / 2)) + 1, len(bins) - 1)
        return [_Box(points, weights, bins[:half]), _Box(points, weights, bins[half:])]


def palette_of(rgb: Rgb) -> Palette:
    """Choose colours for a picture by median cut (Heckbert 1982) over a 15-bit histogram of half its pixels.

    They are taken as on a chequerboard of every other row and column, so that stripes one pixel wide count.
    """
    sample = np.concatenate([_bin_of(each).ravel() for each in (rgb[::2, ::2], rgb[1::2, 1::2])])
    counts = np.bincount(sample, minlength=_BINS)
    used = np.flatnonzero(counts)
    points = np.stack([used >> 10, (used >> 5) & 31, used & 31], axis=1)
    weights = counts[used]
    boxes = _cut(_Box(points, weights, np.arange(len(used))), points, weights)
    of_box = np.empty(len(used), dtype=np.intp)
    for number, box in enumerate(boxes):
        of_box[box.bins] = number
    sums = [np.bincount(of_box, weights * points[:, channel]) for channel in range(3)]
    chosen = np.stack(sums, axis=1) / np.bincount(of_box, weights)[:, None] * 8 + 4
    colours = np.concatenate([np.array(_FIXED), np.rint(chosen)]).clip(0, 255)
    own = colours[len(_FIXED) :].astype(np.float32)
    # |x - c|^2 without |x|^2, as one product: (-2 x, 1) times (c, |c|^2). In pieces that stay in the
    # processor's cache: the whole table of distances has 32 MB.
    entries = np.vstack([own.T, (own * own).sum(axis=1)])
    nearest = [np.argmin(piece @ entries, axis=1) for piece in np.split(_GRID, 64)]
    return Palette(colours.astype(np.uint8), (np.concatenate(nearest) + len(_FIXED)).astype(np.uint8))


def _cut(whole: _Box, points: npt.NDArray[np.intp], weights: npt.NDArray[np.intp]) -> list[_Box]:
    """Halve the box with most to gain, again and again."""
    waiting = [(-whole.span, 0, whole)]  # a heap; the number decides between equals
    made = 0
    while len(waiting) < _COLOURS and waiting[0][0] < 0:
        for half in heapq.heappop(waiting)[2].halves(points, weights):
            made += 1
            heapq.heappush(waiting, (-half.span, made, half))
    return [box for *_, box in waiting]


def _axis(length: int, size: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.uint16]]:
    """Where each of ``size`` output samples falls between two inputs, and how far, in 128ths."""
    at = (np.arange(size) + 0.5) * (length / size) - 0.5
    at = at.clip(0, max(length - 1, 0))
    low = np.minimum(np.floor(at), max(length - 2, 0))
    return low.astype(np.intp), np.rint((at - low) * 128).astype(np.uint16)


def scaled(rgb: Rgb, view: View, width: int, height: int) -> Rgb:
    """Scale a part of a picture: whole-pixel averages first, then linear interpolation."""
    part = rgb[view.y : view.y + view.h, view.x : view.x + view.w]
    fold = max(min(part.shape[0] // height, part.shape[1] // width), 1)
    if fold > 1:
        rows, columns = part.shape[0] // fold, part.shape[1] // fold
        part = (
            part[: rows * fold, : columns * fold]
            .reshape(rows, fold, columns, fold, 3)
            .mean(axis=(1, 3), dtype=np.float32)
            .astype(np.uint8)
        )
    if part.shape[:2] == (height, width):
        return part
    top, down = _axis(part.shape[0], height)
    left, right = _axis(part.shape[1], width)
    bottom = np.minimum(top + 1, part.shape[0] - 1)
    beside = np.minimum(left + 1, part.shape[1] - 1)
    down, right = down[:, None, None], right[None, :, None]
    # Fixed point: 8 bits and 7 of weight, and one bit kept between the two steps, fit in 16.
    deep = part.astype(np.uint16)
    rows_between = (deep[top] * (128 - down) + deep[bottom] * down + 32) >> 6
    mixed = np.take(rows_between, left, axis=1) * (128 - right)
    mixed += np.take(rows_between, beside, axis=1) * right
    whole: Rgb = ((mixed + 128) >> 8).astype(np.uint8)
    return whole


def quantised(rgb: Rgb, palette: Palette) -> Indices:
    """Give each pixel its palette entry, with an ordered dither of half a step against banding."""
    rows, columns = -(-rgb.shape[0] // 4), -(-rgb.shape[1] // 4)
    noise = (_BAYER >> 1) - 4
    up, down = (
        np.tile(np.maximum(each, 0).astype(np.uint8), (rows, columns))[: rgb.shape[0], : rgb.shape[1]]
        for each in (noise, -noise)
    )
    bins = np.zeros(rgb.shape[:2], dtype=np.uint16)
    for channel in range(3):
        lighter = np.minimum(rgb[..., channel], 255 - up) + up  # in eight bits, stopping at both ends
        bins = (bins << 5) | ((np.maximum(lighter, down) - down) >> 3)
    chosen: Indices = palette.nearest[bins]
    return chosen


@dataclass(frozen=True)
class Placed:
    """A picture quantised and placed on paper of the size of the widget.

    Attributes:
        paper: the whole area.
        view: the part of the picture that is shown.
        place: where it lies on the paper.
    """

    paper: Indices
    view: View
    place: Place


def placed(part: Rgb, palette: Palette, view: View, area: tuple[int, int]) -> Placed:
    """Quantise a view that was scaled to the size that `placing` says, and put it there on its paper."""
    place = placing(view, area)
    paper = np.full((area[1], area[0]), PAPER, dtype=np.uint8)
    rows, columns = slice(place.top, place.top + place.height), slice(place.left, place.left + place.width)
    paper[rows, columns] = quantised(part, palette)
    return Placed(paper, view, place)


def _frame(
    paper: Indices, box: tuple[int, int, int, int], inset: int, entry: int, dash: tuple[int, int] = (1, 1)
) -> None:
    """Draw one line around a box, one pixel wide; dashes begin at the box's upper left corner."""
    x0, y0, x1, y1 = box
    x0, y0, x1, y1 = x0 + inset, y0 + inset, x1 - inset, y1 - inset
    rows, columns = paper.shape
    across = np.arange(max(x0, 0), max(min(x1 + 1, columns), 0))
    along = np.arange(max(y0, 0), max(min(y1 + 1, rows), 0))
    drawn, period = dash
    for y in (y0, y1):
        if 0 <= y < rows:
            paper[y, across[(across - box[0]) % period < drawn]] = entry
    for x in (x0, x1):
        if 0 <= x < columns:
            paper[along[(along - box[1]) % period < drawn], x] = entry


_STRONG = ((-3, DARK), (-2, LIGHT), (-1, LIGHT), (0, LIGHT), (1, DARK))


def outlined(base: Placed, outlines: Sequence[Outline]) -> Indices:
    """Draw outlines on a copy; the strong one last, so that nothing hides it."""
    paper = base.paper.copy()
    fx, fy = base.place.width / base.view.w, base.place.height / base.view.h
    for outline in sorted(outlines, key=lambda each: each.strong):
        x0 = base.place.left + round((outline.x - base.view.x) * fx)
        y0 = base.place.top + round((outline.y - base.view.y) * fy)
        x1 = base.place.left + round((outline.x + outline.w - base.view.x) * fx) - 1
        y1 = base.place.top + round((outline.y + outline.h - base.view.y) * fy) - 1
        box = (x0, y0, max(x1, x0), max(y1, y0))
        dash = _DASHES.get(outline.stroke, (1, 1))
        if outline.strong:
            for inset, entry in _STRONG:
                _frame(paper, box, inset, DARK)
                _frame(paper, box, inset, entry, dash)
            _frame(paper, box, 2, outline.stroke, dash)
        else:
            _frame(paper, box, -1, DARK)
            _frame(paper, box, 0, DARK)
            _frame(paper, box, 0, outline.stroke, dash)
            _frame(paper, box, 1, outline.stroke, dash)
    return paper


def _tokens(texts: Iterable[str]) -> npt.NDArray[np.uint64]:
    """Texts of at most seven octets, each in one number whose first octet is the lowest; the others are 0."""
    return np.array([int.from_bytes(text.encode(), "little") for text in texts], dtype=np.uint64)


_COUNTS = [f"!{number}" for number in range(2, _LONGEST_RUN + 1)]
_GAPS = _tokens(["", "?", *(f"{count}?" for count in _COUNTS)])
"""How to go on so many columns without painting."""
_REPEATS = _tokens(["", "", *_COUNTS])
"""What stands before a character that is painted so many times; the character is the eighth octet."""
_SELECT = _tokens(f"#{entry}" for entry in range(256))
_CARRIAGE_RETURN, _NEW_LINE = np.uint64(ord("$")), np.uint64(ord("-"))


def _changes(*values: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """Where any of these differs from the one before it; the first always does."""
    found = np.zeros(len(values[0]), dtype=np.bool_)
    found[0] = True
    for each in values:
        found[1:] |= each[1:] != each[:-1]
    return found


@dataclass(frozen=True)
class _Cells:
    """The characters of a picture in the order in which they are written.

    Attributes:
        line: 256 times the band, and the palette entry: what is written from the left margin on.
        column: where.
        bits: which of its six rows are painted.
    """

    line: npt.NDArray[np.uint32]
    column: npt.NDArray[np.int64]
    bits: npt.NDArray[np.uint32]


def _cells(indices: Indices) -> _Cells:
    """Find out which characters a picture is written with."""
    height, width = indices.shape
    bands = -(-height // 6)
    if lack := bands * 6 - height:
        indices = np.pad(indices, ((0, lack), (0, 0)), mode="edge")  # makes no character that is not there
    # Each band column by column: sorted by colour, stably, the pixels of one character stay together.
    pixels = indices.reshape(bands, 6, width).transpose(0, 2, 1).reshape(bands, 6 * width)
    order = np.argsort(pixels, axis=1, kind="stable")  # of octets it is a radix sort
    bits = np.tile(np.uint8(1) << np.arange(6, dtype=np.uint8), width)[order]
    if lack:
        bits[-1, order[-1] % 6 >= 6 - lack] = 0
    place = pixels.astype(np.uint32) * width + np.arange(6 * width, dtype=np.uint32) // 6
    place += np.arange(bands, dtype=np.uint32)[:, None] * np.uint32(256 * width)
    place = np.take_along_axis(place, order, axis=1).ravel()
    first = np.flatnonzero(_changes(place))
    sums = np.cumsum(bits.ravel(), dtype=np.uint32)
    last = np.append(first[1:], len(place)) - 1
    place = place[first]
    line = place // np.uint32(width)
    column = (place - line * np.uint32(width)).astype(np.int64)
    return _Cells(line, column, np.diff(sums[last], prepend=np.uint32(0)))


def encode(indices: Indices, palette: Palette) -> str:
    """Encode palette indices as one sixel picture, complete with its introducer and terminator.

    Every pixel is painted. Where the height is no multiple of six, the rows below the last one are left as
    they are on the screen.

    Raises:
        ValueError: wider than 9999 pixels, or more than about twelve million of them.
    """
    height, width = indices.shape
    if width > _LONGEST_RUN or (height + 5) // 6 * 256 * width * 8 >= 1 << 32:
        raise ValueError("too large for one sixel picture: cut it into tiles")
    cells = _cells(indices)
    # Neighbours that look the same are one run.
    beside = cells.column - np.arange(len(cells.column))
    starts = np.flatnonzero(_changes(cells.line, cells.bits, beside))
    lengths = np.diff(starts, append=len(cells.line))
    line, column, bits = cells.line[starts], cells.column[starts], cells.bits[starts]
    fresh = _changes(line)
    ends = np.where(fresh, 0, np.roll(column + lengths, 1))

    tokens = np.zeros((len(starts), 3), dtype="<u8")
    at = np.flatnonzero(fresh)
    back = np.where(_changes(line[at] // 256), _NEW_LINE, _CARRIAGE_RETURN)
    back[0] = 0
    tokens[at, 0] = _SELECT[line[at] % 256] << np.uint64(8) | back
    tokens[:, 1] = _GAPS[column - ends]
    tokens[:, 2] = _REPEATS[lengths] | (bits + np.uint32(63)).astype(np.uint64) << np.uint64(56)
    octets = tokens.view(np.uint8).ravel()
    body = octets[octets != 0].tobytes().decode("ascii")

    used = np.flatnonzero(np.bincount(indices.ravel(), minlength=256))
    registers = "".join(map(palette.registers.__getitem__, used))
    return f'\x1bP0;1;0q"1;1;{width};{height}{registers}{body}\x1b\\'


def equal(one: Indices, other: Indices) -> bool:
    """Whether two tiles look the same."""
    return bool(np.array_equal(one, other))

"""A HEIF picture (Canon HIF, HEIC) as upright 8-bit sRGB pixels.

ISO/IEC 23008-12 (HEIF) and 23000-22 (MIAF). Our own bounded parser reads the boxes; libde265 decodes the
picture, or tile after tile of a grid. Handled: one ``hvc1`` picture or a ``grid`` of them, with rotation and
mirror. Everything else (overlays, crops, AV1, sequences) is refused by name, as is any property that the
file calls essential and that is not known here. EXIF's orientation is not looked at: in HEIF the properties
``irot`` and ``imir`` count (23008-12, A.2.4), and both would turn the picture twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from medkiosk.core.photo import RedactCode
from medkiosk.redact.container import ycbcr
from medkiosk.redact.container.hevc import Hevc, Picture, Plane
from medkiosk.redact.container.isobmff import Box, boxes, find, number, truncated
from medkiosk.redact.container.items import Item, Items, read_items
from medkiosk.redact.container.ycbcr import Colour
from medkiosk.redact.errors import ContainerError
from medkiosk.redact.icc import ColourSpace, recognise
from medkiosk.redact.pixels import Pixels, as_pixels

_MAX_TILES = 256  # 48 megapixels in tiles of 512x512 are 192
_KNOWN = {b"hvcC", b"ispe", b"colr", b"pixi", b"irot", b"imir", b"pasp", b"clli", b"mdcv", b"auxC"}
_TURN = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}
_PRIMARIES = {ColourSpace.SRGB: 1, ColourSpace.DISPLAY_P3: 12}


class _Size(NamedTuple):
    width: int
    height: int


class _Tile(NamedTuple):
    configuration: memoryview
    data: memoryview


@dataclass(frozen=True)
class Layout:
    """A picture before it is decoded.

    Attributes:
        size: as it is put together, before it is turned, pixels.
        tile: of each tile, pixels; the right and lower ones may reach over the picture's edge.
        columns: tiles in a row.
        tiles: row by row; one for a picture without a grid.
        colour: how code values become colours.
        turns: ``irot`` and ``imir`` in the order in which they apply: name, value.
    """

    size: _Size
    tile: _Size
    columns: int
    tiles: tuple[_Tile, ...]
    colour: Colour
    turns: tuple[tuple[bytes, int], ...]


def decode_heif(data: memoryview, max_pixels: int, max_side: int, hevc: Hevc) -> Pixels:
    """Decode to upright BGR pixels in sRGB, shape (height, width, 3).

    Args:
        data: the whole file.
        max_pixels: a larger picture is refused before anything is decoded.
        max_side: likewise, for the longer side.
        hevc: the loaded decoder.

    Raises:
        ContainerError: TRUNCATED (damaged, contradicts itself, ends early), TOO_LARGE, UNSUPPORTED (another
            coding, crop, overlay, several pictures), COLOUR_SPACE (HLG, an unknown ICC profile or matrix),
            OUT_OF_MEMORY.
    """
    layout = read_layout(data, max_pixels, max_side)
    pixels = ycbcr.to_bgr(_put_together(layout, hevc), layout.colour)
    for name, value in layout.turns:
        if name == b"imir":
            # Axis 0 is vertical: left and right change places (23008-12, 6.5.12).
            pixels = as_pixels(cv2.flip(pixels, 0 if value else 1))
        elif value:
            pixels = as_pixels(cv2.rotate(pixels, _TURN[value]))
    return pixels


def read_layout(data: memoryview, max_pixels: int, max_side: int) -> Layout:
    """Read everything that is said around the picture, and hold it against the limits.

    Raises:
        ContainerError: as `decode_heif`.
    """
    top = boxes(data, file=True)
    meta = find(top, b"meta")
    if meta is None:
        sequence = find(top, b"moov") is not None
        raise ContainerError(RedactCode.UNSUPPORTED if sequence else RedactCode.TRUNCATED, "no meta box")
    items = read_items(boxes(meta[4:]), data)
    primary = items.primary
    _refuse_unknown(primary)
    size = _size_of(primary)
    if max(size) > max_side or size.width * size.height > max_pixels:
        raise ContainerError(RedactCode.TOO_LARGE, f"{size.width}x{size.height}")
    if primary.type == b"hvc1":
        columns, parts = 1, [primary]
    elif primary.type == b"grid":
        columns, parts = _grid(items, primary, size)
    else:
        raise ContainerError(RedactCode.UNSUPPORTED, f"item of type {primary.type!r}")
    tile = _size_of(parts[0])
    _check_cover(size, tile, columns, len(parts) // columns)
    tiles = tuple(_tile(items, part, tile) for part in parts)
    if sum(len(part.data) for part in tiles) > len(data):
        raise truncated("tiles share their data")
    colour = _colour(primary, parts[0])
    ycbcr.check(colour)
    return Layout(size, tile, columns, tiles, colour, _turns(primary))


def _put_together(layout: Layout, hevc: Hevc) -> Picture:
    """Decode every tile and copy it to its place."""
    whole: list[Plane] = []
    depth = 0
    for index, tile in enumerate(layout.tiles):
        part = hevc.decode(tile.configuration, tile.data, *layout.tile)
        if len(layout.tiles) == 1:
            return part
        if not whole:
            depth = part.depth
            whole = [np.empty(_plane_shape(layout, plane), plane.dtype) for plane in part.planes]
        if part.depth != depth or len(part.planes) != len(whole):
            raise truncated("tiles of different kinds")
        row, column = divmod(index, layout.columns)
        for plane, target in zip(part.planes, whole, strict=True):
            if _plane_shape(layout, plane) != target.shape:
                raise truncated("tiles of different kinds")
            y, x = row * plane.shape[0], column * plane.shape[1]
            place = target[y : y + plane.shape[0], x : x + plane.shape[1]]
            place[:] = plane[: place.shape[0], : place.shape[1]]
    return Picture(tuple(whole), depth)


def _plane_shape(layout: Layout, plane: Plane) -> tuple[int, int]:
    """Height and width of the whole picture in a plane of which one tile has this shape."""
    down, across = layout.tile.height // plane.shape[0], layout.tile.width // plane.shape[1]
    if (plane.shape[0] * down, plane.shape[1] * across) != (layout.tile.height, layout.tile.width):
        raise ContainerError(RedactCode.UNSUPPORTED, "tiles that end inside a chroma sample")
    return -(-layout.size.height // down), -(-layout.size.width // across)


def _grid(items: Items, primary: Item, size: _Size) -> tuple[int, list[Item]]:
    """Columns and tiles of a grid (23008-12, 6.6.2.3.2)."""
    body = items.data(primary)
    wide = number(body, 1, 1) & 1
    field = 4 if wide else 2
    rows, columns = number(body, 2, 1) + 1, number(body, 3, 1) + 1
    if number(body, 0, 1) or (number(body, 4, field), number(body, 4 + field, field)) != size:
        raise truncated("a grid of another size than its picture")
    if rows * columns > _MAX_TILES:
        raise ContainerError(RedactCode.UNSUPPORTED, f"{rows * columns} tiles")
    parts = items.parts(primary)
    if len(parts) != rows * columns:
        raise truncated(f"{len(parts)} tiles in a grid of {columns}x{rows}")
    for part in parts:
        _refuse_unknown(part)
        if part.type != b"hvc1" or _turns(part):
            raise ContainerError(RedactCode.UNSUPPORTED, "a tile that is not a plain HEVC picture")
    return columns, parts


def _check_cover(size: _Size, tile: _Size, columns: int, rows: int) -> None:
    """Tiles must cover the picture, and each must show some of it."""
    for whole, part, count in ((size.width, tile.width, columns), (size.height, tile.height, rows)):
        if not part * (count - 1) < whole <= part * count:
            raise truncated(f"{count} tiles of {part} for {whole} pixels")
    if columns * rows == 1 and size != tile:
        raise ContainerError(RedactCode.UNSUPPORTED, "a grid of one larger tile")


def _tile(items: Items, item: Item, size: _Size) -> _Tile:
    configuration = item.property(b"hvcC")
    if configuration is None or len(configuration) < 23:
        raise truncated("no HEVC configuration")
    if _size_of(item) != size:
        raise truncated("tiles of different sizes")
    return _Tile(configuration, items.data(item))


def _size_of(item: Item) -> _Size:
    body = item.property(b"ispe")
    if body is None:
        raise truncated("no size")
    size = _Size(number(body, 4, 4), number(body, 8, 4))
    if not min(size):
        raise truncated("a size of nothing")
    return size


def _refuse_unknown(item: Item) -> None:
    for entry in item.properties:
        if entry.box.type == b"clap" or (entry.essential and entry.box.type not in _KNOWN):
            raise ContainerError(RedactCode.UNSUPPORTED, f"property {entry.box.type!r}")


def _turns(item: Item) -> tuple[tuple[bytes, int], ...]:
    turns = []
    for entry in item.properties:
        if entry.box.type == b"irot":
            turns.append((b"irot", number(entry.box.body, 0, 1) & 3))
        elif entry.box.type == b"imir":
            turns.append((b"imir", number(entry.box.body, 0, 1) & 1))
    return tuple(turns)


def _colour(primary: Item, tile: Item) -> Colour:
    """What nclx and an ICC profile say (23008-12, 6.5.5): of the picture, else of its first tile.

    The profile, where there is one, tells the colours; nclx then only how YCbCr became RGB.
    """
    kept = [entry.box for entry in primary.properties if entry.box.type == b"colr"]
    kept = kept or [entry.box for entry in tile.properties if entry.box.type == b"colr"]
    colour, profile = Colour(), None
    for box in kept:
        kind = bytes(box.body[:4])
        if kind == b"nclx":
            colour = _nclx(box)
        elif kind in {b"prof", b"rICC"}:
            profile = bytes(box.body[4:])
    if profile is None:
        return colour
    primaries = _PRIMARIES.get(recognise(profile, grey=False) or ColourSpace.ADOBE_RGB)
    if primaries is None:
        raise ContainerError(RedactCode.COLOUR_SPACE, "an ICC profile of no known colour space")
    return colour._replace(primaries=primaries, transfer=13)


def _nclx(box: Box) -> Colour:
    body = box.body
    return Colour(number(body, 4, 2), number(body, 6, 2), number(body, 8, 2), bool(number(body, 10, 1) >> 7))

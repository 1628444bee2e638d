"""CR3 and HEIF files for tests, built box by box."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from tests.redact.hevc_pcm import Plane, coded

METADATA = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
PREVIEW = bytes.fromhex("eaf42b5e1c984b88b9fbb7dc406e4d16")


def box(type_: bytes, *parts: bytes, wide: bool = False) -> bytes:
    """One box, with a 64-bit size on request."""
    body = b"".join(parts)
    if wide:
        return struct.pack(">I4sQ", 1, type_, len(body) + 16) + body
    return struct.pack(">I4s", len(body) + 8, type_) + body


def full(type_: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    """A box with version and flags."""
    return box(type_, struct.pack(">I", version << 24 | flags), *parts)


def directory(*entries: tuple[int, int], little: bool = True) -> bytes:
    """A TIFF whose first directory has SHORT values."""
    order = "<" if little else ">"
    tiff = struct.pack(order + "2sHIH", b"II" if little else b"MM", 42, 8, len(entries))
    for tag, value in entries:
        tiff += struct.pack(order + "HHIHH", tag, 3, 1, value, 0)
    return tiff + bytes(4)


def track(
    entry: bytes, size: tuple[int, int], place: tuple[int, int], *, short: bool = False, count: int = 1
) -> bytes:
    """A ``trak`` with one CRAW entry; ``place`` is offset and size of its sample."""
    visual = bytes(24) + struct.pack(">HH", *size) + bytes(54)
    offsets = (
        full(b"stco", struct.pack(">II", 1, place[0]))
        if short
        else full(b"co64", struct.pack(">IQ", 1, place[0]))
    )
    sizes = full(b"stsz", struct.pack(">II", 0, count), struct.pack(">I", place[1]) * count)
    table = box(
        b"stbl",
        full(b"stsd", struct.pack(">I", 1), box(b"CRAW", visual, entry, box(b"free", bytes(2)))),
        full(b"stsc", struct.pack(">IIII", 1, 1, 1, 1)),
        box(b"free", bytes(7)),
        sizes,
        offsets,
    )
    return box(b"trak", full(b"tkhd", bytes(80)), box(b"mdia", box(b"minf", table)))


def cr3(
    jpeg: bytes,
    size: tuple[int, int],
    orientation: int = 1,
    *,
    ifd0: bytes | None = None,
    exif: bytes = directory((0xA001, 1)),
    maker: bytes = directory((0x00B4, 1)),
    entry: bytes = full(b"JPEG"),
    size_field: int | None = None,
    short: bool = False,
    count: int = 1,
    wide: bool = False,
    preview: bytes = b"",
) -> bytes:
    """A Canon CR3 with one JPEG track and one of raw data (of nothing)."""
    ifd0 = directory((0x0112, orientation)) if ifd0 is None else ifd0
    metadata = box(
        b"uuid", METADATA, box(b"CNCV", b"CanonCR3_001/00.10.00/00.00.00"), box(b"CMT1", ifd0),
        box(b"CMT2", exif), box(b"CMT3", maker), box(b"THMB", bytes(16), preview),
    )  # fmt: skip
    head = box(b"ftyp", b"crx \0\0\0\1crx isom")
    after = box(b"uuid", PREVIEW, bytes(8), box(b"PRVW", bytes(16), preview))

    def movie(start: int) -> bytes:
        length = len(jpeg) if size_field is None else size_field
        tracks = track(entry, size, (start, length), short=short, count=count)
        tracks += track(full(b"CMP1", bytes(48)), size, (start, 0))
        return box(b"moov", metadata, full(b"mvhd", bytes(96)), tracks, wide=wide)

    start = len(head + movie(0) + after) + (16 if wide else 8)
    return head + movie(start) + after + box(b"mdat", jpeg, wide=wide)


def nclx(primaries: int = 1, transfer: int = 13, matrix: int = 6, *, full_range: bool = True) -> bytes:
    """A ``colr`` box with the numbers of H.273."""
    return box(b"colr", b"nclx", struct.pack(">HHHB", primaries, transfer, matrix, full_range << 7))


def irot(quarters: int) -> bytes:
    """Rotation by quarters of a turn, anti-clockwise."""
    return box(b"irot", bytes([quarters]))


def imir(axis: int) -> bytes:
    """Mirror: axis 0 changes left and right, 1 top and bottom."""
    return box(b"imir", bytes([axis]))


def ispe(width: int, height: int) -> bytes:
    """The size of a picture."""
    return full(b"ispe", struct.pack(">II", width, height))


def heif(
    planes: Sequence[Plane],
    subsampling: str = "4:2:2",
    depth: int = 10,
    *,
    grid: tuple[int, int] | None = None,
    properties: Sequence[bytes] = (nclx(),),
    optional: Sequence[bytes] = (),
    size: tuple[int, int] | None = None,
    said: tuple[int, int] | None = None,
) -> bytes:
    """A HEIF file of one picture, or of a grid of (columns, rows) as Canon writes it.

    Args:
        planes: luma and chroma.
        subsampling: ``4:2:2`` and so on.
        depth: bits.
        grid: cut into so many equal tiles.
        properties: boxes for the picture besides its size; they are marked as essential.
        optional: likewise, not essential.
        size: of the picture, if it is not all of the tiles.
        said: what ``ispe`` of a tile says, if it is not the truth.
    """
    columns, rows = grid or (1, 1)
    height, width = planes[0].shape
    tile = width // columns, height // rows
    parts = []
    for row in range(rows):
        for column in range(columns):
            cut = [
                plane[
                    row * (len(plane) // rows) : (row + 1) * (len(plane) // rows),
                    column * (plane.shape[1] // columns) : (column + 1) * (plane.shape[1] // columns),
                ]
                for plane in planes
            ]
            parts.append(coded(cut, subsampling, depth))
    shown = size or (width, height)
    tile_boxes = [box(b"hvcC", parts[0][0]), ispe(*(said or tile))]
    own = [*properties, *optional]
    first_id = 1 if grid is None else 256
    essential = [1] * len(properties) + [0] * len(optional)
    if grid is None:
        ipco = tile_boxes + own
        of = [(1, [(1, 1), (0, 2), *((e, 3 + i) for i, e in enumerate(essential))])]
    else:
        ipco = [*tile_boxes, ispe(*shown), *own]
        of = [(1, [(0, 3), *((e, 4 + i) for i, e in enumerate(essential))])]
        of += [(first_id + index, [(1, 1), (0, 2)]) for index in range(len(parts))]
    ipma = struct.pack(">I", len(of))
    for id_, linked in of:
        ipma += struct.pack(">HB", id_, len(linked)) + bytes(e << 7 | index for e, index in linked)
    items = [(1, b"grid")] if grid else []
    items += [(first_id + index, b"hvc1") for index in range(len(parts))]
    entries = [full(b"infe", struct.pack(">HH4sx", id_, 0, type_), version=2) for id_, type_ in items]
    head = box(b"ftyp", b"heix\0\0\0\0mif1heix")

    def meta(start: int) -> bytes:
        iloc = struct.pack(">HH", 0x4400, len(items))
        if grid:
            iloc += struct.pack(">HHHHII", 1, 1, 0, 1, 0, 8)
        at = start
        for index, (_, data) in enumerate(parts):
            iloc += struct.pack(">HHHHII", first_id + index, 0, 0, 1, at, len(data))
            at += len(data)
        references = struct.pack(
            f">HH{len(parts)}H", 1, len(parts), *(first_id + i for i in range(len(parts)))
        )
        return full(
            b"meta",
            full(b"hdlr", bytes(4), b"pict", bytes(13)),
            full(b"pitm", struct.pack(">H", 1)),
            full(b"iinf", struct.pack(">H", len(items)), *entries),
            full(b"iref", box(b"dimg", references)) if grid else b"",
            box(b"iprp", box(b"ipco", *ipco), full(b"ipma", ipma)),
            box(b"idat", struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, *shown)) if grid else b"",
            full(b"iloc", iloc, version=1),
        )

    start = len(head + meta(0)) + 8
    return head + meta(start) + box(b"mdat", *(data for _, data in parts))


def ramp(width: int, height: int, subsampling: str = "4:2:2", depth: int = 10) -> list[Plane]:
    """Smooth planes in which every corner differs."""
    across, down = {"4:2:0": (2, 2), "4:2:2": (2, 1), "4:4:4": (1, 1)}[subsampling]
    top = (1 << depth) - 1
    y, x = np.mgrid[0:height, 0:width]
    luma = (0.15 + 0.5 * x / width + 0.3 * y / height) * top
    cy, cx = np.mgrid[0 : height // down, 0 : width // across]
    blue = (0.4 + 0.2 * cx * across / width) * top
    red = (0.45 + 0.2 * cy * down / height) * top
    return [plane.astype(np.uint16) for plane in (luma, blue, red)]

"""Read the structure of a JPEG file: its markers, frame, tables, scans, colours. Pure and bounded.

ITU-T T.81 annex B. Nothing here touches entropy-coded data but to find where it ends. The parser refuses by
name what the burning code does not handle.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from medkiosk.core.photo import RedactCode
from medkiosk.redact.errors import JpegError
from medkiosk.redact.icc import ICC_SEGMENT, ColourSpace, join_chunks, recognise
from medkiosk.redact.jpeg.exif import read_exif
from medkiosk.redact.jpeg.scans import Scans

MAX_SEGMENTS = 4096
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_SOF_ALL = {*range(0xC0, 0xD0)} - {0xC4, 0xCC}
_PROGRESSIVE = 0xC2
_SOF_HANDLED = {0xC0, 0xC1, _PROGRESSIVE}
_STANDALONE = {0x01, *range(0xD0, 0xD8)}
_EXIF = b"Exif\0\0"
_RGB_IDS = (0x52, 0x47, 0x42)
_SUBSAMPLINGS = {
    ((1, 1), (1, 1)): "4:4:4",
    ((2, 1), (1, 1)): "4:2:2",
    ((2, 2), (1, 1)): "4:2:0",
    ((1, 2), (1, 1)): "4:4:0",
    ((4, 1), (1, 1)): "4:1:1",
    # The same ratios with factors that are larger than they need be.
    ((2, 1), (2, 1)): "4:4:4",
    ((1, 2), (1, 2)): "4:4:4",
    ((2, 2), (1, 2)): "4:2:2",
    ((2, 2), (2, 1)): "4:4:0",
}
"""Sampling factors (h, v) of luma and of both chroma components that libturbojpeg 2.1 can transform."""
# Index in natural order of each place of a table as it is stored (T.81 figure A.6: zigzag).
_ZIGZAG = sorted(range(64), key=lambda i: (i // 8 + i % 8, i // 8 if (i // 8 + i % 8) % 2 else i % 8))


class M(IntEnum):
    """Markers that are named here (second byte)."""

    DHT = 0xC4
    SOI = 0xD8
    EOI = 0xD9
    SOS = 0xDA
    DQT = 0xDB
    DNL = 0xDC
    DHP = 0xDE
    EXP = 0xDF
    APP0 = 0xE0
    APP1 = 0xE1
    APP2 = 0xE2
    APP14 = 0xEE


class Segment(NamedTuple):
    """One marker segment: its marker, where it starts (at the 0xFF) and where its payload ends."""

    marker: int
    start: int
    end: int


@dataclass(frozen=True)
class Component:
    """One colour component of the frame: its sampling factors and quantisation table."""

    id: int
    h: int
    v: int
    table: int


@dataclass
class Header:
    """What is known about a JPEG file without decoding it.

    Attributes:
        width, height: as stored, pixels, before orientation.
        sof: the frame's marker, 0xC0 to 0xC2.
        components: one (grey) or three (YCbCr).
        quant: quantisation table number -> 64 divisors in natural order (row by row, DC first).
        orientation: EXIF orientation 1 to 8; 1 where there is none or it makes no sense.
        colour: the colour space, from the ICC profile or else from EXIF or else sRGB.
        segments: every marker segment from SOI to EOI; a scan's data lies between two of them.
        end: offset just after EOI; what follows is not part of this picture.
    """

    width: int = 0
    height: int = 0
    sof: int = 0
    components: tuple[Component, ...] = ()
    quant: dict[int, tuple[int, ...]] = field(default_factory=dict)
    orientation: int = 1
    colour: ColourSpace = ColourSpace.SRGB
    segments: list[Segment] = field(default_factory=list)
    end: int = 0


def parse(data: bytes | memoryview) -> Header:
    """Walk a JPEG from SOI to its first EOI.

    Args:
        data: the whole file.

    Raises:
        JpegError: NOT_A_PHOTO (no SOI), TRUNCATED (no EOI, broken structure, scans that are missing or make
            no sense), CODING (lossless, hierarchical, arithmetic, 12 bit, several frames), CMYK,
            COLOUR_SPACE (an ICC profile that is not of a known space), UNSUPPORTED (RGB components, other
            subsamplings, tables that change between scans).
    """
    return _Walk().read(data)


class _Walk:
    """One pass over the segments."""

    def __init__(self) -> None:
        self.header = Header(segments=[Segment(M.SOI, 0, 2)])
        self._scans: Scans | None = None
        self._transform: int | None = None
        self._jfif = self._exif_seen = self._adobe_rgb = False
        self._icc: list[bytes] = []

    def read(self, data: bytes | memoryview) -> Header:
        if bytes(data[:2]) != b"\xff\xd8":
            raise JpegError(RedactCode.NOT_A_PHOTO, "no SOI")
        position = 2
        while position:
            if len(self.header.segments) >= MAX_SEGMENTS:
                raise JpegError(RedactCode.UNSUPPORTED, "too many segments")
            position = self._step(data, position)
        if self._scans is None:
            raise JpegError(RedactCode.TRUNCATED, "no scan")
        self._scans.check_complete()
        return self.header

    def _step(self, data: bytes | memoryview, position: int) -> int:
        """Read one segment; where the next one starts, 0 after EOI."""
        start, marker = _next_marker(data, position)
        if marker == M.EOI:
            self.header.segments.append(Segment(marker, start, start + 2))
            self.header.end = start + 2
            return 0
        if marker in _STANDALONE or marker in {0x00, M.SOI}:
            raise JpegError(RedactCode.TRUNCATED, f"marker {marker:02x} out of place")
        body, end = _payload(data, start)
        self.header.segments.append(Segment(marker, start, end))
        if marker == M.SOS:
            self._scan(body)
            return _end_of_scan(data, end)
        if marker in _SOF_ALL:
            _read_frame(self.header, marker, body)
        elif marker == M.DQT:
            if self._scans:
                raise JpegError(RedactCode.UNSUPPORTED, "quantisation tables change between scans")
            _read_tables(self.header, body)
        elif marker == M.DNL:
            raise JpegError(RedactCode.UNSUPPORTED, "height given after the scan")
        elif marker in {M.DHP, M.EXP}:
            raise JpegError(RedactCode.CODING, "hierarchical")
        elif not self._scans:
            self._application(marker, body)
        return end

    def _application(self, marker: int, body: bytes) -> None:
        """What the segments before the first scan say about colours; as libjpeg, which stops there too."""
        if marker == M.APP0 and body.startswith(b"JFIF\0") and len(body) >= 14:
            self._jfif = True
        elif marker == M.APP14 and body.startswith(b"Adobe") and len(body) >= 12:
            self._transform = body[11]
        elif marker == M.APP2 and body.startswith(ICC_SEGMENT):
            self._icc.append(body)
        elif marker == M.APP1 and body.startswith(_EXIF) and not self._exif_seen:
            self._exif_seen = True
            self.header.orientation, self._adobe_rgb = read_exif(body[len(_EXIF) :])

    def _scan(self, body: bytes) -> None:
        header = self.header
        if not header.sof:
            raise JpegError(RedactCode.TRUNCATED, "scan before frame")
        if self._scans is None:
            _check_colours(header, self._transform, jfif=self._jfif)
            header.colour = self._colour()
            blocks = {component.id: component.h * component.v for component in header.components}
            self._scans = Scans(blocks, progressive=header.sof == _PROGRESSIVE)
        self._scans.add(body)

    def _colour(self) -> ColourSpace:
        """The colour space; a profile counts more than EXIF, as for every viewer."""
        grey = len(self.header.components) == 1
        if self._icc:
            profile = join_chunks(self._icc)
            found = recognise(profile, grey=grey) if profile is not None else None
            if found is None:
                raise JpegError(RedactCode.COLOUR_SPACE, "an ICC profile of no known colour space")
            return found
        return ColourSpace.ADOBE_RGB if self._adobe_rgb and not grey else ColourSpace.SRGB


def _next_marker(data: bytes | memoryview, position: int) -> tuple[int, int]:
    """Where the next marker starts and its second byte; fill bytes (0xFF) before it are skipped."""
    if position >= len(data) or data[position] != 0xFF:
        raise JpegError(RedactCode.TRUNCATED, f"no marker at {position}")
    while position + 1 < len(data) and data[position + 1] == 0xFF:
        position += 1
    if position + 1 >= len(data):
        raise JpegError(RedactCode.TRUNCATED, "ends inside a marker")
    return position, data[position + 1]


def _payload(data: bytes | memoryview, start: int) -> tuple[bytes, int]:
    """A segment's payload (without its length) and the offset after it."""
    length = int.from_bytes(data[start + 2 : start + 4], "big")
    end = start + 2 + length
    if length < 2 or end > len(data):
        raise JpegError(RedactCode.TRUNCATED, "segment longer than the file")
    return bytes(data[start + 4 : end]), end


def _end_of_scan(data: bytes | memoryview, position: int) -> int:
    found = _MARKER_IN_SCAN.search(data, position)
    if found is None:
        raise JpegError(RedactCode.TRUNCATED, "no end of image")
    return found.start()


def _read_frame(header: Header, marker: int, body: bytes) -> None:
    if header.sof:
        raise JpegError(RedactCode.CODING, "more than one frame")
    if marker not in _SOF_HANDLED:
        raise JpegError(RedactCode.CODING, f"coding process {marker:02x}")
    if len(body) < 6 or len(body) != 6 + 3 * body[5]:
        raise JpegError(RedactCode.TRUNCATED, "frame header of the wrong length")
    if body[0] != 8:
        raise JpegError(RedactCode.CODING, f"{body[0]} bits a sample")
    header.sof = marker
    header.height, header.width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    if not header.height or not header.width:
        raise JpegError(RedactCode.UNSUPPORTED, "no size in the frame header")
    if body[5] == 4:
        raise JpegError(RedactCode.CMYK, "four colour components")
    if body[5] not in {1, 3}:
        raise JpegError(RedactCode.UNSUPPORTED, f"{body[5]} colour components")
    header.components = tuple(
        Component(body[i], body[i + 1] >> 4, body[i + 1] & 15, body[i + 2]) for i in range(6, len(body), 3)
    )
    factors = [(component.h, component.v) for component in header.components]
    if not all(1 <= h <= 4 and 1 <= v <= 4 for h, v in factors):
        raise JpegError(RedactCode.TRUNCATED, "sampling factors out of range")
    if len({component.id for component in header.components}) < len(factors):
        raise JpegError(RedactCode.TRUNCATED, "two components of the same name")
    if len(factors) > 1 and (factors[1] != factors[2] or tuple(factors[:2]) not in _SUBSAMPLINGS):
        raise JpegError(RedactCode.UNSUPPORTED, f"subsampling {factors}")


def _read_tables(header: Header, body: bytes) -> None:
    position = 0
    while position < len(body):
        wide, number = body[position] >> 4, body[position] & 15
        size = 1 + 64 * (1 + wide)
        if wide > 1 or number > 3 or position + size > len(body):
            raise JpegError(RedactCode.TRUNCATED, "broken quantisation table")
        stored = body[position + 1 : position + size]
        if wide:
            values = [int.from_bytes(stored[at : at + 2], "big") for at in range(0, 128, 2)]
        else:
            values = list(stored)
        if not all(values):
            raise JpegError(RedactCode.TRUNCATED, "quantisation by zero")
        header.quant[number] = tuple(values[_ZIGZAG.index(index)] for index in range(64))
        position += size


def _check_colours(header: Header, transform: int | None, *, jfif: bool) -> None:
    """Accept grey and YCbCr only, told apart as libjpeg does (jdapimin.c, default_decompress_parms)."""
    if any(c.table not in header.quant for c in header.components):
        raise JpegError(RedactCode.TRUNCATED, "a quantisation table is missing")
    if len(header.components) == 1 or jfif:
        return
    by_ids = tuple(component.id for component in header.components) == _RGB_IDS
    if by_ids if transform is None else transform != 1:
        raise JpegError(RedactCode.UNSUPPORTED, "RGB components")

"""Read the structure of a JPEG file: its markers, frame, tables and EXIF orientation. Pure and bounded.

ITU-T T.81 annex B; orientation from Exif 2.3 (tag 0x0112). Nothing here touches entropy-coded data but to
find where it ends. The parser refuses by name what the burning code does not handle.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from medkiosk.core.photo import RedactCode

MAX_SEGMENTS = 4096
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_SOF_ALL = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_SOF_HANDLED = {0xC0, 0xC1, 0xC2}
_STANDALONE = {0x01, *range(0xD0, 0xD8)}
_EXIF = b"Exif\0\0"
_RGB_IDS = (0x52, 0x47, 0x42)


class M(IntEnum):
    """Markers that are named here (second byte)."""

    DHT = 0xC4
    SOI = 0xD8
    EOI = 0xD9
    SOS = 0xDA
    DQT = 0xDB
    DNL = 0xDC
    APP0 = 0xE0
    APP1 = 0xE1
    APP14 = 0xEE


class JpegError(Exception):
    """The bytes are not a JPEG that can be redacted; ``code`` says which kind of not."""

    def __init__(self, code: RedactCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code


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
        dc_quant: quantisation table number -> divisor of the DC coefficient.
        orientation: EXIF orientation 1 to 8; 1 where there is none or it makes no sense.
        segments: every marker segment from SOI to EOI; a scan's data lies between two of them.
        end: offset just after EOI; what follows is not part of this picture.
    """

    width: int = 0
    height: int = 0
    sof: int = 0
    components: tuple[Component, ...] = ()
    dc_quant: dict[int, int] = field(default_factory=dict)
    orientation: int = 1
    segments: list[Segment] = field(default_factory=list)
    end: int = 0


def parse(data: bytes | memoryview) -> Header:
    """Walk a JPEG from SOI to its first EOI.

    Args:
        data: the whole file.

    Raises:
        JpegError: TRUNCATED (no EOI, or broken structure), UNSUPPORTED (lossless, 12 bit, arithmetic,
            CMYK, RGB components, tables that change between scans), NOT_A_PHOTO (no SOI).
    """
    if bytes(data[:2]) != b"\xff\xd8":
        raise JpegError(RedactCode.NOT_A_PHOTO, "no SOI")
    header = Header(segments=[Segment(M.SOI, 0, 2)])
    position, scans, transform, jfif, exif_seen = 2, 0, None, False, False
    while True:
        if len(header.segments) >= MAX_SEGMENTS:
            raise JpegError(RedactCode.UNSUPPORTED, "too many segments")
        start, marker = _next_marker(data, position)
        if marker == M.EOI:
            header.segments.append(Segment(marker, start, start + 2))
            header.end = start + 2
            break
        if marker in _STANDALONE or marker in {0x00, M.SOI}:
            raise JpegError(RedactCode.TRUNCATED, f"marker {marker:02x} out of place")
        body, end = _payload(data, start)
        header.segments.append(Segment(marker, start, end))
        position = end
        if marker in _SOF_ALL:
            _read_frame(header, marker, body)
        elif marker == M.DQT:
            if scans:
                raise JpegError(RedactCode.UNSUPPORTED, "quantisation tables change between scans")
            _read_tables(header, body)
        elif marker == M.DNL:
            raise JpegError(RedactCode.UNSUPPORTED, "height given after the scan")
        elif marker == M.APP0 and body.startswith(b"JFIF\0"):
            jfif = True
        elif marker == M.APP14 and body.startswith(b"Adobe") and len(body) >= 12:
            transform = body[11]
        elif marker == M.APP1 and body.startswith(_EXIF) and not exif_seen:
            exif_seen = True
            header.orientation = exif_orientation(body[len(_EXIF) :])
        elif marker == M.SOS:
            if not header.sof:
                raise JpegError(RedactCode.TRUNCATED, "scan before frame")
            scans += 1
            position = _end_of_scan(data, end)
    if not scans:
        raise JpegError(RedactCode.TRUNCATED, "no scan")
    _check_colours(header, transform, jfif=jfif)
    return header


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
        raise JpegError(RedactCode.UNSUPPORTED, "more than one frame")
    if marker not in _SOF_HANDLED:
        raise JpegError(RedactCode.UNSUPPORTED, f"coding process {marker:02x}")
    if len(body) < 6 or len(body) != 6 + 3 * body[5]:
        raise JpegError(RedactCode.TRUNCATED, "frame header of the wrong length")
    if body[0] != 8:
        raise JpegError(RedactCode.UNSUPPORTED, f"{body[0]} bits a sample")
    header.sof = marker
    header.height, header.width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    if not header.height or not header.width:
        raise JpegError(RedactCode.UNSUPPORTED, "no size in the frame header")
    if body[5] not in {1, 3}:
        raise JpegError(RedactCode.UNSUPPORTED, f"{body[5]} colour components")
    header.components = tuple(
        Component(body[i], body[i + 1] >> 4, body[i + 1] & 15, body[i + 2]) for i in range(6, len(body), 3)
    )
    for component in header.components:
        if not (1 <= component.h <= 4 and 1 <= component.v <= 4):
            raise JpegError(RedactCode.TRUNCATED, "sampling factors out of range")
    top_h, top_v = max(c.h for c in header.components), max(c.v for c in header.components)
    if any(top_h % c.h or top_v % c.v for c in header.components):
        raise JpegError(RedactCode.UNSUPPORTED, "fractional subsampling")


def _read_tables(header: Header, body: bytes) -> None:
    position = 0
    while position < len(body):
        wide, number = body[position] >> 4, body[position] & 15
        size = 1 + 64 * (1 + wide)
        if wide > 1 or number > 3 or position + size > len(body):
            raise JpegError(RedactCode.TRUNCATED, "broken quantisation table")
        first = int.from_bytes(body[position + 1 : position + 2 + wide], "big")
        if not first:
            raise JpegError(RedactCode.TRUNCATED, "quantisation by zero")
        header.dc_quant[number] = first
        position += size


def _check_colours(header: Header, transform: int | None, *, jfif: bool) -> None:
    """Accept grey and YCbCr only, told apart as libjpeg does (jdapimin.c, default_decompress_parms)."""
    if any(c.table not in header.dc_quant for c in header.components):
        raise JpegError(RedactCode.TRUNCATED, "a quantisation table is missing")
    if len(header.components) == 1 or jfif:
        return
    by_ids = tuple(component.id for component in header.components) == _RGB_IDS
    if by_ids if transform is None else transform != 1:
        raise JpegError(RedactCode.UNSUPPORTED, "RGB components")


def exif_orientation(tiff: bytes) -> int:
    """Orientation (tag 0x0112) of the first image directory, 1 to 8; 1 when absent or malformed."""
    order = {b"II": "little", b"MM": "big"}.get(tiff[:2])
    if order == "little":
        return _orientation(tiff, little=True)
    if order == "big":
        return _orientation(tiff, little=False)
    return 1


def _orientation(tiff: bytes, *, little: bool) -> int:
    def number(offset: int, size: int) -> int:
        return int.from_bytes(tiff[offset : offset + size], "little" if little else "big")

    directory = number(4, 4)
    if number(2, 2) != 42 or directory + 2 > len(tiff):
        return 1
    for index in range(number(directory, 2)):
        entry = directory + 2 + 12 * index
        if entry + 12 > len(tiff):
            return 1
        if number(entry, 2) == 0x0112:
            value = number(entry + 8, 2)
            return value if number(entry + 2, 2) == 3 and 1 <= value <= 8 else 1
    return 1

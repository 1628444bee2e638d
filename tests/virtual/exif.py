"""The metadata that a camera writes into a JPEG: EXIF with a thumbnail, and an MPF preview after the end.

EXIF 2.32 (CIPA DC-008), TIFF 6.0, MPF (CIPA DC-007). Written by hand because no library at hand writes a
thumbnail directory, and because tests want every identifying field that a real file has.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime

_ASCII, _SHORT, _LONG, _RATIONAL, _UNDEFINED = 2, 3, 4, 5, 7
_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"

Field = tuple[int, int, int, bytes]  # tag, type, count, value


@dataclass(frozen=True)
class Shot:
    """What differs from frame to frame, and what identifies camera, owner and place."""

    moment: datetime
    number: int
    serial: str = "063021004711"
    owner: str = "Dermatology Ward 7"
    artist: str = "Dr Ada Quill"
    lens: str = "RF24-105mm F4 L IS USM"
    lens_serial: str = "2010003141"
    latitude: float = 52.1594
    longitude: float = 4.4815
    orientation: int = 1

    @property
    def unique_id(self) -> str:
        return f"{int(self.moment.timestamp()):016x}{self.number:016x}"


def jpeg_with_metadata(jpeg: bytes, shot: Shot, thumbnail: bytes, preview: bytes) -> bytes:
    """Put the segments of a camera in front of a plain JPEG and the preview behind it.

    Args:
        jpeg: from SOI to EOI, without application segments.
        shot: what to say in them.
        thumbnail: a JPEG of at most 60 KiB, shown in its EXIF.
        preview: a JPEG that MPF calls the second image; it comes after the EOI of the first.
    """
    if not (jpeg.startswith(_SOI) and jpeg.endswith(_EOI)):
        raise ValueError("not a whole JPEG")
    app1 = _segment(0xE1, b"Exif\0\0" + _exif(shot, thumbnail))
    mpf_length = len(_segment(0xE2, _mpf(0, 0, 0)))
    total = len(app1) + mpf_length + len(jpeg)
    # Offsets in MPF count from its own TIFF header: marker, length and "MPF\0" come before that.
    app2 = _segment(0xE2, _mpf(total, len(preview), total - (len(_SOI) + len(app1) + 8)))
    return _SOI + app1 + app2 + jpeg[len(_SOI) :] + preview


def _segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def _exif(shot: Shot, thumbnail: bytes) -> bytes:
    moment = shot.moment.strftime("%Y:%m:%d %H:%M:%S")
    exif = [
        _rational(0x829A, 1, 125),
        _rational(0x829D, 56, 10),
        _short(0x8827, 800),
        (0x9000, _UNDEFINED, 4, b"0231"),
        _ascii(0x9003, moment),
        _ascii(0x9004, moment),
        _ascii(0x9010, "+01:00"),
        (0x9286, _UNDEFINED, 8 + 20, b"ASCII\0\0\0" + b"bed 12, left forearm"),
        _ascii(0x9290, f"{shot.number % 100:02d}"),
        _ascii(0x9291, f"{shot.number % 100:02d}"),
        _short(0xA001, 1),
        _long(0xA002, 5472),
        _long(0xA003, 3648),
        _ascii(0xA420, shot.unique_id),
        _ascii(0xA430, shot.owner),
        _ascii(0xA431, shot.serial),
        _ascii(0xA434, shot.lens),
        _ascii(0xA435, shot.lens_serial),
    ]
    gps = [
        (0x0000, 1, 4, b"\2\3\0\0"),
        _ascii(0x0001, "N"),
        _degrees(0x0002, shot.latitude),
        _ascii(0x0003, "E"),
        _degrees(0x0004, shot.longitude),
        _ascii(0x001D, shot.moment.strftime("%Y:%m:%d")),
    ]
    main = [
        _ascii(0x010F, "Canon"),
        _ascii(0x0110, "Canon EOS R6"),
        _short(0x0112, shot.orientation),
        _rational(0x011A, 72, 1),
        _rational(0x011B, 72, 1),
        _short(0x0128, 2),
        _ascii(0x0132, moment),
        _ascii(0x013B, shot.artist),
        _short(0x0213, 2),
        _ascii(0x8298, f"(c) {shot.owner}"),
        _long(0x8769, 0),
        _long(0x8825, 0),
    ]
    small = [_short(0x0103, 6), _long(0x0201, 0), _long(0x0202, len(thumbnail))]
    exif_at = 8 + _size(main)
    gps_at = exif_at + _size(exif)
    small_at = gps_at + _size(gps)
    main[-2:] = [_long(0x8769, exif_at), _long(0x8825, gps_at)]
    small[1] = _long(0x0201, small_at + _size(small))
    return (
        struct.pack("<2sHI", b"II", 42, 8)
        + _directory(main, 8, small_at)
        + _directory(exif, exif_at)
        + _directory(gps, gps_at)
        + _directory(small, small_at)
        + thumbnail
    )


def _mpf(total: int, preview_length: int, preview_offset: int) -> bytes:
    entries = struct.pack("<IIIHH", 0x00030000, total, 0, 0, 0)
    entries += struct.pack("<IIIHH", 0x00010001, preview_length, preview_offset, 0, 0)
    fields = [
        (0xB000, _UNDEFINED, 4, b"0100"),
        _long(0xB001, 2),
        (0xB002, _UNDEFINED, len(entries), entries),
    ]
    return b"MPF\0" + struct.pack("<2sHI", b"II", 42, 8) + _directory(fields, 8)


def _ascii(tag: int, text: str) -> Field:
    value = text.encode("ascii") + b"\0"
    return tag, _ASCII, len(value), value


def _short(tag: int, value: int) -> Field:
    return tag, _SHORT, 1, struct.pack("<H", value)


def _long(tag: int, value: int) -> Field:
    return tag, _LONG, 1, struct.pack("<I", value)


def _rational(tag: int, numerator: int, denominator: int) -> Field:
    return tag, _RATIONAL, 1, struct.pack("<II", numerator, denominator)


def _degrees(tag: int, value: float) -> Field:
    minutes = value % 1 * 60
    value_bytes = struct.pack("<6I", int(value), 1, int(minutes), 1, int(minutes % 1 * 6000), 100)
    return tag, _RATIONAL, 3, value_bytes


def _size(fields: list[Field]) -> int:
    return 6 + 12 * len(fields) + sum(len(value) + len(value) % 2 for *_, value in fields if len(value) > 4)


def _directory(fields: list[Field], at: int, following: int = 0) -> bytes:
    entries, outside = b"", b""
    outside_at = at + 6 + 12 * len(fields)
    for tag, type_, count, value in fields:
        if len(value) <= 4:
            inside = value.ljust(4, b"\0")
        else:
            inside = struct.pack("<I", outside_at + len(outside))
            outside += value + b"\0" * (len(value) % 2)
        entries += struct.pack("<HHI", tag, type_, count) + inside
    return struct.pack("<H", len(fields)) + entries + struct.pack("<I", following) + outside

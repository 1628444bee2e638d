"""The colour space of a picture, told from its ICC profile; and a profile of our own to say it again. Pure.

A derivative carries no byte of the camera's profile: profiles hold names, dates, serial numbers and free
space. The colour space is recognised from the numbers that define it (ICC.1:2001-04 and ICC.1:2022: matrix
and tone curves of a display profile) and named again by a profile that is generated here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from enum import Enum
from functools import cache
from typing import NamedTuple

MAX_PROFILE = 1 << 16
"""Bytes. The profiles of the known spaces have 500 to 4,000; what is larger is a table for a device."""
ICC_SEGMENT = b"ICC_PROFILE\0"
_PRIMARY_TOLERANCE = (
    0.004  # in XYZ: roundings and adaptations differ by 0.001, the nearest two spaces by 0.03
)
_CURVE_TOLERANCE = 0.012  # of linear light: a plain gamma of 2.2 differs from sRGB's curve by 0.009
_CURVE_SAMPLES = [index / 32 for index in range(33)]
_MAX_TAGS = 100
_XYZ = tuple[float, float, float]


class _IccError(ValueError):
    """Not a profile that can be read here."""


def _srgb_curve(x: float) -> float:
    """IEC 61966-2-1: code value 0 to 1 as linear light."""
    return x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4


def _adobe_curve(x: float) -> float:
    """Adobe RGB (1998) colour image encoding, 4.3.4.2: 2 51/256."""
    return float(x ** (2 + 51 / 256))


class _Definition(NamedTuple):
    """Red, green and blue as XYZ adapted to D50, and the curve of each."""

    primaries: tuple[_XYZ, _XYZ, _XYZ]
    curve: Callable[[float], float]
    name: str


class ColourSpace(Enum):
    """The colour spaces that a derivative can be in."""

    SRGB = "srgb"
    ADOBE_RGB = "adobe_rgb"
    DISPLAY_P3 = "display_p3"


_KNOWN = {
    ColourSpace.SRGB: _Definition(
        ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)), _srgb_curve, "sRGB"
    ),
    ColourSpace.ADOBE_RGB: _Definition(
        ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446)),
        _adobe_curve,
        "Compatible with Adobe RGB (1998)",
    ),
    ColourSpace.DISPLAY_P3: _Definition(
        ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841)),
        _srgb_curve,
        "Display P3 primaries",
    ),
}


def recognise(profile: bytes, *, grey: bool) -> ColourSpace | None:
    """Tell which known colour space a profile describes.

    Args:
        profile: the whole profile; not trusted.
        grey: the picture has one component. Viewers ignore a profile for three then, so any known space
            counts as sRGB, whose curve all of them have nearly.

    Returns:
        The space, or None for any other profile: other primaries or curves, tables, CMYK, malformed.
    """
    try:
        tags = _tags(profile)
        if profile[16:20] == b"GRAY":
            near = grey and _near(_curve(tags, b"kTRC"), _srgb_curve)
            return ColourSpace.SRGB if near else None
        if profile[16:20] != b"RGB ":
            return None
        found = _match(tags)
        return ColourSpace.SRGB if grey and found else found
    except (_IccError, struct.error):
        return None


def join_chunks(chunks: Sequence[bytes]) -> bytes | None:
    """Put a profile together from APP2 payloads that start with `ICC_SEGMENT`; None when they do not fit.

    ICC.1 annex B.4: each has its number (from 1) and how many there are. They must come in order here, each
    once.
    """
    parts = [chunk[len(ICC_SEGMENT) :] for chunk in chunks]
    if any(len(part) < 2 for part in parts):
        return None
    if [(part[0], part[1]) for part in parts] != [(n, len(parts)) for n in range(1, len(parts) + 1)]:
        return None
    if sum(len(part) for part in parts) > MAX_PROFILE:
        return None
    return b"".join(part[2:] for part in parts)


def _tags(profile: bytes) -> dict[bytes, bytes]:
    if len(profile) < 132 or profile[36:40] != b"acsp" or profile[20:24] != b"XYZ ":
        raise _IccError("no display profile")
    (count,) = struct.unpack_from(">I", profile, 128)
    if count > _MAX_TAGS:
        raise _IccError("too many tags")
    tags = {}
    for index in range(count):
        name, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        if offset + size > len(profile) or name in tags:
            raise _IccError("a tag outside the profile, or twice")
        tags[name] = profile[offset : offset + size]
    return tags


def _match(tags: dict[bytes, bytes]) -> ColourSpace | None:
    if any(name[:3] in {b"A2B", b"D2B"} for name in tags):
        return None  # tables come before the matrix, and could say anything
    primaries = [_xyz(tags, name) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
    curves = [_curve(tags, name) for name in (b"rTRC", b"gTRC", b"bTRC")]
    for space, known in _KNOWN.items():
        distance = max(
            abs(a - b)
            for mine, theirs in zip(primaries, known.primaries, strict=True)
            for a, b in zip(mine, theirs, strict=True)
        )
        if distance <= _PRIMARY_TOLERANCE and all(_near(curve, known.curve) for curve in curves):
            return space
    return None


def _near(values: Sequence[float], curve: Callable[[float], float]) -> bool:
    return all(
        abs(value - curve(x)) <= _CURVE_TOLERANCE for value, x in zip(values, _CURVE_SAMPLES, strict=True)
    )


def _xyz(tags: dict[bytes, bytes], name: bytes) -> _XYZ:
    raw = tags.get(name, b"")
    if raw[:4] != b"XYZ ":
        raise _IccError("no primary")
    x, y, z = struct.unpack_from(">3i", raw, 8)
    return x / 65536, y / 65536, z / 65536


def _curve(tags: dict[bytes, bytes], name: bytes) -> list[float]:
    """A tone curve at `_CURVE_SAMPLES`."""
    raw = tags.get(name, b"")
    if raw[:4] == b"curv":
        (count,) = struct.unpack_from(">I", raw, 8)
        if count > (len(raw) - 12) // 2:
            raise _IccError("curve cut off")
        return _sampled(struct.unpack_from(f">{count}H", raw, 12))
    if raw[:4] == b"para":
        return _parametric(raw)
    raise _IccError("no curve")


def _sampled(table: Sequence[int]) -> list[float]:
    if not table:
        return list(_CURVE_SAMPLES)
    if len(table) == 1:
        return [x ** (table[0] / 256) for x in _CURVE_SAMPLES]
    values = []
    for x in _CURVE_SAMPLES:
        at = x * (len(table) - 1)
        low = min(int(at), len(table) - 2)
        values.append((table[low] + (table[low + 1] - table[low]) * (at - low)) / 65535)
    return values


def _parametric(raw: bytes) -> list[float]:
    """ICC.1:2022 10.18, function types 0 and 3: what cameras, phones and common editors write."""
    (kind,) = struct.unpack_from(">H", raw, 8)
    if kind == 0:
        numbers = (*struct.unpack_from(">i", raw, 12), 65536, 0, 0, -1)
    elif kind == 3:
        numbers = struct.unpack_from(">5i", raw, 12)
    else:
        raise _IccError("another parametric curve")
    g, a, b, c, d = (value / 65536 for value in numbers)
    if not 0.1 <= g <= 10 or min(a, b) < 0:
        raise _IccError("a curve that no display has")
    return [(a * x + b) ** g if x >= d else c * x for x in _CURVE_SAMPLES]


@cache
def profile_of(space: ColourSpace) -> bytes:
    """Our own ICC profile for a colour space: version 2, display, matrix and curves; empty for sRGB.

    sRGB needs none: a picture without a profile is sRGB to every viewer (DICOM and web included), and the
    fewer segments, the less there is to check. Deterministic: one constant a space, under 700 bytes.
    """
    if space is ColourSpace.SRGB:
        return b""
    known = _KNOWN[space]
    curve = _curve_tag(known.curve)
    red, green, blue = (_xyz_tag(primary) for primary in known.primaries)
    tags = [
        (b"desc", _description(known.name)),
        (b"cprt", b"text\0\0\0\0No copyright, use freely\0"),
        (b"wtpt", _xyz_tag(_D50)),
        (b"rXYZ", red),
        (b"gXYZ", green),
        (b"bXYZ", blue),
        (b"rTRC", curve),
        (b"gTRC", curve),
        (b"bTRC", curve),
    ]
    return _assembled(tags)


def icc_segment(space: ColourSpace) -> bytes:
    """The APP2 segment, marker and all, that carries `profile_of` the space; empty for sRGB."""
    profile = profile_of(space)
    body = ICC_SEGMENT + b"\1\1" + profile
    return b"\xff\xe2" + struct.pack(">H", len(body) + 2) + body if profile else b""


_D50 = (0.9642, 1.0, 0.8249)
_CURVE_POINTS = 96
"""Of a table: linear between them, sRGB's curve is off by less than 0.00004 of linear light."""


def _assembled(tags: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Header, tag table and data, each tag on four bytes; equal tags share their data (ICC.1:2001-04, 6)."""
    start = 128 + 4 + 12 * len(tags)
    table, data, places = b"", b"", dict[bytes, int]()
    for name, content in tags:
        if content not in places:
            places[content] = start + len(data)
            data += content + bytes(-len(content) % 4)
        table += struct.pack(">4sII", name, places[content], len(content))
    header = struct.pack(
        ">I4x4s4s4s4s6H4s28x3I48x",
        start + len(data), b"\x02\x10\0\0", b"mntr", b"RGB ", b"XYZ ", 2000, 1, 1, 0, 0, 0, b"acsp",
        *(round(value * 65536) for value in _D50),
    )  # fmt: skip
    return header + struct.pack(">I", len(tags)) + table + data


def _description(text: str) -> bytes:
    """The type textDescription (6.5.17): ASCII, no Unicode, no Macintosh text."""
    ascii_text = text.encode() + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(ascii_text)) + ascii_text + bytes(4 + 4 + 2 + 1 + 67)


def _xyz_tag(value: _XYZ) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(part * 65536) for part in value))


def _curve_tag(curve: Callable[[float], float]) -> bytes:
    """A plain gamma as one number (6.5.3), everything else as a table."""
    if curve is _adobe_curve:
        return b"curv\0\0\0\0" + struct.pack(">IH", 1, 2 * 256 + 51)
    last = _CURVE_POINTS - 1
    values = [round(curve(index / last) * 65535) for index in range(_CURVE_POINTS)]
    return b"curv\0\0\0\0" + struct.pack(f">I{_CURVE_POINTS}H", _CURVE_POINTS, *values)

"""The structure check of the exact bytes that would leave: allowed segments, not one byte more. Pure."""

from __future__ import annotations

from itertools import pairwise

from medkiosk.redact.errors import JpegError
from medkiosk.redact.icc import icc_segment
from medkiosk.redact.jpeg import header as jpeg
from medkiosk.redact.jpeg.header import Header, M

_ALLOWED = frozenset({M.SOI, M.APP0, M.APP2, M.DQT, 0xC0, 0xC1, M.DHT, M.SOS, M.EOI})
JFIF = bytes.fromhex("ffe0 0010 4a464946 00 0102 00 0001 0001 00 00")
"""APP0 as we write it: JFIF 1.02, pixels are square, no thumbnail. The camera's density is not copied."""


def flaw(derivative: bytes) -> str:
    """Say what is wrong with a derivative; empty when nothing is.

    Allowed: one SOI, one JFIF APP0 without a thumbnail, after it at most one APP2 that is exactly one of our
    own colour profiles, DQT, one baseline or extended sequential frame, DHT, scans, EOI as the last bytes.
    Every table is given once, before the picture, and used.
    """
    try:
        header = jpeg.parse(derivative)
    except JpegError as error:
        return str(error)
    if header.end != len(derivative):
        return "bytes after the end of the image"
    markers = [segment.marker for segment in header.segments]
    if unknown := set(markers) - _ALLOWED:
        return "segments that are not allowed: " + ", ".join(f"{marker:02x}" for marker in sorted(unknown))
    first = header.segments[1]
    if first.marker != M.APP0 or markers.count(M.APP0) != 1 or derivative[first.start : first.end] != JFIF:
        return "not exactly one JFIF header, ours"
    profiles = [segment for segment in header.segments if segment.marker == M.APP2]
    if profiles and (
        profiles != [header.segments[2]]
        or derivative[profiles[0].start : profiles[0].end] != icc_segment(header.colour)
    ):
        return "a colour profile that is not ours"
    for before, segment in pairwise(header.segments):
        if segment.start != before.end and before.marker != M.SOS:
            return f"bytes between segments at {before.end}"
    return _loose_table(derivative, header)


def _loose_table(derivative: bytes, header: Header) -> str:
    """Say which table nothing uses, or is given twice: bytes in it would leave unseen."""
    quantisers = {component.table for component in header.components}
    coders: set[int] = set()
    for scan in (segment for segment in header.segments if segment.marker == M.SOS):
        body = derivative[scan.start + 4 : scan.end]
        for selector in body[2 : 1 + 2 * body[0] : 2]:
            coders |= {selector >> 4, 0x10 | selector & 15}
    given: dict[int, list[int]] = {M.DQT: [], M.DHT: []}
    scanned = False
    for segment in header.segments:
        scanned |= segment.marker == M.SOS
        if segment.marker not in given:
            continue
        if scanned:
            return "a table after the picture began"
        body = derivative[segment.start + 4 : segment.end]
        given[segment.marker] += _numbers(body, quantisers=segment.marker == M.DQT)
    if sorted(given[M.DQT]) != sorted(quantisers) or sorted(given[M.DHT]) != sorted(coders):
        return "a table that nothing uses, or that is given twice"
    return ""


def _numbers(body: bytes, *, quantisers: bool) -> list[int]:
    """The numbers of the tables in a DQT or DHT segment (T.81 B.2.4.1, B.2.4.2)."""
    numbers, at = [], 0
    while at < len(body):
        if quantisers:
            numbers.append(body[at] & 15)
            at += 1 + 64 * (1 + (body[at] >> 4))
        else:
            numbers.append(body[at])
            at += 17 + sum(body[at + 1 : at + 17])
    return numbers

"""The structure check of the exact bytes that would leave: allowed segments, not one byte more. Pure."""

from __future__ import annotations

from itertools import pairwise

from medkiosk.redact import jpeg
from medkiosk.redact.icc import icc_segment
from medkiosk.redact.jpeg import JpegError, M

_ALLOWED = frozenset({M.SOI, M.APP0, M.APP2, M.DQT, 0xC0, 0xC1, M.DHT, M.SOS, M.EOI})
_APP0_LENGTH = 18


def flaw(derivative: bytes) -> str:
    """Say what is wrong with a derivative; empty when nothing is.

    Allowed: one SOI, one JFIF APP0 without a thumbnail, after it at most one APP2 that is exactly one of our
    own colour profiles, DQT, one baseline or extended sequential frame, DHT, scans, EOI as the last bytes.
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
    if first.marker != M.APP0 or first.end - first.start != _APP0_LENGTH or markers.count(M.APP0) != 1:
        return "not exactly one JFIF header without a thumbnail"
    profiles = [segment for segment in header.segments if segment.marker == M.APP2]
    if profiles and (
        profiles != [header.segments[2]]
        or derivative[profiles[0].start : profiles[0].end] != icc_segment(header.colour)
    ):
        return "a colour profile that is not ours"
    for before, segment in pairwise(header.segments):
        if segment.start != before.end and before.marker != M.SOS:
            return f"bytes between segments at {before.end}"
    return ""

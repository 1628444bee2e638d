"""Find the camera's own full-size JPEG in a Canon CR3 file. Pure and bounded.

The format is ISO-BMFF with Canon's boxes, described by L. Clevy (github.com/lclevy/canon_cr3):

- ``moov/uuid 85c0b687`` holds the metadata: CMT1 (IFD0), CMT2 (Exif), CMT3 (maker note), THMB (160x120).
- ``uuid eaf42b5e`` holds PRVW (1620x1080).
- the first ``trak`` is the full-size JPEG, the next ones are the sensor's data (codec crx), the last its
  timed metadata.

THMB and PRVW show the photograph, but they are not it: where the full-size JPEG is cut off or absent, the
file is damaged, and no smaller picture takes its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from medkiosk.core.photo import RedactCode
from medkiosk.redact.container.isobmff import boxes, child, find, number, truncated
from medkiosk.redact.errors import ContainerError
from medkiosk.redact.jpeg import header as jpeg

_METADATA = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_MAX_TRACKS = 16
_MAX_ENTRIES = 256
_ENTRY_HEADER = 82
"""A CRAW sample entry: 78 bytes of VisualSampleEntry (14496-12, 12.1.3) and 4 of Canon's, then boxes."""

_SHORT = 3
_ORIENTATION = 0x0112  # in CMT1
_COLOR_SPACE = 0xA001  # Exif, in CMT2: 1 sRGB, 65535 uncalibrated
_CANON_COLOR_SPACE = 0x00B4  # maker note, in CMT3: 1 sRGB, 2 Adobe RGB
_SRGB, _ADOBE_RGB = 1, 2


@dataclass(frozen=True)
class EmbeddedPhoto:
    """The camera's rendering of a raw photograph.

    Attributes:
        jpeg: from SOI to EOI, a view of the file.
        orientation: how it becomes upright, 1 to 8 as in Exif, from CMT1.
        adobe_rgb: whether its colours are Adobe RGB (1998); None where the file does not say.
    """

    jpeg: memoryview
    orientation: int
    adobe_rgb: bool | None


@dataclass(frozen=True)
class _Track:
    """A track of pictures: its size in pixels, its sample table, and the box types of its entry."""

    width: int
    height: int
    table: memoryview
    coding: frozenset[bytes]


def embedded_photo(data: memoryview) -> EmbeddedPhoto:
    """Find the full-size JPEG, how it becomes upright, and its colour space.

    CMT1's orientation is the one that counts. It is what the camera (or a program that turned the raw file)
    says about the photograph; the R6 writes none into the embedded JPEG, and should a JPEG carry one too, to
    apply both would turn it twice.

    Args:
        data: the whole file.

    Raises:
        ContainerError: TRUNCATED when the JPEG, or what leads to it, is cut off, absent, or of another
            size than its track says; UNSUPPORTED when the picture is no JPEG (HDR PQ) or there are several.
        JpegError: the embedded JPEG is damaged or of a kind that is not handled.
    """
    top = boxes(data, file=True)
    movie = find(top, b"moov")
    if movie is None:
        raise truncated("no moov")
    inside = boxes(movie)
    tracks = [_track(box.body) for box in inside if box.type == b"trak"][:_MAX_TRACKS]
    track = _jpeg_track([track for track in tracks if track is not None])
    sample = _only_sample(data, track.table)
    header = jpeg.parse(sample)
    if (header.width, header.height) != (track.width, track.height):
        raise truncated(f"JPEG of {header.width}x{header.height} in a track of {track.width}x{track.height}")
    metadata = find(inside, b"uuid", _METADATA)
    orientation, adobe_rgb = (1, None) if metadata is None else _read_metadata(metadata)
    return EmbeddedPhoto(sample[: header.end], orientation, adobe_rgb)


def _track(body: memoryview) -> _Track | None:
    """A track of pictures, or None for any other (timed metadata)."""
    table = child(body, b"mdia", b"minf", b"stbl")
    entries = child(table, b"stsd")
    count = number(entries, 4, 4)
    if not 1 <= count <= _MAX_ENTRIES:
        raise truncated(f"{count} sample entries")
    entry = find(boxes(entries[8:]), b"CRAW")
    if entry is None:
        return None
    coding = frozenset(box.type for box in boxes(entry[_ENTRY_HEADER:]))
    return _Track(number(entry, 24, 2), number(entry, 26, 2), table, coding)


def _jpeg_track(tracks: list[_Track]) -> _Track:
    for track in tracks:
        if b"JPEG" in track.coding:
            return track
    # With HDR PQ on, the camera puts HEVC where the JPEG would be. CMP1 marks the sensor's own data.
    if any(b"CMP1" not in track.coding for track in tracks):
        raise ContainerError(RedactCode.UNSUPPORTED, "the full-size picture is not a JPEG")
    raise truncated("no track with a JPEG")


def _only_sample(data: memoryview, table: memoryview) -> memoryview:
    """The one sample of a track (14496-12, 8.7.3 and 8.7.5)."""
    found = boxes(table)
    sizes, offsets, short = find(found, b"stsz"), find(found, b"co64"), find(found, b"stco")
    if sizes is None or (offsets is None and short is None):
        raise truncated("no sample table")
    count = number(sizes, 8, 4)
    if count != 1:
        raise ContainerError(RedactCode.UNSUPPORTED if count else RedactCode.TRUNCATED, f"{count} samples")
    size = number(sizes, 4, 4) or number(sizes, 12, 4)
    if offsets is not None:
        count, start = number(offsets, 4, 4), number(offsets, 8, 8)
    elif short is not None:
        count, start = number(short, 4, 4), number(short, 8, 4)
    if count != 1 or not size or start + size > len(data):
        raise truncated(f"{size} bytes at {start} of {len(data)}")
    sample = data[start : start + size]
    if bytes(sample[:2]) != b"\xff\xd8":
        raise truncated("no JPEG where the full-size picture should be")
    return sample


def _read_metadata(metadata: memoryview) -> tuple[int, bool | None]:
    """Orientation and colour space; what is absent or malformed is upright, and unknown."""
    found = boxes(metadata)
    ifd0, exif, maker = (find(found, name) for name in (b"CMT1", b"CMT2", b"CMT3"))
    orientation = _short(ifd0, _ORIENTATION)
    declared = _short(exif, _COLOR_SPACE)
    if declared not in {_SRGB, _ADOBE_RGB}:
        declared = _short(maker, _CANON_COLOR_SPACE)
    adobe_rgb = {_SRGB: False, _ADOBE_RGB: True}.get(declared)
    return orientation if 1 <= orientation <= 8 else 1, adobe_rgb


def _short(tiff: memoryview | None, tag: int) -> int:
    """The first value of a SHORT in a TIFF's first directory (TIFF 6.0, section 2); 0 where there is none."""
    if tiff is None or bytes(tiff[:4]) not in {b"II*\0", b"MM\0*"}:
        return 0
    order: Literal["little", "big"] = "little" if tiff[0] == ord("I") else "big"

    def read(at: int, size: int) -> int:
        return int.from_bytes(tiff[at : at + size], order)

    directory = read(4, 4)
    for at in range(directory + 2, directory + 2 + 12 * read(directory, 2), 12):
        if at + 12 > len(tiff):
            break
        if read(at, 2) == tag:
            return read(at + 8, 2) if read(at + 2, 2) == _SHORT else 0
    return 0

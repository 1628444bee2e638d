"""One picture as a DICOM object: VL Photographic Image Storage, the JPEG unchanged inside (docs/dicom.md).

Pure. The file is written here and not by pydicom: that imports numpy wherever it is installed, and whoever
holds keys must not load what computes on pixels. What is written is a fixed list of attributes in one form
(explicit VR, little endian; DICOM PS3.5 sections 7.1 and A.4), which is less than what would guard pydicom.
The tests read it with pydicom, dciodvfy and Orthanc.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from medkiosk import __version__
from medkiosk.core.errors import KioskError
from medkiosk.core.ids import ExportId
from medkiosk.core.photo import Box, Category, Decision, Finding
from medkiosk.export.padding import padded_size
from medkiosk.export.record import statement

SOP_CLASS = "1.2.840.10008.5.1.4.1.1.77.1.4"
"""VL Photographic Image Storage."""
TRANSFER_SYNTAX = "1.2.840.10008.1.2.4.50"
"""JPEG Baseline (Process 1)."""

_IMPLEMENTATION = "2.25.29465657748654965231882002279083726284"
_NAMESPACE = uuid.UUID("e9f4b95d-1a55-4dc7-8591-a4ed4d66b3b6")
_DERIVED = "what was found to identify somebody was masked or cut off, and the rest stored as JPEG"
_ANNOTATIONS = frozenset({Category.TEXT, Category.CODE, Category.OTHER})
_FEATURES = frozenset({Category.FACE, Category.MARK, Category.OTHER})
_LONG = frozenset({"OB", "SQ", "UN", "UT"})
"""Value representations whose length has four bytes (PS3.5 table 7.1-1)."""
_LONGEST_VALUE = 64
"""Characters of an LO (PS3.5 table 6.2-1)."""

_SOF0 = 0xC0
_SOF = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_MOST_SEGMENTS = 64
"""Before the frame; a derivative has about ten."""
_LOOKED_AT = 1 << 20


class DicomError(KioskError):
    """A picture of this export cannot be written as a DICOM object: {detail}.

    Nothing was recorded as exported. Export without DICOM objects; the pictures themselves are not affected.
    Tell whoever looks after the kiosk: its own redaction made this picture.
    """

    code = "export.dicom"


@dataclass(frozen=True)
class Visible:
    """What was found in a picture and is still to be seen in it.

    Attributes:
        annotations: text, a code or something of no known kind.
        features: a face, a mark on the skin or something of no known kind.
    """

    annotations: bool
    features: bool


@dataclass(frozen=True)
class Photograph:
    """One picture of an export.

    Attributes:
        export_id: of the export.
        image_id: fresh for this export.
        subject: pseudonym, fresh for this export.
        number: place among the pictures of this subject in this export, from 1.
        jpeg: the redacted picture.
        width: pixels as stored.
        height: likewise.
        policy: name of the redaction policy.
        visible: from `visible`.
        date: shifted day of the capture, ``YYYY-MM-DD``; or empty.
    """

    export_id: ExportId
    image_id: str
    subject: str
    number: int
    jpeg: bytes = field(repr=False)
    width: int
    height: int
    policy: str
    visible: Visible
    date: str = ""


@dataclass(frozen=True)
class _Frame:
    """What a JPEG's frame header says: pixels, and 1 component (grey) or 3."""

    width: int
    height: int
    components: int


def visible(findings: Iterable[Finding], shown: Box) -> Visible:
    """Return what of the findings is still to be seen: whatever is neither masked nor outside of the picture.

    A reviewer who keeps something may have found that it is nothing; that is not asked. Nobody knows of what
    was never found.

    Args:
        findings: of the approved revision.
        shown: what the picture shows of the whole, as of `medkiosk.core.events.Redacted.shown`.
    """
    left = {
        finding.category
        for finding in findings
        if finding.decision not in {Decision.MASK, Decision.CROP} and _overlap(finding.box, shown)
    }
    return Visible(annotations=bool(left & _ANNOTATIONS), features=bool(left & _FEATURES))


def _overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.w
        and other.x < one.x + one.w
        and one.y < other.y + other.h
        and other.y < one.y + one.h
    )


def photograph(picture: Photograph) -> bytes:
    """Return the DICOM file, padded to a Padmé length.

    Raises:
        DicomError: the JPEG is not one of 8 bits, baseline, grey or of three components, or not of the size
            that it should have.
    """
    frame = _frame(picture.jpeg)
    if (frame.width, frame.height) != (picture.width, picture.height):
        raise DicomError(detail="its size is not what was recorded")
    file = bytearray(128) + b"DICM" + _meta(picture.image_id) + _dataset(picture, frame)
    trailing = _element(0xFFFCFFFC, "OB", b"")
    padding = bytes(padded_size(len(file) + len(trailing)) - len(file) - len(trailing))
    return bytes(file + _element(0xFFFCFFFC, "OB", padding))


def _uid(*parts: str) -> str:
    """A UID that means nothing (PS3.5 B.2): nobody who does not have the export's random ids can tell it."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, '/'.join(parts)).int}"


def _meta(image_id: str) -> bytes:
    """The file meta information (PS3.10 section 7.1)."""
    group = b"".join(
        (
            _element(0x00020001, "OB", b"\0\1"),
            _element(0x00020002, "UI", SOP_CLASS),
            _element(0x00020003, "UI", _uid("instance", image_id)),
            _element(0x00020010, "UI", TRANSFER_SYNTAX),
            _element(0x00020012, "UI", _IMPLEMENTATION),
            _element(0x00020013, "SH", "MEDKIOSK"),
        )
    )
    return _element(0x00020000, "UL", struct.pack("<I", len(group))) + group


def _dataset(picture: Photograph, frame: _Frame) -> bytes:
    day = picture.date.replace("-", "")
    colour = frame.components > 1
    raw = frame.width * frame.height * frame.components
    elements: list[tuple[int, str, str | bytes]] = [
        (0x00080008, "CS", "DERIVED\\PRIMARY"),
        (0x00080016, "UI", SOP_CLASS),
        (0x00080018, "UI", _uid("instance", picture.image_id)),
        (0x00080020, "DA", day),
        (0x00080030, "TM", ""),
        (0x00080050, "SH", ""),
        (0x00080060, "CS", "XC"),
        (0x00080070, "LO", ""),
        (0x00080090, "PN", ""),
        (0x00082111, "ST", f"{statement(picture.policy)}; {_DERIVED}"),
        (0x00100010, "PN", f"Subject^{picture.subject}"),
        (0x00100020, "LO", picture.subject),
        (0x00100030, "DA", ""),
        (0x00100040, "CS", ""),
        (0x00120062, "CS", "YES"),
        (0x00120063, "LO", _method(picture)),
        (0x00120064, "SQ", _codes(_options(picture))),
        (0x0018A001, "SQ", _item(_equipment())),
        (0x0020000D, "UI", _uid("study", picture.export_id, picture.subject)),
        (0x0020000E, "UI", _uid("series", picture.export_id, picture.subject)),
        (0x00200010, "SH", "1"),
        (0x00200011, "IS", "1"),
        (0x00200013, "IS", str(picture.number)),
        (0x00200020, "CS", ""),
        (0x00200060, "CS", ""),
        (0x00280002, "US", struct.pack("<H", frame.components)),
        # The one value for colour in a JPEG of this kind of object, however its colours are sampled
        # (PS3.3 C.8.12.1.1.4 and C.7.6.3.1.2): the JPEG itself says how.
        (0x00280004, "CS", "YBR_FULL_422" if colour else "MONOCHROME2"),
        *([(0x00280006, "US", struct.pack("<H", 0))] if colour else []),
        (0x00280010, "US", struct.pack("<H", frame.height)),
        (0x00280011, "US", struct.pack("<H", frame.width)),
        (0x00280100, "US", struct.pack("<H", 8)),
        (0x00280101, "US", struct.pack("<H", 8)),
        (0x00280102, "US", struct.pack("<H", 7)),
        (0x00280103, "US", struct.pack("<H", 0)),
        (0x00280301, "CS", _yes(picture.visible.annotations)),
        (0x00280302, "CS", _yes(picture.visible.features)),
        (0x00280303, "CS", "MODIFIED" if picture.date else "REMOVED"),
        (0x00282110, "CS", "01"),
        (0x00282112, "DS", f"{max(raw / len(picture.jpeg), 0.01):.2f}"),
        (0x00282114, "CS", "ISO_10918_1"),
        (0x00400555, "SQ", b""),
    ]
    return b"".join(_element(*element) for element in elements) + _pixels(picture.jpeg)


def _method(picture: Photograph) -> str:
    # A policy's name ends with its digest, which is too long for this attribute; it is in the description.
    name = picture.policy.partition(" ")[0]
    texts = (statement(name), "not anonymous", f"medkiosk export {picture.export_id}")
    # A backslash would begin another value.
    return "\\".join(text.replace("\\", "/")[:_LONGEST_VALUE] for text in texts)


def _options(picture: Photograph) -> list[tuple[str, str]]:
    """What was done, in codes of DCM (PS3.16, CID 7050); only what is true of this picture."""
    done = [("113100", "Basic Application Confidentiality Profile")]
    if not picture.visible.annotations:
        done.append(("113101", "Clean Pixel Data Option"))
    if not picture.visible.features:
        done.append(("113102", "Clean Recognizable Visual Features Option"))
    if picture.date:
        done.append(("113107", "Retain Longitudinal Temporal Information Modified Dates Option"))
    return done


def _codes(concepts: Iterable[tuple[str, str]]) -> bytes:
    """Items of a code sequence, of the scheme DCM (PS3.3 section 8)."""
    return b"".join(
        _item(
            _element(0x00080100, "SH", value)
            + _element(0x00080102, "SH", "DCM")
            + _element(0x00080104, "LO", meaning)
        )
        for value, meaning in concepts
    )


def _equipment() -> bytes:
    """Who took the identity away (PS3.3 C.12.1): this kind of machine, and not which one."""
    return (
        _element(0x00080070, "LO", "medkiosk")
        + _element(0x00181020, "LO", __version__)
        + _element(0x0040A170, "SQ", _codes([("109104", "De-identifying Equipment")]))
    )


def _yes(answer: bool) -> str:
    return "YES" if answer else "NO"


def _pixels(jpeg: bytes) -> bytes:
    """Encapsulated pixel data (PS3.5 A.4): an empty offset table, one fragment, the end."""
    fragment = jpeg + bytes(len(jpeg) % 2)
    return b"".join(
        (
            struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF),
            struct.pack("<HHI", 0xFFFE, 0xE000, 0),
            struct.pack("<HHI", 0xFFFE, 0xE000, len(fragment)),
            fragment,
            struct.pack("<HHI", 0xFFFE, 0xE0DD, 0),
        )
    )


def _item(content: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content


def _element(tag: int, vr: str, value: str | bytes) -> bytes:
    """One data element, explicit VR, little endian (PS3.5 section 7.1.2); every value has an even length."""
    raw = value.encode("ascii", "replace") if isinstance(value, str) else value
    if len(raw) % 2:
        raw += b"\0" if vr in {"UI", "OB"} else b" "
    group, number = tag >> 16, tag & 0xFFFF
    if vr in _LONG:
        return struct.pack("<HH2sHI", group, number, vr.encode(), 0, len(raw)) + raw
    return struct.pack("<HH2sH", group, number, vr.encode(), len(raw)) + raw


def _frame(untrusted_jpeg: bytes) -> _Frame:
    """Read the frame header (ITU-T T.81, B.2.2), and nothing of the picture.

    Steps over at most 64 segments within the first mebibyte; docs/dicom.md says why this is done here.

    Raises:
        DicomError: there is none, or of another kind.
    """
    head = untrusted_jpeg[:_LOOKED_AT]
    at = 2
    for _ in range(_MOST_SEGMENTS if head.startswith(b"\xff\xd8") else 0):
        if at + 4 > len(head) or head[at] != 0xFF:
            break
        marker, length = head[at + 1], int.from_bytes(head[at + 2 : at + 4])
        if marker in _SOF:
            return _read_frame(marker, head[at + 4 : at + 2 + length])
        if length < 2:
            break
        at += 2 + length
    raise DicomError(detail="it has no frame header")


def _read_frame(marker: int, segment: bytes) -> _Frame:
    if marker != _SOF0:
        raise DicomError(detail="it is not a baseline JPEG")
    if len(segment) < 6 or len(segment) != 6 + 3 * segment[5]:
        raise DicomError(detail="its frame header is damaged")
    precision, height, width, components = struct.unpack_from(">BHHB", segment)
    if precision != 8 or components not in {1, 3} or not width or not height:
        raise DicomError(detail="it is neither grey nor of three colours, or not of 8 bits")
    return _Frame(width, height, components)

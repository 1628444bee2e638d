"""What the daemon and a redact worker say to each other: sized frames of fixed binary structs. Pure.

::

    daemon -> worker    JOB, DATA*, END                                             (again and again)
    worker -> daemon    READY                                                                 (once)
                        FINDING*, SLATE*, [QUALITY], DERIVATIVE*, [PREVIEW, PIXELS*], DONE    (for each job)

One photo takes several jobs, each done by a process of its own that sees nothing of the others: DETECT (or
REPLAY, or BURN) gets the original and writes a derivative; CHECK gets the derivative alone, looks at it as a
recipient would, and draws what the reviewer sees. ORIGINAL gets the original and draws it. THUMBNAIL gets RGB
pixels of such a preview, and no file.

The worker is not trusted: whatever it says is decoded here with every number held against a bound, and
there is no free text in it but what a slate's QR code says: short, ASCII, and for its own reader to refuse.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

from medkiosk.core import quality
from medkiosk.core.frames import CHUNK
from medkiosk.core.identifiers import LONGEST, Identifier, IdentifierKind
from medkiosk.core.photo import MOST_FINDINGS, Box, Category, Decision, Finding, MediaKind, RedactCode
from medkiosk.core.quality import Quality
from medkiosk.core.slate import is_like_slate
from medkiosk.redact.detectors import DETECTORS, Ability, DetectorId, Layer

VERSION = 5
MAX_IMAGE = 128 << 20
"""Largest file that is sent whole, bytes; larger ones are only sniffed."""
MAX_SIDE = 65535
MAX_BOXES = MOST_FINDINGS
MAX_PREVIEW_SIDE = 2048
THUMBNAIL_SIDE = 320
"""Longest side of a thumbnail, pixels (docs/export-format.md, section 5)."""
MAX_THUMBNAIL = 32 << 10
"""Largest thumbnail, bytes."""
MAX_JOB = 64 << 10
"""Largest JOB payload, bytes."""

MAX_IDENTIFIERS = 16
_CATEGORIES = (
    Category.FACE, Category.TEXT, Category.CODE, Category.MARK, Category.OTHER, Category.LESION,
)  # fmt: skip
_DECISIONS = (Decision.MASK, Decision.SUGGEST)
_MEDIA = (
    MediaKind.JPEG, MediaKind.CR3, MediaKind.HEIF, MediaKind.VIDEO, MediaKind.OTHER, MediaKind.EMPTY,
)  # fmt: skip
_KINDS = (IdentifierKind.MRN, IdentifierKind.NAME, IdentifierKind.BIRTH_DATE)
_READY = struct.Struct(">HII32s")
_JOB = struct.Struct(">BQIHHBB")
_BOX = struct.Struct(">B4I")
_FINDING = struct.Struct(">4IBHB")
_PREVIEW = struct.Struct(">II")
_WINDOW = struct.Struct(">6I")
_IDENTIFIER = struct.Struct(">BH")
_DONE = struct.Struct(">HBIIHQ4I")


class F(IntEnum):
    """Frame types."""

    JOB = 1
    DATA = 2
    END = 3
    READY = 16
    FINDING = 17
    DERIVATIVE = 18
    PREVIEW = 19
    PIXELS = 20
    DONE = 21
    QUALITY = 22
    SLATE = 23


class Mode(IntEnum):
    """What a job asks for."""

    DETECT = 1  # find and mask
    REPLAY = 2  # burn a reviewer's masks, and say what was found and is neither masked nor kept
    SNIFF = 3  # say what the file is
    BURN = 4  # burn masks and look for nothing: the original was looked at before
    CHECK = 5  # look at a derivative, and draw it
    VIEW = 6  # draw a part of a derivative
    COMPARE = 7  # find text that names the person, under no mask; write nothing
    ORIGINAL = 9  # draw a part of the upright original, for who may compare; find and write nothing
    THUMBNAIL = 8  # make a small JPEG of a preview's pixels; the window says how large they are


class ProtocolError(Exception):
    """The other side said something that the protocol does not allow."""


@dataclass(frozen=True)
class Ready:
    """What a worker has, once its models are loaded and its sandbox is shut."""

    abilities: Ability
    layers: Layer
    policy: bytes


class Window(NamedTuple):
    """A part of a derivative in its own pixels, and the largest size to draw it in; never scaled up."""

    box: Box
    width: int
    height: int


@dataclass(frozen=True)
class Job:
    """One picture to redact.

    Attributes:
        mode: what to do.
        size: bytes that follow in DATA frames.
        limit_ms: the time that the job may take in the worker.
        masks: boxes to burn, or (to check) that were burned.
        kept: what a reviewer decided to keep, and of which category (replay and check).
        crop: the part to leave (replay and burn); None for all of it.
        identifiers: what is known of the person in the picture (compare only).
        window: which part to draw, and into which size (view, original and thumbnail only).
    """

    mode: Mode
    size: int
    limit_ms: int
    masks: tuple[tuple[Category, Box], ...] = ()
    kept: tuple[tuple[Category, Box], ...] = ()
    crop: Box | None = None
    identifiers: tuple[Identifier, ...] = ()
    window: Window | None = None


@dataclass(frozen=True)
class Done:
    """The end of a job, with what must have come before it.

    Attributes:
        code: how it went.
        media: what the file is.
        width, height: of the upright picture that was looked at, pixels; 0 where there is none.
        findings: how many FINDING frames came.
        derivative: how many bytes of it came.
        crop: which part of the picture the derivative shows; None for all of it.
    """

    code: RedactCode
    media: MediaKind
    width: int
    height: int
    findings: int
    derivative: int
    crop: Box | None = None


def pack_ready(ready: Ready) -> bytes:
    """Payload of READY."""
    return _READY.pack(VERSION, ready.abilities, ready.layers, ready.policy)


def unpack_ready(untrusted: bytes) -> Ready:
    """Read READY; unknown bits are dropped.

    Raises:
        ProtocolError: another version or length.
    """
    version, abilities, layers, policy = _unpack(_READY, untrusted)
    if version != VERSION:
        raise ProtocolError(f"version {version}")
    return Ready(Ability(abilities & sum(Ability)), Layer(layers & sum(Layer)), policy)


def pack_job(job: Job) -> bytes:
    """Payload of JOB.

    Raises:
        ValueError: more boxes or identifiers than allowed, or a box that no picture can have.
    """
    if len(job.masks) > MAX_BOXES or len(job.kept) > MAX_BOXES or len(job.identifiers) > MAX_IDENTIFIERS:
        raise ValueError("too many boxes or identifiers")
    extras = (job.crop is not None) | (job.window is not None) << 1
    parts = [
        _JOB.pack(
            job.mode, job.size, job.limit_ms, len(job.masks), len(job.kept), len(job.identifiers), extras
        )
    ]
    crop = () if job.crop is None else ((Category.OTHER, job.crop),)
    for category, box in (*job.masks, *job.kept, *crop):
        _check_box(box)
        parts.append(_BOX.pack(_CATEGORIES.index(category), *box_tuple(box)))
    if job.window is not None:
        _check_box(job.window.box)
        parts.append(_WINDOW.pack(*box_tuple(job.window.box), job.window.width, job.window.height))
    for identifier in job.identifiers:
        value = identifier.value[:LONGEST].encode()
        parts += [_IDENTIFIER.pack(_KINDS.index(identifier.kind), len(value)), value]
    return b"".join(parts)


def unpack_job(payload: bytes) -> Job:
    """Read JOB.

    Raises:
        ProtocolError: a wrong length, number or box.
    """
    if len(payload) < _JOB.size:
        raise ProtocolError("short job")
    mode, size, limit_ms, masks, kept, identifiers, extras = _JOB.unpack(payload[: _JOB.size])
    if masks > MAX_BOXES or kept > MAX_BOXES or identifiers > MAX_IDENTIFIERS or size > MAX_IMAGE:
        raise ProtocolError("job over its limits")
    boxes_end = _JOB.size + _BOX.size * (masks + kept + (extras & 1))
    end = boxes_end + (_WINDOW.size if extras & 2 else 0)
    if len(payload) < end or extras > 3:
        raise ProtocolError("job of the wrong length")
    boxes = [_boxed(values) for values in _BOX.iter_unpack(payload[_JOB.size : boxes_end])]
    try:
        job_mode = Mode(mode)
    except ValueError as error:
        raise ProtocolError(f"mode {mode}") from error
    return Job(
        mode=job_mode,
        size=size,
        limit_ms=limit_ms,
        masks=tuple(boxes[:masks]),
        kept=tuple(boxes[masks : masks + kept]),
        crop=boxes[-1][1] if extras & 1 else None,
        identifiers=_identifiers(payload[end:], identifiers),
        window=_window(payload[boxes_end:end]) if extras & 2 else None,
    )


def _identifiers(packed: bytes, count: int) -> tuple[Identifier, ...]:
    found = []
    at = 0
    try:
        for _ in range(count):
            kind, length = _IDENTIFIER.unpack_from(packed, at)
            at += _IDENTIFIER.size + length
            value = packed[at - length : at]
            if len(value) != length:
                raise ProtocolError("identifier cut off")
            found.append(Identifier(_KINDS[kind], value.decode()))
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise ProtocolError("broken identifier") from error
    if at != len(packed):
        raise ProtocolError("job of the wrong length")
    return tuple(found)


def _window(packed: bytes) -> Window:
    x, y, w, h, width, height = _WINDOW.unpack(packed)
    box = Box(x, y, w, h)
    try:
        _check_box(box)
    except ValueError as error:
        raise ProtocolError("window out of range") from error
    if not (1 <= width <= MAX_PREVIEW_SIDE and 1 <= height <= MAX_PREVIEW_SIDE):
        raise ProtocolError(f"window of {width}x{height}")
    return Window(box, width, height)


def pack_finding(finding: Finding) -> bytes:
    """Payload of FINDING. The detector must be one of the table's, and the category its own."""
    number = next(id_ for id_, detector in DETECTORS.items() if detector.name == finding.detector)
    return _FINDING.pack(
        *box_tuple(finding.box), number, finding.confidence, _DECISIONS.index(finding.decision)
    )


def unpack_finding(untrusted: bytes) -> Finding:
    """Read FINDING; category, name, version and model come from our own table.

    Raises:
        ProtocolError: a wrong length or a number out of range.
    """
    x, y, w, h, detector, confidence, decision = _unpack(_FINDING, untrusted)
    try:
        known = DETECTORS[DetectorId(detector)]
    except (KeyError, ValueError) as error:
        raise ProtocolError(f"detector {detector}") from error
    if confidence > 1000:
        raise ProtocolError(f"confidence {confidence}")
    where = Box(x, y, w, h)
    try:
        _check_box(where)
        decided = _DECISIONS[decision]
    except (IndexError, ValueError) as error:
        raise ProtocolError("finding out of range") from error
    if decided is Decision.MASK and known.decision is not Decision.MASK:
        raise ProtocolError("masked by a detector that may only suggest")
    return Finding(known.category, where, known.name, known.model_sha256, confidence, decided)


def pack_preview(width: int, height: int) -> bytes:
    """Payload of PREVIEW."""
    return _PREVIEW.pack(width, height)


def unpack_preview(untrusted: bytes) -> tuple[int, int]:
    """Read PREVIEW: width and height; width * height * 3 bytes of PIXELS must follow.

    Raises:
        ProtocolError: a wrong length, or a side out of range.
    """
    width, height = _unpack(_PREVIEW, untrusted)
    if not (1 <= width <= MAX_PREVIEW_SIDE and 1 <= height <= MAX_PREVIEW_SIDE):
        raise ProtocolError(f"preview of {width}x{height}")
    return width, height


def unpack_quality(untrusted: bytes) -> Quality:
    """Read QUALITY.

    Raises:
        ProtocolError: a wrong length or a number out of range.
    """
    try:
        return quality.unpack(untrusted)
    except ValueError as error:
        raise ProtocolError("quality out of range") from error


def pack_slate(text: str) -> bytes:
    """Payload of SLATE."""
    return text.encode("ascii")


def unpack_slate(untrusted: bytes) -> str:
    """Read SLATE: a text that is like a slate's; whether it is one, only its check tells.

    Raises:
        ProtocolError: it is not.
    """
    text = untrusted.decode("ascii", "replace")
    if not is_like_slate(text):
        raise ProtocolError("a text that is not like a slate's")
    return text


def pack_done(done: Done) -> bytes:
    """Payload of DONE."""
    crop = (0, 0, 0, 0) if done.crop is None else box_tuple(done.crop)
    media = _MEDIA.index(done.media)
    return _DONE.pack(done.code, media, done.width, done.height, done.findings, done.derivative, *crop)


def unpack_done(untrusted: bytes) -> Done:
    """Read DONE.

    Raises:
        ProtocolError: a wrong length or a number out of range.
    """
    code, media, width, height, findings, derivative, *crop = _unpack(_DONE, untrusted)
    if width > MAX_SIDE or height > MAX_SIDE:
        raise ProtocolError(f"picture of {width}x{height}")
    box = Box(*crop) if any(crop) else None
    if box is not None and not within(box, width, height):
        raise ProtocolError("a crop outside the picture")
    try:
        return Done(RedactCode(code), _MEDIA[media], width, height, findings, derivative, box)
    except (IndexError, ValueError) as error:
        raise ProtocolError("done out of range") from error


def within(box: Box, width: int, height: int) -> bool:
    """Tell whether a box lies wholly in a picture."""
    return (
        box.x >= 0 and box.y >= 0 and box.w >= 1 and box.h >= 1
        and box.x + box.w <= width and box.y + box.h <= height
    )  # fmt: skip


def box_tuple(box: Box) -> tuple[int, int, int, int]:
    """A box as numbers: x, y, w, h."""
    return box.x, box.y, box.w, box.h


def chunks(data: bytes | memoryview) -> Iterator[memoryview]:
    """Cut data into payloads of at most `CHUNK` bytes."""
    view = memoryview(data)
    for start in range(0, len(view), CHUNK):
        yield view[start : start + CHUNK]


def _unpack(form: struct.Struct, untrusted: bytes) -> tuple[Any, ...]:
    if len(untrusted) != form.size:
        raise ProtocolError(f"{len(untrusted)} bytes instead of {form.size}")
    return form.unpack(untrusted)


def _boxed(values: tuple[int, ...]) -> tuple[Category, Box]:
    category, x, y, w, h = values
    box = Box(x, y, w, h)
    try:
        _check_box(box)
        return _CATEGORIES[category], box
    except (IndexError, ValueError) as error:
        raise ProtocolError("box out of range") from error


def _check_box(box: Box) -> None:
    if not (
        0 <= box.x <= MAX_SIDE
        and 0 <= box.y <= MAX_SIDE
        and 1 <= box.w <= MAX_SIDE
        and 1 <= box.h <= MAX_SIDE
    ):
        raise ValueError(f"no picture has this box: {box}")

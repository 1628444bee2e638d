"""What the daemon and a redact worker say to each other: sized frames of fixed binary structs. Pure.

::

    daemon -> worker    JOB, DATA*, END                        (again and again)
    worker -> daemon    READY                                   (once)
                        FINDING*, DERIVATIVE*, [PREVIEW, PIXELS*], DONE    (for each job)

The worker is not trusted: whatever it says is decoded here with every number held against a bound, and
there is no free text in it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from medkiosk.core.frames import CHUNK
from medkiosk.core.photo import Box, Category, Decision, Finding, MediaKind, RedactCode
from medkiosk.redact.detectors import DETECTORS, Ability, DetectorId, Layer

VERSION = 1
MAX_IMAGE = 128 << 20
"""Largest file that is sent whole, bytes; larger ones are only sniffed."""
MAX_SIDE = 65535
MAX_BOXES = 1024
MAX_FINDINGS = 1024
MAX_PREVIEW_SIDE = 2048
MAX_JOB = 64 << 10
"""Largest JOB payload, bytes."""

_CATEGORIES = (Category.FACE, Category.TEXT, Category.CODE, Category.MARK, Category.OTHER)
_DECISIONS = (Decision.MASK, Decision.KEEP, Decision.SUGGEST)
_MEDIA = (
    MediaKind.JPEG, MediaKind.CR3, MediaKind.HEIF, MediaKind.VIDEO, MediaKind.OTHER, MediaKind.EMPTY,
)  # fmt: skip
_READY = struct.Struct(">HII32s")
_JOB = struct.Struct(">BQIHH")
_BOX = struct.Struct(">B4I")
_FINDING = struct.Struct(">B4IBHB")
_PREVIEW = struct.Struct(">II")
_DONE = struct.Struct(">HBIIHQ")


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


class Mode(IntEnum):
    """What a job asks for."""

    DETECT = 1
    REPLAY = 2
    SNIFF = 3


class ProtocolError(Exception):
    """The other side said something that the protocol does not allow."""


@dataclass(frozen=True)
class Ready:
    """What a worker has, once its models are loaded and its sandbox is shut."""

    abilities: Ability
    layers: Layer
    policy: bytes


@dataclass(frozen=True)
class Job:
    """One picture to redact.

    Attributes:
        mode: detect and mask; replay given masks; or only say what the file is.
        size: bytes that follow in DATA frames.
        limit_ms: the time that the job may take in the worker.
        masks: boxes to burn (replay only).
        kept: what a reviewer decided to keep, and of which category (replay only).
    """

    mode: Mode
    size: int
    limit_ms: int
    masks: tuple[tuple[Category, Box], ...] = ()
    kept: tuple[tuple[Category, Box], ...] = ()


@dataclass(frozen=True)
class Done:
    """The end of a job, with what must have come before it."""

    code: RedactCode
    media: MediaKind
    width: int
    height: int
    findings: int
    derivative: int


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
        ValueError: more boxes than allowed, or a box that no picture can have.
    """
    if len(job.masks) > MAX_BOXES or len(job.kept) > MAX_BOXES:
        raise ValueError("too many boxes")
    parts = [_JOB.pack(job.mode, job.size, job.limit_ms, len(job.masks), len(job.kept))]
    for category, box in (*job.masks, *job.kept):
        _check_box(box)
        parts.append(_BOX.pack(_CATEGORIES.index(category), box.x, box.y, box.w, box.h))
    return b"".join(parts)


def unpack_job(payload: bytes) -> Job:
    """Read JOB.

    Raises:
        ProtocolError: a wrong length, number or box.
    """
    if len(payload) < _JOB.size:
        raise ProtocolError("short job")
    mode, size, limit_ms, masks, kept = _JOB.unpack(payload[: _JOB.size])
    if masks > MAX_BOXES or kept > MAX_BOXES or size > MAX_IMAGE:
        raise ProtocolError("job over its limits")
    if len(payload) != _JOB.size + _BOX.size * (masks + kept):
        raise ProtocolError("job of the wrong length")
    boxes = [_boxed(values) for values in _BOX.iter_unpack(payload[_JOB.size :])]
    try:
        job_mode = Mode(mode)
    except ValueError as error:
        raise ProtocolError(f"mode {mode}") from error
    return Job(job_mode, size, limit_ms, tuple(boxes[:masks]), tuple(boxes[masks:]))


def pack_finding(finding: Finding) -> bytes:
    """Payload of FINDING. The detector must be one of the table's."""
    number = next(id_ for id_, detector in DETECTORS.items() if detector.name == finding.detector)
    box = finding.box
    return _FINDING.pack(
        _CATEGORIES.index(finding.category),
        box.x, box.y, box.w, box.h,
        number, finding.confidence, _DECISIONS.index(finding.decision),
    )  # fmt: skip


def unpack_finding(untrusted: bytes) -> Finding:
    """Read FINDING; name, version and model come from our own table.

    Raises:
        ProtocolError: a wrong length or a number out of range.
    """
    category, x, y, w, h, detector, confidence, decision = _unpack(_FINDING, untrusted)
    try:
        known = DETECTORS[DetectorId(detector)]
    except ValueError as error:
        raise ProtocolError(f"detector {detector}") from error
    if confidence > 1000:
        raise ProtocolError(f"confidence {confidence}")
    where = Box(x, y, w, h)
    try:
        _check_box(where)
        return Finding(
            _CATEGORIES[category], where, known.name, known.model_sha256, confidence, _DECISIONS[decision]
        )
    except (IndexError, ValueError) as error:
        raise ProtocolError("finding out of range") from error


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


def pack_done(done: Done) -> bytes:
    """Payload of DONE."""
    return _DONE.pack(
        done.code, _MEDIA.index(done.media), done.width, done.height, done.findings, done.derivative
    )


def unpack_done(untrusted: bytes) -> Done:
    """Read DONE.

    Raises:
        ProtocolError: a wrong length or a number out of range.
    """
    code, media, width, height, findings, derivative = _unpack(_DONE, untrusted)
    if width > MAX_SIDE or height > MAX_SIDE:
        raise ProtocolError(f"picture of {width}x{height}")
    try:
        return Done(RedactCode(code), _MEDIA[media], width, height, findings, derivative)
    except (IndexError, ValueError) as error:
        raise ProtocolError("done out of range") from error


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

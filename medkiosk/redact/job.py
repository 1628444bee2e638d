"""One photo from bytes to derivative, and one derivative from bytes to a judgement: what a child does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from medkiosk.core.photo import MOST_FINDINGS, Box, Decision, Finding, MediaKind, RedactCode
from medkiosk.core.quality import Quality
from medkiosk.redact.decode import Source, media_kind, open_source
from medkiosk.redact.derivative import is_burned, part_of_derivative, sight_of_derivative
from medkiosk.redact.detect.hit import Hit, merge
from medkiosk.redact.detectors import ALL_ABILITIES, DetectorId
from medkiosk.redact.errors import BurnError, RefusedError
from medkiosk.redact.jpeg.burn import burn
from medkiosk.redact.jpeg.crop import crop
from medkiosk.redact.jpeg.turbojpeg import Subsampling, TurboJpeg
from medkiosk.redact.kit import Kit
from medkiosk.redact.pixels import Pixels, View, as_pixels
from medkiosk.redact.plan import make_plan
from medkiosk.redact.protocol import MAX_THUMBNAIL, Job, Mode
from medkiosk.redact.region import clip, grow
from medkiosk.redact.residual import Area, uncovered
from medkiosk.redact.sight import Sight

_SAME_IOU = 0.3
_THUMBNAIL_QUALITIES = (85, 70, 50, 30, 10)
"""The first that gives few enough bytes; noise at the largest size needs the second last."""


@dataclass(frozen=True)
class Outcome:
    """What came of one job; ``preview`` is RGB, shape (height, width, 3)."""

    code: RedactCode
    media: MediaKind
    width: int = 0
    height: int = 0
    crop: Box | None = None
    findings: tuple[Finding, ...] = ()
    slates: tuple[str, ...] = ()
    quality: Quality | None = None
    derivative: bytes = b""
    preview: Pixels | None = None


def do(data: memoryview, job: Job, kit: Kit) -> Outcome:
    """Do one job.

    Args:
        data: the whole file (or its first bytes, to sniff; or a derivative, to check or draw).
        job: what to do.
        kit: the loaded detectors.

    Returns:
        The outcome; a file that cannot be redacted has the code that says why.

    Raises:
        MemoryError, cv2.error: the caller turns these into codes.
    """
    if job.mode in {Mode.CHECK, Mode.VIEW}:
        return _judge(data, job, kit)
    if job.mode is Mode.THUMBNAIL:
        return _thumbnail(data, job, kit)
    media, code = media_kind(data)
    if code is not RedactCode.OK:
        return Outcome(code, media)
    if job.mode is Mode.SNIFF:
        return Outcome(RedactCode.TOO_LARGE, media)
    if kit.turbo is None or kit.hevc is None:
        return Outcome(RedactCode.NO_DETECTOR, media)
    try:
        source = open_source(data, media, kit.policy.limits, kit.turbo, kit.hevc)
        if job.mode is Mode.ORIGINAL:
            return _original(source, job, kit.turbo)
        if kit.abilities != ALL_ABILITIES:
            return Outcome(RedactCode.NO_DETECTOR, media)
        if job.mode is Mode.COMPARE:
            return _compare(source, job, kit, kit.turbo)
        return _write(source, job, kit, kit.turbo)
    except RefusedError as error:
        return Outcome(error.code, media)


def _write(source: Source, job: Job, kit: Kit, turbo: TurboJpeg) -> Outcome:
    """Make the derivative that the job asks for, with what was found on the way."""
    picture = source.picture
    findings: tuple[Finding, ...] = ()
    slates: tuple[str, ...] = ()
    quality = None
    masks = job.masks
    if job.mode is Mode.DETECT:
        sight = source.sight(turbo)
        findings, quality = _find(sight, kit)
        slates = kit.slates(sight)
        masks = tuple((f.category, f.box) for f in findings if f.decision is Decision.MASK)
        del sight  # burning can use its memory
    elif job.mode is Mode.REPLAY:
        findings = _missed(source.sight(turbo), job, source, kit)
    if max(len(masks), len(findings)) > MOST_FINDINGS:
        return Outcome(RedactCode.CROWDED, source.media)
    derivative = burn(source.data, picture, _burned(masks, source), turbo)
    shown = _shown(job, source)
    if shown is not None:
        derivative = crop(derivative, shown, turbo)
    return Outcome(
        code=RedactCode.OK,
        media=source.media,
        width=picture.size.width,
        height=picture.size.height,
        crop=shown,
        findings=findings,
        slates=slates,
        quality=quality,
        derivative=derivative,
    )


def _compare(source: Source, job: Job, kit: Kit, turbo: TurboJpeg) -> Outcome:
    """Read the text of the original: what names the person must be under a mask, kept or not."""
    sight = source.sight(turbo)
    hidden = _hidden(job, source)
    hits = uncovered(kit.named(sight, job.identifiers, hidden), hidden, (), kit.policy.residual.covered)
    width, height = sight.full
    return Outcome(RedactCode.OK, source.media, width, height, findings=_suggested(hits, kit, sight))


def _original(source: Source, job: Job, turbo: TurboJpeg) -> Outcome:
    """Draw a part of the original as it is, upright."""
    window, size = job.window, source.picture.size
    part = None if window is None else clip(window.box, size)
    if window is None or part is None:
        return Outcome(RedactCode.INTERNAL, source.media)
    small = part.w >= 2 * window.width and part.h >= 2 * window.height
    pixels, by = source.upright_pixels(turbo, half=small), 2 if small else 1
    pixels = pixels[part.y // by : -(-(part.y + part.h) // by), part.x // by : -(-(part.x + part.w) // by)]
    shown = _fitted(View.whole(pixels), window.width, window.height)
    return Outcome(RedactCode.OK, source.media, size.width, size.height, preview=shown)


def _hidden(job: Job, source: Source) -> list[Box]:
    """What a recipient will not see: under masks, or cropped away."""
    masks, shown = _burned(job.masks, source), _shown(job, source)
    return masks if shown is None else masks + _outside(shown, *source.picture.size)


def _burned(masks: Sequence[Area], source: Source) -> list[Box]:
    """What burning these masks makes black: whole MCUs."""
    return [mask.box for mask in make_plan(masks, source.picture.mcu, source.picture.size)]


def _shown(job: Job, source: Source) -> Box | None:
    """What a crop leaves: whole MCUs; None for all of the picture."""
    return None if job.crop is None else grow(job.crop, source.picture.mcu, source.picture.size)


def _find(sight: Sight, kit: Kit) -> tuple[tuple[Finding, ...], Quality]:
    """The automatic rule: what is certain is masked without asking, the rest is suggested."""
    certain = kit.certain(sight)
    findings = [kit.finding(hit, sight.full) for hit in certain]
    masks = [finding.box for finding in findings]
    suggested = uncovered(kit.suggestions(sight, masks), masks, (), kit.policy.residual.covered)
    findings += [kit.finding(hit, sight.full) for hit in suggested]
    return tuple(findings), kit.quality(sight)


def _missed(sight: Sight, job: Job, source: Source, kit: Kit) -> tuple[Finding, ...]:
    """What is certain in the original and neither masked nor kept by the reviewer, nor cropped away."""
    hits = kit.certain(sight)
    left = uncovered(hits, _hidden(job, source), job.kept, kit.policy.residual.covered)
    return _suggested(left, kit, sight)


def _outside(shown: Box, width: int, height: int) -> list[Box]:
    """What a crop leaves out, as up to four boxes: nobody will see it."""
    right, bottom = shown.x + shown.w, shown.y + shown.h
    strips = [
        (0, 0, width, shown.y),
        (0, bottom, width, height - bottom),
        (0, shown.y, shown.x, shown.h),
        (right, shown.y, width - right, shown.h),
    ]
    return [Box(*strip) for strip in strips if strip[2] > 0 and strip[3] > 0]


def _suggested(hits: Sequence[Hit], kit: Kit, sight: Sight) -> tuple[Finding, ...]:
    """Hits of one detector that show the same thing become one; whatever their detector, a person decides."""
    one_each = [hit for id_ in DetectorId for hit in merge((h for h in hits if h.detector is id_), _SAME_IOU)]
    return tuple(kit.finding(hit, sight.full, Decision.SUGGEST) for hit in one_each)[:MOST_FINDINGS]


def _judge(data: memoryview, job: Job, kit: Kit) -> Outcome:
    """Look at a derivative as a recipient would, knowing nothing of how it was made; and draw it."""
    limits = kit.policy.limits
    try:
        if job.mode is Mode.VIEW and job.window is not None:
            pixels, full = part_of_derivative(data, job.window.box, limits)
            shown = _fitted(View.whole(pixels), job.window.width, job.window.height)
            return Outcome(RedactCode.OK, MediaKind.JPEG, full.width, full.height, preview=shown)
        if kit.abilities != ALL_ABILITIES:
            return Outcome(RedactCode.NO_DETECTOR, MediaKind.JPEG)
        sight = sight_of_derivative(data, limits)
    except BurnError as error:
        return Outcome(error.code, MediaKind.JPEG)
    masks = [box for _, box in job.masks]
    if not all(is_burned(sight, mask) for mask in masks):
        return Outcome(RedactCode.MISMATCH, MediaKind.JPEG)
    hits = uncovered(kit.again(sight), masks, job.kept, kit.policy.residual.covered)
    return Outcome(
        code=RedactCode.OK,
        media=MediaKind.JPEG,
        width=sight.full.width,
        height=sight.full.height,
        findings=_suggested(hits, kit, sight),
        preview=_fitted(sight.view, limits.preview_width, limits.preview_height),
    )


def _thumbnail(data: memoryview, job: Job, kit: Kit) -> Outcome:
    """Encode RGB pixels of a preview small: baseline, no metadata, no profile (readers take it as sRGB)."""
    window = job.window
    if kit.turbo is None:
        return Outcome(RedactCode.NO_DETECTOR, MediaKind.JPEG)
    if window is None or len(data) != window.box.w * window.box.h * 3:
        return Outcome(RedactCode.NOT_A_PHOTO, MediaKind.JPEG)
    rgb = np.frombuffer(data, np.uint8).reshape(window.box.h, window.box.w, 3)
    # Fitting exchanges red and blue: here from RGB to what the encoder takes.
    bgr = _fitted(View.whole(as_pixels(rgb)), window.width, window.height)
    for quality in _THUMBNAIL_QUALITIES:
        small = kit.turbo.encode(bgr, quality, Subsampling.S420)
        if len(small) <= MAX_THUMBNAIL:
            height, width = bgr.shape[:2]
            return Outcome(RedactCode.OK, MediaKind.JPEG, width, height, derivative=small)
    return Outcome(RedactCode.TOO_LARGE, MediaKind.JPEG)


def _fitted(view: View, width: int, height: int) -> Pixels:
    """Scale BGR pixels to fit, never up, and give RGB.

    By halves, and the rest by interpolation, which down to a half leaves no pixel out and is seven times as
    fast as averaging.
    """
    scale = min(width / view.pixels.shape[1], height / view.pixels.shape[0], 1.0)
    small = view.scaled(max(1, int(max(view.pixels.shape[:2]) * scale)), cv2.INTER_LINEAR)
    return as_pixels(cv2.cvtColor(small, cv2.COLOR_BGR2RGB))

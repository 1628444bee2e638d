"""One photo from bytes to derivative: what a disposable child does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medkiosk.core.photo import Decision, Finding, MediaKind, RedactCode
from medkiosk.redact.burn import BurnError, burn
from medkiosk.redact.decode import RefusedError, Source, inspect, media_kind, upright_pixels
from medkiosk.redact.detect.hit import Hit, merge
from medkiosk.redact.detect.kit import Kit
from medkiosk.redact.detectors import ALL_ABILITIES, DetectorId
from medkiosk.redact.jpeg import JpegError
from medkiosk.redact.pixels import Pixels, scaled_to
from medkiosk.redact.plan import make_plan
from medkiosk.redact.protocol import MAX_BOXES, MAX_FINDINGS, Job, Mode
from medkiosk.redact.residual import Area, decode_derivative, uncovered
from medkiosk.redact.turbojpeg import TurboError, TurboJpeg

_SAME_IOU = 0.3


@dataclass(frozen=True)
class Outcome:
    """What came of one photo; ``preview`` is RGB, shape (height, width, 3)."""

    code: RedactCode
    media: MediaKind
    width: int = 0
    height: int = 0
    findings: tuple[Finding, ...] = ()
    derivative: bytes = b""
    preview: Pixels | None = None


def redact(data: memoryview, job: Job, kit: Kit) -> Outcome:
    """Do one job.

    Args:
        data: the whole file (or its first bytes, to sniff).
        job: what to do.
        kit: the loaded detectors.

    Returns:
        The outcome; a file that cannot be redacted has the code that says why.

    Raises:
        MemoryError, cv2.error: the caller turns these into codes.
    """
    media, code = media_kind(data)
    if code is not RedactCode.OK:
        return Outcome(code, media)
    if job.mode is Mode.SNIFF:
        return Outcome(RedactCode.TOO_LARGE, media)
    try:
        source = inspect(data, kit.policy.limits)
        if kit.abilities != ALL_ABILITIES or kit.turbo is None:
            return Outcome(RedactCode.NO_DETECTOR, media)
        if job.mode is Mode.REPLAY:
            return _replay(source, job, kit, kit.turbo)
        return _detect(source, kit, kit.turbo)
    except (JpegError, RefusedError, TurboError, BurnError) as error:
        return Outcome(error.code, media)


def _detect(source: Source, kit: Kit, turbo: TurboJpeg) -> Outcome:
    """The automatic rule: everything found is masked; what is then still found is masked once more."""
    hits = _look(source, kit, turbo)
    size = source.picture.size
    findings = [kit.finding(hit, Decision.MASK, size) for hit in hits]
    for final in (*[False] * kit.policy.residual.extra_rounds, True):
        if len(findings) > MAX_BOXES:
            return Outcome(RedactCode.UNSUPPORTED, MediaKind.JPEG)
        wanted = [(finding.category, finding.box) for finding in findings]
        attempt = _burn_and_look(source, wanted, (), kit, turbo)
        if not attempt.hits:
            break
        decision = Decision.SUGGEST if final else Decision.MASK
        findings += [kit.finding(hit, decision, size) for hit in attempt.hits]
    return _outcome(source, kit, attempt, findings)


def _replay(source: Source, job: Job, kit: Kit, turbo: TurboJpeg) -> Outcome:
    """A reviewer's plan: exactly these masks; what is found and neither masked nor kept is reported."""
    picture = source.picture
    masks = [mask.box for mask in make_plan(job.masks, picture.mcu, picture.size)]
    missed = uncovered(_look(source, kit, turbo), masks, job.kept, kit.policy.residual.covered)
    attempt = _burn_and_look(source, job.masks, job.kept, kit, turbo)
    left = [
        hit
        for id_ in DetectorId
        for hit in merge((h for h in (*missed, *attempt.hits) if h.detector is id_), _SAME_IOU)
    ]
    findings = [kit.finding(hit, Decision.SUGGEST, picture.size) for hit in left]
    return _outcome(source, kit, attempt, findings)


def _look(source: Source, kit: Kit, turbo: TurboJpeg) -> list[Hit]:
    """Everything that every detector finds in the original. The pixels (60 MB for 20 MP) are freed here."""
    return kit.find_all(upright_pixels(source, turbo))


@dataclass(frozen=True)
class _Attempt:
    derivative: bytes
    pixels: Pixels
    hits: list[Hit]


def _burn_and_look(
    source: Source, wanted: Sequence[Area], kept: Sequence[Area], kit: Kit, turbo: TurboJpeg
) -> _Attempt:
    """Write the derivative, then look at it as a recipient would: what is still there?

    Only for faces and codes: black rectangles are letters to the text detector (on a third of the development
    photographs). Text was looked for in the original, from which this picture differs only under its masks.
    """
    picture = source.picture
    masks = [mask.box for mask in make_plan(wanted, picture.mcu, picture.size)]
    derivative = burn(source.data, picture, masks, turbo)
    pixels = decode_derivative(derivative, picture.size)
    hits = uncovered(kit.find_again(pixels), masks, kept, kit.policy.residual.covered)
    return _Attempt(derivative, pixels, hits)


def _outcome(source: Source, kit: Kit, attempt: _Attempt, findings: list[Finding]) -> Outcome:
    """The last attempt, with what was found; anything that is only a suggestion closes the gate."""
    left = any(finding.decision is Decision.SUGGEST for finding in findings)
    return Outcome(
        code=RedactCode.RESIDUAL if left else RedactCode.OK,
        media=MediaKind.JPEG,
        width=source.picture.size.width,
        height=source.picture.size.height,
        findings=tuple(findings[:MAX_FINDINGS]),
        derivative=attempt.derivative,
        preview=_preview(attempt.pixels, kit.policy.limits.preview_width, kit.policy.limits.preview_height),
    )


def _preview(pixels: Pixels, width: int, height: int) -> Pixels:
    """Scale BGR pixels to fit, never up, and give RGB."""
    scale = min(width / pixels.shape[1], height / pixels.shape[0], 1.0)
    small = scaled_to(pixels, max(1, int(max(pixels.shape[:2]) * scale)))
    return np.ascontiguousarray(small[:, :, ::-1])

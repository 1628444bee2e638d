"""Scores a photograph while the patient is still there, and says what to do better."""

from __future__ import annotations

import cv2
import numpy as np

from medkiosk.core.quality import Advice, Quality
from medkiosk.redact.pixels import Pixels, halved
from medkiosk.redact.policy import QualityPolicy
from medkiosk.redact.quality import light, sharpness
from medkiosk.redact.quality.scale import find_scale

_LARGEST = 3000
"""Long side above which a picture is halved first: 20 megapixels are judged at half size."""


def assess(pixels: Pixels, policy: QualityPolicy) -> Quality:
    """Judge an upright picture.

    Args:
        pixels: BGR, shape (height, width, 3), any size; a 20 megapixel picture best at half size already.
        policy: the thresholds.

    Returns:
        Scores and advice. The advice is only what the picture itself can show: see docs/redaction.md.
    """
    while max(pixels.shape[:2]) > _LARGEST:
        pixels = halved(pixels)
    blur = sharpness.measure(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8))
    scale = find_scale(pixels)
    ground = strip = None
    if scale.patch is not None and scale.sides is not None and scale.ticks >= policy.scale:
        ground, strip = light.ground_of(scale.patch, scale.sides), scale.strip
    seen = light.measure(pixels, ground, strip)
    confidence = 1000 if scale.chart else scale.ticks
    return Quality(
        sharpness=None if blur is None else round(1000 / (1 + blur.worst**2)),
        exposure=seen.exposure,
        shadows=seen.shadows,
        highlights=seen.highlights,
        glare=seen.glare,
        cast=seen.cast,
        scale=confidence,
        advice=advise(blur, seen, confidence, policy),
    )


def advise(
    blur: sharpness.Blur | None, seen: light.Light, scale: int, policy: QualityPolicy
) -> tuple[Advice, ...]:
    """What the scores mean under a policy, in the order of importance."""
    raised = set()
    if blur is not None and blur.worst * 1000 > policy.blur:
        moved = blur.worst * 1000 > policy.motion * blur.best
        raised.add(Advice.MOVED if moved else Advice.NOT_SHARP)
    if seen.highlights > policy.highlights:
        raised.add(Advice.OVEREXPOSED)
    of_skin = seen.skin > policy.skin_fills
    if seen.exposure < (policy.exposure_of_skin if of_skin else policy.exposure):
        raised.add(Advice.UNDEREXPOSED)
    if seen.glare > policy.glare and Advice.OVEREXPOSED not in raised:
        raised.add(Advice.GLARE)
    if seen.cast is not None and seen.cast > policy.cast:
        raised.add(Advice.CAST)
    if policy.ask_for_scale and scale < policy.scale:
        raised.add(Advice.NO_SCALE)
    return tuple(advice for advice in Advice if advice in raised)

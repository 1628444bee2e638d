"""What is left over: hits that no mask hides and no reviewer kept. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from medkiosk.core.photo import Box, Category
from medkiosk.redact.detect.hit import Hit
from medkiosk.redact.detectors import DETECTORS, DetectorId
from medkiosk.redact.region import iou, share_covered

_SAME_IOU = 0.3
"""Least intersection over union of what was kept, with its padding, and a hit that is the same thing."""

Area = tuple[Category, Box]
"""A place, and what it is about."""


def uncovered(hits: Sequence[Hit], masks: Sequence[Box], kept: Sequence[Area], covered: int) -> list[Hit]:
    """Hits that are neither masked nor kept.

    Args:
        hits: what detectors found.
        masks: burned boxes.
        kept: what a reviewer kept. Counts for hits of the same category only: to keep the words on a poster
            is not to keep a face on it; and for hits of about its size only: to keep a wall on which a face
            was suspected is not to keep the face that hangs there. What was read and names the person is
            never kept.
        covered: per mille of a hit that must lie in masks and kept places for it not to count; all of it
            where it names the person, who may be named in the rest.
    """
    return [
        hit
        for hit in hits
        if share_covered(hit.box, [*masks, *_kept_for(hit, kept)]) * 1000
        < (1000 if hit.detector is DetectorId.IDENTIFIERS else covered)
    ]


def _kept_for(hit: Hit, kept: Sequence[Area]) -> list[Box]:
    if hit.detector is DetectorId.IDENTIFIERS:
        return []
    wanted = DETECTORS[hit.detector].category
    return [box for category, box in kept if category is wanted and iou(box, hit.box) >= _SAME_IOU]

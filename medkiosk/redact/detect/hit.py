"""What a detector returns, and how hits of the same thing become one. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from medkiosk.core.photo import Box
from medkiosk.redact.detectors import DetectorId
from medkiosk.redact.region import bounding, intersection, iou


class Hit(NamedTuple):
    """One thing found: by whom, where (upright full-size pixels, not padded), how sure (per mille)."""

    detector: DetectorId
    box: Box
    confidence: int


def merge(hits: Iterable[Hit], overlap: float) -> list[Hit]:
    """Make hits that show the same thing one hit, as sure as the surest and as large as all together.

    Two hits show the same thing when their intersection over union is at least ``overlap``, or when one
    lies almost (90 %) inside the other. Growing matters: half a line found surely must not hide the whole
    line found less surely.
    """
    found = list(hits)
    while True:
        kept: list[Hit] = []
        for hit in sorted(found, key=_surest_first):
            for index, other in enumerate(kept):
                if _same(hit.box, other.box, overlap):
                    kept[index] = other._replace(box=bounding(other.box, hit.box))
                    break
            else:
                kept.append(hit)
        # A hit that grew may now hold another that was apart from it: the two halves of a long line.
        if len(kept) == len(found):
            return kept
        found = kept


def _surest_first(hit: Hit) -> tuple[int, ...]:
    return (-hit.confidence, hit.box.y, hit.box.x, hit.box.h, hit.box.w)


def _same(a: Box, b: Box, overlap: float) -> bool:
    return iou(a, b) >= overlap or _inside(a, b) or _inside(b, a)


def _inside(box: Box, other: Box) -> bool:
    shared = intersection(box, other)
    return shared is not None and shared.w * shared.h >= 0.9 * box.w * box.h

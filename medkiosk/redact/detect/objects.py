"""Tell a mole, a button or an eye from a few letters."""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from medkiosk.redact.pixels import Pixels

Contour: TypeAlias = Any
"""A contour as cv2.findContours gives it: shape (points, 1, 2), int32."""
_STROKES = 0.6
"""Least contrast inside the core of letters, as a part of that around them (docs/redaction.md)."""
_LARGE_CORE = 40
_LETTER = 0.3


def is_object(part: Pixels, contour: Contour, distance: float) -> bool:
    """Tell a mole, a button or an eye from a few letters. Only for shapes that are not long like a line.

    The network takes dark round things on skin for letters. Letters have strokes and ground inside their
    core; an object is nearly even inside, or, where the core is wider than the object, one single shape.
    """
    margin = max(1, round(distance))
    x, y, w, h = cv2.boundingRect(contour)
    x0, y0 = max(x - margin, 0), max(y - margin, 0)
    grey = cv2.cvtColor(part[y0 : y + h + margin, x0 : x + w + margin], cv2.COLOR_BGR2GRAY)
    core = np.zeros(grey.shape, np.uint8)
    cv2.drawContours(core, [contour], 0, 1, -1, offset=(-x0, -y0))
    around = cv2.dilate(core, np.ones((2 * margin + 1, 2 * margin + 1), np.uint8))
    if _spread(grey[core > 0], 5) < _STROKES * _spread(grey[around > 0], 2):
        return True
    return min(w, h) >= _LARGE_CORE and _shapes(grey[y - y0 : y - y0 + h, x - x0 : x - x0 + w]) < 2


def _spread(values: NDArray[Any], percent: int) -> int:
    """Grey levels between the darkest and the lightest ``percent`` of some pixels.

    By sorting: numpy's percentile imports modules when it is first called, which the sandbox forbids.
    """
    ordered = np.sort(values)
    cut = len(ordered) * percent // 100
    return int(ordered[-1 - cut]) - int(ordered[cut])


def _shapes(grey: NDArray[Any]) -> int:
    """How many things of letter size stand out from the ground."""
    _, light = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    edge = np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]])
    marked = 1 - light if edge.mean() > 0.5 else light
    _, _, stats, _ = cv2.connectedComponentsWithStats(marked, connectivity=8)
    extent = np.maximum(stats[1:, cv2.CC_STAT_HEIGHT], stats[1:, cv2.CC_STAT_WIDTH])
    return int((extent >= _LETTER * min(grey.shape)).sum())

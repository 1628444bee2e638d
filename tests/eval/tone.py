"""Skin tone: the Individual Typology Angle of a face as it is pictured, and a simulation of other tones."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from medkiosk.redact.pixels import Pixels
from tests.eval.score import Bounds, Ellipse

# Bins of the Individual Typology Angle (Chardon et al. 1991; Del Bino and Bernerd 2013), three out of six.
_LIGHT, _DARK = 41.0, 10.0
TONES = (55, 25, -35)
"""Angles that skin is moved to: light, tan, dark."""
# Typical lightness and yellowness at these angles: tan(angle) = (L - 50) / b.
_LAB_OF = {55: (71.0, 14.7), 25: (59.0, 19.3), -35: (38.0, 17.1)}


def typology_angle(pixels: Pixels, label: Bounds) -> float:
    """The Individual Typology Angle of a face, degrees: atan((L* - 50) / b*), CIE 1976 L*a*b*.

    From the pixels in the inner ellipse (60 %) of the label without their darkest and lightest quarters
    (hair, eyes, glare). The light is not calibrated, so this is the tone as pictured, not of the person.
    """
    lightness, _, yellow = _median(_lab(pixels), label)
    return math.degrees(math.atan2(float(lightness) - 50, max(float(yellow), 1.0)))


def group(angle: float) -> str:
    """The name of an angle's group."""
    if angle > _LIGHT:
        return "light (ITA over 41)"
    return "intermediate, tan (ITA 10 to 41)" if angle > _DARK else "brown, dark (ITA under 10)"


def with_tone(pixels: Pixels, labels: Sequence[Bounds], target: int) -> Pixels:
    """Move the skin of all faces to a typology angle: a simulation; hair and ground keep their colours.

    Skin is what is near a face's median colour (a*, b* within about 15). Lightness is scaled, so that light
    and shadow keep their ratio; colour is shifted.
    """
    lab = _lab(pixels)
    lightness, yellow = _LAB_OF[target]
    share = np.zeros(pixels.shape[:2], np.float32)
    moved = lab.copy()
    for label in labels:
        own = _median(lab, label)
        away = np.hypot(lab[..., 1] - own[1], lab[..., 2] - own[2]) / 15
        dark = np.clip((own[0] - lab[..., 0]) / max(float(own[0]), 1.0) - 0.45, 0, 1) * 6
        like = np.exp(-(away**2) - dark**2).astype(np.float32)
        nearer = like > share
        shifted = lab * (lightness / float(own[0]), 1, 1) + (0, 0, yellow - float(own[2]))
        moved[nearer] = shifted[nearer]
        share = np.maximum(share, like)
    soft = np.asarray(cv2.GaussianBlur(share, (0, 0), 1.5))[..., None]
    mixed = (lab * (1 - soft) + moved * soft).astype(np.float32)
    result = cv2.cvtColor(mixed, cv2.COLOR_LAB2BGR) * 255
    return np.clip(result, 0, 255).astype(np.uint8)


def _lab(pixels: Pixels) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_BGR2LAB), np.float32)


def _median(lab: NDArray[np.float32], label: Bounds) -> NDArray[np.float32]:
    head = Ellipse.within(*label)
    inner = Ellipse(head.cx, head.cy, head.rx * 0.6, head.ry * 0.6)
    y, x = np.mgrid[0 : lab.shape[0], 0 : lab.shape[1]].astype(float)
    chosen = lab[inner.contains(x, y)]
    ordered = chosen[np.argsort(chosen[:, 0])]
    quarter = len(ordered) // 4
    result: NDArray[np.float32] = np.median(ordered[quarter : len(ordered) - quarter], axis=0)
    return result

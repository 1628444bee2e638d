"""Close-ups and parts of faces, as suggestions: eyes or a mouth that fill the frame, half a face.

CenterFace knows a face by its surroundings too. A part that fills the picture becomes a face to it again when
the picture is set small into a larger plain ground of the picture's own border colour, with more room above
than below: then eyes, a mouth or half a face lie where they do in a face. One such framing is weak evidence;
several that agree are less often wrong, so their confidences are averaged (geometric mean), from each side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from medkiosk.core.photo import Box
from medkiosk.redact.detect.centerface import CenterFace, Look, quarter_turned, shifted
from medkiosk.redact.detect.hit import Hit, merge
from medkiosk.redact.detectors import DetectorId
from medkiosk.redact.pixels import View, as_pixels
from medkiosk.redact.policy import CloseFacePolicy, Framing
from medkiosk.redact.region import bounding, clip, iou, pad, share_covered

_SAME_FACE_IOU = 0.3
_KNOWN = 0.5


class CloseFaceDetector:
    """Suggests parts of faces to the reviewer; burns nothing.

    Args:
        network: the face network, shared with the automatic rule.
        policy: its section of the policy.
    """

    def __init__(self, network: CenterFace, policy: CloseFacePolicy) -> None:
        self._network = network
        self._policy = policy

    def find(self, view: View, certain: Sequence[Box]) -> list[Hit]:
        """Parts of faces in an upright picture, padded, in pixels of its full size.

        Args:
            view: the picture.
            certain: what the automatic rule masks; the same thing is not suggested again.
        """
        hits = self._weak(view)
        framed = [self._framed_all(view, quarter_turns) for quarter_turns in range(4)]
        hits += [hit for hit in framed if hit is not None]
        new = (hit for hit in merge(hits, _SAME_FACE_IOU) if not _is_known(hit.box, certain))
        padded = ((hit, clip(pad(hit.box, self._policy.padding), view.full)) for hit in new)
        return [hit._replace(box=box) for hit, box in padded if box is not None]

    def _weak(self, view: View) -> list[Hit]:
        """Faces that the automatic rule is not sure enough of."""
        side, threshold = self._policy.weak_long_side, self._policy.weak_threshold
        return [
            hit
            for quarter_turns in range(4)
            for hit in self._network.find_turned(view, side, quarter_turns, threshold, DetectorId.CLOSE_FACES)
        ]

    def _framed_all(self, view: View, quarter_turns: int) -> Hit | None:
        """What all framings together show of the picture as seen from one side."""
        best = [self._framed(view, quarter_turns, framing) for framing in self._policy.framings]
        found = [hit for hit in best if hit is not None]
        floor = self._policy.floor
        logs = sum(math.log(hit.confidence) for hit in found) + (len(best) - len(found)) * math.log(floor)
        confidence = round(math.exp(logs / len(best)))
        if not found or confidence < self._policy.threshold:
            return None
        box = found[0].box
        for hit in found[1:]:
            box = bounding(box, hit.box)
        return Hit(DetectorId.CLOSE_FACES, box, confidence)

    def _framed(self, view: View, quarter_turns: int, framing: Framing) -> Hit | None:
        look = framed(view, quarter_turns, framing)
        return next(iter(self._network.find(look, self._policy.floor, DetectorId.CLOSE_FACES)), None)


def framed(view: View, quarter_turns: int, framing: Framing) -> Look:
    """The picture, turned, in a plain ground whose long side is the framing's, with room around it."""
    height, width = view.pixels.shape[:2]
    if quarter_turns % 2:
        width, height = height, width
    wide = width * (1000 + 2 * framing.beside)
    high = height * (1000 + framing.above + framing.below)
    inner = max(1, round(framing.long_side * 1000 * max(width, height) / max(wide, high)))
    look = quarter_turned(view.scaled(inner), quarter_turns, view.full)
    scale = inner / max(width, height)
    turned = look.canvas[: max(1, round(height * scale)), : max(1, round(width * scale))]
    left, top = (
        round(turned.shape[1] * framing.beside / 1000),
        round(turned.shape[0] * framing.above / 1000),
    )
    bottom = round(turned.shape[0] * framing.below / 1000)
    border = np.concatenate([turned[0], turned[-1], turned[:, 0], turned[:, -1]])
    ground = tuple(float(level) for level in border.mean(axis=0))
    canvas = cv2.copyMakeBorder(turned, top, bottom, left, left, cv2.BORDER_CONSTANT, value=ground)
    return shifted(as_pixels(canvas), (left, top), look)


def _is_known(box: Box, certain: Sequence[Box]) -> bool:
    """Whether the automatic rule has the same thing already."""
    return share_covered(box, certain) >= _KNOWN or any(
        iou(box, other) >= _SAME_FACE_IOU for other in certain
    )

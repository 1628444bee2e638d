"""Faces: CenterFace from four sides at several sizes."""

from __future__ import annotations

from medkiosk.redact.detect.centerface import CenterFace, quarter_turned
from medkiosk.redact.detect.hit import Hit, merge
from medkiosk.redact.detectors import DetectorId
from medkiosk.redact.pixels import View, scaled_to
from medkiosk.redact.policy import FacePolicy

_SAME_FACE_IOU = 0.3


class FaceDetector:
    """The automatic rule: what it finds is masked without asking."""

    def __init__(self, model: bytes, policy: FacePolicy) -> None:
        self.network = CenterFace(model)
        self._policy = policy

    def find(self, view: View) -> list[Hit]:
        """Faces in an upright picture, in pixels of its full size."""
        hits: list[Hit] = []
        for side in self._policy.long_sides:
            small = scaled_to(view.pixels, side)
            for quarter_turns in range(4):
                look = quarter_turned(small, quarter_turns, view.full)
                hits += self.network.find(look, self._policy.support, DetectorId.FACES)
        return [hit for hit in merge(hits, _SAME_FACE_IOU) if hit.confidence >= self._policy.threshold]

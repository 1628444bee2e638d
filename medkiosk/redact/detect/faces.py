"""Faces: CenterFace from four sides and four corners at several sizes."""

from __future__ import annotations

from collections.abc import Iterator

from medkiosk.redact.detect.centerface import CenterFace, Look, quarter_turned, tilted
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

    def find(self, view: View, *, quick: bool = False) -> list[Hit]:
        """Faces in an upright picture, in pixels of its full size.

        Args:
            view: the picture.
            quick: leave out the tilted looks, which are nearly half of the time.
        """
        looks = self._looks(view, () if quick else self._policy.tilted_long_sides)
        hits = [
            hit for look in looks for hit in self.network.find(look, self._policy.support, DetectorId.FACES)
        ]
        return [hit for hit in merge(hits, _SAME_FACE_IOU) if hit.confidence >= self._policy.threshold]

    def _looks(self, view: View, tilted_long_sides: tuple[int, ...]) -> Iterator[Look]:
        """One at a time: their canvases are large."""
        for side in self._policy.long_sides:
            small = scaled_to(view.pixels, side)
            yield from (quarter_turned(small, quarter_turns, view.full) for quarter_turns in range(4))
        for side in tilted_long_sides:
            small = scaled_to(view.pixels, side)
            yield from (tilted(small, degrees, view.full) for degrees in (45, 135, 225, 315))

"""Faces: CenterFace from four sides and four corners at several sizes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

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
            quick: leave out the tilted looks and the large one, which are more than half of the time.
        """
        looks = (
            self._turned(view) if quick else chain(self._turned(view), self._large(view), self._tilted(view))
        )
        hits = [
            hit for look in looks for hit in self.network.find(look, self._policy.support, DetectorId.FACES)
        ]
        return [hit for hit in merge(hits, _SAME_FACE_IOU) if hit.confidence >= self._policy.threshold]

    # One look at a time: their canvases are large.

    def _turned(self, view: View) -> Iterator[Look]:
        for side in self._policy.long_sides:
            small = scaled_to(view.pixels, side)
            yield from (quarter_turned(small, quarter_turns, view.full) for quarter_turns in range(4))

    def _large(self, view: View) -> Iterator[Look]:
        """Small faces are people in the background; they stand upright where the camera knows what is up."""
        if max(view.pixels.shape) >= self._policy.upright_long_side:
            yield quarter_turned(scaled_to(view.pixels, self._policy.upright_long_side), 0, view.full)

    def _tilted(self, view: View) -> Iterator[Look]:
        for side in self._policy.tilted_long_sides:
            small = scaled_to(view.pixels, side)
            yield from (tilted(small, degrees, view.full) for degrees in (45, 135, 225, 315))

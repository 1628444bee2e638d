"""Faces: CenterFace from four sides and four corners at several sizes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from medkiosk.redact.detect.centerface import CenterFace, Look, parted, tilted
from medkiosk.redact.detect.hit import Hit, merge
from medkiosk.redact.detect.net import tiles
from medkiosk.redact.detectors import DetectorId
from medkiosk.redact.pixels import View
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
        policy = self._policy
        hits = [
            hit
            for side in policy.long_sides
            for quarter_turns in range(4)
            for hit in self.network.find_turned(view, side, quarter_turns, policy.support, DetectorId.FACES)
        ]
        if not quick:
            # One look at a time: their canvases are large.
            looks = chain(self._large(view), self._tilted(view))
            hits += [
                hit for look in looks for hit in self.network.find(look, policy.support, DetectorId.FACES)
            ]
        return [hit for hit in merge(hits, _SAME_FACE_IOU) if hit.confidence >= policy.threshold]

    def _large(self, view: View) -> Iterator[Look]:
        """Small faces are people in the background; they stand upright where the camera knows what is up.

        In parts: the memory that all of it at once needs is touched for the first time, which is slow.
        """
        policy = self._policy
        if max(view.pixels.shape) < policy.upright_long_side:
            return
        small = view.scaled(policy.upright_long_side)
        height, width = small.shape[:2]
        for rows in tiles(height, policy.tile, policy.tile_overlap):
            for columns in tiles(width, policy.tile, policy.tile_overlap):
                yield parted(small, rows, columns, view.full)

    def _tilted(self, view: View) -> Iterator[Look]:
        for side in self._policy.tilted_long_sides:
            small = view.scaled(side)
            yield from (tilted(small, degrees, view.full) for degrees in (45, 135, 225, 315))

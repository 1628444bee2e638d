"""Marks on skin that may identify a person: tattoos, scars, jewellery, birthmarks, as hints for the reviewer.

A network of two small layers judges each pixel by its features (`mark_features`). It was trained by
``python -m tests.eval.train_marks`` on drawn skin with drawn marks, and on nothing else. Pixels that look
like part of a mark are joined to blobs, and each blob becomes a hint.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from importlib import resources
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from medkiosk.core.photo import Box
from medkiosk.redact.detect.hit import Hit
from medkiosk.redact.detect.mark_features import COUNT, features
from medkiosk.redact.detectors import DETECTORS, DetectorId
from medkiosk.redact.pixels import View
from medkiosk.redact.policy import MarkPolicy
from medkiosk.redact.region import bounding, clip, iou, share_covered

LAYERS = (COUNT, 48, 24, 1)
LARGEST_INPUT = 5.0
"""Features are cut off at this many standard deviations."""
_USUAL_AREA = 60.0
"""Pixels (of the features) of a blob that is neither favoured nor doubted for its size."""
_SAME_LESION = 0.3

Plane = NDArray[np.float32]


class Weights(NamedTuple):
    """The network: scaling of the features, and (matrix, offset) of each layer."""

    mean: Plane
    scale: Plane
    layers: tuple[tuple[Plane, Plane], ...]

    def pack(self) -> bytes:
        """Little-endian 32-bit floats in the order of the fields."""
        parts = [self.mean, self.scale, *(part for layer in self.layers for part in layer)]
        return b"".join(np.ascontiguousarray(part, "<f4").tobytes() for part in parts)

    @classmethod
    def unpack(cls, packed: bytes) -> Weights:
        """The inverse of `pack`.

        Raises:
            ValueError: not as many numbers as there are weights.
        """
        numbers = np.frombuffer(packed, "<f4").astype(np.float32)
        shapes: list[tuple[int, ...]] = [(COUNT,), (COUNT,)]
        for inputs, outputs in pairwise(LAYERS):
            shapes += [(inputs, outputs), (outputs,)]
        ends = np.cumsum([math.prod(shape) for shape in shapes])
        if len(numbers) != ends[-1]:
            raise ValueError("not the weights of this network")
        parts = [
            part.reshape(shape) for part, shape in zip(np.split(numbers, ends[:-1]), shapes, strict=True)
        ]
        return cls(parts[0], parts[1], tuple(zip(parts[2::2], parts[3::2], strict=True)))

    def logits(self, values: Plane) -> Plane:
        """Run on features, shape (..., `COUNT`); how much each pixel looks like a mark, 0 is undecided."""
        hidden = np.clip((values.reshape(-1, COUNT) - self.mean) / self.scale, -LARGEST_INPUT, LARGEST_INPUT)
        for matrix, offset in self.layers[:-1]:
            hidden = np.maximum(hidden @ matrix + offset, 0)
        matrix, offset = self.layers[-1]
        return np.asarray((hidden @ matrix + offset).reshape(values.shape[:-1]), np.float32)


def shipped_weights() -> Weights:
    """The weights that are part of the package.

    Raises:
        ValueError: the file is not the pinned one.
    """
    packed = resources.files("medkiosk.redact.detect").joinpath("marks.f32").read_bytes()
    if hashlib.sha256(packed).hexdigest() != DETECTORS[DetectorId.MARKS].model_sha256:
        raise ValueError("the weights for marks are not the pinned ones")
    return Weights.unpack(packed)


class MarkDetector:
    """Finds what may be a mark; loaded once before the worker forks."""

    def __init__(self, policy: MarkPolicy, weights: Weights | None = None) -> None:
        self._policy = policy
        self._weights = weights or shipped_weights()

    def find(self, view: View, lesions: Sequence[Box], masked: Sequence[Box]) -> list[Hit]:
        """Boxes that may show a tattoo, a scar, jewellery or a birthmark; at most `MarkPolicy.most`.

        Args:
            view: the upright picture.
            lesions: lesions of interest, which are never suggested, in full-size pixels.
            masked: what is hidden or suggested already, in full-size pixels.

        Returns:
            The surest first, in full-size pixels.
        """
        policy = self._policy
        seen = features(view.pixels, policy)
        if seen is None:
            return []
        logits = np.where(seen.region > 0.3, self._weights.logits(seen.values), np.float32(-20))
        scale = max(view.full) / max(logits.shape)
        for box in masked:
            top, left = int(box.y / scale), int(box.x / scale)
            logits[top : math.ceil((box.y + box.h) / scale), left : math.ceil((box.x + box.w) / scale)] = -20
        hits = []
        for small, confidence in _blobs(logits, policy):
            found = clip(_scaled(small, scale), view.full)
            if found and confidence >= policy.threshold and not _taken(found, lesions, masked, policy):
                hits.append(Hit(DetectorId.MARKS, found, confidence))
        return _few(hits, policy)


def _blobs(logits: Plane, policy: MarkPolicy) -> list[tuple[Box, int]]:
    """Pixels that look like marks, joined; each with how sure it is, per mille."""
    marked = (logits > 0).astype(np.uint8)
    side = 2 * max(1, round(max(logits.shape) * policy.joining / 1000)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    joined = cv2.morphologyEx(marked, cv2.MORPH_CLOSE, disc, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    found = []
    for number in range(1, count):
        x, y, w, h, area = (int(value) for value in stats[number])
        if area * 100_000 < policy.least * marked.size or area * 1000 > policy.largest * marked.size:
            continue
        window = (slice(y, y + h), slice(x, x + w))
        own = np.sort(logits[window][(labels[window] == number) & (marked[window] > 0)])
        # The surer half: a mark's soft border is no argument against it. Size is one for it.
        sure = float(own[len(own) // 2 :].mean())
        value = policy.steepness / 1000 * sure + math.log(len(own) / _USUAL_AREA) - policy.doubt / 1000
        found.append((Box(x, y, w, h), max(1, round(1000 / (1 + math.exp(-max(-50.0, value)))))))
    return found


def _scaled(box: Box, scale: float) -> Box:
    left, top = math.floor(box.x * scale), math.floor(box.y * scale)
    right, bottom = math.ceil((box.x + box.w) * scale), math.ceil((box.y + box.h) * scale)
    return Box(left, top, max(1, right - left), max(1, bottom - top))


def _taken(box: Box, lesions: Sequence[Box], masked: Sequence[Box], policy: MarkPolicy) -> bool:
    """Tell whether this is the lesion of interest, or hidden or suggested already."""
    if share_covered(box, [*lesions, *masked]) * 1000 >= policy.taken:
        return True
    return any(iou(box, lesion) >= _SAME_LESION or share_covered(lesion, [box]) >= 0.5 for lesion in lesions)


def _few(hits: list[Hit], policy: MarkPolicy) -> list[Hit]:
    """Join hits that lie in surer ones, and keep the surest."""
    kept: list[Hit] = []
    for hit in sorted(hits, key=lambda h: (-h.confidence, h.box.y, h.box.x)):
        for index, other in enumerate(kept):
            if share_covered(hit.box, [other.box]) > 0.5:
                kept[index] = other._replace(box=bounding(hit.box, other.box))
                break
        else:
            kept.append(hit)
    return kept[: policy.most]

"""Marks on skin that may identify a person: tattoos, scars, jewellery, birthmarks, as hints for the reviewer.

What differs from the skin around it, judged by how: ink takes the red out of skin light (haemoglobin and
melanin take blue and green), metal has hard changes of lightness, a scar is thin and long. The measure of
difference is the Mahalanobis distance to the frame's own skin (Reed and Xiaoli 1990, an anomaly detector with
known background) after the slow change of light and colour is taken away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from medkiosk.core.photo import Box
from medkiosk.redact.detect.hit import Hit
from medkiosk.redact.detect.skin import Mask, Plane, Skin, find_skin
from medkiosk.redact.detectors import DetectorId
from medkiosk.redact.pixels import View, scaled_to
from medkiosk.redact.policy import MarkPolicy
from medkiosk.redact.region import bounding, clip, iou, share_covered

_DARKEST = 6.0
"""Added to each channel before the logarithm: the noise of dark pixels must not look like colour."""


_SMOOTHING = 0.006
"""Sigma of the second, smoothed look, as a part of the long side."""


class Difference(NamedTuple):
    """How each pixel differs from the skin around it; planes of shape (height, width).

    Attributes:
        light: logarithm of lightness over that of the skin around.
        red: the same for red over green: ink and metal lower it, blood raises it.
        yellow: the same for yellow over blue.
        edge: gradient of the logarithm of lightness, per pixel.
        distance: Mahalanobis distance of the first three from the frame's skin.
    """

    light: Plane
    red: Plane
    yellow: Plane
    edge: Plane
    distance: Plane


class MarkDetector:
    """The hint. It holds no model."""

    def __init__(self, policy: MarkPolicy) -> None:
        self._policy = policy

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
        small = scaled_to(view.pixels, min(policy.long_side, 2 * max(view.pixels.shape[:2])))
        small = np.ascontiguousarray(cv2.GaussianBlur(small, (0, 0), 0.7))
        lab = np.asarray(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_BGR2Lab), np.float32)
        skin = find_skin(lab, policy)
        if skin is None:
            return []
        found = candidates(difference(small, skin, policy), skin, policy)
        scale = max(view.full) / max(small.shape[:2])
        hits = []
        for candidate in found:
            confidence = round(1000 * confidence_of(candidate))
            box = clip(_scaled(candidate.box, scale), view.full)
            if box is None or confidence < policy.threshold or _taken(box, lesions, masked, policy):
                continue
            hits.append(Hit(DetectorId.MARKS, box, confidence))
        return _few(hits, policy)


class Candidate(NamedTuple):
    """One connected difference within skin.

    Attributes:
        box: in pixels of the reduced picture.
        features: what `confidence_of` judges by, in the order of `FEATURES`.
    """

    box: Box
    features: tuple[float, ...]


FEATURES = (
    "area", "length", "thickness", "elongation", "fill", "distance", "light", "light_spread",
    "red", "yellow", "edge", "enclosed", "red_peak", "bright",
)  # fmt: skip
"""Names of a candidate's features; lengths as a part of the picture's long side."""


def difference(small: NDArray[np.uint8], skin: Skin, policy: MarkPolicy) -> Difference:
    """Work out how each pixel of a reduced BGR picture differs from the skin around it."""
    logs = np.log(small.astype(np.float32) + _DARKEST)
    blue, green, red = logs[..., 0], logs[..., 1], logs[..., 2]
    light = 0.114 * blue + 0.587 * green + 0.299 * red
    planes = np.stack([light, red - green, 0.5 * (red + green) - blue], axis=-1)
    local = planes - _around(planes, skin.sure, policy)
    across = cv2.Sobel(light, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(light, cv2.CV_32F, 0, 1, scale=1 / 8)
    edge = np.asarray(cv2.magnitude(across, down), np.float32)
    # Fine for lines, smoothed for what is large and faint.
    smooth = np.asarray(cv2.GaussianBlur(local, (0, 0), _SMOOTHING * max(skin.sure.shape)), np.float32)
    distance = np.maximum(_mahalanobis(local, skin.sure), _mahalanobis(smooth, skin.sure))
    return Difference(local[..., 0], local[..., 1], local[..., 2], edge, distance)


def _around(planes: Plane, sure: Mask, policy: MarkPolicy) -> Plane:
    """The mean of sure skin near each pixel; where there is little of it near, of a wider round."""
    height, width = sure.shape
    size = (max(1, width // 4), max(1, height // 4))
    weight = sure.astype(np.float32)
    held = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    sums = cv2.resize(planes * weight[..., None], size, interpolation=cv2.INTER_AREA)
    near = max(size) * policy.around / 1000
    wide_weight = cv2.GaussianBlur(held, (0, 0), 3 * near) + 1e-3
    wide = cv2.GaussianBlur(sums, (0, 0), 3 * near) / wide_weight[..., None]
    near_weight = cv2.GaussianBlur(held, (0, 0), near)
    trust = 0.1
    mean = cv2.GaussianBlur(sums, (0, 0), near) + trust * wide
    mean /= (near_weight + trust)[..., None]
    return np.asarray(cv2.resize(mean, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


_FLOOR = np.array([0.03, 0.012, 0.02], np.float32)
"""Least standard deviations of skin: a drawn or very smooth picture has next to none."""


def _mahalanobis(local: Plane, sure: Mask) -> Plane:
    samples = local[::3, ::3][sure[::3, ::3] > 0]
    for _ in range(2):  # the second time without what differs: marks and moles are no measure of skin
        mean = samples.mean(axis=0)
        centred = samples - mean
        cov = centred.T @ centred / max(1, len(samples) - 1) + np.diag(_FLOOR**2)
        inverse = np.linalg.inv(cov).astype(np.float32)
        kept = ((centred @ inverse) * centred).sum(axis=1) < 7.8  # 95 % of a normal distribution
        samples = samples[kept]
    offset = local - mean.astype(np.float32)
    square = np.maximum(((offset @ inverse) * offset).sum(axis=-1), 0)
    return np.asarray(np.sqrt(square), np.float32)


def candidates(what: Difference, skin: Skin, policy: MarkPolicy) -> list[Candidate]:
    """Connected differences within skin that are neither specks nor most of the picture, largest first."""
    region = skin.region > 0
    weak = ((what.distance > policy.distance / 100) & region).astype(np.uint8)
    longest = max(weak.shape)
    radius = max(1, round(longest * policy.joining / 1000))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    joined = cv2.morphologyEx(weak, cv2.MORPH_CLOSE, disc, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    order = sorted(range(1, count), key=lambda n: -int(stats[n, cv2.CC_STAT_AREA]))
    found = []
    for number in order[: policy.most_candidates]:
        x, y, w, h, area = (int(value) for value in stats[number])
        if area * 100_000 < policy.least * weak.size or area * 1000 > policy.largest * weak.size:
            continue
        found.append(_candidate(Box(x, y, w, h), np.asarray(labels, np.int32), number, what, skin))
    return found


def _candidate(box: Box, labels: NDArray[np.int32], number: int, what: Difference, skin: Skin) -> Candidate:
    height, width = labels.shape
    margin = max(3, round(0.012 * max(labels.shape)))
    x0, y0 = max(0, box.x - margin), max(0, box.y - margin)
    window = (slice(y0, min(height, box.y + box.h + margin)), slice(x0, min(width, box.x + box.w + margin)))
    shape = (labels[window] == number).astype(np.uint8)
    inside = shape > 0
    points = cv2.findNonZero(shape)
    sides = sorted(cv2.minAreaRect(points)[1])
    long_side = float(max(labels.shape))
    area = float(inside.sum())
    padded = cv2.copyMakeBorder(shape, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    thickness = 2 * float(cv2.distanceTransform(padded, cv2.DIST_L2, 3).max())
    ring = cv2.dilate(shape, np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)) > shape
    light, red = what.light[window][inside], what.red[window][inside]
    weight = np.minimum(what.distance[window][inside], 12)
    features = (
        math.sqrt(area) / long_side,
        (sides[1] + 1) / long_side,
        thickness / long_side,
        (sides[1] + 1) / (sides[0] + 1),
        area / ((sides[1] + 1) * (sides[0] + 1)),
        float(weight.mean()),
        float((light * weight).sum() / weight.sum()),
        float(light.std()),
        float((red * weight).sum() / weight.sum()),
        float((what.yellow[window][inside] * weight).sum() / weight.sum()),
        float(what.edge[window][inside].mean()),
        float(skin.sure[window][ring].mean()) if ring.any() else 0.0,
        float(np.sort(red)[len(red) // 10]),
        float(np.sort(light)[-1 - len(light) // 10]),
    )
    return Candidate(box, features)


def confidence_of(candidate: Candidate) -> float:
    """How much a candidate looks like a mark: 0 to 1."""
    value = dict(zip(FEATURES, candidate.features, strict=True))
    ink = -value["red_peak"] / 0.15  # what takes red out of the light of skin
    metal = (value["light_spread"] - 0.25) / 0.2 + value["bright"] / 0.3
    line = min(2.0, value["elongation"] / 6) * min(1.0, value["length"] / 0.15)
    evidence = max(0.0, ink) + max(0.0, metal) * 0.5 + 0.5 * line + 0.2 * (value["distance"] - 4)
    evidence += 4 * value["area"] + 3 * (value["enclosed"] - 0.75)
    return 1 / (1 + math.exp(-(evidence - 1.8)))


def _scaled(box: Box, scale: float) -> Box:
    left, top = math.floor(box.x * scale), math.floor(box.y * scale)
    right, bottom = math.ceil((box.x + box.w) * scale), math.ceil((box.y + box.h) * scale)
    return Box(left, top, max(1, right - left), max(1, bottom - top))


def _taken(box: Box, lesions: Sequence[Box], masked: Sequence[Box], policy: MarkPolicy) -> bool:
    """Tell whether this is the lesion of interest, or hidden or suggested already."""
    if share_covered(box, [*lesions, *masked]) * 1000 >= policy.taken:
        return True
    return any(iou(box, lesion) >= 0.3 or share_covered(lesion, [box]) >= 0.5 for lesion in lesions)


def _few(hits: list[Hit], policy: MarkPolicy) -> list[Hit]:
    """Join hits that overlap, and keep the surest."""
    kept: list[Hit] = []
    for hit in sorted(hits, key=lambda h: (-h.confidence, h.box.y, h.box.x)):
        for index, other in enumerate(kept):
            if share_covered(hit.box, [other.box]) > 0.5:
                kept[index] = other._replace(box=bounding(hit.box, other.box))
                break
        else:
            kept.append(hit)
    return kept[: policy.most]

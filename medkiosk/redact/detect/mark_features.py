"""What a pixel of skin and its neighbourhood look like: the features that marks are judged by.

How a pixel differs from the skin around it, after the slow change of light and colour is taken away: in
lightness, in red over green (ink and metal lower it, blood raises it), in yellow over blue; how unusual that
is for this frame's skin (the Mahalanobis distance: Reed and Xiaoli 1990, with known skin); and the means of
these over several sizes of neighbourhood. The weights of the network belong to exactly these
features.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from medkiosk.redact.detect.skin import Mask, Plane, Skin, find_skin
from medkiosk.redact.pixels import Pixels, scaled_to
from medkiosk.redact.policy import MarkPolicy

COUNT = 40
"""Features of one pixel."""
UNUSUAL = 3
"""The index of the Mahalanobis distance among them."""
_DARKEST = 6.0
"""Added to each channel before the logarithm: the noise of dark pixels must not look like colour."""
_SMOOTHING = 0.006
"""Sigma of the second, smoothed look, as a part of the long side."""
_FLOOR = np.array([0.03, 0.012, 0.02], np.float32)
"""Least standard deviations of skin: a drawn or very smooth picture has next to none."""
_LEAST_SIDE = 32
"""Pixels of the reduced picture: a strip that is thinner shows no skin to compare with."""
_NEIGHBOURHOODS = (2, 6, 14)
_WIDE = 40
"""Half sides of the squares that features are averaged over, pixels."""


class Features(NamedTuple):
    """The features of a picture at half the size that it is looked at.

    Attributes:
        values: shape (height, width, `COUNT`).
        region: 1 where there is skin, or something in it.
    """

    values: Plane
    region: Plane


def features(pixels: Pixels, policy: MarkPolicy) -> Features | None:
    """Work out the features of a BGR picture; None where no skin is found."""
    small = scaled_to(pixels, min(policy.long_side, 2 * max(pixels.shape[:2])))
    if min(small.shape[:2]) < _LEAST_SIDE:
        return None
    even = small[: small.shape[0] // 2 * 2, : small.shape[1] // 2 * 2]
    small = np.ascontiguousarray(cv2.GaussianBlur(even, (0, 0), 0.7))
    lab = np.asarray(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_BGR2Lab), np.float32)
    skin = find_skin(lab, policy)
    if skin is None:
        return None
    local, edge = _difference(small, skin, policy)
    # Fine for lines, smoothed for what is large and faint.
    smooth = np.asarray(cv2.GaussianBlur(local, (0, 0), _SMOOTHING * max(skin.sure.shape)), np.float32)
    unusual = np.maximum(_mahalanobis(local, skin.sure), _mahalanobis(smooth, skin.sure))
    own = np.dstack([np.minimum(unusual, 15), edge * 5])
    halved = [_halved(local), _halved(own), _halved(np.asarray(lab / np.array([50, 15, 15]), np.float32))]
    masks = _halved(np.dstack([skin.sure, skin.region]).astype(np.float32))
    return _assembled(np.concatenate(halved, axis=-1), masks)


def _halved(planes: Plane) -> Plane:
    size = (planes.shape[1] // 2, planes.shape[0] // 2)
    return np.asarray(cv2.resize(planes, size, interpolation=cv2.INTER_AREA), np.float32)


def _assembled(halved: Plane, masks: Plane) -> Features:
    region = np.ascontiguousarray(masks[..., 1])
    local, own = halved[..., :3] * region[..., None], halved[..., :5]
    light = np.ascontiguousarray(halved[..., 0])
    parts = [halved, masks]
    for radius in _NEIGHBOURHOODS:
        mean = _mean(np.dstack([local, own[..., 3:5]]), radius)
        square = _mean(light * light * region, radius)
        spread = np.sqrt(np.maximum(square - mean[..., 0] ** 2, 0))
        parts += [mean, spread[..., None], _mean(masks, radius)]
    parts.append(_mean(np.dstack([halved[..., 3], masks[..., 0]]), _WIDE))
    parts += [_curvature(light, 1.0), _curvature(light, 2.0)]
    return Features(np.asarray(np.concatenate(parts, axis=-1), np.float32), region)


def _difference(small: Pixels, skin: Skin, policy: MarkPolicy) -> tuple[Plane, Plane]:
    """Differences of logarithms from the skin around, shape (height, width, 3), and the lightness's slope."""
    logs = np.log(small.astype(np.float32) + _DARKEST)
    blue, green, red = logs[..., 0], logs[..., 1], logs[..., 2]
    light = 0.114 * blue + 0.587 * green + 0.299 * red
    planes = np.stack([light, red - green, 0.5 * (red + green) - blue], axis=-1)
    across = cv2.Sobel(light, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(light, cv2.CV_32F, 0, 1, scale=1 / 8)
    return planes - _around(planes, skin.sure, policy), np.asarray(cv2.magnitude(across, down), np.float32)


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


def _mahalanobis(local: Plane, sure: Mask) -> Plane:
    samples = local[::3, ::3][sure[::3, ::3] > 0]
    centre, inverse = np.zeros(3, np.float32), np.diag(1 / _FLOOR**2)
    for _ in range(2):  # the second time without what differs: marks and moles are no measure of skin
        if len(samples) < 10:
            break
        centre = samples.mean(axis=0)
        centred = samples - centre
        inverse = np.linalg.inv(centred.T @ centred / len(samples) + np.diag(_FLOOR**2)).astype(np.float32)
        samples = samples[((centred @ inverse) * centred).sum(axis=1) < 7.8]  # 95 % of a normal distribution
    offset = local - centre
    square = np.maximum(((offset @ inverse) * offset).sum(axis=-1), 0)
    return np.asarray(np.sqrt(square), np.float32)


def _mean(planes: Plane, radius: int) -> Plane:
    side = 2 * radius + 1
    return np.asarray(cv2.blur(planes, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)


def _curvature(light: NDArray[np.float32], sigma: float) -> Plane:
    """The two principal second differences of lightness: how much a pixel lies on a dark or a pale line."""
    smooth = cv2.GaussianBlur(light, (0, 0), sigma)
    xx, yy, xy = (cv2.Sobel(smooth, cv2.CV_32F, dx, dy) for dx, dy in ((2, 0), (0, 2), (1, 1)))
    mean, spread = (xx + yy) / 2, np.sqrt((xx - yy) ** 2 / 4 + xy**2)
    return np.asarray(np.dstack([mean + spread, mean - spread]), np.float32)

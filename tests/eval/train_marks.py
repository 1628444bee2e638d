"""Train the network of `medkiosk.redact.detect.marks`: ``python -m tests.eval.train_marks [--scenes N]``.

Drawn scenes only (`tests.eval.mark_scenes`), seeds from 0; every random choice is seeded. Adam (arXiv
1412.6980) on the cross-entropy of single pixels: of marks, unusual ones that are none, and plain skin. Writes
the weights into the package and prints their SHA-256, which goes into ``medkiosk/redact/detectors.py``.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from medkiosk.redact.detect import marks
from medkiosk.redact.detect.mark_features import UNUSUAL, features
from medkiosk.redact.policy import MarkPolicy, default_text, parse_policy
from tests.eval.mark_scenes import MARKS, TONES, scene

Plane = NDArray[np.float32]

_OF_MARK, _UNUSUAL, _PLAIN = 150, 250, 120
"""Pixels that are taken from each scene."""
_EPOCHS, _BATCH, _RATE, _DECAY = 20, 512, 2e-3, 1e-4


def samples(scenes: int, policy: MarkPolicy) -> tuple[Plane, Plane]:
    """Features of pixels, shape (count, features), and 1 for those of marks, 0 for others."""
    rng = np.random.default_rng(0)
    kinds = [None, *MARKS]
    values: list[Plane] = []
    truths: list[Plane] = []
    for seed in range(scenes):
        picture = scene(seed, kinds[seed % 5], list(TONES)[seed // 5 % len(TONES)])
        seen = features(picture.pixels, policy)
        if seen is None:
            continue
        size = seen.region.shape[::-1]
        under = np.asarray(cv2.resize(picture.under, size, interpolation=cv2.INTER_AREA)) > 0.15
        border = cv2.dilate(under.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        skin = seen.region > 0.3
        others = skin & ~border
        chosen = (
            (skin & under, _OF_MARK, 1.0),
            (others & (seen.values[..., UNUSUAL] > 3), _UNUSUAL, 0.0),
            (others, _PLAIN, 0.0),
        )
        for where, most, truth in chosen:
            found = seen.values[where]
            taken = found[rng.permutation(len(found))[:most]]
            values.append(taken)
            truths.append(np.full(len(taken), truth, np.float32))
    return np.concatenate(values), np.concatenate(truths)


def train(values: Plane, truths: Plane) -> marks.Weights:
    """Fit the network."""
    rng = np.random.default_rng(1)
    mean, scale = values.mean(axis=0), values.std(axis=0) + 1e-6
    inputs = np.clip((values - mean) / scale, -marks.LARGEST_INPUT, marks.LARGEST_INPUT)
    weights: list[Plane] = []
    for before, after in pairwise(marks.LAYERS):
        weights.append(rng.normal(0, (2 / before) ** 0.5, (before, after)).astype(np.float32))
        weights.append(np.zeros(after, np.float32))
    first, second = [np.zeros_like(w) for w in weights], [np.zeros_like(w) for w in weights]
    step, steps = 0, _EPOCHS * -(-len(inputs) // _BATCH)
    for _ in range(_EPOCHS):
        order = rng.permutation(len(inputs))
        for start in range(0, len(order), _BATCH):
            step += 1
            batch = order[start : start + _BATCH]
            rate = _RATE * (1 - 0.95 * step / steps)
            for i, slope in enumerate(_slopes(weights, inputs[batch], truths[batch])):
                first[i] = 0.9 * first[i] + 0.1 * slope
                second[i] = 0.999 * second[i] + 0.001 * slope**2
                hat = first[i] / (1 - 0.9**step) / (np.sqrt(second[i] / (1 - 0.999**step)) + 1e-8)
                weights[i] = weights[i] - np.float32(rate) * hat
    layers = tuple(zip(weights[::2], weights[1::2], strict=True))
    return marks.Weights(mean, scale, layers)


def _slopes(weights: list[Plane], inputs: Plane, truths: Plane) -> list[Plane]:
    """Derivatives of the mean cross-entropy by each weight."""
    activities = [inputs]
    for matrix, offset in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        activities.append(np.maximum(activities[-1] @ matrix + offset, 0))
    logits = (activities[-1] @ weights[-2] + weights[-1])[:, 0]
    error = ((1 / (1 + np.exp(-logits)) - truths) / len(truths))[:, None].astype(np.float32)
    slopes: list[Plane] = []
    for i in range(len(weights) - 2, -1, -2):
        activity = activities[i // 2]
        slopes = [activity.T @ error + np.float32(_DECAY) * weights[i] / 512, error.sum(axis=0), *slopes]
        error = (error @ weights[i].T) * (activity > 0)
    return slopes


def main() -> None:
    """Train, write, and print the digest."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scenes", type=int, default=500)
    parser.add_argument("--out", type=Path, default=Path(marks.__file__).with_name("marks.f32"))
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    values, truths = samples(arguments.scenes, parse_policy(default_text()).marks)
    packed = train(values, truths).pack()
    arguments.out.write_bytes(packed)
    sys.stdout.write(f"{len(values)} pixels, {len(packed)} bytes, {hashlib.sha256(packed).hexdigest()}\n")


if __name__ == "__main__":
    main()

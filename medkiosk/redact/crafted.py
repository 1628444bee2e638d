"""Blocks that no encoder writes: what is hidden below black or above white. Pure.

A decoder clips what lies outside 0 to 255, so a picture that is drawn below black is invisible to detectors
and reviewer, and whoever receives the coefficients can lift it out. A block passes when some 64 samples in the
range of 8 bits, transformed and rounded, give its coefficients: the quantisation constraint set and the range
of the samples must meet (Zakhor, IEEE Trans. CSVT 2(1), 1992; Yang, Galatsanos, Katsaggelos, IEEE Trans. CSVT
3(6), 1993, who look for a point of the two by alternating projections, as is done here).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float32]

# The true bounds would be half a step and no slack. What encoders at hand do beyond (docs/redaction.md):
_AC_STEPS = 1.0  # encoders that trade rate for distortion ("trellis") choose the next step but one
_DC_STEPS = 0.5  # nobody may: a second level below black would hide a picture in two levels
_SLACK = 8.0  # transforms in integers; 8 is one grey level in DC
_RANGE_SLACK = 1.0
_OVERSHOOT = 31.0  # above white, and at most two DC steps: "deringing" encoders do that beside dark pixels
_BLACK, _WHITE = -128.0, 127.0
_ROUNDS = 40
_RELAXATION = 1.8  # over-relaxed projections need a fifth of the rounds of plain ones
_TOLERANCE = 2.0  # what may be left of a violation after the last round


def _dct_matrix() -> _Floats:
    """Shape (64, 64), orthonormal: ``coefficients = samples @ matrix``; T.81 A.3.3."""
    k, x = np.mgrid[0:8, 0:8]
    basis = np.cos((2 * x + 1) * k * np.pi / 16) / 2
    basis[0] /= np.sqrt(2)
    return np.ascontiguousarray(np.kron(basis, basis).T, np.float32)


_FORWARD = _dct_matrix()
_INVERSE = np.ascontiguousarray(_FORWARD.T)
_AC_TO_PEAK = np.float32(np.sqrt(63 / 64))
"""The highest sample that AC of norm 1 can make (Cauchy-Schwarz): most blocks need no more than this."""


class BlockTest:
    """Tells crafted blocks of one component.

    Args:
        quant: the component's 64 divisors, in the order of the coefficients.
    """

    def __init__(self, quant: Sequence[int]) -> None:
        self._quant = np.asarray(quant, np.float32)
        self._slack = self._quant * np.float32(_AC_STEPS) + np.float32(_SLACK)
        self._slack[0] = quant[0] * _DC_STEPS + _SLACK
        self._lowest = np.float32(_BLACK - _RANGE_SLACK)
        self._highest = np.float32(_WHITE + max(_RANGE_SLACK, min(_OVERSHOOT, 2.0 * quant[0])))

    def crafted(self, blocks: NDArray[np.int16]) -> int:
        """Count the blocks, shape (n, 64), that no samples in range explain."""
        values = blocks * self._quant
        mean = np.abs(values[:, 0])
        energy = np.einsum("ij,ij->i", values, values)
        ac = np.sqrt(np.maximum(energy - mean * mean, 0))
        doubtful = mean / 8 + ac * _AC_TO_PEAK > _WHITE
        return self._unexplained(values[doubtful]) if doubtful.any() else 0

    def _unexplained(self, wanted: _Floats) -> int:
        """Count the dequantised blocks that samples in range cannot reach."""
        samples = wanted @ _INVERSE
        outside = (samples.min(axis=1) < self._lowest) | (samples.max(axis=1) > self._highest)
        wanted, samples = wanted[outside], samples[outside]
        for _ in range(_ROUNDS):
            reached = np.clip(samples, self._lowest, self._highest) @ _FORWARD
            excess = np.abs(reached - wanted) - self._slack
            left = excess.max(axis=1, initial=0) > 0
            if not left.any():
                return 0
            wanted, reached = wanted[left], reached[left]
            nearest = np.clip(reached, wanted - self._slack, wanted + self._slack)
            samples = (reached + np.float32(_RELAXATION) * (nearest - reached)) @ _INVERSE
        return int((excess.max(axis=1) > _TOLERANCE).sum())

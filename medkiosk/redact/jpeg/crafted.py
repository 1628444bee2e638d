"""Blocks that no encoder writes: what is hidden below black or above white. Pure.

A decoder clips what lies outside 0 to 255, so a picture that is drawn below black is invisible to detectors
and reviewer, and whoever receives the coefficients can lift it out. A block passes when 64 samples in the
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
_DC_STEPS = 0.5  # none does that with DC: a second level below black would hide a picture in two levels
_SLACK = 2.0  # transforms in integers
_SLOPPINESS = 0.02  # of a block's contrast: the fast integer transform at qualities above 90
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
_PEAKS = np.abs(_INVERSE).max(axis=1)
"""The highest sample that each coefficient makes: where all together stay in range, all is well."""


class BlockTest:
    """Tells crafted blocks of one component.

    Args:
        quant: the component's 64 divisors, in the order of the coefficients.
    """

    def __init__(self, quant: Sequence[int]) -> None:
        self._quant = np.asarray(quant, np.float32)
        self._peaks = self._quant * _PEAKS
        self._step = self._quant * np.float32(_AC_STEPS)
        self._step[0] = quant[0] * _DC_STEPS
        self._lowest = np.float32(_BLACK - _RANGE_SLACK)
        self._highest = np.float32(_WHITE + max(_RANGE_SLACK, min(_OVERSHOOT, 2.0 * quant[0])))
        # DC is 8 times the mean.
        margin = self._step[0] + np.float32(_SLACK)
        self._lowest_dc, self._highest_dc = 8 * _BLACK - margin, 8 * _WHITE + margin

    def crafted(self, blocks: NDArray[np.int16]) -> int:
        """Count blocks, shape (n, 64), that no samples in range explain; 0 only when there is none."""
        # As unsigned, the magnitude of -32768 is right too.
        magnitudes = np.abs(blocks).view(np.uint16).astype(np.float32)
        doubtful = magnitudes @ self._peaks > _WHITE
        return self._unexplained(blocks[doubtful] * self._quant) if doubtful.any() else 0

    def _unexplained(self, wanted: _Floats) -> int:
        """Count the dequantised blocks with an impossible mean, or else those that cannot be reached."""
        impossible = int(((wanted[:, 0] < self._lowest_dc) | (wanted[:, 0] > self._highest_dc)).sum())
        samples = _FORWARD @ wanted.T  # this way round the two lines below are quicker
        outside = (samples.min(axis=0) < self._lowest) | (samples.max(axis=0) > self._highest)
        return impossible or self._unreached(wanted[outside], samples[:, outside].T)

    def _unreached(self, wanted: _Floats, samples: _Floats) -> int:
        """Alternate between the range of samples and the coefficients that round to the wanted ones."""
        contrast = np.sqrt(np.einsum("ij,ij->i", wanted[:, 1:], wanted[:, 1:]))
        slack = self._step + np.float32(_SLACK) + np.float32(_SLOPPINESS) * contrast[:, None]
        excess = np.zeros(0, np.float32)
        for _ in range(_ROUNDS):
            reached = np.clip(samples, self._lowest, self._highest) @ _FORWARD
            excess = (np.abs(reached - wanted) - slack).max(axis=1, initial=0)
            left = excess > 0
            if not left.any():
                return 0
            wanted, reached, slack = wanted[left], reached[left], slack[left]
            nearest = np.clip(reached, wanted - slack, wanted + slack)
            samples = (reached + np.float32(_RELAXATION) * (nearest - reached)) @ _INVERSE
        return int((excess > _TOLERANCE).sum())

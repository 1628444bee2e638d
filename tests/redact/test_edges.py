"""The structure tensor is that of the whole picture, although it is worked out strip by strip."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from medkiosk.redact.detect.edges import CELL, Tensor


@pytest.mark.parametrize(
    ("height", "width"),
    [
        (3, 5),  # less than a cell
        (8, 8),
        (64, 40),  # a strip
        (65, 40),
        (71, 47),
        (72, 40),  # a strip and one row of cells
        (128, 33),
        (200, 300),
    ],
)
def test_each_cell_has_the_mean_products_of_the_derivatives_of_the_whole_picture(
    height: int, width: int
) -> None:
    grey = np.random.default_rng(height * width).integers(0, 256, (height, width), np.uint8)
    across, down = (plane.astype(np.float64) for plane in cv2.spatialGradient(grey))
    tensor = Tensor.of(grey)
    rows, columns = max(1, height // CELL), max(1, width // CELL)
    assert tensor.xx.shape == tensor.yy.shape == tensor.xy.shape == (rows, columns)
    for row in range(rows):
        for column in range(columns):
            cell = np.s_[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL]
            a, b = across[cell], down[cell]
            wanted = ((a * a).mean(), (b * b).mean(), (a * b).mean())
            got = tuple(float(plane[row, column]) for plane in (tensor.xx, tensor.yy, tensor.xy))
            assert got == pytest.approx(wanted, rel=1e-5, abs=0.5)

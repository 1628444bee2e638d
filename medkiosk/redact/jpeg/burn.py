"""Burn a plan into a JPEG's coefficients, and prove that nothing else changed.

Every block of a masked MCU gets the DC of black (neutral colour) and no AC; every other block is copied as
it is, through a lossless transform that makes the picture upright, unless it is one that no encoder writes.
All in memory. Afterwards the written bytes are read back: inside the masks there must be exactly the burn
value, a digest over all other coefficients must equal the digest taken from the original before anything was
written, and they must be multiplied by the same tables.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medkiosk.core.photo import Box, RedactCode
from medkiosk.redact.errors import BurnError, JpegError, TurboError
from medkiosk.redact.icc import ColourSpace, icc_segment
from medkiosk.redact.jpeg import header as jpeg
from medkiosk.redact.jpeg.crafted import BlockTest
from medkiosk.redact.jpeg.header import Header, M
from medkiosk.redact.jpeg.structure import JFIF
from medkiosk.redact.jpeg.turbojpeg import Blocks, TurboJpeg
from medkiosk.redact.jpeg.upright import Upright


@dataclass(frozen=True)
class _Grid:
    """Masked blocks of one component: shape (rows, columns) of whole MCUs times sampling factors."""

    masked: NDArray[np.bool_]
    burn_dc: int
    test: BlockTest

    def row(self, index: int, blocks: int) -> NDArray[np.bool_]:
        """Which of the ``blocks`` blocks of row ``index`` are masked."""
        return self.masked[index, :blocks]


def _grids(picture: Upright, boxes: Sequence[Box]) -> list[_Grid]:
    columns = -(-picture.size.width // picture.mcu.width)
    rows = -(-picture.size.height // picture.mcu.height)
    mcus = np.zeros((rows, columns), bool)
    for box in boxes:
        left, top = box.x // picture.mcu.width, box.y // picture.mcu.height
        right = -(-(box.x + box.w) // picture.mcu.width)
        bottom = -(-(box.y + box.h) // picture.mcu.height)
        mcus[top:bottom, left:right] = True
    return [
        _Grid(mcus.repeat(plane.v, axis=0).repeat(plane.h, axis=1), plane.burn_dc, BlockTest(plane.quant))
        for plane in picture.planes
    ]


class _Burner:
    """Row filter of the writing pass: tests and notes what must stay, then writes the masks."""

    def __init__(self, grids: Sequence[_Grid]) -> None:
        self._grids = grids
        self.untouched = hashlib.sha256()

    def __call__(self, blocks: Blocks, component: int, row: int) -> None:
        grid = self._grids[component]
        masked = grid.row(row, len(blocks))
        outside = blocks[~masked] if masked.any() else blocks
        self.untouched.update(outside.data)
        if count := grid.test.crafted(outside):
            raise JpegError(RedactCode.CRAFTED, f"{count} blocks of row {row} that no encoder writes")
        if outside is not blocks:
            blocks[masked] = 0
            blocks[masked, 0] = grid.burn_dc


class _Checker:
    """Row filter of the reading pass: what stayed, and whether each mask is burned."""

    def __init__(self, grids: Sequence[_Grid]) -> None:
        self._grids = grids
        self._rows = [0] * len(grids)
        self.untouched = hashlib.sha256()
        self.burned = True

    def __call__(self, blocks: Blocks, component: int, row: int) -> None:
        grid = self._grids[component]
        self._rows[component] += 1
        masked = grid.row(row, len(blocks))
        if masked.any():
            inside = blocks[masked]
            self.burned &= not inside[:, 1:].any() and bool((inside[:, 0] == grid.burn_dc).all())
            self.untouched.update(blocks[~masked].data)
        else:
            self.untouched.update(blocks.data)

    def complete(self, picture: Upright) -> bool:
        """Tell whether every row of blocks that shows a pixel of a mask was seen."""
        return all(
            seen >= -(-picture.size.height * plane.v // picture.mcu.height)
            for seen, plane in zip(self._rows, picture.planes, strict=True)
        )


def burn(data: bytes | memoryview, picture: Upright, boxes: Sequence[Box], turbo: TurboJpeg) -> bytes:
    """Write the derivative: upright, masked, with no metadata, checked coefficient by coefficient.

    Args:
        data: the original from SOI to EOI (nothing after it).
        picture: how it becomes upright.
        boxes: the plan's boxes, on MCU borders or at the image's edge.
        turbo: the library.

    Raises:
        TurboError: the original cannot be read to its end, or memory ran out.
        JpegError: CRAFTED, something is hidden in blocks that are not masked.
        BurnError: the check failed.
    """
    grids = _grids(picture, boxes)
    burner = _Burner(grids)
    derivative = assemble(turbo.transform(data, picture.op, burner), picture.colour)
    checker = _Checker(grids)
    try:
        written = jpeg.parse(derivative)
        turbo.read_coefficients(derivative, checker)
    except (JpegError, TurboError) as error:
        raise BurnError(f"the derivative cannot be read back: {error}") from error
    if (written.width, written.height) != picture.size:
        raise BurnError(f"size {written.width}x{written.height} instead of {picture.size}")
    if [written.quant[component.table] for component in written.components] != [
        plane.quant for plane in picture.planes
    ]:
        raise BurnError("the quantisation tables changed")
    if written.colour is not picture.colour:
        raise BurnError("the colour space changed")
    if not (checker.burned and checker.complete(picture)):
        raise BurnError("a mask is not burned")
    if checker.untouched.digest() != burner.untouched.digest():
        raise BurnError("coefficients outside the masks changed")
    return derivative


def assemble(written: bytes, colour: ColourSpace) -> bytes:
    """Put a derivative together: our APP0 and colour profile, tables, frame, scans; nothing else.

    Args:
        written: what the library wrote.
        colour: the colour space that the derivative says it is in; sRGB is said by saying nothing.
    """
    header: Header = jpeg.parse(written)
    parts = [b"\xff\xd8", JFIF, icc_segment(colour)]
    for segment, following in zip(header.segments[1:], header.segments[2:], strict=False):
        if segment.marker in {M.DQT, M.DHT, header.sof}:
            parts.append(written[segment.start : segment.end])
        elif segment.marker == M.SOS:
            parts.append(written[segment.start : following.start])
    parts.append(b"\xff\xd9")
    return b"".join(parts)

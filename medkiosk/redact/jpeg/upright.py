"""How a stored JPEG becomes upright without touching a coefficient's value. Pure.

A lossless transform moves whole MCUs. Where a side that is not a whole number of MCUs would land on the
left or top, its partial MCUs (at most one MCU wide) cannot be moved and are cut off: the upright picture
is then a few pixels smaller than the stored one, and everything (pixels for the detectors, boxes, masks,
derivative, preview) is in that smaller picture's coordinates, so nothing can be left over at the border.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from medkiosk.core.photo import RedactCode
from medkiosk.redact.errors import JpegError
from medkiosk.redact.icc import ColourSpace
from medkiosk.redact.jpeg.header import Header
from medkiosk.redact.region import Size


class Op(IntEnum):
    """Lossless transforms, numbered as libturbojpeg's TJXOP."""

    NONE = 0
    HFLIP = 1
    VFLIP = 2
    TRANSPOSE = 3
    TRANSVERSE = 4
    ROT90 = 5
    ROT180 = 6
    ROT270 = 7


_BY_ORIENTATION = {
    1: Op.NONE,
    2: Op.HFLIP,
    3: Op.ROT180,
    4: Op.VFLIP,
    5: Op.TRANSPOSE,
    6: Op.ROT90,
    7: Op.TRANSVERSE,
    8: Op.ROT270,
}
SWAPS_AXES = frozenset({Op.TRANSPOSE, Op.TRANSVERSE, Op.ROT90, Op.ROT270})
_RIGHT_EDGE_MOVES = frozenset({Op.HFLIP, Op.TRANSVERSE, Op.ROT180, Op.ROT270})
_BOTTOM_EDGE_MOVES = frozenset({Op.VFLIP, Op.TRANSVERSE, Op.ROT180, Op.ROT90})


@dataclass(frozen=True)
class Plane:
    """One component of the upright picture.

    Attributes:
        h, v: blocks of 8x8 in an MCU, across and down.
        quant: its 64 divisors in natural order, transposed with the picture.
        burn_dc: the DC of a masked block: black, or no colour.
    """

    h: int
    v: int
    quant: tuple[int, ...]
    burn_dc: int


@dataclass(frozen=True)
class Upright:
    """The upright picture that a stored JPEG becomes.

    Attributes:
        op: the lossless transform.
        stored: part of the stored picture that is kept (from its top left corner), pixels.
        size: upright size, pixels.
        mcu: upright size of one MCU, pixels.
        planes: one for each component.
        colour: the colour space of its pixels.
    """

    op: Op
    stored: Size
    size: Size
    mcu: Size
    planes: tuple[Plane, ...]
    colour: ColourSpace

    def __post_init__(self) -> None:
        if min(self.stored) < 1:
            raise ValueError("an upright picture has at least one pixel")


def upright(header: Header) -> Upright:
    """Work out the upright picture.

    Raises:
        JpegError: UNSUPPORTED when the picture is smaller than one MCU in a direction that must be cut, or
            is 4:1:1 and must be turned by 90 degrees.
    """
    op = _BY_ORIENTATION[header.orientation]
    swap = op in SWAPS_AXES
    grey = len(header.components) == 1
    factors = [(1, 1) if grey else (component.h, component.v) for component in header.components]
    # Every other subsampling turned is one that libturbojpeg 2.1 knows too; 4:4:1 came with 3.0.
    if swap and factors[0] == (4, 1):
        raise JpegError(RedactCode.UNSUPPORTED, "4:1:1 and not stored upright")
    mcu = Size(8 * factors[0][0], 8 * factors[0][1])
    width = header.width // mcu.width * mcu.width if op in _RIGHT_EDGE_MOVES else header.width
    height = header.height // mcu.height * mcu.height if op in _BOTTOM_EDGE_MOVES else header.height
    if not (width and height):
        raise JpegError(RedactCode.UNSUPPORTED, "smaller than one MCU and not stored upright")
    planes = []
    for index, (component, (h, v)) in enumerate(zip(header.components, factors, strict=True)):
        quant = header.quant[component.table]
        # DC is 8 times the mean of the level-shifted samples: black is -128 * 8, neutral colour is 0.
        burn = 0 if index else -(1024 // quant[0])
        if swap:
            transposed = tuple(quant[column * 8 + row] for row in range(8) for column in range(8))
            planes.append(Plane(v, h, transposed, burn))
        else:
            planes.append(Plane(h, v, quant, burn))
    return Upright(
        op=op,
        stored=Size(width, height),
        size=Size(height, width) if swap else Size(width, height),
        mcu=Size(mcu.height, mcu.width) if swap else mcu,
        planes=tuple(planes),
        colour=header.colour,
    )

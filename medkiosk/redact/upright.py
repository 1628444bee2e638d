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
from medkiosk.redact.jpeg import Header, JpegError
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
    """One component of the upright picture: blocks of 8x8 in an MCU, across and down, and its black DC."""

    h: int
    v: int
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
    """

    op: Op
    stored: Size
    size: Size
    mcu: Size
    planes: tuple[Plane, ...]

    def __post_init__(self) -> None:
        if min(self.stored) < 1:
            raise ValueError("an upright picture has at least one pixel")


def upright(header: Header) -> Upright:
    """Work out the upright picture.

    Raises:
        JpegError: UNSUPPORTED when the picture is smaller than one MCU in a direction that must be cut.
    """
    op = _BY_ORIENTATION[header.orientation]
    grey = len(header.components) == 1
    top_h = 1 if grey else max(c.h for c in header.components)
    top_v = 1 if grey else max(c.v for c in header.components)
    mcu = Size(8 * top_h, 8 * top_v)
    width = header.width // mcu.width * mcu.width if op in _RIGHT_EDGE_MOVES else header.width
    height = header.height // mcu.height * mcu.height if op in _BOTTOM_EDGE_MOVES else header.height
    if not (width and height):
        raise JpegError(RedactCode.UNSUPPORTED, "smaller than one MCU and not stored upright")
    planes = []
    for index, component in enumerate(header.components):
        h, v = (1, 1) if grey else (component.h, component.v)
        # DC is 8 times the mean of the level-shifted samples: black is -128 * 8, neutral colour is 0.
        burn = 0 if index else -(1024 // header.dc_quant[component.table])
        planes.append(Plane(v, h, burn) if op in SWAPS_AXES else Plane(h, v, burn))
    swap = op in SWAPS_AXES
    return Upright(
        op=op,
        stored=Size(width, height),
        size=Size(height, width) if swap else Size(width, height),
        mcu=Size(mcu.height, mcu.width) if swap else mcu,
        planes=tuple(planes),
    )

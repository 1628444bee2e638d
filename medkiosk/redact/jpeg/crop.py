"""A lossless crop of a derivative, proved: the strongest redaction is to keep the lesion only."""

from __future__ import annotations

import hashlib

from medkiosk.core.photo import Box
from medkiosk.redact.errors import BurnError, JpegError, TurboError
from medkiosk.redact.jpeg import header as jpeg
from medkiosk.redact.jpeg.burn import assemble
from medkiosk.redact.jpeg.header import Header
from medkiosk.redact.jpeg.structure import flaw
from medkiosk.redact.jpeg.turbojpeg import Blocks, TurboJpeg
from medkiosk.redact.jpeg.upright import Upright, upright
from medkiosk.redact.region import Size, grow


class _Part:
    """Row filter: a digest over the blocks of one part of a picture, component by component, row by row."""

    def __init__(self, picture: Upright, part: Box) -> None:
        columns, rows = -(-part.w // picture.mcu.width), -(-part.h // picture.mcu.height)
        left, top = part.x // picture.mcu.width, part.y // picture.mcu.height
        self._spans = [
            (left * plane.h, (left + columns) * plane.h, top * plane.v, (top + rows) * plane.v)
            for plane in picture.planes
        ]
        self.digest = hashlib.sha256()

    def __call__(self, blocks: Blocks, component: int, row: int) -> None:
        left, right, top, bottom = self._spans[component]
        if top <= row < bottom:
            part = blocks[left:right]
            self.digest.update(b"%d %d %d;" % (component, row - top, len(part)))
            self.digest.update(part.tobytes())


def crop(derivative: bytes, box: Box, turbo: TurboJpeg) -> bytes:
    """Cut a derivative to ``box``, grown outwards to whole MCUs and cut to the picture.

    Every coefficient of the part is kept as it is and nothing else; read back and compared.

    Args:
        derivative: as `burn` wrote it.
        box: what to keep, pixels of the derivative.
        turbo: the library.

    Returns:
        The smaller derivative; its size is `cropped_box`'s.

    Raises:
        ValueError: the box lies outside the picture.
        JpegError, TurboError: not a derivative, or memory ran out.
        BurnError: the check failed.
    """
    header = jpeg.parse(derivative)
    picture = upright(header)
    part = cropped_box(box, picture)
    meant = _Part(picture, part)
    turbo.read_coefficients(derivative, meant)
    result = assemble(turbo.crop(derivative, part, lambda *_: None), header.colour)
    if problem := flaw(result):
        raise BurnError(problem)
    written = jpeg.parse(result)
    if not _same_kind(written, header, Size(part.w, part.h)):
        raise BurnError("the cropped picture is of another kind")
    got = _Part(picture, Box(0, 0, part.w, part.h))
    try:
        turbo.read_coefficients(result, got)
    except (JpegError, TurboError) as error:
        raise BurnError(f"the cropped picture cannot be read back: {error}") from error
    if got.digest.digest() != meant.digest.digest():
        raise BurnError("coefficients changed while cropping")
    return result


def cropped_box(box: Box, picture: Upright) -> Box:
    """What `crop` really keeps.

    Raises:
        ValueError: the box lies outside the picture.
    """
    part = grow(box, picture.mcu, picture.size)
    if part is None:
        raise ValueError("nothing of the picture is inside the box")
    return part


def _same_kind(written: Header, header: Header, size: Size) -> bool:
    """Same components, tables and colours, and the size that was meant: then the blocks mean the same."""
    tables = [[found.quant[component.table] for component in found.components] for found in (written, header)]
    factors = [[(c.h, c.v) for c in found.components] for found in (written, header)]
    grey = len(header.components) == 1
    return (
        tables[0] == tables[1]
        and len(factors[0]) == len(factors[1])
        and (grey or factors[0] == factors[1])
        and written.colour is header.colour
        and (written.width, written.height) == size
    )

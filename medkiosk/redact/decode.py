"""From untrusted bytes to upright pixels, with a code for everything that is not a whole photograph."""

from __future__ import annotations

from dataclasses import dataclass

import cv2

from medkiosk.core.photo import MediaKind, RedactCode
from medkiosk.redact import jpeg
from medkiosk.redact.media import SNIFF_BYTES, sniff
from medkiosk.redact.pixels import Pixels, as_pixels
from medkiosk.redact.policy import Limits
from medkiosk.redact.turbojpeg import TurboJpeg
from medkiosk.redact.upright import Op, Upright, upright

_ROTATE = {
    Op.ROT90: cv2.ROTATE_90_CLOCKWISE,
    Op.ROT180: cv2.ROTATE_180,
    Op.ROT270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}
_FLIP = {Op.HFLIP: 1, Op.VFLIP: 0}


class RefusedError(Exception):
    """This file gives no derivative; ``code`` says why."""

    def __init__(self, code: RedactCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True)
class Source:
    """A file that can be redacted: its bytes from SOI to EOI, and how it becomes upright."""

    data: memoryview
    picture: Upright
    stored_width: int
    stored_height: int


def media_kind(data: memoryview) -> tuple[MediaKind, RedactCode]:
    """What the file is, and the code that its kind alone decides."""
    return sniff(bytes(data[:SNIFF_BYTES]))


def inspect(data: memoryview, limits: Limits) -> Source:
    """Read a JPEG's structure and hold it against the limits; nothing is decoded yet.

    Raises:
        JpegError: damaged or of a kind that is not handled.
        RefusedError: TOO_LARGE.
    """
    header = jpeg.parse(data)
    too_wide = max(header.width, header.height) > limits.max_side
    if too_wide or header.width * header.height > limits.max_pixels:
        raise RefusedError(RedactCode.TOO_LARGE, f"{header.width}x{header.height}")
    return Source(data[: header.end], upright(header), header.width, header.height)


def upright_pixels(source: Source, turbo: TurboJpeg) -> Pixels:
    """Decode to upright BGR pixels of exactly the size that the derivative will have.

    Raises:
        TurboError: the data is damaged, or memory ran out.
    """
    pixels = turbo.decode(source.data, source.stored_width, source.stored_height)
    kept = pixels[: source.picture.stored.height, : source.picture.stored.width]
    return turn(kept, source.picture.op)


def turn(pixels: Pixels, op: Op) -> Pixels:
    """Apply a lossless transform's geometry to pixels."""
    if op in _ROTATE:
        turned = cv2.rotate(pixels, _ROTATE[op])
    elif op in _FLIP:
        turned = cv2.flip(pixels, _FLIP[op])
    elif op is Op.TRANSPOSE:
        turned = cv2.transpose(pixels)
    elif op is Op.TRANSVERSE:
        turned = cv2.flip(cv2.transpose(pixels), -1)
    else:
        return pixels
    return as_pixels(turned)

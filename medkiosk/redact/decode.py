"""From untrusted bytes to upright pixels, with a code for everything that is not a whole photograph."""

from __future__ import annotations

from dataclasses import dataclass

import cv2

from medkiosk.core.photo import MediaKind, RedactCode
from medkiosk.redact.container.cr3 import embedded_photo
from medkiosk.redact.container.heif import decode_heif
from medkiosk.redact.container.hevc import Hevc
from medkiosk.redact.errors import RefusedError
from medkiosk.redact.icc import ColourSpace
from medkiosk.redact.jpeg import header as jpeg
from medkiosk.redact.jpeg.turbojpeg import Subsampling, TurboJpeg
from medkiosk.redact.jpeg.upright import Op, Upright, upright
from medkiosk.redact.media import SNIFF_BYTES, sniff
from medkiosk.redact.pixels import Pixels, View, as_pixels
from medkiosk.redact.policy import Limits
from medkiosk.redact.region import Size
from medkiosk.redact.sight import LARGE, Sight

_QUALITY = 95
"""At which a picture that is no JPEG is encoded, once (docs/redaction.md)."""
_ROTATE = {
    Op.ROT90: cv2.ROTATE_90_CLOCKWISE,
    Op.ROT180: cv2.ROTATE_180,
    Op.ROT270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}
_FLIP = {Op.HFLIP: 1, Op.VFLIP: 0}


@dataclass(frozen=True)
class Source:
    """A picture that can be redacted.

    Attributes:
        media: what the file is.
        data: the JPEG to write the derivative from, from SOI to EOI.
        picture: how it becomes upright.
        stored: its size as stored, pixels.
    """

    media: MediaKind
    data: memoryview
    picture: Upright
    stored: Size

    def sight(self, turbo: TurboJpeg) -> Sight:
        """Decode to upright pixels of exactly the size that the derivative will have.

        Raises:
            TurboError: the data is damaged, or memory ran out.
        """
        width, height = self.stored
        kept = self.picture.stored
        grey = turbo.decode_grey(self.data, width, height)[: kept.height, : kept.width]
        colours = self.upright_pixels(turbo, half=max(self.stored) >= LARGE)
        return Sight(View(colours, self.picture.size), turn(grey, self.picture.op))

    def upright_pixels(self, turbo: TurboJpeg, *, half: bool) -> Pixels:
        """Decode to upright BGR pixels, at half size or whole.

        Raises:
            TurboError: the data is damaged, or memory ran out.
        """
        width, height = self.stored
        kept = self.picture.stored
        if half:
            colours = turbo.decode_scaled(self.data, width, height, 4)
            colours = colours[: -(-kept.height // 2), : -(-kept.width // 2)]
        else:
            colours = turbo.decode(self.data, width, height)[: kept.height, : kept.width]
        return turn(as_pixels(colours), self.picture.op)


def media_kind(data: memoryview) -> tuple[MediaKind, RedactCode]:
    """What the file is, and the code that its kind alone decides."""
    return sniff(bytes(data[:SNIFF_BYTES]))


def open_source(data: memoryview, media: MediaKind, limits: Limits, turbo: TurboJpeg, hevc: Hevc) -> Source:
    """Read a picture's structure and hold it against the limits.

    A JPEG and the full-size JPEG inside a CR3 are not decoded here. A HEIF is, and encoded once.

    Raises:
        JpegError, ContainerError: damaged or of a kind that is not handled.
        RefusedError: TOO_LARGE.
        TurboError: encoding failed.
    """
    photo = None
    if media is MediaKind.CR3:
        photo = embedded_photo(data)
        data = photo.jpeg
    elif media is MediaKind.HEIF:
        pixels = decode_heif(data, limits.max_pixels, limits.max_side, hevc)
        data = memoryview(turbo.encode(pixels, _QUALITY, Subsampling.S422))
    header = jpeg.parse(data)
    if photo is not None:
        header.orientation = photo.orientation
        header.colour = ColourSpace.ADOBE_RGB if photo.adobe_rgb else header.colour
    too_wide = max(header.width, header.height) > limits.max_side
    if too_wide or header.width * header.height > limits.max_pixels:
        raise RefusedError(RedactCode.TOO_LARGE, f"{header.width}x{header.height}")
    return Source(media, data[: header.end], upright(header), Size(header.width, header.height))


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

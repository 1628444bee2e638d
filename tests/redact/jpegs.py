"""JPEG files for tests: every subsampling and orientation, with all that a camera hides in them."""

from __future__ import annotations

import io
import struct
from typing import Any, Literal

import cv2
import numpy as np
from PIL import Image, ImageCms

SECRETS = (b"Dr. Jane Roe", b"SERIAL-0042", b"PATIENT-KLM", b"JFXX-SECRET", b"after the end")
"""Strings that `camera_jpeg` hides in its segments and after the end."""


def photo(width: int, height: int, *, grey: bool = False, seed: int = 1) -> Image.Image:
    """A smooth picture with noise: every block has its own coefficients."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    planes = [np.sin(x / 17 + k) * 60 + np.cos(y / 23 - k) * 50 + 128 for k in range(1 if grey else 3)]
    pixels = np.stack(planes, axis=-1) + rng.normal(0, 12, (height, width, len(planes)))
    clipped = pixels.clip(0, 255).astype(np.uint8)
    return Image.fromarray(clipped[:, :, 0] if grey else clipped)


def encode(image: Image.Image, **options: Any) -> bytes:
    """Encode with Pillow; ``options`` are those of its JPEG writer."""
    out = io.BytesIO()
    image.save(out, "JPEG", **{"quality": 90, **options})
    return out.getvalue()


KINDS = ["4:4:4", "4:2:2", "4:2:0", "4:4:0", "4:1:1", "grey"]
"""What `encode_kind` writes."""


def encode_kind(
    image: Image.Image, kind: str, *, quality: int = 90, restart: int = 0, progressive: bool = False
) -> bytes:
    """Encode with OpenCV, which knows more subsamplings than Pillow, as a JFIF file."""
    pixels = np.asarray(image)
    options = [
        cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_RST_INTERVAL, restart,
        cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive),
    ]  # fmt: skip
    if kind != "grey":
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
        factor = getattr(cv2, "IMWRITE_JPEG_SAMPLING_FACTOR_" + kind.replace(":", ""))
        options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor]
    done, data = cv2.imencode(".jpg", pixels, options)
    assert done
    return data.tobytes()


_TO_STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def stored(upright: Image.Image, orientation: int) -> Image.Image:
    """Turn an upright picture to how a camera with this EXIF orientation stores it."""
    return upright.transpose(_TO_STORED[orientation]) if orientation in _TO_STORED else upright


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """Put an EXIF segment with only an orientation into a JPEG."""
    return jpeg[:2] + exif_segment(orientation, b"") + jpeg[2:]


def exif_segment(orientation: int, thumbnail: bytes, *, little: bool = True) -> bytes:
    """An APP1 segment as cameras write it: orientation, artist, GPS, serial number, thumbnail."""
    order = "<" if little else ">"

    def entry(tag: int, kind: int, count: int, value: int) -> bytes:
        if kind == 3:
            return struct.pack(order + "HHIHH", tag, kind, count, value, 0)
        return struct.pack(order + "HHII", tag, kind, count, value)

    artist = b"Dr. Jane Roe\0"
    body_serial = b"SERIAL-0042\0"
    ifd0_at, gps_at = 8, 8 + 2 + 4 * 12 + 4
    ifd1_at = gps_at + 2 + 12 + 4
    artist_at = ifd1_at + 2 + 2 * 12 + 4
    serial_at = artist_at + len(artist)
    thumbnail_at = serial_at + len(body_serial)
    ifd0 = [
        entry(0x0112, 3, 1, orientation),
        entry(0x013B, 2, len(artist), artist_at),
        entry(0x8825, 4, 1, gps_at),
        entry(0xA431, 2, len(body_serial), serial_at),
    ]
    tiff = (b"II*\0" if little else b"MM\0*") + struct.pack(order + "I", ifd0_at)
    tiff += struct.pack(order + "H", 4) + b"".join(ifd0) + struct.pack(order + "I", ifd1_at)
    tiff += struct.pack(order + "H", 1) + entry(0x0000, 1, 4, 0x00000302) + struct.pack(order + "I", 0)
    tiff += struct.pack(order + "H", 2) + entry(0x0201, 4, 1, thumbnail_at)
    tiff += entry(0x0202, 4, 1, len(thumbnail)) + struct.pack(order + "I", 0)
    tiff += artist + body_serial + thumbnail
    payload = b"Exif\0\0" + tiff
    return b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload


def segment(marker: int, payload: bytes) -> bytes:
    """One marker segment."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload


def icc_profile(name: Literal["sRGB", "XYZ", "LAB"] = "sRGB", hidden: bytes = b"PATIENT-KLM") -> bytes:
    """A profile as another program writes it (LittleCMS's sRGB), with something hidden behind its tags."""
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()
    return struct.pack(">I", len(made) + len(hidden)) + made[4:] + hidden


def icc_segments(profile: bytes, size: int = 65519) -> bytes:
    """APP2 segments that carry a profile in parts of ``size`` bytes."""
    parts = [profile[at : at + size] for at in range(0, len(profile), size)]
    return b"".join(
        segment(0xE2, b"ICC_PROFILE\0" + bytes([number, len(parts)]) + part)
        for number, part in enumerate(parts, 1)
    )


def camera_jpeg(jpeg: bytes, orientation: int = 1) -> bytes:
    """Dress a JPEG as a camera does: EXIF with a thumbnail, XMP, comment, ICC, JFXX, and bytes after EOI."""
    thumbnail = encode(photo(64, 48, seed=9))
    dressed = jpeg[:2]
    dressed += exif_segment(orientation, thumbnail)
    dressed += segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>PATIENT-KLM</x:xmpmeta>")
    dressed += segment(0xE0, b"JFXX\0\x10JFXX-SECRET")
    dressed += icc_segments(icc_profile())
    dressed += segment(0xFE, b"PATIENT-KLM")
    return dressed + jpeg[2:] + b"after the end" + thumbnail

"""Thumbnails: small JPEGs of a preview's pixels, made by the confined worker; bounded by the trusted side."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from medkiosk.core.photo import RedactCode
from medkiosk.redact import protocol
from medkiosk.redact.answer import Preview
from medkiosk.redact.client import RedactSession
from tests.redact.test_client import READY, HostileWorker, done, frame


def preview(width: int, height: int, *, noisy: bool = False) -> Preview:
    """Left half red, right half blue; or noise, which compresses worst."""
    if noisy:
        rgb = np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)
    else:
        rgb = np.zeros((height, width, 3), np.uint8)
        rgb[:, : width // 2] = (200, 0, 0)
        rgb[:, width // 2 :] = (0, 0, 200)
    return Preview(width, height, rgb.tobytes())


def test_a_thumbnail_is_small_has_its_colours_and_no_metadata(session: RedactSession) -> None:
    small = session.thumbnail(preview(1600, 1067))
    pixels = cv2.imdecode(np.frombuffer(small, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    assert pixels.shape == (213, 320, 3)
    assert pixels[100, 60, 2] > 150 > pixels[100, 60, 0]  # BGR: red on the left
    assert pixels[100, 260, 0] > 150 > pixels[100, 260, 2]
    assert not any(small.count(bytes((0xFF, marker))) for marker in (0xE1, 0xE2, 0xED, 0xFE))


def test_noise_fits_too_and_nothing_is_scaled_up(session: RedactSession) -> None:
    assert 0 < len(session.thumbnail(preview(1200, 1200, noisy=True))) <= protocol.MAX_THUMBNAIL
    assert 0 < len(session.thumbnail(preview(320, 320, noisy=True))) <= protocol.MAX_THUMBNAIL
    tiny = cv2.imdecode(np.frombuffer(session.thumbnail(preview(40, 30)), np.uint8), cv2.IMREAD_COLOR)
    assert tiny is not None
    assert tiny.shape == (30, 40, 3)


def test_pixels_that_do_not_fit_their_size_give_none(session: RedactSession) -> None:
    assert session.thumbnail(Preview(100, 100, bytes(29_997))) == b""
    assert not session.broken


@pytest.mark.parametrize(
    "said",
    [b"\xff\xd8" + bytes(protocol.MAX_THUMBNAIL) + b"\xff\xd9", b"GIF89a", b"\xff\xd8 cut off"],
    ids=["too large", "no JPEG", "cut off"],
)
def test_what_is_no_thumbnail_is_not_taken(said: bytes) -> None:
    channel = HostileWorker(READY, frame(protocol.F.DERIVATIVE, said) + done(derivative=len(said)))
    session = RedactSession(channel, timeout_s=5)
    assert session.thumbnail(preview(4, 4)) == b""
    assert session.broken
    channel.close()


def test_a_failure_has_no_thumbnail() -> None:
    channel = HostileWorker(READY, done(RedactCode.INTERNAL, derivative=0))
    assert RedactSession(channel, timeout_s=5).thumbnail(preview(4, 4)) == b""
    channel.close()

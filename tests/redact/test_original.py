"""The original as a reviewer may compare with it: drawn upright by the confined worker, and nothing else."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from medkiosk.core.photo import Box, Decision
from medkiosk.redact import protocol
from medkiosk.redact.answer import Preview
from medkiosk.redact.client import RedactSession
from medkiosk.redact.protocol import Window
from tests.redact.containers import cr3
from tests.redact.jpegs import encode, photo, with_orientation
from tests.redact.test_client import READY, HostileWorker, done, found, frame

SIZE = (320, 192)
JPEG = encode(photo(*SIZE), subsampling="4:2:2")
Rgb = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


def upright(jpeg: bytes) -> Rgb:
    """As another decoder shows it."""
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(jpeg)))
    assert picture is not None
    return np.asarray(picture.convert("RGB"))


def drawn(session: RedactSession, data: bytes, box: Box, width: int, height: int) -> Rgb:
    preview = session.draw_original(lambda: [data], len(data), Window(box, width, height))
    assert preview is not None
    return np.frombuffer(preview.rgb, np.uint8).reshape(preview.height, preview.width, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("raw", [False, True])
def test_it_is_turned_upright_whatever_the_file(session: RedactSession, orientation: int, raw: bool) -> None:
    turned = with_orientation(JPEG, orientation)
    real = upright(turned)
    height, width = real.shape[:2]
    data = cr3(JPEG, SIZE, orientation) if raw else turned
    whole = drawn(session, data, Box(0, 0, width, height), width, height)
    assert whole.shape == real.shape
    assert np.abs(whole.astype(int) - real).mean() < 3
    part = drawn(session, data, Box(16, 32, 64, 48), 64, 48)
    assert np.array_equal(part, whole[32:80, 16:80])


def test_it_is_made_smaller_and_never_larger(session: RedactSession) -> None:
    half = drawn(session, JPEG, Box(0, 0, *SIZE), SIZE[0] // 2, SIZE[1] // 2)
    assert half.shape == (SIZE[1] // 2, SIZE[0] // 2, 3)
    averaged = upright(JPEG).reshape(SIZE[1] // 2, 2, SIZE[0] // 2, 2, 3).mean(axis=(1, 3))
    assert np.abs(half - averaged).mean() < 4
    assert drawn(session, JPEG, Box(8, 8, 32, 32), 2048, 2048).shape == (32, 32, 3)


@pytest.mark.parametrize("data", [b"", b"no picture at all", JPEG[:400]], ids=["empty", "text", "cut off"])
def test_what_is_no_picture_gives_none(session: RedactSession, data: bytes) -> None:
    assert session.draw_original(lambda: [data], len(data), Window(Box(0, 0, 8, 8), 8, 8)) is None
    assert session.draw_original(lambda: [JPEG], len(JPEG), Window(Box(9000, 0, 8, 8), 8, 8)) is None
    assert not session.broken


@pytest.mark.parametrize("more", ["derivative", "finding", "larger"])
def test_a_worker_that_says_more_than_pixels_is_ended(more: str) -> None:
    def pixels(width: int, height: int) -> bytes:
        rgb = frame(protocol.F.PIXELS, bytes(width * height * 3))
        return frame(protocol.F.PREVIEW, protocol.pack_preview(width, height)) + rgb

    said = {
        "derivative": pixels(4, 4) + frame(protocol.F.DERIVATIVE, JPEG) + done(derivative=len(JPEG)),
        "finding": found(Decision.SUGGEST) + pixels(4, 4) + done(findings=1, derivative=0),
        "larger": pixels(8, 4) + done(derivative=0),
    }[more]
    channel = HostileWorker(READY, said)
    hostile = RedactSession(channel, timeout_s=5)
    assert hostile.draw_original(lambda: [JPEG], len(JPEG), Window(Box(0, 0, 4, 4), 4, 4)) is None
    assert hostile.broken
    channel.close()
    honest = HostileWorker(READY, pixels(4, 4) + done(derivative=0))
    good = RedactSession(honest, timeout_s=5)
    assert good.draw_original(lambda: [JPEG], len(JPEG), Window(Box(0, 0, 4, 4), 4, 4)) == Preview(
        4, 4, bytes(48)
    )
    good.close()

"""What is judged is what leaves: the preview, its parts, crops, and what a second process finds."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from medkiosk.core.photo import Box, Category, Decision, RedactCode
from medkiosk.redact.answer import Preview
from medkiosk.redact.client import Plan, RedactResult, RedactSession
from medkiosk.redact.job import do
from medkiosk.redact.jpeg.structure import flaw
from medkiosk.redact.kit import Kit
from medkiosk.redact.protocol import Job, Mode, Window
from tests.redact.jpegs import camera_jpeg, encode, stored
from tests.redact.scenes import face, skin, with_text

_SIZE = (3600, 2400)


@pytest.fixture(scope="module")
def scene() -> bytes:
    """A large picture: text at the left, skin elsewhere, turned as a camera stores it."""
    picture = skin(*_SIZE)
    with_text(picture, "WARD 7  BED 12", 60, (150, 200))
    return camera_jpeg(encode(stored(picture, 6), subsampling="4:2:2", quality=95), 6)


def replay(session: RedactSession, data: bytes, plan: Plan) -> RedactResult:
    return session.replay(lambda: [data], len(data), plan)


def array(drawn: Preview | None) -> NDArray[np.uint8]:
    assert drawn is not None
    return np.frombuffer(drawn.rgb, np.uint8).reshape(drawn.height, drawn.width, 3)


def opened(derivative: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(derivative)).convert("RGB"))


def test_the_preview_of_a_large_picture_is_the_derivative_made_small(
    session: RedactSession, scene: bytes
) -> None:
    result = session.detect(lambda: [scene], len(scene))
    assert result.code is RedactCode.OK
    assert (result.width, result.height) == _SIZE
    shown = array(result.preview)
    assert shown.shape == (1067, 1600, 3)
    small = np.asarray(Image.fromarray(opened(result.derivative)).resize((1600, 1067), Image.Resampling.BOX))
    assert np.abs(shown.astype(int) - small).mean() < 2


def test_a_part_is_drawn_at_full_size_and_never_enlarged(session: RedactSession, scene: bytes) -> None:
    derivative = session.detect(lambda: [scene], len(scene)).derivative
    whole = opened(derivative)

    def draw(box: Box, width: int, height: int) -> Preview | None:
        return session.draw(lambda: [derivative], len(derivative), Window(box, width, height))

    part = array(draw(Box(1001, 703, 320, 240), 800, 600))
    assert np.abs(part.astype(int) - whole[703:943, 1001:1321]).max() <= 1
    halved = array(draw(Box(1000, 700, 640, 480), 320, 240))
    assert halved.shape == (240, 320, 3)
    corner = array(draw(Box(3500, 2300, 400, 400), 400, 400))  # cut to the picture
    assert corner.shape == (100, 100, 3)
    assert draw(Box(3600, 0, 10, 10), 10, 10) is None
    assert not session.broken


@pytest.mark.parametrize("spoilt", [b"", b"\xff\xd8\xff\xd9", b"not a picture at all"])
def test_what_is_no_derivative_is_not_drawn(session: RedactSession, spoilt: bytes) -> None:
    assert session.draw(lambda: [spoilt], len(spoilt), Window(Box(0, 0, 9, 9), 9, 9)) is None
    original = camera_jpeg(encode(skin(64, 64)), 1)  # a JPEG, but not one that we wrote
    assert session.draw(lambda: [original], len(original), Window(Box(0, 0, 9, 9), 9, 9)) is None
    assert not session.broken


def test_a_crop_leaves_its_part_and_nothing_else(session: RedactSession, scene: bytes) -> None:
    whole = session.detect(lambda: [scene], len(scene))
    masks = tuple((f.category, f.box) for f in whole.findings if f.decision is Decision.MASK)
    assert masks
    wanted = Box(1203, 605, 500, 404)
    result = replay(session, scene, Plan(masks=masks, crop=wanted))
    assert result.code is RedactCode.OK
    assert result.crop is not None
    assert (result.width, result.height) == _SIZE
    x, y, w, h = result.crop.x, result.crop.y, result.crop.w, result.crop.h
    assert x <= wanted.x
    assert y <= wanted.y
    assert x + w >= wanted.x + wanted.w
    assert y + h >= wanted.y + wanted.h
    assert max(w - wanted.w, h - wanted.h) < 32
    pixels = opened(result.derivative)
    assert pixels.shape == (h, w, 3)
    inner = slice(2, -2)  # chroma is interpolated over the border
    same = opened(whole.derivative)[y : y + h, x : x + w]
    assert (pixels[inner, inner] == same[inner, inner]).all()
    assert flaw(result.derivative) == ""
    assert array(result.preview).shape == (h, w, 3)


def test_what_is_cropped_away_needs_no_mask(session: RedactSession, scene: bytes) -> None:
    bare = replay(session, scene, Plan())
    assert bare.code is RedactCode.RESIDUAL
    assert {finding.category for finding in bare.residual} == {Category.TEXT}
    assert replay(session, scene, Plan(crop=Box(1200, 600, 500, 400))).code is RedactCode.OK
    with_the_text = Box(0, 0, 1200, 600)
    assert replay(session, scene, Plan(crop=with_the_text)).code is RedactCode.RESIDUAL


def test_a_face_in_a_crop_is_found_in_the_pixels_of_the_whole(
    session: RedactSession, faces_folder: Path
) -> None:
    picture = skin(1600, 1200)
    portrait, faces = face(faces_folder, 0)
    picture.paste(portrait, (800, 400))
    data = encode(picture)
    result = replay(session, data, Plan(crop=Box(700, 300, 900, 900)))
    assert result.code is RedactCode.RESIDUAL
    box = next(finding.box for finding in result.residual if finding.category is Category.FACE)
    centre = (faces[0].x + faces[0].w // 2 + 800, faces[0].y + faces[0].h // 2 + 400)
    assert box.x < centre[0] < box.x + box.w
    assert box.y < centre[1] < box.y + box.h


def test_a_mask_that_was_not_burned_is_noticed(kit: Kit, session: RedactSession, scene: bytes) -> None:
    bare = replay(session, scene, Plan()).derivative
    burned = session.detect(lambda: [scene], len(scene))
    masks = tuple((f.category, f.box) for f in burned.findings if f.decision is Decision.MASK)

    def judged(derivative: bytes, boxes: tuple[tuple[Category, Box], ...]) -> RedactCode:
        return do(memoryview(derivative), Job(Mode.CHECK, len(derivative), 60_000, boxes), kit).code

    assert judged(burned.derivative, masks) is RedactCode.OK
    assert judged(bare, masks) is RedactCode.MISMATCH
    everything = ((Category.FACE, Box(0, 0, *_SIZE)),)
    assert judged(burned.derivative, everything) is RedactCode.MISMATCH


@pytest.mark.parametrize("quality", [1, 10, 50, 100])
def test_burned_masks_are_black_enough_at_every_quality(session: RedactSession, quality: int) -> None:
    for subsampling in ("4:4:4", "4:2:2", "4:2:0"):
        data = encode(skin(640, 480), quality=quality, subsampling=subsampling)
        result = replay(session, data, Plan(masks=((Category.OTHER, Box(101, 83, 200, 150)),)))
        assert result.code in {RedactCode.OK, RedactCode.RESIDUAL}, subsampling


def test_bytes_in_tables_that_nothing_uses_do_not_leave(session: RedactSession, scene: bytes) -> None:
    derivative = session.detect(lambda: [scene], len(scene)).derivative
    assert flaw(derivative) == ""
    table = b"\xff\xdb\x00\x43\x03" + bytes(range(1, 65))
    assert "nothing uses" in flaw(derivative[:20] + table + derivative[20:])
    assert "JFIF" in flaw(derivative[:11] + b"MRN4711" + derivative[18:])

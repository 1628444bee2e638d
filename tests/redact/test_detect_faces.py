"""Faces from every side and leaning, parts of faces as suggestions, and where a look's pixels lie."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.core.photo import Box, Decision
from medkiosk.redact.detect.centerface import Look, parted, quarter_turned, tilted
from medkiosk.redact.detect.close_faces import CloseFaceDetector, framed
from medkiosk.redact.detect.faces import FaceDetector
from medkiosk.redact.detect.net import tiles
from medkiosk.redact.detectors import DETECTORS, DetectorId
from medkiosk.redact.kit import pinned_model
from medkiosk.redact.pixels import Pixels, View, as_pixels
from medkiosk.redact.policy import Framing, Policy, default_text, parse_policy
from medkiosk.redact.region import Size, iou, share_covered
from tests.redact.scenes import face, skin

_FULL = Size(1200, 800)
_SMALL = Size(300, 200)
_DOT = 9


@pytest.fixture(scope="module")
def policy() -> Policy:
    return parse_policy(default_text())


@pytest.fixture(scope="module")
def detector(models: Path, policy: Policy) -> FaceDetector:
    model = pinned_model(models, DetectorId.FACES)
    assert model is not None
    return FaceDetector(model, policy.faces)


@pytest.fixture(scope="module")
def close(detector: FaceDetector, policy: Policy) -> CloseFaceDetector:
    return CloseFaceDetector(detector.network, policy.close_faces)


def photo(folder: Path, index: int) -> tuple[Pixels, list[Box]]:
    image, labels = face(folder, index)
    return np.ascontiguousarray(np.asarray(image)[:, :, ::-1]), labels


def part(pixels: Pixels, x0: int, y0: int, x1: int, y1: int) -> View:
    """A part, enlarged to the size of a photograph."""
    cut = pixels[y0:y1, x0:x1]
    return View.whole(as_pixels(cv2.resize(cut, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC)))


# --- where a look's pixels lie ------------------------------------------------------------------------


def dotted(x: int, y: int) -> Pixels:
    """A black picture of `_SMALL` with a white dot, whose middle is at (x, y)."""
    pixels = np.zeros((_SMALL.height, _SMALL.width, 3), np.uint8)
    reach = _DOT // 2
    pixels[y - reach : y + reach + 1, x - reach : x + reach + 1] = 255
    return pixels


def dot_in_full(look: Look) -> tuple[float, float]:
    """Where the dot of a look lies in the full picture."""
    rows, columns = np.nonzero(look.canvas[:, :, 1] > 100)
    x, y = look.to_full @ (columns.mean() + 0.5, rows.mean() + 0.5, 1)
    return float(x), float(y)


dots = st.tuples(st.integers(20, _SMALL.width - 21), st.integers(20, _SMALL.height - 21))


def expected(dot: tuple[int, int]) -> tuple[float, float]:
    return (dot[0] + 0.5) * _FULL.width / _SMALL.width, (dot[1] + 0.5) * _FULL.height / _SMALL.height


@given(dots, st.integers(0, 3))
def test_a_turned_look_leads_back_to_the_picture(dot: tuple[int, int], quarter_turns: int) -> None:
    look = quarter_turned(dotted(*dot), quarter_turns, _FULL)
    assert all(side % 32 == 0 for side in look.canvas.shape[:2])
    assert dot_in_full(look) == pytest.approx(expected(dot), abs=0.01)


@given(dots)
def test_a_part_of_a_picture_leads_back_to_it(dot: tuple[int, int]) -> None:
    pieces = [
        (rows, columns) for rows in tiles(_SMALL.height, 96, 32) for columns in tiles(_SMALL.width, 96, 32)
    ]
    looks = [parted(dotted(*dot), rows, columns, _FULL) for rows, columns in pieces]
    assert all(side == 96 for look in looks for side in look.canvas.shape[:2])
    whole = [look for look in looks if (look.canvas[:, :, 1] > 0).sum() == _DOT**2]
    assert whole  # the parts overlap by more than the dot
    for look in whole:
        assert dot_in_full(look) == pytest.approx(expected(dot), abs=0.01)


@given(dots, st.sampled_from([45, 135, 225, 315, 30]))
def test_a_tilted_look_holds_all_and_leads_back(dot: tuple[int, int], degrees: int) -> None:
    look = tilted(dotted(*dot), degrees, _FULL)
    assert all(side % 32 == 0 for side in look.canvas.shape[:2])
    assert dot_in_full(look) == pytest.approx(expected(dot), abs=2)  # half a pixel of the look


@given(dots, st.integers(0, 3), st.tuples(*[st.integers(0, 2000)] * 3))
def test_a_framed_look_leads_back(
    dot: tuple[int, int], quarter_turns: int, room: tuple[int, int, int]
) -> None:
    framing = Framing(long_side=512, above=room[0], below=room[1], beside=room[2])
    look = framed(View(dotted(*dot), _FULL), quarter_turns, framing)
    assert max(look.canvas.shape[:2]) <= 512 + 32
    assert dot_in_full(look) == pytest.approx(expected(dot), abs=16)


# --- what is masked -----------------------------------------------------------------------------------


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_faces_are_found_from_every_side(
    detector: FaceDetector, faces_folder: Path, quarter_turns: int
) -> None:
    pixels, labels = photo(faces_folder, 1)
    upright = [hit.box for hit in detector.find(View.whole(pixels))]
    turned = detector.find(View.whole(np.rot90(pixels, quarter_turns).copy()))
    assert len(turned) == len(upright) == len(labels)
    assert sorted(box.w * box.h for box in upright) == pytest.approx(
        sorted(hit.box.w * hit.box.h for hit in turned), rel=0.1
    )


@pytest.mark.parametrize("degrees", range(15, 90, 15))
def test_leaning_faces_are_found(detector: FaceDetector, faces_folder: Path, degrees: int) -> None:
    pixels, labels = photo(faces_folder, 23)
    look = tilted(pixels, degrees, Size(640, 640))
    hits = detector.find(View.whole(look.canvas))
    centres = [
        look.to_full @ (hit.box.x + hit.box.w / 2, hit.box.y + hit.box.h / 2, 1)
        for hit in hits
        if hit.confidence >= 500
    ]
    for label in labels:
        assert any(label.x < x < label.x + label.w and label.y < y < label.y + label.h for x, y in centres), (
            label
        )


def test_a_reduced_picture_gives_the_same_boxes_in_full_pixels(
    detector: FaceDetector, faces_folder: Path
) -> None:
    pixels, labels = photo(faces_folder, 0)
    large = as_pixels(cv2.resize(pixels, (2560, 2560), interpolation=cv2.INTER_CUBIC))
    half = as_pixels(cv2.resize(large, (1280, 1280), interpolation=cv2.INTER_AREA))
    whole, reduced = detector.find(View.whole(large)), detector.find(View(half, Size(2560, 2560)))
    assert len(whole) == len(reduced) == len(labels)
    for a, b in zip(whole, reduced, strict=True):
        assert iou(a.box, b.box) > 0.95


def test_nothing_is_found_on_plain_skin(detector: FaceDetector, close: CloseFaceDetector) -> None:
    view = View.whole(np.ascontiguousarray(np.asarray(skin(1500, 1000))[:, :, ::-1]))
    assert detector.find(view) == []
    assert close.find(view, []) == []


# --- what is suggested --------------------------------------------------------------------------------


def test_suggestions_are_never_masked_without_asking() -> None:
    assert DETECTORS[DetectorId.FACES].decision is Decision.MASK
    assert DETECTORS[DetectorId.CLOSE_FACES].decision is Decision.SUGGEST


# Photograph 26: one face, eyes at about 300, mouth at about 380, chin at about 450.
_PARTS = {
    "eyes": (0.1, 0.3, 0.9, 0.6),
    "mouth": (0.2, 0.6, 0.8, 0.95),
    "left half": (0.0, 0.0, 0.5, 1.0),
    "upper half": (0.0, 0.0, 1.0, 0.5),
    "lower half": (0.0, 0.5, 1.0, 1.0),
}


@pytest.mark.parametrize("name", _PARTS)
@pytest.mark.parametrize("quarter_turns", [0, 1])
def test_a_part_of_a_face_that_fills_the_picture_is_suggested(
    detector: FaceDetector, close: CloseFaceDetector, faces_folder: Path, name: str, quarter_turns: int
) -> None:
    pixels, (label,) = photo(faces_folder, 26)
    x0, y0, x1, y1 = _PARTS[name]
    upright = part(
        pixels,
        label.x + round(x0 * label.w),
        label.y + round(y0 * label.h),
        label.x + round(x1 * label.w),
        label.y + round(y1 * label.h),
    )
    view = View.whole(np.rot90(upright.pixels, quarter_turns).copy())
    certain = [hit.box for hit in detector.find(view)]
    suggested = close.find(view, certain)
    assert {hit.detector for hit in suggested} <= {DetectorId.CLOSE_FACES}
    boxes = certain + [hit.box for hit in suggested]
    assert share_covered(Box(0, 0, *view.full), boxes) >= 0.5


def test_what_is_masked_anyway_is_not_suggested_again(
    detector: FaceDetector, close: CloseFaceDetector, faces_folder: Path
) -> None:
    pixels, labels = photo(faces_folder, 26)
    view = View.whole(pixels)
    certain = [hit.box for hit in detector.find(view)]
    assert len(certain) == len(labels)
    assert close.find(view, []) != []
    assert close.find(view, certain) == []

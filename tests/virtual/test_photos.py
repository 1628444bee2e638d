"""The made cards are what they claim: otherwise every test that stands on them proves nothing."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import ExifTags, Image, ImageOps

from tests.virtual.badfiles import BAD_KINDS
from tests.virtual.photos import IDENTIFIERS, Photo, make_card
from tests.virtual.scenes import PATIENT, SCENES, photos_dir

SMALL = (1368, 912)

pytestmark = pytest.mark.skipif(
    not (photos_dir() / "astronaut.png").exists(), reason="the photographs were not fetched: run `make setup`"
)


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Photo]]:
    root = tmp_path_factory.mktemp("card")
    return root, make_card(root, 12, fast=True, size=SMALL, bad=True, noise_bytes=3000)


def _good(card: tuple[Path, list[Photo]]) -> list[tuple[bytes, Photo]]:
    root, made = card
    return [((root / photo.path).read_bytes(), photo) for photo in made if photo.scene in SCENES]


def test_every_scene_is_there_and_no_two_files_are_equal(card: tuple[Path, list[Photo]]) -> None:
    good = _good(card)
    assert {photo.scene for _, photo in good} == set(SCENES)
    assert len({data for data, _ in good}) == len(good) == 12
    assert all(len(data) == photo.size for data, photo in good)


def test_the_jpegs_are_as_an_r6_writes_them(card: tuple[Path, list[Photo]]) -> None:
    for data, photo in _good(card):
        image = Image.open(io.BytesIO(data))
        assert image.size == SMALL
        assert [sampling[1:3] for sampling in image.layer] == [(2, 1), (1, 1), (1, 1)]  # type: ignore[attr-defined]
        exif = image.getexif()
        assert exif[ExifTags.Base.Model] == "Canon EOS R6"
        assert exif[ExifTags.Base.Orientation] == photo.orientation
        detail = exif.get_ifd(ExifTags.IFD.Exif)
        assert detail[ExifTags.Base.BodySerialNumber] in IDENTIFIERS
        assert detail[ExifTags.Base.CameraOwnerName] in IDENTIFIERS
        assert len(exif.get_ifd(ExifTags.IFD.GPSInfo)) == 6


def test_thumbnail_and_preview_show_the_same_picture(card: tuple[Path, list[Photo]]) -> None:
    data, _ = _good(card)[0]
    image = Image.open(io.BytesIO(data))
    small = image.getexif().get_ifd(ExifTags.IFD.IFD1)
    at, length = (small[tag] for tag in (ExifTags.Base.JpegIFOffset, ExifTags.Base.JpegIFByteCount))
    tiff = data.index(b"Exif\0\0") + 6
    reference = image.convert("L").resize((40, 30))
    image.seek(1)
    for other in (Image.open(io.BytesIO(data[tiff + at : tiff + at + length])), image):
        pairs = zip(reference.tobytes(), other.convert("L").resize((40, 30)).tobytes(), strict=True)
        assert sum(abs(a - b) for a, b in pairs) / 1200 < 8


def test_the_truth_is_where_it_says(card: tuple[Path, list[Photo]]) -> None:
    """A code is black and white; where the truth says there is one, there is."""
    found = 0
    for data, photo in _good(card):
        upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        for mark in photo.marks:
            assert mark.x >= 0
            assert mark.y >= 0
            assert mark.x + mark.w <= upright.width
            assert mark.y + mark.h <= upright.height
            if mark.category == "code":
                crop = upright.convert("L").crop((mark.x, mark.y, mark.x + mark.w, mark.y + mark.h))
                histogram = crop.histogram()
                assert sum(histogram[:70]) + sum(histogram[185:]) > 0.7 * crop.width * crop.height
                found += 1
            if mark.category == "text":
                assert PATIENT in mark.text
    assert found >= 2


def test_bad_files(card: tuple[Path, list[Photo]]) -> None:
    root, made = card
    bad = {photo.scene: root / photo.path for photo in made if photo.scene not in SCENES}
    assert set(bad) == set(BAD_KINDS)
    assert not bad["truncated"].read_bytes().endswith(b"\xff\xd9")
    assert bad["empty"].stat().st_size == 0
    with Image.open(bad["png"]) as image:
        image.load()
        assert image.format == "PNG"
    assert bad["noise"].stat().st_size == 3000
    assert bad["video"].read_bytes()[4:8] == b"ftyp"
    assert "\n" in bad["newline"].name


def test_the_truth_is_not_on_the_card(card: tuple[Path, list[Photo]]) -> None:
    root, made = card
    assert {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()} == {
        "names.json",
        *(photo.path for photo in made),
    }

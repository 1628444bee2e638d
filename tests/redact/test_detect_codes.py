"""Codes: every kind, at any angle, read or not; and what only looks like one."""

from __future__ import annotations

import numpy as np
import pytest
import zxingcpp
from PIL import Image, ImageDraw, ImageFilter

from medkiosk.core.photo import Box
from medkiosk.redact.detect.codes import CodeDetector
from medkiosk.redact.detect.hit import Hit
from medkiosk.redact.pixels import Pixels
from medkiosk.redact.policy import default_text, parse_policy
from medkiosk.redact.region import pad, share_covered
from tests.redact import degrade
from tests.redact.scenes import skin, with_mole, with_qr, with_text

_POLICY = parse_policy(default_text()).codes
_BARS = {
    "Code128": "MRN00471193",
    "Code39": "MRN4711",
    "Code93": "MRN4711",
    "ITF": "00471193",
    "EAN13": "400638133393",
    "UPCA": "03600029145",
    "Codabar": "A00471193B",
}
_SQUARES = {
    "QRCode": "MRN 00471193",
    "MicroQRCode": "00471193",
    "DataMatrix": "MRN 00471193",
    "Aztec": "MRN 4711",
}


@pytest.fixture(scope="module")
def codes() -> CodeDetector:
    return CodeDetector(_POLICY)


def grey(image: Image.Image) -> Pixels:
    return np.ascontiguousarray(np.asarray(image.convert("L")))


def symbol(kind: str, content: str, module: int) -> Image.Image:
    """A code with its quiet zone, black on white."""
    code = zxingcpp.create_barcode(content, zxingcpp.barcode_format_from_str(kind))
    dots = np.asarray(zxingcpp.write_barcode_to_image(code, scale=1, add_quiet_zones=False))
    if kind in _BARS:
        dots = np.repeat(dots[dots.shape[0] // 2][None], 30, axis=0)
    dots = np.pad(dots, ((4, 4), (10, 10)), constant_values=255)
    size = (dots.shape[1] * module, dots.shape[0] * module)
    return Image.fromarray(dots).resize(size, Image.Resampling.NEAREST)


def stuck(ground: Image.Image, code: Image.Image, at: tuple[int, int], angle: float, blur: float = 0) -> Box:
    """Stick a code on; the box of the whole label when it is level, of its middle when it is turned."""
    if blur:
        code = code.filter(ImageFilter.GaussianBlur(blur))
    label = code.convert("RGBA").rotate(angle, expand=True, resample=Image.Resampling.BICUBIC)
    ground.paste(label, at, label)
    side = min(code.size) // 2
    middle = (at[0] + label.width // 2, at[1] + label.height // 2)
    return Box(middle[0] - side // 2, middle[1] - side // 2, side, side)


def covered(box: Box, hits: list[Hit]) -> float:
    return share_covered(box, [pad(hit.box, _POLICY.padding) for hit in hits])


@pytest.mark.parametrize("module", [3, 8])
def test_codes_are_found_at_full_size_and_padded(codes: CodeDetector, module: int) -> None:
    ground = skin(4000, 3000)
    code = with_qr(ground, "encounter 7f3a9c", module, (2500, 1500))
    hits = codes.find(np.ascontiguousarray(np.asarray(ground)[:, :, ::-1]))
    assert len(hits) == 1
    assert hits[0].confidence == 1000
    assert covered(code, hits) == 1
    assert codes.find(grey(ground)) == hits


def test_a_quick_look_finds_what_is_not_tiny(codes: CodeDetector) -> None:
    ground = skin(2400, 1800)
    code = with_qr(ground, "encounter 7f3a9c", 8, (1500, 800))
    assert covered(code, codes.find(grey(ground), quick=True)) == 1


@pytest.mark.parametrize("angle", [0, 33, 90, 180, 250])
def test_bar_codes_of_every_kind_at_any_angle(codes: CodeDetector, angle: int) -> None:
    ground = skin(4000, 3000)
    places = [(120 + 950 * (i % 4), 200 + 1000 * (i // 4)) for i in range(len(_BARS))]
    middles = [
        stuck(ground, symbol(kind, content, 4), at, angle + 3 * i, 0.8)
        for i, ((kind, content), at) in enumerate(zip(_BARS.items(), places, strict=True))
    ]
    hits = codes.find(grey(ground))
    assert [covered(middle, hits) for middle in middles] == [1] * len(_BARS)


def test_codes_light_on_dark(codes: CodeDetector) -> None:
    ground = Image.new("L", (2600, 1800), 20)
    kinds = [*list(_SQUARES.items())[:1], *list(_SQUARES.items())[2:], ("Code128", "MRN00471193")]
    middles = [
        stuck(
            ground,
            symbol(kind, content, 5).point(lambda level: 235 - level * 215 // 255),
            (100 + 600 * i, 300),
            0,
        )
        for i, (kind, content) in enumerate(kinds)
    ]
    hits = codes.find(grey(ground))
    assert [covered(middle, hits) for middle in middles] == [1] * len(kinds)


@pytest.mark.parametrize("kind", list(_SQUARES))
def test_square_codes_turned(codes: CodeDetector, kind: str) -> None:
    ground = skin(2600, 1800)
    middle = stuck(ground, symbol(kind, _SQUARES[kind], 4), (1500, 900), 25, 0.8)
    assert covered(middle, codes.find(grey(ground))) == 1


def test_an_unreadable_code_is_found_too(codes: CodeDetector) -> None:
    ground = skin(800, 600)
    code = with_qr(ground, "encounter 7f3a9c and some more to fill it", 6, (200, 150))
    # Data modules painted over: the finder patterns are there, the content cannot be read.
    middle = (code.x + code.w // 3, code.y + code.h // 3)
    ground.paste((250, 250, 250), (*middle, code.x + code.w - 8, code.y + code.h - 8))
    hits = codes.find(grey(ground))
    assert [hit.confidence for hit in hits] == [500]
    assert covered(code, hits) > 0.95


def test_a_bar_code_too_damaged_to_be_read_is_found(codes: CodeDetector) -> None:
    """Half of its bars are under a plaster, in every row."""
    ground = skin(2600, 1800)
    code = symbol("Code128", "MRN00471193AB 12345", 5)
    middle = (2 * code.width // 3, 0, code.width, code.height)
    code.paste(255, middle)
    rest = Box(1000 + 50, 700 + 20, code.width // 2, code.height - 40)
    stuck(ground, code, (1000, 700), 0)
    hits = codes.find(grey(ground))
    assert [hit.confidence for hit in hits] == [500]
    assert covered(rest, hits) == 1


@pytest.mark.parametrize(
    ("kind", "content"), [("PDF417", "MRN00471193 SMITH JANE"), ("DataMatrix", "MRN 4711" * 6)]
)
def test_a_code_that_is_scratched_all_over_is_found(codes: CodeDetector, kind: str, content: str) -> None:
    ground = skin(2600, 1800)
    code = symbol(kind, content, 5)
    draw = ImageDraw.Draw(code)
    for x in range(30, code.width, 35):
        draw.line((x, 20, x + 20, code.height - 20), fill=255, width=3)
    middle = stuck(ground, code, (1200, 700), 20, 1.5)
    pixels = grey(ground)
    assert not zxingcpp.read_barcodes(pixels)
    hits = codes.find(pixels)
    assert [hit.confidence for hit in hits] == [500]
    assert covered(middle, hits) == 1


@pytest.mark.parametrize("angle", [0, 30, 200])
def test_a_short_and_blurred_bar_code_is_found(codes: CodeDetector, angle: int) -> None:
    ground = skin(2600, 1800)
    middle = stuck(ground, symbol("ITF", "004711", 6), (1200, 700), angle, 3)
    hits = codes.find(grey(ground))
    assert len(hits) == 1
    assert covered(middle, hits) == 1


@pytest.mark.parametrize("patch", [30, 120])
def test_a_colour_chart_is_no_code(codes: CodeDetector, patch: int) -> None:
    ground = np.array(skin(2800, 2000))[:, :, ::-1]
    charted = degrade.laid_on(ground, degrade.chart(patch), 12, np.random.default_rng(3))
    assert codes.find(charted) == []


def ruler(ground: Image.Image, at: tuple[int, int]) -> None:
    """A white ruler with a line every 12 pixels, long ones every tenth."""
    draw = ImageDraw.Draw(ground)
    draw.rectangle((*at, at[0] + 1500, at[1] + 160), fill=(240, 240, 236))
    for i in range(121):
        x = at[0] + 24 + 12 * i
        draw.line((x, at[1], x, at[1] + (110 if i % 10 == 0 else 70)), fill=(20, 20, 20), width=3)


def test_what_only_looks_like_a_code_is_left_alone(codes: CodeDetector) -> None:
    ground = skin(3000, 2000)
    ruler(ground, (200, 150))
    with_text(ground, "Illinois minimum 1111 llll", 70, (300, 500))
    with_mole(ground, 80, (2300, 1300), (95, 60, 40))
    draw = ImageDraw.Draw(ground)
    for i in range(60):  # striped cloth
        draw.rectangle((200 + 20 * i, 1000, 209 + 20 * i, 1500), fill=(60, 70, 120))
    assert codes.find(grey(ground)) == []


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_no_code(codes: CodeDetector, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (900, 2200)).astype(np.uint8)
    assert codes.find(noise) == []


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (8, 8), (2001, 5)])
def test_any_size_is_looked_at(codes: CodeDetector, size: tuple[int, int]) -> None:
    assert codes.find(np.full(size, 128, np.uint8)) == []
    assert codes.find(np.full((*size, 3), 128, np.uint8)) == []

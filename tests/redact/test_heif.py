from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medkiosk.core.photo import RedactCode
from medkiosk.redact.container.heif import decode_heif, read_layout
from medkiosk.redact.container.hevc import Hevc, Picture, coded_size
from medkiosk.redact.container.ycbcr import Colour, to_bgr
from medkiosk.redact.errors import ContainerError
from medkiosk.redact.icc import ColourSpace, profile_of
from medkiosk.redact.pixels import Pixels
from tests.redact.containers import box, full, heif, imir, irot, nclx, ramp
from tests.redact.hevc_pcm import Plane, parameter_sets
from tests.shared import shared

PLANES = ramp(96, 64)
PLAIN = heif(PLANES)
GRID = heif(PLANES, grid=(3, 2))
PQ = nclx(9, 16, 9)
SRGB = Colour()


@pytest.fixture(scope="module")
def hevc() -> Hevc:
    return Hevc()


def decode(data: bytes, hevc: Hevc) -> Pixels:
    return decode_heif(memoryview(data), 1_000_000, 2000, hevc)


def code_of(data: bytes, hevc: Hevc) -> RedactCode:
    with pytest.raises(ContainerError) as caught:
        decode(data, hevc)
    return caught.value.code


def shown(planes: list[Plane], depth: int = 10, colour: Colour = SRGB) -> Pixels:
    return to_bgr(Picture(tuple(planes), depth), colour)


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:2:2", "4:4:4"])
@pytest.mark.parametrize("depth", [8, 10, 12])
@pytest.mark.parametrize("grid", [None, (1, 1), (2, 1), (3, 2)])
def test_every_sample_is_in_its_place(
    hevc: Hevc, subsampling: str, depth: int, grid: tuple[int, int] | None
) -> None:
    planes = ramp(96, 64, subsampling, depth)
    data = heif(planes, subsampling, depth, grid=grid)
    assert (decode(data, hevc) == shown(planes, depth)).all()


def test_grey(hevc: Hevc) -> None:
    assert (decode(heif(PLANES[:1], "4:0:0", grid=(2, 2)), hevc) == shown(PLANES[:1])).all()


def test_tiles_that_reach_over_the_edge_are_cut(hevc: Hevc) -> None:
    data = heif(PLANES, grid=(3, 2), size=(70, 41))
    pixels = decode(data, hevc)
    assert pixels.shape == (41, 70, 3)
    assert (pixels[:, :69] == shown(PLANES)[:41, :69]).all()  # the last column has no chroma to its right


@pytest.mark.parametrize("grid", [None, (3, 2)])
def test_turned_and_mirrored_once_in_the_order_of_the_file(hevc: Hevc, grid: tuple[int, int] | None) -> None:
    upright = shown(PLANES)
    for quarters in range(4):
        turned = decode(heif(PLANES, grid=grid, properties=[nclx(), irot(quarters)]), hevc)
        assert (turned == np.rot90(upright, quarters)).all()
    left_right = decode(heif(PLANES, grid=grid, properties=[nclx(), imir(0)]), hevc)
    assert (left_right == upright[:, ::-1]).all()
    top_bottom = decode(heif(PLANES, grid=grid, properties=[imir(1), nclx()]), hevc)
    assert (top_bottom == upright[::-1]).all()
    first_turned = decode(heif(PLANES, grid=grid, properties=[irot(1), imir(0), nclx()]), hevc)
    assert (first_turned == np.rot90(upright)[:, ::-1]).all()
    first_mirrored = decode(heif(PLANES, grid=grid, properties=[imir(0), irot(1), nclx()]), hevc)
    assert (first_mirrored == np.rot90(upright[:, ::-1])).all()


def test_high_dynamic_range_as_the_camera_writes_it(hevc: Hevc) -> None:
    data = heif(PLANES, grid=(2, 2), properties=[PQ, irot(0)])
    assert (decode(data, hevc) == shown(PLANES, colour=Colour(9, 16, 9))).all()


@pytest.mark.parametrize("space", [ColourSpace.SRGB, ColourSpace.DISPLAY_P3, ColourSpace.ADOBE_RGB])
def test_a_profile_counts_more_than_the_numbers(hevc: Hevc, space: ColourSpace) -> None:
    profile = profile_of(space)
    if space is ColourSpace.SRGB:
        assert not profile
        return
    data = heif(PLANES, properties=[nclx(1, 1, 1), box(b"colr", b"prof", profile)])
    if space is ColourSpace.DISPLAY_P3:
        assert (decode(data, hevc) == shown(PLANES, colour=Colour(12, 13, 1))).all()
    else:
        assert code_of(data, hevc) is RedactCode.COLOUR_SPACE


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (heif(PLANES, properties=[nclx(9, 18, 9)]), RedactCode.COLOUR_SPACE),
        (heif(PLANES, properties=[box(b"colr", b"prof", b"unknown")]), RedactCode.COLOUR_SPACE),
        (heif(PLANES, properties=[box(b"what")]), RedactCode.UNSUPPORTED),
        (heif(PLANES, optional=[box(b"clap", bytes(32))]), RedactCode.UNSUPPORTED),
        (PLAIN.replace(b"hvc1", b"av01"), RedactCode.UNSUPPORTED),
        (GRID.replace(b"grid", b"iovl"), RedactCode.UNSUPPORTED),
        (box(b"ftyp", b"heic\0\0\0\0") + box(b"moov"), RedactCode.UNSUPPORTED),
        (box(b"ftyp", b"heic\0\0\0\0"), RedactCode.TRUNCATED),
        (box(b"ftyp", b"heic\0\0\0\0") + full(b"meta"), RedactCode.TRUNCATED),
        (heif(PLANES, said=(96, 80)), RedactCode.TRUNCATED),
        (heif(PLANES, said=(4096, 64)), RedactCode.TOO_LARGE),
        (heif(PLANES, said=(1500, 1500)), RedactCode.TOO_LARGE),
        (heif(PLANES, said=(0, 64)), RedactCode.TRUNCATED),
        (heif(PLANES, grid=(3, 2), said=(16, 16)), RedactCode.TRUNCATED),
        (heif(PLANES, grid=(3, 2), size=(1900, 64)), RedactCode.TRUNCATED),
        (heif(PLANES, grid=(3, 2), size=(60, 64)), RedactCode.TRUNCATED),
        (heif(PLANES, grid=(3, 2), size=(1 << 15, 1 << 15)), RedactCode.TOO_LARGE),
        (PLAIN[:-1], RedactCode.TRUNCATED),
        (PLAIN[: PLAIN.index(b"mdat") - 4], RedactCode.TRUNCATED),
        (GRID[: len(GRID) // 2], RedactCode.TRUNCATED),
        (PLAIN.replace(b"pitm\0\0\0\0\0\1", b"pitm\0\0\0\0\0\7"), RedactCode.TRUNCATED),
    ],
)
def test_what_is_refused(hevc: Hevc, data: bytes, code: RedactCode) -> None:
    assert code_of(data, hevc) is code


def test_an_unknown_property_that_is_not_essential_is_passed_over(hevc: Hevc) -> None:
    data = heif(PLANES, optional=[box(b"what"), full(b"pixi", b"\3\x0a\x0a\x0a")])
    assert (decode(data, hevc) == shown(PLANES)).all()


def test_the_picture_is_measured_before_it_is_decoded(hevc: Hevc) -> None:
    with pytest.raises(ContainerError) as caught:
        decode_heif(memoryview(PLAIN), 96 * 64 - 1, 96, hevc)
    assert caught.value.code is RedactCode.TOO_LARGE
    with pytest.raises(ContainerError) as caught:
        decode_heif(memoryview(PLAIN), 96 * 64, 95, hevc)
    assert caught.value.code is RedactCode.TOO_LARGE
    assert decode_heif(memoryview(PLAIN), 96 * 64, 96, hevc).shape == (64, 96, 3)


def test_a_larger_picture_inside_than_the_file_says_is_not_decoded(hevc: Hevc) -> None:
    small = parameter_sets((96, 64), "4:2:2", 10)[1]
    large = parameter_sets((16384, 16384), "4:2:2", 10)[1]
    assert coded_size(memoryview(small)) == (96, 64)
    assert coded_size(memoryview(large)) == (16384, 16384)
    swapped = PLAIN.replace(small, large[: len(small)].ljust(len(small), b"\0"))
    assert swapped != PLAIN
    assert code_of(swapped, hevc) is RedactCode.TRUNCATED


def with_unit(unit: bytes) -> bytes:
    """A picture with one more unit in its configuration."""
    data = heif(PLANES, optional=[box(b"free", bytes(len(unit) + 5))])
    at = data.index(b"hvcC") + 4 + 22
    end = data.index(b"ispe") - 4
    record = bytes([4]) + data[at + 1 : end] + bytes([unit[0] >> 1]) + struct.pack(">HH", 1, len(unit)) + unit
    grown = data[:at] + record + data[end:]
    start = data.index(b"hvcC") - 4
    size = struct.pack(">I", int.from_bytes(data[start : start + 4], "big") + len(unit) + 5)
    grown = grown[:start] + size + grown[start + 4 :]
    free = box(b"free", bytes(len(unit) + 5))
    return grown.replace(free, box(b"free"))


def test_units_of_a_film_are_refused(hevc: Hevc) -> None:
    assert (decode(with_unit(b"\x4e\x01" + b"\x05\x01\x00\x80"), hevc) == shown(PLANES)).all()  # SEI
    assert code_of(with_unit(b"\x02\x01" + bytes(20)), hevc) is RedactCode.UNSUPPORTED  # a dependent picture
    assert code_of(with_unit(b"\x02"), hevc) is RedactCode.TRUNCATED


def test_counts_that_lie_are_refused(hevc: Hevc) -> None:
    for name, offset, value in (
        (b"ipma", 8, b"\xff\xff\xff\xff"),
        (b"iloc", 10, b"\xff\xff"),
        (b"hvcC", 26, b"\xff"),
        (b"dimg", 6, b"\xff\xff"),
        (b"idat", 6, b"\xff\xff"),
    ):
        at = GRID.index(name) + offset
        broken = GRID[:at] + value + GRID[at + len(value) :]
        assert code_of(broken, hevc) in {RedactCode.TRUNCATED, RedactCode.UNSUPPORTED}, name


def test_tiles_that_share_their_data_are_refused(hevc: Hevc) -> None:
    at = GRID.index(b"iloc") + 12 + 16
    shared_data = GRID
    for index in range(6):
        place = at + 16 * index + 8
        shared_data = shared_data[:place] + struct.pack(">II", 0, len(GRID)) + shared_data[place + 8 :]
    assert code_of(shared_data, hevc) is RedactCode.TRUNCATED


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_mutations_of_the_boxes_are_read_or_refused(hevc: Hevc, data: st.DataObject) -> None:
    mutated = bytearray(GRID)
    head = GRID.index(b"mdat")
    for _ in range(data.draw(st.integers(1, 6))):
        mutated[data.draw(st.integers(0, head - 1))] = data.draw(st.integers(0, 255))
    try:
        layout = read_layout(memoryview(bytes(mutated)), 1_000_000, 2000)
    except ContainerError:
        return
    assert layout.size.width * layout.size.height <= 1_000_000
    assert sum(len(tile.data) for tile in layout.tiles) <= len(mutated)


@pytest.mark.parametrize(("name", "size"), [("Canon.HIF", (2400, 1600)), ("Sony.HIF", (8640, 5760))])
def test_real_files(hevc: Hevc, name: str, size: tuple[int, int]) -> None:
    folder = shared("eval/formats")
    if folder is None:
        pytest.skip("the camera files are not there")
    data = (folder / name).read_bytes()
    layout = read_layout(memoryview(data), 64_000_000, 16384)
    assert layout.size == size
    assert layout.colour == (Colour(9, 16, 9) if name == "Canon.HIF" else Colour(1, 13, 5))
    if name == "Canon.HIF":
        pixels = decode_heif(memoryview(data), 64_000_000, 16384, hevc)
        assert pixels.shape == (1600, 2400, 3)
        at = data.index(b"irot") + 4
        turned = data[:at] + b"\3" + data[at + 1 :]
        assert (decode_heif(memoryview(turned), 64_000_000, 16384, hevc) == np.rot90(pixels, 3)).all()
    with pytest.raises(ContainerError) as caught:
        read_layout(memoryview(data), size[0] * size[1] - 1, 16384)
    assert caught.value.code is RedactCode.TOO_LARGE
    for length in (40, 1000, len(data) // 2, len(data) - 1):
        with pytest.raises(ContainerError) as caught:
            decode_heif(memoryview(data)[:length], 64_000_000, 16384, hevc)
        assert caught.value.code is RedactCode.TRUNCATED


def test_it_decodes_in_the_sandbox_of_a_worker_on_one_thread(tmp_path: Path) -> None:
    names = []
    for index, data in enumerate((PLAIN, GRID, heif(PLANES, properties=[PQ, irot(1)]), GRID[:-1])):
        names.append(tmp_path / f"{index}.hif")
        names[-1].write_bytes(data)
    folder = shared("eval/formats")
    if folder is not None:
        names.append(folder / "Canon.HIF")
    script = Path(__file__).with_name("shut_in.py")
    ran = subprocess.run(
        [sys.executable, str(script), *map(str, names)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    expected = ["96x64", "96x64", "64x96", "TRUNCATED", "2400x1600"]
    assert ran.stdout.split("\n")[:-1] == expected[: len(names)]


def test_a_damaged_picture_is_found_out(hevc: Hevc) -> None:
    """Only what the decoder notices: of HEVC, like of JPEG, not every changed bit is."""
    at = PLAIN.index(b"mdat") + 4 + 4 + 8
    cut = PLAIN[:at] + bytes(len(PLAIN) - at)
    assert code_of(cut, hevc) is RedactCode.TRUNCATED

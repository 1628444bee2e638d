"""Where one looks: every pixel can be reached, and no part lies outside of the photo."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from medkiosk.console.zoom import (
    LARGEST,
    Recent,
    centre_of,
    drawing,
    into,
    levels,
    onto,
    panned,
    turned,
    visible,
)
from medkiosk.core.photo import Box

sides = st.integers(1, 12_000)
sizes = st.tuples(sides, sides)
areas = st.tuples(st.integers(1, 4000), st.integers(1, 2200))
places = st.tuples(st.integers(-20_000, 20_000), st.integers(-20_000, 20_000))
CAMERA = (5472, 3648)
SCREEN = (1000, 800)


def inside(box: Box, full: tuple[int, int]) -> bool:
    return box.x >= 0 and box.y >= 0 and box.x + box.w <= full[0] and box.y + box.h <= full[1]


def test_a_camera_s_photo_is_doubled_and_then_shown_pixel_by_pixel() -> None:
    whole, twice, full = levels(CAMERA, SCREEN)
    assert (whole, twice, full) == (1000 / 5472, 2000 / 5472, 1.0)
    part = visible(CAMERA, SCREEN, full, (2000, 2000))
    assert (part.w, part.h) == SCREEN
    assert drawing(part, SCREEN) == SCREEN
    assert centre_of(part) == (2000, 2000)


def test_a_small_photo_has_nothing_closer() -> None:
    assert levels((900, 600), (1000, 800)) == (min(1000 / 900, 800 / 600),)


@given(sizes, areas)
def test_levels_rise_to_full_resolution(full: tuple[int, int], area: tuple[int, int]) -> None:
    scales = levels(full, area)
    assert list(scales) == sorted(set(scales))
    assert scales[-1] >= 1
    assert all(scale < 1 for scale in scales[:-1])


@given(sizes, areas, places)
def test_every_part_lies_inside_and_is_never_enlarged_by_the_daemon(
    full: tuple[int, int], area: tuple[int, int], centre: tuple[int, int]
) -> None:
    for scale in levels(full, area)[1:]:
        part = visible(full, area, scale, centre)
        assert inside(part, full)
        width, height = drawing(part, area)
        assert 1 <= width <= min(part.w, LARGEST)
        assert 1 <= height <= min(part.h, LARGEST)


@given(sizes, areas, places)
def test_panning_reaches_every_border_and_stops_there(
    full: tuple[int, int], area: tuple[int, int], centre: tuple[int, int]
) -> None:
    scale = levels(full, area)[-1]
    part = visible(full, area, scale, centre)
    for right, down in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        seen = part
        for _ in range(4 * max(full) // max(min(part.w, part.h), 1) + 8):
            moved = visible(full, area, scale, panned(seen, full, right, down))
            if moved == seen:
                break
            assert moved.x - seen.x <= seen.w
            assert moved.y - seen.y <= seen.h
            seen = moved
        border = {(1, 0): seen.x + seen.w == full[0], (-1, 0): seen.x == 0}
        border |= {(0, 1): seen.y + seen.h == full[1], (0, -1): seen.y == 0}
        assert border[right, down] or min(part.w, part.h) < 2


@given(
    st.tuples(st.integers(1, 400), st.integers(1, 400)),
    st.tuples(st.integers(20, 90), st.integers(20, 90)),
    places,
    st.sampled_from([1, -1]),
)
def test_part_by_part_every_pixel_is_seen(
    full: tuple[int, int], area: tuple[int, int], centre: tuple[int, int], by: int
) -> None:
    part = visible(full, area, 1.0, centre)
    _, _, total = turned(part, full, by)
    across, down, numbers = set[int](), set[int](), set[int]()
    for _ in range(total):
        middle, number, _ = turned(part, full, by)
        part = visible(full, area, 1.0, middle)
        numbers.add(number)
        across.update(range(part.x, part.x + part.w))
        down.update(range(part.y, part.y + part.h))
    assert numbers == set(range(1, total + 1))
    assert across == set(range(full[0]))
    assert down == set(range(full[1]))


def test_boxes_of_a_cropped_photo_are_shifted_and_those_outside_left_out() -> None:
    crop = Box(1000, 800, 640, 480)
    assert onto(Box(1100, 900, 50, 60), crop) == Box(100, 100, 50, 60)
    assert onto(Box(900, 700, 200, 200), crop) == Box(-100, -100, 200, 200)
    assert onto(Box(0, 0, 1000, 3000), crop) is None
    assert onto(Box(0, 1280, 3000, 10), crop) is None
    assert onto(Box(0, 0, 10, 10), None) == Box(0, 0, 10, 10)
    assert into((100, 100), crop) == (1100, 900)
    assert into((100, 100), None) == (100, 100)


def test_only_the_last_few_parts_are_kept() -> None:
    recent = Recent[int](2)
    parts = [Box(n, 0, 10, 10) for n in range(3)]
    recent.put(parts[0], (10, 10), 0)
    recent.put(parts[1], (10, 10), 1)
    assert recent.get(parts[0], (10, 10)) == 0
    recent.put(parts[2], (10, 10), 2)
    assert recent.get(parts[1], (10, 10)) is None
    assert recent.get(parts[0], (10, 10)) == 0
    assert recent.get(parts[0], (9, 10)) is None
    recent.clear()
    assert recent.get(parts[2], (10, 10)) is None

"""Looking closer: parts of what leaves, at full resolution, asked for as they are looked at."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from textual.pilot import Pilot

from medkiosk.console.drawing import sixel
from medkiosk.console.drawing.shapes import Outline, Stroke, View
from medkiosk.console.masks import lesion
from medkiosk.console.messages import PartLoaded
from medkiosk.console.widgets.photo import PhotoView, Tile
from medkiosk.core.ids import AccountId
from medkiosk.core.photo import Box, Decision, ReviewState
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.state import FOUND, FULL, STRIPES
from tests.console.test_screens import review_screen, reviewing
from tests.console.test_sixel import decode

Rgb = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


def view_of(pilot: Pilot[Any]) -> PhotoView:
    return pilot.app.screen.query_one(PhotoView)


async def until_sharp(pilot: Pilot[Any]) -> None:
    """What is looked at is on the screen, from pixels of full resolution."""
    view = view_of(pilot)

    def painted() -> bool:
        frame = view._frame
        return bool(
            view.wanted
            and frame
            and frame.source.box == view.part
            and not view._undrawn
            and not view._encoding
        )

    await flows.until(pilot, painted, "the part did not come")


def screen_pixels(pilot: Pilot[Any]) -> Rgb:
    """What the terminal shows of the photo, decoded from the tiles' sixels: RGB."""
    rows: dict[int, list[tuple[int, Rgb]]] = {}
    for tile in view_of(pilot).query(Tile):
        registers, indices = decode(tile.sixels)
        percent = np.zeros((256, 3))
        for number, value in registers.items():
            percent[number] = value
        rgb = np.rint(percent[indices] * 2.55).astype(np.uint8)
        rows.setdefault(tile.region.y, []).append((tile.region.x, rgb))
    bands = [np.concatenate([rgb for _, rgb in sorted(row, key=lambda each: each[0])], axis=1)
             for _, row in sorted(rows.items())]  # fmt: skip
    whole: Rgb = np.concatenate(bands)
    return whole


async def test_at_a_hundred_per_cent_each_pixel_of_what_leaves_is_on_the_screen(
    running: RunningKiosk,
) -> None:
    async with reviewing(running) as pilot:
        await pilot.press("1")
        await until_sharp(pilot)
        for _ in range(12):
            await pilot.press("ctrl+right", "ctrl+down")
        await until_sharp(pilot)
        await flows.until_text(pilot, "CLOSER: 100 % of full resolution")
        part = view_of(pilot).part
        assert (part.x + part.w, part.y + part.h) == FULL
        shown = screen_pixels(pilot)
        assert shown.shape[:2] == (part.h, part.w), "one screen pixel for each of the photo's"
        corner = shown[STRIPES.y - part.y + 8 : STRIPES.y - part.y + 100, STRIPES.x - part.x + 8 :]
        even, odd = corner[:, 0::2].astype(int), corner[:, 1::2].astype(int)
        assert abs(even.mean() - odd.mean()) > 200, "columns of one pixel run together"
        assert running.kiosk.parts[-1] == part


async def test_until_a_part_comes_the_preview_is_stretched(running: RunningKiosk) -> None:
    async with reviewing(running) as pilot:
        running.kiosk.part_answers.clear()
        await pilot.press("1")
        await flows.until_text(pilot, "full resolution, coming")
        view = view_of(pilot)
        await flows.until(pilot, lambda: view._frame and view._frame.view.w < 912, "not stretched")
        assert not view.sharp
        running.kiosk.part_answers.set()
        await until_sharp(pilot)
        assert "coming" not in flows.text(pilot)


async def test_of_many_parts_passed_by_only_the_last_is_asked_for_and_all_are_kept(
    running: RunningKiosk,
) -> None:
    async with reviewing(running) as pilot:
        running.kiosk.part_answers.clear()
        await pilot.press("1")
        await flows.until(pilot, lambda: running.kiosk.parts, "not asked")
        await pilot.press("ctrl+right", "ctrl+right", "ctrl+down", "ctrl+down")
        running.kiosk.part_answers.set()
        await until_sharp(pilot)
        first, *others = running.kiosk.parts
        assert len(others) < 4
        assert others[-1] == view_of(pilot).part
        await pilot.press("ctrl+left", "ctrl+left", "ctrl+up", "ctrl+up")
        await until_sharp(pilot)
        assert view_of(pilot).part == first
        assert running.kiosk.parts.count(first) == 1, "asked for again what was still here"


async def test_a_part_of_another_photo_or_revision_is_dropped(running: RunningKiosk) -> None:
    async with reviewing(running) as pilot:
        await pilot.press("1")
        await until_sharp(pilot)
        view = view_of(pilot)
        before = view._parts.get(*view.wanted or (Box(0, 0, 1, 1), (1, 1)))
        assert view.wanted is not None
        part, size = view.wanted
        black = bytes(size[0] * size[1] * 3)
        assert view._picture is not None
        for strange in (
            msgspec.structs.replace(view._picture, revision=7, width=size[0], height=size[1]),
            msgspec.structs.replace(
                view._picture, capture_id=list(running.kiosk.photos)[1], width=size[0], height=size[1]
            ),
        ):
            review_screen(pilot).post_message(PartLoaded(part, size, (strange, black)))
        await pilot.pause(0.2)
        assert view._parts.get(part, size) is before
        await pilot.press("n")
        await flows.until_text(pilot, "photo 2 of 3")
        await flows.until_text(pilot, "READY")
        assert view.levels[0] < 1
        assert view._parts.get(part, size) is None, "parts of the photo that was left are still here"


async def test_a_part_that_is_refused_says_so_and_stays_stretched(running: RunningKiosk) -> None:
    async with reviewing(running) as pilot:
        photo = next(iter(running.kiosk.photos.values()))
        photo.info = msgspec.structs.replace(photo.info, revision=9)
        await pilot.press("1")
        await flows.until_text(pilot, "NOT DONE: There is a newer revision of this photo.")
        assert "full resolution, coming" in flows.text(pilot)
        await pilot.pause(0.3)
        assert len(running.kiosk.parts) == 1, "asked again and again"


async def test_a_photo_that_was_seen_in_parts_only_is_not_approved(running: RunningKiosk) -> None:
    async with reviewing(running) as pilot:
        await pilot.press("1")
        await until_sharp(pilot)
        await pilot.press("m", "s")
        await flows.until_text(pilot, "revision 2")
        await until_sharp(pilot)
        await flows.until_text(pilot, "NOT TO BE APPROVED HERE: the whole photo was not on the screen yet.")
        for _ in range(40):
            await pilot.press("space")
        await until_sharp(pilot)
        await pilot.press("a")
        await flows.until_text(pilot, "NOT DONE: It cannot be approved: the whole photo")
        first = next(iter(running.kiosk.photos.values()))
        assert first.info.state is ReviewState.PROPOSED
        await pilot.press("0")
        await flows.until_text(pilot, "READY")
        await pilot.press("a")
        await flows.until_text(pilot, "IMG_0001: approved.")


async def test_going_on_part_by_part_shows_every_pixel(running: RunningKiosk) -> None:
    async with reviewing(running) as pilot:
        await pilot.press("space")
        await flows.until_text(pilot, "Part 1 of ")
        seen = np.zeros((FULL[1], FULL[0]), dtype=bool)
        total = int(flows.text(pilot).partition("Part 1 of ")[2].partition(".")[0])
        for number in range(1, total + 1):
            await flows.until_text(pilot, f"Part {number} of {total}.")
            part = view_of(pilot).part
            seen[part.y : part.y + part.h, part.x : part.x + part.w] = True
            await pilot.press("space")
        assert seen.all()
        await flows.until_text(pilot, f"Part 1 of {total}.")
        await pilot.press("backspace")
        await flows.until_text(pilot, f"Part {total} of {total}.")


async def test_a_mask_moved_out_of_sight_is_followed(running: RunningKiosk) -> None:
    async with reviewing(running) as pilot:
        await pilot.press("tab", "1")
        await until_sharp(pilot)
        before = view_of(pilot).part
        await pilot.press("left")
        assert view_of(pilot).part == before, "a mask in sight moves nothing else"
        for _ in range(40):
            await pilot.press("left")
        box = review_screen(pilot)._draft.findings[review_screen(pilot)._draft.selected].box
        part = view_of(pilot).part
        assert part.x < before.x
        assert part.x <= box.x + box.w // 2 < part.x + part.w


async def test_a_cropped_photo_is_looked_at_in_its_own_pixels(running: RunningKiosk) -> None:
    """Boxes are those of the whole picture; what is drawn and asked for is the crop alone."""
    first = next(iter(running.kiosk.photos.values()))
    crop = Box(800, 208, 1200, 960)
    mine = msgspec.structs.replace(lesion(crop, AccountId("")), decision=Decision.CROP, reviewer="f" * 32)
    first.findings = (*FOUND, mine)
    async with reviewing(running) as pilot:
        await flows.until_text(pilot, "CROPPED: only 1200 x 960 of 2736 x 1824 leaves")
        view = view_of(pilot)
        assert view._full == (1200, 960)
        boxes = [mark.box for mark in view._look.marks]
        assert boxes == [Box(100, 52, 640, 760), Box(0, 0, 1200, 960)], "the text lies outside"
        await pilot.press("tab")
        await flows.until_text(pilot, "It lies outside of the crop: it does not leave.")
        shown = screen_pixels(pilot)
        frame = view._frame
        assert frame is not None
        x = frame.place.left + round(420 * frame.place.width / 1200)
        y = frame.place.top + round(432 * frame.place.height / 960)
        assert shown[y, x].max() < 10, "the mask is where its outline is"
        await pilot.press("1")
        await until_sharp(pilot)
        part = running.kiosk.parts[-1]
        assert part.x + part.w <= 1200
        assert part.y + part.h <= 960


async def test_a_photo_with_nothing_closer_says_so(running: RunningKiosk) -> None:
    first = next(iter(running.kiosk.photos.values()))
    mine = lesion(Box(1600, 1200, 480, 320), AccountId(""))
    first.findings = (*FOUND, msgspec.structs.replace(mine, decision=Decision.CROP, reviewer="f" * 32))
    async with reviewing(running) as pilot:
        await pilot.press("z")
        await flows.until_text(pilot, "This photo is shown with all its pixels already.")
        assert running.kiosk.parts == []


def test_dashes_tell_what_is_suggested_from_what_is_masked() -> None:
    rgb = np.full((200, 300, 3), 120, dtype=np.uint8)
    base = sixel.placed(rgb, sixel.palette_of(rgb), View(0, 0, 300, 200), (300, 200))

    def edge(stroke: Stroke, *, strong: bool) -> list[int]:
        drawn = sixel.outlined(base, [Outline(40, 40, 200, 120, strong, stroke)])
        return [int(entry) for entry in drawn[40, 60:220]]

    solid, dashed = (edge(each, strong=False) for each in (Stroke.MASK, Stroke.SUGGESTED))
    assert set(solid) == {Stroke.MASK}
    assert set(dashed) == {Stroke.SUGGESTED, sixel.DARK}
    assert set(edge(Stroke.LESION, strong=False)) == {Stroke.LESION}
    assert set(edge(Stroke.LESION, strong=True)) == {sixel.LIGHT}
    chosen = edge(Stroke.SUGGESTED, strong=True)
    assert sixel.LIGHT in chosen
    assert len(set(chosen)) > 1, "the chosen suggestion is still dashed"

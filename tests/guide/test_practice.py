"""The practice: pictures of shapes on the real review screen, judged; the daemon hears nothing of it."""

from __future__ import annotations

import re
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medkiosk.console.masks import drawn
from medkiosk.console.practising import NotPractisedError, NotSoError, PracticeKiosk
from medkiosk.console.screens.practice import PracticeResultScreen, PracticeScreen
from medkiosk.core.ids import AccountId, CaptureId, is_id
from medkiosk.core.photo import Box, Category, Decision, Finding, ImageRole
from medkiosk.guide.practice import SCENES, hidden_share, judged
from medkiosk.guide.scene import FULL, Form, Outcome, Scene, Shape, draw
from medkiosk.review.gate import why_not_change
from tests.console import flows
from tests.console.conftest import running, socket_folder
from tests.console.kiosk import RunningKiosk
from tests.console.test_screens import PLAIN, console

__all__ = ["running", "socket_folder"]
WHOLE = Box(0, 0, *FULL)
ME = AccountId("1" * 32)
SQUARE = Scene("A square", (1, 2, 3), (Shape(Form.BOX, Box(0, 0, 1200, 800), (9, 9, 9)),), (), ())


def at(pixels: bytes, width: int, x: int, y: int) -> tuple[int, ...]:
    return tuple(pixels[3 * (y * width + x) :][:3])


def test_shapes_lie_where_they_are_said_to_lie() -> None:
    pixels = draw(SQUARE, WHOLE, 240, 160, [Box(0, 0, 10, 10), Box(2000, 1500, 900, 900)])
    assert len(pixels) == 240 * 160 * 3
    assert at(pixels, 240, 0, 0) == (0, 0, 0)
    assert at(pixels, 240, 1, 1) == at(pixels, 240, 119, 79) == (9, 9, 9)
    assert at(pixels, 240, 120, 79) == at(pixels, 240, 119, 80) == (1, 2, 3)
    assert at(pixels, 240, 239, 159) == (0, 0, 0)
    part = draw(SQUARE, Box(1100, 700, 200, 200), 200, 200, [])
    assert at(part, 200, 99, 99) == (9, 9, 9)
    assert at(part, 200, 100, 99) == (1, 2, 3)


@settings(deadline=None, max_examples=50)
@given(
    st.sampled_from(SCENES),
    st.integers(-50, 2500),
    st.integers(-50, 1700),
    st.integers(1, 2400),
    st.integers(1, 64),
    st.integers(1, 64),
)
def test_any_part_of_any_scene_has_the_size_that_was_asked_for(
    scene: Scene, x: int, y: int, side: int, width: int, height: int
) -> None:
    pixels = draw(scene, Box(x, y, side, side), width, height, [Box(x, y, side, side)])
    assert pixels == bytes(3 * width * height), "a mask over all of it leaves nothing"


def test_a_scene_is_drawn_fast_enough_for_a_key_press() -> None:
    began = time.process_time()
    for scene in SCENES:
        draw(scene, WHOLE, 1200, 800, [])
    assert (time.process_time() - began) / len(SCENES) < 0.15


def test_each_scene_has_something_to_see_and_things_lie_inside() -> None:
    for scene in SCENES:
        assert len(set(memoryview(draw(scene, WHOLE, 120, 80, [])).cast("B"))) > 4
        assert (scene.right is Outcome.APPROVED) == (not scene.why)
        assert bool(scene.things) == (scene.right is Outcome.APPROVED)
        for box in (*(thing.box for thing in scene.things), *(each.box for each in scene.found)):
            assert box.x >= 0
            assert box.y >= 0
            assert box.x + box.w <= FULL[0]
            assert box.y + box.h <= FULL[1]


def masked(scene: Scene, *more: Box) -> tuple[Finding, ...]:
    return (
        *(
            msgspec.structs.replace(each, decision=Decision.KEEP, reviewer=ME, reason="no face")
            if each.decision is Decision.SUGGEST
            else each
            for each in scene.found
        ),
        *(drawn(box, ME) for box in more),
    )


@pytest.mark.parametrize("scene", [s for s in SCENES if s.things], ids=lambda scene: scene.title)
def test_a_scene_as_it_was_found_is_not_right_and_with_its_masks_it_is(scene: Scene) -> None:
    assert judged(scene, Outcome.APPROVED, masked(scene), None)
    hide = [thing.box for thing in scene.things if thing.hide]
    right = masked(scene, *hide)
    assert judged(scene, Outcome.APPROVED, right, None) == ()
    assert why_not_change(right, width=FULL[0], height=FULL[1], reviewer=ME, before=scene.found) == ()
    assert judged(scene, Outcome.REJECTED, right, None)
    assert judged(scene, Outcome.SET_ASIDE, right, None)
    half = Box(hide[-1].x, hide[-1].y, hide[-1].w // 2, hide[-1].h)
    assert any(
        "make the mask larger" in words for words in judged(scene, Outcome.APPROVED, (drawn(half, ME),), None)
    )
    everything = judged(scene, Outcome.APPROVED, masked(scene, WHOLE), None)
    assert any("is about is hidden" in words for words in everything)
    assert any("Much more is masked" in words for words in everything)


@pytest.mark.parametrize("scene", [s for s in SCENES if not s.things], ids=lambda scene: scene.title)
def test_what_can_never_leave_is_not_approved(scene: Scene) -> None:
    assert judged(scene, Outcome.APPROVED, scene.found, None) == (scene.why,)
    assert judged(scene, scene.right, scene.found, None) == ()
    assert judged(scene, Outcome.REJECTED, scene.found, None) == ()


def test_a_crop_hides_what_it_cuts_off() -> None:
    box = Box(100, 100, 100, 100)
    assert hidden_share(box, [], WHOLE) == 0
    assert hidden_share(box, [], Box(500, 500, 100, 100)) == 1
    assert hidden_share(box, [Box(100, 100, 50, 100)], WHOLE) == 0.5
    assert hidden_share(box, [Box(100, 100, 50, 100)], Box(0, 0, 150, 1000)) == 1
    lesion = next(thing for thing in SCENES[0].things if not thing.hide).box
    assert judged(SCENES[0], Outcome.APPROVED, (), Box(lesion.x - 100, lesion.y - 100, 400, 250)) == ()


def test_the_practice_behaves_as_the_daemon_does() -> None:
    practice = PracticeKiosk()
    captures = practice.list_captures(None, None).captures
    assert len(captures) == len(SCENES)
    assert not any(is_id(each.capture_id) for each in captures), "no daemon takes such an id for a capture"
    first = captures[0].capture_id
    with pytest.raises(NotSoError, match="not looked"):
        practice.approve(first, 1)
    picture, pixels = practice.get_preview(first)
    assert picture.attachment == len(pixels) == 3 * picture.width * picture.height
    found = practice.change_masks(first, 1, masked(SCENES[0], SCENES[0].things[1].box))
    assert found.info.revision == 2
    with pytest.raises(NotSoError, match="newer"):
        practice.change_masks(first, 1, ())
    with pytest.raises(NotSoError):
        practice.approve(first, 2)
    practice.get_preview(first)
    part, _ = practice.get_part(first, 2, Box(1240, 880, 230, 120), 100, 100)
    assert (part.width, part.height) == (100, 52)
    practice.approve(first, 2)
    assert [each.said for each in practice.verdicts()] == [()]
    with pytest.raises(NotPractisedError):
        practice.get_capture(CaptureId("f" * 32))
    with pytest.raises(NotPractisedError):
        practice.export()
    with pytest.raises(NotPractisedError):
        practice.get_original(first, 2, WHOLE, 1, 1)


async def test_a_practice_through_the_review_screen_ends_with_what_was_wrong(running: RunningKiosk) -> None:
    async with console(running.path) as pilot:
        await pilot.press("o", "p")
        await flows.until_screen(pilot, "PracticeScreen")
        await flows.until_text(pilot, "PRACTICE, no patient")
        await flows.on_review(pilot)
        await pilot.pause(0.3)
        assert "NOT DONE" not in flows.text(pilot), "nothing that the screen asks by itself is refused"
        assert "these pictures are shapes" in flows.text(pilot)
        before = list(running.kiosk.calls)
        await pilot.press("a")  # as it was found: the tattooed name is to be read
        await flows.until_text(pilot, "photo 2 of 5")
        await flows.until(pilot, lambda: flows.seen(pilot), "not painted")
        await pilot.press("r")
        await flows.until_screen(pilot, "AskReason")
        await flows.type_text(pilot, "face")
        await pilot.press("enter")
        await flows.until_text(pilot, "photo 3 of 5")
        await flows.until(pilot, lambda: flows.seen(pilot), "not painted")
        await pilot.press("a")
        await flows.until_text(pilot, "1 suggestion undecided")
        screen = pilot.app.screen
        assert isinstance(screen, PracticeScreen)
        await pilot.press("k")
        await flows.keep_reason(pilot)
        await pilot.press("s")
        await flows.until_text(pilot, "revision 2")
        await flows.until(pilot, lambda: flows.seen(pilot), "not painted")
        await pilot.press("a")
        await flows.until_text(pilot, "photo 4 of 5")
        await pilot.press("r")
        await flows.until_screen(pilot, "AskReason")
        await flows.type_text(pilot, "the face is the lesion")
        await pilot.press("enter")
        await flows.until_text(pilot, "photo 5 of 5")
        await pilot.press("f")
        await flows.until_screen(pilot, "ChooseRole")
        await pilot.press("down", "down", "down", "enter")
        await flows.until(pilot, lambda: isinstance(pilot.app.screen, PracticeResultScreen), "no verdict")
        await flows.until_text(pilot, "2 of 5 photos right.")
        await flows.until_text(pilot, "A forearm: LOOK AGAIN Nobody masked the tattooed name.")
        await flows.until_text(pilot, "A shoulder: LOOK AGAIN It could have been approved")
        await flows.until_text(pilot, "A hand on a desk: LOOK AGAIN Nobody masked the address on the form.")
        await flows.until_text(pilot, "Both eyes: RIGHT")
        await flows.until_text(pilot, "A colour chart: RIGHT")
        assert running.kiosk.calls == before, "the daemon heard nothing of it"
        await pilot.press("a")
        await flows.until_screen(pilot, "PracticeScreen")


async def test_a_terminal_without_pictures_says_so(running: RunningKiosk) -> None:
    async with console(running.path, terminal=PLAIN) as pilot:
        await pilot.press("o", "p")
        await flows.until_text(pilot, "cannot show photos")


def test_the_roles_that_set_aside_are_those_of_the_kiosk() -> None:
    practice = PracticeKiosk()
    chart = practice.list_captures().captures[-1].capture_id
    for role in ImageRole:
        detail = practice.give_role(chart, role)
        assert bool(practice.verdicts()) == (role is not ImageRole.CLINICAL)
        assert detail.info.role is role


def test_no_picture_file_comes_with_the_practice() -> None:
    folder = Path(__file__).resolve().parents[2] / "medkiosk" / "guide"
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} <= {".py", ".md", ".pyc"}


def test_every_category_of_what_was_found_is_one_of_the_kiosks() -> None:
    assert {each.category for scene in SCENES for each in scene.found} <= set(Category)


REFUSED = {"ask_second", "open_original", "get_original", "close_original"}
"""What the review screen asks when a person wants it, and there is nothing to practise of."""


def test_all_else_that_the_review_screen_asks_is_practised() -> None:
    console = Path(__file__).resolve().parents[2] / "medkiosk" / "console"
    screens = ("photo", "masking", "suggestions", "original", "review")
    asked = {
        name
        for path in (console / "looking.py", *(console / "screens" / f"{screen}.py" for screen in screens))
        for name in re.findall(r"(?<!self\.)\bkiosk\.(\w+)\(", path.read_text())
    }
    assert {"list_captures", "approve"} <= asked
    assert asked - REFUSED <= set(vars(PracticeKiosk))

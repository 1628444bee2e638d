"""What is suggested is decided by a person, one by one or by kind; the lesion is kept, or cropped to."""

from __future__ import annotations

import msgspec
import pytest
from textual.widgets import Static

from medkiosk.console.drawing.shapes import Stroke
from medkiosk.console.masks import LESION_REASON
from medkiosk.console.screens.findings import findings_text, photo_text
from medkiosk.console.widgets.photo import PhotoView
from medkiosk.core.photo import Box, Category, Decision, Finding, ReviewState
from medkiosk.core.quality import Advice, Quality
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.state import FOUND, FULL, HINTS, Photo, suggested
from tests.console.test_masks import SUGGESTING
from tests.console.test_masks import draft as drafted
from tests.console.test_screens import PLAIN, review_screen, reviewing

POOR = Quality(210, 900, 0, 12, 40, None, 0, (Advice.NOT_SHARP, Advice.GLARE))


@pytest.fixture
def suggesting(running: RunningKiosk) -> Photo:
    """The first photo has three suggestions besides what is masked."""
    photo = next(iter(running.kiosk.photos.values()))
    photo.findings = SUGGESTING
    return photo


def kept(photo: Photo) -> list[tuple[Category, str]]:
    return [(each.category, each.reason) for each in photo.findings if each.decision is Decision.KEEP]


async def test_each_suggestion_is_masked_or_kept_with_one_key_and_a_reason(
    running: RunningKiosk, suggesting: Photo
) -> None:
    async with reviewing(running) as pilot:
        await flows.until_text(pilot, "2 masked, 1 UNDECIDED, 0 kept")
        await flows.until_text(pilot, "SUGGESTED: part of a face? 62 %")
        await flows.until_text(pilot, "1 suggestion undecided. J goes to the next; Enter masks it, K keeps")
        await pilot.press("a")
        await flows.until_text(pilot, "NOT DONE: It cannot be approved: 1 suggestion undecided.")
        await pilot.press("enter")
        await flows.until_text(pilot, "SUGGESTED: mark on skin? 41 %")
        await flows.until_text(pilot, "3 masked, 0 undecided, 0 kept")
        await pilot.press("k")
        await flows.until_screen(pilot, "ChooseReason")
        await flows.until_text(pilot, "2 skin, nothing identifying")
        await pilot.press("2")
        await flows.until_screen(pilot, "ReviewScreen")
        await flows.until_text(pilot, "SUGGESTED: mark on skin? 33 %")
        await pilot.press("k")
        await flows.keep_reason(pilot, "a plaster")
        await flows.until_text(pilot, "3 masked, 0 undecided, 2 kept")
        await flows.until_text(pilot, "the masks were changed. Save them (S)")
        await pilot.press("s")
        await flows.until_text(pilot, "revision 2")
        await flows.until_text(pilot, "READY")
        await pilot.press("a")
        await flows.until_text(pilot, "IMG_0001: approved.")
    assert suggesting.info.state is ReviewState.APPROVED
    assert suggesting.findings[2].decision is Decision.MASK
    assert kept(suggesting) == [
        (Category.MARK, "skin, nothing identifying"),
        (Category.MARK, "a plaster"),
    ]


async def test_the_chosen_suggestion_is_gone_to_and_drawn_differently(
    running: RunningKiosk, suggesting: Photo
) -> None:
    async with reviewing(running) as pilot:
        view = pilot.app.screen.query_one(PhotoView)
        strokes = [mark.stroke for mark in view._look.marks]
        assert strokes == [Stroke.MASK] * 2 + [Stroke.SUGGESTED] * 3
        assert [mark.strong for mark in view._look.marks] == [False, False, True, False, False]
        await pilot.press("j")
        await flows.until_text(pilot, "SUGGESTED: mark on skin? 41 %")
        await pilot.press("tab", "tab", "j")
        await flows.until_text(pilot, "SUGGESTED: part of a face? 62 %")
        await pilot.press("1", "j")
        await flows.until_text(pilot, "SUGGESTED: mark on skin? 41 %")
        part, box = view.part, HINTS[1].box
        assert part.x <= box.x
        assert box.x + box.w <= part.x + part.w
        assert suggesting.findings == SUGGESTING


async def test_the_rest_of_a_kind_is_kept_after_a_question_that_counts_them(
    running: RunningKiosk, suggesting: Photo
) -> None:
    more = tuple(suggested(Category.MARK, (16 * n, 1600, 16, 16), 200 + n) for n in range(40))
    suggesting.findings = (*SUGGESTING, *more)
    async with reviewing(running) as pilot:
        await pilot.press("j", "o")
        await flows.until_screen(pilot, "ChooseReason")
        await flows.until_text(pilot, "Why keep 42 suggestions of the kind “mark on skin?” visible?")
        await pilot.press("down", "enter")
        await flows.until_screen(pilot, "Confirm")
        await flows.until_text(pilot, "Keep 42 suggestions of the kind “mark on skin?” visible?")
        said = [str(each.content) for each in pilot.app.screen.query(Static)]
        assert any("20 to 41 % sure. Reason: skin, nothing identifying." in words for words in said)
        await pilot.press("n")
        await flows.until_screen(pilot, "ReviewScreen")
        await flows.until_text(pilot, "42 hints at marks")
        await pilot.press("o")
        await flows.until_screen(pilot, "ChooseReason")
        await pilot.press("3")
        await flows.until_screen(pilot, "Confirm")
        await pilot.press("y")
        await flows.until_screen(pilot, "ReviewScreen")
        await flows.until_text(pilot, "2 masked, 1 UNDECIDED, 42 kept")
        await flows.until_text(pilot, "SUGGESTED: part of a face? 62 %")
        await pilot.press("u")
        await flows.until_text(pilot, "42 hints at marks")
        await pilot.press("tab", "tab", "o")
    assert suggesting.findings == (*SUGGESTING, *more)


async def test_without_pictures_nothing_is_decided(running: RunningKiosk, suggesting: Photo) -> None:
    async with reviewing(running, terminal=PLAIN, size=(100, 30)) as pilot:
        await flows.until_text(pilot, "1 UNDECIDED")
        await pilot.press("enter")
        await flows.until_text(pilot, "NOT DONE: Masks can be changed only where the photo is shown.")
        await pilot.press("k", "o", "l", "c", "1", "space", "ctrl+left")
        await flows.until_text(pilot, "1 UNDECIDED")
    assert suggesting.findings == SUGGESTING


async def test_a_photo_that_names_the_patient_is_masked_and_shown_again(running: RunningKiosk) -> None:
    photo = next(iter(running.kiosk.photos.values()))
    photo.findings = (FOUND[0],)
    photo.named = msgspec.structs.replace(FOUND[1], confidence=1000, decision=Decision.MASK)
    async with reviewing(running) as pilot:
        await flows.until_text(pilot, "READY")
        await pilot.press("s")
        await flows.until_text(pilot, "there is nothing to save")
        await pilot.press("a")
        await flows.until_text(pilot, "The picture shows this patient's name.")
        await flows.until_text(pilot, "revision 2")
        await flows.until_text(pilot, "READY")
        await pilot.press("a")
        await flows.until_text(pilot, "IMG_0001: approved.")


async def test_a_lesion_is_marked_moved_and_cropped_to_and_the_crop_taken_back(running: RunningKiosk) -> None:
    photo = next(iter(running.kiosk.photos.values()))
    async with reviewing(running, size=(140, 50)) as pilot:
        await pilot.press("c")
        await flows.until_text(pilot, "Mark the lesion of interest first (L)")
        await pilot.press("l", "right", "plus")
        await flows.until_text(pilot, "KEPT lesion drawn")
        await pilot.press("k")
        await flows.until_text(pilot, "A lesion of interest is always kept.")
        await pilot.press("enter")
        await flows.until_text(pilot, "A lesion of interest is never masked.")
        assert review_screen(pilot)._look().marks[-1].stroke is Stroke.LESION
        await pilot.press("s")
        await flows.until_text(pilot, "revision 2")
        lesion = photo.findings[-1]
        assert (lesion.category, lesion.decision, lesion.reason) == (
            Category.LESION,
            Decision.KEEP,
            LESION_REASON,
        )
        assert lesion.box.w > FULL[0] // 4
        assert bytes(3) not in _colours(running, photo, lesion.box), "it was burned"
        await flows.until_text(pilot, "READY")
        await pilot.press("tab", "c")
        await flows.until_screen(pilot, "Confirm")
        await flows.until_text(pilot, "Only this part leaves; it is the strongest redaction.")
        await pilot.press("y")
        await flows.until_screen(pilot, "ReviewScreen")
        await flows.until_text(pilot, "CROP TO lesion drawn")
        await pilot.press("s")
        await flows.until_text(pilot, "CROPPED: only ")
        await flows.until_text(pilot, "READY")
        assert photo.crop is not None
        assert photo.shown.w < FULL[0]
        await pilot.press("c")
        await flows.until_text(pilot, "The whole photo leaves again, once you save (S).")
        await pilot.press("s")
        await flows.until_text(pilot, "revision 4")
        await flows.until_text(pilot, "READY")
        assert "CROPPED" not in flows.text(pilot)
    assert photo.shown.w == FULL[0]
    assert photo.findings[-1] == lesion


def _colours(running: RunningKiosk, photo: Photo, box: Box) -> set[bytes]:
    """Colours of a place between what is masked there."""
    pixels = running.kiosk.drawn(photo, Box(box.x + box.w - 4, box.y + 4, 2, 2), 2, 2)
    return {pixels[n : n + 3] for n in range(0, len(pixels), 3)}


async def test_what_a_photo_is_worth_is_said_beside_it(running: RunningKiosk) -> None:
    next(iter(running.kiosk.photos.values())).quality = POOR
    async with reviewing(running) as pilot:
        await flows.until_text(pilot, "Quality: Not sharp; Glare on the skin")
        await pilot.press("n")
        await flows.until_text(pilot, "photo 2 of 3")
        await flows.until_text(pilot, "READY")
        assert "Quality:" not in flows.text(pilot)


def lines_of(findings: tuple[Finding, ...], height: int) -> list[str]:
    changing = drafted()
    changing.findings = findings
    return findings_text(changing, None, height, shown=True).plain.split("\n")


def test_the_list_of_findings_takes_the_room_that_there_is() -> None:
    many = tuple(suggested(Category.MARK, (16 * n, 0, 16, 16), 999) for n in range(120))
    every = tuple(
        msgspec.structs.replace(many[0], category=category, decision=decision)
        for category in Category
        for decision in Decision
    )
    assert max(map(len, lines_of(every, 60)[1:-6])) <= 35
    for height in (12, 20, 40):
        lines = lines_of(many, height)
        assert len(lines) <= height + 1
        assert max(map(len, lines[: height // 2])) <= 35
    assert any("1 to " in line and "of 120" in line for line in lines_of(many, 20))
    assert any("  1 SUGGESTED mark on skin? 99 %" in line for line in lines_of(many, 20))


def test_a_crop_and_a_poor_picture_are_said_in_words(running: RunningKiosk) -> None:
    with_crop = msgspec.structs.replace(HINTS[0], decision=Decision.CROP)
    photo = next(iter(running.kiosk.photos.values()))
    photo.findings, photo.quality = (with_crop,), POOR
    detail = running.detail(photo)
    words = photo_text(detail, 0, 1, None).plain
    assert "CROPPED: only 336 x 256 of 2736 x 1824 leaves" in words
    assert "Quality: Not sharp; Glare on the skin" in words

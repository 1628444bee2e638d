"""A second reviewer, the original beside what leaves, and changes that are taken back and brought back."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from textual.pilot import Pilot

from medkiosk.console.masks import KINDS, Draft
from medkiosk.console.widgets.bigwords import BigWords
from medkiosk.console.widgets.photo import PhotoView
from medkiosk.core.ids import AccountId
from medkiosk.core.photo import Category, Decision, ReviewState
from medkiosk.review.gate import why_not_change
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.state import FOUND, FULL, HINTS
from tests.console.test_closer import screen_pixels, until_sharp, view_of
from tests.console.test_drawing import drawing
from tests.console.test_screens import PLAIN, reviewing

ME = AccountId("a" * 32)


def first(running: RunningKiosk) -> Any:
    return next(iter(running.kiosk.photos.values()))


async def again_from_home(pilot: Pilot[Any]) -> None:
    await pilot.press("escape")
    await flows.until_screen(pilot, "HomeScreen")
    await pilot.press("r")
    await flows.on_review(pilot)


async def until_original(pilot: Pilot[Any]) -> None:
    """The original is on the screen, and nothing else is."""
    await flows.until(pilot, lambda: view_of(pilot).comparing, "the original was not shown")
    await until_sharp(pilot)


async def test_a_second_opinion_is_asked_for_and_the_photo_is_left_to_somebody_else(
    running: RunningKiosk,
) -> None:
    photo = first(running)
    async with reviewing(running) as pilot:
        await pilot.press("t")
        await flows.until_screen(pilot, "ChooseReason")
        await pilot.press("1")
        await flows.until_text(pilot, "IMG_0001: needs a second reviewer. 2 photos left.")
        await flows.until_text(pilot, "photo 2 of 3")
        await pilot.press("p")
        await flows.until_text(pilot, "photo 1 of 3")
        await flows.until_text(pilot, "NOT TO BE APPROVED HERE: You asked for a second opinion")
        await pilot.press("a")
        await flows.until_text(pilot, "NOT DONE: It cannot be approved: You asked for a second opinion")
        assert photo.info.state is ReviewState.NEEDS_SECOND
        assert "ask_second: a mark that may identify" in running.kiosk.calls
        # Somebody else finds it in the queue; who asked does not.
        await again_from_home(pilot)
        await flows.until_text(pilot, "photo 1 of 2")
        photo.info = msgspec.structs.replace(photo.info, asked_by=AccountId("b" * 32))
        photo.second = ("Berta asks: a tattoo?",)
        await again_from_home(pilot)
        await pilot.press("p")
        await flows.until_text(pilot, "photo 3 of 3")
        await flows.until_text(pilot, "Berta asks: a tattoo?")
        await flows.until_text(pilot, "READY")
        await pilot.press("a")
        await flows.until_text(pilot, "IMG_0001: approved.")
    assert photo.info.state is ReviewState.APPROVED


async def test_the_first_of_two_is_not_asked_again(running: RunningKiosk) -> None:
    photo = first(running)
    photo.needed = 2
    async with reviewing(running) as pilot:
        await flows.until_text(pilot, "READY")
        await pilot.press("a")
        await flows.until_text(pilot, "IMG_0001: needs a second reviewer.")
        await again_from_home(pilot)
        await flows.until_text(pilot, "photo 1 of 2")


async def test_the_original_is_shown_for_a_reason_under_its_word_at_the_same_place(
    running: RunningKiosk,
) -> None:
    calls = running.kiosk.calls
    async with reviewing(running) as pilot:
        await flows.until_text(pilot, "READY")
        covered = screen_pixels(pilot)
        await pilot.press("v")
        await flows.until_screen(pilot, "ChooseReason")
        await pilot.press("escape")
        await flows.until_screen(pilot, "ReviewScreen")
        assert not [each for each in calls if "original" in each], "asked without a reason"
        await pilot.press("v", "2")
        await until_original(pilot)
        assert calls[-2:] == ["open_original: to place the lesion or a crop", "get_original"]
        await flows.until_text(pilot, "NOT REDACTED: this never leaves.")
        assert pilot.app.screen.query_one(BigWords).display
        await flows.until_text(pilot, "NOT TO BE APPROVED HERE: the original is on the screen.")
        open_ = screen_pixels(pilot)
        box = FOUND[0].box
        scale = open_.shape[1] / view_of(pilot).part.w
        assert open_.shape == covered.shape
        assert (open_ != covered).any(), f"nothing was uncovered, at {box} by {scale}"
        await pilot.press("a")
        await flows.until_text(pilot, "NOT DONE: It cannot be approved: the original")
        await pilot.press("1")
        await until_original(pilot)
        part = view_of(pilot).part
        await pilot.press("v")
        await flows.until(pilot, lambda: not view_of(pilot).comparing, "it stays")
        assert view_of(pilot).part == part, "it is another place"
        await until_sharp(pilot)
        await flows.until(pilot, lambda: calls[-1] == "close_original", "it stays open")
        await pilot.press("0")
        await flows.until(pilot, lambda: np.array_equal(screen_pixels(pilot), covered), "it is not as before")
        await flows.until_text(pilot, "READY")


async def test_the_original_leaves_by_itself_and_with_its_photo_and_its_pixels_are_overwritten(
    running: RunningKiosk,
) -> None:
    running.kiosk.original_seconds = 2.0
    async with reviewing(running) as pilot:
        await flows.until_text(pilot, "READY")
        await pilot.press("v", "1")
        await until_original(pilot)
        [kept] = view_of(pilot)._originals.all()
        assert any(kept.rgb)
        [drew] = drawing()
        await flows.until_text(pilot, "The time for the original is over.")
        assert not any(kept.rgb)
        await flows.until(pilot, lambda: drew not in drawing(), "the process that drew the original lives on")
        calls = running.kiosk.calls
        await flows.until(pilot, lambda: calls[-1] == "close_original", "it stays open")
        await flows.until_text(pilot, "READY")
        await pilot.press("v", "1")
        await until_original(pilot)
        [kept] = view_of(pilot)._originals.all()
        await pilot.press("n")
        await flows.until_text(pilot, "photo 2 of 3")
        assert not any(kept.rgb)
        assert not pilot.app.screen.query_one(BigWords).display
        await flows.until(pilot, lambda: calls.count("close_original") == 2, "it stays open")
        await flows.until_text(pilot, "READY")
        await pilot.press("v", "1")
        await until_original(pilot)
        view, [kept] = pilot.app.screen.query_one(PhotoView), view_of(pilot)._originals.all()
        await pilot.press("f9")
        await flows.until_screen(pilot, "HomeScreen")
        assert not any(kept.rgb)
        assert view._whole is None


async def test_where_no_photo_is_shown_no_original_is(running: RunningKiosk) -> None:
    async with reviewing(running, terminal=PLAIN, size=(100, 30)) as pilot:
        await pilot.press("v")
        await flows.until_text(pilot, "NOT DONE: There is nothing here to compare the original with.")
    assert not [each for each in running.kiosk.calls if "original" in each]


async def test_what_was_taken_back_is_brought_back_until_something_else_is_done(
    running: RunningKiosk,
) -> None:
    async with reviewing(running) as pilot:
        await pilot.press("e")
        await flows.until_text(pilot, "It hides: ")
        await pilot.press("m", "left", "w")
        await flows.until_screen(pilot, "ChooseReason")
        await pilot.press("1")
        await flows.until_text(pilot, "Reason: a tattoo or jewellery")
        await pilot.press("u", "u", "u", "u")
        await flows.until(pilot, lambda: "NOT SAVED" not in flows.text(pilot), "something is left")
        await pilot.press("u")
        await flows.until_text(pilot, "There is nothing to take back.")
        await pilot.press("y", "y", "y", "y")
        await flows.until_text(pilot, "Reason: a tattoo or jewellery")
        await pilot.press("y")
        await flows.until_text(pilot, "There is nothing to bring back.")
        await pilot.press("s")
        await flows.until_text(pilot, "revision 2")
    assert first(running).findings[-1].reason == "a tattoo or jewellery"


def test_any_number_of_steps_go_back_and_forth() -> None:
    draft = Draft(FOUND, *FULL, ME)
    states = [draft.findings]
    for n in range(50):
        draft.add(100 + 20 * n, 100, 64)
        draft.next_kind()
        states.append(draft.findings)
    for wanted in reversed(states[:-1]):
        assert draft.undo()
        assert draft.undo()
        assert draft.findings == wanted
    assert not draft.undo()
    for _ in range(100):
        assert draft.redo()
    assert draft.findings == states[-1]
    assert not draft.redo()
    draft.undo()
    draft.delete()
    assert not draft.redo(), "what came after is gone once something else is done"


def test_only_a_mask_gets_another_kind_and_the_daemon_takes_it() -> None:
    draft = Draft((*FOUND, HINTS[0]), *FULL, ME)
    seen = [draft.next_kind() for _ in KINDS]
    assert set(seen) == set(KINDS)
    assert draft.findings[0].category is FOUND[0].category
    for _ in KINDS[:-1]:
        draft.next_kind()
        draft.give_reason("a wristband")
        assert (
            why_not_change(draft.findings[:-1], width=FULL[0], height=FULL[1], reviewer=ME, before=FOUND)
            == ()
        )
    draft.keep("a poster")
    assert draft.findings[0].category is FOUND[0].category, "what is kept is what the detector took it for"
    assert draft.next_kind() is None
    draft.give_reason("a statue")
    assert (draft.findings[0].decision, draft.findings[0].reason) == (Decision.KEEP, "a statue")
    draft.select(-1)
    assert draft.finding is not None
    assert draft.finding.decision is Decision.SUGGEST
    assert draft.next_kind() is None
    before = draft.findings
    draft.give_reason("no")
    assert draft.findings == before
    draft.add_lesion(500, 500, 64)
    assert draft.next_kind() is None
    assert draft.findings[-1].category is Category.LESION

"""The guide's screens through Textual's Pilot and in a terminal of 80 columns and 24 lines."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from medkiosk.console.reading import drawn, laid_out, screens
from medkiosk.console.screens.check import CheckScreen
from medkiosk.core.events import Role
from medkiosk.guide.library import build
from medkiosk.ipc.guidetypes import GuideBlock
from tests.console import flows
from tests.console.conftest import running, socket_folder
from tests.console.kiosk import RunningKiosk
from tests.console.test_screens import console
from tests.guide.inmemory import OURS
from tests.guide.test_reading import CHECK, FRONT

__all__ = ["running", "socket_folder"]
LIBRARY = build(OURS, {})


def blocks_of(page_id: str) -> tuple[GuideBlock, ...]:
    return tuple(GuideBlock(b.kind.value, b.text, b.number) for b in LIBRARY.pages[page_id].blocks)


@pytest.mark.parametrize("page_id", LIBRARY.pages)
@pytest.mark.parametrize(("width", "height"), [(78, 17), (118, 33), (10, 3)])
def test_each_word_of_a_page_is_on_exactly_one_screen(page_id: str, width: int, height: int) -> None:
    blocks = blocks_of(page_id)
    lines = laid_out(blocks, width)
    starts = screens(lines, height)
    assert starts == sorted(set(starts))
    shown = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        assert end - start <= height
        text = drawn(lines[start:end])
        assert all(len(line) <= max(width, 10) for line in text.plain.split("\n"))
        shown += text.plain.split()
    said = " ".join(block.text for block in blocks).split()
    marks = {"-", "|", *(f"{block.number}." for block in blocks if block.number)}
    assert list("".join(w for w in shown if w not in marks)) == [c for w in said if w not in marks for c in w]


def test_no_heading_stands_alone_at_the_foot() -> None:
    for page_id in LIBRARY.pages:
        lines = laid_out(blocks_of(page_id), 78)
        starts = screens(lines, 17)
        for end in starts[1:]:
            assert lines[end - 1].style != "bold"


def test_control_characters_that_come_all_the_same_are_not_drawn() -> None:
    lines = laid_out([GuideBlock("paragraph", "a\x1b[2Jb \N{RIGHT-TO-LEFT OVERRIDE}c [b]d[/b]")], 78)
    assert "\x1b" not in lines[0].words
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in lines[0].words
    assert "[b]d[/b]" in drawn(lines).plain


async def find(pilot: Pilot[Any], words: str) -> None:
    """From a page of the guide."""
    await pilot.press("escape", "f")
    await flows.until_screen(pilot, "FindScreen")
    await flows.type_text(pilot, words)


async def test_anybody_reads_the_guide_and_finds_words(running: RunningKiosk) -> None:
    async with console(running.path, size=(80, 24)) as pilot:
        await pilot.press("o")
        await flows.until_text(pilot, "A session from beginning to end")
        await pilot.press("down", "enter")
        await flows.until_text(pilot, "The talk about consent 1 of")
        await pilot.press("space", "space")
        await flows.until_text(pilot, "3 of")
        await pilot.press("backspace")
        await flows.until_text(pilot, "2 of")
        await pilot.press("n")
        await flows.until_text(pilot, "Who it is: identity and the slate 1 of")
        await find(pilot, "cross polariser glare")
        await flows.until_text(pilot, "stand nowhere together")
        for _ in "cross polariser glare":
            await pilot.press("backspace")
        await flows.type_text(pilot, "diffraction")
        await flows.until_text(pilot, "Lens, distance and what is sharp")
        await pilot.press("down", "up", "enter")
        await flows.until_text(pilot, "Why then not f/22")


async def answer(pilot: Pilot[Any], right: bool) -> None:
    """Answer all questions of the check on the screen."""
    screen = pilot.app.screen
    assert isinstance(screen, CheckScreen)
    await flows.until(pilot, lambda: screen._check is not None, "no check")
    assert screen._check is not None
    page = LIBRARY.pages[screen._check.info.page_id]
    solution = {question.text: question.options[question.right] for question in page.questions}
    for question in screen._check.questions:
        await flows.until_text(pilot, question.text)
        place = question.options.index(solution[question.text])
        await pilot.press(str((place if right else (place + 1) % len(question.options)) + 1))
        await pilot.pause()


async def test_a_check_is_failed_then_passed_and_stands_under_ones_training(running: RunningKiosk) -> None:
    running.kiosk.demanded = ("privacy",)
    async with console(running.path, size=(80, 24)) as pilot:
        await pilot.press("o", "end")
        await flows.until_text(pilot, "What must not be in the picture")
        await pilot.press("c")
        await flows.until_text(pilot, "This page has no check")
        await pilot.press("m")
        await flows.until_screen(pilot, "LoginScreen")
        await pilot.press("escape", "escape")
        await flows.log_in(pilot, "rita")
        await pilot.press("o", "m")
        await flows.until_text(pilot, "NEEDED What must not be in the picture")
        await find(pilot, "what must not be in the picture")
        await flows.until_text(pilot, "the page's title")
        await pilot.press("enter")
        await flows.until_text(pilot, "check of 5 (C)")
        await pilot.press("c")
        await flows.until_screen(pilot, "CheckScreen")
        await answer(pilot, right=False)
        await flows.until_text(pilot, "NOT PASSED 0 of 5 right, 4 were needed.")
        assert running.kiosk.passed == []
        await pilot.press("a")
        await flows.until_screen(pilot, "CheckScreen")
        await answer(pilot, right=True)
        await flows.until_text(pilot, "PASSED 5 of 5 right")
        assert [each.module for each in running.kiosk.passed] == ["privacy"]
        await pilot.press("escape", "escape", "escape", "m")
        await flows.until_text(pilot, "CURRENT What must not be in the picture")


async def test_a_check_is_left_without_a_record_after_asking(running: RunningKiosk) -> None:
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("o")
        await flows.until_text(pilot, "The talk about consent")
        await pilot.press("down", "c")
        await flows.until_text(pilot, "question 1 of 5; 4 must be right")
        await pilot.press("1")
        await flows.until_text(pilot, "question 2 of 5")
        await pilot.press("backspace")
        await flows.until_text(pilot, "question 1 of 5")
        await pilot.press("escape")
        await flows.until_text(pilot, "Leave this check?")
        await pilot.press("y")
        await flows.until_screen(pilot, "GuideScreen")
        assert running.kiosk.passed == []


async def test_who_passed_what_is_for_those_who_may_know_it(running: RunningKiosk) -> None:
    running.kiosk.demanded = ("privacy",)
    running.kiosk.hire("ada", "Ada Admin", Role.ADMINISTRATOR)
    running.kiosk.hire("pat", "Pat Photographer", Role.PHOTOGRAPHER)
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "pat")
        await pilot.press("o", "w")
        await flows.until_text(pilot, "An administrator, a privacy officer or an auditor sees this")
        await pilot.press("f9")
        await flows.until_screen(pilot, "HomeScreen")
        await flows.log_in(pilot, "ada")
        await pilot.press("o", "w")
        await flows.until_text(pilot, "People 1 to 3 of 3")
        await flows.until_text(pilot, "Pat Photographer 0 current, LACKS 1")
        await flows.until_text(pilot, "NEEDED What must not be in the picture not passed yet")
        await pilot.press("n")
        await flows.until_text(pilot, "This is the last page.")


async def test_a_departments_page_and_what_is_wrong_with_one(running: RunningKiosk) -> None:
    front = FRONT.replace("id: test", "id: routine\norder: 1")
    running.kiosk.guide = {
        "routine.md": (front + "Ours: <b>no</b> [link](x)\n").encode(),
        "test.md": (FRONT + CHECK.replace("[x]", "[ ]")).encode(),
    }
    async with console(running.path, size=(80, 24)) as pilot:
        await pilot.press("o")
        await flows.until_text(pilot, "test.md, line 9: a question has exactly one answer with [x].")
        await flows.until_text(pilot, "the department's")
        await pilot.press("home", "enter")
        await flows.until_text(pilot, "Ours: <b>no</b> [link](x)")

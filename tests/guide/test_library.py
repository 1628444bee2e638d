"""The kiosk's own pages are whole; a department's take their place or are added; words are found."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from medkiosk.core.config import Training, TrainingModules
from medkiosk.daemon.guidefiles import GuideShelf, built_in
from medkiosk.guide.library import MOST_HITS, Library, build, search
from medkiosk.guide.page import Kind, Page
from tests.guide.test_reading import CHECK, FRONT

OURS = build(built_in(), {})


def test_the_kiosks_pages_are_all_read() -> None:
    assert len(OURS.pages) == 24
    assert OURS.problems == ()
    orders = [page.order for page in OURS.pages.values()]
    assert orders == sorted(set(orders)), "a place of its own for each"


@pytest.mark.parametrize("page", OURS.pages.values(), ids=lambda page: page.page_id)
def test_each_page_is_short_and_names_its_sources(page: Page) -> None:
    words = sum(len(block.text.split()) for block in page.blocks)
    assert words < 150 * page.minutes + 100, f"{words} words are not read in {page.minutes} minutes"
    headings = [block.text for block in page.blocks if block.kind is Kind.HEADING]
    assert "Sources" in headings or page.page_id in ("routine", "sources")
    assert all(len(block.text) < 600 for block in page.blocks)
    steps = [block.number for block in page.blocks if block.kind is Kind.STEP]
    for before, step in zip([0, *steps], steps, strict=False):
        assert step in (1, before + 1), page.page_id


def test_what_may_be_demanded_by_default_is_there_with_a_check() -> None:
    modules = TrainingModules()
    for module in (*modules.reviewer, *modules.privacy_officer):
        assert OURS.pages[module].questions
    assert Training().needed_for == ()


@pytest.mark.parametrize(
    "page", [one for one in OURS.pages.values() if one.questions], ids=lambda p: p.page_id
)
def test_the_longest_answer_is_not_a_hint(page: Page) -> None:
    """Who writes questions makes the right answer the careful one, and so the longest."""
    longest = [max(range(len(one.options)), key=lambda n: len(one.options[n])) for one in page.questions]
    hints = sum(place == one.right for place, one in zip(longest, page.questions, strict=True))
    assert hints <= len(page.questions) / 2


def test_a_departments_page_takes_the_place_or_is_added_and_a_broken_one_changes_nothing() -> None:
    good = (FRONT + "Our words.\n" + CHECK).encode()
    library = build(
        built_in(),
        {
            "privacy.md": good.replace(b"id: test", b"id: privacy"),
            "test.md": good,
            "review.md": b"nothing",
            "broken.md": FRONT.encode() + b"\x1b[2J",
            "bad\x1b\nname.md": good,
        },
    )
    assert library.pages["privacy"].own
    assert library.pages["privacy"].title == "A test"
    assert library.pages["test"].own
    assert library.pages["review"] == OURS.pages["review"]
    assert len(library.pages) == len(OURS.pages) + 1
    assert len(library.problems) == 3
    assert any(words.startswith("review.md, line 1: ") for words in library.problems)
    assert sum("own page is shown" in words for words in library.problems) == 1
    assert all(words.isprintable() for words in library.problems)


def names(library: Library, words: str) -> list[tuple[str, int]]:
    return [(hit.page.page_id, hit.block) for hit in search(library, words)]


def test_words_are_found_whatever_their_case_titles_first() -> None:
    assert names(OURS, "WOUNDS ulcers")[0] == ("views-wound", 0)
    found = search(OURS, "polariser glare")
    assert found[0].page.page_id == "lighting"
    assert ("camera", next(n for p, n in names(OURS, "numbering") if p == "camera")) in names(
        OURS, "numbering"
    )
    assert search(OURS, "") == search(OURS, "   ") == ()
    assert search(OURS, "xyzzy") == ()
    assert len(search(OURS, "e")) == MOST_HITS
    assert len(search(OURS, "a " * 10_000)) <= MOST_HITS
    for hit in search(OURS, "slate"):
        assert len(hit.text) <= 126


def test_the_folder_is_read_again_when_it_changed(tmp_path: Path) -> None:
    shelf = GuideShelf(tmp_path)
    assert shelf.library().pages.keys() == OURS.pages.keys()
    page = tmp_path / "test.md"
    page.write_text(FRONT + "first\n")
    assert shelf.library().pages["test"].blocks[0].text == "first"
    assert shelf.library() is shelf.library()
    page.write_text(FRONT + "second\n")
    assert shelf.library().pages["test"].blocks[0].text == "second"
    page.unlink()
    assert "test" not in shelf.library().pages


def test_only_plain_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(FRONT)
    (tmp_path / "link.md").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "folder.md").mkdir()
    (tmp_path / "notes.txt").write_text("not a page")
    library = GuideShelf(tmp_path).library()
    assert library.pages.keys() == OURS.pages.keys()
    assert [words.partition(":")[0] for words in library.problems] == ["link.md", "pipe.md"]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    shelf = GuideShelf(tmp_path / "none")
    library = shelf.library()
    assert library.pages.keys() == OURS.pages.keys()
    assert "could not be read" in library.problems[0]
    (tmp_path / "none").mkdir()
    assert shelf.library().problems == ()


def test_more_files_than_are_used_is_said(tmp_path: Path) -> None:
    for number in range(70):
        name = f"a{number:02d}"
        (tmp_path / f"{name}.md").write_text(FRONT.replace("id: test", f"id: {name}"))
    library = GuideShelf(tmp_path).library()
    assert len(library.pages) == len(OURS.pages) + 64
    assert "a63" in library.pages
    assert "a64" not in library.pages
    assert len(library.problems) == 1
    assert "at most 64" in library.problems[0]

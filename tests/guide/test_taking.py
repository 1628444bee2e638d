"""A department's pages come from a stick: the whole set or nothing, what was shown and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from medkiosk.console.screens.guide import offer_text
from medkiosk.core.role import Role
from medkiosk.daemon.guidefiles import TAKEN, GuideShelf, built_in
from medkiosk.daemon.training import OTHER_PAGES
from medkiosk.guide.becomes import Becomes
from medkiosk.guide.library import build
from medkiosk.guide.page import LONGEST_FILE, MOST_FILES
from medkiosk.guide.reading import PageError
from medkiosk.guide.taking import becomes, read_set, read_written, written
from medkiosk.ipc.guidetypes import GuideOffer, PageChange
from medkiosk.ipc.wire import RemoteError
from medkiosk.ledger import entry
from medkiosk.ledger.file import Log
from tests.console import flows
from tests.console.conftest import running, socket_folder
from tests.console.kiosk import RunningKiosk
from tests.console.test_screens import console
from tests.guide.inmemory import info
from tests.guide.test_reading import CHECK, FRONT
from tests.kiosk import ADMIN, ScratchKiosk

__all__ = ["running", "socket_folder"]
EURO = "Pay in \N{EURO SIGN}.\n"


def page(page_id: str, words: str = "Ours.\n", version: str = "1.0") -> bytes:
    front = FRONT.replace("id: test", f"id: {page_id}").replace("version: 1.2", f"version: {version}")
    return (front + words + CHECK).encode()


def test_a_set_is_named_by_ids_and_says_what_is_wrong() -> None:
    found = read_set([page("house", EURO), page("privacy")])
    assert list(found.files) == ["house.md", "privacy.md"]
    assert found.problems == ()
    assert read_written(written(found.files)) == found.files
    nothing, others = build(built_in(), {}), build(built_in(), {"house.md": page("house")})
    assert read_set([page("privacy"), page("house", EURO)]).sha256(nothing) == found.sha256(nothing)
    assert read_set([page("house"), page("privacy")]).sha256(nothing) != found.sha256(nothing)
    assert found.sha256(others) != found.sha256(nothing)
    assert read_set([]).files == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "has no id"),
        (b"\xff\xd8\xff", "has no id"),
        (page("../house"), "has no id"),
        (page("House"), "has no id"),
        (b"---\nid: house\n" + b"x" * LONGEST_FILE, "more than 65536 bytes"),
        (
            page("house", "Wunde: gr\xf6\xdfer\n").decode().encode("cp1252"),
            "Page house, line 8: it is not UTF-8",
        ),
        (page("house", "\x1b[2J\n"), "Page house, line 8: a character that is not printable"),
        (page("house", version="1"), "Page house, line 4: "),
    ],
)
def test_what_is_no_page_is_a_problem_that_quotes_nothing(content: bytes, words: str) -> None:
    found = read_set([page("good"), content])
    assert list(found.files) == ["good.md"]
    assert found.sha256(build(built_in(), {}))
    [problem] = found.problems
    assert words in problem
    assert problem.isprintable()


def test_two_pages_with_one_id_are_a_problem() -> None:
    assert read_set([page("house"), page("house", EURO)]).problems == (
        "There are two pages with the id house.",
    )


def test_what_becomes_of_each_page() -> None:
    ours = built_in()
    before = build(ours, {f"{each}.md": page(each) for each in ("same", "edited", "gone", "privacy")})
    then = {"same.md": page("same"), "edited.md": page("edited", EURO), "new.md": page("new")}
    after = build(ours, {**then, "lighting.md": page("lighting")})
    assert {each.page_id: what for each, what in becomes(before, after)} == {
        "same": Becomes.SAME,
        "edited": Becomes.CHANGED,
        "new": Becomes.ADDED,
        "gone": Becomes.GONE,
        "privacy": Becomes.OURS_AGAIN,
        "lighting": Becomes.IN_PLACE,
    }
    assert becomes(build(ours, {}), build(ours, {})) == ()


def test_the_shelf_has_what_was_taken_and_says_when_it_is_damaged(tmp_path: Path) -> None:
    place = tmp_path / TAKEN
    shelf = GuideShelf(None, place)
    assert not any(each.own for each in shelf.library().pages.values())
    shelf.take({"house.md": page("house", EURO)})
    for each in (shelf, GuideShelf(None, place)):
        assert each.library().pages["house"].own
        assert each.library() is each.library()
    shelf.take({})
    assert "house" not in shelf.library().pages
    for damage in (b"{", b"[]", b"\xff", b'{"house.md": "no page"}'):
        place.write_bytes(damage)
        library = shelf.library()
        assert library.pages.keys() == build(built_in(), {}).pages.keys()
        assert library.problems
    with pytest.raises(PageError):
        read_written(b"[]")


def test_a_folder_goes_before_what_was_taken(tmp_path: Path) -> None:
    (tmp_path / "guide").mkdir()
    GuideShelf(None, tmp_path / TAKEN).take({"house.md": page("house")})
    shelf = GuideShelf(tmp_path / "guide", tmp_path / TAKEN)
    assert shelf.has_folder
    assert "house" not in shelf.library().pages


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchKiosk]:
    made = ScratchKiosk(tmp_path_factory.mktemp("taking") / "kiosk")
    try:
        made.init()
        made.start()
        made.hire()
        yield made
    finally:
        made.close()


def notes(kiosk: ScratchKiosk) -> int:
    leaves = map(entry.decode, Log.open(kiosk.store / "ledger").entries())
    return sum(leaf.type == "guide.taken" for leaf in leaves)


def test_an_administrator_takes_pages_that_stay_and_takes_them_away(kiosk: ScratchKiosk) -> None:
    with kiosk.session("pat") as pat, pytest.raises(RemoteError, match="only an administrator takes pages"):
        pat.read_guide()
    house = kiosk.stick / "medkiosk-guide-our house rules 2026.md"
    with kiosk.session(ADMIN) as admin:
        with pytest.raises(RemoteError, match="has no pages medkiosk-guide-"):
            admin.read_guide()
        house.write_bytes(page("house"))
        with pytest.raises(RemoteError, match="not every file on the stick"):  # for the blanks in its name
            admin.read_guide()
        house = house.rename(kiosk.stick / "medkiosk-guide-rules.md")
        (kiosk.stick / "medkiosk-guide-b.md").write_bytes(page("privacy", version="9.0"))
        offer = admin.read_guide()
        assert [(each.page.page_id, each.page.version, each.becomes) for each in offer.changes] == [
            ("house", "1.0", "added"),
            ("privacy", "9.0", "in place of the kiosk's own"),
        ]
        assert not any(each.own for each in admin.list_guide().pages)
        house.write_bytes(page("house", EURO))
        with pytest.raises(RemoteError, match="other pages are on the stick now, or were taken"):
            admin.take_guide(offer.sha256)
        house.write_bytes(page("house", "\x1b[2J\n"))
        [problem] = admin.read_guide().problems
        with pytest.raises(RemoteError, match="nothing was taken"):
            admin.take_guide(admin.read_guide().sha256)
        assert "line 8" in problem
        assert notes(kiosk) == 0
        house.write_bytes(page("house", EURO))
        taken = admin.take_guide(admin.read_guide().sha256)
        assert sorted(each.page_id for each in taken.pages if each.own) == ["house", "privacy"]
    with kiosk.session("audi") as audi:
        [said] = [each.summary for each in audi.list_events(0, 50).events if each.type == "guide.taken"]
        assert said == "house 1.0, privacy 9.0"
    kiosk.stop_if_running()
    kiosk.start()
    with kiosk.client() as nobody:
        assert nobody.get_guide_page("house").blocks[0].text == EURO.strip()
    for each in kiosk.stick.glob("medkiosk-guide-*"):
        each.unlink()
    with kiosk.session(ADMIN) as admin:
        offer = admin.read_guide()
        assert {each.page.page_id: each.becomes for each in offer.changes} == {
            "house": "taken away",
            "privacy": "taken away; the kiosk's own is shown again",
        }
        assert not any(each.own for each in admin.take_guide(offer.sha256).pages)
    assert notes(kiosk) == 2


def test_pages_that_are_not_those_of_the_ledger_are_said_to_be_others(kiosk: ScratchKiosk) -> None:
    """The entry is there before the file is: the power may be lost between them, or the file be changed."""
    stick = kiosk.stick / "medkiosk-guide-rules.md"
    stick.write_bytes(page("house"))
    with kiosk.session(ADMIN) as admin:
        assert not admin.take_guide(admin.read_guide().sha256).problems
    written = kiosk.store.parent / TAKEN
    before = written.read_bytes()
    for left in (None, before.replace(b"1.0", b"1.1")):
        kiosk.stop_if_running()
        written.unlink()
        if left is not None:
            written.write_bytes(left)
        kiosk.start()
        with kiosk.client() as nobody:
            assert nobody.list_guide().problems == (), "who is not logged in cannot know"
        with kiosk.session("pat") as pat:
            assert pat.list_guide().problems == (OTHER_PAGES,)
        with kiosk.session(ADMIN) as admin:
            assert not admin.take_guide(admin.read_guide().sha256).problems
        assert written.read_bytes() == before


@pytest.mark.parametrize("what", ["link", "large", "folder", "many"])
def test_a_stick_of_which_a_page_cannot_be_read_takes_no_other_away(kiosk: ScratchKiosk, what: str) -> None:
    odd, good = kiosk.stick / "medkiosk-guide-odd.md", kiosk.stick / "medkiosk-guide-good.md"
    good.write_bytes(page("good"))
    more = [kiosk.stick / f"medkiosk-guide-{number}.md" for number in range(MOST_FILES)]
    match what:
        case "link":
            odd.symlink_to(good)
        case "large":
            odd.write_bytes(page("odd") + b"x" * LONGEST_FILE)
        case "folder":
            odd.mkdir()
        case _:
            for number, each in enumerate(more):
                each.write_bytes(page(f"page-{number}"))
    try:
        with kiosk.session(ADMIN) as admin, pytest.raises(RemoteError, match="not every file on the stick"):
            admin.read_guide()
    finally:
        for each in (odd, good, *more):
            if each.is_dir():
                each.rmdir()
            else:
                each.unlink(missing_ok=True)


def test_the_question_has_a_line_for_every_page_however_many() -> None:
    ours = built_in()
    then = {f"page-{number}.md": page(f"page-{number}") for number in range(MOST_FILES)}
    before = build(ours, {"privacy.md": page("privacy"), "gone.md": page("gone")})
    changes = tuple(PageChange(info(each), what.value) for each, what in becomes(before, build(ours, then)))
    lines = offer_text(GuideOffer("", changes, ())).plain.split("\n")
    assert [line.startswith("taken away") for line in lines[:3]] == [True, True, False]
    assert len(lines) == MOST_FILES + 2 + 2
    assert all("A test (1.0)" in line for line in lines[: MOST_FILES + 2])


async def test_the_screen_shows_what_changes_and_takes_it(running: RunningKiosk) -> None:
    running.kiosk.hire("adam", "Adam Administrator", Role.ADMINISTRATOR)
    running.kiosk.brought = (page("house"), page("privacy", version="9.0"))
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("o", "t")
        await flows.until_text(pilot, "Only an administrator takes pages")
        await pilot.press("escape", "f9")
        await flows.log_in(pilot, "adam")
        await pilot.press("o", "t")
        await flows.until_text(pilot, "Take these pages for the guide?")
        await flows.until_text(pilot, "in place of the kiosk's own: A test (9.0)")
        await pilot.press("n")
        await flows.until_text(pilot, "Nothing was taken.")
        assert running.kiosk.guide == {}
        await pilot.press("t")
        await flows.until_text(pilot, "Take these pages for the guide?")
        await pilot.press("y")
        await flows.until_text(pilot, "Taken. The department has 2 pages of its own.")
        assert sorted(running.kiosk.guide) == ["house.md", "privacy.md"]
        running.kiosk.brought = (b"no page",)
        await pilot.press("t")
        await flows.until_text(pilot, "Nothing is taken. File 1 has no id of a page")

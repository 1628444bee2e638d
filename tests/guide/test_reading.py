"""A page's file: what is read, and what is refused with which words."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medkiosk.core.events import Role
from medkiosk.guide.page import Block, Kind, Question, Version
from medkiosk.guide.reading import PageError, read_page

FRONT = "---\nid: test\ntitle: A test\nversion: 1.2\nrole: reviewer photographer\nminutes: 4\n---\n"
CHECK = "## Check\n### Which?\n- [ ] this\n- [x] that\n> because\n"


def page(body: str = "", front: str = FRONT) -> bytes:
    return (front + body).encode()


def refused(data: bytes, name: str = "test") -> PageError:
    with pytest.raises(PageError) as caught:
        read_page(data, name)
    return caught.value


def said(data: bytes) -> str:
    """What is wrong, or the title."""
    try:
        return read_page(data, "test").title
    except PageError as error:
        return str(error)


def test_a_page_is_read_as_it_is_written() -> None:
    body = (
        "First line\nand more of it.\n\n## Words\n- one\n  goes on\n- two\n1. step\n12. later\n"
        "> note\n> more\n\n"
        "| a | table | <b>[link](x) **bold** |\n" + CHECK
    )
    found = read_page(page(body), "test", own=True)
    assert (found.page_id, found.title, found.version) == ("test", "A test", Version(1, 2))
    assert found.roles == (Role.PHOTOGRAPHER, Role.REVIEWER)
    assert (found.minutes, found.order, found.own) == (4, 500, True)
    assert found.blocks == (
        Block(Kind.PARAGRAPH, "First line and more of it."),
        Block(Kind.HEADING, "Words"),
        Block(Kind.ITEM, "one goes on"),
        Block(Kind.ITEM, "two"),
        Block(Kind.STEP, "step", 1),
        Block(Kind.STEP, "later", 12),
        Block(Kind.NOTE, "note more"),
        Block(Kind.PARAGRAPH, "| a | table | <b>[link](x) **bold** |"),
    )
    assert found.questions == (Question("Which?", ("this", "that"), 1, "because"),)
    assert (found.ask, found.needed) == (1, 1)
    assert len(found.digest) == 64


def test_dos_line_ends_are_the_same_page_and_another_digest() -> None:
    one = read_page(page("words\n"), "test")
    other = read_page(page("words\n").replace(b"\n", b"\r\n"), "test")
    assert one.blocks == other.blocks
    assert one.digest != other.digest


@pytest.mark.parametrize(
    ("number", "said", "ask", "needed"),
    [
        (1, "", 1, 1),
        (4, "", 4, 4),
        (5, "", 5, 4),
        (9, "", 5, 4),
        (10, "ask: 10\n", 10, 8),
        (5, "pass: 5\n", 5, 5),
    ],
)
def test_how_many_are_asked_and_must_be_right(number: int, said: str, ask: int, needed: int) -> None:
    questions = "".join(f"### {n}?\n- [x] a\n- [ ] b\n> why\n" for n in range(number))
    found = read_page(page("## Check\n" + questions, FRONT.replace("minutes", said + "minutes")), "test")
    assert (len(found.questions), found.ask, found.needed) == (number, ask, needed)


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        (b"", 1, "front matter"),
        (b"---\nid: test\n", 1, "front matter"),
        (page("", FRONT.replace("minutes: 4\n", "")), 1, "minutes is missing"),
        (page("", FRONT.replace("id: test", "id: other")), 2, "file's name"),
        (page("", FRONT.replace("1.2", "1")), 4, "two numbers"),
        (page("", FRONT.replace("1.2", "1.2.3")), 4, "two numbers"),
        (page("", FRONT.replace("1.2", "\N{ARABIC-INDIC DIGIT ONE}.2")), 4, "two numbers"),
        (page("", FRONT.replace("reviewer photographer", "boss")), 5, "role is everybody"),
        (page("", FRONT.replace("reviewer photographer", "reviewer reviewer")), 5, "role is everybody"),
        (page("", FRONT.replace("minutes: 4", "minutes: 61")), 6, "from 1 to 60"),
        (page("", FRONT.replace("minutes: 4", "minutes: 4\nminutes: 5")), 7, "twice"),
        (page("", FRONT.replace("minutes: 4", "minutes: 4\nscript: x")), 7, "known are"),
        (page("", FRONT.replace("minutes: 4", "minutes:")), 6, "known are"),
        (page("", FRONT.replace("minutes: 4", "minutes: 4\nask: 2")), 7, "with a check"),
        (page(CHECK, FRONT.replace("minutes: 4", "minutes: 4\nask: 2")), 7, "from 1 to 1"),
        (page("", FRONT.replace("A test", "A" * 61)), 3, "at most 60"),
        (page("a\tb\n"), 8, "not printable"),
        (page("a\x1b[2Jb\n"), 8, "not printable"),
        (page("a\N{RIGHT-TO-LEFT OVERRIDE}b\n"), 8, "not printable"),
        (page("a\N{ZERO WIDTH SPACE}b\n"), 8, "not printable"),
        (page("x" * 401), 8, "at most 400"),
        (page(("x" * 390 + "\n") * 6), 13, "at most 2000"),
        (page("- x\n" * 301), 308, "at most 300"),
        (page() + b"\xff\n", 8, "UTF-8"),
        (page("x\n" * 40_000), 0, "65536"),
        (page("## Check\n"), 9, "at least one question"),
        (page("## Check\nwords\n"), 9, "begins with a question"),
        (page(CHECK + CHECK), 13, "second check"),
        (page(CHECK.replace("[x]", "[ ]")), 9, "exactly one"),
        (page(CHECK.replace("[ ]", "[x]")), 9, "exactly one"),
        (page(CHECK.replace("> because\n", "")), 9, "> and why"),
        (page(CHECK.replace("that", "THIS")), 9, "the same"),
        (page(CHECK.replace("- [ ] this\n", "")), 9, "2 to 5"),
        (page(CHECK.replace("- [ ] this\n", "".join(f"- [ ] {n}\n" for n in range(5)))), 9, "2 to 5"),
        (page(CHECK + "- [ ] late\n"), 13, "then answers"),
        (page(CHECK.replace("- [ ]", "- []")), 10, "then answers"),
        (page(CHECK.replace("Which?", "W" * 301)), 9, "300"),
        (page(CHECK.replace("this", "t" * 201)), 9, "200"),
        (page("## Check\n" + CHECK[9:] * 31), 129, "at most 30"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line_and_nothing_of_the_file(
    data: bytes, line: int, words: str
) -> None:
    error = refused(data)
    assert error.line == line, error
    assert words in error.words
    assert "\x1b" not in str(error)
    assert "boss" not in str(error)
    assert "script" not in str(error)


def test_a_name_that_is_no_id_is_refused() -> None:
    for name in ("", "Test", "a b", "../x", "a" * 41, "1a"):
        error = refused(page("", FRONT.replace("id: test", f"id: {name or 'x'}")), name)
        assert "file's name" in error.words


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=400))
def test_any_bytes_are_a_page_or_refused_in_words(data: bytes) -> None:
    assert said(page() + data).isprintable()


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32))
def test_any_damage_to_a_page_is_a_page_or_refused_in_words(seed: int) -> None:
    """Lines of a good page in another order, left out, doubled, cut."""
    dice = random.Random(seed)
    lines = (FRONT + "words\n- item\n> note\n" + CHECK).splitlines()
    mixed = [line[: dice.choice((len(line), dice.randrange(len(line) + 1)))] for line in lines]
    for _ in range(dice.randrange(4)):
        dice.choice((mixed.pop, lambda at: mixed.insert(at, dice.choice(lines))))(dice.randrange(len(mixed)))
    assert said("\n".join(mixed).encode()).isprintable()

"""Read a page from the bytes of its file. Pure; every bound of docs/guide.md is checked here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from medkiosk.core.events import Role
from medkiosk.guide import page as p
from medkiosk.guide.page import Block, Kind, Page, Question, Version

_NEEDED = ("id", "title", "version", "role", "minutes")
_MAY = ("order", "ask", "pass")
_ASK = 5
_ORDER = 500
_FENCE = "---"
_CHECK = "## Check"
_NUMBER = re.compile(r"[0-9]{1,4}", re.ASCII)
_VERSION = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})", re.ASCII)
_STEP = re.compile(r"([0-9]{1,3})\. (.+)", re.ASCII)
_OPTION = re.compile(r"- \[([ x])\] (.+)", re.ASCII)


class PageError(Exception):
    """A file is no page.

    Attributes:
        line: where, from 1; 0 where it is the file as a whole.
        words: what was expected, a clause; quotes nothing of the file.
    """

    def __init__(self, line: int, words: str) -> None:
        self.line = line
        self.words = words
        super().__init__(f"line {line}: {words}" if line else words)


@dataclass
class _Asked:
    """A question while it is read."""

    line: int
    text: str
    options: list[str] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    why: str = ""


def read_page(untrusted: bytes, page_id: str, *, own: bool = False) -> Page:
    """Read one file.

    Args:
        untrusted: its bytes.
        page_id: as the file is called, without ``.md``.
        own: whether it is the department's.

    Raises:
        PageError: with the first thing that is wrong.
    """
    lines = _lines(untrusted)
    if not lines or lines[0] != _FENCE or _FENCE not in lines[1:]:
        raise PageError(1, "a page begins with a front matter between two lines of three hyphens")
    end = lines.index(_FENCE, 1)
    said = _front(lines[1:end])
    body = lines[end + 1 :]
    checks = [number for number, line in enumerate(body) if line == _CHECK]
    if len(checks) > 1:
        raise PageError(end + 2 + checks[1], "there is a second check")
    cut = checks[0] if checks else len(body)
    blocks = _blocks(body[:cut], end + 2)
    questions = _questions(body[cut + 1 :], end + 3 + cut) if checks else ()
    if said["id"][1] != page_id or not p.is_page_id(page_id):
        words = "the id is the file's name: a small letter, then small letters, digits, hyphens"
        raise PageError(said["id"][0], words)
    line, title = said["title"]
    if len(title) > p.LONGEST_TITLE:
        raise PageError(line, f"a title has at most {p.LONGEST_TITLE} characters")
    ask = _number(said, "ask", min(_ASK, len(questions)), 1, len(questions)) if questions else 0
    usual = ask - ask // 5
    needed = _number(said, "pass", usual, 1, ask) if questions else 0
    for name in ("ask", "pass"):
        if name in said and not questions:
            raise PageError(said[name][0], f"{name} is for pages with a check")
    return Page(
        page_id=page_id,
        title=title,
        version=_version(said),
        roles=_roles(said),
        minutes=_number(said, "minutes", 1, 1, 60),
        order=_number(said, "order", _ORDER, 0, 999),
        blocks=blocks,
        questions=questions,
        ask=ask,
        needed=needed,
        digest=hashlib.sha256(untrusted).hexdigest(),
        own=own,
    )


def said_id(untrusted: bytes) -> str:
    """The id that a file says it has, before anything of it is checked; empty where it says none."""
    for line in untrusted[: p.LONGEST_LINE].split(b"\n")[1 : len(_NEEDED) + len(_MAY) + 1]:
        name, colon, value = line.partition(b":")
        if colon and name.strip() == b"id":
            return value.strip().decode("ascii", "replace")
    return ""


def _lines(untrusted: bytes) -> list[str]:
    if len(untrusted) > p.LONGEST_FILE:
        raise PageError(0, f"it has more than {p.LONGEST_FILE} bytes")
    try:
        text = untrusted.decode()
    except UnicodeDecodeError as error:
        raise PageError(untrusted.count(b"\n", 0, error.start) + 1, "it is not UTF-8 text") from error
    lines = text.replace("\r\n", "\n").split("\n")
    for number, line in enumerate(lines, 1):
        if not line.isprintable():
            raise PageError(number, "a character that is not printable stands there, perhaps a tab")
        if len(line) > p.LONGEST_LINE:
            raise PageError(number, f"a line has at most {p.LONGEST_LINE} characters")
    return [line.rstrip() for line in lines]


_Said = dict[str, tuple[int, str]]
"""What the front matter says: line and value by name."""


def _front(lines: list[str]) -> _Said:
    said: _Said = {}
    for number, line in enumerate(lines, 2):
        name, colon, value = line.partition(":")
        if not colon or name not in (*_NEEDED, *_MAY) or not value.strip():
            known = ", ".join((*_NEEDED, *_MAY))
            raise PageError(number, f"known are {known}, each with a colon and a value")
        if name in said:
            raise PageError(number, f"{name} stands there twice")
        said[name] = (number, value.strip())
    if missing := [name for name in _NEEDED if name not in said]:
        raise PageError(1, f"{missing[0]} is missing")
    return said


def _number(said: _Said, name: str, usual: int, least: int, most: int) -> int:
    if name not in said:
        return usual
    line, text = said[name]
    if _NUMBER.fullmatch(text) is None or not least <= int(text) <= most:
        raise PageError(line, f"{name} is a number from {least} to {most}")
    return int(text)


def _version(said: _Said) -> Version:
    line, text = said["version"]
    if (found := _VERSION.fullmatch(text)) is None:
        raise PageError(line, "version is two numbers with a dot, as 1.0")
    return Version(int(found[1]), int(found[2]))


def _roles(said: _Said) -> tuple[Role, ...]:
    line, text = said["role"]
    words = text.split()
    if words == ["everybody"]:
        return ()
    if len(set(words)) != len(words) or not set(words) <= set(Role):
        raise PageError(line, f"role is everybody, or some of {', '.join(Role)}, with blanks between")
    return tuple(role for role in Role if role in words)


def _blocks(lines: list[str], first: int) -> tuple[Block, ...]:
    blocks: list[Block] = []
    goes_on = False
    for number, line in enumerate(lines, first):
        if not line:
            goes_on = False
            continue
        block = _block(line)
        if goes_on and (text := _rest(line, block, blocks[-1])) is not None:
            block = Block(blocks[-1].kind, f"{blocks[-1].text} {text}", blocks[-1].number)
            blocks.pop()
        if len(block.text) > p.LONGEST_BLOCK:
            raise PageError(number, f"a paragraph has at most {p.LONGEST_BLOCK} characters")
        blocks.append(block)
        if len(blocks) > p.MOST_BLOCKS:
            raise PageError(number, f"a page has at most {p.MOST_BLOCKS} headings, paragraphs and items")
        goes_on = block.kind is not Kind.HEADING
    return tuple(blocks)


def _block(line: str) -> Block:
    if line.startswith("## ") and line[3:].strip():
        return Block(Kind.HEADING, line[3:].strip())
    if line.startswith("- ") and line[2:].strip():
        return Block(Kind.ITEM, line[2:].strip())
    if line.startswith("> ") and line[2:].strip():
        return Block(Kind.NOTE, line[2:].strip())
    if found := _STEP.fullmatch(line):
        return Block(Kind.STEP, found[2].strip(), int(found[1]))
    return Block(Kind.PARAGRAPH, line.strip())


def _rest(line: str, block: Block, before: Block) -> str | None:
    """What goes on with the block before; None where a line begins something of its own."""
    if before.kind in (Kind.ITEM, Kind.STEP):
        return line.strip() if line.startswith("  ") else None
    return block.text if block.kind is before.kind else None


def _questions(lines: list[str], first: int) -> tuple[Question, ...]:
    asked: list[_Asked] = []
    for number, line in enumerate(lines, first):
        if line:
            _take(line, number, asked)
    if not asked:
        raise PageError(first, "a check has at least one question")
    if len(asked) > p.MOST_QUESTIONS:
        raise PageError(asked[p.MOST_QUESTIONS].line, f"a check has at most {p.MOST_QUESTIONS} questions")
    return tuple(_finished(asked))


def _take(line: str, number: int, asked: list[_Asked]) -> None:
    if line.startswith("### ") and line[4:].strip():
        asked.append(_Asked(number, line[4:].strip()))
    elif not asked:
        raise PageError(number, "a check begins with a question: three #, a blank, the words")
    elif (found := _OPTION.fullmatch(line)) and not asked[-1].why:
        if found[1] == "x":
            asked[-1].right.append(len(asked[-1].options))
        asked[-1].options.append(found[2].strip())
    elif line.startswith("> ") and asked[-1].options and line[2:].strip():
        asked[-1].why = f"{asked[-1].why} {line[2:].strip()}".strip()
    else:
        raise PageError(number, "a question has its words, then answers as - [ ] or - [x], then > and why")


def _finished(asked: list[_Asked]) -> Iterator[Question]:
    for one in asked:
        if len(one.options) not in p.OPTIONS:
            raise PageError(one.line, f"a question has {p.OPTIONS[0]} to {p.OPTIONS[-1]} answers")
        if len(one.right) != 1:
            raise PageError(one.line, "a question has exactly one answer with [x]")
        if len({each.casefold() for each in one.options}) != len(one.options):
            raise PageError(one.line, "two answers are the same")
        if not one.why:
            raise PageError(one.line, "below the answers stands > and why")
        for text, most in (
            (one.text, p.LONGEST_QUESTION),
            (one.why, p.LONGEST_WHY),
            *((each, p.LONGEST_OPTION) for each in one.options),
        ):
            if len(text) > most:
                raise PageError(one.line, f"something in this question has more than {most} characters")
        yield Question(one.text, tuple(one.options), one.right[0], one.why)

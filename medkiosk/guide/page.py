"""A page of the guide and its check (docs/guide.md)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from medkiosk.core.events import Role

LONGEST_FILE = 65_536
"""Bytes of a file."""
MOST_FILES = 64
LONGEST_LINE = 400
LONGEST_TITLE = 60
LONGEST_BLOCK = 2000
MOST_BLOCKS = 300
MOST_QUESTIONS = 30
LONGEST_QUESTION = 300
LONGEST_OPTION = 200
LONGEST_WHY = 400
OPTIONS = range(2, 6)
"""How many answers a question may have."""
_ID = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)


def is_page_id(text: str) -> bool:
    """Tell whether a text has the form of a page's id."""
    return _ID.fullmatch(text) is not None


class Version(NamedTuple):
    """Of a page; another ``major`` has to be read again."""

    major: int
    minor: int

    def __str__(self) -> str:
        """As it stands in the file."""
        return f"{self.major}.{self.minor}"


class Kind(StrEnum):
    """What a block of a page is."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    ITEM = "item"
    STEP = "step"
    NOTE = "note"


@dataclass(frozen=True)
class Block:
    """A piece of a page; ``number`` is that of a step, else 0."""

    kind: Kind
    text: str
    number: int = 0


@dataclass(frozen=True)
class Question:
    """A question with one right answer.

    Attributes:
        text: the question.
        options: the answers, as they stand in the file.
        right: index of the right one.
        why: said to who chose another.
    """

    text: str
    options: tuple[str, ...]
    right: int
    why: str


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        page_id: names it for good.
        roles: for whom it is; empty for everybody.
        minutes: to read it.
        order: place in the list.
        ask: how many questions a check asks; 0 where there is none.
        needed: how many must be right.
        digest: SHA-256, hexadecimal, of the file's bytes.
        own: whether it is the department's.
    """

    page_id: str
    title: str
    version: Version
    roles: tuple[Role, ...]
    minutes: int
    order: int
    blocks: tuple[Block, ...]
    questions: tuple[Question, ...]
    ask: int
    needed: int
    digest: str
    own: bool = False

"""A check: draw questions in a random order, judge the answers. Pure; the randomness is handed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from medkiosk.core.ids import Random
from medkiosk.guide.page import Page, Question

T = TypeVar("T")
_BYTES = 4


@dataclass(frozen=True)
class Drawn:
    """A question as it is asked.

    Attributes:
        question: from the page.
        order: indexes of its options in the order in which they are shown.
    """

    question: Question
    order: tuple[int, ...]

    @property
    def options(self) -> tuple[str, ...]:
        """The answers as they are shown."""
        return tuple(self.question.options[each] for each in self.order)

    @property
    def right(self) -> int:
        """Index of the right one among `options`."""
        return self.order.index(self.question.right)


@dataclass(frozen=True)
class Check:
    """One try: the page as it was then, and what is asked."""

    page: Page
    drawn: tuple[Drawn, ...]


@dataclass(frozen=True)
class Result:
    """How it went; ``wrong`` are indexes into ``drawn``."""

    right: int
    asked: int
    passed: bool
    wrong: tuple[int, ...]


def below(random: Random, limit: int) -> int:
    """Return an evenly distributed number from 0 to ``limit`` - 1.

    Args:
        random: its source.
        limit: from 1 to 2 ** 32.
    """
    most = (1 << 8 * _BYTES) // limit * limit
    while True:
        number = int.from_bytes(random(_BYTES), "big")
        if number < most:  # what is over would make the small ones likelier
            return number % limit


def shuffled(random: Random, items: Sequence[T]) -> tuple[T, ...]:
    """Return the items in a random order, each order as likely (Fisher and Yates)."""
    mixed = list(items)
    for last in range(len(mixed) - 1, 0, -1):
        other = below(random, last + 1)
        mixed[last], mixed[other] = mixed[other], mixed[last]
    return tuple(mixed)


def draw(random: Random, page: Page) -> Check:
    """Draw as many questions as the page asks."""
    chosen = shuffled(random, page.questions)[: page.ask]
    return Check(page, tuple(Drawn(each, shuffled(random, range(len(each.options)))) for each in chosen))


def judge(check: Check, answers: Sequence[int]) -> Result:
    """Judge a try.

    Args:
        check: what was drawn.
        answers: for each question the index of what was chosen among its options as shown.

    Raises:
        ValueError: not one answer a question, or one that was not offered.
    """
    if len(answers) != len(check.drawn):
        raise ValueError("one answer a question is needed")
    if any(not 0 <= each < len(one.order) for each, one in zip(answers, check.drawn, strict=True)):
        raise ValueError("an answer was not offered")
    wrong = tuple(n for n, one in enumerate(check.drawn) if answers[n] != one.right)
    right = len(check.drawn) - len(wrong)
    return Result(right, len(check.drawn), right >= check.page.needed, wrong)

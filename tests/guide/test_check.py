"""A check: fair in what it draws, exact in how it judges; and who is current."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medkiosk.catalog.training import Training
from medkiosk.core.clock import rfc3339
from medkiosk.core.ids import AccountId
from medkiosk.core.trainingevents import TrainingFailed, TrainingPassed
from medkiosk.guide.check import below, draw, judge, shuffled
from medkiosk.guide.page import Page
from medkiosk.guide.reading import read_page
from medkiosk.guide.standing import Standing, missing, refusal, standing
from tests.guide.test_reading import FRONT, page


def dice(seed: int = 1) -> random.Random:
    return random.Random(seed)


def lesson(number: int = 9, options: int = 4) -> Page:
    answers = "".join(f"- [{'x' if n == 1 else ' '}] answer {n}\n" for n in range(options))
    questions = "".join(f"### Question {n}?\n{answers}> why {n}\n" for n in range(number))
    return read_page(page("## Check\n" + questions), "test")


def test_each_order_is_as_likely() -> None:
    source = dice().randbytes
    orders = Counter(shuffled(source, "abc") for _ in range(6000))
    assert len(orders) == 6
    assert all(850 < times < 1150 for times in orders.values()), orders


def test_a_number_is_drawn_again_where_it_would_make_others_likelier() -> None:
    given_ = iter([b"\xff\xff\xff\xff", b"\x00\x00\x00\x05"])
    assert below(lambda size: next(given_), 3) == 2


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 9), st.integers(2, 5), st.integers(0, 2**32))
def test_a_draw_asks_each_question_once_with_all_its_answers(number: int, options: int, seed: int) -> None:
    lesson_ = lesson(number, options)
    check = draw(dice(seed).randbytes, lesson_)
    assert len(check.drawn) == lesson_.ask
    assert len({one.question for one in check.drawn}) == lesson_.ask
    for one in check.drawn:
        assert sorted(one.options) == sorted(one.question.options)
        assert one.options[one.right] == "answer 1"


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32), st.integers(0, 5))
def test_it_is_passed_with_enough_right_answers_and_not_with_fewer(seed: int, right: int) -> None:
    check = draw(dice(seed).randbytes, lesson())
    answers = [(one.right + (place >= right)) % 4 for place, one in enumerate(check.drawn)]
    result = judge(check, answers)
    assert (result.right, result.asked, result.passed) == (right, 5, right >= 4)
    assert result.wrong == tuple(range(right, 5))


@pytest.mark.parametrize("answers", [(), (0,) * 4, (0,) * 6, (0, 0, 0, 0, 4), (0, 0, -1, 0, 0)])
def test_answers_that_were_not_offered_are_refused(answers: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="answer"):
        judge(draw(dice().randbytes, lesson()), answers)


ME, OTHER = AccountId("1" * 32), AccountId("2" * 32)
BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def passed(
    module: str = "test", version: str = "1.0", days: float = 0, who: AccountId = ME
) -> TrainingPassed:
    at = rfc3339(BEGIN + timedelta(days=days))
    return TrainingPassed(at=at, actor=who, module=module, version=version, digest="0" * 64, right=5, asked=5)


@pytest.mark.parametrize(
    ("last", "days", "expected"),
    [
        (None, 0, Standing.NEVER),
        (passed(), 0, Standing.CURRENT),
        (passed(), 29.99, Standing.CURRENT),
        (passed(), 30, Standing.EXPIRED),
        (passed(version="1.9"), 0, Standing.CURRENT),
        (passed(version="2.2"), 0, Standing.CHANGED),
        (passed(version="0.9"), 0, Standing.CHANGED),
        (passed(version="11.0"), 0, Standing.CHANGED),
    ],
)
def test_a_pass_counts_for_its_days_and_its_major_version(
    last: TrainingPassed | None, days: float, expected: Standing
) -> None:
    found = standing("test", lesson(), last, BEGIN + timedelta(days=days), 30)
    assert found.standing is expected
    assert (found.until is not None) == (expected is Standing.CURRENT)


def test_what_is_demanded_and_is_nowhere_closes() -> None:
    silent = read_page(page("words\n"), "test")
    for there in ({}, {"test": silent}):
        (lacking,) = missing(["test"], there, {"test": passed()}, BEGIN, 30)
        assert lacking.standing is Standing.GONE
        assert "An administrator takes the page again (Guide, T)" in refusal("approve", [lacking], there)


def test_the_refusal_names_each_check_and_the_keys() -> None:
    two = msgspec_page("other", "Another test")
    pages = {"test": lesson(), "other": two}
    lacking = missing(["test", "other", "test"], pages, {}, BEGIN, 30)
    assert len(lacking) == 2
    words = refusal("export", lacking, pages)
    assert '"A test": not passed yet; "Another test": not passed yet' in words
    assert words.endswith("Home, then Guide (O), choose the page, then Check (C)")


def msgspec_page(page_id: str, title: str) -> Page:
    front = FRONT.replace("id: test", f"id: {page_id}").replace("A test", title)
    return read_page(page("## Check\n### Q?\n- [x] a\n- [ ] b\n> c\n", front), page_id)


def test_the_newest_pass_of_each_counts_and_failed_tries_do_not() -> None:
    training = Training()
    failed = TrainingFailed(**{**msgspec.structs.asdict(passed(days=5)), "right": 1})
    for event in (passed(), passed(days=3), passed("other"), passed(who=OTHER), failed):
        assert training.take(event) == ""
    assert training.of(ME) == {"test": passed(days=3), "other": passed("other")}
    assert training.of(OTHER) == {"test": passed(who=OTHER)}
    assert training.of(AccountId("3" * 32)) == {}
    saved = msgspec.msgpack.decode(msgspec.msgpack.encode(training), type=Training)
    assert saved == training

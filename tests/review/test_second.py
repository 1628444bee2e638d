"""Two different people, or it does not leave: every combination of demands, findings and people."""

from __future__ import annotations

from itertools import chain, combinations, product

import msgspec
import pytest

from medkiosk.core.ids import AccountId
from medkiosk.core.photo import Category, Decision, SecondFor
from medkiosk.review.second import Said, demands, is_first, too_few, why_not
from tests.review.test_gate import ANNA, BERT, FACE

CARA = AccountId("c" * 32)
SETS = list(chain.from_iterable(combinations(SecondFor, n) for n in range(len(SecondFor) + 1)))
KEPT = msgspec.structs.replace(FACE, decision=Decision.KEEP)


@pytest.mark.parametrize("second_for", SETS)
@pytest.mark.parametrize(("category", "decision"), list(product(Category, Decision)))
def test_a_face_that_stays_visible_is_what_two_look_at(
    second_for: tuple[SecondFor, ...], category: Category, decision: Decision
) -> None:
    finding = msgspec.structs.replace(FACE, category=category, decision=decision)
    wanted = SecondFor.FACE_SHOWN in demands(second_for, (finding,))
    shown = category is Category.FACE and decision is Decision.KEEP
    assert wanted == (shown and SecondFor.FACE_SHOWN in second_for)


@pytest.mark.parametrize("second_for", SETS)
@pytest.mark.parametrize(("shown", "restricted", "publication"), list(product((False, True), repeat=3)))
def test_what_is_demanded_is_what_is_wanted_and_there(
    second_for: tuple[SecondFor, ...], shown: bool, restricted: bool, publication: bool
) -> None:
    there = {
        SecondFor.FACE_SHOWN: shown,
        SecondFor.RESTRICTED: restricted,
        SecondFor.PUBLICATION: publication,
    }
    findings = (KEPT,) if shown else (FACE,)
    got = demands(second_for, findings, restricted=restricted, publication=publication)
    assert set(got) == {reason for reason, is_there in there.items() if is_there and reason in second_for}


def test_to_demand_more_never_lets_more_leave() -> None:
    for approvers in ((), (ANNA,), (ANNA, ANNA), (ANNA, BERT)):
        for less, more in product(SETS, SETS):
            if set(less) <= set(more) and too_few(approvers, less):
                assert too_few(approvers, more)


def test_the_same_account_never_counts_twice() -> None:
    for wanted in SETS[1:]:
        assert too_few((), wanted)
        assert too_few((ANNA,), wanted)
        assert too_few((ANNA, ANNA, ANNA), wanted)
        assert not too_few((ANNA, BERT), wanted)
    assert not too_few((), ())
    assert "because it leaves for publication and it is restricted" in too_few(
        (ANNA,), (SecondFor.PUBLICATION, SecondFor.RESTRICTED)
    )


@pytest.mark.parametrize(
    ("said", "who", "may"),
    [
        (Said(), ANNA, True),
        (Said((ANNA,)), ANNA, False),
        (Said((ANNA,)), BERT, True),
        (Said((), ANNA), ANNA, False),
        (Said((), ANNA), BERT, True),
        (Said((BERT,), ANNA), ANNA, True),  # another opinion is there now, and two must approve
        (Said((BERT,), ANNA), BERT, False),
        (Said((BERT,), ANNA), CARA, True),
    ],
)
def test_who_may_be_the_next(said: Said, who: AccountId, may: bool) -> None:
    assert (why_not(said, who) == "") is may


def test_one_of_two_is_the_first_and_one_of_one_is_not() -> None:
    assert not is_first(Said(), ())
    assert is_first(Said(), (SecondFor.FACE_SHOWN,))
    assert not is_first(Said((ANNA,)), (SecondFor.FACE_SHOWN,))

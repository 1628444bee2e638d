from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest

from medkiosk.core.consent import Code, Decision
from medkiosk.core.ids import AccountId
from medkiosk.core.photo import NOT_CLINICAL, SHOWS_SLATE, ImageRole, RedactCode, ReviewState, SecondFor
from medkiosk.export.policy import Facts, decide
from medkiosk.review.second import too_few

READY = Facts(
    state=ReviewState.APPROVED,
    role=ImageRole.CLINICAL,
    code=RedactCode.OK,
    latest=2,
    approved=2,
    assigned=True,
)
ANNA, BERT = AccountId("a" * 32), AccountId("b" * 32)
YES = Decision(True, "Consent was given.", Code.ALLOWED)
NO = Decision(False, "Consent was withdrawn.", Code.WITHDRAWN)


def test_what_wants_a_second_approver_stays_until_there_is_one() -> None:
    lacking = too_few((ANNA,), (SecondFor.PUBLICATION,))
    assert decide(replace(READY, second=lacking), YES) == (lacking,)
    assert decide(replace(READY, second=too_few((ANNA, BERT), (SecondFor.PUBLICATION,))), YES) == ()


def test_nothing_in_the_way() -> None:
    assert decide(READY, YES) == ()


@pytest.mark.parametrize(
    ("facts", "consent", "words"),
    [
        *(
            (replace(READY, state=state), YES, "not approved")
            for state in ReviewState
            if state is not ReviewState.APPROVED
        ),
        *(
            (replace(READY, role=role), YES, NOT_CLINICAL[role])
            for role in ImageRole
            if role is not ImageRole.CLINICAL
        ),
        (replace(READY, slate=True), YES, SHOWS_SLATE),
        *((replace(READY, code=code), YES, "") for code in RedactCode if code is not RedactCode.OK),
        (replace(READY, code=None), YES, "not been redacted"),
        (replace(READY, latest=3), YES, "latest revision"),
        (replace(READY, approved=1), YES, "latest revision"),
        (replace(READY, latest=0, approved=0), YES, "latest revision"),
        (replace(READY, assigned=False), YES, "no encounter"),
        (READY, NO, "Consent was withdrawn."),
    ],
)
def test_each_alone_stops_it(facts: Facts, consent: Decision, words: str) -> None:
    (reason,) = decide(facts, consent)
    assert words in reason


def test_every_reason_is_given() -> None:
    faults: list[dict[str, object]] = [
        {"state": ReviewState.REJECTED},
        {"role": ImageRole.SLATE},
        {"code": RedactCode.RESIDUAL},
        {"latest": 9},
        {"assigned": False},
    ]
    for one, other in combinations(faults, 2):
        facts = replace(READY, **one, **other)  # type: ignore[arg-type]
        assert len(decide(facts, NO)) == 3

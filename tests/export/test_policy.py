from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations

import msgspec
import pytest

from medkiosk.core.clock import rfc3339
from medkiosk.core.consent import Decision
from medkiosk.core.events import RecipientEnrolled
from medkiosk.core.ids import AccountId, RecipientId
from medkiosk.core.photo import NOT_CLINICAL, ImageRole, RedactCode, ReviewState
from medkiosk.export.policy import Facts, decide

NOW = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)
READY = Facts(
    state=ReviewState.APPROVED,
    role=ImageRole.CLINICAL,
    code=RedactCode.OK,
    latest=2,
    approved=2,
    assigned=True,
)
YES, NO = Decision(True, "Consent was given."), Decision(False, "Consent was withdrawn.")
RECIPIENT = RecipientEnrolled(
    at=rfc3339(NOW),
    actor=AccountId("a" * 32),
    recipient_id=RecipientId("b" * 32),
    display_name="Dr Far",
    organisation="Elsewhere",
    age_recipient="age1",
    expires=rfc3339(NOW + timedelta(seconds=1)),
)


def until(expires: str) -> RecipientEnrolled:
    return msgspec.structs.replace(RECIPIENT, expires=expires)


def test_nothing_in_the_way() -> None:
    assert decide(READY, YES, RECIPIENT, NOW) == ()


@pytest.mark.parametrize(
    ("facts", "consent", "recipient", "words"),
    [
        *(
            (replace(READY, state=state), YES, RECIPIENT, "not approved")
            for state in ReviewState
            if state is not ReviewState.APPROVED
        ),
        *(
            (replace(READY, role=role), YES, RECIPIENT, NOT_CLINICAL[role])
            for role in ImageRole
            if role is not ImageRole.CLINICAL
        ),
        *(
            (replace(READY, code=code), YES, RECIPIENT, "")
            for code in RedactCode
            if code is not RedactCode.OK
        ),
        (replace(READY, code=None), YES, RECIPIENT, "not been redacted"),
        (replace(READY, latest=3), YES, RECIPIENT, "latest revision"),
        (replace(READY, approved=1), YES, RECIPIENT, "latest revision"),
        (replace(READY, latest=0, approved=0), YES, RECIPIENT, "latest revision"),
        (replace(READY, assigned=False), YES, RECIPIENT, "no encounter"),
        (READY, NO, RECIPIENT, "Consent was withdrawn."),
        (READY, YES, until(rfc3339(NOW)), "enrol them again"),
        (READY, YES, until(""), "enrol them again"),
        (READY, YES, until("never"), "enrol them again"),
    ],
)
def test_each_alone_stops_it(
    facts: Facts, consent: Decision, recipient: RecipientEnrolled, words: str
) -> None:
    (reason,) = decide(facts, consent, recipient, NOW)
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
        assert len(decide(facts, NO, until(""), NOW)) == 4

"""Answers as they are recorded, and a question about one picture."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import msgspec

from medkiosk.consent.decision import Action, Question, Recipient, may
from medkiosk.core.bodysite import Side, write
from medkiosk.core.clock import rfc3339
from medkiosk.core.consent import ConsentKind as K
from medkiosk.core.consent import (
    ConsentMethod,
    Decision,
    Grantor,
    Purpose,
    Relationship,
    Terms,
)

ANYTHING = Question()
"""A picture about which nothing is known."""
NOW = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)
TEACH, PUBLISH, CARE = Purpose.TEACHING_RESEARCH, Purpose.PUBLICATION, Purpose.CLINICAL_RECORD
ADULT, CHILD = "1980-01-01", "2015-01-01"
ARM, LEG = "40983000", "30021000"
LEFT, RIGHT = (write(ARM, side) for side in (Side.LEFT, Side.RIGHT))
DR_FAR = Recipient("f" * 32, "Far  Hospital")


def day(n: int) -> str:
    """The moment n days from now."""
    return rfc3339(NOW + timedelta(days=n))


def answer(
    kind: K = K.GRANT,
    starts: str = day(-10),
    expires: str = day(10),
    purposes: tuple[Purpose, ...] = (TEACH,),
    by: Relationship = Relationship.SELF,
    **more: object,
) -> Terms:
    terms = Terms(
        kind=kind,
        purposes=purposes,
        grantor=Grantor(name="Ada Example", relationship=by),
        method=ConsentMethod.SIGNED_FORM,
        language="en",
        starts=starts,
        expires=expires if kind is K.GRANT else "",
        text_version="en-1",
        use="Journal" if PUBLISH in purposes else "",
    )
    return msgspec.structs.replace(terms, **more)


def decide(
    *consents: Terms,
    purpose: Purpose = TEACH,
    now: datetime = NOW,
    question: Question = ANYTHING,
    to: Recipient | None = None,
    mistaken: Collection[int] = (),
) -> Decision:
    return may(Action.EXPORT, question, consents, purpose, to, now, mistaken)

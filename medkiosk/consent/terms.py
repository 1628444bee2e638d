"""Whether one answer about consent is complete and makes sense, before it is recorded."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from medkiosk.core.clock import parse_rfc3339
from medkiosk.core.consent import ConsentKind, Purpose, Relationship, Terms
from medkiosk.core.explanation import EXPLANATIONS

LONGEST_NAME = 200
"""Characters of a grantor's name."""
LONGEST_GRANT = timedelta(days=25 * 366)
"""A grant for longer is a slip of the finger in the year."""
TOLERANCE = timedelta(minutes=5)
"""How far an answer's start may lie ahead of the clock."""

# RFC 5646 without its grandfathered tags: a language, then subtags of up to eight letters or digits.
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", re.ASCII)


def check(terms: Terms, now: datetime) -> tuple[str, ...]:
    """Return what is wrong with the terms, in words; empty if they can be recorded."""
    problems = [*_about(terms), *_grantor(terms), *_times(terms, now)]
    if not _LANGUAGE.fullmatch(terms.language) or len(terms.language) > 35:
        problems.append("Say in which language it was explained, as a tag like en or de-CH.")
    if terms.text_version not in EXPLANATIONS:
        problems.append("The wording that was read to the grantor is not known here.")
    return tuple(problems)


def covers(terms: Terms, purpose: Purpose) -> bool:
    """Tell whether the answer is about this purpose at all, and from somebody who can give it.

    A clinician deciding in the best interests of somebody who cannot decide can do so for their care only.
    """
    beyond_care = purpose is not Purpose.CLINICAL_RECORD
    if (
        terms.kind is ConsentKind.GRANT
        and beyond_care
        and terms.grantor.relationship is Relationship.CLINICIAN
    ):
        return False
    return purpose in terms.purposes


def moment(text: str) -> datetime | None:
    """Read a time of the terms; None if there is none or it cannot be read."""
    try:
        return parse_rfc3339(text)
    except ValueError:
        return None


def _about(terms: Terms) -> list[str]:
    if not terms.purposes:
        return ["Say what the answer is about: choose at least one purpose."]
    problems = []
    if len(set(terms.purposes)) != len(terms.purposes):
        problems.append("A purpose is named twice.")
    if any(not covers(terms, purpose) for purpose in set(terms.purposes)):
        problems.append(
            "A clinician may decide for somebody who cannot about their clinical record only, not about"
            " teaching, research or publication."
        )
    return problems


def _grantor(terms: Terms) -> list[str]:
    name = terms.grantor.name
    if not name.strip():
        return ["Say who answered."]
    if len(name) > LONGEST_NAME or not name.isprintable():
        return [f"The name of who answered must be at most {LONGEST_NAME} printable characters."]
    return []


def _times(terms: Terms, now: datetime) -> list[str]:
    starts, expires = moment(terms.starts), moment(terms.expires)
    if starts is None:
        return ["Say from when the answer counts."]
    if starts > now + TOLERANCE:
        return ["An answer cannot count from a time that is still to come."]
    if terms.kind is not ConsentKind.GRANT:
        return ["A refusal or withdrawal never expires; leave the end empty."] if terms.expires else []
    if expires is None:
        return ["Say until when the consent counts."]
    if expires <= starts or expires <= now:
        return ["The consent would be over already; its end must lie ahead."]
    if expires - starts > LONGEST_GRANT:
        return ["A consent for more than 25 years is not accepted; check the year."]
    return []

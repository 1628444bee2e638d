"""Whether consent allows something today. Pure: answers in, a yes or a no with its reason out.

The rules, all of them on the closed side of doubt:

1. Nothing recorded about the purpose: no.
2. A grant counts while ``starts <= now < expires``. One without a readable start or end never counts, nor
   does a clinician's best-interests decision for anything but care (`terms.covers`).
3. A refusal or withdrawal stops every grant of the same purpose that was recorded before it *or* that
   starts no later than it. So only a grant that is newer in both ways opens again what was closed. Two
   orders, because an appliance without a network can lose its clock: a withdrawal that is recorded while
   the clock stands in 1970 still counts, and so does one that was recorded while it ran ahead.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from medkiosk.consent.terms import covers, moment
from medkiosk.core.consent import ConsentKind, Decision, Purpose, Terms

PURPOSE_WORDS: dict[Purpose, str] = {
    Purpose.CLINICAL_RECORD: "the clinical record",
    Purpose.TEACHING_RESEARCH: "teaching and research",
    Purpose.PUBLICATION: "publication",
}


class Action(StrEnum):
    """What consent is asked for."""

    EXPORT = "export"


def may(action: Action, consents: Sequence[Terms], purpose: Purpose, now: datetime) -> Decision:
    """Decide whether the answers of one encounter allow ``action`` for ``purpose`` now.

    Args:
        action: what is to be done.
        consents: every answer of the encounter, in the order in which they were recorded.
        purpose: what for.
        now: aware time.

    Returns:
        The decision, with the reason in words for a yes as for a no.
    """
    words = PURPOSE_WORDS[purpose]
    relevant = [(order, terms) for order, terms in enumerate(consents) if covers(terms, purpose)]
    grants = [(order, terms) for order, terms in relevant if terms.kind is ConsentKind.GRANT]
    objections = [(order, terms) for order, terms in relevant if terms.kind is not ConsentKind.GRANT]
    standing = [
        grant
        for order, grant in grants
        if not any(_stops(at, objection, order, grant) for at, objection in objections)
    ]
    valid = [grant for grant in standing if _valid(grant, now)]
    if valid:
        until = max(grant.expires for grant in valid)
        return Decision(True, f"Consent to {action} for {words} was given and counts until {until[:10]}.")
    return Decision(False, _why_not(words, standing, objections, now))


def _valid(grant: Terms, now: datetime) -> bool:
    starts, expires = moment(grant.starts), moment(grant.expires)
    return starts is not None and expires is not None and starts <= now < expires


def _stops(at: int, objection: Terms, order: int, grant: Terms) -> bool:
    objected, granted = moment(objection.starts), moment(grant.starts)
    return at > order or objected is None or granted is None or objected >= granted


def _why_not(
    words: str, standing: Sequence[Terms], objections: Sequence[tuple[int, Terms]], now: datetime
) -> str:
    starts = [moment(grant.starts) for grant in standing]
    if any(start is not None and start > now for start in starts):
        return f"Consent for {words} was given, but counts only from a time that is still to come."
    if standing:
        return f"Consent for {words} was given, but is over now."
    if objections:
        kind = objections[-1][1].kind
        return f"Consent for {words} was {'refused' if kind is ConsentKind.REFUSAL else 'withdrawn'}."
    return f"No consent for {words} is recorded."

"""Ask what consent says about one picture: the facts are put together here, `medkiosk.consent` decides."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from medkiosk.catalog.index import Index
from medkiosk.consent.decision import Action, Question, Recipient, may, snapshot
from medkiosk.consent.terms import plain
from medkiosk.core.clock import parse_rfc3339
from medkiosk.core.config import ConsentPolicy
from medkiosk.core.consent import Code, ConsentKind, Decision, Purpose, Recall, Snapshot, subject_key
from medkiosk.core.exportevents import RecipientEnrolled
from medkiosk.core.ids import CaptureId, EncounterId
from medkiosk.core.photo import Category, Finding
from medkiosk.core.photo import Decision as Found

_NOBODY = Decision(
    False, "It belongs to no encounter, so no consent can cover it.", Code.NOT_ASKED, (), Recall.SCOPE
)


def ask(
    catalog: Index,
    capture_id: CaptureId | None,
    encounter_id: EncounterId | None,
    findings: Iterable[Finding],
    purpose: Purpose,
    recipient: RecipientEnrolled | None,
    policy: ConsentPolicy,
    now: datetime,
    use: str = "",
) -> tuple[Decision, Snapshot]:
    """Say whether consent lets a picture leave.

    Args:
        catalog: held still meanwhile.
        capture_id: the picture; None: any of the encounter of which nothing else is said.
        encounter_id: whose picture it is.
        findings: those of the revision that leaves, or left.
        purpose: what for.
        recipient: for whom; None where they are not known any more.
        policy: the site's.
        now: see `not_before`.
        use: of publication: which one; empty in records from before it was asked, and then any will do.

    Returns:
        The decision, and what it was made of, to be handed on.
    """
    encounter = catalog.encounter(encounter_id) if encounter_id is not None else None
    if encounter is None:
        return _NOBODY, snapshot(_NOBODY, (), purpose, now)
    question = Question(
        born=encounter.subject.birth_date,
        kept_face=any(f.category is Category.FACE and f.decision is Found.KEEP for f in findings),
        body_sites=frozenset(catalog.sites.of(capture_id, encounter_id)),
        use=use,
        majority=policy.majority,
        after_death=policy.after_death,
    )
    to = Recipient(recipient.recipient_id, recipient.organisation) if recipient else None
    answers = catalog.answers(encounter.encounter_id)
    whose = subject_key(encounter.subject)
    mistaken = {place for place, terms in enumerate(answers) if _another(catalog, terms.form, whose)}
    decision = may(Action.EXPORT, question, answers, purpose, to, now, mistaken)
    return decision, snapshot(decision, answers, purpose, now)


def _another(catalog: Index, form: CaptureId | None, whose: tuple[str, str]) -> bool:
    """Whether a signed form is another patient's by now: it was moved, or an identity was corrected."""
    capture = catalog.held.captures.get(form) if form is not None else None
    if capture is None or capture.encounter_id is None:
        return False
    return subject_key(catalog.held.encounters[capture.encounter_id].subject) != whose


def uses(catalog: Index, encounters: Iterable[EncounterId]) -> tuple[str, ...]:
    """Return the names of the publications that people agreed to, or once did, each once.

    Args:
        catalog: held still meanwhile.
        encounters: whose answers.
    """
    named: dict[str, str] = {}
    for encounter_id in dict.fromkeys(encounters):
        for terms in catalog.answers(encounter_id):
            if terms.kind is ConsentKind.GRANT and Purpose.PUBLICATION in terms.purposes:
                named.setdefault(plain(terms.use), terms.use)
    named.pop("", None)
    return tuple(named.values())


def not_before(now: datetime, newest: str) -> datetime:
    """Return the time by which consent is asked: never earlier than the newest record.

    A clock that was moved back must not bring back to life what is over.

    Args:
        now: by the clock.
        newest: time of the newest record, RFC 3339; empty where there is none.
    """
    try:
        return max(now, parse_rfc3339(newest))
    except ValueError:
        return now

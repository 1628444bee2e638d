"""Encounters, consents, and which capture belongs to whom."""

from __future__ import annotations

import re

import msgspec

from medkiosk.consent import terms as consent_terms
from medkiosk.core.consent import Subject, Terms
from medkiosk.core.errors import BadRequestError, NotAllowedError
from medkiosk.core.events import AccountCreated, Assigned, ConsentRecorded, EncounterCreated
from medkiosk.core.ids import CaptureId, ConsentId, EncounterId, new_id
from medkiosk.daemon import views
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.ipc import types as t
from medkiosk.journal import Fact

_LONGEST = 200
_MOST = 2000
"""Captures in one call: an event record holds 256 KiB."""
_BIRTH_DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", re.ASCII)


def create_encounter(kiosk: Kiosk, who: AccountCreated, subject: Subject, label: str) -> t.EncounterInfo:
    """Begin an encounter.

    Raises:
        BadRequestError: the number or its issuer is missing, a field is too long or not printable.
    """
    subject = msgspec.structs.replace(subject, mrn=subject.mrn.strip(" "), issuer=subject.issuer.strip(" "))
    for name, text in (
        ("MRN", subject.mrn),
        ("issuer", subject.issuer),
        ("name", subject.name),
        ("label", label),
    ):
        if len(text) > _LONGEST or not (text.isprintable() or not text):
            raise BadRequestError(
                detail=f"the {name} has more than {_LONGEST} characters, or unprintable ones"
            )
    if not subject.mrn.strip() or not subject.issuer.strip():
        raise BadRequestError(detail="a subject needs a medical record number and who issued it")
    if subject.birth_date and not _BIRTH_DATE.fullmatch(subject.birth_date):
        raise BadRequestError(detail="the birth date is written YYYY-MM-DD, or left empty")
    event = EncounterCreated(
        at=kiosk.journal.now(),
        actor=who.account_id,
        encounter_id=EncounterId(new_id(kiosk.random)),
        subject=subject,
        label=label,
    )
    kiosk.journal.commit([Fact(event)])
    return views.encounter_info(kiosk.encounter(event.encounter_id))


def record_consent(
    kiosk: Kiosk, who: AccountCreated, encounter_id: EncounterId, terms: Terms
) -> t.ConsentInfo:
    """Record an answer.

    Raises:
        NotFoundError: no such encounter.
        BadRequestError: the terms are incomplete or make no sense; says why in words.
    """
    kiosk.encounter(encounter_id)
    problems = consent_terms.check(terms, kiosk.clock())
    if problems:
        raise BadRequestError(detail=" ".join(problems))
    event = ConsentRecorded(
        at=kiosk.journal.now(),
        actor=who.account_id,
        consent_id=ConsentId(new_id(kiosk.random)),
        encounter_id=encounter_id,
        terms=terms,
    )
    kiosk.journal.commit([Fact(event)])
    return t.ConsentInfo(
        consent_id=event.consent_id, encounter_id=encounter_id, at=event.at, terms=event.terms
    )


def assign(
    kiosk: Kiosk, who: AccountCreated, encounter_id: EncounterId, captures: tuple[CaptureId, ...], reason: str
) -> t.EncounterInfo:
    """Say that captures belong to an encounter.

    Raises:
        NotFoundError: no such encounter, or no such capture; nothing is assigned then.
        BadRequestError: a capture already belongs to another encounter and no reason is given.
        NotAllowedError: whoever assigned a capture wants to move it: a correction takes two people.
    """
    if not 0 < len(captures) <= _MOST or len(set(captures)) != len(captures):
        raise BadRequestError(detail=f"name between 1 and {_MOST} captures, each once")
    if len(reason) > _LONGEST:
        raise BadRequestError(detail=f"the reason has more than {_LONGEST} characters")
    with kiosk.journal.lock:  # nobody else may assign them between the look and the record
        kiosk.encounter(encounter_id)
        moved = [
            view for view in map(kiosk.capture, captures) if view.row.encounter_id not in (None, encounter_id)
        ]
        if moved and not reason.strip():
            raise BadRequestError(
                detail=f"{len(moved)} of the captures belong to another encounter; moving them needs a reason"
            )
        if any(view.assigned_by == who.account_id for view in moved):
            raise NotAllowedError(
                reason="you assigned some of these captures yourself; correcting that takes a second person"
            )
        event = Assigned(
            at=kiosk.journal.now(),
            actor=who.account_id,
            encounter_id=encounter_id,
            captures=captures,
            reason=reason,
        )
        kiosk.journal.commit([Fact(event)])
        return views.encounter_info(kiosk.encounter(encounter_id))

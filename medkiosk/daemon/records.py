"""Encounters, consents, and which capture belongs to whom."""

from __future__ import annotations

from medkiosk.catalog.views import CaptureView
from medkiosk.consent import terms as consent_terms
from medkiosk.core.accessevents import EncounterRestricted
from medkiosk.core.consent import Subject, Terms, Witness, subject_key
from medkiosk.core.errors import BadRequestError, NotAllowedError
from medkiosk.core.events import AccountCreated, Assigned, ConsentRecorded, EncounterCreated
from medkiosk.core.ids import CaptureId, ConsentId, EncounterId, new_id
from medkiosk.core.photo import ImageRole
from medkiosk.core.siteevents import EncounterSites
from medkiosk.daemon import circling, correcting, identifying, reasons, siting, views
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.daemon.sessions import Session
from medkiosk.ipc import types as t
from medkiosk.journal import Fact

_LONGEST = 200
_MOST = 2000
"""Captures in one call: an event record holds 256 KiB."""


def create_encounter(
    kiosk: Kiosk,
    session: Session,
    subject: Subject,
    label: str,
    department: str = "",
    confirmed: str = "",
    reason: str = "",
    *,
    intimate: bool = False,
    chaperone: Witness | None = None,
    sites: tuple[str, ...] = (),
) -> t.EncounterInfo:
    """Begin an encounter; where its pictures are intimate or it is known what they show, together with that.

    Args:
        kiosk: the running kiosk.
        session: who writes it down.
        subject: as typed.
        label: what is photographed.
        department: whose patient it is; empty where none is said.
        confirmed: the token of what `identifying.check` showed and this person looked at.
        reason: why what is typed is right, where another name or birth date is known of this number.
        intimate: whether few may see its pictures.
        chaperone: of intimate ones, who was there; None where the patient declined.
        sites: which parts of the body its pictures will show; none: that is not known yet.

    Raises:
        BadRequestError: the number or its issuer is missing or breaks a rule, a field is too long or not
            printable; a chaperone without name or role, or of pictures that are not intimate; see
            `siting.checked`.
        ConflictError, DoubtError: see `identifying.settle`.
    """
    if len(label) > _LONGEST or not (label.isprintable() or not label):
        raise BadRequestError(detail=f"the label has more than {_LONGEST} characters, or unprintable ones")
    reason = reasons.if_any(reason)
    if department:
        circling.check_departments(kiosk.config, (department,))
    circling.check_chaperone(chaperone)
    if chaperone is not None and not intimate:
        raise BadRequestError(detail="a chaperone is written down with intimate pictures only")
    shown = siting.checked(sites)
    with kiosk.journal.lock:  # nobody else may write down a similar one between the look and the record
        kept, unlike = identifying.settle(kiosk, session, subject, confirmed, reason)
        event = EncounterCreated(
            at=kiosk.journal.now(),
            actor=session.account.account_id,
            encounter_id=EncounterId(new_id(kiosk.random)),
            subject=kept,
            label=label,
            reason=reason,
            unlike=unlike,
            department=department,
        )
        facts = [Fact(event)]
        if intimate:
            facts.append(
                Fact(
                    EncounterRestricted(
                        at=event.at,
                        actor=event.actor,
                        encounter_id=event.encounter_id,
                        reason="said when it was written down",
                        chaperone=chaperone,
                    )
                )
            )
        if shown:
            facts.append(
                Fact(
                    EncounterSites(
                        at=event.at, actor=event.actor, encounter_id=event.encounter_id, sites=shown
                    )
                )
            )
        kiosk.journal.commit(facts)
    return views.encounter_info(kiosk.encounter(event.encounter_id))


def record_consent(
    kiosk: Kiosk, who: AccountCreated, encounter_id: EncounterId, terms: Terms
) -> t.ConsentInfo:
    """Record an answer.

    Raises:
        NotFoundError: no such encounter.
        BadRequestError: the terms are incomplete or make no sense; says why in words.
    """
    subject = kiosk.encounter(encounter_id).subject
    policy = kiosk.config.consent
    person = consent_terms.Person(subject.birth_date, policy.majority, policy.after_death)
    problems = consent_terms.check(terms, kiosk.clock(), person)
    if problems:
        raise BadRequestError(detail=" ".join(problems))
    if terms.form is not None:
        _check_form(kiosk, terms.form, subject)
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


def _check_form(kiosk: Kiosk, form: CaptureId, subject: Subject) -> None:
    view = kiosk.capture(form)
    if view.row.role is not ImageRole.CONSENT_FORM:
        raise BadRequestError(
            detail="the photograph of the form is not marked as a consent form; say so first"
        )
    encounter_id = view.row.encounter_id
    whose = kiosk.encounter(encounter_id).subject if encounter_id is not None else None
    if whose is None or subject_key(whose) != subject_key(subject):
        raise BadRequestError(detail="the photograph of the form does not belong to this patient")


def assign(
    kiosk: Kiosk, who: AccountCreated, encounter_id: EncounterId, captures: tuple[CaptureId, ...], reason: str
) -> t.EncounterInfo:
    """Say that captures belong to an encounter; where one was intimate, the encounter is from now on.

    Raises:
        NotFoundError: no such encounter, or no such capture; nothing is assigned then.
        BadRequestError: a capture already belongs to another encounter and no reason is given.
        NotAllowedError: a capture is another patient's, or a correction names it: that takes two people.
    """
    if not 0 < len(captures) <= _MOST or len(set(captures)) != len(captures):
        raise BadRequestError(detail=f"name between 1 and {_MOST} captures, each once")
    reason = reasons.if_any(reason)
    with kiosk.journal.lock:  # nobody else may assign them between the look and the record
        right = subject_key(kiosk.encounter(encounter_id).subject)
        moved = [
            view for view in map(kiosk.capture, captures) if view.row.encounter_id not in (None, encounter_id)
        ]
        if moved and not reason:
            raise BadRequestError(
                detail=f"{len(moved)} of the captures belong to another encounter; moving them needs a reason"
            )
        if any(_whose(kiosk, view) != right for view in moved):
            raise NotAllowedError(
                reason="some of these pictures are another patient's: propose a correction, which a second"
                " person decides about"
            )
        if any(correcting.doubted(kiosk, v.row.capture_id, v.row.encounter_id) for v in moved):
            raise NotAllowedError(reason="a correction that waits names some of these pictures")
        event = Assigned(
            at=kiosk.journal.now(),
            actor=who.account_id,
            encounter_id=encounter_id,
            captures=captures,
            reason=reason,
        )
        sources = [each for view in moved if (each := view.row.encounter_id) is not None]
        kiosk.journal.commit([Fact(event), *circling.carried(kiosk, who, encounter_id, sources)])
        return views.encounter_info(kiosk.encounter(encounter_id))


def _whose(kiosk: Kiosk, view: CaptureView) -> tuple[str, str]:
    encounter_id = view.row.encounter_id
    return ("", "") if encounter_id is None else subject_key(kiosk.encounter(encounter_id).subject)

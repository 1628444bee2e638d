"""Pictures or an encounter of the wrong patient: one proposes, another decides (docs/identity.md)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from medkiosk.access.need import Action
from medkiosk.catalog.corrections import Correction
from medkiosk.catalog.exports import Export
from medkiosk.catalog.fold import Catalog
from medkiosk.core.consent import Decision, Purpose, Subject, subject_key
from medkiosk.core.correction import by_whom, next_state
from medkiosk.core.correctionevents import (
    CorrectionDecided,
    CorrectionProposed,
    CorrectionState,
    Outcome,
    SubjectCorrected,
)
from medkiosk.core.errors import BadRequestError, NotAllowedError, NotFoundError
from medkiosk.core.events import AccountCreated, Assigned
from medkiosk.core.ids import CaptureId, CorrectionId, EncounterId, new_id
from medkiosk.core.photo import ReviewState
from medkiosk.daemon import circling, consenting, identifying, needing, reasons
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.daemon.sessions import Session
from medkiosk.ipc import types as t
from medkiosk.journal import Fact

MOST = 2000
"""Captures in one call: an event record holds 256 KiB."""
_PAGE = 50
_LARGEST = 5000
"""Captures of an encounter that one record can name."""
DOUBT = "Somebody said that this picture is another patient's, and nobody has decided about it yet."


def doubted(kiosk: Kiosk, capture_id: CaptureId, encounter_id: EncounterId | None) -> str:
    """Why a picture is neither approved nor exported now; empty where no correction waits for it."""
    with kiosk.reading() as catalog:
        return DOUBT if catalog.corrections.doubt(capture_id, encounter_id) is not None else ""


def propose(
    kiosk: Kiosk, session: Session, encounter_id: EncounterId, captures: tuple[CaptureId, ...], reason: str
) -> t.CorrectionInfo:
    """Say that pictures of one patient are another one's.

    Raises:
        NotFoundError: no such encounter or capture.
        BadRequestError: none or too many, one is nobody's, or this patient's already; no reason.
        NotAllowedError: a correction that waits names one of them.
    """
    if not 0 < len(captures) <= MOST or len(set(captures)) != len(captures):
        raise BadRequestError(detail=f"name between 1 and {MOST} captures, each once")
    reason = reasons.given(reason)
    with kiosk.journal.lock:
        right = subject_key(kiosk.encounter(encounter_id).subject)
        with kiosk.reading() as catalog:
            unsure = any(
                not each.captures and each.encounter_id == encounter_id for each in catalog.corrections.open()
            )
        if unsure:
            raise NotAllowedError(reason="a correction that waits says that the encounter is somebody else's")
        whose = []
        for capture_id in captures:
            now = kiosk.capture(capture_id).row.encounter_id
            if now is None:
                raise BadRequestError(detail="a picture that belongs to nobody is assigned, not corrected")
            if subject_key(kiosk.encounter(now).subject) == right:
                raise BadRequestError(detail="some of these pictures are this patient's already")
            if doubted(kiosk, capture_id, now):
                raise NotAllowedError(reason="a correction that waits names some of these pictures")
            whose.append(now)
        event = CorrectionProposed(
            at=kiosk.journal.now(),
            actor=session.account.account_id,
            correction_id=CorrectionId(new_id(kiosk.random)),
            encounter_id=encounter_id,
            reason=reason,
            captures=captures,
            whose=tuple(whose),
        )
        kiosk.journal.commit([Fact(event)])
    return _seen_by(kiosk, session, event.correction_id)


def propose_identity(
    kiosk: Kiosk, session: Session, encounter_id: EncounterId, typed: Subject, reason: str, confirmed: str
) -> t.CorrectionInfo:
    """Say that an encounter is of somebody else than was written down, or is written otherwise.

    Raises:
        NotFoundError: no such encounter.
        BadRequestError: the subject breaks a rule, or is the one that it is; no reason.
        NotAllowedError: a correction that waits names it, or one of its pictures.
        ConflictError, DoubtError: see `identifying.settle`.
    """
    reason = reasons.given(reason)
    with kiosk.journal.lock:
        before = kiosk.encounter(encounter_id).subject
        subject = identifying.tidy(kiosk, typed)
        if subject_key(subject) != subject_key(before):
            subject, _ = identifying.settle(kiosk, session, subject, confirmed, reason)
        if subject == before and not _hidden(kiosk, session, encounter_id):  # else it tells who guesses
            raise BadRequestError(detail="this is what is written down already")
        with kiosk.reading() as catalog:
            mine = catalog.held.encounters[encounter_id].captures
            if len(mine) > _LARGEST:
                raise BadRequestError(
                    detail=f"the encounter has more than {_LARGEST} pictures; move them instead"
                )
            waits = any(
                each.encounter_id == encounter_id  # also moves into it: the second person reads who it is now
                or not mine.keys().isdisjoint(each.captures)
                for each in catalog.corrections.open()
            )
        if waits:
            raise NotAllowedError(reason="a correction that waits names this encounter or its pictures")
        event = CorrectionProposed(
            at=kiosk.journal.now(),
            actor=session.account.account_id,
            correction_id=CorrectionId(new_id(kiosk.random)),
            encounter_id=encounter_id,
            reason=reason,
            before=before,
            subject=subject,
        )
        kiosk.journal.commit([Fact(event)])
    return _seen_by(kiosk, session, event.correction_id)


def decide(
    kiosk: Kiosk, session: Session, correction_id: CorrectionId, outcome: Outcome, reason: str
) -> t.CorrectionInfo:
    """Say yes or no to a correction, or take it back; a yes and what follows from it are one transaction.

    Raises:
        NotFoundError: there is none.
        BadRequestError: it was decided already, or a no without a reason.
        NotAllowedError: the same person, or not so any more as it was proposed.
    """
    who = session.account
    reason = reasons.given(reason) if outcome is Outcome.REFUSED else reasons.if_any(reason)
    with kiosk.journal.lock:
        with kiosk.reading() as catalog:
            correction = _found(catalog, correction_id)
            proposed = correction.proposed
            obstacles = _obstacles(catalog, proposed)
        if next_state(correction.state, outcome) is None:
            raise BadRequestError(detail=f"this correction is {correction.state.replace('_', ' ')} already")
        if words := by_whom(outcome, proposer=proposed.actor == who.account_id):
            raise NotAllowedError(reason=words)
        if outcome is Outcome.APPROVED and obstacles:
            raise NotAllowedError(reason=" ".join(obstacles))
        captures, identity = proposed.captures, proposed.subject is not None
        if identity and outcome is Outcome.APPROVED:
            with kiosk.reading() as catalog:
                captures = tuple(catalog.held.encounters[proposed.encounter_id].captures)
        decided = CorrectionDecided(
            at=kiosk.journal.now(),
            actor=who.account_id,
            correction_id=correction_id,
            encounter_id=proposed.encounter_id,
            outcome=outcome,
            captures=captures,
            identity=identity,
            reason=reason,
        )
        follows = _follows(kiosk, who, proposed) if outcome is Outcome.APPROVED else []
        kiosk.journal.commit([Fact(decided), *follows])
    return _seen_by(kiosk, session, correction_id)


def _follows(kiosk: Kiosk, who: AccountCreated, proposed: CorrectionProposed) -> list[Fact]:
    """What a yes changes."""
    if proposed.subject is not None:
        return [
            Fact(
                SubjectCorrected(
                    at=kiosk.journal.now(),
                    actor=who.account_id,
                    encounter_id=proposed.encounter_id,
                    subject=proposed.subject,
                    correction_id=proposed.correction_id,
                )
            )
        ]
    return [
        Fact(
            Assigned(
                at=kiosk.journal.now(),
                actor=who.account_id,
                encounter_id=proposed.encounter_id,
                captures=proposed.captures,
                reason=proposed.reason,
                correction_id=proposed.correction_id,
            )
        ),
        *circling.carried(kiosk, who, proposed.encounter_id, proposed.whose),
    ]


def _obstacles(catalog: Catalog, proposed: CorrectionProposed) -> tuple[str, ...]:
    """Why it cannot be done as it was proposed."""
    target = catalog.encounter(proposed.encounter_id)
    if target is None:
        return ("The encounter was disposed of.",)
    if proposed.subject is not None:
        changed = target.subject != proposed.before
        return (
            ("The encounter's identity was corrected since; look again and propose anew.",) if changed else ()
        )
    moved = gone = 0
    for capture_id, whose in zip(proposed.captures, proposed.whose, strict=True):
        capture = catalog.held.captures.get(capture_id)
        if capture is None:
            gone += 1
        elif capture.encounter_id != whose:
            moved += 1
    words = []
    if gone:
        words.append(f"{gone} of the pictures were disposed of.")
    if moved:
        words.append(f"{moved} of the pictures were assigned anew since; look again and propose anew.")
    return tuple(words)


def corrections(kiosk: Kiosk, session: Session, offset: int, limit: int) -> t.CorrectionList:
    """Those that wait first, oldest first; then the others, newest first. Only what this person may see."""
    eyes = needing.Eyes(kiosk, session)
    with kiosk.reading() as catalog:
        may = eyes.sees(catalog, Action.NAME)
        seen = [
            each
            for each in catalog.corrections.all.values()
            if may is None or all(map(may, {each.proposed.encounter_id, *each.proposed.whose}))
        ]
        waiting = [each for each in seen if each.state is CorrectionState.PROPOSED]
        over = [each for each in reversed(seen) if each.state is not CorrectionState.PROPOSED]
        start = max(offset, 0)
        page = [*waiting, *over][start : start + max(0, min(limit, _PAGE))]
        found = tuple(_info(kiosk, catalog, each) for each in page)
    return t.CorrectionList(corrections=found, total=len(seen), open=len(waiting))


def _hidden(kiosk: Kiosk, session: Session, encounter_id: EncounterId) -> bool:
    """Whether this person may not read whose an encounter is; who records need not be one who may."""
    eyes = needing.Eyes(kiosk, session)
    with kiosk.reading() as catalog:
        return not eyes.verdict(catalog, Action.NAME, encounter_id).allowed


def _seen_by(kiosk: Kiosk, session: Session, correction_id: CorrectionId) -> t.CorrectionInfo:
    """One correction, with the words that the second person decides by; hidden names are left out.

    Whoever only records proposes and takes back without the right to see an intimate encounter.
    """
    eyes = needing.Eyes(kiosk, session)
    with kiosk.reading() as catalog:
        found = _found(catalog, correction_id)
        told = _info(kiosk, catalog, found)
        named = eyes.verdict(catalog, Action.NAME, found.proposed.encounter_id).allowed
        were = all(eyes.verdict(catalog, Action.NAME, each).allowed for each in found.proposed.whose)
    if named and were:
        return told
    identity = found.proposed.subject is not None
    return msgspec.structs.replace(
        told,
        before=told.before if (named if identity else were) else tuple(map(_unnamed, told.before)),
        after=told.after if named else _unnamed(told.after),
        needs=(),  # consents, and whether it is the same patient
    )


def _unnamed(subject: Subject) -> Subject:
    return msgspec.structs.replace(subject, name="", birth_date="")


def _found(catalog: Catalog, correction_id: CorrectionId) -> Correction:
    correction = catalog.corrections.all.get(correction_id)
    if correction is None:
        raise NotFoundError(what="correction", id=correction_id)
    return correction


def encounters_of(kiosk: Kiosk, correction_id: CorrectionId) -> tuple[str, ...]:
    """The encounters that a correction is about, for whoever asks whether somebody may see them."""
    with kiosk.reading() as catalog:
        proposed = _found(catalog, correction_id).proposed
    return (proposed.encounter_id, *dict.fromkeys(proposed.whose))


_GONE = Subject(mrn="", issuer="", name="(disposed of)", birth_date="")


def _info(kiosk: Kiosk, catalog: Catalog, correction: Correction) -> t.CorrectionInfo:
    proposed, decided = correction.proposed, correction.decided
    target = catalog.encounter(proposed.encounter_id)
    after = proposed.subject or (target.subject if target else _GONE)
    if proposed.before is not None:
        before: tuple[Subject, ...] = (proposed.before,)
        in_it = catalog.held.encounters.get(proposed.encounter_id)
        captures = tuple(in_it.captures) if in_it else ()
    else:
        views = (catalog.encounter(each) for each in dict.fromkeys(proposed.whose))
        found = {subject_key(each.subject): each.subject for each in views if each is not None}
        before, captures = tuple(found.values()) or (_GONE,), proposed.captures
    there = [view for view in map(catalog.capture, captures) if view is not None]
    approved = sum(view.row.state in (ReviewState.APPROVED, ReviewState.NEEDS_SECOND) for view in there)
    left = tuple(_left(catalog, captures, after))
    waits = correction.state is CorrectionState.PROPOSED
    return t.CorrectionInfo(
        correction_id=proposed.correction_id,
        at=proposed.at,
        by=catalog.name_of(proposed.actor),
        by_id=proposed.actor,
        reason=proposed.reason,
        state=correction.state,
        encounter_id=proposed.encounter_id,
        captures=captures,
        names=tuple(view.row.name for view in there),
        before=before,
        after=after,
        approved=approved if waits else 0,
        left=left,
        needs=tuple(_needs(kiosk, catalog, proposed, approved, left)) if waits else (),
        obstacles=_obstacles(catalog, proposed) if waits else (),
        decided_by=catalog.name_of(decided.actor) if decided else "",
        decided_at=decided.at if decided else "",
        decision=decided.reason if decided else "",
    )


def _left(catalog: Catalog, captures: tuple[CaptureId, ...], right: Subject) -> Iterator[t.LeftInfo]:
    """What left of these as of another patient."""
    wanted = set(captures)
    exports = {
        each.prepared.export_id: each for capture_id in captures for each in catalog.outside.of(capture_id)
    }
    for export in sorted(exports.values(), key=lambda each: each.prepared.at):
        wrong = sum(
            capture_id in wanted and _was(catalog, export, whose) not in (None, subject_key(right))
            for capture_id, whose in zip(export.prepared.captures, export.whose, strict=True)
        )
        if export.outside and wrong:
            recipient = catalog.outside.recipients.get(export.prepared.recipient_id)
            yield t.LeftInfo(
                recipient=recipient.display_name if recipient else "",
                at=export.prepared.at,
                purpose=export.prepared.purpose,
                pictures=wrong,
                perhaps=export.written is None,
            )


def _was(catalog: Catalog, export: Export, whose: EncounterId) -> tuple[str, str] | None:
    """Whose pictures of an encounter were when they left."""
    view = catalog.encounter(whose) if whose else None
    subject = export.then.get(whose) or (view.subject if view else None)
    return subject_key(subject) if subject else None


def _needs(
    kiosk: Kiosk,
    catalog: Catalog,
    proposed: CorrectionProposed,
    approved: int,
    left: tuple[t.LeftInfo, ...],
) -> Iterator[str]:
    """What follows from a yes, in words."""
    other = (
        proposed.before is None
        or proposed.subject is None
        or (subject_key(proposed.before) != subject_key(proposed.subject))
    )
    if not other:
        yield "It stays the same patient; only how they are written changes."
    if approved:
        yield f"{approved} approved: the approval ends, and they are to be reviewed again."
    if left:
        pictures = sum(each.pictures for each in left)
        yield f"{pictures} left under the wrong patient: they go on the recall list; tell who has them."
    if proposed.subject is not None:
        if other:
            yield "The answers about consent that were recorded in this encounter go with it; look at them."
        return
    before = {
        subject_key(view.subject) for view in map(catalog.encounter, set(proposed.whose)) if view is not None
    }
    forms = {each.terms.form for whose in before for each in catalog.held.said.get(whose, ())}
    if not forms.isdisjoint(proposed.captures):
        yield "There is a signed form among them: what was agreed to on it ends for whom it was written down."
    intimate = catalog.circle.restricted
    if proposed.encounter_id not in intimate and not intimate.keys().isdisjoint(proposed.whose):
        yield "Intimate pictures come to an encounter that is not: it becomes intimate, and few will see it."
    now = consenting.not_before(kiosk.clock(), kiosk.keyring.opened.newest)
    for purpose in Purpose:
        why_not = (
            said.reason
            for capture_id in proposed.captures
            if not (said := _asked(kiosk, catalog, capture_id, proposed.encounter_id, purpose, now)).allowed
        )
        for reason in dict.fromkeys(why_not):
            yield f"Consent of the right patient, {purpose.replace('_', ' ')}: no. {reason}"


def _asked(
    kiosk: Kiosk,
    catalog: Catalog,
    capture_id: CaptureId,
    encounter_id: EncounterId,
    purpose: Purpose,
    now: datetime,
) -> Decision:
    """What consent says of a picture in the encounter that it is to come to; its own word goes with it."""
    view = catalog.capture(capture_id)
    findings = view.latest.findings if view is not None and view.latest is not None else ()
    said, _ = consenting.ask(
        catalog, capture_id, encounter_id, findings, purpose, None, kiosk.config.consent, now
    )
    return said

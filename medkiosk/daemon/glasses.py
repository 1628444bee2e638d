"""Break-glass: open an encounter for a while, close it, and look into it afterwards (docs/access.md)."""

from __future__ import annotations

import itertools
from datetime import timedelta

from medkiosk.access.need import Action, Glass
from medkiosk.catalog.circle import BrokenGlass
from medkiosk.catalog.fold import Catalog
from medkiosk.core.accessevents import GlassBroken, GlassEnded, GlassReviewed, PatientAskedFor
from medkiosk.core.clock import rfc3339
from medkiosk.core.consent import Subject, subject_key
from medkiosk.core.errors import BadRequestError, NotAllowedError, NotFoundError
from medkiosk.core.events import AccountCreated
from medkiosk.core.ids import EncounterId, GlassId, new_id
from medkiosk.daemon import needing, reasons
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.daemon.sessions import OpenGlass, Session
from medkiosk.ipc import types as t
from medkiosk.journal import Fact

SHORTEST_REASON = 10
_MOST = 50
"""Encounters of one patient in an answer."""


def ask(kiosk: Kiosk, session: Session, mrn: str, issuer: str) -> t.HiddenEncounters:
    """Say whether there is such a patient among what this session does not see; that it asked is logged.

    Raises:
        BadRequestError: number or issuer is missing.
    """
    if not mrn.strip() or not issuer.strip():
        raise BadRequestError(detail="the exact number and who issued it are needed")
    wanted = subject_key(Subject(mrn=mrn.strip(" "), issuer=issuer.strip(" "), name="", birth_date=""))
    eyes = needing.Eyes(kiosk, session)
    with kiosk.reading() as catalog:
        hidden = (
            t.HiddenEncounter(
                encounter_id=view.encounter_id,
                at=view.at,
                department=catalog.circle.departments.get(view.encounter_id, ""),
            )
            for view in catalog.encounters()
            if subject_key(view.subject) == wanted
            and eyes.verdict(catalog, Action.SEE, view.encounter_id).breakable
        )
        found = tuple(itertools.islice(hidden, _MOST))
    if found:
        event = PatientAskedFor(
            at=kiosk.journal.now(),
            actor=session.account.account_id,
            encounters=tuple(each.encounter_id for each in found),
        )
        kiosk.journal.commit([Fact(event)])
    return t.HiddenEncounters(encounters=found)


def broken(kiosk: Kiosk, session: Session, encounter_id: EncounterId, reason: str) -> t.OpenGlassInfo:
    """Break the glass of one encounter; it is in the ledger before anything opens.

    Raises:
        NotFoundError: no such encounter.
        BadRequestError: no reason worth the name.
        NotAllowedError: this person sees it anyway, or may not even so.
    """
    reason = reasons.given(reason, asked="say why you must treat this patient now", shortest=SHORTEST_REASON)
    kiosk.encounter(encounter_id)
    with kiosk.journal.lock:
        for each in open_ones(kiosk, session):
            if each.encounter_id == encounter_id:
                return each
        eyes = needing.Eyes(kiosk, session)
        with kiosk.reading() as catalog:
            verdict = eyes.verdict(catalog, Action.SEE, encounter_id)
        if verdict.allowed:
            raise NotAllowedError(reason="you see this patient's pictures already")
        if not verdict.breakable:
            raise NotAllowedError(reason=verdict.why)
        seconds = kiosk.config.access.break_glass_s
        until = kiosk.clock() + timedelta(seconds=seconds)
        event = GlassBroken(
            at=kiosk.journal.now(),
            actor=session.account.account_id,
            glass_id=GlassId(new_id(kiosk.random)),
            encounter_id=encounter_id,
            reason=reason,
            until=rfc3339(until),
        )
        ends = kiosk.sessions.now() + seconds
        kiosk.journal.commit([Fact(event)])
        session.glasses = (*session.glasses, OpenGlass(Glass(event.glass_id, encounter_id, until), ends))
    return t.OpenGlassInfo(glass_id=event.glass_id, encounter_id=encounter_id, seconds=seconds)


def open_ones(kiosk: Kiosk, session: Session) -> tuple[t.OpenGlassInfo, ...]:
    """What this session has open, and for how long at most by either clock."""
    now, wall = kiosk.sessions.now(), kiosk.clock()
    return tuple(
        t.OpenGlassInfo(glass_id=each.glass.glass_id, encounter_id=each.glass.encounter_id, seconds=left)
        for each in session.glasses
        if (left := each.left(now, wall))
    )


def end(kiosk: Kiosk, session: Session, glass_id: GlassId) -> None:
    """Close a glass that this session has open.

    Raises:
        NotFoundError: it has none such.
    """
    mine = {each.glass_id: each.encounter_id for each in open_ones(kiosk, session)}
    if glass_id not in mine:
        raise NotFoundError(what="open glass", id=glass_id)
    # Closed first: what cannot be recorded must not stay open.
    session.glasses = tuple(each for each in session.glasses if each.glass.glass_id != glass_id)
    event = GlassEnded(
        at=kiosk.journal.now(),
        actor=session.account.account_id,
        glass_id=glass_id,
        encounter_id=mine[glass_id],
    )
    kiosk.journal.commit([Fact(event)])


def listed(kiosk: Kiosk, *, unread: bool, offset: int, limit: int) -> t.Glasses:
    """Broken glasses, newest first."""
    with kiosk.reading() as catalog:
        found = list(catalog.circle.of(unread=unread))
        page = found[max(offset, 0) :][:limit]
        return t.Glasses(glasses=tuple(_info(catalog, each) for each in page), total=len(found))


def review(
    kiosk: Kiosk, who: AccountCreated, glass_id: GlassId, words: str, *, justified: bool
) -> t.GlassInfo:
    """Write down what somebody found who looked into it.

    Raises:
        NotFoundError: there is none such.
        BadRequestError: no words, or somebody has looked into it already.
        NotAllowedError: it is one's own.
    """
    words = reasons.given(words, asked="say what you found")
    with kiosk.journal.lock:
        with kiosk.reading() as catalog:
            glass = catalog.circle.glasses.get(glass_id)
        if glass is None:
            raise NotFoundError(what="broken glass", id=glass_id)
        if glass.broken.actor == who.account_id:
            raise NotAllowedError(reason="nobody looks into a glass that they broke themselves")
        if glass.reviewed is not None:
            raise BadRequestError(detail="somebody has looked into this one already")
        event = GlassReviewed(
            at=kiosk.journal.now(),
            actor=who.account_id,
            glass_id=glass_id,
            encounter_id=glass.broken.encounter_id,
            justified=justified,
            words=words,
        )
        kiosk.journal.commit([Fact(event)])
    with kiosk.reading() as catalog:
        return _info(catalog, catalog.circle.glasses[glass_id])


def _info(catalog: Catalog, glass: BrokenGlass) -> t.GlassInfo:
    said, read = glass.broken, glass.reviewed
    return t.GlassInfo(
        glass_id=said.glass_id,
        encounter_id=said.encounter_id,
        by=catalog.name_of(said.actor),
        at=said.at,
        until=said.until,
        reason=said.reason,
        ended=glass.ended.at if glass.ended else "",
        looks=glass.looks,
        read_by=catalog.name_of(read.actor) if read else "",
        read_at=read.at if read else "",
        justified=read is not None and read.justified,
        words=read.words if read else "",
    )

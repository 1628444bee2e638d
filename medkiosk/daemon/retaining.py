"""What is due, what is held, and what people decide about it. Nothing here destroys anything by itself."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from medkiosk.catalog.fold import Catalog
from medkiosk.catalog.retention import Disposal
from medkiosk.catalog.views import EncounterView
from medkiosk.core import canon
from medkiosk.core import lifecycle as life
from medkiosk.core.clock import rfc3339
from medkiosk.core.disposal import DisposalEvent, next_state
from medkiosk.core.errors import BadRequestError, NotAllowedError, NotFoundError
from medkiosk.core.events import AccountCreated
from medkiosk.core.ids import CaptureId, DisposalId, EncounterId, HoldId, new_id
from medkiosk.core.lifecycle import DisposalState, RetentionClass
from medkiosk.daemon import reasons, recalling
from medkiosk.daemon.duebook import (
    Book,
    Judged,
    judge_all,
    look,
    seen_of,
    standing_of,
    verdicts_of,
    why_not_now,
    why_not_propose,
)
from medkiosk.daemon.keysthere import SAME_DISK
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.daemon.needing import encounter_info
from medkiosk.ipc import types as t
from medkiosk.journal import Fact
from medkiosk.retention.classes import read_date

_MOST = 2000
"""Captures of one disposal: its event is one record."""
MOST_NAMED = 500
"""Encounters and single pictures of one disposal: who decides gets all verdicts in one answer."""
_RECORD = 240 * 1024
"""Bytes of a proposal; a record holds 256 KiB."""
_PAGE = 50
"""The most disposals in a page."""
_LISTED = 1000
"""Verdicts in a page of disposals: those of the newest; `get_disposal` has the others'."""

REMAINS = (
    "What left in exports stays with those who got it: the recall list names them.",
    "Copies of this machine's disk that were made before still open with two recovery sheets.",
    "The ledger keeps that something was here, its size, who destroyed it and why: no names, no picture.",
)
"""What the second person must know; docs/retention.md has the whole list."""
SAME_DISK_REMAINS = (
    "Copies of this machine's disk that were made before hold the device secret, too: they still open with a"
    " passphrase of that time."
)
"""The same, where the device secret is on the file system of the store."""


def remains(keys: Sequence[str]) -> tuple[str, ...]:
    """Return what a disposal leaves, for a machine whose keys are where ``keys`` says (`Status.keys`)."""
    return (*REMAINS[:2], SAME_DISK_REMAINS, *REMAINS[2:]) if SAME_DISK in keys else REMAINS


def _check_there(catalog: Catalog, encounters: Sequence[EncounterId], captures: Sequence[CaptureId]) -> None:
    if not encounters and not captures:
        raise BadRequestError(detail="name at least one encounter or picture")
    if len(captures) > _MOST or len(encounters) > _MOST:
        raise BadRequestError(detail=f"name at most {_MOST} encounters and pictures at a time")
    for encounter_id in encounters:
        if catalog.encounter(encounter_id) is None:
            raise NotFoundError(what="encounter", id=encounter_id)
    for capture_id in captures:
        if catalog.capture(capture_id) is None:
            raise NotFoundError(what="capture", id=capture_id)


# Classes and holds


def set_retention(
    kiosk: Kiosk,
    who: AccountCreated,
    encounter_id: EncounterId,
    retention: RetentionClass,
    until: str,
    reason: str,
) -> t.RetentionInfo:
    """Give an encounter a class.

    Raises:
        NotFoundError: there is no such encounter.
        BadRequestError: no reason, or a day that is none.
    """
    reason = reasons.given(reason)
    if until and (retention is not RetentionClass.RESEARCH or read_date(until) is None):
        raise BadRequestError(detail="only research has an end, written YYYY-MM-DD")
    kiosk.encounter(encounter_id)
    event = life.RetentionSet(
        at=kiosk.journal.now(),
        actor=who.account_id,
        encounter_id=encounter_id,
        retention=retention,
        until=until,
        reason=reason,
    )
    kiosk.journal.commit([Fact(event)])
    return retention_of(kiosk, encounter_id)


def retention_of(kiosk: Kiosk, encounter_id: EncounterId) -> t.RetentionInfo:
    """How long an encounter is kept.

    Raises:
        NotFoundError: there is no such encounter.
    """
    with kiosk.reading() as catalog:
        book = look(catalog, kiosk.clock())
        encounter = book.encounters.get(encounter_id)
        if encounter is None:
            raise NotFoundError(what="encounter", id=encounter_id)
        kept = book.term(encounter)
        verdict = book.of_encounter(encounter)
    return t.RetentionInfo(
        encounter_id=encounter_id,
        retention=kept.retention,
        due=str(kept.due or ""),
        words=verdict.words,
    )


def place_hold(
    kiosk: Kiosk,
    who: AccountCreated,
    encounters: tuple[EncounterId, ...],
    captures: tuple[CaptureId, ...],
    reason: str,
    authority: str,
) -> t.HoldInfo:
    """Keep these whatever is due.

    Raises:
        NotFoundError: one is not there.
        BadRequestError: none or too many, or no reason.
        OutOfDateError: one is being destroyed.
    """
    reason = reasons.given(reason)
    authority = reasons.given(authority, asked="say by whose order")
    with kiosk.reading() as catalog:
        _check_there(catalog, encounters, captures)
    event = life.HoldPlaced(
        at=kiosk.journal.now(),
        actor=who.account_id,
        hold_id=HoldId(new_id(kiosk.random)),
        encounters=encounters,
        captures=captures,
        reason=reason,
        authority=authority,
    )
    kiosk.journal.commit([Fact(event)])
    with kiosk.reading() as catalog:
        return _hold_info(catalog, event)


def lift_hold(kiosk: Kiosk, who: AccountCreated, hold_id: HoldId, reason: str) -> t.Holds:
    """End a hold.

    Raises:
        NotFoundError: there is no such hold in force.
        BadRequestError: no reason.
    """
    reason = reasons.given(reason)
    with kiosk.journal.lock:
        with kiosk.reading() as catalog:
            if hold_id not in catalog.keeping.holds:
                raise NotFoundError(what="hold", id=hold_id)
        event = life.HoldLifted(at=kiosk.journal.now(), actor=who.account_id, hold_id=hold_id, reason=reason)
        kiosk.journal.commit([Fact(event)])
    return list_holds(kiosk)


def list_holds(kiosk: Kiosk) -> t.Holds:
    """All holds in force."""
    with kiosk.reading() as catalog:
        return t.Holds(holds=tuple(_hold_info(catalog, hold) for hold in catalog.keeping.holds.values()))


def _hold_info(catalog: Catalog, hold: life.HoldPlaced) -> t.HoldInfo:
    return t.HoldInfo(
        hold_id=hold.hold_id,
        at=hold.at,
        by=catalog.name_of(hold.actor),
        encounters=hold.encounters,
        captures=hold.captures,
        reason=hold.reason,
        authority=hold.authority,
    )


def list_due(kiosk: Kiosk, offset: int, limit: int) -> t.DueList:
    """The encounters whose time has come and that no disposal names yet, longest due first."""
    with kiosk.reading() as catalog:
        book = look(catalog, kiosk.clock())
        named = catalog.keeping.in_disposal()
        found = sorted(
            (kept.due, view.encounter_id)
            for view in book.encounters.values()
            if (kept := book.term(view)).due is not None
            and kept.due <= book.today
            and view.encounter_id not in named
        )
        page = [book.encounters[id_] for _, id_ in found[max(offset, 0) :][:limit]]
        return t.DueList(items=tuple(_due_item(book, view) for view in page), total=len(found))


def _due_item(book: Book, view: EncounterView) -> t.DueItem:
    kept, verdict = book.term(view), book.of_encounter(view)
    info = encounter_info(book.catalog, view, named=view.encounter_id not in book.catalog.circle.restricted)
    return t.DueItem(
        encounter_id=view.encounter_id,
        subject=info.subject,
        label=info.label,
        captures=view.captures,
        retention=kept.retention,
        due=str(kept.due or ""),
        words=verdict.words,
        held=verdict.holds,
    )


# Disposals


def propose(
    kiosk: Kiosk,
    who: AccountCreated,
    encounters: tuple[EncounterId, ...],
    captures: tuple[CaptureId, ...],
    reason: str,
    authority: str,
    *,
    early: bool,
) -> t.DisposalInfo:
    """Ask for the destruction of encounters with all their pictures, and of single pictures.

    Raises:
        NotFoundError: one is not there.
        BadRequestError: none or too many, something is held or not due, or no reason.
        NotAllowedError: the kiosk's clock is behind its own records.
    """
    reason = reasons.given(reason)
    authority = reasons.given(authority, asked="say by whose order")
    with kiosk.journal.lock:
        _check_clock(kiosk)
        with kiosk.reading() as catalog:
            _check_there(catalog, encounters, captures)
            book = look(catalog, kiosk.clock())
            of_them = [id_ for encounter_id in encounters for id_ in book.captures(encounter_id)]
            whole = tuple(dict.fromkeys((*captures, *of_them)))
            if len(whole) > _MOST:
                raise BadRequestError(detail=f"these have {len(whole)} pictures; at most {_MOST} at a time")
            if busy := {*encounters, *whole} & catalog.keeping.in_disposal().keys():
                raise BadRequestError(detail=f"{len(busy)} of these are in another disposal already")
            kept = tuple(dict.fromkeys(encounters))
            event = life.DisposalProposed(
                at=kiosk.journal.now(),
                actor=who.account_id,
                disposal_id=DisposalId(new_id(kiosk.random)),
                encounters=kept,
                captures=whole,
                reason=reason,
                authority=authority,
                early=early,
                standing=standing_of(book, kept, whole),
                seen=seen_of(book, kept),
            )
            verdicts = [verdict for _, verdict in verdicts_of(book, event)]
            _check_size(event, len(verdicts))
            problems = why_not_propose(book, event, verdicts, kiosk.keyring.opened.damage)
        if problems:
            raise BadRequestError(detail=" ".join(problems))
        kiosk.journal.commit([Fact(event)])
    return disposal_info(kiosk, event.disposal_id)


def _check_size(event: life.DisposalProposed, verdicts: int) -> None:
    """Who decides has to see every verdict, and what was decided on is kept in one record."""
    if verdicts > MOST_NAMED:
        raise BadRequestError(
            detail=f"these are {verdicts} encounters and single pictures; propose at most {MOST_NAMED} at a"
            " time, so that the second person can read about each"
        )
    if len(canon.encode(event)) > _RECORD:
        raise BadRequestError(detail="these are too many for one proposal; propose fewer at a time")


def refuse(kiosk: Kiosk, who: AccountCreated, disposal_id: DisposalId, reason: str) -> t.DisposalInfo:
    """Say no to a proposal, or take it back.

    Raises:
        NotFoundError: there is none.
        BadRequestError: it was decided already, or no reason.
    """
    reason = reasons.given(reason)
    with kiosk.journal.lock:
        _undecided(kiosk, disposal_id, DisposalEvent.REFUSED)
        event = life.DisposalRefused(
            at=kiosk.journal.now(), actor=who.account_id, disposal_id=disposal_id, reason=reason
        )
        kiosk.journal.commit([Fact(event)])
    return disposal_info(kiosk, disposal_id)


def approve(kiosk: Kiosk, who: AccountCreated, disposal_id: DisposalId) -> t.DisposalInfo:
    """Say yes, as a second person: the destruction begins, and nobody can take it back.

    Raises:
        NotFoundError: there is none.
        BadRequestError: it was decided already.
        NotAllowedError: with every reason: the same person, a hold, not due any more, changed since.
    """
    with kiosk.journal.lock:
        _check_clock(kiosk)
        proposed = _undecided(kiosk, disposal_id, DisposalEvent.APPROVED).proposed
        with kiosk.reading() as catalog:
            book = look(catalog, kiosk.clock())
            problems = why_not_now(book, proposed, kiosk.keyring.opened.damage, who.account_id)
        if problems:
            raise NotAllowedError(reason=" ".join(problems))
        event = life.DisposalApproved(at=kiosk.journal.now(), actor=who.account_id, disposal_id=disposal_id)
        recalled = recalling.before_disposal(kiosk, who, proposed.captures, proposed.encounters)
        kiosk.journal.commit([*map(Fact, recalled), Fact(event)])
        kiosk.disposer.going(proposed.captures, proposed.encounters)
    kiosk.disposer.wake()
    return disposal_info(kiosk, disposal_id)


def _undecided(kiosk: Kiosk, disposal_id: DisposalId, event: DisposalEvent) -> Disposal:
    """A disposal to which this can happen."""
    with kiosk.reading() as catalog:
        disposal = catalog.keeping.disposals.get(disposal_id)
    if disposal is None:
        raise NotFoundError(what="disposal", id=disposal_id)
    if next_state(disposal.state, event) is None:
        raise BadRequestError(detail=f"this disposal is {disposal.state} already")
    return disposal


def _check_clock(kiosk: Kiosk) -> None:
    """A clock that is behind says of nothing that it is due; one that was moved ahead and back again may."""
    if rfc3339(kiosk.clock()) < kiosk.keyring.opened.newest:
        raise NotAllowedError(
            reason="the kiosk's clock is behind its own records; it must be set right first"
        )


def list_disposals(kiosk: Kiosk, offset: int, limit: int) -> t.DisposalList:
    """A page of all disposals, newest first."""
    limit = max(0, min(limit, _PAGE))
    with kiosk.reading() as catalog:
        disposals = catalog.keeping.disposals
        ids = list(reversed(disposals))
        page = judge_all(catalog, [disposals[id_] for id_ in ids[max(offset, 0) :][:limit]], kiosk.clock())
    found, left = [], _LISTED
    for judged in page:
        info = _info(kiosk, judged)
        left -= len(info.verdicts)
        found.append(info if left >= 0 else msgspec.structs.replace(info, verdicts=()))
    return t.DisposalList(disposals=tuple(found), total=len(ids))


def disposal_info(kiosk: Kiosk, disposal_id: DisposalId) -> t.DisposalInfo:
    """One disposal, with the words that the second person decides by.

    Raises:
        NotFoundError: there is none.
    """
    with kiosk.reading() as catalog:
        disposal = catalog.keeping.disposals.get(disposal_id)
        if disposal is None:
            raise NotFoundError(what="disposal", id=disposal_id)
        [judged] = judge_all(catalog, [disposal], kiosk.clock())
    return _info(kiosk, judged)


def _info(kiosk: Kiosk, judged: Judged) -> t.DisposalInfo:
    disposal, found = judged.disposal, judged.found
    proposed, decided, finished = disposal.proposed, disposal.decided, disposal.finished
    whole = f"{_count(len(proposed.captures), 'picture')} ({_count(judged.objects, 'file')})"
    goes = f"{whole}, {_count(len(proposed.encounters), 'encounter')}"
    return t.DisposalInfo(
        disposal_id=proposed.disposal_id,
        at=proposed.at,
        by=judged.proposer,
        reason=proposed.reason,
        authority=proposed.authority,
        early=proposed.early,
        encounters=proposed.encounters,
        captures=len(proposed.captures),
        state=disposal.state,
        decided_by=judged.decider,
        decided_at=decided.at if decided else "",
        verdicts=tuple(f"{name}: {verdict.words}" for name, verdict in found),
        judged=len(found),
        not_due=sum(not verdict.due for _, verdict in found),
        warning=judged.warning,
        goes=f"{goes}, with names, answers and reviews: nobody can open them again.",
        remains=remains(kiosk.board.status.keys),
        drives=_drives(kiosk, proposed.disposal_id, disposal.state),
        destroyed=disposal.destroyed,
        finished_at=finished.at if finished else "",
    )


def _drives(kiosk: Kiosk, disposal_id: DisposalId, state: DisposalState) -> tuple[str, ...]:
    """Backup drives that hold it: all of them before, and later those that were not plugged in since."""
    if state in (DisposalState.DESTROYING, DisposalState.FINISHED):
        return tuple(drive.label for drive in kiosk.drives.still_holds(disposal_id))
    return tuple(drive.label for drive in kiosk.drives.drives().drives if not drive.forgotten)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"

"""Look at a derivative, change its masks, approve or reject it."""

from __future__ import annotations

import msgspec

from medkiosk.catalog.views import CaptureView
from medkiosk.core import bodysite
from medkiosk.core.errors import BadRequestError, NotAllowedError
from medkiosk.core.events import (
    AccountCreated,
    Approved,
    Redacted,
    Rejected,
    RoleGiven,
    SecondAsked,
    Viewed,
    What,
)
from medkiosk.core.ids import CaptureId, GlassId, ObjectId
from medkiosk.core.photo import REVIEWABLE, Finding, ImageRole, SecondFor
from medkiosk.daemon import correcting, needing, reasons, training, views
from medkiosk.daemon.comparing import Comparer, is_compared, job_of, subject_of
from medkiosk.daemon.kiosk import Kiosk, Looks
from medkiosk.ipc import types as t
from medkiosk.journal import Fact
from medkiosk.redact import protocol
from medkiosk.redact.answer import Preview
from medkiosk.redact.protocol import Window, within
from medkiosk.review import gate, second
from medkiosk.review.second import Said

_LONGEST_TEXTS = 20_000
_PREPARED = 3
"""Opened previews: of the photo after this one, of the next that waits, of the one before."""


def _latest(view: CaptureView, revision: int | None = None) -> Redacted:
    latest = view.latest
    if latest is None:
        raise BadRequestError(detail="this capture has no redacted picture")
    if revision is not None and revision != latest.revision:
        raise BadRequestError(
            detail=f"revision {revision} is not the latest any more; look at revision {latest.revision} first"
        )
    return latest


def _said(view: CaptureView) -> Said:
    return Said(view.row.approvers, view.row.asked_by)


def _demands(kiosk: Kiosk, view: CaptureView, *, publication: bool = False) -> tuple[SecondFor, ...]:
    """Why two people must approve this picture."""
    return second.demands(
        kiosk.config.review.second_for,
        view.latest.findings if view.latest else (),
        restricted=needing.restricted(kiosk, view),
        publication=publication,
    )


def too_few(kiosk: Kiosk, view: CaptureView, *, publication: bool) -> str:
    """Why a picture may not leave for want of a second approver; empty if it may."""
    return second.too_few(view.row.approvers, _demands(kiosk, view, publication=publication))


def _obstacles(
    kiosk: Kiosk, who: AccountCreated, looks: Looks, view: CaptureView, revision: int
) -> tuple[str, ...]:
    latest = view.latest
    return gate.why_not_approve(
        gate.Candidate(
            state=view.row.state,
            code=view.row.code,
            findings=latest.findings if latest else (),
            latest=view.row.revision,
            asked=revision,
            seen=_seen(kiosk, looks, view),
            assigned=view.row.encounter_id is not None,
            missing=kiosk.redactor.missing,
            role=view.row.role,
            slate=view.row.slate,
            who=who.account_id,
            said=_said(view),
            most=2 if kiosk.config.review.second_for else 1,
            doubt=correcting.doubted(kiosk, view.row.capture_id, view.row.encounter_id),
        )
    )


def _second_words(kiosk: Kiosk, view: CaptureView) -> tuple[str, ...]:
    """Who approved it or asked for a second opinion, and why two must look."""
    names = view.row.approvers + ((view.row.asked_by,) if view.row.asked_by else ())
    with kiosk.reading() as catalog:
        known = {id_: account.display_name for id_ in names if (account := catalog.account(id_))}
    words = [f"Approved by {known.get(id_, 'somebody')}." for id_ in view.row.approvers]
    if view.asked:
        words.insert(0, f"{known.get(view.asked.actor, 'Somebody')} asks: {view.asked.reason}")
    wanted = _demands(kiosk, view)
    if view.row.state in REVIEWABLE and (lacking := second.too_few(view.row.approvers, wanted)):
        words.append(lacking)
    return tuple(words)


def _seen(kiosk: Kiosk, looks: Looks, view: CaptureView) -> int:
    """The revision that this session looked at; 0 where what it shows was said to be something else since."""
    capture_id = view.row.capture_id
    if bodysite.looked_otherwise(looks.sites.get(capture_id, ()), _sites(kiosk, view)):
        return 0
    return looks.revisions.get(capture_id, 0)


def _sites(kiosk: Kiosk, view: CaptureView) -> tuple[str, ...]:
    with kiosk.reading() as catalog:
        return catalog.sites.of(view.row.capture_id, view.row.encounter_id)


def detail(kiosk: Kiosk, who: AccountCreated, looks: Looks, capture_id: CaptureId) -> t.CaptureDetail:
    """One capture, with what stands between it and approval."""
    view = kiosk.capture(capture_id)
    obstacles = _obstacles(kiosk, who, looks, view, view.row.revision)
    obstacles += training.problems(kiosk, who, "approve")
    return views.capture_detail(view, obstacles, _second_words(kiosk, view))


def preview(
    kiosk: Kiosk, who: AccountCreated, looks: Looks, capture_id: CaptureId, glass: GlassId | str = ""
) -> tuple[t.Picture, bytes]:
    """The latest revision's picture; the look is in the ledger before the pixels are handed out.

    ``glass``: without which this person might not look; see `medkiosk.daemon.needing.ensure`.
    """
    latest = _latest(kiosk.capture(capture_id))
    event = Viewed(
        at=kiosk.journal.now(),
        actor=who.account_id,
        what=What.PREVIEW,
        capture_id=capture_id,
        revision=latest.revision,
        glass=GlassId(glass) if glass else msgspec.UNSET,
    )
    kiosk.journal.commit([Fact(event)])
    pixels = looks.prepared.pop(latest.preview_id, None) or _pixels(kiosk, latest.preview_id)
    looks.revisions[capture_id] = latest.revision
    looks.sites[capture_id] = _sites(kiosk, kiosk.capture(capture_id))
    drawn = Preview(latest.preview_width, latest.preview_height, pixels)
    return views.picture(capture_id, latest.revision, drawn)


def prepare(kiosk: Kiosk, looks: Looks, capture_id: CaptureId) -> None:
    """Open a picture that is probably asked for next. Nobody has seen it, so no look is recorded.

    It stays in the daemon until `preview` hands it out, which records the look first; a few at a time.
    """
    latest = kiosk.capture(capture_id).latest
    if latest is None or latest.preview_id in looks.prepared:
        return
    while len(looks.prepared) >= _PREPARED:
        del looks.prepared[next(iter(looks.prepared))]
    looks.prepared[latest.preview_id] = _pixels(kiosk, latest.preview_id)


def _pixels(kiosk: Kiosk, preview_id: ObjectId) -> bytes:
    key = kiosk.keyring.opened.identity.open_key(preview_id)
    try:
        return b"".join(kiosk.journal.vault.read_object(preview_id, key))
    finally:
        key.wipe()


def part(
    kiosk: Kiosk,
    who: AccountCreated,
    looks: Looks,
    capture_id: CaptureId,
    revision: int,
    window: Window,
    glass: GlassId | str = "",
) -> tuple[t.Picture, bytes]:
    """A part of the latest revision's derivative, drawn by a worker that sees nothing else.

    The first look at a revision's parts is in the ledger before any pixels are handed out, and so is the
    first one under each broken glass. To have seen parts is not to have seen the picture: it makes nothing
    approvable.

    Raises:
        BadRequestError: an older revision, or a part that the picture does not have.
    """
    latest = _latest(kiosk.capture(capture_id), revision)
    box, largest = window.box, protocol.MAX_PREVIEW_SIDE
    shown = latest.shown
    if not (within(box, shown.w, shown.h) and 1 <= window.width <= largest and 1 <= window.height <= largest):
        raise BadRequestError(detail="the picture has no such part")
    if (capture_id, revision, glass) not in looks.closely:
        event = Viewed(
            at=kiosk.journal.now(),
            actor=who.account_id,
            what=What.DERIVATIVE,
            capture_id=capture_id,
            revision=revision,
            glass=GlassId(glass) if glass else msgspec.UNSET,
        )
        kiosk.journal.commit([Fact(event)])
        looks.closely.add((capture_id, revision, glass))
    key = kiosk.keyring.opened.identity.open_key(latest.derivative_id)
    try:
        derivative = b"".join(kiosk.journal.vault.read_object(latest.derivative_id, key))
    finally:
        key.wipe()
    drawn = kiosk.redactor.draw(derivative, window)
    if drawn is None:
        raise BadRequestError(detail="this part could not be drawn; nothing is changed")
    return views.picture(capture_id, revision, drawn)


def change_masks(
    kiosk: Kiosk,
    who: AccountCreated,
    looks: Looks,
    capture_id: CaptureId,
    revision: int,
    findings: tuple[Finding, ...],
) -> t.CaptureDetail:
    """Redact again with exactly these findings.

    Raises:
        BadRequestError: an older revision, or findings that make no sense; nothing is changed.
        OutOfDateError: somebody else changed or judged it meanwhile; nothing is changed.
    """
    view = kiosk.capture(capture_id)
    latest = _latest(view, revision)
    before = set(latest.findings)
    signed = tuple(
        f if f in before else msgspec.structs.replace(f, reviewer=who.account_id) for f in findings
    )
    if sum(len(f.reason) for f in signed) > _LONGEST_TEXTS:
        raise BadRequestError(detail=f"the reasons together have more than {_LONGEST_TEXTS} characters")
    problems = gate.why_not_change(
        signed, width=latest.width, height=latest.height, reviewer=who.account_id, before=latest.findings
    )
    if problems:
        raise BadRequestError(detail=" ".join(problems))
    kiosk.redactor.replay(job_of(kiosk, view), signed, latest.revision + 1, who.account_id)
    return detail(kiosk, who, looks, capture_id)


def approve(
    kiosk: Kiosk, who: AccountCreated, looks: Looks, comparer: Comparer, capture_id: CaptureId, revision: int
) -> t.CaptureDetail:
    """Approve a revision that this session has looked at, and whose text does not name the person.

    Raises:
        NotAllowedError: with every reason in words; also where a check is demanded and not passed.
        NamedError: it does; a new revision hides that.
    """
    training.ensure(kiosk, who, "approve")
    if not _obstacles(kiosk, who, looks, kiosk.capture(capture_id), revision):
        comparer.ensure(capture_id)
    with kiosk.journal.lock:  # nothing may come between the decision and its record
        view = kiosk.capture(capture_id)
        obstacles = _obstacles(kiosk, who, looks, view, revision)
        if not obstacles and not is_compared(view, subject_of(kiosk, view)):
            obstacles = ("It was assigned to another patient meanwhile.",)
        if obstacles:
            raise NotAllowedError(reason=" ".join(obstacles))
        event = Approved(
            at=kiosk.journal.now(),
            actor=who.account_id,
            capture_id=capture_id,
            revision=revision,
            derivative_id=_latest(view, revision).derivative_id,
            first=second.is_first(_said(view), _demands(kiosk, view)),
        )
        kiosk.journal.commit([Fact(event)])
    return detail(kiosk, who, looks, capture_id)


def ask_second(
    kiosk: Kiosk, who: AccountCreated, looks: Looks, capture_id: CaptureId, revision: int, reason: str
) -> t.CaptureDetail:
    """Have somebody else look at a revision and decide; an approval that it had is gone.

    Raises:
        BadRequestError: no reason, not the latest revision, or one that nobody can approve.
        OutOfDateError: it cannot be asked in this state.
    """
    reason = reasons.given(reason, asked="say what the other person should look at")
    return _judge(kiosk, who, looks, capture_id, revision, SecondAsked, reason)


def reject(
    kiosk: Kiosk, who: AccountCreated, looks: Looks, capture_id: CaptureId, revision: int, reason: str
) -> t.CaptureDetail:
    """Refuse a revision.

    Raises:
        BadRequestError: no reason, or not the latest revision.
    """
    reason = reasons.given(reason, asked="a rejection needs a reason")
    return _judge(kiosk, who, looks, capture_id, revision, Rejected, reason)


def _judge(
    kiosk: Kiosk,
    who: AccountCreated,
    looks: Looks,
    capture_id: CaptureId,
    revision: int,
    judged: type[SecondAsked | Rejected],
    reason: str,
) -> t.CaptureDetail:
    with kiosk.journal.lock:
        _latest(kiosk.capture(capture_id), revision)
        event = judged(
            at=kiosk.journal.now(),
            actor=who.account_id,
            capture_id=capture_id,
            revision=revision,
            reason=reason,
        )
        kiosk.journal.commit([Fact(event)])
    return detail(kiosk, who, looks, capture_id)


def give_role(
    kiosk: Kiosk, who: AccountCreated, looks: Looks, capture_id: CaptureId, role: ImageRole, reason: str
) -> t.CaptureDetail:
    """Say what a frame is for; takes an approval away, and only a clinical frame gets one again.

    Raises:
        BadRequestError: it has this role already, or becomes clinical again without a reason, or although a
            slate of this kiosk was read in it.
    """
    reason = reasons.if_any(reason)
    with kiosk.journal.lock:
        row = kiosk.capture(capture_id).row
        if row.role is role:
            raise BadRequestError(detail=f"this frame's role is {role} already")
        if role is ImageRole.CLINICAL and row.slate:
            raise BadRequestError(
                detail="a slate of this kiosk was read in this frame, so it never becomes a clinical picture;"
                " its file stays sealed, and what else it shows is photographed again without the slate"
            )
        if role is ImageRole.CLINICAL and not reason:
            raise BadRequestError(detail="making a frame clinical again needs a reason: then it can leave")
        event = RoleGiven(
            at=kiosk.journal.now(),
            actor=who.account_id,
            capture_id=capture_id,
            role=role,
            reason=reason,
        )
        kiosk.journal.commit([Fact(event)])
    return detail(kiosk, who, looks, capture_id)

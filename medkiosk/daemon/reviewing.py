"""Look at a derivative, change its masks, approve or reject it."""

from __future__ import annotations

import msgspec

from medkiosk.catalog.views import CaptureView
from medkiosk.core.errors import BadRequestError, NotAllowedError
from medkiosk.core.events import AccountCreated, Approved, Redacted, Rejected, RoleGiven, Viewed, What
from medkiosk.core.ids import CaptureId
from medkiosk.core.photo import Finding, ImageRole
from medkiosk.daemon import views
from medkiosk.daemon.comparing import Comparer, is_compared, job_of, subject_of
from medkiosk.daemon.kiosk import Kiosk, Looks
from medkiosk.ipc import types as t
from medkiosk.journal import Fact
from medkiosk.redact import protocol
from medkiosk.redact.protocol import Window, within
from medkiosk.review import gate

_LONGEST_REASON = 500
_LONGEST_TEXTS = 20_000


def _latest(view: CaptureView, revision: int | None = None) -> Redacted:
    latest = view.latest
    if latest is None:
        raise BadRequestError(detail="this capture has no redacted picture")
    if revision is not None and revision != latest.revision:
        raise BadRequestError(
            detail=f"revision {revision} is not the latest any more; look at revision {latest.revision} first"
        )
    return latest


def _obstacles(kiosk: Kiosk, looks: Looks, view: CaptureView, revision: int) -> tuple[str, ...]:
    latest = view.latest
    return gate.why_not_approve(
        gate.Candidate(
            state=view.row.state,
            code=view.row.code,
            findings=latest.findings if latest else (),
            latest=view.row.revision,
            asked=revision,
            seen=looks.revisions.get(view.row.capture_id, 0),
            assigned=view.row.encounter_id is not None,
            missing=kiosk.redactor.missing,
            role=view.row.role,
        )
    )


def detail(kiosk: Kiosk, looks: Looks, capture_id: CaptureId) -> t.CaptureDetail:
    """One capture, with what stands between it and approval."""
    view = kiosk.capture(capture_id)
    return views.capture_detail(view, _obstacles(kiosk, looks, view, view.row.revision))


def preview(
    kiosk: Kiosk, who: AccountCreated, looks: Looks, capture_id: CaptureId
) -> tuple[t.Picture, bytes]:
    """The latest revision's picture; the look is in the ledger before the pixels are handed out."""
    latest = _latest(kiosk.capture(capture_id))
    event = Viewed(
        at=kiosk.journal.now(),
        actor=who.account_id,
        what=What.PREVIEW,
        capture_id=capture_id,
        revision=latest.revision,
    )
    kiosk.journal.commit([Fact(event)])
    key = kiosk.keyring.opened.identity.open_key(latest.preview_id)
    try:
        pixels = b"".join(kiosk.journal.vault.read_object(latest.preview_id, key))
    finally:
        key.wipe()
    looks.revisions[capture_id] = latest.revision
    picture = t.Picture(
        capture_id=capture_id,
        revision=latest.revision,
        width=latest.preview_width,
        height=latest.preview_height,
        attachment=len(pixels),
    )
    return picture, pixels


def part(
    kiosk: Kiosk, who: AccountCreated, looks: Looks, capture_id: CaptureId, revision: int, window: Window
) -> tuple[t.Picture, bytes]:
    """A part of the latest revision's derivative, drawn by a worker that sees nothing else.

    The first look at a revision's parts is in the ledger before any pixels are handed out. To have seen parts
    is not to have seen the picture: it makes nothing approvable.

    Raises:
        BadRequestError: an older revision, or a part that the picture does not have.
    """
    latest = _latest(kiosk.capture(capture_id), revision)
    box, largest = window.box, protocol.MAX_PREVIEW_SIDE
    shown = latest.shown
    if not (within(box, shown.w, shown.h) and 1 <= window.width <= largest and 1 <= window.height <= largest):
        raise BadRequestError(detail="the picture has no such part")
    if (capture_id, revision) not in looks.closely:
        event = Viewed(
            at=kiosk.journal.now(),
            actor=who.account_id,
            what=What.DERIVATIVE,
            capture_id=capture_id,
            revision=revision,
        )
        kiosk.journal.commit([Fact(event)])
        looks.closely.add((capture_id, revision))
    key = kiosk.keyring.opened.identity.open_key(latest.derivative_id)
    try:
        derivative = b"".join(kiosk.journal.vault.read_object(latest.derivative_id, key))
    finally:
        key.wipe()
    drawn = kiosk.redactor.draw(derivative, window)
    if drawn is None:
        raise BadRequestError(detail="this part could not be drawn; nothing is changed")
    picture = t.Picture(
        capture_id=capture_id,
        revision=revision,
        width=drawn.width,
        height=drawn.height,
        attachment=len(drawn.rgb),
    )
    return picture, drawn.rgb


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
    return detail(kiosk, looks, capture_id)


def approve(
    kiosk: Kiosk, who: AccountCreated, looks: Looks, comparer: Comparer, capture_id: CaptureId, revision: int
) -> t.CaptureDetail:
    """Approve a revision that this session has looked at, and whose text does not name the person.

    Raises:
        NotAllowedError: with every reason in words.
        NamedError: it does; a new revision hides that.
    """
    if not _obstacles(kiosk, looks, kiosk.capture(capture_id), revision):
        comparer.ensure(capture_id)
    with kiosk.journal.lock:  # nothing may come between the decision and its record
        view = kiosk.capture(capture_id)
        obstacles = _obstacles(kiosk, looks, view, revision)
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
        )
        kiosk.journal.commit([Fact(event)])
    return detail(kiosk, looks, capture_id)


def reject(
    kiosk: Kiosk, who: AccountCreated, looks: Looks, capture_id: CaptureId, revision: int, reason: str
) -> t.CaptureDetail:
    """Refuse a revision.

    Raises:
        BadRequestError: no reason, or not the latest revision.
    """
    if not reason.strip() or len(reason) > _LONGEST_REASON:
        raise BadRequestError(detail=f"a rejection needs a reason of at most {_LONGEST_REASON} characters")
    with kiosk.journal.lock:
        _latest(kiosk.capture(capture_id), revision)
        event = Rejected(
            at=kiosk.journal.now(),
            actor=who.account_id,
            capture_id=capture_id,
            revision=revision,
            reason=reason,
        )
        kiosk.journal.commit([Fact(event)])
    return detail(kiosk, looks, capture_id)


def give_role(
    kiosk: Kiosk, who: AccountCreated, looks: Looks, capture_id: CaptureId, role: ImageRole, reason: str
) -> t.CaptureDetail:
    """Say what a frame is for; takes an approval away, and only a clinical frame gets one again.

    Raises:
        BadRequestError: it has this role already, or becomes clinical again without a reason.
    """
    if len(reason) > _LONGEST_REASON:
        raise BadRequestError(detail=f"the reason has more than {_LONGEST_REASON} characters")
    with kiosk.journal.lock:
        if kiosk.capture(capture_id).row.role is role:
            raise BadRequestError(detail=f"this frame's role is {role} already")
        if role is ImageRole.CLINICAL and not reason.strip():
            raise BadRequestError(detail="making a frame clinical again needs a reason: then it can leave")
        event = RoleGiven(
            at=kiosk.journal.now(),
            actor=who.account_id,
            capture_id=capture_id,
            role=role,
            reason=reason,
        )
        kiosk.journal.commit([Fact(event)])
    return detail(kiosk, looks, capture_id)

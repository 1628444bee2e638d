"""Decide what may leave, and write it to a stick."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from medkiosk.catalog.views import CaptureView
from medkiosk.consent.decision import Action, may
from medkiosk.core.clock import rfc3339
from medkiosk.core.consent import Purpose
from medkiosk.core.errors import BadRequestError, KioskError, NotAllowedError, NotFoundError
from medkiosk.core.events import (
    AccountCreated,
    Exported,
    ExportFailed,
    ExportPrepared,
    ExportRefused,
    RecipientEnrolled,
    Redacted,
)
from medkiosk.core.ids import CaptureId, ExportId, RecipientId, new_id
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.export import policy
from medkiosk.export.bundle import Bundle, Picture, write_bundle
from medkiosk.ipc import types as t
from medkiosk.journal import Fact
from medkiosk.vault.envelope import commitment_key

_MOST = 1000
_TOLERANCE = timedelta(minutes=5)


class NoStickError(KioskError):
    """No stick is plugged in at {name}. Nothing was written; plug the stick in and try again."""

    code = "export.no_stick"


def _recipient(kiosk: Kiosk, recipient_id: RecipientId) -> RecipientEnrolled:
    with kiosk.reading() as catalog:
        recipient = catalog.recipient(recipient_id)
    if recipient is None:
        raise NotFoundError(what="recipient", id=recipient_id)
    return recipient


def _reasons(
    kiosk: Kiosk, view: CaptureView, recipient: RecipientEnrolled, purpose: Purpose
) -> tuple[str, ...]:
    now = kiosk.clock()
    encounter_id = view.row.encounter_id
    with kiosk.reading() as catalog:
        answers = catalog.answers(encounter_id) if encounter_id else ()
        problems = catalog.problems
    facts = policy.Facts(
        state=view.row.state,
        role=view.row.role,
        code=view.row.code,
        latest=view.row.revision,
        approved=view.approved.revision if view.approved else 0,
        assigned=encounter_id is not None,
    )
    decision = may(Action.EXPORT, answers, purpose, now)
    reasons = policy.decide(facts, decision, recipient, now)
    if kiosk.redactor.missing:
        reasons += (f"Detectors are missing on this kiosk: {', '.join(kiosk.redactor.missing)}.",)
    opened = kiosk.keyring.opened
    if opened.unreadable or problems:
        # One of them may be a withdrawal.
        reasons += ("Records of this kiosk are damaged or out of order; nothing leaves until that is clear.",)
    if rfc3339(now + _TOLERANCE) < opened.newest:
        # An expired consent must not come back to life because a battery ran out.
        reasons += ("The kiosk's clock is behind its own records; it must be set right first.",)
    return reasons


def check(
    kiosk: Kiosk, recipient_id: RecipientId, purpose: Purpose, captures: tuple[CaptureId, ...]
) -> t.ExportCheck:
    """Say for each capture whether it may leave now.

    Raises:
        NotFoundError: no such recipient or capture.
        BadRequestError: none or too many captures, or one named twice.
    """
    if not 0 < len(captures) <= _MOST or len(set(captures)) != len(captures):
        raise BadRequestError(detail=f"name between 1 and {_MOST} captures, each once")
    recipient = _recipient(kiosk, recipient_id)
    denials = [
        t.Denial(capture_id=capture_id, reason=reason)
        for capture_id in captures
        for reason in _reasons(kiosk, kiosk.capture(capture_id), recipient, purpose)
    ]
    denied = {denial.capture_id for denial in denials}
    return t.ExportCheck(allowed=tuple(c for c in captures if c not in denied), denials=tuple(denials))


def export(
    kiosk: Kiosk,
    who: AccountCreated,
    recipient_id: RecipientId,
    purpose: Purpose,
    captures: tuple[CaptureId, ...],
    stick: str,
    still: Callable[[], object],
) -> t.ExportResult:
    """Write a bundle, all or nothing.

    Args:
        kiosk: where from.
        who: asks.
        recipient_id: who gets it.
        purpose: what for.
        captures: which.
        stick: its name; empty for the first.
        still: raises where ``who`` may not any more; asked before the bundle gets its name.

    Raises:
        NotAllowedError: a capture may not leave; every reason is given, nothing was written.
        KioskError: what `medkiosk.export.bundle.write_bundle` raises.
    """
    target = _stick(kiosk, stick)
    with kiosk.stick:
        # From the decision to its record nothing may come between, least of all a withdrawal; and all proofs
        # lead to one head.
        with kiosk.journal.lock:
            bundle, prepared = _prepare(kiosk, who, recipient_id, purpose, captures)
        try:
            written = write_bundle(target, bundle, still=still)
        except BaseException as error:
            code = error.code if isinstance(error, KioskError) else "kiosk.internal"
            failed = ExportFailed(
                at=kiosk.journal.now(), actor=who.account_id, export_id=bundle.export_id, code=code
            )
            kiosk.journal.commit([Fact(failed)])
            raise
    exported = Exported(
        at=kiosk.journal.now(),
        actor=who.account_id,
        export_id=bundle.export_id,
        recipient_id=recipient_id,
        purpose=purpose,
        captures=captures,
        derivatives=prepared.derivatives,
        manifest_sha256=written.manifest_sha256,
    )
    kiosk.journal.commit([Fact(exported)])
    return t.ExportResult(
        export_id=bundle.export_id,
        folder=written.folder,
        images=written.images,
        bytes=written.bytes,
        manifest_sha256=written.manifest_sha256,
        signer=written.signer,
    )


def _prepare(
    kiosk: Kiosk,
    who: AccountCreated,
    recipient_id: RecipientId,
    purpose: Purpose,
    captures: tuple[CaptureId, ...],
) -> tuple[Bundle, ExportPrepared]:
    """Decide and record: before the first byte is on the stick the ledger says that it may be outside."""
    checked = check(kiosk, recipient_id, purpose, captures)
    if checked.denials:
        reasons = tuple(dict.fromkeys(denial.reason for denial in checked.denials))
        refused = ExportRefused(
            at=kiosk.journal.now(),
            actor=who.account_id,
            recipient_id=recipient_id,
            purpose=purpose,
            captures=captures,
            reasons=reasons,
        )
        kiosk.journal.commit([Fact(refused)])
        raise NotAllowedError(reason=" ".join(reasons))
    views = [_approved(kiosk, capture_id) for capture_id in captures]
    revisions = [latest for latest, _ in views]
    bundle = Bundle(
        export_id=ExportId(new_id(kiosk.random)),
        created=kiosk.clock().date(),
        purpose=purpose,
        recipient=_recipient(kiosk, recipient_id).age_recipient,
        pictures=_pictures(kiosk, [(latest, leaf, kiosk.journal.log.proof(leaf)) for latest, leaf in views]),
        checkpoint=kiosk.journal.log.checkpoint,
        signer=kiosk.keys.export_key,
        random=kiosk.random,
    )
    prepared = ExportPrepared(
        at=kiosk.journal.now(),
        actor=who.account_id,
        export_id=bundle.export_id,
        recipient_id=recipient_id,
        purpose=purpose,
        captures=captures,
        derivatives=tuple(r.derivative_id for r in revisions),
    )
    kiosk.journal.commit([Fact(prepared)])
    return bundle, prepared


def _stick(kiosk: Kiosk, name: str) -> Path:
    for stick in kiosk.config.stick:
        if name in ("", stick.name):
            if stick.mounted and not Path(stick.path).is_mount():
                raise NoStickError(name=stick.name)
            return Path(stick.path)
    raise NotFoundError(what="stick", id=name or "(none is configured)")


def _approved(kiosk: Kiosk, capture_id: CaptureId) -> tuple[Redacted, int]:
    """The approved revision and the index of its ledger entry."""
    view = kiosk.capture(capture_id)
    latest = view.latest
    if latest is None or view.approved is None or view.approved.derivative_id != latest.derivative_id:
        raise NotAllowedError(reason="the latest revision is not the one that was approved")
    if view.leaf < 0:
        raise NotAllowedError(reason="the ledger has no entry for this picture, so nothing can prove it")
    return latest, view.leaf


def _pictures(kiosk: Kiosk, approved: list[tuple[Redacted, int, bytes]]) -> Iterator[Picture]:
    for revision, index, proof in approved:
        key = kiosk.keyring.opened.identity.open_key(revision.derivative_id)
        try:
            yield Picture(
                jpeg=b"".join(kiosk.journal.vault.read_object(revision.derivative_id, key)),
                width=revision.shown.w,
                height=revision.shown.h,
                policy=revision.policy,
                commitment_key=commitment_key(key),
                leaf_index=index,
                leaf=kiosk.journal.log.entry(index),
                proof=proof,
            )
        finally:
            key.wipe()

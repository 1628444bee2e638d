"""Decide what may leave, and write it to a stick."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from medkiosk.catalog.views import CaptureView
from medkiosk.consent.terms import LONGEST_NAME
from medkiosk.core import datause
from medkiosk.core.clock import rfc3339
from medkiosk.core.consent import Purpose
from medkiosk.core.datause import DataUse
from medkiosk.core.errors import BadRequestError, KioskError, NotAllowedError, NotFoundError
from medkiosk.core.events import AccountCreated
from medkiosk.core.exportevents import (
    Exported,
    ExportFailed,
    ExportPrepared,
    ExportRefused,
    RecipientEnrolled,
    RecipientMethod,
)
from medkiosk.core.ids import CaptureId, ExportId, RecipientId, new_id
from medkiosk.daemon import bundling, consenting, correcting, recalling, recipients, reviewing, training
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.daemon.sticks import Taken
from medkiosk.export import passphrase, policy, volume
from medkiosk.export.bundle import Written, write_bundle
from medkiosk.export.contents import Bundle, Extras
from medkiosk.export.errors import ChangedError, LeftBehindError, StickError, StickLiesError
from medkiosk.export.viewer import chunks
from medkiosk.ipc import types as t
from medkiosk.ipc.exportapi import MOST
from medkiosk.ipc.spoken import Spoken, wipe
from medkiosk.journal import Fact

_TOLERANCE = timedelta(minutes=5)


def _recipient(kiosk: Kiosk, recipient_id: RecipientId) -> RecipientEnrolled:
    with kiosk.reading() as catalog:
        recipient = catalog.recipient(recipient_id)
    if recipient is None:
        raise NotFoundError(what="recipient", id=recipient_id)
    return recipient


@dataclass(frozen=True)
class Asked:
    """An export that somebody asks about.

    Attributes:
        recipient_id: who gets it.
        purpose: what for.
        captures: which.
        data_use: what the receiver may do.
        use: of publication: which one, as the consents name it; else empty.
    """

    recipient_id: RecipientId
    purpose: Purpose
    captures: tuple[CaptureId, ...]
    data_use: DataUse
    use: str = ""


def _now(kiosk: Kiosk) -> datetime:
    return consenting.not_before(kiosk.clock(), kiosk.keyring.opened.newest)


def _reasons(kiosk: Kiosk, view: CaptureView, recipient: RecipientEnrolled, asked: Asked) -> tuple[str, ...]:
    """Why one picture may not leave."""
    encounter_id = view.row.encounter_id
    with kiosk.reading() as catalog:
        said, _ = consenting.ask(
            catalog,
            view.row.capture_id,
            encounter_id,
            view.latest.findings if view.latest else (),
            asked.purpose,
            recipient,
            kiosk.config.consent,
            _now(kiosk),
            asked.use,
        )
    facts = policy.Facts(
        state=view.row.state,
        role=view.row.role,
        slate=view.row.slate,
        code=view.row.code,
        latest=view.row.revision,
        approved=view.approved.revision if view.approved else 0,
        assigned=encounter_id is not None,
        second=reviewing.too_few(kiosk, view, publication=asked.purpose is Purpose.PUBLICATION),
        doubt=correcting.doubted(kiosk, view.row.capture_id, encounter_id),
    )
    told = bundling.why_not_to_give(kiosk, view.leaf)
    return (*policy.decide(facts, said), told) if told else policy.decide(facts, said)


def _problems(kiosk: Kiosk, asked: Asked) -> list[str]:
    """Why nothing at all may leave: the recipient, the terms, the use, the kiosk itself."""
    now, opened = _now(kiosk), kiosk.keyring.opened
    with kiosk.reading() as catalog:
        said = recipients.why_not(catalog.outside, asked.recipient_id, asked.purpose, now)
        damaged = bool(opened.unreadable or catalog.problems)
    problems = [said] if said else []
    problems += datause.problems(asked.data_use, asked.purpose, now.date())
    if asked.purpose is Purpose.PUBLICATION and not asked.use.strip():
        problems.append(
            "Consent to publication is for one use that has a name: say which one this export is for."
        )
    elif asked.purpose is not Purpose.PUBLICATION and asked.use:
        problems.append("Only an export for publication names a use; leave it out.")
    if kiosk.redactor.missing:
        problems.append(f"Detectors are missing on this kiosk: {', '.join(kiosk.redactor.missing)}.")
    if damaged:
        # One of them may be a withdrawal.
        problems.append(
            "Records of this kiosk are damaged or out of order; nothing leaves until that is clear."
        )
    if rfc3339(kiosk.clock() + _TOLERANCE) < opened.newest:
        # An expired consent must not come back to life because a battery ran out.
        problems.append("The kiosk's clock is behind its own records; it must be set right first.")
    return problems


def check(kiosk: Kiosk, asked: Asked) -> t.ExportCheck:
    """Say what is in the way of an export now, and of each of its captures.

    Raises:
        NotFoundError: no such recipient or capture.
        BadRequestError: none or too many captures, one named twice, or a use that is too long.
    """
    captures = asked.captures
    if not 0 < len(captures) <= MOST or len(set(captures)) != len(captures):
        raise BadRequestError(detail=f"name between 1 and {MOST} captures, each once")
    if len(asked.use) > LONGEST_NAME or not asked.use.isprintable():
        raise BadRequestError(detail=f"a use has a name of at most {LONGEST_NAME} printable characters")
    recipient = _recipient(kiosk, asked.recipient_id)
    views = [kiosk.capture(capture_id) for capture_id in captures]
    denials = [
        t.Denial(capture_id=capture_id, reason=reason)
        for capture_id, view in zip(captures, views, strict=True)
        for reason in _reasons(kiosk, view, recipient, asked)
    ]
    denied = {denial.capture_id for denial in denials}
    uses: tuple[str, ...] = ()
    if asked.purpose is Purpose.PUBLICATION:
        with kiosk.reading() as catalog:
            uses = consenting.uses(catalog, (each for v in views if (each := v.row.encounter_id) is not None))
    return t.ExportCheck(
        allowed=tuple(c for c in captures if c not in denied),
        denials=tuple(denials),
        problems=tuple(_problems(kiosk, asked)),
        uses=uses,
    )


def export(
    kiosk: Kiosk,
    who: AccountCreated,
    asked: Asked,
    options: t.ExportOptions,
    stick: str,
    *,
    still: Callable[[], object],
) -> t.ExportResult:
    """Write a bundle, all or nothing.

    Args:
        kiosk: where from.
        who: asks.
        asked: what for.
        options: what goes with the pictures.
        stick: its name; empty for the first.
        still: raises where ``who`` may not any more; asked before the bundle gets its name.

    Raises:
        NotAllowedError: a capture may not leave, and every reason is given; or a check is demanded and not
            passed. Nothing was written.
        ChangedError: it may not any more, now that all is written; every reason is given.
        LeftBehindError: it failed, and what was written could not be removed.
        KioskError: what `medkiosk.export.bundle.write_bundle` raises.
    """
    training.ensure(kiosk, who, "export")
    page = chunks.page() if options.viewer else b""
    with kiosk.sticks.writing(stick) as taken:
        notice = recalling.notice(kiosk, _recipient(kiosk, asked.recipient_id))
        # From the decision to its record nothing may come between, least of all a withdrawal; and all proofs
        # lead to one head.
        with kiosk.journal.lock:
            extras = Extras(page=page, dicom=options.dicom, recall=notice.members if notice else {})
            bundle, prepared, chosen = _prepare(kiosk, who, asked, options, extras, taken)
        cleaned = threading.Event()

        def naming(written: Written, name_it: Callable[[], object]) -> None:
            # The same question once more, and the answer, the name and the record are one: what comes while a
            # stick is written stops it, and what comes after this finds an export that is outside.
            with kiosk.journal.lock:
                still()
                _ask_again(kiosk, asked, chosen)
                name_it()
                exported = Exported(
                    at=kiosk.journal.now(),
                    actor=who.account_id,
                    export_id=bundle.export_id,
                    recipient_id=asked.recipient_id,
                    purpose=asked.purpose,
                    captures=asked.captures,
                    derivatives=prepared.derivatives,
                    manifest_sha256=written.manifest_sha256,
                )
                told = [notice.event(kiosk, who, bundle.export_id)] if notice else []
                kiosk.journal.commit([Fact(exported), *map(Fact, told)])

        try:
            written = write_bundle(
                taken.path, bundle, taken.files, naming=naming, cleaned=cleaned.set, progress=taken.progress
            )
            spoken = Spoken(bundle.passphrase) if bundle.passphrase else None
        except BaseException as error:
            failed = ExportFailed(
                at=kiosk.journal.now(),
                actor=who.account_id,
                export_id=bundle.export_id,
                code=error.code if isinstance(error, KioskError) else "kiosk.internal",
                cleaned=cleaned.is_set(),
            )
            kiosk.journal.commit([Fact(failed)])
            # Errors of the stick say so themselves.
            says_so = isinstance(error, StickError | StickLiesError)
            if isinstance(error, KioskError) and not says_so and not cleaned.is_set():
                raise LeftBehindError(why=error.message) from error
            raise
        finally:
            if isinstance(bundle.passphrase, bytearray):
                wipe(bundle.passphrase)
    return t.ExportResult(
        export_id=bundle.export_id,
        folder=written.folder,
        images=written.images,
        bytes=written.bytes,
        manifest_sha256=written.manifest_sha256,
        signer=written.signer,
        page_sha256=hashlib.sha256(page).hexdigest() if page else "",
        # A text on the wire; here none, since a text cannot be wiped.
        passphrase=cast("str", spoken) if spoken else "",
        recalled=notice.images if notice else 0,
        read_back=taken.files.past,
        stick=taken.after,
    )


def _ask_again(kiosk: Kiosk, asked: Asked, chosen: Sequence[bundling.Chosen]) -> None:
    """Ask what `_prepare` asked.

    Raises:
        ChangedError: the answer is another one.
    """
    checked = check(kiosk, asked)
    reasons = [*checked.problems, *(denial.reason for denial in checked.denials)]
    if not reasons:
        recipient = _recipient(kiosk, asked.recipient_id)
        reasons = bundling.changed(kiosk, chosen, recipient, asked.purpose, asked.use)
    if reasons:
        raise ChangedError(reason=" ".join(dict.fromkeys(reasons)))


def _prepare(
    kiosk: Kiosk,
    who: AccountCreated,
    asked: Asked,
    options: t.ExportOptions,
    extras: Extras,
    taken: Taken,
) -> tuple[Bundle, ExportPrepared, Sequence[bundling.Chosen]]:
    """Decide and record: before the first byte is on the stick the ledger says that it may be outside."""
    checked = check(kiosk, asked)
    if checked.denials or checked.problems:
        denied = (denial.reason for denial in checked.denials)
        reasons = tuple(dict.fromkeys((*checked.problems, *denied)))
        refused = ExportRefused(
            at=kiosk.journal.now(),
            actor=who.account_id,
            recipient_id=asked.recipient_id,
            purpose=asked.purpose,
            captures=asked.captures,
            reasons=reasons,
        )
        kiosk.journal.commit([Fact(refused)])
        raise NotAllowedError(reason=" ".join(reasons))
    recipient = _recipient(kiosk, asked.recipient_id)
    said = recipient.method is RecipientMethod.PASSPHRASE
    export_id = ExportId(new_id(kiosk.random))
    key = "" if said else recipient.age_recipient
    chosen = bundling.choose(kiosk, asked.captures, recipient, asked.purpose, asked.use)
    consent = bundling.consent_members(chosen, export_id, key, asked.data_use)
    # As sealed they are a little larger: what is asked for is enough.
    sizes = [kiosk.journal.vault.blob_path(one.revision.derivative_id).stat().st_size for one in chosen]
    taken.check_room(volume.need(sizes, viewer=options.viewer, dicom=options.dicom))
    acknowledge = kiosk.random(32)
    bundle = Bundle(
        export_id=export_id,
        created=kiosk.clock().date(),
        purpose=asked.purpose,
        recipient=key,
        passphrase=passphrase.generate(kiosk.random) if said else b"",
        pictures=bundling.pictures(kiosk, chosen, export_id, options),
        checkpoint=kiosk.journal.log.checkpoint,
        signer=kiosk.keys.export_key,
        random=kiosk.random,
        acknowledge=acknowledge,
        data_use=asked.data_use,
        extras=replace(extras, consent=consent),
        count=len(chosen),
    )
    public = Ed25519PrivateKey.from_private_bytes(acknowledge).public_key().public_bytes_raw()
    prepared = ExportPrepared(
        at=kiosk.journal.now(),
        actor=who.account_id,
        export_id=bundle.export_id,
        recipient_id=asked.recipient_id,
        purpose=asked.purpose,
        captures=asked.captures,
        derivatives=tuple(one.revision.derivative_id for one in chosen),
        images=tuple(one.image_id for one in chosen),
        data_use=asked.data_use,
        acknowledge=public.hex(),
        use=asked.use,
    )
    kiosk.journal.commit([Fact(prepared)])
    return bundle, prepared, chosen

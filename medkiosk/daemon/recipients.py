"""Who may receive exports: enrolled with a word on the telephone, and revoked."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime

from medkiosk import sshsig
from medkiosk.catalog.exports import Outside
from medkiosk.consent.decision import PURPOSE_WORDS
from medkiosk.core.clock import parse_rfc3339
from medkiosk.core.consent import Purpose
from medkiosk.core.errors import BadRequestError, KioskError, NotFoundError
from medkiosk.core.events import AccountCreated
from medkiosk.core.exportevents import RecipientEnrolled, RecipientMethod, RecipientRevoked
from medkiosk.core.ids import RecipientId, new_id
from medkiosk.daemon import reasons
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.export import age
from medkiosk.export.viewer import chunks
from medkiosk.ipc import types as t
from medkiosk.journal import Fact

HEARD = 16
"""So many letters of a key are read out: 80 bits, more than anybody can make a second key for."""
_LONGEST = 200


class NotHeardError(KioskError):
    """The letters that were typed are not the end of this key, and nobody was enrolled. Ask the recipient to
    read the last sixteen letters of the key again. If they differ, the key is not theirs: do not use it.
    """

    code = "export.not_heard"


@dataclass(frozen=True)
class Enrolment:
    """What was asked; see `medkiosk.ipc.exportapi.ExportApi.enrol_recipient`."""

    display_name: str
    organisation: str
    method: RecipientMethod
    age_recipient: str
    heard: str
    purposes: tuple[Purpose, ...]
    expires: str


def enrol(kiosk: Kiosk, who: AccountCreated, asked: Enrolment) -> t.RecipientInfo:
    """Add somebody who may receive exports.

    Raises:
        BadRequestError: no name, no purpose, a key where none belongs, or an expiry that lies in the past.
        RecipientKeyError: the age public key cannot be used.
        NotHeardError: what was read out is not the end of the key.
    """
    if not asked.display_name.strip() or max(len(asked.display_name), len(asked.organisation)) > _LONGEST:
        raise BadRequestError(detail="a recipient needs a name of at most 200 characters")
    if not asked.purposes or len(set(asked.purposes)) != len(asked.purposes):
        raise BadRequestError(detail="say what they may receive pictures for, each purpose once")
    if asked.method is RecipientMethod.AGE:
        key = age.check_recipient(asked.age_recipient)
        typed = "".join(asked.heard.split()).lower()
        if not hmac.compare_digest(typed.encode(), key[-HEARD:].encode()):
            raise NotHeardError
    elif asked.age_recipient or asked.heard:
        raise BadRequestError(detail="a recipient with a passphrase has no key")
    try:
        over = parse_rfc3339(asked.expires) <= kiosk.clock()
    except ValueError as error:
        raise BadRequestError(detail="say until when, as YYYY-MM-DDThh:mm:ss.mmmZ") from error
    if over:
        raise BadRequestError(detail="the enrolment would be over already; its end must lie ahead")
    event = RecipientEnrolled(
        at=kiosk.journal.now(),
        actor=who.account_id,
        recipient_id=RecipientId(new_id(kiosk.random)),
        display_name=asked.display_name,
        organisation=asked.organisation,
        age_recipient=asked.age_recipient,
        expires=asked.expires,
        method=asked.method,
        purposes=tuple(sorted(asked.purposes)),
        heard=asked.method is RecipientMethod.AGE,
    )
    kiosk.journal.commit([Fact(event)])
    return _info(kiosk, event.recipient_id)


def revoke(kiosk: Kiosk, who: AccountCreated, recipient_id: RecipientId, reason: str) -> t.RecipientInfo:
    """Let somebody receive nothing any more, for good.

    Raises:
        NotFoundError: no such recipient.
        BadRequestError: no reason, or they were revoked before.
    """
    reason = reasons.given(reason)
    with kiosk.journal.lock:
        if _info(kiosk, recipient_id).revoked:
            raise BadRequestError(detail="this recipient was revoked before")
        event = RecipientRevoked(
            at=kiosk.journal.now(), actor=who.account_id, recipient_id=recipient_id, reason=reason
        )
        kiosk.journal.commit([Fact(event)])
    return _info(kiosk, recipient_id)


def everybody(kiosk: Kiosk) -> t.Recipients:
    """All recipients, oldest first."""
    now = kiosk.clock()
    with kiosk.reading() as catalog:
        outside = catalog.outside
        return t.Recipients(recipients=tuple(_view(outside, each, now) for each in outside.recipients))


def sheet(kiosk: Kiosk) -> t.RecipientSheet:
    """What a recipient must get apart from the stick."""
    key = kiosk.keys.export_key.public_key()
    return t.RecipientSheet(
        site=kiosk.config.site.name,
        allowed_signers=sshsig.allowed_signers_line(key),
        signer=sshsig.fingerprint(key),
        log=str(kiosk.memory.key.ed25519),
        page_sha256=_page(),
    )


def _page() -> str:
    try:
        chunks.page()
    except chunks.NoViewerError:
        return ""
    return chunks.PAGE_SHA256


def why_not(outside: Outside, recipient_id: RecipientId, purpose: Purpose | None, now: datetime) -> str:
    """Say why nothing may leave for a recipient now, for a purpose if one is given; empty if it may."""
    enrolled = outside.recipients[recipient_id]
    if recipient_id in outside.revoked:
        return "The recipient was revoked and may receive nothing any more."
    try:
        over = parse_rfc3339(enrolled.expires) <= now
    except ValueError:
        over = True
    if over:
        return "The recipient's enrolment is over; enrol them again."
    if purpose is not None and enrolled.purposes and purpose not in enrolled.purposes:
        return f"The recipient may not receive pictures for {PURPOSE_WORDS[purpose]}."
    return ""


def _info(kiosk: Kiosk, recipient_id: RecipientId) -> t.RecipientInfo:
    with kiosk.reading() as catalog:
        if recipient_id not in catalog.outside.recipients:
            raise NotFoundError(what="recipient", id=recipient_id)
        return _view(catalog.outside, recipient_id, kiosk.clock())


def _view(outside: Outside, recipient_id: RecipientId, now: datetime) -> t.RecipientInfo:
    event, revoked = outside.recipients[recipient_id], outside.revoked.get(recipient_id)
    return t.RecipientInfo(
        recipient_id=event.recipient_id,
        display_name=event.display_name,
        organisation=event.organisation,
        age_recipient=event.age_recipient,
        expires=event.expires,
        method=event.method,
        purposes=event.purposes,
        heard=event.heard,
        revoked=revoked.reason if revoked else "",
        why_not=why_not(outside, recipient_id, None, now),
    )

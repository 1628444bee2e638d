"""Accounts, recipients, and what the auditor reads."""

from __future__ import annotations

from medkiosk.access import accounts
from medkiosk.core.clock import parse_rfc3339
from medkiosk.core.config import Config
from medkiosk.core.errors import BadRequestError, KioskError
from medkiosk.core.events import (
    AccountCreated,
    RecipientEnrolled,
    Role,
    Viewed,
    What,
    decode,
)
from medkiosk.core.ids import AccountId, RecipientId, new_id
from medkiosk.daemon import views
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.export import age
from medkiosk.ipc import types as t
from medkiosk.journal import Fact
from medkiosk.vault.errors import SlotExistsError
from medkiosk.vault.slots import normalise_name

_LONGEST = 200


def create_account(
    kiosk: Kiosk, who: AccountCreated, user: str, display_name: str, roles: tuple[Role, ...], passphrase: str
) -> t.AccountInfo:
    """Add a user.

    Raises:
        BadRequestError: the name is taken, or something is missing.
    """
    problems = accounts.problems(user, display_name, roles, passphrase, site_names(kiosk.config))
    if problems:
        raise BadRequestError(detail="; ".join(problems))
    user = normalise_name(user).decode()
    with kiosk.reading() as catalog:
        if catalog.account_of(user) is not None:
            raise BadRequestError(detail="there is an account with this user name")
    event = AccountCreated(
        at=kiosk.journal.now(),
        actor=who.account_id,
        account_id=AccountId(new_id(kiosk.random)),
        user=user,
        display_name=display_name,
        roles=roles,
    )
    # The slot first: a slot without an account opens nothing (the login refuses it), an account without a
    # slot would be a person who cannot log in and whose name is taken.
    identity = kiosk.keyring.opened.identity
    try:
        identity.add_user_slot(user, passphrase)
    except SlotExistsError:
        # Left by a crash between the two: it belongs to no account, so it is this one's now.
        identity.replace_user_slot(user, passphrase)
    kiosk.journal.commit([Fact(event)])
    return views.account(event)


def site_names(config: Config) -> tuple[str, ...]:
    """What a guesser at this kiosk's passphrases would try first."""
    return config.site.name, config.site.origin


def enrol_recipient(
    kiosk: Kiosk, who: AccountCreated, display_name: str, organisation: str, age_recipient: str, expires: str
) -> t.RecipientInfo:
    """Add somebody who may receive exports.

    Raises:
        BadRequestError: no name, or an expiry that lies in the past.
        RecipientKeyError: the age public key cannot be used.
    """
    if not display_name.strip() or max(len(display_name), len(organisation)) > _LONGEST:
        raise BadRequestError(detail="a recipient needs a name of at most 200 characters")
    age.check_recipient(age_recipient)
    try:
        over = parse_rfc3339(expires) <= kiosk.clock()
    except ValueError as error:
        raise BadRequestError(detail="say until when, as YYYY-MM-DDThh:mm:ss.mmmZ") from error
    if over:
        raise BadRequestError(detail="the enrolment would be over already; its end must lie ahead")
    event = RecipientEnrolled(
        at=kiosk.journal.now(),
        actor=who.account_id,
        recipient_id=RecipientId(new_id(kiosk.random)),
        display_name=display_name,
        organisation=organisation,
        age_recipient=age_recipient,
        expires=expires,
    )
    kiosk.journal.commit([Fact(event)])
    return views.recipient_info(event)


def list_events(kiosk: Kiosk, who: AccountCreated, offset: int, limit: int) -> t.Events:
    """A page of everything that happened, oldest first; this look is itself an event."""
    if offset < 0 or limit < 0:
        raise BadRequestError(detail="offset and limit are not negative")
    kiosk.journal.commit([Fact(Viewed(at=kiosk.journal.now(), actor=who.account_id, what=What.AUDIT))])
    identity = kiosk.keyring.opened.identity
    rows = list(kiosk.journal.vault.records())
    lines = []
    for index, row in enumerate(rows[offset : offset + limit], offset):
        try:
            event = decode(identity.open_record(row))
        except (KioskError, ValueError):
            lines.append(t.EventLine(index=index, at="", actor="", type="unreadable", summary=row.id))
            continue
        lines.append(
            t.EventLine(
                index=index, at=event.at, actor=event.actor, type=event.name, summary=views.summary(event)
            )
        )
    return t.Events(events=tuple(lines), total=len(rows))

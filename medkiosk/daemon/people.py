"""Accounts, and what the auditor reads."""

from __future__ import annotations

import itertools
import logging

from medkiosk.access import accounts
from medkiosk.access.passphrase import weakness
from medkiosk.core.accessevents import DepartmentsSet, RolesChanged
from medkiosk.core.config import Config
from medkiosk.core.errors import BadRequestError, KioskError, NotAllowedError
from medkiosk.core.events import AccountCreated, Role, Viewed, What, decode
from medkiosk.core.ids import AccountId, new_id
from medkiosk.core.lifecycle import AccountClosed, SlotChanged
from medkiosk.daemon import reasons, views
from medkiosk.daemon.circling import check_departments
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.ipc import types as t
from medkiosk.journal import Fact
from medkiosk.vault.errors import NoSlotError, SlotExistsError
from medkiosk.vault.slots import Authenticator, normalise_name

_log = logging.getLogger(__name__)


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
    with kiosk.reading() as catalog:
        return views.account(event, catalog.people)


def change_passphrase(kiosk: Kiosk, who: AccountCreated, old: str, new: str, output: bytes) -> None:
    """Give oneself another passphrase; whoever has an authenticator keeps it.

    Raises:
        BadRequestError: the new one is weak, or the old one.
        WrongPassphraseError: the old one is wrong; that counts as a failed login.
        LockedOutError: too many wrong ones.
    """
    if new == old:
        raise BadRequestError(detail="the new passphrase is the old one")
    _refuse_weak(kiosk, who, new)
    kiosk.keyring.prove(who.user, old, output)
    # The slot first: after a crash between the two, a given passphrase must be changed once more.
    kiosk.keyring.opened.identity.change_user_passphrase(who.user, new, output)
    _tell_slot(kiosk, who, who, "passphrase")


def add_authenticator(
    kiosk: Kiosk, who: AccountCreated, passphrase: str, authenticator: Authenticator
) -> None:
    """From now on, let this person log in only with their passphrase and this authenticator.

    Raises:
        BadRequestError: they have one already, or what it said cannot be.
        WrongPassphraseError: it is not their passphrase; that counts as a failed login.
        LockedOutError: too many wrong ones.
    """
    identity = kiosk.keyring.opened.identity
    if identity.has_authenticator(who.user):
        raise BadRequestError(detail="you have a security key already; remove it first")
    if not authenticator.sound:
        raise BadRequestError(detail="this is not what a security key answers; begin again")
    kiosk.keyring.prove(who.user, passphrase)
    identity.add_authenticator(who.user, passphrase, authenticator)
    _tell_slot(kiosk, who, who, "fido2_added")


def remove_authenticator(kiosk: Kiosk, who: AccountCreated, passphrase: str, output: bytes) -> None:
    """Let this person log in with their passphrase alone again; the authenticator says yes one last time.

    Raises:
        BadRequestError: they have none.
        WrongPassphraseError: the passphrase is wrong, or it is not their authenticator.
        LockedOutError: too many wrong ones.
    """
    identity = kiosk.keyring.opened.identity
    if not identity.has_authenticator(who.user):
        raise BadRequestError(detail="you have no security key here")
    kiosk.keyring.prove(who.user, passphrase, output)
    identity.replace_user_slot(who.user, passphrase)
    _tell_slot(kiosk, who, who, "fido2_removed")


def reset_passphrase(kiosk: Kiosk, who: AccountCreated, user: str, passphrase: str) -> None:
    """Give somebody else a passphrase that they must change at their next login.

    It is enough alone: whoever has lost their authenticator logs in with it, too.

    Raises:
        BadRequestError: no such account, or it is weak.
        NotAllowedError: it is one's own, or the account was closed.
    """
    account = _other(kiosk, who, user, "for a passphrase of your own, change it with the old one")
    _refuse_weak(kiosk, account, passphrase)
    # The event first: after a crash between the two, the person must change a passphrase that they know.
    _tell_slot(kiosk, who, account, "reset")
    identity = kiosk.keyring.opened.identity
    try:
        identity.replace_user_slot(account.user, passphrase)
    except NoSlotError:
        identity.add_user_slot(account.user, passphrase)
    kiosk.sessions.end_all("an administrator gave this account another passphrase", of=account.account_id)


def close_account(kiosk: Kiosk, who: AccountCreated, user: str, reason: str) -> None:
    """Take somebody's key away for good and end their sessions; their name stays in the history.

    Raises:
        BadRequestError: no such account, or no reason.
        NotAllowedError: it is one's own (so the last administrator's stays), or closed already.
    """
    reason = reasons.given(reason)
    account = _other(kiosk, who, user, "another administrator closes your account")
    identity = kiosk.keyring.opened.identity
    with kiosk.journal.lock:  # two administrators at the same time must not close each other's account
        _check_both(kiosk, who, account)
        try:
            identity.remove_user_slot(account.user)
        except NoSlotError:
            _log.info("an account without a key slot is closed")  # a crash came between slot and event
        kiosk.journal.commit(
            [
                Fact(
                    AccountClosed(
                        at=kiosk.journal.now(),
                        actor=who.account_id,
                        account_id=account.account_id,
                        reason=reason,
                    )
                )
            ]
        )
    kiosk.sessions.end_all("the account was closed", of=account.account_id)


def change_roles(
    kiosk: Kiosk, who: AccountCreated, user: str, roles: tuple[Role, ...], reason: str
) -> t.AccountInfo:
    """Give somebody else other roles; their sessions end, so that no old role goes on.

    Raises:
        BadRequestError: no such account, no reason, or roles that do not go together.
        NotAllowedError: it is one's own, or an account was closed.
    """
    problems = accounts.problems_of_roles(roles)
    if problems:
        raise BadRequestError(detail="; ".join(problems))
    reason = reasons.given(reason)
    account = _other(kiosk, who, user, "another administrator changes your roles")
    with (
        kiosk.journal.lock
    ):  # two administrators at the same time must not each make the other something else
        _check_both(kiosk, who, account)
        event = RolesChanged(
            at=kiosk.journal.now(),
            actor=who.account_id,
            account_id=account.account_id,
            roles=roles,
            reason=reason,
        )
        kiosk.journal.commit([Fact(event)])
    kiosk.sessions.end_all("an administrator changed the roles of this account", of=account.account_id)
    return _info(kiosk, account.account_id)


def set_departments(
    kiosk: Kiosk, who: AccountCreated, user: str, departments: tuple[str, ...]
) -> t.AccountInfo:
    """Say where somebody else works; it counts from their next question.

    Raises:
        BadRequestError: no such account, or a department that the configuration does not have.
        NotAllowedError: it is one's own, or an account was closed.
    """
    check_departments(kiosk.config, departments)
    account = _other(kiosk, who, user, "another administrator says where you work")
    with kiosk.journal.lock:
        _check_both(kiosk, who, account)
        event = DepartmentsSet(
            at=kiosk.journal.now(),
            actor=who.account_id,
            account_id=account.account_id,
            departments=departments,
        )
        kiosk.journal.commit([Fact(event)])
    return _info(kiosk, account.account_id)


def _check_both(kiosk: Kiosk, who: AccountCreated, other: AccountCreated) -> None:
    """Under the journal's lock: both may log in still, and the one who decides is an administrator still."""
    with kiosk.reading() as catalog:
        actor = catalog.account(who.account_id)
        if not catalog.people.is_open(other.account_id) or not catalog.people.is_open(who.account_id):
            raise NotAllowedError(reason="the account was closed")
        if actor is None or Role.ADMINISTRATOR not in actor.roles:
            raise NotAllowedError(reason="you are no administrator any more")


def _info(kiosk: Kiosk, account_id: AccountId) -> t.AccountInfo:
    with kiosk.reading() as catalog:
        return views.account(catalog.people.accounts[account_id], catalog.people)


def must_change(kiosk: Kiosk, who: AccountCreated) -> bool:
    """Whether an administrator gave this person their passphrase."""
    with kiosk.reading() as catalog:
        return who.account_id in catalog.people.to_change


def strengthen(kiosk: Kiosk, who: AccountCreated, passphrase: str, output: bytes) -> None:
    """At a login: make the slot as costly to guess at as a new one would be, if it is not."""
    try:
        if kiosk.keyring.opened.identity.strengthen_user_slot(who.user, passphrase, output):
            _tell_slot(kiosk, who, who, "upgraded")
    except KioskError as error:
        _log.error("a key slot was not strengthened: %s", error.code)  # the login itself has succeeded


def _refuse_weak(kiosk: Kiosk, account: AccountCreated, passphrase: str) -> None:
    about = (account.user, account.display_name, *site_names(kiosk.config))
    if weak := weakness(passphrase, about):
        raise BadRequestError(detail=weak)


def _other(kiosk: Kiosk, who: AccountCreated, user: str, if_own: str) -> AccountCreated:
    with kiosk.reading() as catalog:
        account = catalog.account_of(normalise_name(user).decode())
        if account is None:
            raise BadRequestError(detail="there is no account with this user name")
        if account.account_id == who.account_id:
            raise NotAllowedError(reason=if_own)
        if not catalog.people.is_open(account.account_id):
            raise NotAllowedError(reason="the account was closed")
        return account


def _tell_slot(kiosk: Kiosk, who: AccountCreated, account: AccountCreated, how: str) -> None:
    event = SlotChanged(at=kiosk.journal.now(), actor=who.account_id, account_id=account.account_id, how=how)
    kiosk.journal.commit([Fact(event)])


def site_names(config: Config) -> tuple[str, ...]:
    """What a guesser at this kiosk's passphrases would try first."""
    return config.site.name, config.site.origin


def list_events(kiosk: Kiosk, who: AccountCreated, offset: int, limit: int) -> t.Events:
    """A page of everything that happened, oldest first; this look is itself an event.

    Raises:
        BadRequestError: a negative offset or limit.
    """
    if offset < 0 or limit < 0:
        raise BadRequestError(detail="offset and limit are not negative")
    kiosk.journal.commit([Fact(Viewed(at=kiosk.journal.now(), actor=who.account_id, what=What.AUDIT))])
    identity = kiosk.keyring.opened.identity
    vault = kiosk.journal.vault
    total = vault.last_record
    lines = []
    for row in itertools.islice(vault.records(after=offset), min(limit, max(total - offset, 0))):
        index = row.seq - 1
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
    return t.Events(events=tuple(lines), total=total)

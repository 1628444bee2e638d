"""The unlocked vault: held while at least one session is open, and nothing of it longer.

`Keyring` owns the identity (the private keys), the catalogue that was built with it, and the count of
sessions. When the last session ends, all three are dropped.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from medkiosk import durable
from medkiosk.access import lockout
from medkiosk.access.lockout import Lockout
from medkiosk.catalog.fold import Catalog
from medkiosk.core import canon
from medkiosk.core.clock import Clock
from medkiosk.core.errors import KioskError, NotAllowedError
from medkiosk.core.events import (
    AccountCreated,
    AnyEvent,
    LoggedIn,
    LoggedOut,
    LoginFailed,
)
from medkiosk.core.ids import KIOSK
from medkiosk.daemon.opened import Opened, Progress
from medkiosk.journal import Fact, Journal
from medkiosk.vault.errors import WrongPassphraseError
from medkiosk.vault.identity import Identity
from medkiosk.vault.slots import normalise_name

_log = logging.getLogger(__name__)


First = Callable[[AccountCreated], Sequence[Fact]]


class LockedOutError(KioskError):
    """Too many wrong passphrases for this user: wait {seconds} seconds, then try again. The import of
    pictures goes on meanwhile."""

    code = "login.wait"
    exit_code = 5


class OvertakenError(KioskError):
    """Your passphrase, your security key or your account was changed while you logged in. Nothing was opened;
    log in again."""

    code = "login.overtaken"
    exit_code = 5


class Entered(NamedTuple):
    """Somebody whom the keyring let in, and the id of the slot that their passphrase opened."""

    account: AccountCreated
    slot: str


_SAVE_EVERY = 10_000
"""New records after which the catalogue is saved while it is open: what a crash makes the next login read."""
_SAVE_AT_END = 500
"""Fewer are read again faster than a large catalogue is written."""
_TRY_EVERY = 1_000
"""New records after which it is tried again where it failed, or where a disposal removed what was saved."""
_IDLE = 19


class Keyring:
    """Thread-safe.

    Args:
        journal: whose records make the catalogue.
        clock: for the lockout.
        lockout_file: where failed logins are counted across restarts.
        changed: called after the vault was unlocked or locked; look at `is_open`.
        progress: told how many records of how many a login has read, where it has to read many.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        lockout_file: Path,
        changed: Callable[[], None],
        progress: Progress = lambda _done, _of: None,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._lockout_file = lockout_file
        self._lockout = _read_lockout(lockout_file)
        self._changed = changed
        self._progress = progress
        self._saving = threading.Lock()
        self._logins = threading.Lock()
        self._sessions = 0
        self._opened: Opened | None = None
        journal.listeners.append(self._apply)
        journal.guards.append(self._why_not)

    @property
    def is_open(self) -> bool:
        """Whether the keys are in memory."""
        return self._opened is not None

    @property
    def opened(self) -> Opened:
        """The unlocked vault.

        Raises:
            NotAllowedError: nobody is logged in.
        """
        opened = self._opened
        if opened is None:
            raise NotAllowedError(reason="nobody is logged in")
        return opened

    def login(self, user: str, passphrase: str, output: bytes = b"", first: First | None = None) -> Entered:
        """Open the vault, or join those who have it open; whoever counts the session then asks `confirm`.

        Args:
            user: who.
            passphrase: theirs.
            output: what their authenticator said, where they have one.
            first: asked, when the passphrase was right, for what is recorded before the login.

        Raises:
            LockedOutError: too many failures; the passphrase was not even tried.
            WrongPassphraseError: unknown user or wrong passphrase, without saying which.
            NotAllowedError: the account was closed, or never was.
            OvertakenError: the slot that was opened is no longer there.
        """
        with self._logins:
            identity = self._try(user, passphrase, output)
            slot = identity.slot
            return Entered(self._join(identity, normalise_name(user).decode(), first), slot)

    def confirm(self, entered: Entered) -> None:
        """Look again, once the session counts: whoever takes a slot away ends the sessions that count then.

        Raises:
            OvertakenError: the slot was taken away before, or the roles were changed; the session must end.
            NotAllowedError: the account was closed, or the vault was locked.
        """
        opened = self.opened
        with opened.lock:
            now = _may_enter(opened.catalog, entered.account.user)
        if now.roles != entered.account.roles:
            raise OvertakenError
        self._still(entered.slot)

    def _still(self, slot: str) -> None:
        if all(each.id != slot for each in self._journal.vault.slots()):
            raise OvertakenError

    def prove(self, user: str, passphrase: str, output: bytes = b"") -> AccountCreated:
        """Check somebody's passphrase while the vault is open; failures count as at a login.

        Raises:
            LockedOutError, WrongPassphraseError, NotAllowedError: as in `login`.
        """
        with self._logins:
            self._try(user, passphrase, output).close()
        opened = self.opened
        with opened.lock:
            return _may_enter(opened.catalog, normalise_name(user).decode())

    def vouch(self, account: AccountCreated) -> None:
        """After `prove`: check that the passphrase is one that they chose, and not one that they were given.

        Raises:
            NotAllowedError: an administrator gave it to them, and so knows it.
        """
        opened = self.opened
        with opened.lock:
            if account.account_id in opened.catalog.people.given:
                raise NotAllowedError(
                    reason="an administrator gave this person their passphrase: they must first log in and"
                    " choose one that only they know"
                )

    def _try(self, user: str, passphrase: str, output: bytes) -> Identity:
        """Unlock, counting failures. Under the lock of logins."""
        name = normalise_name(user)
        tag = self._journal.vault.tag(b"lockout/1", name).hex()
        state = lockout.settle(self._lockout, self._clock())
        wait = lockout.wait(state, tag, self._clock())
        if wait:
            raise LockedOutError(seconds=-(-wait // timedelta(seconds=1)))
        # Counted before it is tried: switching the kiosk off in mid-try must not save an attempt.
        self._remember(lockout.failed(state, tag, self._clock()))
        try:
            identity = self._journal.vault.unlock(user, passphrase, output)
        except WrongPassphraseError:
            if self._journal.log.refusal is None:
                event = LoginFailed(at=self._journal.now(), actor=KIOSK, user=user[:100])
                self._journal.commit([Fact(event)])
            raise
        self._remember(lockout.succeeded(self._lockout, tag))
        return identity

    def leave(self, account: AccountCreated, reason: str) -> None:
        """One session ended; the last one locks the vault, whatever else fails."""
        try:
            self._journal.commit(
                [Fact(LoggedOut(at=self._journal.now(), actor=account.account_id, reason=reason))]
            )
        except KioskError as error:
            _log.error("a logout is not in the ledger: %s", error.code)
        finally:
            self._drop_session()

    def _drop_session(self) -> None:
        with self._journal.lock:
            self._sessions -= 1
            if self._sessions:
                return
            opened, self._opened = self._opened, None
        if opened is not None:
            try:
                with self._saving:
                    if opened.unsaved(self._journal) >= _SAVE_AT_END:
                        opened.save(self._journal)
            finally:
                opened.identity.close()
        self._changed()

    def save_soon(self) -> None:
        """Begin to save the catalogue in the background; nothing where that is going on, or it is locked."""
        opened = self._opened
        if opened is not None and self._saving.acquire(blocking=False):
            threading.Thread(target=self._save, args=(opened,), name="save-catalogue", daemon=True).start()

    def _save(self, opened: Opened) -> None:
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _IDLE)  # of this thread alone
            opened.save(self._journal)
        finally:
            self._saving.release()

    def _join(self, identity: Identity, user: str, first: First | None) -> AccountCreated:
        # A long history takes seconds to open: the kiosk goes on importing meanwhile, and only what came
        # since is taken in under the lock.
        made = None
        try:
            if self._opened is None:
                made = Opened(identity)
                made.load(self._journal)
                try:
                    made.catch_up(self._journal, self._progress)
                finally:
                    self._progress(0, 0)
            with self._journal.lock:
                fresh = self._opened is None
                if fresh:
                    made = made or Opened(identity)
                    made.catch_up(self._journal)
                opened = made if made is not None and fresh else self.opened
                account = _may_enter(opened.catalog, user)
                self._still(identity.slot)
                facts = list(first(account)) if first else []
                facts.append(Fact(LoggedIn(at=self._journal.now(), actor=account.account_id)))
                self._journal.commit(facts)
                # Nothing below can fail: a session that counts is a session that somebody will end.
                self._opened = opened
                self._sessions += 1
        except BaseException:
            identity.close()
            raise
        if fresh:
            self._changed()
            self._save_if_much(opened)
        else:
            identity.close()
        return account

    def _apply(self, fact: Fact, index: int) -> None:
        # Called by the journal under its lock.
        opened = self._opened
        if opened is None:
            return
        opened.told(self._journal, fact.event, index)
        self._save_if_much(opened)

    def _save_if_much(self, opened: Opened) -> None:
        due = opened.reach.record - opened.tried >= _TRY_EVERY or not opened.tried
        if due and opened.unsaved(self._journal) >= _SAVE_EVERY:
            self.save_soon()

    def _why_not(self, event: AnyEvent) -> str:
        opened = self._opened
        if opened is None:
            return ""
        with opened.lock:
            return opened.catalog.why_not(event)

    def _remember(self, state: Lockout) -> None:
        self._lockout = state
        durable.write_atomic(self._lockout_file, canon.encode(state))


def _may_enter(catalog: Catalog, user: str) -> AccountCreated:
    account = catalog.account_of(user)
    if account is None:
        raise NotAllowedError(reason="this key opens the vault, but no account belongs to it")
    if not catalog.people.is_open(account.account_id):
        raise NotAllowedError(reason="this account was closed")
    return account


def _read_lockout(path: Path) -> Lockout:
    try:
        return canon.decode(path.read_bytes(), Lockout)
    except (FileNotFoundError, ValueError):
        return Lockout()  # first start, or damaged: counting begins again

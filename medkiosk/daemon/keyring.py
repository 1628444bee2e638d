"""The unlocked vault: held while at least one session is open, and nothing of it longer.

`Keyring` owns the identity (the private keys), the catalogue that was built with it, and the count of
sessions. When the last session ends, all three are dropped.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from medkiosk import durable
from medkiosk.access import lockout
from medkiosk.access.lockout import Lockout
from medkiosk.catalog.fold import Catalog
from medkiosk.core import canon
from medkiosk.core.clock import Clock
from medkiosk.core.errors import KioskError, NotAllowedError
from medkiosk.core.events import AccountCreated, LoggedIn, LoggedOut, LoginFailed, Redacted, decode
from medkiosk.core.ids import KIOSK, ObjectId
from medkiosk.journal import Fact, Journal
from medkiosk.ledger import entry
from medkiosk.review import machine
from medkiosk.vault.errors import VaultDamagedError, WrongPassphraseError
from medkiosk.vault.identity import Identity
from medkiosk.vault.slots import normalise_name


class LockedOutError(KioskError):
    """Too many wrong passphrases for this user: wait {seconds} seconds, then try again. The import of
    pictures goes on meanwhile."""

    code = "login.wait"
    exit_code = 5


@dataclass
class Opened:
    """What an unlocked vault gives: never kept by anybody but for the length of one call."""

    identity: Identity = field(repr=False)
    catalog: Catalog
    derivative_leaf: dict[ObjectId, int]
    """Ledger index of the leaf that brought each derivative."""
    unreadable: int
    """Records that do not open. While there is one, nothing leaves."""


class Keyring:
    """Thread-safe.

    Args:
        journal: whose records make the catalogue.
        clock: for the lockout.
        lockout_file: where failed logins are counted across restarts.
        changed: called with True when the vault was unlocked and with False when it was locked again.
    """

    def __init__(
        self, journal: Journal, clock: Clock, lockout_file: Path, changed: Callable[[bool], None]
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._lockout_file = lockout_file
        self._lockout = _read_lockout(lockout_file)
        self._changed = changed
        self._logins = threading.Lock()
        self._sessions = 0
        self._opened: Opened | None = None
        journal.listeners.append(self._apply)

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

    def login(self, user: str, passphrase: str) -> AccountCreated:
        """Open the vault, or join those who have it open.

        Raises:
            LockedOutError: too many failures; the passphrase was not even tried.
            WrongPassphraseError: unknown user or wrong passphrase, without saying which.
        """
        with self._logins:
            name = normalise_name(user)
            tag = self._journal.vault.tag(b"lockout/1", name).hex()
            state = lockout.settle(self._lockout, self._clock())
            wait = lockout.wait(state, tag, self._clock())
            if wait:
                raise LockedOutError(seconds=-(-wait // timedelta(seconds=1)))
            # Counted before it is tried: switching the kiosk off in mid-try must not save an attempt.
            self._remember(lockout.failed(state, tag, self._clock()))
            try:
                identity = self._journal.vault.unlock(user, passphrase)
            except WrongPassphraseError:
                self._journal.commit(
                    [Fact(LoginFailed(at=self._journal.now(), actor=KIOSK, user=user[:100]))]
                )
                raise
            self._remember(lockout.succeeded(self._lockout, tag))
            return self._join(identity, name.decode())

    def leave(self, account: AccountCreated, reason: str) -> None:
        """One session ended; the last one locks the vault."""
        self._journal.commit(
            [Fact(LoggedOut(at=self._journal.now(), actor=account.account_id, reason=reason))]
        )
        with self._logins, self._journal.lock:
            self._sessions -= 1
            if self._sessions:
                return
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.identity.close()
        self._changed(False)

    def _join(self, identity: Identity, user: str) -> AccountCreated:
        with self._journal.lock:
            fresh = self._opened is None
            if fresh:
                self._opened = self._build(identity)
            opened = self.opened
            account = opened.catalog.account_of(user)
            if account is None:
                if fresh:
                    self._opened = None
                identity.close()
                raise NotAllowedError(reason="this key opens the vault, but no account belongs to it")
            self._sessions += 1
        if not fresh:
            identity.close()
        self._journal.commit([Fact(LoggedIn(at=self._journal.now(), actor=account.account_id))])
        if fresh:
            self._changed(True)
        return account

    def _build(self, identity: Identity) -> Opened:
        catalog = Catalog(machine.step)
        unreadable = 0
        for row in self._journal.vault.records():
            try:
                event = decode(identity.open_record(row))
            except (VaultDamagedError, ValueError):
                unreadable += 1  # the others must still be reached; nothing is exported meanwhile
                continue
            catalog.apply(event)
        derivative_leaf: dict[ObjectId, int] = {}
        for index, data in enumerate(self._journal.log.entries()):
            leaf = entry.decode(data)
            for item in leaf.objects:
                if item.kind == "derivative":
                    derivative_leaf[ObjectId(item.id)] = index
        return Opened(identity, catalog, derivative_leaf, unreadable)

    def _apply(self, fact: Fact, index: int) -> None:
        # Called by the journal under its lock.
        opened = self._opened
        if opened is None:
            return
        event = fact.event
        opened.catalog.apply(event)
        if isinstance(event, Redacted):
            opened.derivative_leaf[event.derivative_id] = index

    def _remember(self, state: Lockout) -> None:
        self._lockout = state
        durable.write_atomic(self._lockout_file, canon.encode(state))


def _read_lockout(path: Path) -> Lockout:
    try:
        return canon.decode(path.read_bytes(), Lockout)
    except (FileNotFoundError, ValueError):
        return Lockout()  # first start, or damaged: counting begins again

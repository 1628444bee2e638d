"""The unlocked vault: held while at least one session is open, and nothing of it longer.

`Keyring` owns the identity (the private keys), the catalogue that was built with it, and the count of
sessions. When the last session ends, all three are dropped.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
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
from medkiosk.core.events import (
    AccountCreated,
    AnyEvent,
    LoggedIn,
    LoggedOut,
    LoginFailed,
    Redacted,
    decode,
)
from medkiosk.core.ids import KIOSK, ObjectId
from medkiosk.journal import Fact, Journal
from medkiosk.ledger import entry
from medkiosk.review import machine
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


@dataclass
class Opened:
    """What an unlocked vault gives; dropped as a whole when the last session ends.

    Attributes:
        identity: the private keys.
        catalog: the index; read and changed only under ``lock``.
        derivative_leaf: ledger index of the leaf that brought each derivative.
        unreadable: records that do not open. While there is one, nothing leaves.
        newest: the latest time in any event, RFC 3339.
    """

    identity: Identity = field(repr=False)
    catalog: Catalog = field(default_factory=lambda: Catalog(machine.step))
    derivative_leaf: dict[ObjectId, int] = field(default_factory=dict)
    unreadable: int = 0
    newest: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock)
    _last_record: int = 0
    _next_leaf: int = 0

    def catch_up(self, journal: Journal) -> None:
        """Take in every record and leaf that is new since the last call. What is damaged is counted."""
        for row in journal.vault.records(after=self._last_record):
            self._last_record = row.seq
            try:
                self.apply(decode(self.identity.open_record(row)))
            except (KioskError, ValueError):
                self.unreadable += 1  # the others must still be reached; nothing is exported meanwhile
        try:
            for data in journal.log.entries(self._next_leaf):
                self._take_leaf(data)
        except KioskError:
            self.unreadable += 1

    def apply(self, event: AnyEvent) -> None:
        """Take in one event."""
        with self.lock:
            self.catalog.apply(event)
            self.newest = max(self.newest, event.at)

    def _take_leaf(self, data: bytes) -> None:
        index = self._next_leaf
        self._next_leaf += 1
        try:
            leaf = entry.decode(data)
        except ValueError:
            return  # of a later version: nothing that could be exported from here
        for item in leaf.objects:
            if item.kind == "derivative":
                self.derivative_leaf[ObjectId(item.id)] = index


class Keyring:
    """Thread-safe.

    Args:
        journal: whose records make the catalogue.
        clock: for the lockout.
        lockout_file: where failed logins are counted across restarts.
        changed: called after the vault was unlocked or locked; look at `is_open`.
    """

    def __init__(
        self, journal: Journal, clock: Clock, lockout_file: Path, changed: Callable[[], None]
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

    def login(self, user: str, passphrase: str, first: First | None = None) -> AccountCreated:
        """Open the vault, or join those who have it open.

        Args:
            user: who.
            passphrase: theirs.
            first: asked, when the passphrase was right, for what is recorded before the login.

        Raises:
            LockedOutError: too many failures; the passphrase was not even tried.
            WrongPassphraseError: unknown user or wrong passphrase, without saying which.
            NotAllowedError: the account was closed, or never was.
        """
        with self._logins:
            return self._join(self._try(user, passphrase), normalise_name(user).decode(), first)

    def prove(self, user: str, passphrase: str) -> AccountCreated:
        """Check somebody's passphrase while the vault is open; failures count as at a login.

        Raises:
            LockedOutError, WrongPassphraseError, NotAllowedError: as in `login`.
        """
        with self._logins:
            self._try(user, passphrase).close()
        opened = self.opened
        with opened.lock:
            return _may_enter(opened.catalog, normalise_name(user).decode())

    def _try(self, user: str, passphrase: str) -> Identity:
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
            identity = self._journal.vault.unlock(user, passphrase)
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
            opened.identity.close()
        self._changed()

    def _join(self, identity: Identity, user: str, first: First | None) -> AccountCreated:
        # A long history takes seconds to open: the kiosk goes on importing meanwhile, and only what came
        # since is taken in under the lock.
        made = None
        try:
            if self._opened is None:
                made = Opened(identity)
                made.catch_up(self._journal)
            with self._journal.lock:
                fresh = self._opened is None
                if fresh:
                    made = made or Opened(identity)
                    made.catch_up(self._journal)
                opened = made if made is not None and fresh else self.opened
                account = _may_enter(opened.catalog, user)
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
        else:
            identity.close()
        return account

    def _apply(self, fact: Fact, index: int) -> None:
        # Called by the journal under its lock.
        opened = self._opened
        if opened is None:
            return
        opened.apply(fact.event)
        if isinstance(fact.event, Redacted):
            opened.derivative_leaf[fact.event.derivative_id] = index

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

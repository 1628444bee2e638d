"""New recovery sheets: two people ask, two sheets are typed back, and only then the old ones stop working."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from medkiosk.core.errors import BadRequestError, NotAllowedError
from medkiosk.core.events import AccountCreated, Role
from medkiosk.core.lifecycle import RecoveryReplaced
from medkiosk.daemon.keyring import Keyring
from medkiosk.ipc import types as t
from medkiosk.journal import Fact, Journal
from medkiosk.keyfiles import KeyFiles
from medkiosk.vault.recovery import ESCROWED, open_recovery_slot
from medkiosk.vault.slots import Slot, normalise_name

_SECOND = frozenset({Role.ADMINISTRATOR, Role.PRIVACY_OFFICER})


@dataclass(frozen=True)
class _Prepared:
    """Sheets that were shown and open nothing yet."""

    slot: Slot
    asked_by: AccountCreated


class SheetDesk:
    """At most one set of new sheets at a time. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._prepared: _Prepared | None = None

    def prepare(
        self,
        keyring: Keyring,
        who: AccountCreated,
        *,
        second_user: str,
        second_passphrase: str,
        second_output: bytes = b"",
    ) -> t.RecoverySheets:
        """Make three sheets. Those of an earlier call that were not typed back are worth nothing any more.

        Raises:
            NotAllowedError: the second person is the first, neither administrator nor privacy officer, or has
                a passphrase that an administrator gave them: one person would be two.
            WrongPassphraseError: the second person's passphrase is wrong.
            LockedOutError: too many wrong ones.
        """
        if normalise_name(second_user).decode() == who.user:
            raise NotAllowedError(reason="recovery sheets take two people: the second one is somebody else")
        second = keyring.prove(second_user, second_passphrase, second_output)
        if not _SECOND & set(second.roles):
            raise NotAllowedError(reason="the second person must be an administrator or a privacy officer")
        keyring.vouch(second)
        slot, shares = keyring.opened.identity.prepare_recovery()
        with self._lock:
            self._prepared = _Prepared(slot, who)
        return t.RecoverySheets(sheets=tuple(shares))

    def replace(
        self, keyring: Keyring, journal: Journal, keys: KeyFiles, who: AccountCreated, typed: tuple[str, ...]
    ) -> None:
        """Take the prepared sheets into use.

        Raises:
            BadRequestError: none were prepared by this person.
            WrongSharesError: two of them were not typed back as they are; the old ones still work.
        """
        with self._lock:
            prepared = self._prepared
        if prepared is None or prepared.asked_by.account_id != who.account_id:
            raise BadRequestError(detail="no new sheets were made that could be taken into use; begin again")
        open_recovery_slot(prepared.slot, typed).master.wipe()
        event = RecoveryReplaced(at=journal.now(), actor=who.account_id)
        keyring.opened.identity.put_recovery(
            prepared.slot,
            {name: getattr(keys, name) for name in ESCROWED},
            commit=lambda change: journal.commit([Fact(event)], also=change),
        )
        with self._lock:
            self._prepared = None

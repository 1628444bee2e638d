"""The unlocked vault: what opens that which was sealed, and changes who may."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from cryptography.exceptions import InvalidTag

from medkiosk.core.clock import Clock, rfc3339
from medkiosk.core.ids import ObjectId, Random
from medkiosk.devicesecret import SIZE as DEVICE_SIZE
from medkiosk.devicesecret import DeviceSecretError, DeviceSecretLostError, DeviceSecrets
from medkiosk.vault import envelope, epochs, recovery
from medkiosk.vault.db import Database
from medkiosk.vault.envelope import Name
from medkiosk.vault.epochs import Epoch, EpochKeys
from medkiosk.vault.errors import (
    DisposedError,
    EpochEndedError,
    LockedError,
    VaultDamagedError,
)
from medkiosk.vault.keyrows import get_epochs, put_epoch, put_escrow, put_slot
from medkiosk.vault.keys import DataKey, IndexKeys, Secret, derive
from medkiosk.vault.schema import COLUMNS, RecordRow
from medkiosk.vault.slots import Slot
from medkiosk.vault.snapshot import SealedCatalogue, catalogue_key
from medkiosk.vault.userslots import UserSlots

_DATES = "medkiosk/dates/v1"
_SLOT_COLUMNS = ", ".join(COLUMNS["slots"])


Change = Callable[[sqlite3.Connection], None]
"""A change of the keys, to be made inside a transaction."""


class Rotated(NamedTuple):
    """A new epoch: its number, and why: ``age`` or ``count``."""

    epoch: int
    reason: str


class Opener:
    """The master and the epochs' secret parts, in memory, until `close`."""

    def __init__(self, database: Database, master: Secret, keys: Iterable[EpochKeys]) -> None:
        """Take over the master and the keys."""
        self._db = database
        self._master = master
        self._keys = {one.number: one for one in keys}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def closed(self) -> bool:
        """Tell whether the keys were forgotten."""
        return self._master.wiped

    def close(self) -> None:
        """Forget the keys; harmless when repeated."""
        self._master.wipe()
        self.forget_epochs(list(self._keys))

    def forget_epochs(self, numbers: Iterable[int]) -> None:
        """Forget the secret parts of some epochs; harmless for those that are not known."""
        for number in numbers:
            if keys := self._keys.pop(number, None):
                keys.wipe()

    def open_key(self, object_id: ObjectId | str) -> DataKey:
        """Return the data key of an object.

        Raises:
            LockedError: closed.
            DisposedError: its envelope was destroyed.
            VaultDamagedError: there is no such object, or its envelope does not open.
        """
        row = self._db.row(
            "SELECT kind, epoch, envelope FROM objects o"
            " LEFT JOIN envelopes e ON e.id = o.id AND e.what = 'object' WHERE o.id = ?",
            (object_id,),
        )
        if row is None:
            raise VaultDamagedError(what="object", id=object_id, detail="the store has no such object")
        kind, epoch, sealed = row
        return self.open_envelope(Name("object", object_id, kind), epoch, sealed)

    def open_record(self, row: RecordRow) -> bytes:
        """Return the payload of a record from `StoreReader.records`.

        Raises:
            LockedError: closed.
            DisposedError: its envelope was destroyed.
            VaultDamagedError: it does not open.
        """
        name = Name("record", row.id, row.kind)
        key = self.open_envelope(name, row.epoch, row.envelope)
        try:
            return envelope.open_record(key, name, row.sealed)
        except (InvalidTag, ValueError) as error:
            raise VaultDamagedError(what="record", id=row.id, detail="its bytes were changed") from error
        finally:
            key.wipe()

    def open_envelope(self, name: Name, epoch: int | None, sealed: bytes | None) -> DataKey:
        """Take a data key out of its envelope, of either form; None for both where the row is gone.

        Raises:
            LockedError: closed.
            DisposedError: its envelope was destroyed.
            VaultDamagedError: it does not open.
        """
        if self.closed:
            raise LockedError
        if epoch is None or sealed is None:
            raise DisposedError(what=name.what, id=name.id)
        keys = self._keys.get(epoch) or self._open_epoch(epoch)
        if keys is None:
            if self.closed:
                raise LockedError
            raise VaultDamagedError(what=name.what, id=name.id, detail=f"the key of epoch {epoch} is gone")
        try:
            return keys.open_key(sealed, name)
        except (InvalidTag, ValueError) as error:
            raise VaultDamagedError(what=name.what, id=name.id, detail="its envelope was changed") from error

    def _open_epoch(self, number: int) -> EpochKeys | None:  # noqa: ARG002 -- for those who can
        """Open an epoch that another identity made since."""
        return None


class Identity(UserSlots, Opener):
    """The keys on their own kiosk: they also change who may unlock, and what is sealed to."""

    slot: str = ""
    """Id of the person's slot that was opened; empty where it was the recovery sheets."""

    def __init__(
        self,
        database: Database,
        master: Secret,
        keys: Iterable[EpochKeys],
        *,
        index: IndexKeys,
        device: DeviceSecrets,
        random: Random,
        clock: Clock,
    ) -> None:
        super().__init__(database, master, keys)
        self._index = index
        self._device = device
        self._random = random
        self._clock = clock

    # Epochs

    def epoch_keys(self, number: int) -> EpochKeys:
        """Return the secret part of an epoch, for moving data keys; it belongs to this identity.

        Raises:
            LockedError: closed.
            VaultDamagedError: there is no such epoch.
        """
        self._unlocked()
        keys = self._keys.get(number) or self._open_epoch(number)
        if keys is None:
            raise VaultDamagedError(what="key of epoch", id=number, detail="the store has no such epoch")
        return keys

    def open_epoch_under(self, tx: sqlite3.Connection, generation: int) -> int:
        """Make a new epoch under a generation of the device secret and make it current; return its number.

        Inside the caller's transaction: if that fails, the epoch never was.

        Raises:
            LockedError: closed.
            DeviceSecretLostError: the machine has no secret of this generation.
            RecoveryReplacedError: the recovery key is not this kiosk's.
        """
        number = _next_epoch(tx)
        row, keys = epochs.make_epoch(
            number,
            master=self._unlocked(),
            generation=generation,
            device_secret=read_device(self._device, generation),
            recovery=self._recovery_public(tx),
            index=self._index,
            opened_at=rfc3339(self._clock()),
            random=self._random,
        )
        put_epoch(tx, row)
        tx.execute("UPDATE state SET current_epoch = ?", (number,))
        self.forget_epochs([number])  # of a transaction that failed
        self._keys[number] = keys
        return number

    def wrap_epochs_under(self, tx: sqlite3.Connection, generation: int, *, but: Iterable[int] = ()) -> None:
        """Wrap the secret parts of all epochs except ``but`` under a generation of the device secret.

        Inside the caller's transaction. Epochs that are wrapped under it already stay as they are.

        Raises:
            LockedError: closed.
            DeviceSecretLostError: the machine has no secret of this generation.
            VaultDamagedError: an epoch's key is damaged.
        """
        secret = read_device(self._device, generation)
        skipped = set(but)
        for row in get_epochs(tx):
            if row.epoch not in skipped and row.generation != generation:
                self._wrap_again(tx, row, generation, secret)
        secret.wipe()

    def rotate(self, commit: Callable[[Rotated, Change], None] | None = None) -> Rotated | None:
        """Open a new epoch when one is due, under the current generation of the device secret.

        None is due while a disposal is moving data keys: it opened one a moment ago.

        Args:
            commit: makes the change in a transaction together with the event about it, while nothing else
                changes epochs. Without it the change has a transaction of its own.

        Raises:
            LockedError: closed.
            DeviceSecretLostError: the machine has no secret of this generation.
            RecoveryReplacedError: the recovery key is not this kiosk's.
        """
        self._unlocked()
        with self._db.transaction() as tx:
            [current, generation] = tx.execute("SELECT current_epoch, generation FROM state").fetchone()
            [opened_at] = tx.execute("SELECT opened_at FROM epochs WHERE epoch = ?", (current,)).fetchone()
            [held] = tx.execute("SELECT count(*) FROM envelopes WHERE epoch = ?", (current,)).fetchone()
            [moving] = tx.execute("SELECT count(*) FROM disposals WHERE step = 'moving'").fetchone()
            number = _next_epoch(tx)
        reason = epochs.due(opened_at, held, self._clock())
        if moving or not reason:
            return None
        rotated = Rotated(number, reason)
        if commit is not None:
            commit(rotated, lambda tx: self._rotate(tx, generation, number))
        else:
            with self._db.transaction() as tx:
                self._rotate(tx, generation, number)
        return rotated

    def _rotate(self, tx: sqlite3.Connection, generation: int, number: int) -> None:
        opened = self.open_epoch_under(tx, generation)
        if opened != number:
            raise EpochEndedError  # somebody else opened one meanwhile; this one never was

    def renew_device_secrets(self) -> bool:
        """Give this machine fresh device secrets and wrap every epoch again: then passphrases work.

        For a machine that has none, after `Vault.unlock_recovery`. Each generation in use gets another
        secret, so that a disposal that was under way goes on. Secrets of other generations stay: another copy
        of the store may need them, and whoever knows better settles (`Vault.settle_device`). Cut short, it is
        done again: until the transaction at its end, the sheets are what opens the store, as before.

        Returns:
            False where the machine's own secrets open every epoch already, and nothing was changed.

        Raises:
            LockedError: closed.
            EpochReplacedError: an epoch is not this kiosk's.
            VaultDamagedError: an epoch's key is damaged.
            OSError: the machine did not keep a secret.
        """
        master, rows = self._unlocked(), get_epochs(self._db)
        for row in rows:
            epochs.check_pin(row, self._index)
        if self._opens_with_device(master, rows):
            return False
        numbers = {row.generation for row in rows} | {
            int(row[0]) for row in self._db.rows("SELECT generation FROM state")
        }
        fresh = {number: Secret(self._random(DEVICE_SIZE)) for number in sorted(numbers)}
        for generation, secret in fresh.items():
            self._device.put(generation, secret.reveal())
        with self._replacing() as tx:
            for row in get_epochs(tx):
                self._wrap_again(tx, row, row.generation, fresh[row.generation])
        for secret in fresh.values():
            secret.wipe()
        return True

    def _opens_with_device(self, master: Secret, rows: Iterable[Epoch]) -> bool:
        try:
            for row in rows:
                epochs.open_epoch(row, master, read_device(self._device, row.generation)).wipe()
        except (VaultDamagedError, DeviceSecretError, DeviceSecretLostError):
            return False
        return True

    def _wrap_again(self, tx: sqlite3.Connection, row: Epoch, generation: int, secret: Secret) -> None:
        wrapped = self.epoch_keys(row.epoch).wrap(self._unlocked(), secret, generation, self._random)
        put_epoch(tx, row._replace(generation=generation, wrapped_key=wrapped))

    def _open_epoch(self, number: int) -> EpochKeys | None:
        for row in get_epochs(self._db):
            if row.epoch == number:
                secret = read_device(self._device, row.generation)
                self._keys[number] = epochs.open_epoch(row, self._unlocked(), secret)
                secret.wipe()
        return self._keys.get(number)

    def _recovery_public(self, tx: sqlite3.Connection) -> envelope.PublicKey:
        row = tx.execute(f"SELECT {_SLOT_COLUMNS} FROM slots WHERE kind = ?", (recovery.KIND,)).fetchone()  # noqa: S608 -- names from COLUMNS only
        if row is None:
            raise VaultDamagedError(what="slot", id=recovery.KIND, detail="it is missing")
        return recovery.recovery_public(Slot(*row), self._index)

    def sealed_catalogue(self, root: Path) -> SealedCatalogue:
        """Return the sealed catalogue of the store in ``root``, whether there is one or not; close it.

        Raises:
            LockedError: closed.
            DeviceSecretLostError: the machine's secret is gone.
        """
        [(store_id, generation)] = self._db.rows("SELECT store_id, generation FROM state")
        secret = read_device(self._device, generation)
        try:
            return SealedCatalogue(root, store_id, generation, catalogue_key(self._unlocked(), secret))
        finally:
            secret.wipe()

    def dates_secret(self) -> Secret:
        """Return what shifts the dates in exports; wipe it. The same for the life of the store.

        Raises:
            LockedError: closed.
        """
        return Secret(derive(self._unlocked().reveal(), _DATES))

    def prepare_recovery(self) -> tuple[Slot, list[str]]:
        """Make a recovery slot and its three mnemonics, which open nothing until `put_recovery`.

        Raises:
            LockedError: closed.
        """
        return recovery.recovery_slot(self._unlocked(), self._index, random=self._random)

    def replace_recovery(self, escrow: Mapping[str, bytes]) -> list[str]:
        """Make new recovery words and take them into use at once; errors as in `put_recovery`."""
        slot, shares = self.prepare_recovery()
        self.put_recovery(slot, escrow)
        return shares

    def put_recovery(
        self, slot: Slot, escrow: Mapping[str, bytes], commit: Callable[[Change], None] | None = None
    ) -> None:
        """Take a prepared recovery slot into use; the words of the one before open nothing here any more.

        In one transaction: the slot, every epoch's recovery key and the escrow. Copies of the store made
        before still open with the old words.

        Args:
            slot: from `prepare_recovery`.
            escrow: the device's lasting secrets, see `recovery.ESCROWED`.
            commit: makes the change in a transaction together with the event about it. Without it the change
                has a transaction of its own.

        Raises:
            LockedError: closed.
            ValueError: ``escrow`` is not complete.
            RecoveryReplacedError: the slot was not made here.
            VaultDamagedError: an epoch's key is damaged.
        """
        public = recovery.recovery_public(slot, self._index)
        sealed = recovery.seal_escrow(escrow, public)

        def change(tx: sqlite3.Connection) -> None:
            tx.execute("DELETE FROM slots WHERE kind = ?", (recovery.KIND,))
            put_slot(tx, slot)
            for row in get_epochs(tx):
                key = self.epoch_keys(row.epoch).seal_for_recovery(public)
                put_epoch(tx, row._replace(recovery_key=key))
            put_escrow(tx, sealed)

        if commit is None:
            with self._replacing() as tx:
                change(tx)
        else:
            commit(change)
            self._empty_log()  # as `_replacing` does

    def _unlocked(self) -> Secret:
        if self.closed:
            raise LockedError
        return self._master


def _next_epoch(tx: sqlite3.Connection) -> int:
    [number] = tx.execute(
        "SELECT max(coalesce((SELECT max(epoch) FROM epochs), 0), (SELECT current_epoch FROM state)) + 1"
    ).fetchone()
    return int(number)


def read_device(device: DeviceSecrets, generation: int) -> Secret:
    """Return a device secret as one that does not show itself; errors as `DeviceSecrets.read`."""
    raw = device.read(generation)
    secret = Secret(raw)
    raw[:] = bytes(len(raw))
    return secret

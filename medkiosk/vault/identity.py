"""The unlocked vault: what opens that which was sealed, and changes who may."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from cryptography.exceptions import InvalidTag

from medkiosk.core.ids import ObjectId, Random
from medkiosk.vault import envelope
from medkiosk.vault.db import Database
from medkiosk.vault.envelope import Name
from medkiosk.vault.epochs import Epoch, open_epoch
from medkiosk.vault.errors import (
    DisposedError,
    LockedError,
    NoSlotError,
    SlotExistsError,
    VaultDamagedError,
)
from medkiosk.vault.keys import DataKey, IndexKeys, Secret
from medkiosk.vault.schema import RecordRow, insert, row_digest
from medkiosk.vault.slots import Argon2Params, Slot, normalise_name, passphrase_slot, recovery_slot


class Opener:
    """The master and the epochs' private keys, in memory, until `close`."""

    def __init__(self, database: Database, master: Secret, epochs: Sequence[Epoch]) -> None:
        """Open every epoch with the master.

        Raises:
            EpochReplacedError: a public key was replaced.
            VaultDamagedError: an epoch's key is damaged.
        """
        self._db = database
        self._master = master
        self._private = {epoch.epoch: open_epoch(epoch, master) for epoch in epochs}

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
        self._private.clear()

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
        return self._open(Name("object", object_id, kind), epoch, sealed)

    def open_record(self, row: RecordRow) -> bytes:
        """Return the payload of a record from `StoreReader.records`.

        Raises:
            LockedError: closed.
            DisposedError: its envelope was destroyed.
            VaultDamagedError: it does not open.
        """
        name = Name("record", row.id, row.kind)
        key = self._open(name, row.epoch, row.envelope)
        try:
            return envelope.open_record(key, name, row.sealed)
        except (InvalidTag, ValueError) as error:
            raise VaultDamagedError(what="record", id=row.id, detail="its bytes were changed") from error
        finally:
            key.wipe()

    def _open(self, name: Name, epoch: int | None, sealed: bytes | None) -> DataKey:
        if self.closed:
            raise LockedError
        if epoch is None or sealed is None:
            raise DisposedError(what=name.what, id=name.id)
        private = self._private.get(epoch)
        if private is None:
            if self.closed:
                raise LockedError
            raise VaultDamagedError(what=name.what, id=name.id, detail=f"the key of epoch {epoch} is gone")
        try:
            return envelope.open_key(sealed, private, name, epoch)
        except (InvalidTag, ValueError) as error:
            raise VaultDamagedError(what=name.what, id=name.id, detail="its envelope was changed") from error


class Identity(Opener):
    """The keys on their own kiosk: they also change who may unlock."""

    def __init__(
        self,
        database: Database,
        master: Secret,
        epochs: Sequence[Epoch],
        index: IndexKeys,
        random: Random,
    ) -> None:
        super().__init__(database, master, epochs)
        self._index = index
        self._random = random

    def add_user_slot(
        self,
        user_name: str,
        passphrase: str,
        *,
        params: Argon2Params | None = None,
        allow_weak: bool = False,
    ) -> str:
        """Let a user unlock with a passphrase; returns the slot's id.

        Args:
            user_name: found again in any case and width.
            passphrase: any text.
            params: cost of trying a passphrase; takes that long here, too.
            allow_weak: for tests: accept parameters below the floor.

        Raises:
            LockedError: closed.
            SlotExistsError: the name has a slot already.
            WeakSlotError: ``params`` below the floor.
        """
        slot = self._user_slot(user_name, passphrase, params, allow_weak=allow_weak)
        try:
            with self._db.transaction() as tx:
                put_slot(tx, slot)
        except sqlite3.IntegrityError as error:
            raise SlotExistsError from error
        return slot.id

    def replace_user_slot(
        self,
        user_name: str,
        passphrase: str,
        *,
        params: Argon2Params | None = None,
        allow_weak: bool = False,
    ) -> str:
        """Give a user a new passphrase in place of the old one; returns the new slot's id.

        Raises:
            LockedError: closed.
            NoSlotError: the name has no slot.
            WeakSlotError: ``params`` below the floor.
        """
        slot = self._user_slot(user_name, passphrase, params, allow_weak=allow_weak)
        with self._db.transaction() as tx:
            _drop(tx, slot.name_tag)
            put_slot(tx, slot)
        return slot.id

    def remove_user_slot(self, user_name: str) -> None:
        """Take a user's way to unlock away.

        Raises:
            LockedError: closed.
            NoSlotError: the name has no slot.
        """
        self._unlocked()
        with self._db.transaction() as tx:
            _drop(tx, self._index.name(normalise_name(user_name)))

    def replace_recovery(self) -> list[str]:
        """Make new recovery words in place of the old ones, which open nothing any more.

        Raises:
            LockedError: closed.
        """
        slot, shares = recovery_slot(self._unlocked(), random=self._random)
        with self._db.transaction() as tx:
            tx.execute("DELETE FROM slots WHERE kind = 'recovery'")
            put_slot(tx, slot)
        return shares

    def _user_slot(
        self, user_name: str, passphrase: str, params: Argon2Params | None, *, allow_weak: bool
    ) -> Slot:
        name_tag = self._index.name(normalise_name(user_name))
        return passphrase_slot(
            self._unlocked(), name_tag, passphrase, random=self._random, params=params, allow_weak=allow_weak
        )

    def _unlocked(self) -> Secret:
        if self.closed:
            raise LockedError
        return self._master


def put_slot(tx: sqlite3.Connection, slot: Slot) -> None:
    """Insert a slot with its digest."""
    tx.execute(insert("slots"), (*slot, row_digest("slots", *slot)))


def _drop(tx: sqlite3.Connection, name_tag: bytes) -> None:
    if tx.execute("DELETE FROM slots WHERE kind = 'passphrase' AND name_tag = ?", (name_tag,)).rowcount != 1:
        raise NoSlotError

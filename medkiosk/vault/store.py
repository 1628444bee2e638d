"""The vault on its own kiosk: it seals without any secret key, and commits so that nothing is lost.

docs/format.md section 3 has the order of the steps and why; `Vault.commit` walks through it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import sqlite3
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from cryptography.exceptions import InvalidTag

from medkiosk import devicesecret, durable
from medkiosk.core.clock import Clock
from medkiosk.core.errors import KioskError
from medkiosk.core.ids import Random, RecordId, new_id
from medkiosk.devicesecret import DeviceSecrets
from medkiosk.durable import Disk, TmpFile
from medkiosk.vault import envelope
from medkiosk.vault.batch import Batch, check_epoch, insert_batch
from medkiosk.vault.creation import make_store
from medkiosk.vault.db import CommitUnknownError, Database
from medkiosk.vault.disposal import Disposals
from medkiosk.vault.envelope import Name
from medkiosk.vault.epochs import EpochKeys, check_pin, open_epoch
from medkiosk.vault.errors import (
    EpochEndedError,
    VaultBusyError,
    VaultFormatError,
    VaultFullError,
    VaultStoppedError,
    VaultWriteError,
    write_error,
)
from medkiosk.vault.identity import Identity, read_device
from medkiosk.vault.keys import KEY_SIZE, DataKey, IndexKeys, Secret
from medkiosk.vault.leftovers import remove_leftovers
from medkiosk.vault.reader import StoreReader, check_format
from medkiosk.vault.userslots import Challenge, challenge, open_slot
from medkiosk.vault.writer import Buffers, ObjectWriter, PendingObject, PendingRecord

_THREADS = 3
"""Helper threads that hash and write behind the writers, and as many that read back what was committed."""


@dataclass(frozen=True)
class _Tools:
    index: IndexKeys
    device: DeviceSecrets
    random: Random
    clock: Clock
    disk: Disk


class Vault(StoreReader):
    """A store opened for writing, by one process at a time. Locked: it holds no secret key.

    Safe to use from several threads.
    """

    repairs: list[str]
    """What a crash left behind and opening removed, in words."""

    def __init__(self, root: Path, database: Database, lock_fd: int, tools: _Tools) -> None:
        super().__init__(root, database)
        self._lock_fd = lock_fd
        self._index = tools.index
        self._device = tools.device
        self._random = tools.random
        self._clock = tools.clock
        self._disk = tools.disk
        self._root_fd = durable.open_dir(root)
        # Apart, so that a writer does not wait in line behind a batch that is being read back.
        self._helpers = ThreadPoolExecutor(_THREADS, thread_name_prefix="vault-write")
        self._readers = ThreadPoolExecutor(_THREADS, thread_name_prefix="vault-read")
        self._buffers = Buffers()
        self._stopped: str | None = None
        self.repairs = []
        self.disposals = Disposals(
            root,
            database,
            index=tools.index,
            device=tools.device,
            random=tools.random,
            disk=tools.disk,
            root_fd=self._root_fd,
            blob_path=self.blob_path,
            going=self._going,
            stop=self._stop,
        )

    @classmethod
    def create(
        cls,
        root: Path,
        *,
        index_key: bytes,
        device: DeviceSecrets,
        escrow: Mapping[str, bytes],
        random: Random,
        clock: Clock,
        disk: Disk = durable,
    ) -> tuple[Vault, list[str]]:
        """Make an empty store; returns it and the three recovery mnemonics, which are never shown again.

        Args:
            root: does not exist yet, or is an empty folder.
            index_key: 32 bytes that belong to this device and are kept outside the store.
            device: gets the first device secret; has none yet.
            escrow: the device's lasting secrets, the index key among them; see `recovery.ESCROWED`.
            random: source of randomness.
            clock: for the time at which an epoch was opened.
            disk: what makes bytes durable.

        Raises:
            VaultExistsError: there is something in ``root``.
            DeviceSecretsExistError: ``device`` has a secret already.
        """
        shares = make_store(
            root,
            index=IndexKeys(index_key),
            device=device,
            escrow=escrow,
            random=random,
            clock=clock,
            disk=disk,
        )
        vault = cls.open(root, index_key=index_key, device=device, random=random, clock=clock, disk=disk)
        return vault, shares

    @classmethod
    def open(
        cls,
        root: Path,
        *,
        index_key: bytes,
        device: DeviceSecrets,
        random: Random,
        clock: Clock,
        disk: Disk = durable,
    ) -> Vault:
        """Open a store for writing and remove what a crash left behind (see `repairs`).

        A store opens for sealing also where its device secret is missing: see `device_problem`.

        Raises:
            VaultFormatError: there is no store of this version.
            VaultBusyError: another process has it open for writing.
            EpochReplacedError: the public key to seal to is not this device's.
            VaultWriteError: what a crash left behind cannot be removed.
        """
        tools = _Tools(IndexKeys(index_key), device, random, clock, disk)
        store_id = check_format(root)
        lock_fd = os.open(root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock_fd)
            raise VaultBusyError(path=root) from error
        try:
            database = Database.open(root / "vault.db", writable=True)
            vault = cls(root, database, lock_fd, tools)
        except BaseException:
            os.close(lock_fd)
            raise
        try:
            if vault.store_id != store_id:
                raise VaultFormatError(
                    path=root, detail="vault.db belongs to another store than the format file"
                )
            check_pin(vault._current(), tools.index)
            try:
                vault.repairs += remove_leftovers(
                    root, disk, vault._root_fd, vault.blob_path, lambda id_: vault.object(id_) is not None
                )
            except OSError as error:
                raise write_error(error) from error
        except BaseException:
            vault.close()
            raise
        return vault

    def close(self) -> None:
        """Let go of the store; unfinished writers must have ended."""
        self._helpers.shutdown()
        self._readers.shutdown()
        super().close()
        if self._lock_fd >= 0:
            os.close(self._root_fd)
            os.close(self._lock_fd)
            self._lock_fd = self._root_fd = -1

    # Sealing

    def start(self, kind: str) -> ObjectWriter:
        """Begin a new object of ``kind``.

        Raises:
            VaultStoppedError: an earlier failure left the disk's state unknown.
            VaultFullError: the disk is full.
            VaultWriteError: the disk failed.
            ValueError: ``kind`` is not well formed.
        """
        self._going()
        epoch = self._current()
        name = Name("object", new_id(self._random), kind).check()
        try:
            file = self._disk.create(self.root / "tmp" / name.id)
        except OSError as error:
            raise write_error(error) from error
        return ObjectWriter(
            name,
            data_key=DataKey(self._random(KEY_SIZE)),
            public_key=check_pin(epoch, self._index),
            epoch=epoch.epoch,
            file=file,
            helper=self._helpers,
            buffers=self._buffers,
            discard=self._discard,
        )

    def seal_record(self, kind: str, payload: bytes) -> PendingRecord:
        """Seal a small record in memory.

        Raises:
            ValueError: larger than 256 KiB, or ``kind`` is not well formed.
        """
        epoch = self._current()
        name = Name("record", new_id(self._random), kind).check()
        key = DataKey(self._random(KEY_SIZE))
        try:
            sealed = envelope.seal_record(key, name, payload)
            return PendingRecord(
                id=RecordId(name.id),
                kind=kind,
                sha256=hashlib.sha256(sealed).hexdigest(),
                commitment=envelope.record_commitment(key, payload).hex(),
                epoch=epoch.epoch,
                envelope=envelope.seal_key(key, check_pin(epoch, self._index), name, epoch.epoch),
                sealed=sealed,
            )
        finally:
            key.wipe()

    def reseal(self, pending: PendingObject) -> PendingObject:
        """Return a finished object with its data key sealed to the current epoch, after `EpochEndedError`.

        Its envelope, and so the hash that its ledger entry holds, is another one.
        """
        epoch = self._current()
        name = Name("object", pending.id, pending.kind)
        sealed = envelope.seal_key(pending.data_key, check_pin(epoch, self._index), name, epoch.epoch)
        return replace(pending, epoch=epoch.epoch, envelope=sealed)

    def discard(self, pending: PendingObject) -> None:
        """Give up an object that was finished and not committed."""
        pending.data_key.wipe()
        self._discard(pending.file)

    @property
    def stopped(self) -> bool:
        """Whether the vault takes nothing more until it is opened again (`VaultStoppedError`)."""
        return self._stopped is not None

    # Committing

    def commit(self, batch: Batch) -> None:
        """Make a batch durable and known. When this returns, all of it survives any crash.

        When it raises, none of it was acknowledged: its objects are given up and must be imported again. The
        exception is `EpochEndedError`, after which nothing is given up: seal again and commit that.

        Raises:
            EpochEndedError: something in it is sealed to an epoch that is no longer the current one.
            VaultFullError: the disk is full.
            VaultWriteError: the disk failed, or returned something else than was written.
            VaultStoppedError: it is not known whether the disk took the batch; nothing more is taken until
                the vault is opened again.
        """
        self._going()
        check_epoch(batch, self.current_epoch)  # cheaper than after the blobs have their names
        manifest = self.root / "tmp" / f"{new_id(self._random)}.batch"
        try:
            if batch.objects:
                self._store_blobs(batch.objects, manifest)
            with self._db.transaction() as tx:
                insert_batch(tx, batch)
        except CommitUnknownError as error:
            # The blobs stay: if the transaction did reach the device they are needed, and if it did not,
            # the next start finds them in the manifest.
            self._stop(error)
        except EpochEndedError:
            self._take_back(batch.objects, manifest)
            raise
        except Exception as error:
            # Not for KeyboardInterrupt and the like: they may strike after the commit, when the blobs are
            # needed. What is not needed then, the next start removes.
            self._give_up(batch.objects, manifest)
            if isinstance(error, OSError):
                raise write_error(error) from error
            if isinstance(error, sqlite3.OperationalError):
                full = error.sqlite_errorcode == sqlite3.SQLITE_FULL
                raise (VaultFullError() if full else VaultWriteError(detail=error)) from error
            raise
        for pending in batch.objects:
            pending.file.close()
        # Not synced: a manifest that comes back after a crash names objects that have rows, which is fine.
        with contextlib.suppress(OSError):
            self._disk.remove(manifest)

    def _store_blobs(self, objects: Sequence[PendingObject], manifest: Path) -> None:
        names = self._disk.create(manifest)
        try:
            names.write("".join(f"{pending.id}\n" for pending in objects).encode())
            self._disk.sync_files(self._root_fd, [names, *(pending.file for pending in objects)])
        finally:
            names.close()
        finals = [self.blob_path(pending.id) for pending in objects]
        for pending, final in zip(objects, finals, strict=True):
            self._disk.publish(pending.file.path, final)
        self._disk.sync_dirs(self._root_fd, [final.parent for final in finals] + [manifest.parent])
        for _ in self._readers.map(self._verify, objects):
            pass

    def _verify(self, pending: PendingObject) -> None:
        # Opening proves more than comparing a hash would, that the bytes on the device become the photo
        # again with this key, and costs a fifth.
        opener = envelope.decryptor(pending.data_key, Name("object", pending.id, pending.kind))
        # `update_into` leaves unverified bytes behind, and takes a fifth of the time of `update`: here nobody
        # looks at them, and they go with the mapping.
        scratch = durable.aligned(durable.CHUNK + 2 * envelope.CHUNK_SEALED)
        size = 0
        try:
            with memoryview(scratch) as plain:
                for piece in self._disk.read_back(self.blob_path(pending.id)):
                    size += opener.update_into(piece, plain)
            size += len(opener.finalize())
        except InvalidTag as error:
            raise VaultWriteError(detail="it returned other bytes than were written") from error
        finally:
            scratch.close()
        if size != pending.size:
            raise VaultWriteError(detail=f"it returned {size} bytes of {pending.size}")

    def _take_back(self, objects: Sequence[PendingObject], manifest: Path) -> None:
        """Undo `_store_blobs`: the objects are as they were before, to be sealed again and committed."""
        try:
            for pending in objects:
                self._disk.publish(self.blob_path(pending.id), pending.file.path)
            self._disk.remove(manifest)
        except OSError as error:
            self._give_up(objects, manifest)
            raise write_error(error) from error

    def _give_up(self, objects: Sequence[PendingObject], manifest: Path) -> None:
        for pending in objects:
            pending.data_key.wipe()
            self._discard(pending.file)
            with contextlib.suppress(OSError):
                self._disk.remove(self.blob_path(pending.id))
        with contextlib.suppress(OSError):
            self._disk.remove(manifest)

    def _discard(self, file: TmpFile) -> None:
        # What cannot be removed now is removed at the next start; the error worth telling came before.
        with contextlib.suppress(OSError):
            file.close()
            self._disk.remove(file.path)

    def outbox_done(self, upto: int) -> None:
        """Forget the ledger entries with an index up to and including ``upto``: the ledger has them."""
        with self._db.transaction() as tx:
            tx.execute("DELETE FROM outbox WHERE ledger_index <= ?", (upto,))

    # What was imported before

    def tag(self, *values: bytes) -> bytes:
        """Return a 32-byte tag that stands for ``values`` and can be told from others only on this device."""
        return self._index.tag(*values)

    def disposed(self, object_id: str) -> bool:
        """Whether an object was disposed of, or is about to be: it is known, and nobody looks for it."""
        row = self.object(object_id)
        return row is not None and (row.epoch is None or object_id in self.disposals.naming)

    def intact(self, object_id: str) -> bool:
        """Read an object's sealed bytes back from the device; whether they are what was committed.

        It takes no key: the hash of the sealed bytes is in the object's row.
        """
        row = self.object(object_id)
        if row is None:
            return False
        digest = hashlib.sha256()
        try:
            for piece in self._disk.read_back(self.blob_path(object_id)):
                digest.update(piece)
        except OSError:
            return False
        return digest.hexdigest() == row.sha256

    # Unlocking

    def unlock(self, user_name: str, passphrase: str, output: bytes = b"") -> Identity:
        """Unlock with a passphrase and, where there is one, an authenticator's output. Takes a second or two.

        Raises:
            WrongPassphraseError: no such user, or something is wrong; which of the two is not told.
            DeviceSecretLostError: the passphrase is right, and the machine has no device secret for it.
            EpochReplacedError: a public key was replaced.
            VaultDamagedError: an epoch's key is damaged.
        """
        slot, master = open_slot(self.slots(), self._index, user_name, passphrase, output)
        identity = self._identity(master, self._keys(master))
        identity.slot = slot
        return identity

    def challenge(self, user_name: str) -> Challenge:
        """Return what to ask a user's authenticator; see `userslots.challenge`."""
        return challenge(self.slots(), self._index, user_name)

    def unlock_recovery(self, shares: Sequence[str]) -> Identity:
        """Unlock with two of the three recovery mnemonics; errors as in `StoreReader.unlock_recovery`."""
        recovered = self._recover(shares)
        for row in self.epochs():
            check_pin(row, self._index)
        return self._identity(recovered.master, self._recovered_keys(recovered))

    @property
    def device_problem(self) -> KioskError | None:
        """Why nobody can unlock with a passphrase, if so: a device secret is missing or cannot be used."""
        try:
            for generation in sorted({row.generation for row in self.epochs()}):
                read_device(self._device, generation).wipe()
        except KioskError as error:
            return error
        return None

    def _keys(self, master: Secret) -> list[EpochKeys]:
        rows = self.epochs()
        secrets = {
            generation: read_device(self._device, generation) for generation in {r.generation for r in rows}
        }
        try:
            return [open_epoch(row, master, secrets[row.generation]) for row in rows]
        finally:
            for secret in secrets.values():
                secret.wipe()

    def _identity(self, master: Secret, keys: list[EpochKeys]) -> Identity:
        return Identity(
            self._db,
            master,
            keys,
            index=self._index,
            device=self._device,
            random=self._random,
            clock=self._clock,
        )

    # Inside

    def _going(self) -> None:
        if self._stopped is not None:
            raise VaultStoppedError(detail=self._stopped)

    def _stop(self, error: CommitUnknownError) -> NoReturn:
        self._stopped = str(error)
        raise VaultStoppedError(detail=error) from error

    def settle_device(self) -> None:
        """Destroy device secrets that a crash left between the steps of a disposal.

        Only for who knows that this is the newest store and no older copy: the newest one may need them.

        Raises:
            VaultWriteError: one may still be there.
        """
        [moving] = self._db.rows("SELECT count(*) FROM disposals WHERE step = 'moving'")[0]
        try:
            if devicesecret.settle(self._device, self.generation, moving=moving > 0):
                self.repairs.append("device secrets of an unfinished disposal")
        except OSError as error:
            raise write_error(error) from error

"""Making sure that nobody opens something again: the steps of docs/format.md section 5, in their order.

Each step is durable before the next one begins. `NEXT` is the order, the row in ``disposals`` says which step
a store is at, and after a crash it goes on there: `moving` needs the unlocked vault, what follows no key.
Who may, and why, is decided elsewhere; nothing here is ever called by a clock.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, NoReturn

import msgspec

from medkiosk import durable
from medkiosk.core import canon
from medkiosk.core.errors import KioskError
from medkiosk.core.ids import Random
from medkiosk.devicesecret import SIZE as DEVICE_SIZE
from medkiosk.devicesecret import DeviceSecrets
from medkiosk.durable import Disk
from medkiosk.vault.db import CommitUnknownError, Database
from medkiosk.vault.envelope import MOVED_SIZE, Name, What
from medkiosk.vault.errors import VaultDamagedError
from medkiosk.vault.identity import Identity
from medkiosk.vault.keys import IndexKeys, parts
from medkiosk.vault.schema import insert, row_digest

CHUNK = 5000
"""Envelopes moved in one transaction: it keeps an import waiting for about a fifth of a second."""


class Step(StrEnum):
    """Where a disposal stands; the names are those of the format."""

    MOVING = "moving"  # the data keys of what stays go to a new epoch
    DESTROYING = "destroying"  # the envelopes are gone; the old device secret goes
    ERASING = "erasing"  # the old device secret is gone; the blobs go
    DONE = "done"


NEXT: dict[Step, Step] = {
    Step.MOVING: Step.DESTROYING,
    Step.DESTROYING: Step.ERASING,
    Step.ERASING: Step.DONE,
}
"""Which step follows; there is no way back."""


class DisposalRunsError(KioskError):
    """Another disposal is not finished yet. Nothing of this one was begun; it is its turn afterwards."""

    code = "disposal.runs"


class DisposalOrderError(KioskError):
    """The disposal stands at another step than it was asked to go on with ({step}). Nothing was destroyed
    that was not approved; start the kiosk again and call the administrator."""

    code = "disposal.order"


class PlanChangedError(VaultDamagedError):
    """What the disposal {id} destroys is not what this kiosk wrote down: {detail}. It stands still, and
    nothing more is destroyed. Call the administrator: the store's database failed, or somebody changed it.
    Maintenance (M), C checks the store; from a backup drive, with two recovery sheets, it is made anew."""

    code = "disposal.plan_changed"


class NextSecretExistsError(KioskError):
    """The machine already has the next device secret, number {generation}, and this store does not know of
    it. This may be an older copy of the store, and the newest one may need that secret: nothing was begun
    and nothing was destroyed. Put the newest copy back; if this is the newest one, start the kiosk again."""

    code = "disposal.next_secret"
    exit_code = 3


class LogInUseError(KioskError):
    """The keys are destroyed, and the database's log could not be emptied because another program reads the
    store. Nothing is lost; it is tried again until it can be."""

    code = "disposal.log_in_use"


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a disposal destroys.

    Attributes:
        doomed: the epochs that end.
        ids: of the objects and records, ascending.
        into: the epoch that everything else in the doomed ones moves to.
    """

    doomed: tuple[int, ...]
    ids: tuple[str, ...]
    into: int


class Running(msgspec.Struct, frozen=True):
    """A disposal that is not done."""

    id: str
    step: Step
    plan: Plan


class _Stays(NamedTuple):
    """An envelope that moves."""

    id: str
    what: What
    kind: str
    epoch: int
    envelope: bytes


class Disposals:
    """The disposals of a store that is open for writing; one at a time.

    Args:
        root: the store.
        database: its database.
        index: what the plan is pinned with, so that nobody else writes one.
        device: where the device secret is replaced.
        random: source of randomness.
        disk: what makes bytes durable.
        root_fd: of ``root``, from `durable.open_dir`.
        blob_path: where an object's blob lies.
        going: raises once it is not known what the database holds; no step is taken then.
        stop: told of a COMMIT that may or may not have reached the device; raises.
    """

    def __init__(
        self,
        root: Path,
        database: Database,
        *,
        index: IndexKeys,
        device: DeviceSecrets,
        random: Random,
        disk: Disk,
        root_fd: int,
        blob_path: Callable[[str], Path],
        going: Callable[[], None],
        stop: Callable[[CommitUnknownError], NoReturn],
    ) -> None:
        self._root = root
        self._db = database
        self._index = index
        self._device = device
        self._random = random
        self._disk = disk
        self._root_fd = root_fd
        self._blob_path = blob_path
        self._going = going
        self._stop = stop
        self._passed: dict[int, int] = {}
        self._naming: frozenset[str] | None = None
        self._made: set[int] = set()

    @property
    def naming(self) -> frozenset[str]:
        """Ids of the objects and records that are being destroyed now.

        None where the plan is not the one that was written: then nothing is destroyed, and imports go on.
        """
        if self._naming is None:
            try:
                running = self.running()
            except PlanChangedError:
                return frozenset()
            self._naming = frozenset(running.plan.ids) if running else frozenset()
        return self._naming

    def running(self) -> Running | None:
        """Return the disposal that is not done, if there is one.

        Raises:
            PlanChangedError: its row is damaged, or was not written by this kiosk.
        """
        row = self._db.row("SELECT id, step, plan, pin, digest FROM disposals WHERE step <> ?", (Step.DONE,))
        if row is None:
            return None
        id_, step, plan, pin, digest = row
        if digest != row_digest("disposals", id_, step, plan, pin):
            raise PlanChangedError(id=id_, detail="its row is damaged")
        if not hmac.compare_digest(pin, self._index.plan(id_, step, plan)):
            raise PlanChangedError(id=id_, detail="its row does not carry this kiosk's mark")
        try:
            return Running(id_, Step(step), canon.decode(plan.encode(), Plan))
        except ValueError as error:
            raise PlanChangedError(id=id_, detail="its row cannot be read") from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """A transaction while it is known what the disk holds; where its own end is not, the vault stops."""
        self._going()
        try:
            with self._db.transaction() as tx:
                yield tx
        except CommitUnknownError as error:
            self._stop(error)

    # Steps 1 and 2

    def begin(self, identity: Identity, disposal_id: str, ids: Iterable[str]) -> Running:
        """Replace what is sealed to, so that what stays can be told from what goes.

        From here on nothing is accepted that is sealed to one of the doomed epochs. To be called while
        nothing else decides about what is named (the journal's lock).

        Args:
            identity: the unlocked vault.
            disposal_id: names it.
            ids: of objects and records; those that have no envelope any more are left out.

        Raises:
            DisposalRunsError: another one is not finished.
            NextSecretExistsError: this may be an older copy of the store.
            ValueError: nothing is left to destroy.
            LockedError: ``identity`` is closed.
            VaultStoppedError: it is not known whether it was begun; the next start sees.
        """
        # Before the secret: a disposal that may have begun must keep the one that it has.
        self._going()
        if self.running() is not None:
            raise DisposalRunsError
        [(generation,)] = self._db.rows("SELECT generation FROM state")
        # What an attempt of this process left is its own; any other may be what a newer store opens with.
        if generation + 1 in self._device.generations() and generation + 1 not in self._made:
            raise NextSecretExistsError(generation=generation + 1)
        self._made.add(generation + 1)
        secret = bytearray(self._random(DEVICE_SIZE))
        self._device.put(generation + 1, secret)
        secret[:] = bytes(DEVICE_SIZE)
        with self._transaction() as tx:
            sql = "SELECT id, epoch FROM envelopes WHERE id IN (SELECT value FROM json_each(?))"
            found = dict(tx.execute(sql, (_list(ids),)).fetchall())
            if not found:
                raise ValueError("there is nothing to destroy")
            into = identity.open_epoch_under(tx, generation + 1)
            plan = Plan(tuple(sorted(set(found.values()))), tuple(sorted(found)), into)
            self._put(tx, disposal_id, Step.MOVING, plan)
        self._passed, self._naming = {}, frozenset(plan.ids)
        return Running(disposal_id, Step.MOVING, plan)

    # Step 3

    def left(self, plan: Plan) -> int:
        """Return how many data keys are still to be moved."""
        held = sum(
            self._db.rows("SELECT count(*) FROM envelopes WHERE epoch = ?", (epoch,))[0][0]
            for epoch in plan.doomed
        )
        return int(held) - len(plan.ids)

    def move(self, identity: Identity, plan: Plan, rows: int = CHUNK) -> int:
        """Move the data keys of some survivors into the new epoch; return how many, 0 when all are there.

        Opening and sealing happen outside the transaction, so that imports wait for the rows alone.

        Raises:
            LockedError: ``identity`` was closed.
            VaultDamagedError: an envelope does not open. Nothing is destroyed then.
            VaultStoppedError: it is not known whether they were moved.
        """
        stays = self._page(plan, rows)
        if not stays:
            return 0
        half = len(stays) // 2
        with ThreadPoolExecutor(1, thread_name_prefix="vault-move") as helper:
            second = helper.submit(self._moved, identity, plan, stays[half:])
            moved = self._moved(identity, plan, stays[:half])
            moved += second.result()
        with self._transaction() as tx:
            tx.executemany("UPDATE envelopes SET epoch = ?, envelope = ?, digest = ? WHERE id = ?", moved)
        return len(moved)

    def _page(self, plan: Plan, rows: int) -> list[_Stays]:
        """The next survivors, of one epoch; one that was left out by a crash is found by the next process."""
        goes = frozenset(plan.ids)
        for epoch in plan.doomed:
            while page := self._db.rows(
                "SELECT e.rowid, e.id, e.what, coalesce(o.kind, r.kind), e.epoch, e.envelope FROM envelopes e"
                " LEFT JOIN objects o ON o.id = e.id AND e.what = 'object'"
                " LEFT JOIN records r ON r.id = e.id AND e.what = 'record'"
                " WHERE e.epoch = ? AND e.rowid > ? ORDER BY e.rowid LIMIT ?",
                (epoch, self._passed.get(epoch, 0), rows),
            ):
                if stays := [_Stays(*row[1:]) for row in page if row[1] not in goes]:
                    return stays
                self._passed[epoch] = page[-1][0]  # all of these go: never looked at again
        return []

    def _moved(
        self, identity: Identity, plan: Plan, rows: Sequence[_Stays]
    ) -> list[tuple[int, bytes, bytes, str]]:
        into = identity.epoch_keys(plan.into)
        moved = []
        for id_, what, kind, epoch, sealed in rows:
            name = Name(what, id_, kind)
            key = identity.open_envelope(name, epoch, sealed)
            envelope = into.move_key(key, name, self._random)
            key.wipe()
            digest = row_digest("envelopes", id_, what, plan.into, envelope)
            moved.append((plan.into, envelope, digest, id_))
        return moved

    # Step 4

    def note(self, plan: Plan) -> str:
        """Return what the last ledger entry says about the moved envelopes, for a verifier without keys."""
        digest, count = hashlib.sha256(), 0
        for row in self._db.rows(
            "SELECT what, id, envelope FROM envelopes WHERE epoch = ? AND length(envelope) = ? ORDER BY id",
            (plan.into, MOVED_SIZE),
        ):
            digest.update(parts(*row))
            count += 1
        return f"epoch={plan.into} envelopes={count} sha256={digest.hexdigest()}"

    def destroy(self, tx: sqlite3.Connection, identity: Identity, running: Running) -> None:
        """Delete the envelopes and the doomed epochs; inside the transaction that holds the ledger entries.

        Raises:
            DisposalOrderError: not everything that stays has been moved.
            LockedError: ``identity`` was closed.
        """
        plan = running.plan
        _expect(tx, running, Step.MOVING)
        sql = "SELECT id FROM envelopes WHERE epoch IN (SELECT value FROM json_each(?))"
        rows = tx.execute(sql, (_list(plan.doomed),)).fetchall()
        if {id_ for (id_,) in rows} != set(plan.ids):
            raise DisposalOrderError(step=Step.DESTROYING)
        [generation] = tx.execute("SELECT generation + 1 FROM state").fetchone()
        identity.wrap_epochs_under(tx, generation, but=plan.doomed)
        tx.executemany("DELETE FROM envelopes WHERE id = ?", [(id_,) for id_ in plan.ids])
        tx.executemany("DELETE FROM epochs WHERE epoch = ?", [(epoch,) for epoch in plan.doomed])
        # A file stays known, by where it was; its content can no longer be compared with anything.
        sql = "SELECT tag, object_id, group_id FROM seen WHERE object_id IN (SELECT value FROM json_each(?))"
        for tag, object_id, group_id in tx.execute(sql, (_list(plan.ids),)).fetchall():
            content = self._random(32)
            digest = row_digest("seen", tag, content, object_id, group_id)
            tx.execute("UPDATE seen SET content = ?, digest = ? WHERE tag = ?", (content, digest, tag))
        tx.execute("UPDATE state SET generation = ?", (generation,))
        self._put(tx, running.id, NEXT[Step.MOVING], plan)

    # Steps 5 to 7, which need no key

    def destroy_secret(self, running: Running) -> Running:
        """Destroy the old device secret and the sealed catalogue: after this, copies made before are shut.

        Raises:
            OSError: the old secret may still be there; to be tried again.
            VaultStoppedError: it is not known which secret the database on the device is for.
        """
        self._going()
        [(generation,)] = self._db.rows("SELECT generation FROM state")
        self._device.keep_only(generation)
        self._disk.remove(self._root / "catalog")
        self._disk.remove(self._root / "catalog.new")
        self._disk.sync_dirs(self._root_fd, [self._root])
        return self._advance(running, Step.DESTROYING)

    def erase(self, running: Running) -> tuple[int, bool]:
        """Empty the database's log, remove the blobs and have the disk forget them.

        Returns:
            How many blobs were removed, also before a crash, and whether the file system passed that on to
            the disk.

        Raises:
            LogInUseError: to be tried again.
            OSError: a blob is still there; to be tried again.
            VaultStoppedError: it is not known whether the database on the device has forgotten them.
        """
        self._going()
        if not self._db.truncate_log():
            raise LogInUseError
        sql = "SELECT id FROM objects WHERE id IN (SELECT value FROM json_each(?))"
        blobs = [self._blob_path(id_) for (id_,) in self._db.rows(sql, (_list(running.plan.ids),))]
        for blob in blobs:
            self._disk.remove(blob)
        self._disk.sync_dirs(self._root_fd, [blob.parent for blob in blobs])
        return len(blobs), durable.trim(self._root_fd)

    def finish(self, tx: sqlite3.Connection, running: Running) -> None:
        """Write down that it is done; inside the transaction that holds the ledger entry."""
        self._naming = None
        _expect(tx, running, Step.ERASING)
        self._put(tx, running.id, NEXT[Step.ERASING], running.plan)

    def _advance(self, running: Running, expected: Step) -> Running:
        with self._transaction() as tx:
            _expect(tx, running, expected)
            self._put(tx, running.id, NEXT[expected], running.plan)
        return msgspec.structs.replace(running, step=NEXT[expected])

    def _put(self, tx: sqlite3.Connection, id_: str, step: Step, plan: Plan) -> None:
        text = canon.encode(plan).decode()
        values = (id_, step.value, text, self._index.plan(id_, step.value, text))
        changes = "step = excluded.step, plan = excluded.plan, pin = excluded.pin, digest = excluded.digest"
        sql = f"{insert('disposals')} ON CONFLICT (id) DO UPDATE SET {changes}"
        tx.execute(sql, (*values, row_digest("disposals", *values)))


def _expect(tx: sqlite3.Connection, running: Running, step: Step) -> None:
    row = tx.execute("SELECT step FROM disposals WHERE id = ?", (running.id,)).fetchone()
    if row != (step.value,):
        raise DisposalOrderError(step=step)


def _list(values: Iterable[str | int]) -> str:
    """Values as one parameter of a statement."""
    return json.dumps(list(values))

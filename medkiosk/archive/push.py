"""Push, look and compare (docs/archive.md). All can be repeated; nothing that is there is sent again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec

from medkiosk.archive.drive import DriveStore, Item
from medkiosk.archive.errors import OlderDriveError
from medkiosk.archive.remote import DamagedSourceError, Held, Lock, Remote, Version, checksum_of
from medkiosk.core.clock import Clock

Progress = Callable[[int, int], None]
"""``progress(done, total)``, in bytes."""

PARALLEL = 8
"""Requests under way at once: a request is mostly waiting."""


class Problem(msgspec.Struct, frozen=True):
    """Something is not as it must be.

    ``code``: ``drive.damaged``, ``drive.missing``, ``archive.missing``, ``archive.other``,
    ``archive.unlocked`` or ``archive.unconfirmed``.
    """

    code: str
    key: str


class Copy(msgspec.Struct, frozen=True):
    """A copy of ``vault.db`` in the archive: with it, recovery sheets open what it has envelopes for.

    Attributes:
        key: its name; it begins with the size of the ledger then.
        until: when it can be deleted; empty where it can be now.
    """

    key: str
    until: str


class Result(msgspec.Struct, frozen=True):
    """What a push, a comparison or a look found.

    Attributes:
        store_id: whose archive.
        ledger_size: of the drive.
        archived_ledger_size: of the newest checkpoint in the archive, before a push.
        held: objects there, of those that the drive has.
        sent: things sent by this push.
        sent_bytes: how many bytes these were.
        waiting: things that a push would send.
        disposed: objects there whose keys the drive no longer has: ciphertext for nobody.
        databases: all copies of ``vault.db`` that the archive holds.
        problems: what is not as it must be.
    """

    store_id: str
    ledger_size: int
    archived_ledger_size: int
    held: int
    sent: int
    sent_bytes: int
    waiting: int
    disposed: int
    databases: list[Copy]
    problems: list[Problem]


class _Plan(NamedTuple):
    sizes: dict[str, int]
    archived: int
    blobs: list[Item]
    ledger: list[Item]
    problems: list[Problem]


def push(
    root: Path,
    remote: Remote,
    *,
    lock: Lock,
    keys_days: int,
    clock: Clock,
    progress: Progress | None = None,
    parallel: int = PARALLEL,
) -> Result:
    """Send what the archive lacks, confirm each thing, then delete older copies of ``vault.db``.

    Args:
        root: the drive's folder ``store``.
        remote: the archive.
        lock: of objects and ledger.
        keys_days: how long a copy of ``vault.db`` is locked.
        clock: for that lock.
        progress: told now and then.
        parallel: requests at once.

    Raises:
        NotABackupError: ``root`` is not a drive's store.
        NoLockError: the bucket cannot lock.
        OlderDriveError: the archive has seen more.
        ForkError: it has seen something else.
        UnreachableError: it does not answer.
    """
    drive = DriveStore(root)
    remote.check_lock()
    plan = _plan(drive, remote)
    problems = list(plan.problems)
    total = sum(item.size for item in (*plan.blobs, *plan.ledger))
    sent: list[int] = []

    def send(item: Item) -> None:
        try:
            remote.put(item, lock)
        except (DamagedSourceError, FileNotFoundError) as error:
            code = "drive.damaged" if isinstance(error, DamagedSourceError) else "drive.missing"
            problems.append(Problem(code, item.key))
            return
        if problem := _compare(item, remote.head(item.key)):
            problems.append(problem)
            return
        sent.append(item.size)
        if progress:
            progress(sum(sent), total)

    remote.each(plan.blobs, send, parallel)
    # The checkpoint is the last of them: what it stands for is there before it is.
    remote.each(plan.ledger[:-1], send, parallel)
    remote.each(plan.ledger[-1:], send, 1)
    keys = Lock(lock.mode, clock() + timedelta(days=keys_days))
    database = drive.database()
    there = remote.head(database.key) if database.key in plan.sizes else None
    if there is None or _compare(database, there):
        remote.put(database, keys)
    elif there.lock is None or there.lock.until < keys.until:  # a lock can only be lengthened
        remote.retain(database.key, keys)
    if problem := _compare(database, remote.head(database.key)):
        problems.append(problem)
    else:
        _delete_older(remote, database.key, f"{drive.store_id}/vault.db/")
    return _result(drive, remote, plan, problems, sent, waiting=0)


def status(root: Path, remote: Remote) -> Result:
    """Say what a push would send, and which copies of ``vault.db`` there are; errors as in `push`."""
    drive = DriveStore(root)
    plan = _plan(drive, remote)
    waiting = len(plan.blobs) + len(plan.ledger)
    return _result(drive, remote, plan, plan.problems, [], waiting=waiting)


def verify(
    root: Path,
    remote: Remote,
    *,
    clock: Clock,
    read: bool = False,
    progress: Progress | None = None,
    parallel: int = PARALLEL,
) -> Result:
    """Compare everything that the drive has with what the archive says that it holds; errors as in `push`.

    Args:
        root: the drive's folder ``store``.
        remote: the archive.
        clock: to tell whether a lock has ended.
        read: fetch every byte and hash it here, in place of trusting the server's word.
        progress: told now and then.
        parallel: requests at once.
    """
    drive = DriveStore(root)
    plan = _plan(drive, remote)
    items = [*drive.blobs(), *drive.ledger()]
    problems: list[Problem] = []
    done: list[int] = []
    total = sum(item.size for item in items)

    def look(item: Item) -> None:
        held = remote.head(item.key)
        problem = _compare(item, held)
        if problem is None and read:
            digest = hashlib.sha256()
            for piece in remote.read(item.key):
                digest.update(piece)
            if digest.hexdigest() != item.sha256:
                problem = Problem("archive.other", item.key)
        if problem is None and (held is None or not _locked(held, clock())):
            problem = Problem("archive.unlocked", item.key)
        if problem:
            problems.append(problem)
        done.append(item.size)
        if progress:
            progress(sum(done), total)

    remote.each(items, look, parallel)
    return _result(drive, remote, plan, problems, [], waiting=len(plan.blobs) + len(plan.ledger))


def _plan(drive: DriveStore, remote: Remote) -> _Plan:
    sizes = remote.sizes(f"{drive.store_id}/")
    newest = max((key for key in sizes if key.startswith(f"{drive.store_id}/checkpoints/")), default=None)
    archived = int(newest.rpartition("/")[2].partition("-")[0]) if newest else 0
    if newest:
        if archived > drive.head().size:
            raise OlderDriveError(drive=drive.head().size, archive=archived)
        drive.check_extends(b"".join(remote.read(newest)))
    problems: list[Problem] = []

    def lacking(items: Iterator[Item]) -> Iterator[Item]:
        for item in items:
            size = sizes.get(item.key)
            if size is None:
                yield item
            elif size != item.size:
                problems.append(Problem("archive.other", item.key))

    return _Plan(sizes, archived, list(lacking(drive.blobs())), list(lacking(drive.ledger())), problems)


def _compare(item: Item, held: Held | None) -> Problem | None:
    if held is None:
        return Problem("archive.missing", item.key)
    if not held.checksum:
        return Problem("archive.unconfirmed", item.key)
    if held.size != item.size or held.checksum != checksum_of(item, held.part_size):
        return Problem("archive.other", item.key)
    return None


def _locked(held: Held, now: datetime) -> bool:
    return held.lock is not None and held.lock.until > now


def _delete_older(remote: Remote, newest: str, prefix: str) -> None:
    for version in remote.versions(prefix):
        if version.key != newest or not version.latest:
            remote.delete(version)


def _result(
    drive: DriveStore,
    remote: Remote,
    plan: _Plan,
    problems: list[Problem],
    sent: list[int],
    *,
    waiting: int,
) -> Result:
    prefix = f"{drive.store_id}/objects/"
    there = {key.rpartition("/")[2] for key in plan.sizes if key.startswith(prefix)}
    return Result(
        store_id=drive.store_id,
        ledger_size=drive.head().size,
        archived_ledger_size=plan.archived,
        held=len(there & drive.objects.keys()),
        sent=len(sent),
        sent_bytes=sum(sent),
        waiting=waiting,
        disposed=len(there & drive.disposed),
        databases=[_copy(remote, one) for one in sorted(remote.versions(f"{drive.store_id}/vault.db/"))],
        problems=problems,
    )


def _copy(remote: Remote, version: Version) -> Copy:
    held = remote.head(version.key, version.version)
    until = held.lock.until.isoformat(timespec="seconds") if held and held.lock else ""
    return Copy(version.key.rpartition("/")[2], until)

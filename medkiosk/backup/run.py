"""One backup run: docs/backup.md, "The order of a run". Incremental, resumable, read back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from medkiosk import durable
from medkiosk.backup import blobs, database
from medkiosk.backup.database import Blob, Known
from medkiosk.backup.drive import Drive, DriveDisk, check_writable, free_bytes
from medkiosk.backup.errors import (
    BlobsDamagedError,
    DisposingError,
    DriveFullError,
    DriveLiesError,
    KioskDamagedError,
    drive_error,
)
from medkiosk.backup.source import Instant, Source
from medkiosk.core.ids import Random, new_id

Progress = Callable[[int, int], None]
"""Told (bytes done, bytes in all)."""

_FORMAT = "format"
_MARGIN = 8 << 20
_BLOCK = 4096


class Finished(NamedTuple):
    """What a run did.

    Attributes:
        ledger_size: how many entries the drive now holds.
        objects: blobs copied.
        bytes: sealed bytes copied.
        removed: blobs of what was disposed of that are gone now.
    """

    ledger_size: int
    objects: int
    bytes: int
    removed: int


def back_up(
    source: Source,
    drive: Drive,
    *,
    random: Random,
    disk: DriveDisk = durable,
    progress: Progress = lambda _done, _total: None,
    going: Callable[[], None] = lambda: None,
) -> Finished:
    """Bring a drive up to date. When this returns, it holds all that was sealed when it began.

    Args:
        source: the kiosk's store.
        drive: from `medkiosk.backup.drive.look`.
        random: source of randomness.
        disk: what makes bytes durable on the drive.
        progress: told while sealed files are copied.
        going: called often; raises a KioskError to stop.

    Raises:
        KioskError: it is not complete; what the drive held before is still good, and the next run goes on.
    """
    run = _Run(source, drive, random, disk, progress, going)
    try:
        check_writable(drive.path)
        with drive.locked():
            return run.run()
    except OSError as error:
        raise drive_error(error, needed=run.left, free=_free(drive.path)) from error


class _Run:
    def __init__(
        self,
        source: Source,
        drive: Drive,
        random: Random,
        disk: DriveDisk,
        progress: Progress,
        going: Callable[[], None],
    ) -> None:
        self._source = source
        self._store = drive.store
        self._random = random
        self._disk = disk
        self._progress = progress
        self._going = going
        self._root_fd = -1
        self._done = self._total = 0

    @property
    def left(self) -> int:
        """Bytes that are not copied yet."""
        return self._total - self._done

    def run(self) -> Finished:
        self._root_fd = durable.open_dir(self._store)
        try:
            blobs.make_folders(self._store, self._root_fd, self._disk)
            self._clear_up()
            with self._source.freeze() as instant:
                return self._bring(instant)
        finally:
            os.close(self._root_fd)

    def _bring(self, instant: Instant) -> Finished:
        held = self._ledger_size(instant)
        known = database.known(self._store / "vault.db")
        database.check_extends(instant, known)
        gone = self._disposed(instant)
        # What is not a store yet needs no bridge from its old checkpoint to the new one.
        is_store = (self._store / _FORMAT).exists()
        since = held if is_store else instant.size
        there = blobs.present(self._store)
        wanted = [blob for blob in database.blobs(instant.database) if there.get(blob.id) != blob.size]
        self._make_room(instant, wanted)
        new = self._store / "tmp" / "vault.db"
        database.copy(instant, since, new, self._going)
        doomed = sorted(gone & there.keys())
        self._list(self._unfinished(instant, known), doomed)
        # Copying may take hours: meanwhile the kiosk's log must not grow, and a disposal must empty it.
        instant.release()
        database.make_durable(new, self._root_fd, self._disk)
        copied = blobs.copy(self._source.root, self._store, wanted, self._root_fd, self._disk, self._step)
        self._write_ledger(instant.ledger_files(held if is_store else 0))
        self._publish(new)
        self._disk.write_atomic(self._store / "ledger" / "checkpoint", instant.checkpoint)
        if not is_store:
            text = (self._source.root / _FORMAT).read_bytes()
            self._disk.write_atomic(self._store / _FORMAT, text)
        self._disk.destroy(new)
        self._remove(doomed, instant.partials())
        if any(map(self._source.disposed, copied.damaged)):
            raise DisposingError  # it took them away while this run was at work: the next one knows of it
        if copied.damaged:
            raise BlobsDamagedError(count=len(copied.damaged), first=copied.damaged[0])
        return Finished(instant.size, copied.objects, copied.bytes, len(doomed))

    def _clear_up(self) -> None:
        """Remove what an interrupted run left, but for the lists: what they name may be there already."""
        for left in sorted((self._store / "tmp").iterdir()):
            if left.name.startswith("vault.db"):
                self._disk.destroy(left)  # it may be an old one, with what was disposed of
            elif left.suffix != ".batch":
                self._disk.remove(left)

    def _ledger_size(self, instant: Instant) -> int:
        try:
            signed = (self._store / "ledger" / "checkpoint").read_bytes()
        except FileNotFoundError:
            return 0
        return instant.extends(signed)

    def _disposed(self, instant: Instant) -> set[str]:
        """Return the ids of what was disposed of; that and nothing else may lack its envelope."""
        gone = database.without_envelope(instant.database)
        if not gone:
            return gone
        named = {id_ for leaf in instant.disposed() for id_ in leaf}
        if lost := sorted(gone - named):
            raise KioskDamagedError(
                detail=f"the keys of {len(lost)} objects or records are missing: {lost[0]}"
            )
        return gone

    def _make_room(self, instant: Instant, wanted: list[Blob]) -> None:
        self._total = sum(blob.size for blob in wanted)
        rounded = sum(-(-blob.size // _BLOCK) * _BLOCK for blob in wanted)
        needed = rounded + database.size(instant.database) + _MARGIN
        free = free_bytes(self._store)
        if needed > free:
            raise DriveFullError(needed_mib=(needed >> 20) + 1, free_mib=free >> 20)
        self._step(0)

    def _step(self, more: int) -> None:
        self._going()
        self._done += more
        self._progress(min(self._done, self._total), self._total)

    def _unfinished(self, instant: Instant, known: Known) -> Iterable[str]:
        rows = instant.database.execute("SELECT id FROM objects WHERE seq > ?", (known.last["objects"],))
        return (id_ for (id_,) in rows)

    def _list(self, unfinished: Iterable[str], doomed: Iterable[str]) -> None:
        """Name the blobs that are there and have no row yet, or have one and are about to go."""
        names = self._disk.create(self._store / "tmp" / f"{new_id(self._random)}.batch")
        try:
            names.write("".join(f"{id_}\n" for id_ in (*unfinished, *doomed)).encode())
            self._disk.sync_files(self._root_fd, [names])
            self._disk.sync_dirs(self._root_fd, [self._store / "tmp"])
        finally:
            names.close()

    def _write_ledger(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Write tiles and bundles; those of an interrupted run are there already."""
        ledger = self._store / "ledger"
        fresh = [(ledger / name, data) for name, data in files if not _has(ledger / name, data)]
        written = []
        folders: set[Path] = set()
        try:
            for path, data in fresh:
                folders |= _make_folders(ledger, path.parent)
                self._disk.remove(path)
                file = self._disk.create(path)
                written.append(file)
                file.write(data)
            self._disk.sync_files(self._root_fd, written)
        finally:
            for file in written:
                file.close()
        self._disk.sync_dirs(self._root_fd, folders)
        for path, data in fresh:
            if b"".join(map(bytes, self._disk.read_back(path))) != data:
                raise DriveLiesError(detail=f"ledger/{path.relative_to(ledger)}")

    def _publish(self, new: Path) -> None:
        """Put the new database in the place of the old one, which then has the new one's name."""
        final = self._store / "vault.db"
        for suffix in ("-wal", "-shm"):
            # Of somebody who opened the copy. A log that is left would be taken for the new one's.
            self._disk.remove(final.with_name(final.name + suffix))
        if final.exists():
            self._disk.exchange(new, final)
        else:
            self._disk.publish(new, final)
        self._disk.sync_dirs(self._root_fd, [self._store, self._store / "tmp"])

    def _remove(self, doomed: Iterable[str], partials: frozenset[str]) -> None:
        ledger = self._store / "ledger"
        paths = [blobs.path_of(self._store, id_) for id_ in doomed]
        # Narrower than what is there now, or of a run that never published its checkpoint.
        paths += [path for path in ledger.rglob("*.p/*") if str(path.relative_to(ledger)) not in partials]
        for path in paths:
            self._disk.remove(path)
        self._disk.sync_dirs(self._root_fd, [path.parent for path in paths])
        for names in (self._store / "tmp").glob("*.batch"):
            self._disk.remove(names)


def _has(path: Path, data: bytes) -> bool:
    try:
        return path.read_bytes() == data
    except FileNotFoundError:
        return False


def _make_folders(top: Path, folder: Path) -> set[Path]:
    """Make what is missing; return the folders to sync so that a new file in ``folder`` is there to stay."""
    changed = {folder}
    while folder != top and not folder.exists():
        changed |= {folder, folder.parent}
        folder = folder.parent
    for made in sorted(changed, key=lambda path: len(path.parts)):
        made.mkdir(mode=0o700, exist_ok=True)
    return changed


def _free(path: Path) -> int:
    try:
        return free_bytes(path)
    except OSError:
        return 0

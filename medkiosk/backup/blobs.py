"""Copying sealed files to the drive: a blob that has its name there is whole."""

from __future__ import annotations

import hashlib
import mmap
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from medkiosk.backup.database import Blob
from medkiosk.backup.drive import DriveDisk
from medkiosk.backup.errors import DriveLiesError
from medkiosk.durable import BLOCK, CHUNK, TmpFile, aligned

GROUP_FILES = 20
GROUP_BYTES = 256 << 20
"""How much is synced together."""


class SourceDamagedError(Exception):
    """The kiosk's own file is not what was sealed."""


@dataclass
class Copied:
    """What a run copied: objects and bytes; ``damaged``: ids of those that are not whole on the kiosk."""

    objects: int = 0
    bytes: int = 0
    damaged: list[str] = field(default_factory=list)


def path_of(store: Path, object_id: str) -> Path:
    """Return where an object's sealed bytes are."""
    return store / "objects" / object_id[:2] / object_id


def present(store: Path) -> dict[str, int]:
    """Return the names and sizes of all blobs that a store has.

    Raises:
        OSError: the drive does not answer.
    """
    found: dict[str, int] = {}
    for folder in _folders(store):
        with os.scandir(folder) as entries:
            found |= {entry.name: entry.stat(follow_symlinks=False).st_size for entry in entries}
    return found


def make_folders(store: Path, root_fd: int, disk: DriveDisk) -> None:
    """Make the folders of a store that are missing, to stay.

    Raises:
        OSError: the drive does not take them.
    """
    wanted = [store / "tmp", store / "ledger", store / "objects", *_folders(store)]
    missing = [folder for folder in wanted if not folder.is_dir()]
    for folder in missing:
        folder.mkdir(mode=0o700)
    if missing:
        disk.sync_dirs(root_fd, [*missing, *(folder.parent for folder in missing)])


def copy(
    kiosk: Path,
    store: Path,
    wanted: Iterable[Blob],
    root_fd: int,
    disk: DriveDisk,
    step: Callable[[int], None],
) -> Copied:
    """Copy blobs, group by group.

    Args:
        kiosk: the kiosk's store.
        store: the drive's.
        wanted: what is missing there.
        root_fd: the drive's store, from `medkiosk.durable.open_dir`.
        disk: what makes bytes durable on the drive.
        step: told how many more bytes are done; raises to stop.

    Raises:
        DriveLiesError: the drive returned other bytes than were written.
        OSError: the drive failed.
    """
    copied = Copied()
    # One group is made durable and read back while the next is written.
    with ThreadPoolExecutor(1, thread_name_prefix="backup") as helper:
        under_way: Future[None] | None = None
        for group in _groups(wanted):
            written = _write_group(kiosk, store, group, disk, step, copied)
            if under_way is not None and (error := under_way.exception()):
                _close(written)
                raise error
            under_way = helper.submit(_publish_group, store, written, root_fd, disk, copied)
        if under_way is not None:
            under_way.result()
    return copied


def _write_group(
    kiosk: Path,
    store: Path,
    group: Sequence[Blob],
    disk: DriveDisk,
    step: Callable[[int], None],
    copied: Copied,
) -> list[tuple[Blob, TmpFile]]:
    written: list[tuple[Blob, TmpFile]] = []
    try:
        for blob in group:
            file = disk.create(store / "tmp" / blob.id)
            written.append((blob, file))
            try:
                _write(path_of(kiosk, blob.id), blob, file, step)
            except SourceDamagedError:
                written.pop()
                file.close()
                disk.remove(file.path)
                copied.damaged.append(blob.id)
    except BaseException:
        _close(written)
        raise
    return written


def _publish_group(
    store: Path, written: Sequence[tuple[Blob, TmpFile]], root_fd: int, disk: DriveDisk, copied: Copied
) -> None:
    try:
        disk.sync_files(root_fd, [file for _, file in written])
    finally:
        _close(written)
    # Compared before it gets its name: whatever has a name was once read back whole.
    for blob, file in written:
        if _sha256(disk.read_back(file.path)) != blob.sha256:
            raise DriveLiesError(detail=f"object {blob.id}")
    for blob, file in written:
        disk.remove(path_of(store, blob.id))  # of another size: not what it was
        disk.publish(file.path, path_of(store, blob.id))
        copied.objects += 1
        copied.bytes += blob.size
    disk.sync_dirs(root_fd, [path_of(store, blob.id).parent for blob, _ in written])


def _close(written: Sequence[tuple[Blob, TmpFile]]) -> None:
    for _, file in written:
        file.close()


def _write(source: Path, blob: Blob, file: TmpFile, step: Callable[[int], None]) -> None:
    digest = hashlib.sha256()
    for piece in _pieces(source):
        digest.update(piece)
        whole = len(piece) // BLOCK * BLOCK
        if whole:
            file.write_direct(piece[:whole])
        if whole < len(piece):
            file.write(piece[whole:])
        step(len(piece))
    if digest.digest() != blob.sha256:
        raise SourceDamagedError


def _pieces(source: Path) -> Iterator[memoryview]:
    """Yield the bytes of the kiosk's file; its errors are the kiosk's, not the drive's."""
    try:
        fd = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise SourceDamagedError from error
    try:
        buffer = aligned(CHUNK)
        view = memoryview(buffer)
        while count := _read(fd, buffer):
            yield view[:count]
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)  # do not push out what the kiosk works with
    finally:
        os.close(fd)


def _read(fd: int, buffer: mmap.mmap) -> int:
    try:
        return os.readv(fd, [buffer])
    except OSError as error:
        raise SourceDamagedError from error


def _sha256(pieces: Iterable[memoryview]) -> bytes:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.digest()


def _folders(store: Path) -> list[Path]:
    return [store / "objects" / f"{first:02x}" for first in range(256)]


def _groups(wanted: Iterable[Blob]) -> Iterator[list[Blob]]:
    group: list[Blob] = []
    total = 0
    for blob in wanted:
        if group and (len(group) == GROUP_FILES or total + blob.size > GROUP_BYTES):
            yield group
            group, total = [], 0
        group.append(blob)
        total += blob.size
    if group:
        yield group

"""A backup drive as it is plugged in: is it there, is it ours, may it be written to?"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from medkiosk import durable
from medkiosk.backup import marker
from medkiosk.backup.errors import (
    DriveBusyError,
    DriveReadOnlyError,
    ForeignDriveError,
    NotEmptyError,
    NotEnrolledError,
    drive_error,
)
from medkiosk.core.ids import DriveId, Random, new_id
from medkiosk.durable import Disk

STORE = "store"
_SYSTEM = frozenset({"lost+found", "System Volume Information", "$RECYCLE.BIN", ".Trashes", ".fseventsd"})
"""What file systems and other computers put on an empty disk by themselves."""


class DriveDisk(Disk, Protocol):
    """What a run needs of a disk; `medkiosk.durable` is one."""

    def exchange(self, new: Path, final: Path) -> None:
        """See `medkiosk.durable.exchange`."""
        ...


class Drive:
    """An enrolled drive.

    Attributes:
        path: where it is.
        drive_id: its id.
    """

    def __init__(self, path: Path, drive_id: DriveId) -> None:
        self.path = path
        self.drive_id = drive_id

    @property
    def store(self) -> Path:
        """The copy of the store."""
        return self.path / STORE

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other writers out of the copy, which is made if it is not there.

        Raises:
            DriveBusyError: another program is writing to it.
            OSError: the drive does not take it.
        """
        if not self.store.exists():
            durable.make_dir(self.store)
        fd = os.open(self.store / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise DriveBusyError from error
        finally:
            os.close(fd)


def look(path: Path, *, key: bytes, store_id: str) -> Drive:
    """Say which drive is there.

    Args:
        path: where it is mounted.
        key: of the markers (`marker.KEY_LABEL`).
        store_id: of the kiosk's store.

    Raises:
        NotEnrolledError: it has no marker.
        ForeignDriveError: it has another kiosk's, or a forged one.
        KioskError: it cannot be read.
    """
    try:
        with (path / marker.NAME).open("rb") as file:
            untrusted = file.read(marker.MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise NotEnrolledError from error
    except OSError as error:
        raise drive_error(error) from error
    drive = Drive(path, marker.read(key, store_id, untrusted))
    _check_format(drive, store_id)
    return drive


def enrol(path: Path, *, key: bytes, store_id: str, random: Random, disk: Disk = durable) -> Drive:
    """Make an empty disk a backup drive.

    Raises:
        NotEmptyError: it is not empty; a drive of this kiosk is not, either.
        KioskError: it cannot be written to.
    """
    try:
        if {entry.name for entry in path.iterdir()} - _SYSTEM:
            raise NotEmptyError(path=path)
        check_writable(path)
        drive = Drive(path, DriveId(new_id(random)))
        disk.write_atomic(path / marker.NAME, marker.write(key, store_id, drive.drive_id))
    except OSError as error:
        raise drive_error(error) from error
    return drive


def check_writable(path: Path) -> None:
    """Raise DriveReadOnlyError if a drive is write-protected.

    Raises:
        OSError: it does not answer.
    """
    if os.statvfs(path).f_flag & os.ST_RDONLY or not os.access(path, os.W_OK):
        raise DriveReadOnlyError


def free_bytes(path: Path) -> int:
    """Return how much a drive can take.

    Raises:
        OSError: it does not answer.
    """
    facts = os.statvfs(path)
    return facts.f_bavail * facts.f_frsize


def _check_format(drive: Drive, store_id: str) -> None:
    try:
        text = (drive.store / "format").read_bytes()
    except FileNotFoundError:
        return  # not complete yet
    except OSError as error:
        raise drive_error(error) from error
    if text.decode("ascii", "replace").split("\n")[1:2] != [store_id]:
        raise ForeignDriveError(detail="the copy on it is of another store")

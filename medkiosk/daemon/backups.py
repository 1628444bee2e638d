"""Backup drives: seen when they are plugged in, brought up to date by themselves, listed for people.

A run needs nobody to be logged in. What the drives are called and what they still hold is in sealed events:
the list of them (`medkiosk.daemon.drives`) needs a login.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from medkiosk.backup import marker
from medkiosk.backup.drive import Drive, enrol, look
from medkiosk.backup.errors import (
    DisposingError,
    DriveBusyError,
    DriveGoneError,
    ForeignDriveError,
    NoDriveError,
    NotEnrolledError,
    StoppedError,
)
from medkiosk.backup.run import back_up
from medkiosk.core.config import Backup
from medkiosk.core.device import BEING_READ
from medkiosk.core.drives import DriveState
from medkiosk.core.errors import BadRequestError, KioskError
from medkiosk.core.events import AnyEvent
from medkiosk.core.ids import KIOSK, AccountId, DriveId, Random
from medkiosk.core.lifecycle import BackupFinished, DisposalFinished, DriveEnrolled
from medkiosk.daemon.backupsource import StoreSource
from medkiosk.daemon.board import Board
from medkiosk.daemon.idle import make_idle
from medkiosk.device.place import identity_of
from medkiosk.ipc.types import BackupStatus
from medkiosk.journal import Fact, Journal
from medkiosk.ledger.note import LogKeys
from medkiosk.vault.keys import derive

_log = logging.getLogger(__name__)
_AGAIN_S = 60.0
_EVENTS_S = 300.0
"""While a drive stays in, what is not a photo (a consent, a withdrawal) waits this long at most."""
_SHOWN_S = 0.5
_TRANSIENT = (DisposingError, DriveBusyError)


@dataclass
class _Place:
    """One configured place, and the drive that is in it now."""

    config: Backup
    identity: str = ""
    drive: Drive | None = None
    done: int = -1  # objects in the store at the last complete run
    events: int = -1  # and events that were worth one (`Backups._events`)
    events_from: float = 0.0  # when more of those may start the next one
    wanted: bool = False
    not_before: float = 0.0
    failed: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class Backups:
    """Watches the configured places on a thread of its own, one run at a time.

    Args:
        places: from the configuration.
        journal: the store.
        keys: the ledger's verifier keys.
        index_key: from which the key of the markers is derived.
        board: shows how far each drive is.
        random: source of randomness.
        poll_s: between two looks, seconds.
        monotonic: a clock that only goes forward, seconds.
    """

    def __init__(
        self,
        places: tuple[Backup, ...],
        journal: Journal,
        keys: LogKeys,
        index_key: bytes,
        board: Board,
        random: Random,
        *,
        poll_s: float = 1.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = [_Place(config) for config in places]
        self._journal = journal
        self._source = StoreSource(journal, keys)
        self._key = derive(index_key, marker.KEY_LABEL)
        self._board = board
        self._random = random
        self._poll_s = poll_s
        self._monotonic = monotonic
        self._stopped = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._shown = 0.0
        self._events = 0  # since the start, but for those that a backup makes: else two drives never rest

    def start(self) -> None:
        """Begin to watch; does nothing where no place is configured."""
        if self._places:
            self._journal.listeners.append(self._happened)
            self._thread = threading.Thread(target=self._watch, name="backups", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread, and the run that it is at; harmless when it never began."""
        self._stopped.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def enrol(self, name: str, label: str, actor: AccountId) -> DriveId:
        """Make the empty disk at a place a backup drive; its first run begins by itself.

        Raises:
            NoDriveError: nothing is plugged in there.
            NotEmptyError: it is not empty.
            KioskError: it cannot be written to, or the event cannot be recorded.
        """
        place = self._place(name)
        if not label.strip() or len(label) > 60 or not label.isprintable():
            raise BadRequestError(detail="a drive's label has 1 to 60 characters")
        with place.lock:
            path = Path(place.config.path)
            if not _there(place.config):
                raise NoDriveError(name=place.config.name)
            drive = enrol(path, key=self._key, store_id=self._source.store_id, random=self._random)
            self._journal.commit(
                [
                    Fact(
                        DriveEnrolled(
                            at=self._journal.now(), actor=actor, drive_id=drive.drive_id, label=label.strip()
                        )
                    )
                ]
            )
            place.identity = ""  # look at it again
        self._wake.set()
        return drive.drive_id

    def run_now(self, name: str) -> None:
        """Begin a run on the drive at a place, although nothing new may be there to copy.

        Raises:
            NoDriveError: nothing is plugged in there.
            NotEnrolledError: what is there is not a drive of this kiosk.
        """
        place = self._place(name)
        if not _there(place.config):
            raise NoDriveError(name=place.config.name)
        look(Path(place.config.path), key=self._key, store_id=self._source.store_id)
        self._show(place, DriveState.COPYING, "")  # at once: whoever asked waits for the end of that
        place.wanted, place.not_before = True, 0.0
        self._wake.set()

    @property
    def places(self) -> tuple[str, ...]:
        """The names of the places where a drive can be plugged in."""
        return tuple(place.config.name for place in self._places)

    def plugged(self) -> dict[DriveId, str]:
        """Return the names of the places where this kiosk's drives are plugged in now."""
        return {place.drive.drive_id: place.config.name for place in self._places if place.drive is not None}

    def _place(self, name: str) -> _Place:
        for place in self._places:
            if name in ("", place.config.name):
                return place
        raise NoDriveError(name=name or "(no place is configured)")

    def _happened(self, fact: Fact, _index: int) -> None:
        event: AnyEvent = fact.event
        if not isinstance(event, BackupFinished):
            self._events += 1
        if isinstance(event, DisposalFinished):
            for place in self._places:
                place.wanted = True
            self._wake.set()

    # The thread

    def _watch(self) -> None:
        make_idle()
        while not self._stopped.is_set():
            for place in self._places:
                with place.lock:
                    self._look(place)
                    if self._is_due(place):
                        self._run(place)
            self._wake.wait(self._poll_s)
            self._wake.clear()

    def _look(self, place: _Place) -> None:
        """See whether another drive is there than at the last look."""
        identity = _identity(place.config)
        if identity == place.identity:
            return
        place.identity, place.drive, place.done, place.failed = identity, None, -1, False
        if not identity:
            self._board.backup_gone(place.config.name)
            return
        try:
            drive = look(Path(place.config.path), key=self._key, store_id=self._source.store_id)
        except NotEnrolledError as error:
            self._show(place, DriveState.UNKNOWN, error.message)
        except ForeignDriveError as error:
            self._show(place, DriveState.REFUSED, error.message)
        except KioskError as error:
            self._show(place, DriveState.FAILED, error.message)
        else:
            place.drive, place.wanted, place.not_before = drive, True, 0.0

    def _is_due(self, place: _Place) -> bool:
        if place.drive is None or self._stopped.is_set() or self._monotonic() < place.not_before:
            return False
        if place.wanted:
            return True
        # More was sealed while the drive stayed in: once the import has ended.
        importing = any(device.state in BEING_READ for device in self._board.status.devices)
        if place.failed or importing:
            return False
        if self._journal.vault.count() != place.done:
            return True
        return self._events != place.events and self._monotonic() >= place.events_from

    def _run(self, place: _Place) -> None:
        drive, place.wanted = place.drive, False
        if drive is None:
            return
        events, objects, at = self._events, self._journal.vault.count(), self._journal.now()
        self._show(place, DriveState.COPYING, "")
        try:
            self._journal.check()
            finished = back_up(
                self._source,
                drive,
                random=self._random,
                progress=lambda done, total: self._progress(place, done, total),
                going=lambda: self._going(place),
            )
            event = BackupFinished(
                at=self._journal.now(),
                actor=KIOSK,
                drive_id=drive.drive_id,
                ledger_size=finished.ledger_size,
                objects=finished.objects,
                bytes=finished.bytes,
            )
            self._journal.commit([Fact(event)])
        except KioskError as error:
            self._failed(place, error)
        except Exception:  # noqa: BLE001 -- logged whole
            # Whatever it is, the thread goes on: the next drive must not wait for a restart.
            _log.exception("backup")
            self._failed(place, KioskError())
        else:
            place.done, place.events, place.failed = objects, events, False
            place.events_from = self._monotonic() + _EVENTS_S
            words = f"{finished.objects} new files" if finished.objects else "nothing new"
            if finished.removed:
                words += f"; {finished.removed} files of what was disposed of were removed"
            self._show(place, DriveState.COMPLETE, _complete(at, words))

    def _failed(self, place: _Place, error: KioskError) -> None:
        _log.warning("backup: %s", error.code)
        place.failed = True
        if isinstance(error, StoppedError):
            return
        state = DriveState.FAILED
        if isinstance(error, _TRANSIENT):
            place.wanted, place.not_before = True, self._monotonic() + _AGAIN_S
            state = DriveState.WAITING
        drive_id = place.drive.drive_id if place.drive else ""
        identity = _identity(place.config)
        if identity != place.identity:
            # It is not plugged in any more by the time that the board says so.
            place.identity, place.drive = "", None
        if not identity:  # whatever the kernel said first, the drive is gone
            error = DriveGoneError(detail="it was pulled out")
        if isinstance(error, DriveGoneError):
            state = DriveState.LOST
        self._show(place, state, error.message, drive_id=drive_id)

    def _going(self, place: _Place) -> None:
        if self._stopped.is_set():
            raise StoppedError
        if _identity(place.config) != place.identity:
            raise DriveGoneError(detail="it was pulled out")

    def _progress(self, place: _Place, done: int, total: int) -> None:
        now = self._monotonic()
        if now - self._shown >= _SHOWN_S:
            self._shown = now
            self._show(place, DriveState.COPYING, "", done, total)

    def _show(
        self,
        place: _Place,
        state: DriveState,
        detail: str,
        done: int = 0,
        total: int = 0,
        *,
        drive_id: str = "",
    ) -> None:
        self._board.backup(
            BackupStatus(
                name=place.config.name,
                state=state,
                drive_id=place.drive.drive_id if place.drive else drive_id,
                bytes_done=done,
                bytes_total=total,
                detail=detail,
            )
        )


def _complete(at: str, words: str) -> str:
    """What a complete run means; ``at`` is when it began, RFC 3339 in UTC."""
    return f"Everything up to {at[:10]} {at[11:16]} UTC is on this drive ({words}). Unplug it when you like."


def _there(config: Backup) -> bool:
    path = Path(config.path)
    return path.is_mount() if config.mounted else path.is_dir()


def _identity(config: Backup) -> str:
    with suppress(OSError):
        if _there(config):
            return identity_of(config.path)
    return ""

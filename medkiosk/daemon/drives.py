"""The list of backup drives, for people: made of the few events about them, while somebody is logged in."""

from __future__ import annotations

import threading

from medkiosk.backup.holds import Drive, DriveBook, held_by, still_holding
from medkiosk.core.errors import KioskError, NotFoundError
from medkiosk.core.events import AccountCreated, decode
from medkiosk.core.ids import DisposalId, DriveId
from medkiosk.core.lifecycle import DriveForgotten
from medkiosk.daemon import reasons
from medkiosk.daemon.backups import Backups
from medkiosk.daemon.keyring import Keyring
from medkiosk.daemon.opened import Opened
from medkiosk.ipc import types as t
from medkiosk.journal import Fact, Journal
from medkiosk.ledger import entry

_TYPES = (b'"type":"backup.', b'"type":"disposal.destroyed"')


class DriveDesk:
    """Thread-safe. What it read is forgotten when the vault is locked.

    Args:
        journal: the store.
        keyring: opens the events.
        backups: the drives that are plugged in.
    """

    def __init__(self, journal: Journal, keyring: Keyring, backups: Backups) -> None:
        self._journal = journal
        self._keyring = keyring
        self._backups = backups
        self._lock = threading.Lock()
        self._opened: Opened | None = None
        self._book = DriveBook()
        self._next = 0

    def forget_all(self) -> None:
        """The vault was locked: let go of what was read."""
        with self._lock:
            self._opened, self._book, self._next = None, DriveBook(), 0

    def drives(self) -> t.Drives:
        """Return every drive, those that are expected first.

        Raises:
            NotAllowedError: nobody is logged in.
        """
        opened = self._keyring.opened  # not under our lock: the keyring tells us when it is locked
        with self._lock:
            self._catch_up(opened)
            size = self._journal.log.size
            plugged = self._backups.plugged()
            drives = sorted(
                self._book.drives.values(), key=lambda one: (bool(one.forgotten), one.enrolled_at)
            )
            return t.Drives(
                drives=tuple(self._info(drive, size, plugged.get(drive.drive_id, "")) for drive in drives),
                places=self._backups.places,
            )

    def still_holds(self, disposal_id: DisposalId) -> tuple[Drive, ...]:
        """Return the drives that may still hold what this disposal destroyed.

        Raises:
            NotAllowedError: nobody is logged in.
        """
        opened = self._keyring.opened
        with self._lock:
            self._catch_up(opened)
            disposal = self._book.disposals.get(disposal_id)
            return () if disposal is None else still_holding(self._book.drives.values(), disposal.index)

    def forget(self, who: AccountCreated, drive_id: DriveId, reason: str) -> t.Drives:
        """Expect a drive no longer.

        Raises:
            NotFoundError: there is no such drive.
            BadRequestError: no reason was given.
        """
        reason = reasons.given(reason, asked="say what became of the drive: lost, broken or destroyed")
        if drive_id not in {drive.drive_id for drive in self.drives().drives}:
            raise NotFoundError(what="backup drive", id=drive_id)
        self._journal.commit(
            [
                Fact(
                    DriveForgotten(
                        at=self._journal.now(),
                        actor=who.account_id,
                        drive_id=drive_id,
                        reason=reason,
                    )
                )
            ]
        )
        return self.drives()

    def _catch_up(self, opened: Opened) -> None:
        if self._opened is not opened:
            self._opened, self._book, self._next = opened, DriveBook(), 0
        for data in self._journal.log.entries(self._next):
            index = self._next
            self._next += 1
            # The types are public; opening the other records, maybe a hundred thousand, would take minutes.
            if any(type_ in data for type_ in _TYPES):
                self._take(opened, data, index)

    def _take(self, opened: Opened, data: bytes, index: int) -> None:
        try:
            leaf = entry.decode(data)
            row = self._journal.vault.record(leaf.record.id) if leaf.record else None
            if row is not None:
                self._book.apply(decode(opened.identity.open_record(row)), index)
        except (KioskError, ValueError):
            return  # the keyring counts records that do not open, and says so

    def _info(self, drive: Drive, size: int, plugged_in: str) -> t.DriveInfo:
        return t.DriveInfo(
            drive_id=drive.drive_id,
            label=drive.label,
            enrolled_at=drive.enrolled_at,
            finished_at=drive.finished_at,
            ledger_size=drive.ledger_size,
            behind=size - drive.ledger_size,
            forgotten=drive.forgotten,
            plugged_in=plugged_in,
            still_holds=tuple(
                t.HeldDisposal(disposal_id=one.disposal_id, at=one.at)
                for one in held_by(drive, self._book.disposals.values())
            ),
        )

"""A store that is sealed to, and a drive beside it. No daemon: vault, ledger and the run, all real."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from medkiosk import durable
from medkiosk.backup.drive import Drive, DriveDisk, enrol, look
from medkiosk.backup.run import Finished, back_up
from medkiosk.core.ids import new_id
from medkiosk.daemon.backupsource import StoreSource
from medkiosk.journal import Journal
from medkiosk.ledger import entry
from medkiosk.ledger.entry import Leaf
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.vault.batch import Batch
from medkiosk.vault.writer import PendingRecord
from tests.stores import clock, create, reopen
from tests.vault.crash_worker import AT, ORIGIN, SEED, recover, run

MARKER_KEY = bytes(32)


def dispose(journal: Journal, shares: list[str], count: int) -> list[str]:
    """Dispose of the oldest objects, step by step; return their ids."""
    disposals = journal.vault.disposals
    gone = [row.id for row in journal.vault.objects() if row.epoch is not None][:count]
    with journal.vault.unlock_recovery(shares[:2]) as identity:
        running = disposals.begin(identity, new_id(os.urandom), gone)
        while disposals.move(identity, running.plan):
            pass
        destroyed = Leaf(
            type="disposal.destroyed",
            at=AT,
            actor="kiosk",
            disposed=running.plan.ids,
            note=disposals.note(running.plan),
        )
        step = running
        journal.vault.commit(
            Batch(leaves=[entry.encode(destroyed)], also=lambda tx: disposals.destroy(tx, identity, step))
        )
    recover(journal.vault, journal.log)
    running = disposals.running() or running
    running = disposals.destroy_secret(running)
    disposals.erase(running)
    finished = Leaf(type="disposal.finished", at=AT, actor="kiosk")
    journal.vault.commit(
        Batch(leaves=[entry.encode(finished)], also=lambda tx: disposals.finish(tx, running))
    )
    recover(journal.vault, journal.log)
    return gone


class Scratch:
    """Below ``root``: ``store`` and ``drive``, enrolled."""

    def __init__(self, root: Path, *, batches: int = 1) -> None:
        self.store, self.path = root / "store", root / "drive"
        vault, self.shares = create(self.store, random=os.urandom)
        vault.close()
        Log.create(self.store / "ledger", Signer(ORIGIN, SEED))
        run(self.store, batches)
        self.path.mkdir()
        with self.journal() as journal:
            enrol(self.path, key=MARKER_KEY, store_id=journal.vault.store_id, random=os.urandom)

    @contextlib.contextmanager
    def journal(self) -> Iterator[Journal]:
        with reopen(self.store, random=os.urandom) as vault:
            log = Log.open(self.store / "ledger", Signer(ORIGIN, SEED))
            recover(vault, log)
            yield Journal(vault, log, clock)

    def seal(self, batches: int = 1) -> None:
        """Seal more."""
        run(self.store, batches)

    def dispose(self, count: int) -> list[str]:
        """Dispose of the oldest objects."""
        with self.journal() as journal:
            return dispose(journal, self.shares, count)

    def log(self, journal: Journal, type_: str, record: PendingRecord) -> None:
        """Log an event."""
        leaf = Leaf(type=type_, at=AT, actor="kiosk", record=record.ref)
        journal.vault.commit(Batch(records=[record], leaves=[entry.encode(leaf)]))
        recover(journal.vault, journal.log)

    def back_up(self, disk: DriveDisk = durable) -> Finished:
        """One run."""
        return run_once(self.store, self.path, disk)


def run_once(store: Path, path: Path, disk: DriveDisk = durable) -> Finished:
    with reopen(store, random=os.urandom) as vault:
        signer = Signer(ORIGIN, SEED)
        log = Log.open(store / "ledger", signer)
        recover(vault, log)
        source = StoreSource(Journal(vault, log, clock), signer.key)
        drive: Drive = look(path, key=MARKER_KEY, store_id=vault.store_id)
        os.access("MARK", 0)  # what comes before is not the run
        return back_up(source, drive, random=os.urandom, disk=disk)

"""A store that is sealed to, and a drive beside it. No daemon: vault, ledger and the run, all real.

Run as ``python -m tests.backup.kiosk STORE DRIVE``, it is one run, for tests that kill it.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from medkiosk import durable
from medkiosk.backup.drive import Drive, DriveDisk, enrol, look
from medkiosk.backup.run import Finished, back_up
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
        """Take the oldest objects' keys and blobs away, as the last steps of a disposal leave them."""
        with self.journal() as journal:
            gone = [row.id for row in journal.vault.objects() if row.epoch is not None][:count]
            with journal.vault._db.transaction() as tx:
                tx.executemany("DELETE FROM envelopes WHERE id = ?", [(id_,) for id_ in gone])
            for type_, disposed in (("disposal.destroyed", tuple(gone)), ("disposal.finished", ())):
                record = journal.vault.seal_record("event", b"{}")
                self.log(journal, type_, record, disposed)
            for id_ in gone:
                journal.vault.blob_path(id_).unlink()
        return gone

    def log(
        self, journal: Journal, type_: str, record: PendingRecord, disposed: tuple[str, ...] = ()
    ) -> None:
        """Log an event."""
        leaf = Leaf(type=type_, at=AT, actor="kiosk", record=record.ref, disposed=disposed or msgspec.UNSET)
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


if __name__ == "__main__":
    run_once(Path(sys.argv[1]), Path(sys.argv[2]))

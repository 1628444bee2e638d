"""A run copies what is missing, reads it back, and refuses what would harm a good copy."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from medkiosk import durable
from medkiosk.backup import marker
from medkiosk.backup.drive import enrol, look
from medkiosk.backup.errors import (
    BlobsDamagedError,
    DisposingError,
    DriveBusyError,
    DriveFullError,
    DriveLiesError,
    DriveReadOnlyError,
    ForeignDriveError,
    KioskDamagedError,
    KioskRolledBackError,
    NotEmptyError,
    NotEnrolledError,
    StoppedError,
)
from medkiosk.backup.run import back_up
from medkiosk.daemon.backupsource import StoreSource
from medkiosk.ledger.sign import Signer
from medkiosk.offline.restore import restore
from medkiosk.offline.verify import verify
from tests.backup.kiosk import MARKER_KEY, Scratch, dispose
from tests.vault.crash_worker import ORIGIN, PER_BATCH, SEED, content
from tests.virtual.memory import memory_card, needs_root, set_lock_switch

VKEY = Signer(ORIGIN, SEED).vkey


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    return Scratch(tmp_path)


def blobs(store: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (store / "objects").rglob("*") if path.is_file()}


def good(scratch: Scratch) -> None:
    """Store and copy are whole, and hold the same."""
    copy = scratch.path / "store"
    for store in (scratch.store, copy):
        report = verify(store, VKEY)
        assert report.problems == ()
        assert report.signature == "verified"
    assert (copy / "ledger/checkpoint").read_bytes() == (scratch.store / "ledger/checkpoint").read_bytes()
    assert blobs(copy) == blobs(scratch.store)
    assert not any((copy / "tmp").iterdir())


def test_a_copy_is_a_store_and_opens_with_two_sheets(scratch: Scratch, tmp_path: Path) -> None:
    finished = scratch.back_up()
    assert (finished.objects, finished.ledger_size) == (PER_BATCH, 1)
    good(scratch)
    copy = scratch.path / "store"
    with closing(sqlite3.connect(copy / "vault.db")) as db:
        assert [kind for (kind,) in db.execute("SELECT kind FROM slots")] == ["recovery"]
    results = list(restore(copy, scratch.shares[1:], tmp_path / "out", lambda _: None))
    assert [one.status for one in results] == ["ok"] * PER_BATCH
    assert (tmp_path / "out" / results[1].path).read_bytes() == content(1)
    # Private to its owner, as every store.
    modes = {path.stat().st_mode & 0o077 for path in copy.rglob("*")}
    assert modes == {0}


def test_only_what_is_new_is_copied(scratch: Scratch) -> None:
    scratch.back_up()
    before = {path: path.stat().st_mtime_ns for path in (scratch.path / "store/objects").rglob("*/*")}
    scratch.seal(2)
    assert scratch.back_up().objects == 2 * PER_BATCH
    assert {path: path.stat().st_mtime_ns for path in before} == before
    good(scratch)
    assert scratch.back_up()[1:] == (0, 0, 0)
    good(scratch)


def test_many_entries_fill_tiles_and_leave_no_partial_ones(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    with scratch.journal() as journal:
        for count in (200, 60, 300):  # across full tiles
            for _ in range(count):
                record = journal.vault.seal_record("event", b"{}")
                scratch.log(journal, "event", record)
            source = StoreSource(journal, Signer(ORIGIN, SEED).key)
            drive = look(scratch.path, key=MARKER_KEY, store_id=source.store_id)
            back_up(source, drive, random=os.urandom)
    good(scratch)
    tiles = [
        sorted(str(path.relative_to(store)) for path in (store / "ledger/tile").rglob("*") if path.is_file())
        for store in (scratch.store, scratch.path / "store")
    ]
    assert tiles[0] == tiles[1]


def test_sealing_goes_on_meanwhile(scratch: Scratch) -> None:
    """What came after the snapshot is not in the copy, and what the copy has is consistent."""
    with scratch.journal() as journal:
        source = StoreSource(journal, Signer(ORIGIN, SEED).key)
        drive = look(scratch.path, key=MARKER_KEY, store_id=source.store_id)

        def going() -> None:
            record = journal.vault.seal_record("event", b"{}")
            scratch.log(journal, "event", record)

        finished = back_up(source, drive, random=os.urandom, going=going)
        assert journal.log.size > finished.ledger_size + 2
    assert verify(scratch.path / "store", VKEY).problems == ()
    scratch.back_up()
    good(scratch)


def test_what_is_disposed_of_leaves_the_drive(scratch: Scratch, tmp_path: Path) -> None:
    scratch.seal()
    scratch.back_up()
    with closing(sqlite3.connect(scratch.path / "store/vault.db")) as db:
        envelopes = dict(db.execute("SELECT id, envelope FROM envelopes"))
    gone = scratch.dispose(3)
    assert set(gone) <= blobs(scratch.path / "store").keys()
    assert scratch.back_up().removed == 3
    assert not set(gone) & blobs(scratch.path / "store").keys()
    left = b"".join(path.read_bytes() for path in (scratch.path / "store").rglob("*") if path.is_file())
    assert not any(envelope in left for envelope in envelopes.values())  # those of the others were moved
    good(scratch)
    results = restore(scratch.path / "store", scratch.shares[:2], tmp_path / "out", lambda _: None)
    statuses = {one.object_id: one.status for one in results}
    assert {id_ for id_, status in statuses.items() if status == "disposed"} == set(gone)
    assert set(statuses.values()) == {"ok", "disposed"}


def test_a_disposal_while_a_run_is_at_work(scratch: Scratch) -> None:
    gone: list[str] = []
    with scratch.journal() as journal:
        source = StoreSource(journal, Signer(ORIGIN, SEED).key)
        drive = look(scratch.path, key=MARKER_KEY, store_id=source.store_id)

        def progress(done: int, total: int) -> None:
            if not gone and done == 0:
                return
            if not gone:
                gone.extend(dispose(journal, scratch.shares, 2 * PER_BATCH))

        with pytest.raises(DisposingError):
            back_up(source, drive, random=os.urandom, progress=progress)
        assert back_up(source, drive, random=os.urandom).removed >= 1
    assert gone
    good(scratch)


# Drives


def test_a_drive_is_refused_in_words(scratch: Scratch, tmp_path: Path) -> None:
    with scratch.journal() as journal:
        store_id = journal.vault.store_id
    with pytest.raises(NotEnrolledError):
        look(tmp_path / "nothing", key=MARKER_KEY, store_id=store_id)
    with pytest.raises(NotEmptyError):
        enrol(scratch.path, key=MARKER_KEY, store_id=store_id, random=os.urandom)
    with pytest.raises(ForeignDriveError, match="another store"):
        look(scratch.path, key=MARKER_KEY, store_id="0" * 32)
    with pytest.raises(ForeignDriveError, match="not written by this kiosk"):
        look(scratch.path, key=b"x" * 32, store_id=store_id)
    text = (scratch.path / marker.NAME).read_bytes()
    for at in range(0, len(text), 7):
        (scratch.path / marker.NAME).write_bytes(text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :])
        with pytest.raises(ForeignDriveError):
            look(scratch.path, key=MARKER_KEY, store_id=store_id)
    (scratch.path / marker.NAME).write_bytes(text)
    scratch.back_up()
    (scratch.path / "store/format").write_text("medkiosk-store v2\n" + "1" * 32 + "\n")
    with pytest.raises(ForeignDriveError, match="copy"):
        look(scratch.path, key=MARKER_KEY, store_id=store_id)


def test_one_writer_at_a_time(scratch: Scratch) -> None:
    drive = look(scratch.path, key=MARKER_KEY, store_id=_store_id(scratch))
    with drive.locked(), pytest.raises(DriveBusyError):
        scratch.back_up()
    scratch.back_up()
    good(scratch)


def _store_id(scratch: Scratch) -> str:
    with scratch.journal() as journal:
        return journal.vault.store_id


@needs_root
def test_a_full_and_a_write_protected_drive(scratch: Scratch, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    with memory_card(small):  # 16 MiB
        enrol(small, key=MARKER_KEY, store_id=_store_id(scratch), random=os.urandom)
        scratch.path = small
        (small / "filler").write_bytes(bytes(9 << 20))
        with pytest.raises(DriveFullError, match="MiB more are needed"):
            scratch.back_up()
        (small / "filler").unlink()
        scratch.back_up()
        good(scratch)
        scratch.seal()
        set_lock_switch(small)
        with pytest.raises(DriveReadOnlyError):
            scratch.back_up()
        assert verify(small / "store", VKEY).problems == ()


class LyingDisk:
    """Returns other bytes than were written for the n-th file that is read back."""

    def __init__(self, lie_at: int) -> None:
        self._left = lie_at

    def __getattr__(self, name: str) -> object:
        return getattr(durable, name)

    def read_back(self, path: Path) -> Iterator[memoryview]:
        self._left -= 1
        for piece in durable.read_back(path):
            yield memoryview(bytes(len(piece))) if self._left == 0 else piece


@pytest.mark.parametrize("lie_at", [1, 2, PER_BATCH, PER_BATCH + 2, PER_BATCH + 3])
def test_a_lying_drive_is_found(scratch: Scratch, lie_at: int) -> None:
    scratch.back_up()
    scratch.seal()
    with pytest.raises(DriveLiesError):
        scratch.back_up(LyingDisk(lie_at))  # type: ignore[arg-type]
    assert verify(scratch.path / "store", VKEY).problems == ()
    scratch.back_up()
    good(scratch)


def test_stopped_and_continued(scratch: Scratch) -> None:
    scratch.seal(5)
    stop = threading.Event()

    def going() -> None:
        if stop.is_set():
            raise StoppedError

    with scratch.journal() as journal:
        source = StoreSource(journal, Signer(ORIGIN, SEED).key)
        drive = look(scratch.path, key=MARKER_KEY, store_id=source.store_id)
        with pytest.raises(StoppedError):
            back_up(
                source,
                drive,
                random=os.urandom,
                going=going,
                progress=lambda done, total: stop.set() if done * 4 > total * 3 else None,
            )
    kept = len(blobs(scratch.path / "store"))
    assert kept >= 20
    assert scratch.back_up().objects == 6 * PER_BATCH - kept
    good(scratch)


# A kiosk that is not what it was


def test_a_rolled_back_kiosk_is_named_and_nothing_is_written(scratch: Scratch, tmp_path: Path) -> None:
    shutil.copytree(scratch.store, tmp_path / "older")
    scratch.seal()
    scratch.back_up()
    before = _all(scratch.path)
    shutil.rmtree(scratch.store)
    shutil.copytree(tmp_path / "older", scratch.store)
    with pytest.raises(KioskRolledBackError, match="2 entries, the kiosk's only 1"):
        scratch.back_up()
    scratch.seal(3)  # longer now, and another one
    with pytest.raises(KioskRolledBackError, match="others than the kiosk's"):
        scratch.back_up()
    assert _all(scratch.path) == before


def _all(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE envelopes SET envelope = zeroblob(1168) WHERE rowid = 1",
        "DELETE FROM envelopes WHERE what = 'object'",
        "DELETE FROM envelopes WHERE what = 'record'",
        "DELETE FROM records",
        "UPDATE escrow SET sealed = zeroblob(32)",
    ],
)
def test_a_damaged_kiosk_does_not_replace_a_good_copy(scratch: Scratch, sql: str) -> None:
    scratch.back_up()
    before = _all(scratch.path)
    with closing(sqlite3.connect(scratch.store / "vault.db")) as db:
        db.execute(sql)
        db.commit()
    with scratch.journal() as journal:
        source = StoreSource(journal, Signer(ORIGIN, SEED).key)
        drive = look(scratch.path, key=MARKER_KEY, store_id=source.store_id)
        with pytest.raises(KioskDamagedError):
            back_up(source, drive, random=os.urandom)
    assert _all(scratch.path) == before


def test_a_damaged_file_of_the_kiosk_is_named_and_the_rest_is_copied(scratch: Scratch) -> None:
    scratch.back_up()
    scratch.seal()
    fresh = sorted(blobs(scratch.store).keys() - blobs(scratch.path / "store").keys())
    path = scratch.store / "objects" / fresh[0][:2] / fresh[0]
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(BlobsDamagedError, match=fresh[0]):
        scratch.back_up()
    assert blobs(scratch.path / "store").keys() == blobs(scratch.store).keys() - {fresh[0]}
    assert {one.code for one in verify(scratch.path / "store", VKEY).problems} == {"object.blob_missing"}

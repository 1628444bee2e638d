"""Opening the vault from the sealed catalogue: the same answers as from the records, whatever lies there."""

from __future__ import annotations

import itertools
import logging
import os
import resource
import shutil
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from medkiosk.core.events import AccountCreated, AnyEvent, LoggedOut, Redacted, Role
from medkiosk.core.ids import KIOSK, AccountId
from medkiosk.daemon import keyring, opened
from medkiosk.daemon.keyring import Keyring
from medkiosk.daemon.opened import Opened
from medkiosk.journal import Fact, Journal
from medkiosk.ledger import entry
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from tests.bench.years import Years
from tests.stores import CHEAP, create, reopen

KEY, SEED = bytes(range(32)), bytes(32)
pytestmark = pytest.mark.usefixtures("cheap_passphrases")
RITA = AccountId("4" * 32)


def now() -> datetime:
    return datetime(2026, 11, 1, 9, tzinfo=UTC)


class Store:
    """A store with an account, and events put into it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        vault, shares = create(root, index_key=KEY, random=os.urandom)
        Log.create(root / "ledger", Signer("kiosk.invalid/ledger", SEED))
        with vault.unlock_recovery(shares) as identity:
            identity.add_user_slot("rita", "a good passphrase", params=CHEAP, allow_weak=True)
        self.vault = vault
        self._open()
        account = AccountCreated(
            at=self.journal.now(),
            actor=KIOSK,
            account_id=RITA,
            user="rita",
            display_name="R",
            roles=(Role.AUDITOR,),
        )
        self.add([account])

    def _open(self) -> None:
        self.journal = Journal(
            self.vault, Log.open(self.root / "ledger", Signer("kiosk.invalid/ledger", SEED)), now
        )

    def reopen(self) -> None:
        self.vault.close()
        self.vault = reopen(self.root, index_key=KEY, random=os.urandom)
        self._open()

    def add(self, events: list[AnyEvent]) -> None:
        """Redacted ones bring their derivative, sealed and in the ledger."""
        facts = []
        for event in events:
            if isinstance(event, Redacted):
                writer = self.vault.start("derivative")
                writer.write(b"a picture")
                made = writer.finish()
                facts.append(Fact(msgspec.structs.replace(event, derivative_id=made.id), (made,)))
            else:
                facts.append(Fact(event))
        if self.journal.guards:  # each is judged by what those before it made of the catalogue
            for fact in facts:
                self.journal.commit([fact])
        else:
            self.journal.commit(facts)

    @property
    def catalog(self) -> Path:
        return self.root / "catalog"

    def ring(self) -> Keyring:
        return Keyring(self.journal, now, self.root.parent / "lockout", lambda: None)

    def login(self, ring: Keyring | None = None) -> tuple[Keyring, AccountCreated]:
        ring = ring or self.ring()
        return ring, ring.login("rita", "a good passphrase").account

    def leave_saved(self) -> Opened:
        """Log in, save, leave; what was open then."""
        ring, account = self.login()
        was = ring.opened
        was.save(self.journal)
        ring.leave(account, "logout")
        return was


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "store")
    made.add(list(Years(40)))
    yield made
    made.vault.close()


def answers(one: Opened) -> object:
    held = one.catalog
    page = held.captures(limit=1000)
    return (
        page,
        [held.capture(row.capture_id) for row in page.captures],
        held.encounters(),
        held.imports(),
        held.accounts(),
        held.problems,
        [held.records_of([row.capture_id]) for row in page.captures],
        one.unreadable,
        one.newest,
    )


def from_records(store: Store) -> object:
    """What a login gives that finds no sealed catalogue."""
    store.catalog.unlink(missing_ok=True)
    ring, account = store.login()
    try:
        assert ring.opened.saved == 0
        return answers(ring.opened)
    finally:
        ring.leave(account, "logout")


def spoil(store: Store, seq: int) -> None:
    with store.vault._db.transaction() as tx:
        tx.execute("UPDATE records SET sealed = zeroblob(600) WHERE seq = ?", (seq,))


def test_a_login_reads_only_the_records_since(store: Store) -> None:
    before = store.leave_saved()
    spoil(store, 3)  # verify and scrub find it; a login does not read it again
    ring, _ = store.login()
    assert ring.opened.saved == before.saved > 0
    assert ring.opened.unreadable == 0
    assert store.catalog.stat().st_mode & 0o777 == 0o600
    assert b"Ada" not in store.catalog.read_bytes()


def test_loaded_and_grown_is_what_the_records_say(store: Store) -> None:
    store.leave_saved()
    store.add(list(Years(11, seed=5)))
    store.reopen()
    ring, account = store.login()
    assert ring.opened.saved > 0
    grown = answers(ring.opened)
    ring.leave(account, "logout")
    assert grown == from_records(store)
    [leaf] = [c.leaf for c in grown[1][:1]]  # type: ignore[index]
    [derivative] = [c.latest.derivative_id for c in grown[1][:1]]  # type: ignore[index]
    assert entry.decode(store.journal.log.entry(leaf)).objects[0].id == derivative


def damaged(store: Store, how: str) -> str:
    """Make the sealed catalogue unusable; what the log says then."""
    data = store.catalog.read_bytes()
    match how:
        case "removed":
            store.catalog.unlink()
            return "there is none"
        case "cut":
            store.catalog.write_bytes(data[:-100])
        case "cut at a chunk":
            store.catalog.write_bytes(data[: 56 + 16400])
        case "empty":
            store.catalog.write_bytes(b"")
        case "flipped":
            store.catalog.write_bytes(data[:5000] + bytes([data[5000] ^ 1]) + data[5001:])
        case "of another store":
            other = Store(store.root.parent / "other")
            other.leave_saved()
            shutil.copy(other.catalog, store.catalog)
            other.vault.close()
        case "a folder":
            store.catalog.unlink()
            store.catalog.mkdir()
            return "directory"
    return "damaged, or of another store"


@pytest.mark.parametrize(
    "how", ["removed", "cut", "cut at a chunk", "empty", "flipped", "of another store", "a folder"]
)
def test_whatever_lies_there_nobody_is_kept_out(
    store: Store, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    store.leave_saved()
    words = damaged(store, how)
    with caplog.at_level(logging.INFO):
        ring, account = store.login()
    assert words in caplog.text
    assert ring.opened.saved == 0
    found = answers(ring.opened)
    ring.leave(account, "logout")
    if how == "a folder":
        store.catalog.rmdir()
    assert found == from_records(store)


def test_another_version_of_the_program_reads_every_record(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store.leave_saved()
    monkeypatch.setattr(opened, "code_name", lambda: "later")
    with caplog.at_level(logging.INFO):
        ring, _ = store.login()
    assert "another version of the program" in caplog.text
    assert ring.opened.saved == 0
    assert ring.opened.reach.code == "later"


def test_a_catalogue_that_is_newer_than_the_store_is_not_believed(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    old = store.root.parent / "old"
    shutil.copytree(store.root, old)
    store.add(list(Years(11, seed=5)))
    store.leave_saved()
    store.vault.close()
    for name in ("vault.db", "vault.db-wal", "vault.db-shm", "ledger"):
        path = store.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        if (old / name).is_dir():
            shutil.copytree(old / name, path)
        elif (old / name).exists():
            shutil.copy(old / name, path)
    store.reopen()
    with caplog.at_level(logging.INFO):
        ring, _ = store.login()
    assert "goes further than the store" in caplog.text
    assert ring.opened.catalog.captures().total == 40


def drop_envelopes(store: Store, seqs: list[int]) -> list[str]:
    ids = [store.vault.record_id(seq) for seq in seqs]
    with store.vault._db.transaction() as tx:
        tx.executemany("DELETE FROM envelopes WHERE id = ?", [(id_,) for id_ in ids])
    return ids


def test_a_record_without_envelope_is_damage_unless_the_ledger_says_that_it_was_disposed_of(
    store: Store,
) -> None:
    ids = drop_envelopes(store, [5, 9])
    ring, account = store.login()
    assert ring.opened.unreadable == 2
    ring.leave(account, "logout")
    said = LoggedOut(at=store.journal.now(), actor=RITA, reason="")
    store.journal.commit([Fact(said, disposed=(ids[0],))])
    ring, _ = store.login()
    assert ring.opened.unreadable == 1
    assert ring.opened.reach.missing == {ids[1]}


def test_what_was_committed_without_a_word_is_caught_up_with(store: Store) -> None:
    ring, _ = store.login()
    first = ring.opened.reach.record
    quiet = Journal(store.vault, store.journal.log, now)  # nobody listens to this one
    ours, store.journal = store.journal, quiet
    store.add(list(Years(2, seed=8)))
    store.journal = ours
    said = LoggedOut(at=store.journal.now(), actor=RITA, reason="")
    store.journal.commit([Fact(said), Fact(said)])
    assert ring.opened.reach.record == store.vault.last_record > first
    assert ring.opened.reach.leaf == store.journal.log.size
    lived = answers(ring.opened)
    assert lived == from_records_beside(store)


def from_records_beside(store: Store) -> object:
    one = Opened(store.vault.unlock("rita", "a good passphrase"))
    one.catch_up(store.journal)
    try:
        return answers(one)
    finally:
        one.identity.close()


def test_the_last_one_out_saves_and_those_before_do_not(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "_SAVE_AT_END", 1)
    ring, account = store.login()
    store.login(ring)
    ring.leave(account, "logout")
    assert not store.catalog.exists()
    ring.leave(account, "logout")
    assert store.catalog.exists()
    assert not ring.is_open
    assert list((store.root / "tmp").iterdir()) == []


def test_many_new_records_are_saved_while_people_work(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ring, _ = store.login()
    assert not store.catalog.exists()
    monkeypatch.setattr(keyring, "_SAVE_EVERY", 40)
    monkeypatch.setattr(keyring, "_TRY_EVERY", 40)
    store.add(list(Years(11, seed=5)))
    deadline = time.monotonic() + 20
    while ring.opened.saved == 0 or any(t.name == "save-catalogue" for t in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert ring.opened.reach.record - ring.opened.saved < 40


def test_a_catalogue_that_a_disposal_removed_is_saved_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.leave_saved()
    ring, account = store.login()
    assert ring.opened.unsaved(store.journal) < 5
    store.catalog.unlink()
    monkeypatch.setattr(keyring, "_SAVE_AT_END", 100)
    ring.leave(account, "logout")
    assert store.catalog.exists()
    assert store.login()[0].opened.saved > 200


def test_a_full_disk_costs_time_at_the_next_login_and_nothing_else(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    was = store.leave_saved()
    good = store.catalog.read_bytes()
    ring, account = store.login()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # the kernel refuses what goes beyond
    try:
        ring.opened.save(store.journal)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "could not be written" in caplog.text
    assert store.catalog.read_bytes() == good
    assert ring.opened.saved == was.saved
    ring.opened.save(store.journal)
    ring.leave(account, "logout")
    ring, _ = store.login()
    assert ring.opened.saved > was.saved


def test_a_login_that_reads_much_says_how_far_it_is(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened, "_STEP", 20)
    told: list[tuple[int, int]] = []
    ring = Keyring(
        store.journal,
        now,
        store.root.parent / "lockout",
        lambda: None,
        lambda done, of: told.append((done, of)),
    )
    total = store.vault.last_record
    store.login(ring)
    assert told == [*((done, total) for done in range(20, total + 1, 20)), (0, 0)]


def test_the_auditor_pages_by_number(store: Store) -> None:
    rows = list(store.vault.records())
    assert [row.seq for row in rows] == list(range(1, store.vault.last_record + 1))
    assert [row.id for row in itertools.islice(store.vault.records(after=10), 5)] == [
        r.id for r in rows[10:15]
    ]
    assert [store.vault.record_id(row.seq) for row in rows] == [row.id for row in rows]
    assert store.vault.record_id(10**6) == ""

"""The order in which things become true, when one of the steps fails."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from medkiosk.core.events import AnyEvent, LoggedOut, OriginalSealed
from medkiosk.core.ids import KIOSK, AccountId, CaptureId, ImportId
from medkiosk.core.photo import MediaKind
from medkiosk.daemon.keyring import Keyring
from medkiosk.journal import Fact, Journal, JournalStoppedError, OutOfDateError
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.offline.verify import verify
from medkiosk.vault.errors import WrongPassphraseError
from medkiosk.vault.schema import SeenRow
from medkiosk.vault.store import Vault
from tests.disk import FailingDisk
from tests.stores import CHEAP, create, reopen

KEY = bytes(range(32))
SIGNER_SEED = bytes(32)
pytestmark = pytest.mark.usefixtures("cheap_passphrases")
NEVER = 1 << 30


def now() -> datetime:
    return datetime(2026, 5, 1, 9, tzinfo=UTC)


class Rig:
    """A store with a ledger on a disk that can be made to fail."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.shares: list[str] = []
        self.vault: Vault
        self.journal: Journal

    def create(self) -> None:
        self.vault, self.shares = create(self.root, index_key=KEY, random=os.urandom)
        Log.create(self.root / "ledger", self._signer())
        with self.vault.unlock_recovery(self.shares) as identity:
            identity.add_user_slot("rita", "a good passphrase", params=CHEAP, allow_weak=True)
        self._open_log()

    def reopen(self) -> int:
        """As after a restart; gives how many entries were completed."""
        self.vault.close()
        self.vault = reopen(self.root, index_key=KEY, random=os.urandom)
        self._open_log()
        return self.journal.recover()

    def break_ledger(self) -> None:
        """From now on nothing of the ledger reaches the disk."""
        self.journal.log = Log.open(
            self.root / "ledger", self._signer(), disk=FailingDisk(1, persisted=False)
        )

    def _open_log(self) -> None:
        self.journal = Journal(self.vault, Log.open(self.root / "ledger", self._signer()), now)

    def _signer(self) -> Signer:
        return Signer("test.medkiosk.invalid/ledger", SIGNER_SEED)

    def sealed(self, tag: bytes) -> Fact:
        writer = self.vault.start("original")
        writer.write(b"\xff\xd8 a photo " * 1000)
        pending = writer.finish()
        event = OriginalSealed(
            at=self.journal.now(),
            actor=KIOSK,
            import_id=ImportId("1" * 32),
            capture_id=CaptureId("2" * 32),
            object_id=pending.id,
            storage="s",
            folder="DCIM",
            file="IMG_0001.JPG",
            size=pending.size,
            mtime=0,
            media=MediaKind.JPEG,
        )
        return Fact(event, (pending,), (SeenRow(tag, tag, pending.id, event.capture_id),))

    def said(self) -> AnyEvent:
        return LoggedOut(at=self.journal.now(), actor=AccountId("3" * 32), reason="x")

    def open_files(self) -> set[str]:
        links = [fd.readlink() for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink() and fd.exists()]
        return {str(link) for link in links if link.is_relative_to(self.root)}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path / "store")
    made.create()
    yield made
    made.vault.close()


def test_when_the_ledger_fails_nothing_more_is_taken_and_the_next_start_completes_it(rig: Rig) -> None:
    tag = bytes(32)
    rig.break_ledger()
    with pytest.raises(JournalStoppedError):
        rig.journal.commit([rig.sealed(tag)])
    # The vault knows the file: a replugged card would find it there. So nothing may count as safe.
    assert rig.vault.seen(tag) is not None
    assert rig.journal.stopped
    with pytest.raises(JournalStoppedError):
        rig.journal.check()
    before = rig.vault.next_index
    with pytest.raises(JournalStoppedError):
        rig.journal.commit([Fact(rig.said())])
    assert rig.vault.next_index == before, "refused before the vault, not after"

    assert rig.reopen() == 1
    rig.journal.check()
    rig.journal.commit([Fact(rig.said())])
    assert rig.journal.log.size == 2
    assert verify(rig.root).problems == ()


def test_what_a_guard_refuses_leaves_nothing_behind(rig: Rig) -> None:
    rig.journal.guards.append(lambda event: "no" if isinstance(event, OriginalSealed) else "")
    files = rig.open_files()
    for _ in range(3):
        with pytest.raises(OutOfDateError, match="no"):
            rig.journal.commit([rig.sealed(bytes(32))])
    assert rig.open_files() == files
    assert list((rig.root / "tmp").iterdir()) == []
    assert (rig.vault.count(), rig.journal.log.size) == (0, 0)
    rig.journal.commit([Fact(rig.said())])


def test_an_event_that_is_too_large_leaves_nothing_behind(rig: Rig) -> None:
    fact = rig.sealed(bytes(32))
    huge = LoggedOut(at=rig.journal.now(), actor=AccountId("3" * 32), reason="x" * 300_000)
    with pytest.raises(ValueError, match=r"."):
        rig.journal.commit([Fact(huge, fact.objects)])
    assert list((rig.root / "tmp").iterdir()) == []
    rig.journal.commit([Fact(rig.said())])


def test_listeners_hear_each_fact_once_with_its_index(rig: Rig) -> None:
    heard: list[int] = []
    rig.journal.listeners.append(lambda fact, index: heard.append(index))
    rig.journal.commit([Fact(rig.said()), Fact(rig.said())])
    rig.journal.commit([Fact(rig.said())])
    assert heard == [0, 1, 2]


def keyring(rig: Rig, changes: list[bool]) -> Keyring:
    made = Keyring(rig.journal, now, rig.root.parent / "lockout", lambda: changes.append(made.is_open))
    return made


def with_account(rig: Rig) -> None:
    from medkiosk.core.events import AccountCreated, Role

    rig.journal.commit(
        [
            Fact(
                AccountCreated(
                    at=rig.journal.now(),
                    actor=KIOSK,
                    account_id=AccountId("4" * 32),
                    user="rita",
                    display_name="Rita",
                    roles=(Role.REVIEWER,),
                )
            )
        ]
    )


def test_the_last_one_out_locks_even_if_the_logout_cannot_be_written(rig: Rig) -> None:
    with_account(rig)
    changes: list[bool] = []
    ring = keyring(rig, changes)
    account = ring.login("Rita", "a good passphrase").account
    ring.login("rita", "a good passphrase")
    assert ring.is_open
    rig.break_ledger()
    ring.leave(account, "logout")
    assert ring.is_open, "one is still there"
    ring.leave(account, "logout")
    assert changes == [True, False], "what the board was told each time: open, then locked"


def test_a_login_that_cannot_be_written_opens_nothing(rig: Rig) -> None:
    with_account(rig)
    changes: list[bool] = []
    ring = keyring(rig, changes)
    rig.break_ledger()
    with pytest.raises(JournalStoppedError):
        ring.login("rita", "a good passphrase")
    assert not ring.is_open
    assert changes == []


def test_a_key_without_an_account_opens_nothing(rig: Rig) -> None:
    ring = keyring(rig, [])
    with pytest.raises(Exception, match="no account belongs to it"):
        ring.login("rita", "a good passphrase")
    assert not ring.is_open
    with pytest.raises(WrongPassphraseError):
        ring.login("rita", "another passphrase")


def test_one_damaged_record_does_not_keep_people_out_and_is_counted(rig: Rig) -> None:
    with_account(rig)
    rig.journal.commit([Fact(rig.said())])
    with rig.vault._db.transaction() as tx:
        tx.execute("UPDATE records SET sealed = zeroblob(600) WHERE seq = (SELECT max(seq) FROM records)")
    ring = keyring(rig, [])
    ring.login("rita", "a good passphrase")
    assert ring.opened.unreadable == 1
    assert len(ring.opened.catalog.accounts()) == 1

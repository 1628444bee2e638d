"""Epochs come and go under what is being sealed; recovery words and device secrets are replaced."""

from __future__ import annotations

import os
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from medkiosk.core.errors import KioskError
from medkiosk.devicesecret import DeviceSecretError, DeviceSecretLostError, DeviceSecretsExistError
from medkiosk.vault import epochs, recovery
from medkiosk.vault.batch import Batch
from medkiosk.vault.envelope import MOVED_SIZE, Name
from medkiosk.vault.epochs import MAX_AGE, MAX_ENVELOPES
from medkiosk.vault.errors import (
    EpochEndedError,
    LockedError,
    RecoveryReplacedError,
    VaultDamagedError,
    VaultWriteError,
    WrongSharesError,
)
from medkiosk.vault.identity import Identity, Rotated
from medkiosk.vault.reader import StoreReader
from medkiosk.vault.schema import row_digest
from medkiosk.vault.store import Vault
from medkiosk.vault.writer import PendingObject
from tests.disk import FailingDisk
from tests.stores import CHEAP, ESCROW, clock, create, device, reopen, seeded
from tests.vault.conftest import Scratch

START = datetime(2026, 1, 1, tzinfo=UTC)


def seal(vault: Vault, content: bytes) -> PendingObject:
    writer = vault.start("original")
    writer.write(content)
    return writer.finish()


def read(vault: Vault, identity: Identity, object_id: str) -> bytes:
    return b"".join(vault.read_object(object_id, identity.open_key(object_id)))


def problem(vault: Vault) -> type[KioskError] | None:
    return None if vault.device_problem is None else type(vault.device_problem)


def begin(identity: Identity) -> int:
    """Open an epoch now, due or not."""
    with identity._db.transaction() as tx:
        return identity.open_epoch_under(tx, 1)


def test_due() -> None:
    opened = "2026-01-01T00:00:00.000Z"
    tick = timedelta(milliseconds=1)
    assert epochs.due(opened, MAX_ENVELOPES - 1, START + MAX_AGE - tick) == ""
    assert epochs.due(opened, 0, START + MAX_AGE) == "age"
    assert epochs.due(opened, MAX_ENVELOPES, START) == "count"
    assert epochs.due(opened, 0, START - timedelta(days=4000)) == ""


def test_an_old_epoch_ends_when_somebody_unlocks(scratch: Scratch) -> None:
    scratch.vault.commit(Batch(records=[scratch.vault.seal_record("event", b"old")]))
    scratch.vault.close()
    now = START
    with reopen(scratch.root, random=seeded(2), clock=lambda: now) as vault:
        with vault.unlock_recovery(scratch.shares[:2]) as identity:
            assert identity.rotate() is None
            now += MAX_AGE
            assert identity.rotate() == Rotated(2, "age")
            assert identity.rotate() is None
            vault.commit(Batch(records=[vault.seal_record("event", b"new")]))
            assert [identity.open_record(row) for row in vault.records()] == [b"old", b"new"]
        with pytest.raises(LockedError):
            identity.rotate()
        assert [(row.epoch, row.generation) for row in vault.epochs()] == [(1, 1), (2, 1)]
        assert vault.epochs()[1].opened_at == "2026-01-31T00:00:00.000Z"
        assert vault.current_epoch == 2


def test_a_full_epoch_ends_and_a_disposal_keeps_it(scratch: Scratch) -> None:
    vault = scratch.vault
    with vault._db.transaction() as tx:
        for number in range(MAX_ENVELOPES):
            values = (f"{number:032x}", "object", 1, b"x")
            tx.execute("INSERT INTO envelopes VALUES (?, ?, ?, ?, x'00')", values)
        tx.execute("INSERT INTO disposals VALUES ('0', 'moving', '{}', x'00', x'00')")
    with vault.unlock_recovery(scratch.shares[:2]) as identity:
        assert identity.rotate() is None
        with vault._db.transaction() as tx:
            tx.execute("DELETE FROM disposals")
        assert identity.rotate() == Rotated(2, "count")


def test_two_who_are_logged_in_know_each_others_epochs(scratch: Scratch) -> None:
    vault = scratch.vault
    with vault.unlock_recovery(scratch.shares[:2]) as one, vault.unlock_recovery(scratch.shares[:2]) as two:
        begin(one)
        vault.commit(Batch(records=[vault.seal_record("event", b"x")]))
        [row] = vault.records()
        assert (one.open_record(row), two.open_record(row)) == (b"x", b"x")
        one.forget_epochs([2])
        assert one.open_record(row) == b"x"  # from the store again


def test_an_epoch_of_a_transaction_that_failed_never_was(scratch: Scratch) -> None:
    vault = scratch.vault
    with vault.unlock_recovery(scratch.shares[:2]) as identity:
        with pytest.raises(sqlite3.OperationalError), vault._db.transaction() as tx:
            tx.execute(f"no statement, after epoch {identity.open_epoch_under(tx, 1)}")
        assert vault.current_epoch == 1
        assert begin(identity) == 2
        vault.commit(Batch(records=[vault.seal_record("event", b"x")]))
        [row] = vault.records()
        assert identity.open_record(row) == b"x"


def test_what_was_sealed_to_an_ended_epoch_is_sealed_again(scratch: Scratch) -> None:
    vault = scratch.vault
    with vault.unlock_recovery(scratch.shares[:2]) as identity:
        pending = [seal(vault, b"%d" % number) for number in range(6)]
        record = vault.seal_record("event", b"x")
        begin(identity)
        for batch in (
            Batch(objects=pending),
            Batch(records=[record]),
            Batch(objects=pending, records=[record]),
        ):
            with pytest.raises(EpochEndedError):
                vault.commit(batch)
        assert vault.count() == 0
        again = [vault.reseal(one) for one in pending]
        assert {one.epoch for one in again} == {2}
        assert [one.ref.sha256 for one in again] == [one.ref.sha256 for one in pending]
        assert all(a.ref.envelope != b.ref.envelope for a, b in zip(again, pending, strict=True))
        vault.commit(Batch(objects=again, records=[vault.seal_record("event", b"x")]))
        for number, one in enumerate(again):
            assert read(vault, identity, one.id) == b"%d" % number
    assert list((scratch.root / "tmp").iterdir()) == []


class Turning(FailingDisk):
    """A disk on which the epoch ends while the blobs of a batch get their names."""

    identity: Identity | None = None

    def sync_dirs(self, root_fd: int, folders: object) -> None:
        super().sync_dirs(root_fd, folders)  # type: ignore[arg-type]
        if self.identity is not None:
            begin(self.identity)
            self.identity = None


@pytest.mark.parametrize("crash", [False, True])
def test_the_epoch_ends_in_the_middle_of_a_commit(scratch: Scratch, tmp_path: Path, *, crash: bool) -> None:
    scratch.vault.close()
    disk = Turning(1 << 30, persisted=False)
    with (
        reopen(scratch.root, random=os.urandom, disk=disk) as vault,
        vault.unlock_recovery(scratch.shares[:2]) as identity,
    ):
        pending = [seal(vault, b"%d" % number) for number in range(6)]
        disk.identity = identity
        with pytest.raises(EpochEndedError):
            vault.commit(Batch(objects=pending))
        assert not any((scratch.root / "objects").glob("*/*"))
        if crash:
            shutil.copytree(scratch.root, tmp_path / "copy")
            with reopen(tmp_path / "copy", random=os.urandom) as other:
                assert other.count() == 0
                assert list((tmp_path / "copy" / "tmp").iterdir()) == []
        vault.commit(Batch(objects=[vault.reseal(one) for one in pending]))
        assert [read(vault, identity, one.id) for one in pending] == [b"%d" % n for n in range(6)]
    assert list((scratch.root / "tmp").iterdir()) == []


def test_a_disk_that_fails_then_gives_the_objects_up(scratch: Scratch) -> None:
    scratch.vault.close()
    disk = Turning(1 << 30, persisted=False)
    with reopen(scratch.root, random=os.urandom, disk=disk) as vault:
        with vault.unlock_recovery(scratch.shares[:2]) as identity:
            pending = [seal(vault, b"%d" % number) for number in range(2)]
            # two publishes and what is before them, then the way back
            disk.identity, disk._fail_at = identity, disk.calls + 9
            with pytest.raises((VaultWriteError, EpochEndedError)) as error:
                vault.commit(Batch(objects=pending))
            assert (error.type is VaultWriteError) == disk.failed
            assert disk.failed
        assert vault.count() == 0
        assert not any((scratch.root / "objects").glob("*/*"))


def test_moved_keys_open_beside_sealed_ones(scratch: Scratch) -> None:
    vault = scratch.vault
    moved, stays = seal(vault, b"moved"), seal(vault, b"stays")
    vault.commit(Batch(objects=[moved, stays]))
    with vault.unlock_recovery(scratch.shares[:2]) as identity:
        new = begin(identity)
        name = Name("object", moved.id, "original")
        sealed = identity.epoch_keys(new).move_key(identity.open_key(moved.id), name, os.urandom)
        assert len(sealed) == MOVED_SIZE
        with vault._db.transaction() as tx:
            tx.execute(
                "UPDATE envelopes SET epoch = ?, envelope = ?, digest = ? WHERE id = ?",
                (new, sealed, row_digest("envelopes", moved.id, "object", new, sealed), moved.id),
            )
        assert read(vault, identity, moved.id) == b"moved"
        with vault._db.transaction() as tx:  # under another id
            tx.execute("UPDATE envelopes SET epoch = ?, envelope = ? WHERE id = ?", (new, sealed, stays.id))
        with pytest.raises(VaultDamagedError):
            identity.open_key(stays.id)
        with vault._db.transaction() as tx:
            tx.execute("UPDATE envelopes SET envelope = x'00' WHERE id = ?", (stays.id,))
        with pytest.raises(VaultDamagedError):
            identity.open_key(stays.id)
    with (
        StoreReader.open_for_reading(scratch.root) as reader,
        reader.unlock_recovery(scratch.shares[1:]) as opener,
    ):
        assert b"".join(reader.read_object(moved.id, opener.open_key(moved.id))) == b"moved"


def test_a_passphrase_opens_nothing_without_the_device(scratch: Scratch) -> None:
    vault = scratch.vault
    with vault.unlock_recovery(scratch.shares[:2]) as identity:
        identity.add_user_slot("ana", "one", params=CHEAP, allow_weak=True)
    pending = seal(vault, b"x")
    vault.commit(Batch(objects=[pending]))
    secrets = device(scratch.root)
    right = bytes(secrets.read(1))
    assert problem(vault) is None
    secrets.put(1, b"x" * 32)
    with pytest.raises(VaultDamagedError, match="device secret"):
        vault.unlock("ana", "one")
    (secrets.folder / "device-1.key").chmod(0o644)
    with pytest.raises(DeviceSecretError, match="other users"):
        vault.unlock("ana", "one")
    secrets.keep_only()
    with pytest.raises(DeviceSecretLostError):
        vault.unlock("ana", "one")
    assert problem(vault) is DeviceSecretLostError
    with vault.unlock_recovery(scratch.shares[:2]) as identity:
        assert read(vault, identity, pending.id) == b"x"
        with pytest.raises(DeviceSecretLostError):
            begin(identity)
    assert vault.current_epoch == 1
    secrets.put(1, right)
    vault.unlock("ana", "one").close()


def test_a_store_is_not_made_over_the_secret_of_another(tmp_path: Path) -> None:
    device(tmp_path / "store").put(1, b"x" * 32)
    with pytest.raises(DeviceSecretsExistError):
        create(tmp_path / "store", random=seeded(1))
    assert not (tmp_path / "store").exists()
    assert device(tmp_path / "store").read(1) == b"x" * 32


def test_opening_settles_an_unfinished_disposal(scratch: Scratch) -> None:
    scratch.vault.close()
    secrets = device(scratch.root)
    secrets.put(2, b"2" * 32)
    with reopen(scratch.root, random=seeded(2)) as vault:
        assert secrets.generations() == [1, 2], "only whoever knows that it is the newest store settles"
        vault.settle_device()
        assert vault.repairs == ["device secrets of an unfinished disposal"]
        assert secrets.generations() == [1]
    with reopen(scratch.root, random=seeded(3)) as vault:
        vault.settle_device()
        assert vault.repairs == []


def test_new_recovery_words(scratch: Scratch) -> None:
    vault = scratch.vault
    with vault.unlock_recovery(scratch.shares[:2]) as identity:
        pending = seal(vault, b"x")
        vault.commit(Batch(objects=[pending]))
        begin(identity)
        later = seal(vault, b"y")
        vault.commit(Batch(objects=[later]))
        with pytest.raises(ValueError, match="escrow"):
            identity.replace_recovery({"index": bytes(32)})
        fresh = identity.replace_recovery(ESCROW)
    for old in (scratch.shares[:2], [scratch.shares[0], fresh[1]]):
        with pytest.raises(WrongSharesError):
            vault.unlock_recovery(old)
    with StoreReader.open_for_reading(scratch.root) as reader:
        opened = reader.open_escrow(fresh[1:])
        assert {name: secret.reveal() for name, secret in opened.items()} == ESCROW
        with reader.unlock_recovery(fresh[:2]) as opener:
            for one, content in ((pending, b"x"), (later, b"y")):
                assert b"".join(reader.read_object(one.id, opener.open_key(one.id))) == content
    # Nothing in the store is left that the old words' private key opens.
    with sqlite3.connect(scratch.root / "vault.db") as connection:
        sealed = [row[0] for row in connection.execute("SELECT recovery_key FROM epochs")]
    connection.close()
    assert len(sealed) == len(set(sealed)) == 2


def test_what_is_replaced_is_in_no_file_any_more(scratch: Scratch) -> None:
    """Whoever has an old passphrase or old words, and a copy of the disk, finds nothing left for them."""
    vault = scratch.vault
    with vault.unlock_recovery(scratch.shares[:2]) as identity:
        identity.add_user_slot("ana", "one", params=CHEAP, allow_weak=True)
        old = [slot.wrapped_master for slot in vault.slots()]
        old += [row.recovery_key for row in vault.epochs()]
        with vault._db.transaction() as tx:
            old += [row[0] for row in tx.execute("SELECT sealed FROM escrow")]
        assert len(old) == 6
        assert all(left(scratch.root, secret) for secret in old)
        identity.replace_user_slot("ana", "two", params=CHEAP, allow_weak=True)
        identity.replace_recovery(ESCROW)
        assert not any(left(scratch.root, secret) for secret in old)
        [mine] = [slot.wrapped_master for slot in vault.slots() if slot.kind == "passphrase"]
        identity.remove_user_slot("ana")
        assert not left(scratch.root, mine)


def left(root: Path, secret: bytes) -> bool:
    """Whether some of a value is in the database or its log, also where it spans pages."""
    return any(secret[-40:] in path.read_bytes() for path in root.glob("vault.db*"))


def test_a_replaced_recovery_key_gets_nothing(scratch: Scratch, tmp_path: Path) -> None:
    """Somebody who can write to the disk puts a recovery slot there whose words they have."""
    other, _ = create(tmp_path / "other", random=seeded(9), index_key=b"k" * 32)
    [theirs] = [slot for slot in other.slots() if slot.kind == recovery.KIND]
    other.close()
    vault = scratch.vault
    with vault.unlock_recovery(scratch.shares[:2]) as identity:
        with vault._db.transaction() as tx:
            tx.execute("UPDATE slots SET params = ?, name_tag = ? WHERE kind = 'recovery'", theirs[3:1:-1])
        with pytest.raises(RecoveryReplacedError):
            begin(identity)
        with vault._db.transaction() as tx:
            tx.execute("DELETE FROM slots")
        with pytest.raises(VaultDamagedError):
            begin(identity)
    assert vault.current_epoch == 1
    assert clock() == START

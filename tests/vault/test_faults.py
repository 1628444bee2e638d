"""Every durable call of a commit fails, lost or persisted; keys, slots and envelopes are swapped."""

from __future__ import annotations

import errno
import hashlib
import shutil
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from medkiosk.core.errors import KioskError
from medkiosk.vault.batch import Batch
from medkiosk.vault.errors import (
    EpochReplacedError,
    VaultDamagedError,
    VaultFormatError,
    VaultFullError,
    VaultStoppedError,
    VaultWriteError,
    WrongPassphraseError,
)
from medkiosk.vault.schema import SeenRow
from medkiosk.vault.store import Vault
from tests.disk import FailingDisk
from tests.stores import CHEAP, create, reopen, seeded
from tests.vault.conftest import Scratch

CONTENTS = [seeded(n)(1000 * n) for n in range(6)]


def seal_all(vault: Vault) -> None:
    pending = []
    for content in CONTENTS:
        writer = vault.start("original")
        writer.write(content)
        pending.append(writer.finish())
    seen = [SeenRow(vault.tag(one.plain_sha256), vault.tag(b""), one.id) for one in pending]
    vault.commit(Batch(objects=pending, leaves=[b"leaf"], seen=seen))


def contents(vault: Vault, shares: list[str]) -> list[bytes]:
    with vault.unlock_recovery(shares[:2]) as identity:
        return [b"".join(vault.read_object(row.id, identity.open_key(row.id))) for row in vault.objects()]


def blobs(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "objects").rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("number", "persisted"), [(errno.EIO, False), (errno.EIO, True), (errno.ENOSPC, False)]
)
def test_every_call_fails_twice(scratch: Scratch, tmp_path: Path, number: int, *, persisted: bool) -> None:
    scratch.vault.close()
    told: Counter[type[KioskError]] = Counter()
    fail_at = 0
    while True:
        fail_at += 1
        root = tmp_path / f"store{fail_at}"
        shutil.copytree(scratch.root, root)
        disk = FailingDisk(fail_at, persisted=persisted, number=number)
        acknowledged = False
        with reopen(root, random=seeded(fail_at), disk=disk) as vault:
            try:
                seal_all(vault)
                acknowledged = True
            except (VaultFullError, VaultWriteError) as error:
                told[type(error)] += 1
        assert acknowledged == (not disk.failed)
        with reopen(root, random=seeded(99)) as vault:
            assert contents(vault, scratch.shares) == (CONTENTS if acknowledged else [])
            assert blobs(root) == sorted(row.id for row in vault.objects())
            assert list((root / "tmp").iterdir()) == []
            if not acknowledged:
                assert vault.outbox() == []
                assert vault.seen(vault.tag(hashlib.sha256(CONTENTS[0]).digest())) is None
                seal_all(vault)
            assert contents(vault, scratch.shares) == CONTENTS
        shutil.rmtree(root)
        if not disk.failed:
            break
    assert told[VaultWriteError] == (fail_at - 1 if number == errno.EIO else 0)
    assert told.total() == fail_at - 1 > 25


def test_after_a_failure_the_same_vault_goes_on(scratch: Scratch) -> None:
    scratch.vault.close()
    disk = FailingDisk(14, persisted=False, number=errno.ENOSPC)
    with reopen(scratch.root, random=seeded(3), disk=disk) as vault:
        with pytest.raises(VaultFullError):
            seal_all(vault)
        seal_all(vault)
        assert contents(vault, scratch.shares) == CONTENTS
        assert len(blobs(scratch.root)) == len(CONTENTS)


class DyingConnection:
    """The real connection, whose COMMIT is carried out or not, and reported as failed."""

    def __init__(self, real: sqlite3.Connection, *, persisted: bool) -> None:
        self._real = real
        self._persisted = persisted

    def execute(self, sql: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        if sql == "COMMIT":
            self._real.execute("COMMIT" if self._persisted else "ROLLBACK")
            raise sqlite3.OperationalError("disk I/O error")
        return self._real.execute(sql, values)

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


@pytest.mark.parametrize("persisted", [False, True])
def test_a_commit_of_unknown_outcome_stops_the_vault(scratch: Scratch, *, persisted: bool) -> None:
    vault = scratch.vault
    real = vault._db._connection
    vault._db._connection = DyingConnection(real, persisted=persisted)  # type: ignore[assignment]
    with pytest.raises(VaultStoppedError):
        seal_all(vault)
    vault._db._connection = real
    with pytest.raises(VaultStoppedError):
        vault.start("original")
    with pytest.raises(VaultStoppedError):
        vault.commit(Batch(leaves=[b"more"]))
    vault.close()
    with reopen(scratch.root, random=seeded(4)) as again:
        assert contents(again, scratch.shares) == (CONTENTS if persisted else [])
        assert blobs(scratch.root) == sorted(row.id for row in again.objects())
        assert len(again.repairs) == (0 if persisted else 6)


def test_a_blob_without_envelope_is_never_removed_without_reason(scratch: Scratch) -> None:
    """An older vault.db must not cost the pictures that it does not know."""
    older = scratch.root.parent / "older.db"
    scratch.vault._db._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(scratch.root / "vault.db", older)
    seal_all(scratch.vault)
    scratch.vault.close()
    shutil.copy(older, scratch.root / "vault.db")
    with reopen(scratch.root, random=seeded(5)) as vault:
        assert vault.repairs == []
        assert list(vault.objects()) == []
    assert len(blobs(scratch.root)) == 6


def test_what_a_crash_left_is_removed_and_told(scratch: Scratch) -> None:
    vault = scratch.vault
    writer = vault.start("original")
    writer.write(bytes(3_000_000))
    orphan = "ab" + "0" * 30
    vault.blob_path(orphan).write_bytes(b"published, not committed")
    (scratch.root / "tmp" / ("1" * 32 + ".batch")).write_text(f"{orphan}\nnonsense\n../../format\n")
    writer_id = writer.id
    vault.close()
    with reopen(scratch.root, random=seeded(6)) as again:
        assert sorted(again.repairs) == [f"temporary file {writer_id}", f"unfinished object {orphan}"]
    assert blobs(scratch.root) == []
    assert (scratch.root / "format").exists()


def test_a_replaced_public_key_is_named_before_anything_is_sealed_to_it(
    scratch: Scratch, tmp_path: Path
) -> None:
    other, _ = create(tmp_path / "other", random=seeded(7))
    theirs = other.epochs()[0].public_key
    other.close()
    with scratch.vault._db.transaction() as tx:
        tx.execute("UPDATE epochs SET public_key = ?", (theirs,))
    with pytest.raises(EpochReplacedError):
        scratch.vault.start("original")
    with pytest.raises(EpochReplacedError):
        scratch.vault.seal_record("event", b"{}")
    with pytest.raises(EpochReplacedError):
        scratch.vault.unlock_recovery(scratch.shares[:2])
    scratch.vault.close()
    with pytest.raises(EpochReplacedError):
        reopen(scratch.root, random=seeded(8))


def test_a_replaced_key_with_its_pin_is_found_at_unlock(scratch: Scratch, tmp_path: Path) -> None:
    """Someone who also has the device's index key can replace the pin, but not fool the master."""
    with scratch.vault.unlock_recovery(scratch.shares[:2]) as identity:
        identity.add_user_slot("ana", "one", params=CHEAP, allow_weak=True)
    other, _ = create(tmp_path / "other", random=seeded(7))
    epoch = other.epochs()[0]
    other.close()
    with scratch.vault._db.transaction() as tx:
        tx.execute("UPDATE epochs SET public_key = ?, pin = ?", (epoch.public_key, epoch.pin))
    with pytest.raises(EpochReplacedError):
        scratch.vault.unlock_recovery(scratch.shares[:2])
    with pytest.raises(EpochReplacedError):
        scratch.vault.unlock("ana", "one")
    with scratch.vault._db.transaction() as tx:
        tx.execute(
            "UPDATE epochs SET wrapped_key = ?, recovery_key = ?", (epoch.wrapped_key, epoch.recovery_key)
        )
    with pytest.raises(VaultDamagedError):
        scratch.vault.unlock_recovery(scratch.shares[:2])
    with pytest.raises(VaultDamagedError):
        scratch.vault.unlock("ana", "one")


def test_changed_slots_do_not_open(scratch: Scratch) -> None:
    vault = scratch.vault
    with vault.unlock_recovery(scratch.shares[:2]) as identity:
        identity.add_user_slot("ana", "one", params=CHEAP, allow_weak=True)
        identity.add_user_slot("ben", "two", params=CHEAP, allow_weak=True)
    slots = {slot.name_tag: slot for slot in vault.slots()}
    ana, ben = (slots[vault._index.name(name)] for name in (b"ana", b"ben"))
    changes = [
        ("wrapped_master", bytes(60)),
        ("salt", bytes(16)),
        ("params", '{"kdf":"argon2id","lanes":1,"memory_kib":128,"passes":1}'),
        ("params", '{"kdf":"argon2id","lanes":1,"memory_kib":1,"passes":1}'),
        ("params", "{}"),
        ("wrapped_master", ben.wrapped_master),
        ("name_tag", bytes(32)),
    ]
    for column, value in changes:
        with vault._db.transaction() as tx:
            tx.execute(f"UPDATE slots SET {column} = ? WHERE id = ?", (value, ana.id))
        for passphrase in ("one", "two"):
            with pytest.raises(WrongPassphraseError):
                vault.unlock("ana", passphrase)
        with vault._db.transaction() as tx:
            before = getattr(ana, column)
            tx.execute(f"UPDATE slots SET {column} = ? WHERE id = ?", (before, ana.id))
    vault.unlock("ana", "one").close()


def test_envelopes_are_bound_to_their_object(scratch: Scratch) -> None:
    seal_all(scratch.vault)
    one, two = [row.id for row in scratch.vault.objects()][:2]
    with scratch.vault.unlock_recovery(scratch.shares[:2]) as identity:
        key = identity.open_key(two)
        for change in (
            "UPDATE envelopes SET envelope = (SELECT envelope FROM envelopes WHERE id = ?2) WHERE id = ?1",
            "UPDATE objects SET kind = 'derivative' WHERE id = ?1 AND ?2 <> ''",
        ):
            with scratch.vault._db.transaction() as tx:
                tx.execute(change, (one, two))
            with pytest.raises(VaultDamagedError):
                identity.open_key(one)
        with pytest.raises(VaultDamagedError):
            list(scratch.vault.read_object(one, key))
        with pytest.raises(KioskError, match="no such object"):
            identity.open_key("0" * 32)


def test_a_database_of_another_store_is_refused(scratch: Scratch, tmp_path: Path) -> None:
    other, _ = create(tmp_path / "other", random=seeded(7))
    other.close()
    scratch.vault.close()
    shutil.copy(tmp_path / "other" / "vault.db", scratch.root / "vault.db")
    with pytest.raises(VaultFormatError, match="another store"):
        reopen(scratch.root, random=seeded(8))

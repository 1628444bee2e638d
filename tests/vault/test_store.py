"""Seal, commit, unlock, open: the vault's whole life, with real disks and real cryptography."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from pathlib import Path

import pytest

from medkiosk.vault import slots
from medkiosk.vault.batch import Batch
from medkiosk.vault.errors import (
    DisposedError,
    LockedError,
    NoSlotError,
    SlotExistsError,
    VaultBusyError,
    VaultDamagedError,
    VaultExistsError,
    VaultFormatError,
    WeakSlotError,
    WrongPassphraseError,
    WrongSharesError,
)
from medkiosk.vault.keyrows import put_slot
from medkiosk.vault.keys import Secret
from medkiosk.vault.reader import StoreReader
from medkiosk.vault.schema import SeenRow
from medkiosk.vault.slots import Argon2Params, Authenticator
from medkiosk.vault.store import Vault
from medkiosk.vault.writer import STEP, PendingObject
from tests.stores import CHEAP, ESCROW, INDEX_KEY, create, reopen, seeded
from tests.vault.conftest import Scratch

EDGES = [0, 1, 16383, 16384, 16385, STEP - 1, STEP, STEP + 1, 2 * STEP + 16384, 3_000_000]


def seal(vault: Vault, content: bytes, *, kind: str = "original", step: int = 70_001) -> PendingObject:
    writer = vault.start(kind)
    for start in range(0, len(content), step):
        writer.write(content[start : start + step])
    return writer.finish()


def test_what_was_sealed_opens(scratch: Scratch) -> None:
    vault = scratch.vault
    contents = [seeded(size)(size) for size in EDGES]
    pending = [seal(vault, content) for content in contents]
    record = vault.seal_record("event", b'{"folder":"DCIM"}')
    vault.commit(Batch(objects=pending, records=[record], leaves=[b"leaf"]))

    with vault.unlock_recovery(scratch.shares[:2]) as identity:
        for content, sealed in zip(contents, pending, strict=True):
            key = identity.open_key(sealed.id)
            assert b"".join(vault.read_object(sealed.id, key)) == content
            assert key.reveal() == sealed.data_key.reveal()
            assert sealed.plain_sha256 == hashlib.sha256(content).digest()
            blob = vault.blob_path(sealed.id).read_bytes()
            assert hashlib.sha256(blob).hexdigest() == sealed.sha256
            assert len(blob) == sealed.sealed_size
        assert [identity.open_record(row) for row in vault.records()] == [b'{"folder":"DCIM"}']
    assert [row.id for row in vault.objects()] == [sealed.id for sealed in pending]
    assert vault.outbox() == [(0, b"leaf")]


def test_a_buffer_may_be_used_again_at_once(scratch: Scratch) -> None:
    block, late = seeded(7)(STEP), threading.Event()
    writer, buffer = scratch.vault.start("original"), bytearray(block)
    for _ in range(2):  # both helpers are busy for a while, so that hashing begins late
        scratch.vault._helpers.submit(late.wait)
    threading.Timer(0.2, late.set).start()
    writer.write(memoryview(buffer))
    buffer[:] = bytes(STEP)
    sealed = writer.finish()
    assert sealed.plain_sha256 == hashlib.sha256(block).digest()
    scratch.vault.discard(sealed)


def test_nothing_is_known_before_commit(scratch: Scratch) -> None:
    pending = seal(scratch.vault, b"x" * 100)
    assert list(scratch.vault.objects()) == []
    assert not scratch.vault.blob_path(pending.id).exists()
    scratch.vault.discard(pending)
    assert list((scratch.root / "tmp").iterdir()) == []
    assert pending.data_key.wiped


def test_abort_leaves_nothing(scratch: Scratch) -> None:
    writer = scratch.vault.start("original")
    writer.write(b"y" * (3 * STEP))
    writer.abort()
    writer.abort()
    assert list((scratch.root / "tmp").iterdir()) == []
    with pytest.raises(ValueError, match="given up"):
        writer.write(b"more")


def test_writers_side_by_side(scratch: Scratch) -> None:
    contents = [seeded(n)(2 * STEP + n) for n in range(6)]
    done: dict[int, PendingObject] = {}

    def work(n: int) -> None:
        done[n] = seal(scratch.vault, contents[n])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    scratch.vault.commit(Batch(objects=[done[n] for n in range(6)]))
    with scratch.vault.unlock_recovery(scratch.shares[1:]) as identity:
        for n in range(6):
            key = identity.open_key(done[n].id)
            assert b"".join(scratch.vault.read_object(done[n].id, key)) == contents[n]


def test_store_is_private_and_holds_no_plaintext(scratch: Scratch) -> None:
    marker = b"\xff\xd8\xff\xe1Exif SMITH^JANE 943 476 5919"
    vault = scratch.vault
    photo = marker * 5000
    with vault.unlock_recovery(scratch.shares[:2]) as identity:
        identity.add_user_slot("Dr. Ana Prudent", "correct horse", params=CHEAP, allow_weak=True)
    pending = seal(vault, photo)
    vault.commit(
        Batch(
            objects=[pending],
            records=[vault.seal_record("event", marker)],
            leaves=[b'{"type":"original.sealed"}'],
            seen=[SeenRow(vault.tag(b"IMG_0001.JPG"), vault.tag(pending.plain_sha256), pending.id)],
        )
    )
    hidden = [
        marker[:16],
        b"SMITH",
        b"943 476",
        b"IMG_0001",
        b"Prudent",
        b"correct horse",
        bytes(pending.data_key.reveal()),
        pending.plain_sha256,
        INDEX_KEY,
        *(share.encode()[:24] for share in scratch.shares),
    ]
    files = [path for path in scratch.root.rglob("*") if path.is_file()]
    assert len(files) >= 5  # format, lock, vault.db with its log, a blob
    for path in files:
        content = path.read_bytes()
        assert not [secret for secret in hidden if secret in content], path
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for path in [scratch.root, *(p for p in scratch.root.rglob("*") if p.is_dir())]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o700, path


def test_seen_and_tags(scratch: Scratch) -> None:
    vault = scratch.vault
    first, second = seal(vault, b"1"), seal(vault, b"2")
    tag = vault.tag(b"camera 1", b"DCIM/IMG_0001.JPG")
    vault.commit(Batch(objects=[first], seen=[SeenRow(tag, vault.tag(b"c1"), first.id)]))
    assert vault.seen(tag) == SeenRow(tag, vault.tag(b"c1"), first.id)
    vault.commit(Batch(objects=[second], seen=[SeenRow(tag, vault.tag(b"c2"), second.id)]))
    assert vault.seen(tag) == SeenRow(tag, vault.tag(b"c2"), second.id)
    assert vault.seen(vault.tag(b"camera 1DCIM", b"/IMG_0001.JPG")) is None
    assert vault.tag(b"ab", b"c") != vault.tag(b"a", b"bc") != vault.tag(b"abc")


def test_slots(scratch: Scratch) -> None:
    vault = scratch.vault
    with vault.unlock_recovery(scratch.shares[:2]) as identity:
        identity.add_user_slot("Ana", "first", params=CHEAP, allow_weak=True)
        with pytest.raises(SlotExistsError):
            identity.add_user_slot(" ANA", "other", params=CHEAP, allow_weak=True)
        with pytest.raises(WeakSlotError):
            identity.add_user_slot("Ben", "pass", params=CHEAP)
        with pytest.raises(NoSlotError):
            identity.remove_user_slot("Ben")
    vault.unlock("\uff21na ", "first").close()  # full-width A
    with vault.unlock("ana", "first") as identity:
        identity.replace_user_slot("ana", "second\u0301", params=CHEAP, allow_weak=True)
    vault.unlock("ana", "secon\u0064\u0301").close()
    for name, passphrase in [("ana", "first"), ("nobody", "first"), ("ana", "")]:
        with pytest.raises(WrongPassphraseError) as error:
            vault.unlock(name, passphrase)
        assert error.value.message.startswith("The user name or the passphrase is wrong, or")
    with vault.unlock("ana", "second\u0301") as identity:
        identity.remove_user_slot("ANA")
    with pytest.raises(WrongPassphraseError):
        vault.unlock("ana", "second\u0301")
    assert identity.closed
    with pytest.raises(LockedError):
        identity.add_user_slot("Eve", "x", params=CHEAP, allow_weak=True)


def test_a_slot_that_takes_an_authenticator_opens_with_both_halves_alone(scratch: Scratch) -> None:
    vault, output = scratch.vault, bytes(range(32))
    held = Authenticator(b"credential", verified=False, salt=bytes(16), output=output)
    with vault.unlock_recovery(scratch.shares[:2]) as identity:
        with pytest.raises(NoSlotError):
            identity.add_authenticator("Ana", "first", held, params=CHEAP, allow_weak=True)
        identity.add_user_slot("Ana", "first", params=CHEAP, allow_weak=True)
        [old] = [slot for slot in vault.slots() if slot.kind == "passphrase"]
        for bad in (held._replace(output=b"short"), held._replace(salt=b""), held._replace(credential=b"")):
            with pytest.raises(ValueError, match="wrong length"):
                identity.add_authenticator("Ana", "first", bad, params=CHEAP, allow_weak=True)
        with pytest.raises(WeakSlotError):
            identity.add_authenticator("Ana", "first", held, params=CHEAP)
        identity.add_authenticator("ana", "first", held, params=CHEAP, allow_weak=True)
        assert sorted(slot.kind for slot in vault.slots()) == ["fido2", "recovery"]
        with pytest.raises(SlotExistsError):
            identity.add_user_slot("Ana", "other", params=CHEAP, allow_weak=True)
        vault.unlock("ANA", "first", output).close()

        def nothing_else_opens() -> None:
            for passphrase, said in (("first", b""), ("first", bytes(32)), ("second", output), ("", b"")):
                with pytest.raises(WrongPassphraseError):
                    vault.unlock("ana", passphrase, said)

        nothing_else_opens()
        with scratch.vault._db.transaction() as tx:  # whoever writes to the disk puts the old row back
            put_slot(tx, old)
        nothing_else_opens()
        assert identity.has_authenticator("ana")
        assert vault.challenge("ana").credential == b"credential"
        identity.replace_user_slot("ana", "third", params=CHEAP, allow_weak=True)
        assert sorted(slot.kind for slot in vault.slots()) == ["passphrase", "recovery"]
        vault.unlock("ana", "third").close()
        assert vault.challenge("ana").credential != b"credential"


def test_recovery_words(scratch: Scratch, tmp_path: Path) -> None:
    vault = scratch.vault
    one, two, three = scratch.shares
    for pair in ([one, two], [three, one], [two.upper() + " ", three], [one, two, three]):
        vault.unlock_recovery(pair).close()
    wrong = " ".join([*two.split()[:-1], "academic"])
    for bad in ([], [one], [one, one], [one, wrong], [one, "these are no words"]):
        with pytest.raises(WrongSharesError):
            vault.unlock_recovery(bad)
    other, others = create(tmp_path / "other", random=seeded(2))
    with other, pytest.raises(WrongSharesError, match="another store"):
        vault.unlock_recovery(others[:2])
    with vault.unlock_recovery([one, two]) as identity:
        fresh = identity.replace_recovery(ESCROW)
    vault.unlock_recovery(fresh[1:]).close()
    with pytest.raises(WrongSharesError):
        vault.unlock_recovery([one, two])


def test_one_writer_many_readers(scratch: Scratch) -> None:
    with pytest.raises(VaultBusyError):
        reopen(scratch.root, random=os.urandom)
    pending = seal(scratch.vault, b"shared")
    scratch.vault.commit(Batch(objects=[pending]))
    with StoreReader.open_for_reading(scratch.root) as reader:
        with reader.unlock_recovery(scratch.shares[:2]) as opener:
            key = opener.open_key(pending.id)
        assert b"".join(reader.read_object(pending.id, key)) == b"shared"
    scratch.vault.close()
    with reopen(scratch.root, random=os.urandom) as again:
        assert again.repairs == []
        assert [row.id for row in again.objects()] == [pending.id]


def test_read_only_copy_opens(scratch: Scratch) -> None:
    pending = seal(scratch.vault, b"copied")
    scratch.vault.commit(Batch(objects=[pending]))
    scratch.vault.close()
    assert not (scratch.root / "vault.db-wal").exists()
    scratch.root.chmod(0o500)
    try:
        with StoreReader.open_for_reading(scratch.root) as reader:
            assert [row.id for row in reader.objects()] == [pending.id]
    finally:
        scratch.root.chmod(0o700)


def test_what_is_not_a_store_is_refused(tmp_path: Path, scratch: Scratch) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(VaultExistsError):
        create(tmp_path / "full", random=os.urandom)
    with pytest.raises(VaultFormatError):
        reopen(tmp_path / "full", random=os.urandom)
    scratch.vault.close()
    (scratch.root / "format").write_text("medkiosk-store v3\n")
    with pytest.raises(VaultFormatError, match="v3"):
        StoreReader.open_for_reading(scratch.root)


def test_damaged_object_names_itself_and_yields_nothing_unverified(scratch: Scratch) -> None:
    vault = scratch.vault
    content = seeded(9)(3_000_000)
    pending = seal(vault, content)
    vault.commit(Batch(objects=[pending]))
    path = vault.blob_path(pending.id)
    whole = path.read_bytes()
    path.chmod(0o600)
    for damaged in (
        whole[:-1],
        b"",
        whole + b"x",
        bytes([whole[0] ^ 1]) + whole[1:],
        whole[:2_000_000] + bytes([whole[2_000_000] ^ 0x80]) + whole[2_000_001:],
        whole[:-1] + bytes([whole[-1] ^ 1]),
    ):
        path.write_bytes(damaged)
        got: list[bytes] = []
        with pytest.raises(VaultDamagedError) as error:
            got.extend(vault.read_object(pending.id, pending.data_key))
        assert pending.id in error.value.message
        assert content.startswith(b"".join(got))
    path.unlink()
    with pytest.raises(VaultDamagedError):
        list(vault.read_object(pending.id, pending.data_key))


def test_disposed_object_says_so(scratch: Scratch) -> None:
    vault = scratch.vault
    pending = seal(vault, b"gone")
    vault.commit(Batch(objects=[pending]))
    with vault._db.transaction() as tx:
        tx.execute("DELETE FROM envelopes")
    with vault.unlock_recovery(scratch.shares[:2]) as identity, pytest.raises(DisposedError):
        identity.open_key(pending.id)
    assert [row.epoch for row in vault.objects()] == [None]


def test_bad_arguments_are_refused(scratch: Scratch) -> None:
    with pytest.raises(ValueError, match="kind"):
        scratch.vault.start("Not A Kind")
    with pytest.raises(ValueError, match="record holds"):
        scratch.vault.seal_record("event", bytes(256 * 1024 + 1))
    with pytest.raises(ValueError, match="32 bytes"):
        reopen(scratch.root, index_key=b"short", random=os.urandom)
    with pytest.raises(ValueError, match="bounds"):
        Argon2Params(memory_kib=1 << 40)
    assert list((scratch.root / "tmp").iterdir()) == []


def test_what_a_new_slot_costs_to_try() -> None:
    assert Argon2Params(memory_kib=256 * 1024, passes=3, lanes=4) == slots.COST
    assert Argon2Params(memory_kib=64 * 1024, passes=3, lanes=1) == slots.FLOOR
    slot = slots.passphrase_slot(Secret(bytes(32)), bytes(32), "correct horse", random=os.urandom)
    assert slots.params_of(slot) == slots.COST


def test_secrets_do_not_show(scratch: Scratch) -> None:
    import copy
    import pickle

    pending = seal(scratch.vault, b"x")
    shown = repr(pending) + repr(pending.data_key) + str(pending.data_key)
    assert bytes(pending.data_key.reveal()).hex() not in shown
    assert repr(pending.data_key) == "DataKey(hidden)"
    with pytest.raises(TypeError):
        pickle.dumps(pending.data_key)
    with pytest.raises(TypeError):
        copy.deepcopy(pending.data_key)
    buffer = pending.data_key.reveal()
    pending.data_key.wipe()
    assert not any(buffer)
    with pytest.raises(ValueError, match="wiped"):
        pending.data_key.reveal()

"""Every kind of damage is found and named; an undamaged store has none."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from medkiosk.ledger import merkle, tiles
from medkiosk.ledger.errors import CheckpointError
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.offline.report import SENTENCES
from medkiosk.offline.verify import verify
from medkiosk.vault.batch import Batch
from tests.offline.conftest import ORIGIN, SEED, Store, leaf
from tests.stores import create, reopen, seeded


def found(store: Store, vkey: str | None = "given", *, quick: bool = False) -> list[tuple[str, str]]:
    report = verify(store.root, store.vkey if vkey == "given" else vkey, quick=quick)
    for problem in report.problems:
        assert problem.code in SENTENCES
        assert "{" not in problem.sentence
    return [(problem.code, problem.subject) for problem in report.problems]


def flip(path: Path, at: int = -1) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_an_undamaged_store(store: Store) -> None:
    seen: list[tuple[int, int]] = []
    report = verify(store.root, store.vkey, progress=lambda done, total: seen.append((done, total)))
    assert report.ok
    assert (report.origin, report.signature) == (ORIGIN, "verified")
    assert (report.objects, report.records, report.ledger_size, report.pending) == (8, 4, 9, 0)
    assert report.notes == ()
    assert seen[-1] == (report.bytes, report.bytes)
    assert len(seen) == 8
    own = verify(store.root)
    assert own.ok
    assert own.signature == "own key only"
    assert len(own.notes) == 1
    quick = verify(store.root, store.vkey, quick=True)
    assert quick.ok
    assert quick.bytes == 0


def test_verifying_changes_nothing(store: Store) -> None:
    def contents() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in store.root.rglob("*") if path.is_file()}

    before = contents()
    verify(store.root, store.vkey)
    assert contents() == before


def test_blobs(store: Store) -> None:
    one, two, three, four = store.originals
    flip(store.blob(one), 50_000)
    store.blob(two).write_bytes(store.blob(two).read_bytes()[:-1])
    store.blob(three).unlink()
    kept = store.blob(four).read_bytes()
    other = store.blob(store.others[0])
    store.blob(four).write_bytes(other.read_bytes())
    assert set(found(store)) == {
        ("object.blob_changed", one),
        ("object.blob_size", two),
        ("object.blob_missing", three),
        ("object.blob_size", four),
    }
    store.blob(four).write_bytes(kept)
    (store.root / "objects" / "00" / ("0" * 32)).write_bytes(b"smuggled")
    assert ("blob.unlogged", f"objects/00/{'0' * 32}") in found(store)


def test_swapped_blobs_are_told_from_changed_ones(tmp_path: Path) -> None:
    root = tmp_path / "store"
    vault, _ = create(root, random=seeded(6))
    log = Log.create(root / "ledger", Signer(ORIGIN, SEED))
    sealed = []
    for content in (b"a" * 999, b"b" * 999):
        writer = vault.start("original")
        writer.write(content)
        sealed.append(writer.finish())
    vault.commit(Batch(objects=sealed, leaves=[leaf("x", 1, objects=tuple(one.ref for one in sealed))]))
    log.append_once(vault.outbox())
    vault.outbox_done(0)
    one, two = (vault.blob_path(pending.id) for pending in sealed)
    vault.close()
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    report = verify(root)
    assert [(p.code, p.subject) for p in report.problems] == [
        ("object.blob_swapped", sealed[0].id),
        ("object.blob_swapped", sealed[1].id),
    ]
    assert sealed[1].id in report.problems[0].sentence


def test_rows(store: Store) -> None:
    one, two, three, four = store.originals
    store.sql("DELETE FROM envelopes WHERE id = ?", one)
    store.sql("UPDATE envelopes SET envelope = zeroblob(1168) WHERE id = ?", two)
    store.sql("UPDATE objects SET commitment = zeroblob(32), size = 7 WHERE id = ?", three)
    store.sql("DELETE FROM envelopes WHERE id = ?", four)
    store.sql("DELETE FROM objects WHERE id = ?", four)
    assert set(found(store)) == {
        ("object.envelope_missing", one),
        ("row.damaged", f"envelopes/{two}"),
        ("object.envelope_changed", two),
        ("row.damaged", f"objects/{three}"),
        ("object.facts", three),
        ("object.row_missing", four),
    }


def test_records_and_slots(store: Store) -> None:
    store.sql("UPDATE records SET sealed = zeroblob(600) WHERE seq = 1")
    store.sql("DELETE FROM records WHERE seq = 2")
    store.sql("DELETE FROM slots")
    codes = [code for code, _ in found(store)]
    assert sorted(codes) == ["record.changed", "record.row_missing", "row.damaged", "slot.no_recovery"]


def test_what_no_entry_names(store: Store) -> None:
    store.sql(
        "INSERT INTO objects SELECT 99, ?, kind, size, sealed_size, sha256, commitment, digest"
        " FROM objects WHERE seq = 1",
        "f" * 32,
    )
    assert ("object.unlogged", "f" * 32) in found(store)


def test_the_database_is_gone_or_rubbish(store: Store) -> None:
    (store.root / "vault.db").write_bytes(b"rubbish" * 1000)
    assert found(store) == [("store.unreadable", "")]
    (store.root / "vault.db").unlink()
    store.blob(next(iter(store.originals))).unlink()
    assert {code for code, _ in found(store)} == {"store.unreadable", "object.blob_missing"}


def test_a_changed_entry(store: Store) -> None:
    bundle = store.root / "ledger/tile/entries/000.p/9"
    entries = tiles.unpack(bundle.read_bytes())
    entries[3] = entries[3].replace(b'"kiosk"', b'"kiask"')
    bundle.write_bytes(b"".join(map(tiles.pack, entries)))
    problems = found(store)
    assert ("ledger.entry_changed", "3") in problems
    # The tile made to fit: now nothing leads to the head.
    tile = store.root / "ledger/tile/0/000.p/9"
    tile.write_bytes(b"".join(map(merkle.leaf_hash, entries)))
    assert "ledger.tree" in [code for code, _ in found(store)]


def test_removed_reordered_and_truncated_entries(store: Store) -> None:
    bundle = store.root / "ledger/tile/entries/000.p/9"
    tile = store.root / "ledger/tile/0/000.p/9"
    whole = bundle.read_bytes()
    entries = tiles.unpack(whole)
    for changed, code, subject in (
        (entries[:8], "ledger.truncated", "8"),
        ([*entries[:4], *entries[5:]], "ledger.removed", "4"),
        ([*entries[:2], entries[3], entries[2], *entries[4:]], "ledger.reordered", "2 to 3"),
        ([*entries, b"{}"], "ledger.entry_added", "0 to 8"),
        ([*entries[:5], b"{}", *entries[6:]], "ledger.entry_changed", "5"),
    ):
        bundle.write_bytes(b"".join(map(tiles.pack, changed)))
        assert [(c, s) for c, s in found(store) if c.startswith("ledger.")] == [(code, subject)]
        hashes = tile.read_bytes()
        tile.write_bytes(b"".join(map(merkle.leaf_hash, changed)))
        codes = {code for code, _ in found(store)}
        assert "ledger.tree" in codes
        tile.write_bytes(hashes)
    bundle.write_bytes(whole[:-1])
    assert ("ledger.truncated", "8") in found(store)
    bundle.unlink()
    assert ("ledger.unreadable", "0 to 8") in found(store)
    bundle.write_bytes(whole)
    flip(tile)
    assert found(store) == [("ledger.tile_damaged", "tile/0/000.p/9")]


def test_the_place_of_a_change_in_a_long_ledger(tmp_path: Path) -> None:
    root = tmp_path / "store"
    vault, _ = create(root, random=seeded(7))
    log = Log.create(root / "ledger", Signer(ORIGIN, SEED))
    vault.commit(Batch(leaves=[leaf("x", n % 60) for n in range(600)]))
    log.append_once(vault.outbox())
    vault.outbox_done(599)
    vault.close()
    store = Store(root, Signer(ORIGIN, SEED).vkey, [], {}, [])
    assert found(store) == []
    bundle = root / "ledger/tile/entries/001"
    entries = tiles.unpack(bundle.read_bytes())
    entries[10], entries[20] = entries[20], entries[10]
    bundle.write_bytes(b"".join(map(tiles.pack, entries)))
    assert found(store) == [("ledger.reordered", "266 to 276")]
    (root / "ledger/tile/0/001").write_bytes(b"".join(map(merkle.leaf_hash, entries)))
    report = verify(root)
    assert [p.code for p in report.problems] == ["ledger.tree"]
    assert "among 256 to 511" in report.problems[0].sentence
    (root / "ledger/tile/0/001").unlink()
    bundle.unlink()
    assert ("ledger.unreadable", "256 to 511") in found(store)


def test_checkpoints(store: Store) -> None:
    path = store.root / "ledger/checkpoint"
    good = path.read_bytes()
    forged = Signer(ORIGIN, bytes(32))
    forged.begin()
    for bad, code in [
        (good.replace(b"\n9\n", b"\n8\n"), "ledger.signature"),
        (good.replace(b"\n9\n", b"\n999999999999999\n"), "ledger.signature"),
        (forged.extend(9, Log.open(store.root / "ledger").root, []), "ledger.signature"),
        (good[:-1], "ledger.no_checkpoint"),
        (b"", "ledger.no_checkpoint"),
    ]:
        path.write_bytes(bad)
        assert code in [code for code, _ in found(store)]
    path.unlink()
    assert ("ledger.no_checkpoint", "") in found(store)
    path.write_bytes(good)
    (store.root / "ledger/vkey").unlink()
    assert found(store) == [("ledger.vkey", "")]
    assert found(store, None) == [("ledger.signature", "")]
    with pytest.raises(CheckpointError):
        verify(store.root, "not a key")


def test_rolled_back_halves(store: Store, tmp_path: Path) -> None:
    older = tmp_path / "older"
    shutil.copytree(store.root, older)
    with reopen(store.root, random=os.urandom) as vault:
        vault.commit(Batch(leaves=[leaf("x", 1), leaf("y", 2)]))
        Log.open(store.root / "ledger", Signer(ORIGIN, SEED)).append_once(vault.outbox())
        vault.outbox_done(10)
    assert found(store) == []
    newer_db = (store.root / "vault.db").read_bytes()
    shutil.copy(older / "vault.db", store.root / "vault.db")
    assert found(store) == [("store.rolled_back", "")]
    (store.root / "vault.db").write_bytes(newer_db)
    shutil.rmtree(store.root / "ledger")
    shutil.copytree(older / "ledger", store.root / "ledger")
    assert found(store) == [("ledger.rolled_back", "")]


def test_pending_entries_are_no_damage(store: Store) -> None:
    with reopen(store.root, random=os.urandom) as vault:
        writer = vault.start("original")
        writer.write(b"late")
        sealed = writer.finish()
        vault.commit(Batch(objects=[sealed], leaves=[leaf("late", 5, objects=(sealed.ref,))]))
        report = verify(store.root, store.vkey)
        assert report.ok
        assert (report.pending, report.objects) == (1, 9)
        # Appended, and the crash came before it was acknowledged.
        Log.open(store.root / "ledger", Signer(ORIGIN, SEED)).append_once(vault.outbox())
        assert verify(store.root, store.vkey).ok
    store.blob(sealed.id).unlink()
    assert found(store) == [("object.blob_missing", sealed.id)]


def test_an_unfinished_import_is_no_damage(store: Store) -> None:
    orphan = "ab" + "0" * 30
    store.blob(orphan).write_bytes(b"half")
    assert found(store) == [("blob.unlogged", f"objects/ab/{orphan}")]
    (store.root / "tmp" / ("1" * 32 + ".batch")).write_text(f"{orphan}\n")
    report = verify(store.root, store.vkey)
    assert report.ok
    assert any(orphan in note for note in report.notes)


def test_beside_a_running_kiosk(store: Store) -> None:
    with reopen(store.root, random=os.urandom) as vault:
        writer = vault.start("original")
        writer.write(b"x" * 2_000_000)
        assert found(store) == []
        pending = writer.finish()
        vault.commit(Batch(objects=[pending], leaves=[leaf("late", 5, objects=(pending.ref,))]))
        assert found(store) == []


@pytest.mark.parametrize("seed", range(60))
def test_random_damage_is_always_found(store: Store, seed: int) -> None:
    """Flip a bit, cut, or swap, anywhere in the files that hold something."""
    import random

    dice = random.Random(seed)
    files = [
        path
        for path in sorted(store.root.rglob("*"))
        if path.is_file() and path.stat().st_size and path.name not in ("lock", "vkey", "vault.db")
    ]
    path = dice.choice(files)
    data = bytearray(path.read_bytes())
    how = dice.choice(["flip", "cut", "swap", "append", "remove"])
    if how == "flip":
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    elif how == "cut":
        del data[dice.randrange(len(data)) :]
    elif how == "swap":
        other = dice.choice([one for one in files if one.read_bytes() != bytes(data)])
        data[:] = other.read_bytes()
    elif how == "append":
        data += b"\0"
    path.write_bytes(data) if how != "remove" else path.unlink()
    assert found(store), f"{how} {path}"


@pytest.mark.parametrize("seed", range(40))
def test_random_bits_in_the_database(store: Store, seed: int) -> None:
    """A flipped bit that matters is found; one in unused space changes nothing that can be read."""
    import random

    dice = random.Random(seed)
    path = store.root / "vault.db"
    data = bytearray(path.read_bytes())
    clean = dump(store.root)
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    path.write_bytes(data)
    problems = found(store)
    assert problems or dump(store.root) == clean


def dump(root: Path) -> list[str]:
    import sqlite3

    connection = sqlite3.connect(f"file:{root / 'vault.db'}?mode=ro&immutable=1", uri=True)
    try:
        return list(connection.iterdump())
    except sqlite3.Error:
        return ["unreadable"]
    finally:
        connection.close()

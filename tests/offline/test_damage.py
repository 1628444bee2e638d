"""Damage anywhere is found, and each kind of it is named for what it is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from medkiosk.ledger import tiles
from medkiosk.ledger.sign import Signer
from medkiosk.offline.verify import verify
from medkiosk.vault.schema import row_digest
from tests.offline import damage
from tests.offline.conftest import ORIGIN, SEED, Store

COUNT = 300
MOST_NOWHERE = 0.1
BUNDLE, FULL = "ledger/tile/entries/001.p", "ledger/tile/entries/000"


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return damage.build(tmp_path_factory.mktemp("rich") / "store")


@pytest.fixture
def copy(rich: Store, tmp_path: Path) -> Store:
    shutil.copytree(rich.root, tmp_path / "store")
    return rich._replace(root=tmp_path / "store")


def test_damage_anywhere_is_found_or_is_where_nothing_is(copy: Store) -> None:
    done = damage.run(copy, COUNT, seed=2026)
    nowhere = [one for one in done if not one.codes]
    # Only the database has room that holds nothing; of a blob, a bundle or a tile every bit counts.
    assert {one.path for one in nowhere} <= {"vault.db", "ledger/vkey"}
    assert len(nowhere) <= MOST_NOWHERE * COUNT
    assert {one.how for one in done} == {"flip", "cut", "swap"}


def _bundle(store: Store) -> Path:
    return store.root / FULL


def _entries(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Store], None]:
    def damaged(store: Store) -> None:
        entries = change(tiles.unpack(_bundle(store).read_bytes()))
        _bundle(store).write_bytes(b"".join(map(tiles.pack, entries)))

    return damaged


def _cut(store: Store) -> None:
    data = _bundle(store).read_bytes()
    _bundle(store).write_bytes(data[: len(data) // 2])


def _swap_blobs(store: Store) -> None:
    one, two = (store.blob(id_) for id_ in list(store.originals)[1:3])
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)


def _same_size(store: Store) -> None:
    one = store.blob(list(store.originals)[1])
    one.write_bytes(bytes(one.stat().st_size))


def _forged(store: Store) -> None:
    forger = Signer(ORIGIN, bytes(32))
    forger.begin()
    path = store.root / "ledger/checkpoint"
    head = path.read_bytes().split(b"\n")
    path.write_bytes(forger.extend(int(head[1]), damage_root(store), []))


def damage_root(store: Store) -> bytes:
    from medkiosk.ledger import checkpoint

    return checkpoint.parse((store.root / "ledger/checkpoint").read_bytes())[0].root


def _own_key(store: Store) -> None:
    (store.root / "ledger/vkey").write_text(Signer(ORIGIN, bytes(32)).vkey + "\n")


def _two_ways(store: Store) -> None:
    for number, kind in enumerate(("fido2", "passphrase")):
        row = (f"{number:032x}", kind, bytes(32), "{}", bytes(16), bytes(60))
        store.sql("INSERT INTO slots VALUES (?, ?, ?, ?, ?, ?, ?)", *row, row_digest("slots", *row))


# What was done -> what the verifier must say, and nothing else must it say.
NAMED: dict[str, tuple[Callable[[Store], object], set[str]]] = {
    "entry removed": (_entries(lambda e: e[:20] + e[21:]), {"ledger.removed"}),
    "entries reordered": (_entries(lambda e: [*e[:20], e[21], e[20], *e[22:]]), {"ledger.reordered"}),
    "entry changed": (
        _entries(lambda e: [*e[:20], e[20].replace(b"filler", b"killer"), *e[21:]]),
        {"ledger.entry_changed"},
    ),
    "entry added": (_entries(lambda e: [*e[:20], b"{}", *e[20:]]), {"ledger.entry_added"}),
    "bundle cut off": (_cut, {"ledger.truncated"}),
    "bundle gone": (lambda s: _bundle(s).unlink(), {"ledger.unreadable"}),
    "tile gone": (lambda s: (s.root / "ledger/tile/0/000").unlink(), {"ledger.tile_damaged"}),
    "upper tile gone": (lambda s: (s.root / "ledger/tile/1/000.p/1").unlink(), {"ledger.tile_damaged"}),
    "checkpoint forged": (_forged, {"ledger.signature"}),
    "checkpoint gone": (lambda s: (s.root / "ledger/checkpoint").unlink(), {"ledger.no_checkpoint"}),
    "key file replaced": (_own_key, {"ledger.vkey"}),
    "blobs swapped": (_swap_blobs, {"object.blob_size"}),
    "blob zeroed": (_same_size, {"object.blob_changed"}),
    "blob gone": (lambda s: s.blob(s.others[1]).unlink(), {"object.blob_missing"}),
    "blob added": (lambda s: (s.root / "objects/00" / ("0" * 32)).write_bytes(b"x"), {"blob.unlogged"}),
    "slot gone": (lambda s: s.sql("DELETE FROM slots WHERE kind = 'recovery'"), {"slot.no_recovery"}),
    "slot put back": (_two_ways, {"slot.two_ways"}),
    "escrow gone": (lambda s: s.sql("DELETE FROM escrow WHERE name = 'index'"), {"escrow.missing"}),
    "seen changed": (
        lambda s: s.sql("UPDATE seen SET group_id = ? WHERE rowid = 1", "f" * 32),
        {"row.damaged"},
    ),
    "slot changed": (lambda s: s.sql("UPDATE slots SET salt = zeroblob(16)"), {"row.damaged"}),
    "header changed": (lambda s: _header(s), {"store.corrupt"}),
    "table changed": (lambda s: s.sql("ALTER TABLE seen ADD COLUMN more TEXT"), {"store.corrupt"}),
    "generation": (lambda s: s.sql("UPDATE state SET generation = 1"), {"store.state"}),
}


def _header(store: Store) -> None:
    path = store.root / "vault.db"
    data = bytearray(path.read_bytes())
    data[18] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("what", NAMED)
def test_each_kind_of_damage_has_its_name(copy: Store, what: str) -> None:
    damaging, expected = NAMED[what]
    damaging(copy)
    report = verify(copy.root, copy.vkey)
    codes = {problem.code for problem in report.problems}
    assert codes == expected, report.problems


def test_everything_at_once_is_told_apart(copy: Store) -> None:
    """One damaged tile does not hide which entry of another bundle was changed."""
    (copy.root / "ledger/tile/0/001.p").rename(copy.root / "gone")
    _entries(lambda e: [*e[:20], b"{}", *e[21:]])(copy)
    report = verify(copy.root, copy.vkey)
    codes = [(p.code, p.subject) for p in report.problems if p.code.startswith("ledger.")]
    assert ("ledger.entry_changed", "20") in codes
    assert not any(code == "ledger.tree" for code, _ in codes)


def test_the_whole_store_rolled_back_is_not_seen_without_a_witness(copy: Store, rich: Store) -> None:
    # What docs/format.md section 9 says: for this, compare the checkpoint with one kept elsewhere.
    assert verify(copy.root, copy.vkey).ledger_root == verify(rich.root, rich.vkey).ledger_root
    assert Signer(ORIGIN, SEED).vkey == copy.vkey

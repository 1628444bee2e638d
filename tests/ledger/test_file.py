"""The log on disk: growth over tile borders, reopening, damage, interrupted appends."""

from __future__ import annotations

from pathlib import Path

import pytest

from medkiosk.ledger import merkle, proof, tiles
from medkiosk.ledger.errors import (
    CheckpointError,
    LedgerDamagedError,
    LedgerExistsError,
    LedgerRolledBackError,
    LedgerWriteError,
)
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from tests.disk import FailingDisk
from tests.ledger.test_checkpoint import ORIGIN, SEED
from tests.ledger.test_merkle import naive_root


def signer() -> Signer:
    return Signer(ORIGIN, SEED)


def leaf(n: int) -> bytes:
    return b"entry %d " % n + b"." * (n % 7)


def check(log: Log, leaves: list[bytes], *, every: int = 1) -> None:
    """Everything that can be asked of a log of these leaves."""
    assert log.size == len(leaves)
    assert log.root == naive_root(leaves)
    assert list(log.entries()) == leaves
    for index in range(0, len(leaves), every):
        assert log.entry(index) == leaves[index]
        assert proof.verify(log.proof(index), leaves[index], signer().key)[0] == index


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_grows_over_tile_borders(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    log = Log.create(folder, signer())
    leaves: list[bytes] = []
    for step in (0, 1, 1, 253, 1, 1, 254, 600, 7):
        before, old_root = len(leaves), log.root
        fresh = [leaf(before + i) for i in range(step)]
        assert log.append(fresh) == range(before, before + step)
        leaves += fresh
        check(log, leaves, every=37)
        if before:
            merkle.verify_consistency(before, old_root, log.size, log.root, log.consistency(before))
        log = Log.open(folder, signer())
        check(log, leaves, every=97)
    assert files(folder) == {
        "checkpoint", "vkey",
        "tile/0/000", "tile/0/001", "tile/0/002", "tile/0/003", "tile/0/004.p/94", "tile/1/000.p/4",
        "tile/entries/000", "tile/entries/001", "tile/entries/002", "tile/entries/003",
        "tile/entries/004.p/94",
    }  # fmt: skip


def test_level_two_tiles(tmp_path: Path) -> None:
    count = 65_536 + 3
    leaves = [b"%d" % n for n in range(count)]
    log = Log.create(tmp_path / "ledger", signer())
    log.append(leaves[:65_000])
    old = log.root
    log.append(leaves[65_000:])
    merkle.verify_consistency(65_000, old, count, log.root, log.consistency(65_000))
    log = Log.open(tmp_path / "ledger", signer())
    for index in (0, 255, 256, 40_000, 65_535, 65_536, count - 1):
        assert proof.verify(log.proof(index), leaves[index], signer().key)[0] == index
    assert {"tile/1/000", "tile/2/000.p/1"} <= files(tmp_path / "ledger")


def test_paths_are_those_of_the_specification() -> None:
    assert tiles.tile_path(0, 1234067, 256) == "tile/0/x001/x234/067"
    assert tiles.tile_path("entries", 5, 8) == "tile/entries/005.p/8"
    assert list(tiles.levels(70_000)) == [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    assert list(tiles.levels(256)) == [(0, 1, 0), (1, 0, 1)]


def test_create_and_open_refuse(tmp_path: Path) -> None:
    Log.create(tmp_path / "ledger", signer())
    with pytest.raises(LedgerExistsError):
        Log.create(tmp_path / "ledger", signer())
    with pytest.raises(CheckpointError):
        Log.open(tmp_path / "ledger", Signer(ORIGIN, bytes(32)))
    with pytest.raises(LedgerDamagedError):
        Log.open(tmp_path, signer())
    reader = Log.open(tmp_path / "ledger")
    with pytest.raises(ValueError, match="reading"):
        reader.append([b"x"])
    log = Log.open(tmp_path / "ledger", signer())
    for bad in (b"", bytes(65_536)):
        with pytest.raises(ValueError, match="an entry has"):
            log.append([b"fine", bad])
    assert log.size == 0


def test_append_once(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    log = Log.create(folder, signer())
    outbox = [(n, leaf(n)) for n in range(5)]
    assert log.append_once(outbox[:3]) == [0, 1, 2]
    assert log.append_once(outbox) == [0, 1, 2, 3, 4]
    assert Log.open(folder, signer()).append_once(outbox[2:]) == [2, 3, 4]
    check(log, [leaf(n) for n in range(5)])
    same = [(5, leaf(4)), (6, leaf(4))]  # two equal entries are two entries
    assert log.append_once(same) == [5, 6]
    assert log.append_once([]) == []
    for wrong in ([(6, b"other")], [(9, b"later")], [(7, b"a"), (9, b"b")]):
        with pytest.raises(LedgerRolledBackError):
            log.append_once(wrong)
    assert log.size == 7


@pytest.mark.parametrize("name", ["checkpoint", "tile/0/001.p/44", "tile/entries/001.p/44", "tile/1/000.p/1"])
def test_damage_at_the_edge_is_found_when_opening(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "ledger"
    Log.create(folder, signer()).append([leaf(n) for n in range(300)])
    path = folder / name
    whole = path.read_bytes()
    for damaged in (None, b"", whole[:-1], whole + b"\0", bytes([whole[0] ^ 1]) + whole[1:]):
        path.unlink() if damaged is None else path.write_bytes(damaged)
        with pytest.raises((LedgerDamagedError, CheckpointError)):
            Log.open(folder, signer())


def test_damage_in_a_full_tile_is_found_when_read(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    Log.create(folder, signer()).append([leaf(n) for n in range(300)])
    bundle = bytearray((folder / "tile/entries/000").read_bytes())
    bundle[40] ^= 1
    (folder / "tile/entries/000").write_bytes(bundle)
    log = Log.open(folder, signer())
    with pytest.raises(LedgerDamagedError, match="entry 3 "):
        log.entry(3)
    tile = bytearray((folder / "tile/0/000").read_bytes())
    tile[32 * 9] ^= 1
    (folder / "tile/0/000").write_bytes(tile)
    (folder / "tile/entries/000").write_bytes(b"".join(tiles.pack(leaf(n)) for n in range(256)))
    log = Log.open(folder, signer())
    with pytest.raises(LedgerDamagedError, match="entry 9 "):
        log.proof(200)


@pytest.mark.parametrize("persisted", [False, True])
@pytest.mark.parametrize("start", [250, 255])
def test_every_write_fails_twice(tmp_path: Path, start: int, *, persisted: bool) -> None:
    """After each failure the log opens again, and the same entries end up in it exactly once."""
    fail_at = 0
    while True:
        fail_at += 1
        folder = tmp_path / f"ledger{fail_at}"
        Log.create(folder, signer()).append([leaf(n) for n in range(start)])
        disk = FailingDisk(fail_at, persisted=persisted)
        log = Log.open(folder, signer(), disk=disk)
        outbox = [(n, leaf(n)) for n in range(start, start + 3)]
        try:
            log.append_once(outbox)
        except LedgerWriteError:
            with pytest.raises(LedgerWriteError):
                log.append_once(outbox)
        again = Log.open(folder, signer())
        assert again.size in (start, start + 3)
        again.append_once(outbox)
        check(Log.open(folder, signer()), [leaf(n) for n in range(start + 3)], every=50)
        if not disk.failed:
            break
    assert fail_at > 4

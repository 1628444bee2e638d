"""Repair puts back exactly what was damaged, and says what it could not."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path

import pytest

from medkiosk.cli.__main__ import main
from medkiosk.offline.mend import mend
from medkiosk.offline.verify import verify
from tests.offline import damage
from tests.offline.conftest import Store


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return damage.build(tmp_path_factory.mktemp("rich") / "store")


@pytest.fixture
def copy(rich: Store, tmp_path: Path) -> Store:
    shutil.copytree(rich.root, tmp_path / "store")
    return rich._replace(root=tmp_path / "store")


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_hash_files_are_made_from_the_entries(copy: Store) -> None:
    before = contents(copy.root)
    (copy.root / "ledger/tile/0/000").write_bytes(bytes(256 * 32))
    shutil.rmtree(copy.root / "ledger/tile/1")
    mended = mend(copy.root, copy.vkey)
    assert sorted(one.subject for one in mended.repaired) == ["tile/0/000", "tile/1/000.p/1"]
    assert mended.not_repaired == ()
    assert mended.report.ok
    assert contents(copy.root) == before


def test_everything_else_comes_from_a_drive(copy: Store, rich: Store, tmp_path: Path) -> None:
    before = contents(copy.root)
    one, two = list(copy.originals)[1:3]
    copy.blob(one).write_bytes(bytes(copy.blob(one).stat().st_size))
    copy.blob(two).unlink()
    (copy.root / "ledger/tile/entries/000").write_bytes(b"")
    (copy.root / "ledger/tile/1/000.p/1").unlink()
    without = mend(copy.root, copy.vkey)
    assert [one.code for one in without.repaired] == ["ledger.tile_damaged"]
    assert {one.code for one in without.not_repaired} == {
        "object.blob_changed",
        "object.blob_missing",
        "ledger.truncated",
    }
    assert all("--repair-from" in one.reason for one in without.not_repaired)
    drive = tmp_path / "drive"
    shutil.copytree(rich.root, drive / "store")
    mended = mend(copy.root, copy.vkey, drive)
    assert len(mended.repaired) == 3
    assert mended.report.ok
    assert contents(copy.root) == before


def test_a_drive_that_is_damaged_in_the_same_place_repairs_nothing(copy: Store, rich: Store) -> None:
    one = list(copy.originals)[1]
    copy.blob(one).unlink()
    drive = rich._replace(root=copy.root.with_name("drive"))
    shutil.copytree(rich.root, drive.root)
    drive.blob(one).write_bytes(b"something else")
    mended = mend(copy.root, copy.vkey, drive.root)
    assert [one.code for one in mended.not_repaired] == ["object.blob_missing"]
    assert [problem.code for problem in mended.report.problems] == ["object.blob_missing"]
    assert not copy.blob(one).exists()


def test_nothing_is_repaired_under_a_running_kiosk(copy: Store) -> None:
    (copy.root / "ledger/tile/1/000.p/1").unlink()
    fd = os.open(copy.root / "lock", os.O_RDWR)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        mended = mend(copy.root, copy.vkey)
    finally:
        os.close(fd)
    assert mended.repaired == ()
    assert "stop medkioskd" in mended.not_repaired[0].reason


def test_the_command(copy: Store, capsys: pytest.CaptureFixture[str]) -> None:
    (copy.root / "ledger/tile/1/000.p/1").unlink()
    assert main(["verify", str(copy.root), "--ledger-key", copy.vkey]) == 3
    assert "kioskctl verify --repair" in capsys.readouterr().out
    assert main(["verify", str(copy.root), "--ledger-key", copy.vkey, "--repair", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["repaired"][0]["subject"] == "tile/1/000.p/1"
    assert said["report"]["problems"] == []
    assert verify(copy.root, copy.vkey).ok

"""A run that ends at any durable call leaves a store on the drive, and the next run completes it.

Each call of `medkiosk.durable` fails: nothing happened, or it happened and was reported as failed. The
kernel's own calls, with kill -9, ENOSPC and EIO, are in `tests.vault.test_every_call`.
"""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from medkiosk import durable
from medkiosk.core.errors import KioskError
from medkiosk.offline.verify import verify
from tests.backup.kiosk import Scratch
from tests.disk import FailingDisk
from tests.vault.crash_worker import PER_BATCH


class FailingDrive(FailingDisk):
    """Names can be exchanged on it, and removing can fail."""

    def exchange(self, new: Path, final: Path) -> None:
        failing = self.step()
        if not failing or self._persisted:
            durable.exchange(new, final)
        if failing:
            raise self.error()

    def remove(self, path: Path) -> None:
        failing = self.step()
        if not failing or self._persisted:
            durable.remove(path)
        if failing:
            raise self.error()


class Template:
    """A kiosk with a drive that has a first run behind it (or none), and more to copy and to remove."""

    def __init__(self, root: Path, *, first: bool) -> None:
        self.root = root
        scratch = Scratch(root)
        if not first:
            scratch.back_up()
        scratch.seal()
        self.gone = scratch.dispose(2)
        self.scratch = scratch

    def fresh(self, at: Path) -> Scratch:
        """Another copy of both."""
        for name in ("store", "store-device", "drive"):
            shutil.rmtree(at / name, ignore_errors=True)
            shutil.copytree(self.root / name, at / name)
        scratch = object.__new__(Scratch)
        scratch.store, scratch.path, scratch.shares = at / "store", at / "drive", self.scratch.shares
        return scratch


@pytest.fixture(scope="module", params=[False, True], ids=["next", "first"])
def template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Template:
    return Template(tmp_path_factory.mktemp("template"), first=request.param)


def check_interrupted(scratch: Scratch) -> None:
    """Whatever is there is a store, once it is one."""
    assert verify(scratch.store).problems == ()
    copy = scratch.path / "store"
    if (copy / "format").exists():
        assert verify(copy).problems == ()


def check_complete(template: Template, scratch: Scratch) -> None:
    copy = scratch.path / "store"
    assert verify(copy).problems == ()
    assert (copy / "ledger/checkpoint").read_bytes() == (scratch.store / "ledger/checkpoint").read_bytes()
    names = [
        sorted(path.name for path in (store / "objects").rglob("*") if path.is_file())
        for store in (scratch.store, copy)
    ]
    assert names[0] == names[1]
    assert len(names[1]) == 2 * PER_BATCH - len(template.gone)
    assert not any((copy / "tmp").iterdir())


@pytest.mark.timeout(600)  # a hundred runs
@pytest.mark.parametrize("persisted", [False, True], ids=["nothing", "persisted"])
def test_every_durable_call_fails_once(template: Template, tmp_path: Path, persisted: bool) -> None:
    for number in range(1, 1000):
        scratch = template.fresh(tmp_path)
        disk = FailingDrive(number, persisted=persisted, number=errno.EIO if number % 2 else errno.ENOSPC)
        if not fails(scratch, disk):
            break
        check_interrupted(scratch)
        scratch.back_up()
        check_complete(template, scratch)
    assert number > 40


def fails(scratch: Scratch, disk: FailingDrive) -> bool:
    """Whether a run on this disk ends with an error; one that is not told of is none."""
    try:
        scratch.back_up(disk)
    except KioskError as error:
        return error.code.startswith("backup.")
    return disk.failed

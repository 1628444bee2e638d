"""A run that ends at any durable call leaves a store on the drive, and the next run completes it.

In this process each call of `medkiosk.durable` fails, in two ways: nothing happened, or it happened and was
reported as failed. In a process of its own, the kernel's calls: kill -9, ENOSPC, EIO.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from medkiosk import durable
from medkiosk.core.errors import KioskError
from medkiosk.offline.verify import verify
from tests.backup.kiosk import Scratch
from tests.disk import FailingDisk
from tests.test_durable import strace_works
from tests.vault.crash_worker import PER_BATCH

CHECKOUT = Path(__file__).resolve().parents[2]
needs_strace = pytest.mark.skipif(not strace_works(), reason="strace cannot trace here")


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


def injected(scratch: Scratch, injection: str) -> int:
    """Make a run under strace; return its exit status."""
    strace = ["strace", "-f", "--seccomp-bpf", "-qq", "-o", os.devnull, "-e", f"inject={injection}"]
    return subprocess.run(
        [*strace, sys.executable, "-m", "tests.backup.kiosk", str(scratch.store), str(scratch.path)],
        cwd=CHECKOUT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    ).returncode


# About how often each call is made, opening the vault included; what is past the end kills nothing.
CALLS = {"syncfs": 4, "renameat2": 7, "fsync": 20, "rename": 2, "unlink": 25, "pwrite64": 60, "write": 30}
KILLS = [(call, n) for call, count in CALLS.items() for n in range(1, count + 2, -(-count // 3))]


@needs_strace
@pytest.mark.parametrize(("call", "n"), KILLS)
def test_killed(template: Template, tmp_path: Path, call: str, n: int) -> None:
    scratch = template.fresh(tmp_path)
    code = injected(scratch, f"{call}:signal=KILL:when={n}")
    assert code in (0, 128 + signal.SIGKILL, -signal.SIGKILL)
    check_interrupted(scratch)
    scratch.back_up()
    check_complete(template, scratch)


@needs_strace
@pytest.mark.parametrize(
    "injection",
    [
        "syncfs:error=EIO:when=1",
        "syncfs:error=EIO:when=2",
        "renameat2:error=ENOSPC:when=2",
        "renameat2:error=EIO:when=5",
        "fsync:error=EIO:when=3",
        "fsync:error=EIO:when=9",
        "rename:error=EROFS:when=1",
        "pwrite64:error=ENOSPC:when=30",
        "pwrite64:error=EIO:when=45",
        "write:error=ENOSPC:when=6",
    ],
)
def test_failing(template: Template, tmp_path: Path, injection: str) -> None:
    scratch = template.fresh(tmp_path)
    assert injected(scratch, injection) in (0, 1)
    check_interrupted(scratch)
    scratch.back_up()
    check_complete(template, scratch)

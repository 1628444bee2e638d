"""Every durable system call of sealing, of a change of keys, of a disposal and of a backup, in a process.

The kernel asks before each write, sync, rename and removal (`tests.virtual.inject`), and at one of them the
process is killed, or told that the disk failed or is full, or the call is made and reported as failed. After
each: what was acknowledged is there, what stays opens, what goes is gone in the end, and the verifier, which
has no keys, accepts the store. Some of the calls are tried in each run; ``MEDKIOSK_SWEEP=all`` (``make
sweep``) tries all of them, ``MEDKIOSK_SWEEP=7`` every seventh.
"""

from __future__ import annotations

import errno
import functools
import os
import re
import shutil
import signal
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.backup import test_crash as backups
from tests.backup.kiosk import run_once
from tests.retention import crash_checks as disposing
from tests.retention import crash_worker as disposals
from tests.vault import crash_worker as batches
from tests.vault import key_checks as keys
from tests.vault import seal_checks as sealing
from tests.vault.key_worker import CHANGES, change
from tests.virtual.inject import Injector, confess, works

pytestmark = pytest.mark.skipif(not works(), reason="the kernel does not ask here")

MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Stores of 257 folders are copied often here, and no crash of this test reaches a device."""
SWEEP = os.environ.get("MEDKIOSK_SWEEP", "")
_TRIED = 2
"""Calls of each kind of fault that are tried where nobody asks for more."""


class Fault(NamedTuple):
    """What happens at a call; ``error`` 0 kills."""

    error: int
    done: bool = False


FAULTS = {
    "killed": Fault(0),
    "EIO": Fault(errno.EIO),
    "ENOSPC": Fault(errno.ENOSPC),
    "done and reported as failed": Fault(errno.EIO, done=True),
}


class Left(NamedTuple):
    """What a process left behind.

    Attributes:
        code: its exit code, minus the signal that killed it.
        made: its durable calls, as ``name path``.
        struck: whether it came to the chosen one. A failed call need not be an error: a log of the database
            that is emptied later is none.
        said: what it wrote on standard output.
    """

    code: int
    made: list[str]
    struck: bool
    said: list[str]

    @property
    def calls(self) -> int:
        """How many durable calls it made."""
        return len(self.made)


def process(folder: Path, work: Callable[[], object], *, at: int = 0, fault: Fault = FAULTS["EIO"]) -> Left:
    """Fork a process that works on ``folder`` and is struck at its ``at``-th durable call; 0 for none."""
    reading, writing = os.pipe()
    with Injector(folder, at=at, error=fault.error, done=fault.done) as injector:
        if not (pid := os.fork()):
            code = 1
            try:
                os.dup2(writing, 1)
                quiet = os.open(os.devnull, os.O_WRONLY)
                os.dup2(quiet, 2)
                confess(str(injector.path))
                work()
                os.write(1, b"done\n")
                code = 0
            finally:
                os._exit(code)
        os.close(writing)
        with os.fdopen(reading) as said:
            lines = said.read().splitlines()
        _, status = os.waitpid(pid, 0)
    return Left(os.waitstatus_to_exitcode(status), list(injector.made), injector.struck, lines)


class Subject(ABC):
    """Something that is done to a store, and what must be true wherever it was cut short.

    Args:
        folder: an empty one, for what every attempt begins with.
    """

    @abstractmethod
    def __init__(self, folder: Path) -> None: ...

    @abstractmethod
    def attempt(self, folder: Path, at: int, fault: Fault) -> Left:
        """Do it to a copy in ``folder``, struck at one call, and check what is left."""


class Key(Subject):
    """One change of keys: a person's slot, the recovery sheets, another epoch, another machine."""

    def __init__(self, folder: Path, what: str) -> None:
        self._what = what
        self._template = keys.Template(folder / "kiosk")

    def attempt(self, folder: Path, at: int, fault: Fault) -> Left:
        root = folder / "kiosk"
        shutil.copytree(self._template.folder, root)
        shares = self._template.shares
        left = process(root, lambda: change(root, self._what, shares[:2]), at=at, fault=fault)
        keys.CHECKS[self._what](keys.Outcome(root, shares, left.said))
        return left


class Sealing(Subject):
    """Two batches of pictures, with records and ledger entries."""

    def __init__(self, folder: Path) -> None:
        self._template = sealing.Template(folder / "store")

    def attempt(self, folder: Path, at: int, fault: Fault) -> Left:
        root, shares = folder / "store", self._template.shares
        shutil.copytree(self._template.root, root)
        left = process(folder, lambda: batches.run(root, 2), at=at, fault=fault)
        acknowledged = [line for line in left.said if line != "done"]
        assert left.code != 0 or len(acknowledged) == 2 * batches.PER_BATCH
        sealing.check(root, shares, acknowledged)
        batches.run(root, 1)  # and life goes on
        sealing.check(root, shares, acknowledged)
        return left


class Disposal(Subject):
    """One picture of many is disposed of."""

    def __init__(self, folder: Path) -> None:
        self._template = disposing.make(folder / "store")

    def attempt(self, folder: Path, at: int, fault: Fault) -> Left:
        root = disposing.copied(self._template, folder / "store")
        left = process(folder, lambda: disposals.run(root), at=at, fault=fault)
        disposing.check_between(root, finished=left.code == 0)
        disposals.run(root)
        disposing.check(root, self._template, folder / "copy")
        return left


class Backup(Subject):
    """A run to a drive, with new pictures to copy and disposed ones to remove."""

    def __init__(self, folder: Path, *, first: bool) -> None:
        self._template = backups.Template(folder, first=first)

    def attempt(self, folder: Path, at: int, fault: Fault) -> Left:
        scratch = self._template.fresh(folder)
        left = process(folder, lambda: run_once(scratch.store, scratch.path), at=at, fault=fault)
        backups.check_interrupted(scratch)
        scratch.back_up()
        backups.check_complete(self._template, scratch)
        return left


SUBJECTS: dict[str, Callable[[Path], Subject]] = {
    **{what: functools.partial(Key, what=what) for what in CHANGES},
    "seal": Sealing,
    "disposal": Disposal,
    "first backup": functools.partial(Backup, first=True),
    "next backup": functools.partial(Backup, first=False),
}


class Counted(NamedTuple):
    """A subject, and how many durable calls it makes when nothing happens."""

    subject: Subject
    calls: int


@pytest.fixture
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="medkiosk-calls-", dir=MEMORY) as folder:
        yield Path(folder)


@pytest.fixture(scope="module", params=sorted(SUBJECTS))
def counted(request: pytest.FixtureRequest) -> Iterator[Counted]:
    with tempfile.TemporaryDirectory(prefix="medkiosk-calls-", dir=MEMORY) as folder:
        template, once = Path(folder) / "template", Path(folder) / "once"
        template.mkdir()
        once.mkdir()
        subject = SUBJECTS[request.param](template)
        whole = subject.attempt(once, 0, FAULTS["EIO"])
        assert whole.code == 0
        assert whole.calls > 10
        yield Counted(subject, whole.calls)


def tried(calls: int, number: int) -> range:
    """Which calls; another beginning for each fault, so that together they see more of them."""
    if SWEEP:
        return range(1, calls + 1, 1 if SWEEP == "all" else int(SWEEP))
    step = -(-calls // _TRIED)
    return range(1 + number * step // len(FAULTS), calls + 1, step)


@pytest.mark.timeout(7200 if SWEEP else 300)
@pytest.mark.parametrize("fault", FAULTS)
def test_cut_short_at_every_call(counted: Counted, scratch: Path, fault: str) -> None:
    struck = 0
    for at in tried(counted.calls, list(FAULTS).index(fault)):
        folder = scratch / f"{at}"
        folder.mkdir()
        left = counted.subject.attempt(folder, at, FAULTS[fault])
        struck += left.struck
        assert FAULTS[fault].error or left.code == (-signal.SIGKILL if left.struck else 0)
        shutil.rmtree(folder)
    assert struck >= 1


def test_a_backup_whose_database_lacks_its_last_words_is_not_complete(scratch: Path) -> None:
    """SQLite raises nothing where it cannot write that a database has a log: it answers another mode."""
    template, once = scratch / "template", scratch / "once"
    template.mkdir()
    once.mkdir()
    subject = Backup(template, first=True)
    made = subject.attempt(once, 0, FAULTS["EIO"]).made
    at = max(n for n, call in enumerate(made, 1) if re.fullmatch(r"pwrite64 .*/tmp/vault\.db", call))
    struck = scratch / "struck"
    struck.mkdir()
    assert subject.attempt(struck, at, FAULTS["EIO"]).code != 0

"""Kill -9 and I/O errors at every durable system call of commit and ledger, in a real process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from medkiosk.ledger import entry
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.offline.verify import verify
from tests.stores import create, reopen
from tests.test_durable import strace_works
from tests.vault.crash_worker import ORIGIN, PER_BATCH, SEED, content, recover, run

pytestmark = pytest.mark.skipif(not strace_works(), reason="strace cannot trace here")

CHECKOUT = Path(__file__).resolve().parents[2]


class Template:
    def __init__(self, root: Path) -> None:
        vault, self.shares = create(root, random=os.urandom)
        vault.close()
        Log.create(root / "ledger", Signer(ORIGIN, SEED))
        run(root, 1)
        self.root = root


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return Template(tmp_path_factory.mktemp("template") / "store")


def injected(root: Path, injection: str) -> tuple[int, list[str]]:
    """Commit two batches under strace; return the exit status and the ids that were acknowledged."""
    strace = ["strace", "-f", "--seccomp-bpf", "-qq", "-o", os.devnull, "-e", f"inject={injection}"]
    done = subprocess.run(
        [*strace, sys.executable, "-m", "tests.vault.crash_worker", str(root), "2"],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.split()


def check(root: Path, shares: list[str], acknowledged: list[str]) -> None:
    """Reopen: all that was acknowledged is there, nothing is half there, each file is there once."""
    with reopen(root, random=os.urandom) as vault:
        log = Log.open(root / "ledger", Signer(ORIGIN, SEED))
        recover(vault, log)
        rows = [row.id for row in vault.objects()]
        assert set(acknowledged) <= set(rows)
        assert len(rows) % PER_BATCH == 0
        logged = [ref.id for data in log.entries() for ref in entry.decode(data).objects]
        assert logged == rows
        with vault.unlock_recovery(shares[:2]) as identity:
            opened = [b"".join(vault.read_object(id_, identity.open_key(id_))) for id_ in rows]
            records = [identity.open_record(row) for row in vault.records()]
        assert records == [b"{}"] * log.size
        assert opened == [content(number) for number in range(len(rows))]
        assert sorted(path.name for path in (root / "objects").rglob("*") if path.is_file()) == sorted(rows)
    report = verify(root)
    assert report.problems == ()
    assert report.pending == 0


def test_without_a_crash(template: Template, tmp_path: Path) -> None:
    shutil.copytree(template.root, tmp_path / "store")
    code, acknowledged = injected(tmp_path / "store", "syncfs:error=EIO:when=99")
    assert (code, len(acknowledged)) == (0, 2 * PER_BATCH)
    check(tmp_path / "store", template.shares, acknowledged)


# About how often each call is made in two batches; what is past the end kills nothing.
CALLS = {"syncfs": 4, "renameat2": 10, "fsync": 12, "rename": 2, "fdatasync": 8, "unlink": 12, "pwrite64": 80}
KILLS = [(call, n) for call, count in CALLS.items() for n in range(1, count + 2, -(-count // 3))]


@pytest.mark.parametrize(("call", "n"), KILLS)
def test_killed(template: Template, tmp_path: Path, call: str, n: int) -> None:
    root = tmp_path / "store"
    shutil.copytree(template.root, root)
    code, acknowledged = injected(root, f"{call}:signal=KILL:when={n}")
    if code == 0:
        assert len(acknowledged) == 2 * PER_BATCH
    else:
        assert code in (128 + signal.SIGKILL, -signal.SIGKILL)
    check(root, template.shares, acknowledged)
    # And life goes on: what was lost is imported again, what was not is not.
    run(root, 1)
    check(root, template.shares, acknowledged)


@pytest.mark.parametrize(
    "injection",
    [
        "syncfs:error=EIO:when=1",
        "syncfs:error=EIO:when=4",
        "renameat2:error=ENOSPC:when=3",
        "fsync:error=EIO:when=2",
        "rename:error=EROFS:when=1",
        "fdatasync:error=EIO:when=1",
        "fdatasync:error=EIO:when=3",
        "pwrite64:error=ENOSPC:when=2",
        "write:error=ENOSPC:when=4",
    ],
)
def test_failing(template: Template, tmp_path: Path, injection: str) -> None:
    root = tmp_path / "store"
    shutil.copytree(template.root, root)
    code, acknowledged = injected(root, injection)
    assert code == 1
    check(root, template.shares, acknowledged)

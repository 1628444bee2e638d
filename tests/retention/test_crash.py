"""Kill -9 and I/O errors at every durable system call of a disposal, in a real process.

After each: what stays opens, what goes is gone in the end, the ledger agrees, and a copy made before opens
nothing. A part of the calls is tried in each run; ``MEDKIOSK_SWEEP=all`` (``make sweep``) tries all.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from medkiosk.core.errors import KioskError
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.offline.verify import verify
from medkiosk.vault.errors import DisposedError
from tests.retention.crash_worker import PASSPHRASE, USER, run
from tests.stores import CHEAP, create, device, reopen
from tests.test_durable import strace_works
from tests.vault import crash_worker as batches
from tests.vault.crash_worker import ORIGIN, SEED, content

pytestmark = pytest.mark.skipif(not strace_works(), reason="strace cannot trace here")

CHECKOUT = Path(__file__).resolve().parents[2]
CALLS = {
    "fsync": 24,
    "fdatasync": 30,
    "rename": 6,
    "unlink": 12,
    "pwrite64": 150,
    "ftruncate": 4,
    "write": 12,
}
"""More often than each call is made in a disposal; what is past the end breaks nothing."""
STEP = 1 if os.environ.get("MEDKIOSK_SWEEP") == "all" else 0
FAULTS = ("signal=KILL", "error=EIO", "error=ENOSPC")
SWEEP = [
    (f"{call}:{fault}:when={n}", number)
    for number, fault in enumerate(FAULTS)
    for call, count in CALLS.items()
    for n in range(1 + (0 if STEP else number), count + 1, STEP or -(-count // (1 if number else 2)))
]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("template") / "store"
    vault, shares = create(root, random=os.urandom)
    with vault.unlock_recovery(shares) as identity:
        identity.add_user_slot(USER, PASSPHRASE, params=CHEAP, allow_weak=True)
    vault.close()
    Log.create(root / "ledger", Signer(ORIGIN, SEED))
    batches.run(root, 2)
    return root


def copied(template: Path, root: Path) -> Path:
    shutil.copytree(template, root)
    shutil.copytree(device(template).folder, device(root).folder)
    return root


def injected(root: Path, injection: str) -> int:
    strace = ["strace", "-f", "--seccomp-bpf", "-qq", "-o", os.devnull, "-e", f"inject={injection}"]
    done = subprocess.run(
        [*strace, sys.executable, "-m", "tests.retention.crash_worker", str(root)],
        cwd=CHECKOUT,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode


def opens(root: Path) -> list[bytes]:
    """What somebody with a passphrase can open now."""
    found = []
    with reopen(root, random=os.urandom) as vault, vault.unlock(USER, PASSPHRASE) as identity:
        for row in vault.objects():
            try:
                found.append(b"".join(vault.read_object(row.id, identity.open_key(row.id))))
            except DisposedError:
                found.append(b"")
    return found


def check(root: Path, template: Path, copy: Path) -> None:
    """It is done, and rightly."""
    count = 2 * batches.PER_BATCH
    assert opens(root) == [b"", *(content(number) for number in range(1, count))]
    assert len(list((root / "objects").rglob("??????*"))) == count - 1
    assert verify(root).problems == ()
    assert len(device(root).generations()) == 1
    # The disk of before, in the machine of now.
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(template, copy)
    shutil.copytree(device(root).folder, device(copy).folder, dirs_exist_ok=True)
    with reopen(copy, random=os.urandom) as vault, pytest.raises(KioskError):
        vault.unlock(USER, PASSPHRASE)


@pytest.mark.parametrize(("injection", "number"), SWEEP)
def test_a_disposal_that_is_cut_short_is_completed(
    template: Path, tmp_path: Path, injection: str, number: int
) -> None:
    root = copied(template, tmp_path / "store")
    code = injected(root, injection)
    # In between, nothing that stays is lost.
    between = opens(root)
    whole = [content(n) for n in range(2 * batches.PER_BATCH)]
    assert between[1:] == whole[1:]
    assert between[0] in (b"", whole[0])
    if code == 0:
        assert between[0] == b""
    run(root)
    check(root, template, tmp_path / "copy")

"""What the daemon's memory holds while somebody is logged in, and after: looked at through /proc.

The needles are computed from the store with the passphrase, in this process.
"""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from medkiosk import configfile, keyfiles
from medkiosk.daemon.hardening import MALLOC
from medkiosk.devicesecret import FileSecrets
from medkiosk.ipc.client import Client
from medkiosk.ipc.wire import RemoteError
from medkiosk.vault.envelope import Name
from medkiosk.vault.store import Vault
from tests.kiosk import ADMIN, CHECKOUT, PASSPHRASE, ScratchKiosk

NEXT = "tulips beneath granite ladders"
WRONG = "marmalade under frozen bridges"
SETTINGS = "[access]\nidle_lock_s = 600.0"
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can look into the memory of a process that is not dumpable"
)


def found(pid: int, needles: Mapping[str, bytes]) -> set[str]:
    """Names of the needles that stand anywhere in a process's memory."""
    names = set()
    with Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            where, access, *rest = line.split()
            if "r" not in access or rest[-1].startswith(("[vvar", "[vsyscall")):
                continue
            start, end = (int(side, 16) for side in where.split("-"))
            try:
                memory.seek(start)
                data = memory.read(end - start)
            except OSError:
                continue  # unmapped meanwhile
            names |= {name for name, needle in needles.items() if needle in data}
    return names


def keys_of(kiosk: ScratchKiosk) -> dict[str, bytes]:
    """The master, the parts of the epoch's secret, and the data key of a record."""
    config = configfile.load(kiosk.config)
    vault = Vault.open(
        kiosk.store,
        index_key=keyfiles.load(Path(config.store.keys)).index,
        device=FileSecrets(Path(config.store.device_folder)),
        random=os.urandom,
        clock=lambda: datetime.now(UTC),
    )
    with closing(vault), closing(vault.unlock(ADMIN, PASSPHRASE)) as identity:
        record = next(iter(vault.records()))
        name = Name("record", record.id, record.kind)
        epoch = bytes(identity.epoch_keys(1)._secret.reveal())
        return {
            "master": bytes(identity._master.reveal()),
            "ML-KEM seed": epoch[:32],
            "ML-KEM z": epoch[32:64],
            "X25519": epoch[64:96],
            "moving key": epoch[96:],
            "data key": bytes(identity.open_envelope(name, record.epoch, record.envelope).reveal()),
        }


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchKiosk]:
    made = ScratchKiosk(tmp_path_factory.mktemp("memory") / "k", settings=SETTINGS, cheap=False)
    made.init()
    yield made
    made.close()


@pytest.fixture(scope="module")
def needles(kiosk: ScratchKiosk) -> dict[str, bytes]:
    made = keys_of(kiosk) | {
        "passphrase": PASSPHRASE.encode(),
        "next": NEXT.encode(),
        "wrong": WRONG.encode(),
    }
    kiosk.start()
    return made


HELD = {"master", "ML-KEM seed", "ML-KEM z", "X25519", "moving key"}


def logged_out(client: Client) -> None:
    client.logout()


def locked(client: Client) -> None:
    client.lock()


def hung_up(client: Client) -> None:
    client.close()


@pytest.mark.parametrize("end", [logged_out, locked, hung_up])
def test_nothing_is_left_in_memory_when_nobody_is_logged_in(
    kiosk: ScratchKiosk, needles: dict[str, bytes], end: Callable[[Client], None]
) -> None:
    assert found(kiosk.pid, needles) == set()
    with kiosk.client() as client:
        client.login(ADMIN, PASSPHRASE)
        client.list_accounts()
        assert found(kiosk.pid, needles) >= HELD, "the looking itself works"
        end(client)
        deadline = time.monotonic() + 10
        while kiosk.status().unlocked and time.monotonic() < deadline:
            time.sleep(0.05)
        # The connection is still there: a client that stays must not keep its passphrase in the daemon.
        assert found(kiosk.pid, needles) == set()


def test_passphrases_that_were_typed_are_not_left_either(
    kiosk: ScratchKiosk, needles: dict[str, bytes]
) -> None:
    with kiosk.client() as client:
        with pytest.raises(RemoteError):
            client.login(ADMIN, WRONG)
        client.login(ADMIN, PASSPHRASE)
        client.change_passphrase(PASSPHRASE, NEXT)
        client.change_passphrase(NEXT, PASSPHRASE)
        with pytest.raises(RemoteError, match="too easy"):
            client.change_passphrase(PASSPHRASE, "marmalade")
        client.logout()
        assert found(kiosk.pid, needles) == set()


def test_the_daemon_cannot_be_dumped_swapped_or_read_by_its_own_user(
    kiosk: ScratchKiosk, needles: dict[str, bytes]
) -> None:
    status = Path(f"/proc/{kiosk.pid}/status").read_text()
    limits = Path(f"/proc/{kiosk.pid}/limits").read_text()
    assert "Max core file size        0                    0" in limits
    swap_is_off = len(Path("/proc/swaps").read_text().splitlines()) == 1
    _, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    locked_kib = int(status.split("VmLck:")[1].split()[0])
    assert swap_is_off or (locked_kib > 0) == (hard == resource.RLIM_INFINITY)
    with kiosk.client() as client:
        client.login(ADMIN, PASSPHRASE)
        before = set(Path.cwd().glob("core*")) | set(kiosk.root.rglob("core*"))
        assert kiosk.signal(signal.SIGABRT) == -signal.SIGABRT
        after = set(Path.cwd().glob("core*")) | set(kiosk.root.rglob("core*"))
    assert after == before


def test_the_daemon_starts_itself_again_with_an_allocator_that_overwrites(tmp_path: Path) -> None:
    kiosk = ScratchKiosk(tmp_path / "k", cheap=False)
    kiosk.init()
    try:
        kiosk.start(prefix=("env", "-u", "GLIBC_TUNABLES"))
        first = MALLOC.partition(":")[0]
        assert f"\0GLIBC_TUNABLES={first}".encode() in Path(f"/proc/{kiosk.pid}/environ").read_bytes()
    finally:
        kiosk.close()
    unit = (CHECKOUT / "systemd" / "medkioskd.service").read_text()
    assert f"\nEnvironment=GLIBC_TUNABLES={MALLOC}\n" in unit


CHILD = """
import ctypes, os, sys, time
from medkiosk.daemon.hardening import harden
"".encode("ascii")  # another user may not read the interpreter's library
os.setuid(65534)
for hardened in (False, True):
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # as after an exec: setuid(2) has just taken it away
    ready, told = os.pipe()
    child = os.fork()
    if not child:
        if hardened:
            harden()
        os.write(told, b"x")
        time.sleep(60)
    os.close(told)
    os.read(ready, 1)
    try:
        os.close(os.open(f"/proc/{child}/mem", os.O_RDONLY))
        print("open")
    except PermissionError:
        print("refused")
    os.kill(child, 9)
    os.waitpid(child, 0)
"""


def test_the_same_user_cannot_read_a_hardened_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=CHECKOUT,
    )
    assert done.stdout.split() == ["open", "refused"], done.stderr


ABORTS = """
import hashlib, os, resource, sys
if sys.argv[1] == "hardened":
    from medkiosk.daemon.hardening import harden
    harden()
secret = hashlib.sha256(b"core").digest() * 64  # nowhere on the command line or in this text
os.chdir(sys.argv[2])
os.abort()
"""


def aborted(how: str, folder: Path) -> list[Path]:
    """Let a process that holds a secret abort; return the new files that hold it."""
    folder.mkdir()
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    done = subprocess.run(
        [sys.executable, "-c", ABORTS, how, str(folder)],
        check=False,
        timeout=60,
        cwd=CHECKOUT,
        capture_output=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (hard, hard)),
    )
    assert done.returncode == -signal.SIGABRT, done.stderr
    secret = hashlib.sha256(b"core").digest() * 2
    holding = [path for path in folder.rglob("*") if path.is_file() and secret in path.read_bytes()]
    for path in holding:
        path.unlink()  # a core of an interpreter is large
    return holding


def test_an_aborted_daemon_leaves_no_core_with_its_secrets(tmp_path: Path) -> None:
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern.startswith("|") or "/" in pattern:
        pytest.skip(f"this kernel writes cores elsewhere than into the working folder: {pattern}")
    if not aborted("plain", tmp_path / "plain"):
        pytest.skip("this kernel, or its limits, write no core for any process: nothing can be shown here")
    assert aborted("hardened", tmp_path / "hardened") == []
    assert list((tmp_path / "hardened").iterdir()) == []

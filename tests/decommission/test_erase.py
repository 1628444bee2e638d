"""Nothing opens a disk after the end of its kiosk: a real LUKS2 disk in a file, a TPM in software."""

from __future__ import annotations

import dataclasses
import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import msgspec
import pytest

from medkiosk.decommission.erase import ERASE, OFF, Outcome, Places, erase, serve
from medkiosk.devicetpm import TpmSecrets
from medkiosk.setup.errors import StepFailedError
from tests.setup.scratch import Scratch, tools_are_here

needs_tools = pytest.mark.skipif(
    not tools_are_here(), reason="no systemd 257 here (image-build/image.sh tools), or no swtpm, or not root"
)
needs_cryptsetup = pytest.mark.skipif(shutil.which("cryptsetup") is None, reason="no cryptsetup here")


def disk_with(path: Path, *passphrases: str) -> Path:
    """A LUKS2 disk of 20 MiB with a slot for each."""
    with path.open("wb") as file:
        file.truncate(20 << 20)
    quick = ("--batch-mode", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")
    first, *others = passphrases
    run = ("cryptsetup", *quick, "--type", "luks2", "luksFormat", str(path), "-")
    subprocess.run(run, input=first.encode(), check=True, capture_output=True)
    for other in others:
        subprocess.run(
            ["cryptsetup", *quick, "luksAddKey", str(path)],
            input=f"{first}\n{other}".encode(),
            check=True,
            capture_output=True,
        )
    return path


def opens(disk: Path, passphrase: str) -> bool:
    run = ["cryptsetup", "open", "--test-passphrase", "--key-file", "-", str(disk)]
    return subprocess.run(run, input=passphrase.encode(), capture_output=True, check=False).returncode == 0


def firmware(root: Path) -> tuple[Path, Path]:
    """Where a request to the firmware goes, and where a TPM would be; never this machine's."""
    return root / "request", root / "tpm"


def places(root: Path) -> Places:
    for name in ("keys", "sealed"):
        (root / name).mkdir()
        (root / name / "one.key").write_bytes(os.urandom(32))
    return Places(root / "disk", (root / "keys", root / "sealed"), *firmware(root))


@needs_tools
def test_neither_tpm_nor_recovery_key_opens_it_afterwards(scratch: Scratch) -> None:
    with scratch.with_tpm_and_disk():
        key = scratch.sealing().recovery_key()
        assert scratch.opens_disk(key)
        secrets = TpmSecrets(scratch.places.tpm)
        secrets.put(1, bytes(32))
        there = Places(scratch.places.disk, (), scratch.root / "request", scratch.places.tpm)
        outcome = erase(there, cryptsetup=["cryptsetup"])
        assert (outcome.erased, outcome.header, outcome.remembers) == (True, True, False)
        assert secrets.generations() == []
        assert not scratch.opens_disk(key)
        with pytest.raises(StepFailedError):
            scratch.sealing().recovery_key()  # which the TPM would have opened it for


@needs_cryptsetup
def test_every_slot_the_header_and_the_keys_are_gone(tmp_path: Path) -> None:
    disk = disk_with(tmp_path / "disk", "one", "two")
    there = places(tmp_path)
    header = disk.read_bytes()[: 16 << 20]
    assert any(header[0x8000:])  # where the slots are
    assert opens(disk, "one")
    outcome = erase(there, cryptsetup=["cryptsetup"])
    assert outcome == Outcome(erased=True, header=True, keys=2, discarded=False, tpm=True)
    assert not opens(disk, "one")
    assert not opens(disk, "two")
    assert not any(disk.read_bytes()[: 16 << 20])
    assert (tmp_path / "request").read_text() == "5"
    # A header that somebody has kept does open it: docs/install.md says so.
    with disk.open("r+b") as file:
        file.write(header)
    assert opens(disk, "one")


@needs_cryptsetup
def test_what_is_no_such_disk_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(b"something else" * 1000)
    there = places(tmp_path)
    outcome = erase(there, cryptsetup=["cryptsetup"])
    assert not outcome.erased
    assert outcome.detail
    assert (tmp_path / "disk").read_bytes() == b"something else" * 1000
    assert len(list((tmp_path / "keys").iterdir())) == 1


@needs_cryptsetup
def test_the_header_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    there = Places(disk_with(tmp_path / "disk", "one"), (tmp_path / "none",), *firmware(tmp_path / "no"))
    outcome = erase(there, cryptsetup=["cryptsetup"])
    assert (outcome.erased, outcome.keys, outcome.tpm) == (True, 0, False)


@needs_cryptsetup
@pytest.mark.parametrize("answer", [b"", b"\x80\x01\0\0\0\x0c\0\0\0\0??"])
def test_a_tpm_that_does_not_forget_is_said_and_stops_nothing(tmp_path: Path, answer: bytes) -> None:
    there = dataclasses.replace(places(tmp_path), disk=disk_with(tmp_path / "disk", "one"))
    with socket.socket(socket.AF_UNIX) as tpm:
        tpm.bind(str(there.memory))
        tpm.listen()

        def speak() -> None:
            line, _ = tpm.accept()
            with line:
                line.recv(4096)
                line.sendall(answer)

        thread = threading.Thread(target=speak)
        thread.start()
        outcome = erase(there, cryptsetup=["cryptsetup"])
        thread.join(10)
    assert (outcome.erased, outcome.keys, outcome.tpm, outcome.remembers) == (True, 2, True, True)


@pytest.mark.parametrize(
    ("asked", "offs"), [(ERASE, 1), (b"", 0), (b"erase", 0), (OFF, 0), (b"erase /dev/sdb\n", 0)]
)
@needs_cryptsetup
def test_it_answers_one_request_and_switches_off_only_after_that(
    tmp_path: Path, asked: bytes, offs: int
) -> None:
    disk_with(tmp_path / "disk", "one")
    there = places(tmp_path)
    ours, theirs = socket.socketpair()
    switched: list[bool] = []
    thread = threading.Thread(
        target=serve,
        args=(theirs.fileno(), theirs.fileno(), there, lambda: switched.append(True)),
        daemon=True,
    )
    thread.start()
    ours.sendall(asked)
    if not asked:
        ours.shutdown(socket.SHUT_WR)
    if offs:
        outcome = msgspec.json.decode(ours.recv(4096), type=Outcome)
        assert outcome.erased
        assert switched == []
        ours.sendall(OFF)
    thread.join(20)
    assert len(switched) == offs
    assert opens(tmp_path / "disk", "one") is not bool(offs)
    ours.close()
    theirs.close()


@needs_cryptsetup
def test_it_switches_off_also_when_whoever_asked_is_gone(tmp_path: Path) -> None:
    disk_with(tmp_path / "disk", "one")
    ours, theirs = socket.socketpair()
    ours.sendall(ERASE)
    ours.shutdown(socket.SHUT_WR)
    switched: list[bool] = []
    fd = theirs.fileno()
    assert serve(fd, fd, places(tmp_path), lambda: switched.append(True), pause_s=0.1) == 0
    assert switched == [True]
    ours.close()
    theirs.close()

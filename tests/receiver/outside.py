"""A bundle to change, and everybody who may notice it: the tool, and programs that are not ours."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyrage

from medkiosk.export.bundle import write_bundle
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.receiver import medkiosk_verify as tool
from tests.export import build

IDENTITY = tool.Identity.parse(str(build.IDENTITY))
KEYS = tool.read_key(build.SIGNER_LINE)
LOG_KEYS = [tool.LogKey.parse(line) for line in build.LEDGER_KEY.splitlines()]
_LEAST = 300
"""Bytes of a script that does something."""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write(target: Path, count: int = 2, seed: int = 0) -> Path:
    """A bundle with all that one may have, for a key."""
    return build.write(target, count, seed, viewer=True, dicom=True, recall=True)


@contextlib.contextmanager
def unchanged() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield write(Path(folder))


def bundle_with_log(target: Path, seed: bytes) -> Path:
    """The bundle of `write` with the same entries in a log of the same name, whose key is another one."""
    made = build.bundle(2, viewer=True, dicom=True, recall=True)
    pictures = tuple(made.pictures)
    with tempfile.TemporaryDirectory() as folder:
        log = Log.create(Path(folder) / "ledger", Signer(build.LEDGER_NAME, seed))
        log.append([b"something else happened"])
        log.append([picture.leaf for picture in pictures])
        pictures = tuple(replace(each, proof=log.proof(each.leaf_index)) for each in pictures)
        changed = replace(made, pictures=pictures, checkpoint=log.checkpoint)
    return target / write_bundle(target, changed).folder


def opened(folder: Path, sink: tool.Sink | None = None) -> tool.Record:
    """Check and open a bundle with the tool."""
    checked = tool.check_bundle(folder, KEYS, LOG_KEYS)
    record, identity = tool.open_record(checked, [IDENTITY])
    tool.pictures(checked, record, identity, sink or tool.Nowhere())
    return record


def tool_refuses(folder: Path, *, with_key: bool) -> bool:
    try:
        if with_key:
            opened(folder)
        else:
            tool.check_bundle(folder, KEYS, LOG_KEYS)
    except tool.RefusedError:
        return True
    return False


def ssh_keygen_refuses(folder: Path, home: Path) -> bool:
    command = ["ssh-keygen", "-Y", "verify", "-f", str(home / "allowed_signers"), "-I", "medkiosk"]
    command += ["-n", "medkiosk-export@v1", "-s", str(folder / "manifest.json.sig")]
    with (folder / "manifest.json").open("rb") as manifest:
        done = subprocess.run(command, stdin=manifest, capture_output=True, check=False)
    return done.returncode != 0


def commands_of(instructions: str) -> str:
    """Steps 2 and 3 of VERIFY.txt, as they are printed there."""
    part = instructions[instructions.index("\n2. ") : instructions.index("\n4. ")]
    script = "\n".join(line[4:] for line in part.splitlines() if line.startswith("    "))
    assert len(script) > _LEAST
    return script


def commands_refuse(folder: Path, home: Path, script: str) -> bool:
    """What somebody sees who follows VERIFY.txt: the signature, and so many lines that say good."""
    done = subprocess.run(
        ["bash", "-ec", script],
        cwd=folder,
        env={"HOME": str(home), "PATH": os.environ["PATH"], "LC_ALL": "C"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    if done.returncode or b'Good "medkiosk-export@v1" signature for medkiosk' not in done.stdout:
        return True
    lines = [
        line for line in done.stdout.decode("ascii", "replace").splitlines() if not line.startswith("Good")
    ]
    expected = (folder / "manifest.json").read_bytes().count(b'"file":')
    return any(not line.startswith("good ") for line in lines) or len(lines) != expected


def age_refuses(folder: Path, names: list[str]) -> bool:
    """Whether age does not open one of these files that is there (rage's code, in this process)."""
    for name in names:
        if not (folder / name).exists():
            continue
        try:
            pyrage.decrypt((folder / name).read_bytes(), [build.IDENTITY])
        except pyrage.DecryptError:
            return True
    return False

"""The whole program over mutated bundles and key files: it ends in words, never in an exception of its own.

The boundary that would turn such an exception into words is left out here, so that none hides behind it.
`MEDKIOSK_FUZZ` is how many mutations there are of each kind; the short form is for every run.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from medkiosk import sshsig
from medkiosk.core import canon
from medkiosk.receiver import medkiosk_verify as tool
from tests.export import build
from tests.fuzz.mutate import mutated
from tests.receiver import changes, outside

RUNS = int(os.environ.get("MEDKIOSK_FUZZ", "60"))
ENDS = (tool.RefusedError, tool.CannotOpenError, tool.UsageError, tool.FailedError, OSError)
NOW = 1_780_000_000


class Desk:
    """A bundle, the keys to it, and an empty stick for the acknowledgement."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bundle = outside.write(root)
        self.files = {
            "kiosk.pub": build.SIGNER_LINE.encode() + b"\n",
            "log.key": build.LEDGER_KEY.encode() + b"\n",
            "identity.txt": b"# mine\n" + str(build.IDENTITY).encode() + b"\n",
            "witness.key": tool.WitnessKey("clinic.example/w", bytes(32)).text().encode(),
        }
        (root / "stick").mkdir()
        for name, data in self.files.items():
            (root / name).write_bytes(data)
        assert self.run() == ""
        self.files["witness.key.seen"] = (root / "witness.key.seen").read_bytes()

    def run(self, bundle: Path | None = None) -> str:
        """Check, open and acknowledge; return how it ended, empty where all was good."""
        shutil.rmtree(self.root / "stick")
        (self.root / "stick").mkdir()
        shutil.rmtree(self.root / "opened", ignore_errors=True)
        parser = argparse.ArgumentParser()
        tool.add_arguments(parser)
        command = [str(bundle or self.bundle), "--open", str(self.root / "opened")]
        command += ["--key", str(self.root / "kiosk.pub"), "--log-key", str(self.root / "log.key")]
        command += ["--identity", str(self.root / "identity.txt"), "--acknowledge", str(self.root / "stick")]
        command += ["--witness-key", str(self.root / "witness.key"), "--by", "Dr. C"]
        try:
            tool._work(parser.parse_args(command), NOW)
        except ENDS as error:
            assert not (self.root / "opened").exists()
            assert not list((self.root / "stick").iterdir())
            return type(error).__name__
        return ""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"))


@pytest.mark.parametrize("name", ["kiosk.pub", "log.key", "identity.txt", "witness.key", "witness.key.seen"])
def test_no_key_file_makes_it_fail_without_words(desk: Desk, name: str) -> None:
    ends = set()
    for seed in range(RUNS):
        (desk.root / name).write_bytes(mutated(desk.files[name], seed))
        ends.add(desk.run())
        for each, data in desk.files.items():
            (desk.root / each).write_bytes(data)
    assert ends - {""}, "nothing was ever noticed"


def _mutate(desk: Desk, folder: Path, seed: int, sign: Callable[[Path], None]) -> str:
    rng = random.Random(seed)
    shutil.copytree(desk.bundle, folder)
    path = rng.choice(sorted(path for path in folder.rglob("*") if path.is_file()))
    path.write_bytes(mutated(path.read_bytes(), seed))
    try:
        sign(folder)
        return desk.run(folder)
    finally:
        shutil.rmtree(folder)


def _resigned(folder: Path) -> None:
    """Sign what is there; a manifest that cannot be read stays as it is, but is signed, too."""
    try:
        changes.resign(folder)
    except (ValueError, KeyError, TypeError, FileNotFoundError):
        contents = (folder / "manifest.json").read_bytes()
        (folder / "manifest.json.sig").write_bytes(sshsig.sign(contents, build.SIGNER))


@pytest.mark.parametrize("sign", [lambda _folder: None, _resigned], ids=["changed", "signed"])
def test_no_bundle_makes_it_fail_without_words(desk: Desk, sign: Callable[[Path], None]) -> None:
    ends = {_mutate(desk, desk.root / "changed", seed, sign) for seed in range(RUNS)}
    assert "RefusedError" in ends


def test_no_signed_manifest_makes_it_fail_without_words(desk: Desk) -> None:
    """What a broken kiosk could sign: each value of the manifest replaced by each of a few."""
    folder = desk.root / "signed"
    contents = (desk.bundle / "manifest.json").read_bytes()
    values: list[object] = [None, True, -1, 2**53 - 1, "", "x" * 10_000, "\ud7ff\x00", [], {}, [[[[]]]]]
    for member in canon.decode(contents, dict):
        for value in values:
            shutil.copytree(desk.bundle, folder)
            changed = canon.encode({**canon.decode(contents, dict), member: value})
            (folder / "manifest.json").write_bytes(changed)
            (folder / "manifest.json.sig").write_bytes(sshsig.sign(changed, build.SIGNER))
            assert desk.run(folder) == "RefusedError"
            shutil.rmtree(folder)


@pytest.mark.parametrize("depth", [1_000, 200_000])
def test_deep_json_is_refused(desk: Desk, depth: int) -> None:
    folder = desk.root / "deep"
    shutil.copytree(desk.bundle, folder)
    contents = b'{"version":' + b"[" * depth + b"]" * depth + b"}"
    (folder / "manifest.json").write_bytes(contents)
    (folder / "manifest.json.sig").write_bytes(sshsig.sign(contents, build.SIGNER))
    assert desk.run(folder) == "RefusedError"
    shutil.rmtree(folder)

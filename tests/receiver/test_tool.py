"""The program as its user runs it: a lone copy of one file, by a Python that has nothing of ours."""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from medkiosk import sshsig
from medkiosk.receiver import medkiosk_verify as tool
from tests.export import build
from tests.receiver import changes, outside

NOBODY = "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0"


@dataclass(frozen=True)
class Desk:
    """Where the receiver works: the program, their identity, the keys that came on paper, two bundles."""

    place: Path
    bundle: Path
    spoken: Path

    def run(self, *args: str | Path, said: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "medkiosk_verify.py", *map(str, args)]
        return subprocess.run(
            command, cwd=self.place, input=said, capture_output=True, text=True, check=False, timeout=60
        )

    def check(self, *args: str | Path, said: str = "") -> subprocess.CompletedProcess[str]:
        return self.run(self.bundle, "--key", build.SIGNER_LINE, "--log-key", "vkey", *args, said=said)


@pytest.fixture(scope="module")
def sticks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    stick = tmp_path_factory.mktemp("sticks") / "stick"
    stick.mkdir()
    return outside.write(stick), build.write(stick, 2, 7, passphrase=build.PASSPHRASE, viewer=True)


@pytest.fixture
def desk(sticks: tuple[Path, Path], tmp_path: Path) -> Desk:
    shutil.copy(tool.__file__, tmp_path / "medkiosk_verify.py")
    (tmp_path / "identity.txt").write_text(f"# public key: {build.IDENTITY.to_public()}\n{build.IDENTITY}\n")
    (tmp_path / "vkey").write_text(build.LEDGER_KEY)
    (tmp_path / "allowed_signers").write_text(build.ALLOWED_SIGNERS + "\n")
    stick = shutil.copytree(sticks[0].parent, tmp_path / "stick")
    return Desk(tmp_path, stick / sticks[0].name, stick / sticks[1].name)


def hidden(place: Path) -> list[str]:
    return [path.name for path in place.rglob("*") if ".partial-" in path.name or path.name.endswith(".tmp")]


def test_a_lone_copy_checks_and_opens(desk: Desk) -> None:
    done = desk.check("--identity", "identity.txt", "--open", "opened")
    assert (done.returncode, done.stderr) == (0, "")
    assert "GOOD          2 pictures opened" in done.stdout
    assert "NOT CHECKED" not in done.stdout
    opened = desk.place / "opened"
    pictures = build.pictures(2)[0]
    record = json.loads((opened / "record.json").read_bytes())
    for image in record["images"]:
        data = (opened / "images" / f"{image['id']}.jpg").read_bytes()
        approved = data[: image["jpeg"]["size"]]
        assert approved in [picture.jpeg for picture in pictures]
        assert hashlib.sha256(approved).hexdigest() == image["jpeg"]["sha256"]
        assert image["id"].encode() in data[len(approved) :]
        assert (opened / "dicom" / f"{image['id']}.dcm").read_bytes()[128:132] == b"DICM"
    names = {path.relative_to(opened).parts[0] for path in opened.rglob("*") if path.is_file()}
    assert names == {"images", "dicom", "consent", "leaves", "proofs", "record.json"}
    if os.name == "posix":
        modes = {stat.S_IMODE(path.stat().st_mode) for path in [opened, *opened.rglob("*")]}
        assert modes == {0o700, 0o600}
    assert hidden(desk.place) == []


def test_a_passphrase_as_people_type_it(desk: Desk) -> None:
    words = build.PASSPHRASE.replace(" ", "  ").title()
    arguments = [str(desk.spoken), "--key", "allowed_signers", "--log-key", "vkey", "--passphrase-prompt"]
    done = desk.run(*arguments, "--open", "opened", said=words + "\n")
    assert done.returncode == 0, done.stderr
    assert len(list((desk.place / "opened" / "images").iterdir())) == 2
    wrong = desk.run(*arguments, said=words.replace("Acid", "Acne") + "\n")
    assert wrong.returncode == 5
    assert "Type its eight words again" in wrong.stderr


def test_what_it_says_for_programs(desk: Desk) -> None:
    done = desk.check("--identity", "identity.txt", "--json")
    said = json.loads(done.stdout)
    assert done.returncode == 0
    assert said["problems"] == []
    assert said["log"] == {
        "origin": build.LEDGER_NAME,
        "size": 3,
        "root": said["log"]["root"],
        "checked": True,
    }
    assert said["data_use"] == {"codes": ["DUO:0000007", "DUO:0000042"], "until": "2027-05-01"}
    assert said["manifest_sha256"] == outside.sha256((desk.bundle / "manifest.json").read_bytes())
    (desk.bundle / "checkpoint").unlink()
    refused = desk.check("--identity", "identity.txt", "--open", "opened", "--json")
    said = json.loads(refused.stdout)
    assert (refused.returncode, said["error"], said["exit_code"]) == (3, "refused", 3)
    assert said["problems"] == ["checkpoint: it is missing"]
    assert not (desk.place / "opened").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--identity", "nobody.txt"], 5, "Take the identity whose public key you gave"),
        (["--passphrase-prompt"], 5, "give --identity FILE"),
        (["--identity", "nothing.txt"], 2, "AGE-SECRET-KEY-1"),
        (["--identity", "missing.txt"], 2, "AGE-SECRET-KEY-1"),
        (["--open", "opened"], 2, "need --identity"),
        (["--acknowledge", "."], 2, "need --identity"),
        (["--identity", "identity.txt", "--open", "{bundle}/opened"], 2, "bundle's own folder"),
        (["--identity", "identity.txt", "--acknowledge", "{bundle}"], 2, "bundle's own folder"),
        (["--identity", "identity.txt", "--open", "stick"], 1, "there already"),
        (["--identity", "identity.txt", "--open", "nowhere/opened"], 1, "No such file"),
        (["--identity", "identity.txt", "--acknowledge", "nowhere"], 1, "No such file"),
        (["--witness-key", "w"], 2, "for --acknowledge"),
        (["--log-key", "a line"], 2, "log's key cannot be read"),
        (["--log-key", "{witness}"], 2, "that of a witness"),
        (["--page", "0" * 64], 3, "not the page of the sheet"),
    ],
)
def test_each_no_has_a_code_and_says_what_to_do(
    desk: Desk, arguments: list[str], code: int, words: str
) -> None:
    (desk.place / "nobody.txt").write_text(NOBODY + "\n")
    (desk.place / "nothing.txt").write_text("ssh-rsa AAAA\n")
    witness = str(tool.WitnessKey("w", bytes(32)).public)
    before = sorted(desk.place.rglob("*"))
    done = desk.check(*(text.format(bundle=desk.bundle, witness=witness) for text in arguments))
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert sorted(desk.place.rglob("*")) == before


def test_wrong_kiosk_keys(desk: Desk) -> None:
    assert desk.run(desk.bundle).returncode == 2
    assert desk.run(desk.bundle, "--key", "ssh-rsa AAAA").returncode == 2
    assert desk.run(desk.bundle, "--key", build.SIGNER_LINE.replace("AAAAC3Nz", "AAAAC3Na")).returncode == 2
    other = build.SIGNER_LINE.replace(build.SIGNER_LINE.split()[1][-6:], "AAAAAA")
    done = desk.run(desk.bundle, "--key", other)
    assert done.returncode == 3
    assert "another key" in done.stderr
    # One of several keys, as after a change of keys: either may have signed.
    assert desk.run(desk.bundle, "--key", f"{other}\n{build.SIGNER_LINE}\n").returncode == 0


def test_what_was_not_checked_is_said(desk: Desk) -> None:
    done = desk.run(desk.bundle, "--key", build.SIGNER_LINE)
    assert done.returncode == 0
    assert "NOT CHECKED   who signed the head of log medkiosk.test/ledger" in done.stdout
    assert "the pictures were not opened" in done.stdout
    assert outside.sha256(build.PAGE) in done.stdout
    assert desk.check("--page", outside.sha256(build.PAGE).upper()).returncode == 0
    assert "RECALL        destroy from export 8888" in done.stdout


def test_an_ended_term_is_said_loudly(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--json", action="store_true")
    tool.add_arguments(arguments)
    identity = str(desk.place / "identity.txt")
    args = arguments.parse_args([str(desk.bundle), "--key", build.SIGNER_LINE, "--identity", identity])
    last_second, day_after = 1_809_215_999, 1_809_216_000  # 2027-05-01T23:59:59Z
    assert tool.run(args, lambda: last_second) == 0
    assert "EXPIRED" not in capsys.readouterr().out
    assert tool.run(args, lambda: day_after) == 0
    assert "EXPIRED       use ended on 2027-05-01: destroy" in capsys.readouterr().out


def test_opening_is_whole_or_not_at_all(desk: Desk) -> None:
    """A picture that is signed and wrong is found when others are written already."""
    images = sorted((desk.bundle / "images").iterdir())
    images[1].write_bytes(images[0].read_bytes())
    (desk.bundle / "view" / f"{images[1].name[:32]}.css").write_bytes(tool.sheet(images[0].read_bytes()))
    changes.resign(desk.bundle)
    done = desk.check("--identity", "identity.txt", "--open", "opened", "--acknowledge", "stick")
    assert done.returncode == 3
    assert f"REFUSED: images/{images[1].name}: it is signed, but" in done.stderr
    assert not (desk.place / "opened").exists()
    assert hidden(desk.place) == []
    assert not list((desk.place / "stick").glob("*.json"))


@pytest.mark.skipif(os.name != "posix", reason="this system limits no file's size")
def test_a_full_disk_leaves_nothing_opened(desk: Desk) -> None:
    """The kernel refuses to let a file grow, in the middle of the pictures."""
    limited = "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000)); "
    limited += "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    command = [sys.executable, "-I", "-c", limited, "medkiosk_verify.py", str(desk.bundle)]
    command += ["--key", build.SIGNER_LINE, "--identity", "identity.txt", "--open", "opened"]
    done = subprocess.run(command, cwd=desk.place, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "File too large" in done.stderr
    assert "Nothing was left behind" in done.stderr
    assert not (desk.place / "opened").exists()
    assert hidden(desk.place) == []


@pytest.mark.skipif(os.name != "posix", reason="this system has no such signal")
def test_who_ends_it_finds_nothing_opened(desk: Desk) -> None:
    command = [sys.executable, "-I", "medkiosk_verify.py", str(desk.spoken), "--key", build.SIGNER_LINE]
    command += ["--passphrase-prompt", "--open", "opened"]
    with subprocess.Popen(command, cwd=desk.place, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"Passphrase of this bundle: \n"
        process.terminate()
        assert process.wait(30) == 1
        assert process.stderr.read() == b"Stopped. Nothing was opened or written.\n"
    assert not (desk.place / "opened").exists()


def test_what_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with tool.NewFolder(tmp_path / "opened") as folder, folder.file("images/x") as write:
            write(b"half of a picture")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_acknowledged_is_not_opened(desk: Desk) -> None:
    arguments = ["--identity", "identity.txt", "--open", "opened", "--acknowledge", "stick"]
    assert desk.check(*arguments[:2], *arguments[4:]).returncode == 0
    done = desk.check(*arguments)
    assert done.returncode == 1
    assert "is there already" in done.stderr
    assert not (desk.place / "opened").exists()
    assert hidden(desk.place) == []


def test_a_recall_notice_that_came_alone(desk: Desk) -> None:
    alone = desk.place / "medkiosk-recall-2026-05-01-77777777"
    alone.mkdir()
    for name in tool.RECALL:
        shutil.copy(desk.bundle / name, alone)
    done = desk.run(alone, "--key", "allowed_signers", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["recall"] == {"8" * 32: ["a" * 32], "b" * 32: ["c" * 32]}
    (alone / "more").touch()
    assert desk.run(alone, "--key", "allowed_signers").returncode == 3
    (alone / "more").unlink()
    notice = (alone / "recall.json").read_bytes()
    (alone / "recall.json").write_bytes(notice.replace(b"8" * 32, b"7" * 32))
    assert desk.run(alone, "--key", "allowed_signers").returncode == 3
    # A signature for a bundle is none for a notice, though the key is the same.
    (alone / "recall.json").write_bytes(notice)
    (alone / "recall.json.sig").write_bytes(sshsig.sign(notice, build.SIGNER))
    done = desk.run(alone, "--key", "allowed_signers")
    assert done.returncode == 3
    assert "for another use" in done.stderr


def test_kioskctl_verify_export_is_the_same_program(desk: Desk) -> None:
    command = [sys.executable, "-m", "medkiosk.cli", "verify-export", str(desk.bundle), "--json"]
    command += ["--signer", build.SIGNER_LINE, "--ledger-key", build.LEDGER_KEY]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["problems"] == []
    (desk.bundle / "checkpoint").write_bytes(b"")
    assert subprocess.run(command, capture_output=True, check=False).returncode == 3


def test_it_names_no_module_but_pythons_own_and_cryptography() -> None:
    tree = ast.parse(Path(tool.__file__).read_text(), feature_version=(3, 9))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    roots = {(module or "").partition(".")[0] for module in modules}
    assert roots - sys.stdlib_module_names == {"cryptography"}


def test_each_section_uses_only_those_above_it() -> None:
    """One file, and yet in layers: what import rules do for modules."""
    text = Path(tool.__file__).read_text("utf-8")
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines, 1) if line.startswith("# --- ")]
    assert len(starts) == 12
    assert max(end - start for start, end in pairwise([*starts, len(lines)])) <= 400

    def section(node: ast.stmt) -> int:
        return sum(start <= node.lineno for start in starts)

    tree = ast.parse(text)
    defined: dict[str, int] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined[node.name] = section(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            defined |= {target.id: section(node) for target in targets if isinstance(target, ast.Name)}
    assert len(defined) > 100
    upwards = {
        (name.id, name.lineno)
        for node in tree.body
        for name in ast.walk(node)
        if isinstance(name, ast.Name) and defined.get(name.id, 0) > section(node)
    }
    assert upwards == set()

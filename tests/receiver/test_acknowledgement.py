"""The acknowledgement: its bytes, its keys, and what a key of the receiver's own never signs."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from medkiosk.core import canon
from medkiosk.export import acknowledgement
from medkiosk.export.bundle import write_bundle
from medkiosk.ledger import checkpoint
from medkiosk.ledger.errors import CheckpointError
from medkiosk.ledger.file import Log
from medkiosk.ledger.note import VerifierKey
from medkiosk.ledger.sign import Signer
from medkiosk.receiver import medkiosk_verify as tool
from tests.export import build
from tests.receiver import make_vectors, outside

VECTORS = json.loads(make_vectors.VECTORS.read_text())


def believed(text: str) -> bool:
    """Whether a file is a good one, by the kiosk's own reader and the ledger's."""
    key = VerifierKey.parse(VECTORS["vkey"])
    try:
        found = acknowledgement.read(text.encode())
        head, lines = checkpoint.parse(found.cosigned.encode())
        time = checkpoint.verify_signatures(head, lines, key)
    except (ValueError, CheckpointError):
        return False
    about = (found.export_id, found.manifest_sha256) == (VECTORS["export_id"], VECTORS["manifest_sha256"])
    signed = acknowledgement.is_signed(found, key.public)
    return about and signed and len(key.lines_of(lines)) == 1 and time == VECTORS["time"]


@pytest.mark.parametrize("case", VECTORS["good"], ids=lambda case: case["what"])
def test_the_vectors_are_what_is_written(case: dict[str, str]) -> None:
    witness = tool.WitnessKey.parse(VECTORS["witness"]["file"])
    assert str(witness.public) == VECTORS["witness"]["vkey"]
    written = tool.acknowledgement(
        VECTORS["export_id"],
        VECTORS["manifest_sha256"],
        VECTORS["checkpoint"].encode(),
        bytes.fromhex(VECTORS["seed"]),
        case["by"],
        VECTORS["time"],
        witness if case["witness"] else None,
    )
    assert written.decode() == case["file"]
    assert believed(case["file"])
    if case["witness"]:
        head, lines = checkpoint.parse(canon.decode(written, dict)["cosigned"].encode())
        key = VerifierKey.parse(VECTORS["witness"]["vkey"])
        assert checkpoint.verify_signatures(head, lines, key) == VECTORS["time"]


@pytest.mark.parametrize("case", VECTORS["refused"], ids=lambda case: case["what"])
def test_the_vectors_that_must_be_refused_are(case: dict[str, str]) -> None:
    assert not believed(case["file"])


# --- As it is written to a stick --------------------------------------------------------------------------


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    (tmp_path / "identity.txt").write_text(str(build.IDENTITY) + "\n")
    (tmp_path / "stick").mkdir()
    (tmp_path / "vkey").write_text(build.LEDGER_KEY)
    return tmp_path


def acknowledge(desk: Path, bundle: Path, *more: str | Path) -> int:
    arguments = [
        bundle,
        "--key",
        build.SIGNER_LINE,
        "--log-key",
        desk / "vkey",
        "--identity",
        desk / "identity.txt",
    ]
    return tool.main([str(part) for part in (*arguments, "--acknowledge", desk / "stick", *more)])


def said(desk: Path) -> dict[str, str]:
    (path,) = (desk / "stick").glob("medkiosk-acknowledgement-*.json")
    value: dict[str, str] = canon.decode(path.read_bytes(), dict)
    assert path.name == f"medkiosk-acknowledgement-{value['export_id'][:8]}.json"
    return value


def with_log(desk: Path, entries: int, seed: bytes = build.LEDGER_SEED, number: int = 0) -> Path:
    """A bundle whose log has so many more entries at its end; another ``number`` is another history."""
    made = build.bundle(1, seed=entries + 100 * number)
    (picture,) = made.pictures
    folder = desk / f"log-{entries}-{number}"
    log = Log.create(folder, Signer(build.LEDGER_NAME, seed))
    log.append([b"something else happened", picture.leaf, *(b"%d %d" % (number, n) for n in range(entries))])
    picture = dataclasses.replace(picture, proof=log.proof(1))
    shutil.rmtree(folder)
    changed = dataclasses.replace(made, pictures=(picture,), checkpoint=log.checkpoint)
    return desk / write_bundle(desk, changed).folder


def test_a_bundle_is_acknowledged_once(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = outside.write(desk)
    assert acknowledge(desk, bundle, "--by", "Dr. Ż") == 0
    value = said(desk)
    assert value["by"] == "Dr. Ż"
    assert value["manifest_sha256"] == outside.sha256((bundle / "manifest.json").read_bytes())
    head, lines = checkpoint.parse(value["cosigned"].encode())
    own = tool.WitnessKey(f"medkiosk-export/{value['export_id']}", build.ACKNOWLEDGE).public
    assert checkpoint.verify_signatures(head, lines, VerifierKey.parse(str(own)))
    assert value["cosigned"].encode().startswith((bundle / "checkpoint").read_bytes())
    before = (desk / "stick").stat().st_mtime_ns, list((desk / "stick").iterdir())
    assert acknowledge(desk, bundle) == 1
    assert "is there already" in capsys.readouterr().err
    assert ((desk / "stick").stat().st_mtime_ns, list((desk / "stick").iterdir())) == before


@pytest.mark.parametrize(
    "by", ["x" * 201, "a\nb", "\x1b[2J", "\u202e", "\u3164", "\u2800", "\ue000", "\u0378", "a\xa0b", "\ufe0f"]
)
def test_words_that_steer_a_terminal_are_not_written(desk: Path, by: str) -> None:
    assert acknowledge(desk, desk, "--by", by) == 2


def test_a_key_of_their_own(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = desk / "witness.key"
    assert tool.main(["--make-witness-key", str(key), "--name", "radiology.example/w"]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    made = VerifierKey.parse(line)
    assert (made.name, made.kind) == ("radiology.example/w", 4)
    if os.name == "posix":
        assert key.stat().st_mode & 0o777 == 0o600
    assert tool.main(["--make-witness-key", str(key)]) == 1
    assert tool.main(["--make-witness-key", str(desk / "other"), "--name", "two words"]) == 2
    capsys.readouterr()

    assert acknowledge(desk, with_log(desk, 3), "--witness-key", key) == 0
    head, lines = checkpoint.parse(said(desk)["cosigned"].encode())
    assert checkpoint.verify_signatures(head, lines, made)
    seen = key.with_name("witness.key.seen").read_text()
    assert seen.startswith(f"{build.LEDGER_NAME} {head.size} ")

    older = with_log(desk, 2)
    assert acknowledge(desk, older, "--witness-key", key) == 1
    assert "Acknowledge it without --witness-key" in capsys.readouterr().err
    assert acknowledge(desk, older) == 0
    longer = with_log(desk, 4)
    assert acknowledge(desk, longer, "--witness-key", key) == 0
    capsys.readouterr()


@pytest.mark.parametrize("name", ["x\x9b2J", "x\u202ey", "x\u2028y", "x\ue000", "x\u0378", "x\u200b", "\x7f"])
def test_no_key_has_a_name_that_steers_a_terminal(desk: Path, name: str) -> None:
    assert tool.main(["--make-witness-key", str(desk / "key"), "--name", name]) == 2
    assert not (desk / "key").exists()
    own = tool.WitnessKey(name, bytes(32))
    (desk / "key").write_text(own.text(), "utf-8")
    assert acknowledge(desk, with_log(desk, 3), "--witness-key", desk / "key") == 2
    bare = (with_log(desk, 2) / "checkpoint").read_bytes()
    signed = bare + tool.cosignature(tool.read_checkpoint(bare), own, 1).encode()
    with pytest.raises(ValueError, match="not a signature"):
        tool.read_checkpoint(signed)
    with pytest.raises(CheckpointError, match="not a signature"):
        checkpoint.parse(signed)
    with pytest.raises(CheckpointError, match="not an Ed25519"):
        VerifierKey.parse(str(own.public))
    with pytest.raises(tool.UsageError):
        tool.LogKey.parse(str(own.public))


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-20],
        lambda text: text + text,
        lambda text: text.replace(" ", ""),
        lambda text: text.replace(" 5 ", " four "),
        lambda text: text.replace(" 5 ", " " + "4" * 5000 + " "),
        lambda text: text + "\udcff",
        lambda text: text + "x" * (1 << 20),
    ],
)
def test_a_damaged_memory_of_what_a_key_signed_stops_it_in_words(
    desk: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[str], str]
) -> None:
    key, seen = desk / "witness.key", desk / "witness.key.seen"
    assert tool.main(["--make-witness-key", str(key)]) == 0
    assert acknowledge(desk, with_log(desk, 3), "--witness-key", key) == 0
    damaged = damage(seen.read_text()).encode(errors="surrogateescape")
    seen.write_bytes(damaged)
    (there,) = (desk / "stick").iterdir()
    there.unlink()
    assert acknowledge(desk, with_log(desk, 4), "--witness-key", key) == 1
    assert "nobody knows what this key has signed before" in capsys.readouterr().err
    assert seen.read_bytes() == damaged
    assert not list((desk / "stick").iterdir())


def test_another_history_of_the_same_length_is_refused_loudly(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = desk / "witness.key"
    assert tool.main(["--make-witness-key", str(key)]) == 0
    assert acknowledge(desk, with_log(desk, 3), "--witness-key", key) == 0
    seen = key.with_name("witness.key.seen").read_text()
    assert acknowledge(desk, with_log(desk, 3, number=1), "--witness-key", key) == 3
    assert "was another one" in capsys.readouterr().err
    assert key.with_name("witness.key.seen").read_text() == seen
    assert len(list((desk / "stick").iterdir())) == 1


@pytest.mark.parametrize(
    "text", ["", "radiology\n" + "0" * 64, VECTORS["witness"]["file"].replace("ea", "eb", 1)]
)
def test_what_is_no_witness_key(desk: Path, text: str) -> None:
    (desk / "key").write_text(text)
    assert acknowledge(desk, desk, "--witness-key", desk / "key") == 2

"""The independent verifier takes what is signed here and nothing that was changed, and all public vectors."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from medkiosk.ledger import held
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from tests.ledger import independent_verifier as other
from tests.ledger.test_checkpoint import ORIGIN, SEED
from tests.ledger.test_file import leaf
from tests.ledger.test_held import KEYS, cosigned, own
from tests.shared import shared

ROOT = Path(__file__).resolve().parents[2]
VECTORS = shared("vectors/merkle/testdata")
LOG_KEYS = Signer(ORIGIN, SEED).vkeys.split("\n")


def vectors(kind: str) -> list[Any]:
    if VECTORS is None:
        return [pytest.param(None, marks=pytest.mark.skip("no ../shared/vectors/merkle here"))]
    found = sorted((VECTORS / kind).rglob("*.json"))
    assert found
    return [pytest.param(path, id=f"{path.parent.name}/{path.stem}") for path in found]


def case(path: Path) -> tuple[dict[str, Any], list[bytes]]:
    read = json.loads(path.read_text())
    return read, [base64.b64decode(hash_) for hash_ in read["proof"] or []]


@pytest.fixture
def log(tmp_path: Path) -> Log:
    log = Log.create(tmp_path / "ledger", Signer(ORIGIN, SEED))
    for size in (1, 255, 300, 90):
        log.append([leaf(log.size + number) for number in range(size)])
    return log


def test_it_reads_the_whole_log(log: Log) -> None:
    assert other.verify_log(log.folder, LOG_KEYS) == list(log.entries())
    assert other.verify_log(log.folder, LOG_KEYS[:1]) == list(log.entries())
    done = subprocess.run(
        [sys.executable, "-m", "tests.ledger.independent_verifier", str(log.folder), *LOG_KEYS],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.stdout == "646 entries, all as signed\n"


def test_it_imports_nothing_of_ours() -> None:
    code = "import sys, tests.ledger.independent_verifier; print([m for m in sys.modules if 'medkiosk' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("index", [0, 1, 255, 256, 511, 645])
def test_it_takes_proofs(log: Log, index: int) -> None:
    file = log.proof(index, with_entry=True)
    assert other.verify_proof(file, LOG_KEYS) == (index, log.entry(index))
    with pytest.raises(other.Wrong):
        other.verify_proof(file, LOG_KEYS, b"another entry")


def test_it_takes_cosignatures(log: Log) -> None:
    held.hold(log.folder, held.examine(cosigned(log.checkpoint), own(), KEYS), own())
    signed = (log.folder / "cosigned" / str(log.size)).read_bytes()
    keys = [*LOG_KEYS, *map(str, KEYS)]
    times = other.verify_checkpoint(signed, keys)[3]
    assert [times[str(key)] for key in KEYS] == [1_700_000_000, 1_700_000_001]
    assert times[LOG_KEYS[1]] == 0
    with pytest.raises(other.Wrong, match="did not sign"):
        other.verify_checkpoint(log.checkpoint, keys)


def test_both_refuse_each_changed_signature(log: Log) -> None:
    signed = cosigned(log.checkpoint)
    keys = [*LOG_KEYS, *map(str, KEYS)]
    lines = signed.decode().split("\n")
    for at in range(4, 8):
        mark, name, data = lines[at].split(" ")
        for bit in (40, 8 * 20, 8 * 60):
            raw = bytearray(base64.b64decode(data))
            raw[bit // 8] ^= 1
            changed = [*lines]
            changed[at] = f"{mark} {name} {base64.b64encode(raw).decode()}"
            with pytest.raises(other.Wrong):
                other.verify_checkpoint("\n".join(changed).encode(), keys)
            with pytest.raises(Exception, match="wrong"):
                held.examine("\n".join(changed).encode(), own(), KEYS)


@pytest.mark.parametrize("path", vectors("inclusion"))
def test_inclusion_vectors(path: Path) -> None:
    read, proof = case(path)
    root, hash_ = base64.b64decode(read["root"] or ""), base64.b64decode(read["leafHash"] or "")
    arguments = (hash_, read["leafIdx"], read["treeSize"], proof, root)
    if read["wantErr"]:
        with pytest.raises(other.Wrong):
            other.verify_inclusion(*arguments)
    else:
        other.verify_inclusion(*arguments)


@pytest.mark.parametrize("path", vectors("subtreeinclusion"))
def test_subtree_inclusion_vectors(path: Path) -> None:
    read, proof = case(path)
    root, hash_ = base64.b64decode(read["root"] or ""), base64.b64decode(read["leafHash"] or "")
    arguments = (hash_, read["leafIdx"], read["start"], read["end"], proof, root)
    if read["wantErr"]:
        with pytest.raises(other.Wrong):
            other.verify_subtree_inclusion(*arguments)
    else:
        other.verify_subtree_inclusion(*arguments)


@pytest.mark.parametrize("path", vectors("consistency"))
def test_consistency_vectors(path: Path) -> None:
    read, proof = case(path)
    one, two = base64.b64decode(read["root1"]), base64.b64decode(read["root2"])
    arguments = (0, read["size1"], read["size2"], one, two, proof)
    if read["wantErr"] or read["size1"] == 0 or {len(one), len(two)} != {32}:
        with pytest.raises(other.Wrong):
            other.verify_subtree_consistency(*arguments)
    else:
        other.verify_subtree_consistency(*arguments)


@pytest.mark.parametrize("path", vectors("subtreeconsistency"))
def test_subtree_consistency_vectors(path: Path) -> None:
    read, proof = case(path)
    part, root = base64.b64decode(read["root1"] or ""), base64.b64decode(read["root2"] or "")
    arguments = (read["start"], read["end"], read["size"], part, root, proof)
    # Stricter than the vectors: nothing is a part of anything that it has no leaf of.
    if read["wantErr"] or {len(part), len(root)} != {32} or read["start"] == read["end"]:
        with pytest.raises(other.Wrong):
            other.verify_subtree_consistency(*arguments)
    else:
        other.verify_subtree_consistency(*arguments)

"""A head that was kept on paper, compared with the store later; and the proof that a witness asks for."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

import pytest

from medkiosk.ledger import checkpoint, merkle
from medkiosk.ledger.errors import CheckpointError, ProofError
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.offline import heads
from medkiosk.offline.heads import HeadCopyError

ORIGIN = "test.medkiosk.invalid/ledger"


def a_store(root: Path, size: int, word: bytes = b"entry") -> Log:
    root.mkdir()
    log = Log.create(root / "ledger", Signer(ORIGIN, bytes(32)))
    log.append([b"%s %d" % (word, number) for number in range(size)])
    return log


@pytest.mark.parametrize("kept", [1, 255, 256, 299])
def test_what_was_kept_is_still_there(tmp_path: Path, kept: int) -> None:
    line = a_store(tmp_path / "then", kept).head.line()
    log = a_store(tmp_path / "now", 300)
    found = heads.compare(tmp_path / "now", line)
    assert (found.verdict, found.ok, found.kept, found.size) == ("extends", True, kept, 300)
    assert heads.compare(tmp_path / "now", log.head.line()).verdict == "same"
    assert heads.compare(tmp_path / "now", log.checkpoint.decode()).verdict == "same"
    assert (
        heads.compare(tmp_path / "now", line, log._signer.vkeys if log._signer else "").signature
        == "verified"
    )


def test_each_way_to_differ_has_its_word(tmp_path: Path) -> None:
    log = a_store(tmp_path / "now", 300)
    newer = a_store(tmp_path / "newer", 307).head.line()
    other = a_store(tmp_path / "other", 200, b"forged").head.line()
    found = heads.compare(tmp_path / "now", newer)
    assert (found.verdict, found.ok) == ("rolled_back", False)
    assert "The last 7 are missing" in found.words
    assert heads.compare(tmp_path / "now", other).verdict == "rewritten"
    assert heads.compare(tmp_path / "now", newer.replace("test", "elsewhere")).verdict == "another_log"
    old = heads.read_line(log.head.line())._replace(size=200)
    (tmp_path / "now/ledger/tile/0/000").unlink()
    assert heads.compare(tmp_path / "now", old.line()).verdict == "damaged"
    with pytest.raises(CheckpointError):
        heads.compare(tmp_path / "now", newer, Signer(ORIGIN, b"x" * 32).vkeys)


@pytest.mark.parametrize("between", ["", " ", "\n", "\n   "])
def test_a_root_in_hex_is_read_in_groups(tmp_path: Path, between: str) -> None:
    head = a_store(tmp_path / "now", 3).head
    root = head.root.hex()
    typed = f"{head.origin}\n{head.size}\n{between.join(root[at : at + 8] for at in range(0, 64, 8))}"
    for text in (
        typed,
        typed.upper().replace(head.origin.upper(), head.origin),
        typed + "\n\nwritten by Ana",
    ):
        assert heads.read_line(text) == head
        assert heads.compare(tmp_path / "now", text).verdict == "same"
    for wrong in (typed[:-1], typed[:-9], typed + "0", typed[:-1] + "g"):
        with pytest.raises(HeadCopyError):
            heads.read_line(wrong)


@pytest.mark.parametrize(
    "text", ["", "a", "a 1", "a 1 !", "a 1 AAAA", "a -1 " + "A" * 43 + "=", "a x y", "a 1 " + "A" * 42 + "B="]
)
def test_what_is_no_head_is_refused(tmp_path: Path, text: str) -> None:
    a_store(tmp_path / "now", 3)
    with pytest.raises(HeadCopyError):
        heads.compare(tmp_path / "now", text)


@pytest.mark.parametrize("old", [0, 1, 256, 300])
def test_the_proof_for_a_witness(tmp_path: Path, old: int) -> None:
    """The body of an add-checkpoint request, as c2sp.org/tlog-witness has it."""
    log = a_store(tmp_path / "now", 300)
    body = heads.extension(tmp_path / "now", old)
    head, _, note = body.partition(b"\n\n")
    first, *lines = head.decode().split("\n")
    assert first == f"old {old}"
    assert note == log.checkpoint
    tree = checkpoint.parse(note)[0]
    if old:
        before = a_store(tmp_path / "then", old).head
        path = [base64.b64decode(line) for line in lines]
        merkle.verify_consistency(old, before.root, tree.size, tree.root, path)
    else:
        assert lines == []
    with pytest.raises(ProofError):
        heads.extension(tmp_path / "now", 301)


def test_a_rolled_back_copy_is_found_with_what_was_kept(tmp_path: Path) -> None:
    log = a_store(tmp_path / "now", 10)
    shutil.copytree(tmp_path / "now", tmp_path / "copy")
    log.append([b"more"])
    assert heads.compare(tmp_path / "copy", log.head.line()).verdict == "rolled_back"
    assert heads.compare(tmp_path / "now", log.head.line()).verdict == "same"

"""A witness signs a ledger that only grew, and no other."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from medkiosk.ledger import held
from medkiosk.ledger.errors import CheckpointError, ProofError
from medkiosk.ledger.note import LogKeys, VerifierKey
from medkiosk.ledger.sign import Signer
from medkiosk.offline import heads, witnessing
from medkiosk.offline.witnessing import WitnessKeyError, WitnessRefusedError
from tests.offline.test_heads import ORIGIN, a_store

LOG: LogKeys = Signer(ORIGIN, bytes(32)).key


def now() -> datetime:
    return datetime(2026, 5, 1, 9, tzinfo=UTC)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    witnessing.create(tmp_path / "witness", "auditor.example/w1", lambda size: b"w" * size)
    return tmp_path / "witness"


def test_a_ledger_that_grows_is_signed_and_taken(tmp_path: Path, key: Path) -> None:
    vkey = str(witnessing._load(key)[1])
    log = a_store(tmp_path / "now", 5)
    held.enrol(log.folder, vkey, LOG)
    for old, more in ((0, 3), (5, 300), (8, 0)):
        request = heads.extension(tmp_path / "now", old)
        signed = witnessing.sign(key, LOG, request, now)
        found = held.examine(signed, LOG, held.read_witnesses(log.folder))
        assert found.times([VerifierKey.parse(vkey)])[VerifierKey.parse(vkey)] == int(now().timestamp())
        if more:
            log.append([b"more"] * more)
    assert key.stat().st_mode & 0o777 == 0o600


def test_one_that_did_not_only_grow_is_not(tmp_path: Path, key: Path) -> None:
    a_store(tmp_path / "now", 9)
    a_store(tmp_path / "older", 4)
    a_store(tmp_path / "forged", 9, b"forged")
    a_store(tmp_path / "longer", 12, b"forged")
    honest = a_store(tmp_path / "honest", 12)
    witnessing.sign(key, LOG, heads.extension(tmp_path / "now", 0), now)
    seen = (tmp_path / "witness.seen").read_bytes()
    for name, old in (("older", 0), ("forged", 0), ("longer", 9)):
        with pytest.raises(WitnessRefusedError):
            witnessing.sign(key, LOG, heads.extension(tmp_path / name, old), now)
    with pytest.raises(ProofError, match="ask for one from 9"):
        witnessing.sign(key, LOG, heads.extension(tmp_path / "honest", 3), now)
    assert (tmp_path / "witness.seen").read_bytes() == seen
    assert witnessing.sign(key, LOG, heads.extension(tmp_path / "honest", 9), now).startswith(
        honest.checkpoint
    )


@pytest.mark.parametrize("request_", [b"", b"old x\n\n", b"old 1\n!\n\nx", b"new 1\n\nx", b"\xff", b"old 1"])
def test_rubbish_is_refused(key: Path, request_: bytes) -> None:
    with pytest.raises((ProofError, CheckpointError)):
        witnessing.sign(key, LOG, request_, now)


def test_keys(tmp_path: Path, key: Path) -> None:
    with pytest.raises(WitnessKeyError, match="already"):
        witnessing.create(key, "auditor.example/w1", lambda size: bytes(size))
    with pytest.raises(WitnessKeyError, match="name"):
        witnessing.create(tmp_path / "other", "an auditor", lambda size: bytes(size))
    (tmp_path / "bad").write_text("name only")
    with pytest.raises(WitnessKeyError):
        witnessing.sign(tmp_path / "bad", LOG, b"", now)
    with pytest.raises(CheckpointError):
        witnessing.sign(key, Signer(ORIGIN, b"x" * 32).key, _request(tmp_path), now)


def _request(tmp_path: Path) -> bytes:
    a_store(tmp_path / "any", 2)
    return heads.extension(tmp_path / "any", 0)

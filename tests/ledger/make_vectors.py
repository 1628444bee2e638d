"""Make vectors.json: ``python -m tests.ledger.make_vectors``. The ML-DSA-44 signatures differ each time."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from medkiosk.core.refs import ObjectRef, RecordRef
from medkiosk.ledger import entry
from medkiosk.ledger.entry import Leaf
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer

HERE = Path(__file__).resolve().parent
ORIGIN = "scratch.medkiosk.invalid/ledger"
SEED = bytes(range(32))


def leaf(number: int) -> bytes:
    digit = f"{number:x}"
    record = RecordRef(id=digit * 32, kind="event", sha256="a" * 64, commitment="b" * 64, envelope="c" * 64)
    photo = ObjectRef(
        id=digit * 32, kind="original", size=number, sha256="d" * 64, commitment="e" * 64, envelope="f" * 64
    )
    at = f"2026-01-01T00:00:00.{number:03d}Z"
    if number % 2:
        return entry.encode(Leaf(type="kiosk.started", at=at, actor="kiosk", note=f"number={number}"))
    return entry.encode(Leaf(type="original.sealed", at=at, actor="0" * 32, record=record, objects=(photo,)))


def make() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "ledger"
        log = Log.create(folder, Signer(ORIGIN, SEED))
        log.append([leaf(number) for number in range(7)])
        files = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        return {
            "comment": "docs/format.md section 8; made by tests/ledger/make_vectors.py",
            "ed25519_seed": SEED.hex(),
            "origin": ORIGIN,
            "entries": [leaf(number).decode() for number in range(7)],
            "checkpoint": files["checkpoint"].decode(),
            "vkey": files["vkey"].decode(),
            "tile/0/000.p/7": files["tile/0/000.p/7"].hex(),
            "tile/entries/000.p/7": files["tile/entries/000.p/7"].hex(),
            "proof of entry 4": log.proof(4, with_entry=True).decode(),
            "consistency from 3": [hash_.hex() for hash_ in log.consistency(3)],
        }


if __name__ == "__main__":
    (HERE / "vectors.json").write_text(json.dumps(make(), indent=1) + "\n")

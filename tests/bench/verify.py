"""Verifying at scale: time and memory of ``kioskctl verify`` over 100,000 captures of three objects.

``python -m tests.bench.verify [--captures N] [--dir DIR]``. The rows and entries are of the right form and
size, the envelopes and sealed bytes are random: the verifier has no key and cannot tell.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from medkiosk.core.refs import ObjectRef, RecordRef
from medkiosk.ledger import entry
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.vault.schema import insert, row_digest
from tests.bench.report import MIB, figure
from tests.stores import create, seeded

ORIGIN, SEED = "scratch.medkiosk.invalid/ledger", bytes(range(32))
KINDS = ("original", "derivative", "preview")
BLOB, SEALED, ENVELOPE = 64, 640, 1168
GROUP = 1000
MOST_MIB = 400.0
PROGRAM = (
    "import resource, sys, pathlib; from medkiosk.offline.verify import verify;"
    "report = verify(pathlib.Path(sys.argv[1]), sys.argv[2], quick=sys.argv[3] == 'quick');"
    "assert report.ok, report.problems[:3];"
    "usage = resource.getrusage(resource.RUSAGE_SELF);"
    "print(report.objects, report.ledger_size, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)"
)


def make(root: Path, captures: int) -> str:
    """A store of so many captures; return the ledger's key."""
    vault, _ = create(root, random=seeded(1))
    vault.close()
    signer = Signer(ORIGIN, SEED)
    log = Log.create(root / "ledger", signer)
    with closing(sqlite3.connect(root / "vault.db")) as db:
        db.execute("PRAGMA synchronous = OFF")
        leaves: list[bytes] = []
        for seq in range(1, captures * len(KINDS) + 1):
            leaves.append(_object(root, db, seq))
            if seq % len(KINDS) == 0:
                leaves.append(_review(db, seq // len(KINDS) + captures * len(KINDS)))
            if len(leaves) >= GROUP:
                log.append(leaves)
                leaves = []
        if leaves:
            log.append(leaves)
        db.execute("UPDATE state SET next_index = ?", (log.size,))
        db.commit()
    return signer.vkey


def _object(root: Path, db: sqlite3.Connection, seq: int) -> bytes:
    id_, kind, sealed = os.urandom(16).hex(), KINDS[seq % len(KINDS)], os.urandom(BLOB)
    (root / "objects" / id_[:2] / id_).write_bytes(sealed)
    sha256, commitment = hashlib.sha256(sealed).digest(), os.urandom(32)
    facts = (seq, id_, kind, BLOB, BLOB, sha256, commitment)
    db.execute(insert("objects"), (*facts, row_digest("objects", *facts)))
    envelope = _envelope(db, id_, "object")
    ref = ObjectRef(id_, kind, BLOB, sha256.hex(), commitment.hex(), envelope)
    return _leaf("sealed", _record(db, seq), (ref,))


def _review(db: sqlite3.Connection, seq: int) -> bytes:
    return _leaf("reviewed", _record(db, seq), ())


def _record(db: sqlite3.Connection, seq: int) -> RecordRef:
    id_, sealed = os.urandom(16).hex(), os.urandom(SEALED)
    sha256, commitment = hashlib.sha256(sealed).digest(), os.urandom(32)
    row = (seq, id_, "event", sha256, commitment, sealed)
    db.execute(insert("records"), (*row, row_digest("records", *row)))
    return RecordRef(id_, "event", sha256.hex(), commitment.hex(), _envelope(db, id_, "record"))


def _envelope(db: sqlite3.Connection, id_: str, what: str) -> str:
    row = (id_, what, 1, os.urandom(ENVELOPE))
    db.execute(insert("envelopes"), (*row, row_digest("envelopes", *row)))
    return hashlib.sha256(row[3]).hexdigest()


def _leaf(type_: str, record: RecordRef, objects: tuple[ObjectRef, ...]) -> bytes:
    at = "2026-01-01T00:00:00.000Z"
    return entry.encode(entry.Leaf(type=type_, at=at, actor="kiosk", record=record, objects=objects))


def measure(root: Path, vkey: str, mode: str) -> None:
    """Verify in a process of its own, so that the memory is that of verifying."""
    command = [sys.executable, "-c", PROGRAM, str(root), vkey, mode]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    objects, entries, cpu, peak = done.stdout.split()
    mib = int(peak) / 1024
    figure(
        f"verify, {mode}: peak memory",
        mib,
        "MiB",
        most=MOST_MIB,
        met=mib <= MOST_MIB,
        objects=int(objects),
        entries=int(entries),
        cpu_s=round(float(cpu), 1),
        wall_s=round(time.monotonic() - began, 1),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captures", type=int, default=100_000)
    parser.add_argument("--dir", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.dir, prefix="medkiosk-verify-") as folder:
        root = Path(folder) / "store"
        vkey = make(root, args.captures)
        figure("vault.db", (root / "vault.db").stat().st_size / MIB, "MiB", captures=args.captures)
        for mode in ("quick", "full"):
            measure(root, vkey, mode)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Writing a bundle against ``cp -r`` and sync of the same bytes, and against age for each picture.

``python -m tests.bench.export [--frames 200] [--rounds 3] [--dir DIR]``

The pictures are sealed objects of a real vault with entries in a real ledger; what is measured opens, hashes,
encrypts and writes them, syncs, and reads all of it back past the page cache. Thumbnails are made beforehand:
they are the redact worker's. Sources are in the page cache, for all of them alike.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from medkiosk.core.consent import Purpose
from medkiosk.core.ids import ExportId, ObjectId, new_id
from medkiosk.export import age
from medkiosk.export.bundle import write_bundle
from medkiosk.export.contents import Bundle, Extras, Picture
from medkiosk.export.viewer import chunks
from medkiosk.ledger import entry
from medkiosk.ledger.entry import Leaf
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.vault.batch import Batch
from medkiosk.vault.envelope import commitment_key
from medkiosk.vault.keys import DataKey
from medkiosk.vault.store import Vault
from tests.bench.backup import timed
from tests.bench.report import MIB, figure, median
from tests.stores import create

SMALLEST, LARGEST = 6 * MIB, 9 * MIB
MOST = 1.5
"""Times the seconds of cp: the most that a bundle may take."""


@dataclass(frozen=True)
class Sealed:
    """One approved picture in the vault."""

    object_id: ObjectId
    key: bytes
    leaf: bytes
    proof: bytes
    index: int


def measure(work: Path, frames: int, rounds: int) -> None:
    """Print what writing so many pictures costs; ``work`` is a folder with room for them five times over."""
    plain = work / "plain"
    plain.mkdir(parents=True)
    size = random.Random(1)
    for number in range(frames):
        (plain / f"{number:04d}.jpg").write_bytes(os.urandom(size.randint(SMALLEST, LARGEST)))
    vault, _ = create(work / "store", index_key=bytes(32), random=os.urandom)
    with vault:
        log = Log.create(work / "store" / "ledger", Signer("bench.medkiosk.invalid/ledger", bytes(32)))
        sealed = _seal(vault, log, sorted(plain.iterdir()))
        for viewer in (False, True):
            ours, processor, peers = [], [], []
            for number in range(rounds):
                target = work / "stick"
                target.mkdir()
                wrote, wrote_cpu = timed(lambda: _write(target, vault, log, sealed, viewer))  # noqa: B023
                total = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
                _warm(target)
                copied, copied_cpu = timed(lambda: _copy(target, work / "copy"))  # noqa: B023
                shutil.rmtree(work / "copy")
                shutil.rmtree(target)
                _warm(plain)
                aged, aged_cpu = timed(lambda: _age(plain, work / "aged"))
                shutil.rmtree(work / "aged")
                more = {"viewer": viewer, "round": number}
                figure("export", total / MIB / wrote, "MiB/s", cpu_s=round(wrote_cpu, 2), **more)
                figure("cp -r + sync", total / MIB / copied, "MiB/s", cpu_s=round(copied_cpu, 2), **more)
                figure("age for each + sync", frames / aged, "files/s", cpu_s=round(aged_cpu, 2), **more)
                ours.append(wrote / copied)
                processor.append(wrote_cpu / copied_cpu)
                peers.append(wrote / aged)
            median("export / cp -r + sync, time", ours, MOST, viewer=viewer)
            figure("export / cp -r + sync, processor", sorted(processor)[rounds // 2], "ratio", viewer=viewer)
            figure("export / age for each, time", sorted(peers)[rounds // 2], "ratio", viewer=viewer)


def _seal(vault: Vault, log: Log, files: list[Path]) -> list[Sealed]:
    pending = []
    for path in files:
        writer = vault.start("derivative")
        writer.write(path.read_bytes())
        pending.append(writer.finish())
    keys = [bytes(one.data_key.reveal()) for one in pending]
    at = "2026-01-01T00:00:00.000Z"
    leaves = [
        entry.encode(Leaf(type="redacted", at=at, actor="kiosk", record=None, objects=(one.ref,)))
        for one in pending
    ]
    vault.commit(Batch(objects=pending, records=[], leaves=leaves))
    waiting = vault.outbox()
    indices = log.append_once(waiting)
    vault.outbox_done(waiting[-1][0])
    return [
        Sealed(ObjectId(one.ref.id), key, leaf, log.proof(index), index)
        for one, key, leaf, index in zip(pending, keys, leaves, indices, strict=True)
    ]


def _pictures(vault: Vault, sealed: list[Sealed], thumbnail: bytes) -> Iterator[Picture]:
    for one in sealed:
        key = DataKey(one.key)
        yield Picture(
            id=new_id(os.urandom),
            subject="5" * 32,
            jpeg=b"".join(vault.read_object(one.object_id, key)),
            width=5472,
            height=3648,
            policy="bench",
            commitment_key=commitment_key(key),
            leaf_index=one.index,
            leaf=one.leaf,
            proof=one.proof,
            thumbnail=thumbnail,
        )
        key.wipe()


def _write(target: Path, vault: Vault, log: Log, sealed: list[Sealed], viewer: bool) -> None:
    _, public = age.new_identity(os.urandom)
    write_bundle(
        target,
        Bundle(
            export_id=ExportId(new_id(os.urandom)),
            created=date(2026, 1, 1),
            purpose=Purpose.TEACHING_RESEARCH,
            recipient=public,
            pictures=_pictures(vault, sealed, os.urandom(12_000) if viewer else b""),
            checkpoint=log.checkpoint,
            signer=Ed25519PrivateKey.generate(),
            random=os.urandom,
            acknowledge=os.urandom(32),
            extras=Extras(page=_page() if viewer else b""),
            count=len(sealed),
        ),
    )


def _page() -> bytes:
    try:
        return chunks.page()
    except chunks.NoViewerError:
        return bytes(hashlib.sha256(b"").hexdigest() * 3000, "ascii")  # as long as it


def _warm(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb", buffering=0) as file:
                while file.read(MIB):
                    pass
    os.sync()


def _copy(folder: Path, into: Path) -> None:
    subprocess.run(["cp", "-r", "--", str(folder), str(into)], check=True)
    subprocess.run(["sync", "-f", str(into)], check=True)


def _age(plain: Path, into: Path) -> None:
    into.mkdir()
    _, public = age.new_identity(os.urandom)
    for path in sorted(plain.iterdir()):
        subprocess.run(["age", "-r", public, "-o", str(into / path.name), str(path)], check=True)
    subprocess.run(["sync", "-f", str(into)], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dir", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.dir, prefix="medkiosk-bench-") as folder:
        measure(Path(folder), args.frames, args.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())

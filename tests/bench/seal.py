"""Sealing against copying: the same files, the same disk, the same run.

`copy_and_sync` is the floor that anyone would accept: ``cp``, then fsync of every file. `seal_all` hashes,
encrypts, syncs, reads back, opens what was read, and writes envelopes, records and the signed ledger.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from medkiosk.ledger import entry
from medkiosk.ledger.entry import Leaf
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.vault.batch import Batch
from medkiosk.vault.store import Vault
from medkiosk.vault.writer import STEP, PendingObject
from tests.stores import create

BATCH = 20
"""Files that are acknowledged together."""

_AT = "2026-01-01T00:00:00.000Z"


def copy_and_sync(files: list[Path], into: Path) -> None:
    """``cp`` all files to a new folder and fsync each of them."""
    into.mkdir()
    subprocess.run(["cp", "--", *map(str, files), str(into)], check=True)
    subprocess.run(["sync", "--", *(str(into / path.name) for path in files), str(into)], check=True)


def seal_all(files: list[Path], into: Path) -> None:
    """Seal all files into a new store; one batch is made durable while the next is written."""
    vault, _ = create(into, index_key=bytes(32), random=os.urandom)
    with vault, ThreadPoolExecutor(1) as committer:
        log = Log.create(into / "ledger", Signer("bench.medkiosk.invalid/ledger", bytes(32)))
        under_way: Future[None] | None = None
        for group in _groups(files):
            sealed = [_seal(vault, path) for path in group]
            if under_way is not None:
                under_way.result()
            under_way = committer.submit(_commit, vault, log, sealed)
        if under_way is not None:
            under_way.result()
        if vault.count() != len(files) or log.size != len(files):
            raise AssertionError("not everything was sealed")


def _groups(files: list[Path]) -> Iterator[list[Path]]:
    for start in range(0, len(files), BATCH):
        yield files[start : start + BATCH]


def _seal(vault: Vault, path: Path) -> PendingObject:
    writer = vault.start("original")
    with path.open("rb", buffering=0) as file:
        while piece := file.read(STEP):
            writer.write(piece)
    return writer.finish()


def _commit(vault: Vault, log: Log, sealed: list[PendingObject]) -> None:
    records = [vault.seal_record("event", b'{"bench":true}') for _ in sealed]
    leaves = [
        entry.encode(Leaf(type="bench", at=_AT, actor="kiosk", record=record.ref, objects=(pending.ref,)))
        for pending, record in zip(sealed, records, strict=True)
    ]
    vault.commit(Batch(objects=sealed, records=records, leaves=leaves))
    waiting = vault.outbox()
    log.append_once(waiting)
    vault.outbox_done(waiting[-1][0])
    for pending in sealed:
        pending.data_key.wipe()

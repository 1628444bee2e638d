"""What moving the data keys of all that stays out of a doomed epoch costs: sealed ones, then moved ones."""

from __future__ import annotations

import os
import time
from pathlib import Path

from medkiosk.vault.batch import Batch
from medkiosk.vault.disposal import Plan
from medkiosk.vault.identity import Identity
from medkiosk.vault.store import Vault
from tests.bench.report import figure
from tests.stores import create

KEYS = 20_000
_BATCH = 500


def run(work: Path, keys: int = KEYS) -> None:
    """Print the figures: the first disposal finds sealed envelopes, the second those that the first moved."""
    vault, shares = create(work / "rewrap", random=os.urandom)
    first = second = ""
    for start in range(0, keys + 2, _BATCH):
        count = min(_BATCH, keys + 2 - start)
        records = [vault.seal_record("event", b"about a picture") for _ in range(count)]
        vault.commit(Batch(records=records))
        first, second = (records[0].id, records[1].id) if not start else (first, second)
    with vault.unlock_recovery(shares[:2]) as identity:
        for form, gone in (("sealed", first), ("moved", second)):
            moved, cpu, wall = _dispose(vault, identity, gone)
            figure(f"rewrap, {form}", cpu, "s CPU", keys=moved, wall_s=round(wall, 3))
    vault.close()


def _dispose(vault: Vault, identity: Identity, gone: str) -> tuple[int, float, float]:
    disposals = vault.disposals
    running = disposals.begin(identity, os.urandom(16).hex(), [gone])
    cpu, wall, moved = time.process_time(), time.monotonic(), 0
    while count := _move(vault, identity, running.plan):
        moved += count
    spent = time.process_time() - cpu, time.monotonic() - wall
    vault.commit(Batch(also=lambda tx: disposals.destroy(tx, identity, running)))
    identity.forget_epochs(running.plan.doomed)
    for step in (disposals.destroy_secret, disposals.erase):
        now = disposals.running()
        if now is not None:
            step(now)
    now = disposals.running()
    if now is not None:
        vault.commit(Batch(also=lambda tx: disposals.finish(tx, now)))
    return moved, *spent


def _move(vault: Vault, identity: Identity, plan: Plan) -> int:
    return vault.disposals.move(identity, plan)

"""Sealing against others: the same files, the same disk, the same run, in turns (`tests.bench.peers`).

`seal_all` hashes, encrypts, syncs, reads back from the device, opens what was read, and writes envelopes,
records and the signed ledger.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import time
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
from tests.bench.peers import PEERS, Peer
from tests.bench.report import MIB, figure, left_out
from tests.stores import create

BATCH = 20
"""Files that are acknowledged together."""

_AT = "2026-01-01T00:00:00.000Z"


_PIECE = 1 << 20


def run(sizes: list[int], work: Path, rounds: int) -> None:
    """Measure with the source in the page cache, then from the disk; a ratio for each peer."""
    source = work / "source"
    source.mkdir()
    files = [source / f"IMG_{number:04d}.JPG" for number in range(len(sizes))]
    for path, size in zip(files, sizes, strict=True):
        # No two alike and nothing to compress, as pictures are; those of a made card repeat themselves.
        path.write_bytes(os.urandom(size))
    ours = Peer("seal", (), lambda into: None, seal_all, 0)
    runners = [ours]
    for peer in PEERS:
        if missing := peer.missing():
            left_out(f"seal / {peer.name}", f"not installed: {', '.join(missing)}")
        else:
            runners.append(peer)
    for state in ("cached", "cold"):
        seconds: dict[str, list[float]] = {runner.name: [] for runner in runners}
        for number in range(rounds):
            for runner in runners if number % 2 == 0 else runners[::-1]:
                took, cpu = _measure(runner, files, work, cold=state == "cold")
                seconds[runner.name].append(took)
                speed = sum(sizes) / MIB / took
                figure(runner.name, speed, "MiB/s", source=state, round=number, cpu_s=round(cpu, 2))
        for runner in runners[1:]:
            ratios = [other / own for other, own in zip(seconds[runner.name], seconds["seal"], strict=True)]
            value = statistics.median(ratios)
            wanted = {"least": runner.least, "met": value >= runner.least} if runner.least else {}
            each = [round(ratio, 2) for ratio in ratios]
            figure(f"seal / {runner.name}", value, "ratio", source=state, rounds=each, **wanted)
    shutil.rmtree(source)


def _measure(runner: Peer, files: list[Path], work: Path, *, cold: bool) -> tuple[float, float]:
    """Seconds and CPU seconds, of this process and of those it started."""
    into = work / "out"
    runner.prepare(into)
    os.sync()
    for path in files:
        with path.open("rb", buffering=0) as file:
            if cold:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            else:
                while file.read(_PIECE):
                    pass
    cpu, began = _cpu(), time.monotonic()
    runner.work(files, into)
    took, used = time.monotonic() - began, _cpu() - cpu
    for left in work.glob("out*"):
        shutil.rmtree(left)
    return took, used


def _cpu() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


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

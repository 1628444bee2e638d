"""What an audit costs: half a million ledger entries, and records that are opened for real.

Part of ``make bench``; alone: ``python -m tests.bench.audit --events 500000``. Old records are noise of the
right size, so that the store is made in minutes; the newest are sealed for real.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from pathlib import Path

from medkiosk.catalog.trail import Trail
from medkiosk.core.events import AnyEvent, OriginalSealed, Redacted
from medkiosk.core.ids import CaptureId
from medkiosk.daemon.opened import Opened
from medkiosk.ipc.audittypes import AuditQuery
from medkiosk.ipc.client import Client
from medkiosk.ledger import entry
from medkiosk.vault.batch import Batch, insert_batch
from medkiosk.vault.epochs import MAX_ENVELOPES
from tests.bench.bigstore import Builder
from tests.bench.report import MIB, cpu_s, figure, peak_bytes
from tests.bench.years import Years
from tests.kiosk import ScratchKiosk

REAL = 2_000
"""Events that are sealed for real."""
_BATCH = 5_000


def measure(events: int, folder: Path) -> None:
    """All figures."""
    trail_figures(events)
    kiosk = ScratchKiosk(folder / "kiosk", models=folder, cheap=False)
    kiosk.init()
    kiosk.start()
    try:
        kiosk.hire()
        kiosk.stop()
        first = fill(kiosk, events)
        kiosk.start()
        with kiosk.session("audi") as client:
            size = client.audit(AuditQuery(categories=("login",)), 0).size
            answer(kiosk, client, "few answer: who logged in", AuditQuery(categories=("login",)), size)
            answer(kiosk, client, "one picture", AuditQuery(capture_id=first), size)
            answer(
                kiosk,
                client,
                f"the last {REAL} events, each opened",
                AuditQuery(),
                size,
                start=max(size - REAL, 0),
            )
            figure("daemon's peak", peak_bytes(kiosk.pid) / MIB, "MiB", entries=size)
    finally:
        kiosk.close()


def trail_figures(events: int) -> None:
    """The index of who names what: what it takes in memory, and to look something up."""
    trail, count, last, cpu = Trail(), 0, "", 0.0
    many = itertools.islice(Years(events), events)
    while batch := list(itertools.islice(many, _BATCH)):
        began = time.process_time()
        for event in batch:
            count += 1
            trail.take(event, count)
        cpu += time.process_time() - began
        last = next((each.capture_id for each in batch if isinstance(each, OriginalSealed)), last)
    figure("trail: take", cpu / count * 1e6, "us CPU", events=count)
    figure("trail: in memory and saved", len(trail.save()) / MIB, "MiB", pairs=len(trail), events=count)
    began = time.process_time()
    found = trail.of([last])
    figure(
        "trail: look up", (time.process_time() - began) * 1000, "ms CPU", found=len(found), pairs=len(trail)
    )


def fill(kiosk: ScratchKiosk, events: int) -> CaptureId:
    """Fill a stopped kiosk's store; gives a picture of the events that are sealed for real."""
    builder = Builder(kiosk)
    began = time.process_time()
    many = iter(Years(events))
    opened = Opened(builder.identity)
    opened.catch_up(builder.journal)
    while events > REAL:
        batch = list(itertools.islice(many, min(_BATCH, events - REAL)))
        _noise(builder, opened, batch)
        events -= len(batch)
    opened.save(builder.journal)  # no login could read these records
    real = [each for each in itertools.islice(many, 3 * REAL) if isinstance(each, OriginalSealed | Redacted)]
    builder.fill(real[:REAL])
    builder.close()
    figure("making the store", time.process_time() - began, "s CPU")
    return next(each.capture_id for each in real if isinstance(each, OriginalSealed))


def _noise(builder: Builder, opened: Opened, batch: list[AnyEvent]) -> None:
    """Records of noise, and entries as they are."""
    records = [builder._noise(event) for event in batch]
    leaves = [
        entry.encode(
            entry.blurred(entry.Leaf(type=event.name, at=event.at, actor=event.actor, record=record.ref))
        )
        for event, record in zip(batch, records, strict=True)
    ]
    vault = builder._vault
    with vault._db.transaction() as tx:
        insert_batch(tx, Batch(records=records, leaves=leaves))
    first = builder._log.size
    builder._log.append_once(vault.outbox())
    vault.outbox_done(builder._log.size)
    for index, event in enumerate(batch, first):
        opened.told(builder.journal, event, index)
    with vault._db.transaction() as tx:
        held = tx.execute("SELECT count(*) FROM envelopes WHERE epoch = ?", (vault.current_epoch,))
        if held.fetchone()[0] >= MAX_ENVELOPES:
            builder.identity.open_epoch_under(tx, vault.generation)


def answer(
    kiosk: ScratchKiosk, client: Client, name: str, query: AuditQuery, size: int, start: int = 0
) -> None:
    """Ask to the end."""
    began, cpu, pages, found = time.monotonic(), cpu_s(kiosk.pid), 0, 0
    longest, upto = 0.0, 0
    while start < (upto or size):
        asked = time.monotonic()
        page = client.audit(query, start, upto, 1000)
        longest = max(longest, time.monotonic() - asked)
        pages, found, start, upto = pages + 1, found + len(page.lines), page.next, page.size
    cpu = cpu_s(kiosk.pid) - cpu
    figure(
        f"audit: {name}",
        time.monotonic() - began,
        "s",
        cpu_s=round(cpu, 2),
        pages=pages,
        found=found,
        longest_answer_s=round(longest, 2),
        entries=upto,
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="audit", description=__doc__)
    parser.add_argument("--events", type=int, default=500_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="medkiosk-audit-") as temporary:
        measure(args.events, Path(temporary))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

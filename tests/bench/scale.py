"""The catalogue at scale: what folding, saving, loading and unlocking cost at 10,000 and 100,000 captures.

Part of ``make bench``; alone: ``python -m tests.bench.scale --captures 10000 --store DIR``. A store in DIR is
made once and used again. Whatever is measured in memory runs in a process of its own.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from medkiosk.catalog.fold import Catalog
from medkiosk.catalog.saved import Reach, load, save
from medkiosk.core.ids import CaptureId
from medkiosk.daemon.opened import Opened
from medkiosk.review.machine import step
from tests.bench.bigstore import Builder
from tests.bench.report import MIB, cpu_s, figure, peak_bytes
from tests.bench.years import Years
from tests.kiosk import ADMIN, PASSPHRASE, ScratchKiosk

SIZES = (10_000, 100_000)
FULL = 10_000
"""Up to this many captures every record is sealed for real, so that a login can read all of them."""
UNLOCK_S, PHOTO_S, MEMORY_MIB = 2.0, 0.15, 400
"""The most that a login, one photo and the daemon's memory may take."""


def measure_all(folder: Path) -> None:
    """All figures of both sizes."""
    for captures in SIZES:
        measure(captures, folder)


def measure(captures: int, folder: Path) -> None:
    """All figures of one size; the store is made where it is not there yet."""
    run("fold", captures, folder)
    run("load", captures, folder)
    kiosk, capture_id = made(captures, folder)
    try:
        logins(kiosk, captures, capture_id)
    finally:
        kiosk.close()
    run("photo", captures, folder)


def run(part: str, captures: int, folder: Path) -> None:
    """Measure one part in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.scale", "--part", part]
    subprocess.run([*command, "--captures", str(captures), "--store", str(folder)], check=True)


def fold_part(captures: int, folder: Path) -> None:
    """Fold the events; then save what came out for `load_part`."""
    began = time.process_time()
    for _ in Years(captures):
        pass
    making = time.process_time() - began
    before, began = resident(), time.process_time()
    catalog = Catalog(step)
    count = 0
    for count, event in enumerate(Years(captures), 1):
        catalog.apply(event, count, count)
    cpu = time.process_time() - began - making
    figure("fold", cpu, "s CPU", captures=captures, events=count, us_each=round(cpu / count * 1e6, 1))
    figure("catalogue in memory after the fold", resident() - before, "MiB", captures=captures)
    began = time.process_time()
    data = b"".join(save(catalog, Reach("bench")))
    figure("save, without the cipher", time.process_time() - began, "s CPU", captures=captures)
    figure("saved catalogue", len(data) / MIB, "MiB", captures=captures)
    (folder / f"saved-{captures}").write_bytes(data)


def load_part(captures: int, folder: Path) -> None:
    """Load what `fold_part` saved, in pieces as the cipher gives them."""
    path = folder / f"saved-{captures}"
    before, began = resident(), time.process_time()
    catalog = Catalog(step)
    with path.open("rb") as file:
        load(catalog, iter(lambda: file.read(1 << 20), b""), "bench")
    figure("load, without the cipher", time.process_time() - began, "s CPU", captures=captures)
    figure("catalogue in memory after loading", resident() - before, "MiB", captures=captures)
    took = []
    for number in range(20):
        began = time.perf_counter()
        catalog.captures(offset=number * captures // 20, limit=500)
        took.append(time.perf_counter() - began)
    figure("a page of 500 captures", statistics.median(took) * 1000, "ms", captures=captures)


def made(captures: int, folder: Path) -> tuple[ScratchKiosk, str]:
    """A stopped kiosk with a store of this size, and a capture that has its pictures."""
    root = folder / f"kiosk-{captures}"
    kiosk = ScratchKiosk(root, models=root, cheap=False)
    mark = root / "capture"
    if not mark.exists():
        kiosk.init()
        kiosk.start()
        kiosk.hire()
        kiosk.stop()
        builder = Builder(kiosk)
        began = time.process_time()
        (builder.fill if captures <= FULL else builder.fill_lightly)(Years(captures))
        capture_id = builder.photo(os.urandom(8_000_000), os.urandom(1368 * 912 * 3))
        builder.close()
        figure("making the store", time.process_time() - began, "s CPU", captures=captures)
        mark.write_text(capture_id)
    return kiosk, mark.read_text()


def logins(kiosk: ScratchKiosk, captures: int, capture_id: str) -> None:
    """Log in without and with a sealed catalogue; open one photo; look at the daemon's memory."""
    if captures <= FULL:
        (kiosk.store / "catalog").unlink(missing_ok=True)
    size = (kiosk.store / "vault.db").stat().st_size / MIB
    for name in ("without", "with") if captures <= FULL else ("with",):
        kiosk.start()
        began, cpu = time.monotonic(), cpu_s(kiosk.pid)
        words: set[str] = set()
        watcher = threading.Thread(target=watch, args=(kiosk, words), daemon=True)
        watcher.start()
        with kiosk.session(ADMIN, PASSPHRASE):
            took, cpu = time.monotonic() - began, cpu_s(kiosk.pid) - cpu
            watcher.join()
            figure(
                f"login {name} a sealed catalogue",
                took,
                "s",
                captures=captures,
                cpu_s=round(cpu, 2),
                **({"most": UNLOCK_S, "met": took <= UNLOCK_S} if name == "with" else {"words": len(words)}),
            )
            figure("resident after the login", resident(kiosk.pid), "MiB", captures=captures, login=name)
        if name == "with":
            more(kiosk, captures, capture_id)
        peak = peak_bytes(kiosk.pid) / MIB
        figure(
            "daemon's peak",
            peak,
            "MiB",
            captures=captures,
            login=name,
            most=MEMORY_MIB,
            met=peak <= MEMORY_MIB,
        )
        kiosk.stop()
    sealed = (kiosk.store / "catalog").stat().st_size / MIB
    figure("sealed catalogue", sealed, "MiB", captures=captures, database_mib=round(size))


def watch(kiosk: ScratchKiosk, words: set[str]) -> None:
    """Collect what the board says about a login until it is over."""
    with kiosk.client() as client:
        for status in client.watch_status():
            if status.opening:
                words.add(status.opening)
            if status.unlocked:
                return


def more(kiosk: ScratchKiosk, captures: int, capture_id: str) -> None:
    """A second person logs in while the catalogue is open, looks at a picture, and pages through lists."""
    began = time.monotonic()
    with kiosk.session("rita") as client:
        figure("login while it is open", time.monotonic() - began, "s", captures=captures)
        figures = {
            "one preview, with its ledger entry": lambda: client.get_preview(CaptureId(capture_id)),
            "a page of 500 captures, asked for by the console": lambda: client.list_captures(
                offset=captures // 2, limit=500
            ),
        }
        for name, ask in figures.items():
            took = [timed(ask) for _ in range(15)]
            figure(
                name, statistics.median(took) * 1000, "ms", captures=captures, slowest=round(max(took) * 1000)
            )
    with kiosk.session("audi") as client:
        took = [timed(lambda: client.list_events(captures, 100)) for _ in range(10)]
        figure(
            "a page of 100 events for the auditor", statistics.median(took) * 1000, "ms", captures=captures
        )


def photo_part(captures: int, folder: Path) -> None:
    """Open a derivative of 8 MB: its row, its envelope, its blob; what drawing it costs is another matter."""
    kiosk, capture_id = made(captures, folder)
    builder = Builder(kiosk)
    opened = Opened(builder.identity)
    began, cpu = time.perf_counter(), time.process_time()
    opened.load(builder.journal)
    opened.catch_up(builder.journal)
    value, cpu = time.perf_counter() - began, time.process_time() - cpu
    met = value <= UNLOCK_S
    figure(
        "from keys to catalogue", value, "s", captures=captures, cpu_s=round(cpu, 3), most=UNLOCK_S, met=met
    )
    view = opened.catalog.capture(CaptureId(capture_id))
    assert view is not None
    assert view.latest is not None
    derivative = view.latest.derivative_id

    def look() -> None:
        key = builder.identity.open_key(derivative)
        for _ in builder.journal.vault.read_object(derivative, key):
            pass
        key.wipe()

    took = [timed(look) for _ in range(15)]
    value = statistics.median(took)
    figure(
        "one photo of 8 MB", value * 1000, "ms", captures=captures, most=PHOTO_S * 1000, met=value <= PHOTO_S
    )
    began = time.perf_counter()
    opened.save(builder.journal)
    figure("saving, with cipher and disk", (time.perf_counter() - began) * 1000, "ms", captures=captures)
    builder.close()


def timed(work: Callable[[], object]) -> float:
    """Seconds on the clock."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def resident(pid: int | str = "self") -> float:
    """Resident memory now, MiB; of this process after what is garbage was let go of."""
    if pid == "self":
        gc.collect()
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


PARTS = {"fold": fold_part, "load": load_part, "photo": photo_part}


def main() -> int:
    parser = argparse.ArgumentParser(prog="scale", description=__doc__)
    parser.add_argument("--captures", type=int, nargs="+", default=SIZES)
    parser.add_argument("--store", type=Path, help="where stores are kept; default: a temporary folder")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="medkiosk-scale-") as temporary:
        folder = args.store or Path(temporary)
        folder.mkdir(exist_ok=True)
        for captures in args.captures:
            if args.part:
                PARTS[args.part](captures, folder)
            else:
                measure(captures, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Time and memory on a 20 megapixel photograph: ours, all of it, beside deface, which only knows faces."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import psutil
from PIL import Image

from medkiosk.core.photo import RedactCode
from tests.eval.faces import photos
from tests.eval.grounds import skin
from tests.eval.methods import Ours, Peer
from tests.eval.picture import Rendered
from tests.eval.report import figure
from tests.redact.scenes import with_mole, with_qr, with_text

_SENSOR = (5472, 3648)
_WHAT = "20 MP: face, label, code, lesion"
MIB = 1 << 20


def scene() -> bytes:
    """A 20 megapixel JPEG: a face, a printed label, a QR code and a lesion on skin."""
    image = Image.fromarray(np.ascontiguousarray(skin(*_SENSOR)[:, :, ::-1]))
    face = cv2.resize(photos()[0].pixels, (1500, 1500), interpolation=cv2.INTER_CUBIC)
    image.paste(Image.fromarray(np.ascontiguousarray(face[:, :, ::-1])), (300, 300))
    with_text(image, "SMITH Jane DOB 04.07.1961", 60, (3000, 500), 10)
    with_qr(image, "encounter 7f3a9c00471193", 8, (3600, 1500))
    with_mole(image, 220, (3400, 2800), (95, 60, 40))
    return Rendered(np.asarray(image)[:, :, ::-1], ()).jpeg()


def measure(peer: Peer | None, rounds: int = 3) -> None:
    """Print the figures."""
    jpeg = scene()
    with Ours() as ours:
        first = _one(ours, jpeg)
        later = [_one(ours, jpeg) for _ in range(rounds)]
        with _watched(ours.pid) as peaks:  # apart: whoever is watched walks through its page tables
            _one(ours, jpeg)
        median = statistics.median(later)
        figure(
            "CPU seconds, detect + suggest + burn + check",
            median,
            "s",
            picture=_WHAT,
            method="ours",
            n=rounds,
        )
        figure("CPU seconds, first picture of a worker", first, "s", picture=_WHAT, method="ours")
        figure("CPU seconds to load the models, once a worker", ours.load_s, "s", method="ours")
        figure("peak memory (PSS) of worker and child", peaks[0] / MIB, "MiB", picture=_WHAT, method="ours")
        figure("memory (PSS) of the idle worker", pss(ours.pid) / MIB, "MiB", method="ours")
        _two_workers(ours, jpeg, rounds)
    if peer is None:
        return
    whole = [peer.whole_run(jpeg) for _ in range(rounds)]
    seen = [peer.look(jpeg).seconds for _ in range(rounds)]
    more = {"picture": _WHAT, "method": "deface", "backend": peer.backend, "n": rounds}
    figure("CPU seconds, read + detect + blur + write", statistics.median(whole), "s", **more)
    figure("CPU seconds, read + detect", statistics.median(seen), "s", **more)
    figure("CPU seconds, ours / deface", median / statistics.median(whole), "ratio", picture=_WHAT)


def _one(ours: Ours, jpeg: bytes) -> float:
    result, seconds = ours.redact(jpeg)
    if result.code not in {RedactCode.OK, RedactCode.RESIDUAL}:
        raise RuntimeError(f"the picture was not redacted: {result.words}")
    return seconds


def _two_workers(one: Ours, jpeg: bytes, rounds: int) -> None:
    """Throughput by wall clock of two workers at once against one alone, on the same pictures."""
    alone = _wall([one], jpeg, rounds)
    with Ours() as other:
        _one(other, jpeg)
        both = _wall([one, other], jpeg, rounds)
    figure(
        "throughput of two workers / one",
        2 * alone / both,
        "ratio",
        picture=_WHAT,
        cores=psutil.cpu_count(),
        load=round(psutil.getloadavg()[0], 1),
    )


def _wall(workers: list[Ours], jpeg: bytes, rounds: int) -> float:
    threads = [
        threading.Thread(target=lambda w=worker: [_one(w, jpeg) for _ in range(rounds)]) for worker in workers
    ]
    before = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - before


@contextmanager
def _watched(pid: int) -> Iterator[list[int]]:
    """The highest sum of PSS over a worker and its children while the block runs, looked at every 20 ms."""
    peak, stop = [0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.02):
            total = pss(pid)
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                total += pss(int(child))
            peak[0] = max(peak[0], total)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()


def pss(pid: int) -> int:
    """Proportional set size, bytes; 0 for a process that is gone or may not be looked at."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(row.split()[1]) * 1024 for row in text.splitlines() if row.startswith("Pss:")), 0)

"""The console on a kiosk of ten thousand encounters: how long it takes from a key to the repaint.

Part of ``make console-bench``: a real daemon with a real store, the real console on a pseudo-terminal. A key
is written to the terminal, and the time is taken until the last byte of what it changed came back. One JSON
line a figure, with the CPU time of console and daemon for each key beside it: on a busy machine it says more.
From one photo to the next is measured on a second kiosk with real photos, in a terminal that draws them.

``python -m tests.bench.consolekeys [--captures 100000] [--store DIR] [--keys 60] [--only lists photos]``
"""

from __future__ import annotations

import argparse
import os
import select
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.bench.report import cpu_s, figure
from tests.bench.scale import made
from tests.console.terminals import PtyConsole, command, log_in
from tests.kiosk import PASSPHRASE, ScratchKiosk, redacted
from tests.virtual.photos import make_card

LIST_MS, SEARCH_MS, PHOTO_MS = 50, 100, 300
"""The most at the 95th percentile: a key on a list, a letter of a search, from one photo to the next."""
_QUIET_S, _PATIENCE_S = 0.12, 20.0
_PHOTOS, _LOOKS_S = 8, 1.5
"""How many photos there are to go through, and how long somebody looks at each, seconds."""
_SIXEL = (b"\x1bP", b"\x1b\\")
_KEYS = {"down": b"\x1b[B", "up": b"\x1b[A", "pagedown": b"\x1b[6~", "pageup": b"\x1b[5~"}
_ENDS = {"home": b"\x1b[H", "end": b"\x1b[F"}


class TimedConsole(PtyConsole):
    """A console whose answers to keys are timed."""

    def timed(self, key: bytes, ready: Callable[[str], bool] | None = None) -> float:
        """Seconds from a key to the last byte of its repaint.

        Args:
            key: as the terminal sends it.
            ready: whether the screen shows what was asked for; else what comes before a silence counts.
        """
        self._read(0.0)
        began = last = time.perf_counter()
        os.write(self._master, key)
        heard = b""
        while True:
            wait = _QUIET_S if heard else _PATIENCE_S
            if not select.select([self._master], [], [], wait)[0]:
                break
            heard += os.read(self._master, 1 << 16)
            last = time.perf_counter()
            if ready is None and time.perf_counter() - began > _PATIENCE_S:
                break
        if not heard:
            raise AssertionError(f"the key {key!r} changed nothing")
        self.raw += heard
        self._feed(heard)
        if ready is not None and not ready(self.text()):
            raise AssertionError("the screen does not show what was asked for\n" + "\n".join(self.lines()))
        return last - began

    def painted(self, key: bytes) -> float:
        """Seconds from a key to the last byte of the photo that it brings."""
        self._read(0.0)
        began = last = time.perf_counter()
        os.write(self._master, key)
        # Megabytes in pieces of 4 KiB: looking through all of it each time took a second.
        parts: list[bytes] = []
        before, starts, ends = b"", 0, 0
        start, end = _SIXEL
        while True:
            whole = starts and starts == ends
            if not select.select([self._master], [], [], 4 * _QUIET_S if whole else _PATIENCE_S)[0]:
                break
            parts.append(os.read(self._master, 1 << 16))
            window = before + parts[-1]
            before = parts[-1][-1:]
            starts += window.count(start)
            if found := window.count(end):
                ends += found
                last = time.perf_counter()
        if not starts:
            raise AssertionError(f"the key {key!r} brought no photo")
        heard = b"".join(parts)
        self.raw += heard
        self._feed(heard)
        return last - began


def p95(times: Iterable[float]) -> float:
    """The 95th percentile, in milliseconds."""
    return statistics.quantiles(times, n=20, method="inclusive")[-1] * 1000


class Bench:
    """Times keys on one running console and says what they cost.

    Args:
        console: the console, logged in, on Home.
        kiosk: its kiosk.
        captures: how many the kiosk has.
    """

    def __init__(self, console: TimedConsole, kiosk: ScratchKiosk, captures: int) -> None:
        self.console = console
        self._kiosk = kiosk
        self._captures = captures

    def report(
        self, name: str, most: float, keys: Iterable[bytes], press: Callable[[bytes], float] | None = None
    ) -> None:
        """Press keys; one figure."""
        before = self._cpu()
        times = [(press or self.console.timed)(key) for key in keys]
        cpu = [(after - start) / len(times) * 1000 for start, after in zip(before, self._cpu(), strict=True)]
        value = p95(times)
        figure(
            name,
            value,
            "ms p95",
            most=most,
            met=value <= most,
            median=round(statistics.median(times) * 1000, 1),
            keys=len(times),
            captures=self._captures,
            console_cpu_ms=round(cpu[0], 1),
            daemon_cpu_ms=round(cpu[1], 1),
        )

    def _cpu(self) -> tuple[float, float]:
        return cpu_s(self.console.process.pid), cpu_s(self._kiosk.pid)

    def opened(self, key: str, until: str) -> None:
        """Open a screen from Home, and wait until it shows something."""
        self.console.press(key)
        self.console.until(until)
        self.console.timed(_KEYS["down"])


def walk(keys: int) -> list[bytes]:
    """Down and up a list as a person goes: mostly steps, some pages, and never past an end."""
    block = ["down"] * 6 + ["pagedown"] * 2 + ["up"] * 3 + ["pageup"]
    return [_KEYS[block[number % len(block)]] for number in range(keys)]


def lists(bench: Bench, keys: int) -> None:
    """Encounters, imports and the photos of one import."""
    bench.opened("e", "encounters, newest first")
    bench.report("encounters: a key on the list", LIST_MS, walk(keys))
    ends = [_ENDS["end"], _ENDS["home"]] * (keys // 4)
    bench.report("encounters: to the last one and back", LIST_MS, ends)
    bench.console.press("f")
    bench.console.until("Find")
    typed = [bytes([letter]) for word in ("example1", "ada left", "00 exam") for letter in word.encode()]
    times: list[bytes] = []
    for number, key in enumerate(typed):
        if number and number % 8 == 0:
            times += [b"\x7f"] * 8
        times.append(key)
    bench.report("encounters: a letter of a search", SEARCH_MS, times[: 2 * keys])
    bench.console.press("escape")
    bench.console.press("escape")
    bench.console.until("Next:")
    bench.opened("i", "in this import")
    bench.report(
        "imports: to another import, with its photos", LIST_MS, [_KEYS["down"], _KEYS["up"]] * (keys // 4)
    )
    bench.console.press("enter")
    bench.report("imports: a key on the photos", LIST_MS, walk(keys))
    bench.console.press("escape")
    bench.console.until("Next:")


def run(kiosk: ScratchKiosk, captures: int, keys: int) -> None:
    """Every figure of a kiosk that is not running yet."""
    kiosk.start()
    with TimedConsole(command(kiosk.socket, "--graphics", "sixel")) as console:
        log_in(console, "rita", PASSPHRASE)
        lists(Bench(console, kiosk, captures), keys)


def photos(work: Path, keys: int, columns: int = 160, rows: int = 50) -> None:
    """From one photo to the next and back, on a kiosk with a card of real ones."""
    card = work / "card"
    make_card(card, _PHOTOS, fast=True, camera=False)
    kiosk = ScratchKiosk(work / "photos", cards=[card])
    try:
        kiosk.init()
        kiosk.start()
        kiosk.wait(redacted, timeout_s=600)
        kiosk.hire()
        argv = command(kiosk.socket, "--graphics", "sixel")
        with TimedConsole(argv, columns=columns, rows=rows) as console:
            log_in(console, "rita", PASSPHRASE)
            console.press("r")
            console.until(f"photo 1 of {_PHOTOS}")
            there = [b"n"] * (_PHOTOS - 1) + [b"p"] * (_PHOTOS - 1)

            def looked(key: bytes) -> float:
                time.sleep(_LOOKS_S)
                return console.painted(key)

            console.painted(b"n")  # what the first one costs once is no step from photo to photo
            console.painted(b"p")
            bench = Bench(console, kiosk, _PHOTOS)
            turns = [there[number % len(there)] for number in range(keys)]
            size = f"{columns} x {rows} cells of 10 x 20 pixels"
            bench.report(f"review: to the next photo, and back; {size}", PHOTO_MS, turns, looked)
    finally:
        kiosk.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="consolekeys", description=__doc__)
    parser.add_argument("--captures", type=int, default=100_000)
    parser.add_argument("--keys", type=int, default=60)
    parser.add_argument("--only", nargs="+", choices=("lists", "photos"), default=("lists", "photos"))
    parser.add_argument("--store", type=Path, help="where stores are kept; default: a temporary folder")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="medkiosk-keys-") as temporary:
        folder = args.store or Path(temporary)
        folder.mkdir(exist_ok=True)
        if "photos" in args.only:
            photos(Path(temporary), args.keys)
        if "lists" not in args.only:
            return 0
        kiosk, _ = made(args.captures, folder)
        try:
            run(kiosk, args.captures, args.keys)
        finally:
            kiosk.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The console on a kiosk of ten thousand encounters: how long it takes from a key to the repaint.

Part of ``make console-bench``: a real daemon with a real store, the real console on a pseudo-terminal. A key
is written to the terminal, and the time is taken until the last byte of what it changed came back. One JSON
line a figure, with the CPU time of console and daemon for each key beside it: on a busy machine it says more.
The other lists are those of `tests.bench.consolelists`, each as somebody who has the role for it. From one
photo to the next is measured on a second kiosk with real photos, in a terminal that draws them.

``python -m tests.bench.consolekeys [--captures 100000] [--store DIR] [--keys 60] [--only lists others]``
"""

from __future__ import annotations

import argparse
import os
import select
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path

from tests.bench.consolelists import LOOKS, Look, crowded
from tests.bench.report import cpu_s, figure
from tests.bench.scale import made
from tests.console.terminals import PtyConsole, command, log_in
from tests.kiosk import PASSPHRASE, ScratchKiosk, redacted
from tests.virtual.photos import make_card

LIST_MS, SEARCH_MS, PHOTO_MS = 50, 100, 300
"""The most at the 95th percentile: a key on a list, a letter of a search, from one photo to the next."""
_QUIET_S, _PATIENCE_S, _SETTLES_S = 0.12, 20.0, 1.0
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
            raise AssertionError(f"the key {key!r} changed nothing\n" + "\n".join(self.lines()))
        self.raw += heard
        self._feed(heard)
        if ready is not None and not ready(self.text()):
            raise AssertionError("the screen does not show what was asked for\n" + "\n".join(self.lines()))
        return last - began

    def opened(self, key: str, *wanted: str) -> float:
        """Seconds from a key until the screen says all of these."""
        self._read(0.0)
        began = last = time.perf_counter()
        self.press(key)
        while missing := [words for words in wanted if words not in self.text()]:
            if time.perf_counter() - began > 3 * _PATIENCE_S:
                raise AssertionError(f"never said: {missing}\n" + "\n".join(self.lines()))
            last = time.perf_counter()
            self._read(0.01)
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
        self,
        name: str,
        most: float | None,
        keys: Iterable[bytes],
        press: Callable[[bytes], float] | None = None,
        **more: object,
    ) -> None:
        """Press keys; one figure, which has no aim where ``most`` is None."""
        before = self._cpu()
        times = [(press or self.console.timed)(key) for key in keys]
        cpu = [(after - start) / len(times) * 1000 for start, after in zip(before, self._cpu(), strict=True)]
        value = p95(times)
        figure(
            name,
            value,
            "ms p95",
            **({} if most is None else {"most": most, "met": value <= most}),
            median=round(statistics.median(times) * 1000, 1),
            keys=len(times),
            captures=self._captures,
            console_cpu_ms=round(cpu[0], 1),
            daemon_cpu_ms=round(cpu[1], 1),
            load=round(os.getloadavg()[0], 1),
            **more,
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


def letters(searches: Sequence[str]) -> list[bytes]:
    """Type each, and take it away again, letter by letter."""
    keys: list[bytes] = []
    for words in searches:
        keys += [letter.encode() for letter in words]
        keys += [b"\x7f"] * len(words)
    return keys[: -len(searches[-1])]


def lists(bench: Bench, keys: int) -> None:
    """Encounters, imports and the photos of one import."""
    bench.opened("e", "encounters, newest first")
    bench.report("encounters: a key on the list", LIST_MS, walk(keys))
    ends = [_ENDS["end"], _ENDS["home"]] * (keys // 4)
    bench.report("encounters: to the last one and back", LIST_MS, ends)
    bench.console.press("f")
    bench.console.until("Find")
    typed = letters(("example1", "ada left", "00 exam"))
    bench.report("encounters: a letter of a search", SEARCH_MS, typed[: 2 * keys])
    bench.console.press("escape")
    bench.console.press("escape")
    bench.console.until("Next:")
    bench.opened("i", "in this import")
    bench.console.timed(_KEYS["down"])  # below the one that is nobody's, and the one of a single photo
    bench.report(
        "imports: to another import, with its photos", LIST_MS, [_KEYS["down"], _KEYS["up"]] * (keys // 4)
    )
    bench.console.press("enter")
    bench.report("imports: a key on the photos", LIST_MS, walk(keys))
    bench.console.press("escape")
    bench.console.until("Next:")


def run(kiosk: ScratchKiosk, captures: int, keys: int) -> None:
    """Encounters and imports, of a kiosk that runs."""
    with TimedConsole(command(kiosk.socket, "--graphics", "sixel")) as console:
        log_in(console, "rita", PASSPHRASE)
        lists(Bench(console, kiosk, captures), keys)


def others(kiosk: ScratchKiosk, captures: int, keys: int, only: str = "") -> None:
    """A key on each of the other lists; the kiosk runs, and has a crowd."""
    for user, looks in groupby(LOOKS, lambda look: look.user):
        mine = [look for look in looks if only in look.name]
        if not mine:
            continue
        with TimedConsole(command(kiosk.socket, "--graphics", "sixel")) as console:
            log_in(console, user, PASSPHRASE)
            bench = Bench(console, kiosk, captures)
            for look in mine:
                _look(bench, look, keys)


def _look(bench: Bench, look: Look, keys: int) -> None:
    """Go to a list, and press keys there."""
    console, took = bench.console, 0.0
    while not look.here and "Next:" not in console.text():
        before = console.text()
        console.press("escape")
        _until_other(console, before)
    steps = list(look.steps)
    while steps:
        key = steps.pop(0)
        wanted = []
        while steps and steps[0].startswith("~"):
            wanted.append(steps.pop(0)[1:])
        if key.startswith("'"):
            console.type(key[1:])
            console.until(key[1:])
        else:
            took = console.opened(key, *wanted)
            time.sleep(_SETTLES_S)
    search = look.press not in _WALKS
    pressed = letters(look.press.split("|")) if search else _WALKS[look.press](keys)
    if not search:
        console.timed(_KEYS["down"])

    def and_back(_: bytes) -> float:
        took = console.opened("enter", "One event of the audit", "Entry")
        console.press("escape")
        console.until("Again")
        return took

    opens = look.press == "enter"
    bench.report(
        look.name,
        None if opens else SEARCH_MS if search else LIST_MS,
        pressed,
        and_back if opens else None,
        opened_ms=round(took * 1000) if look.steps else None,
    )


def _until_other(console: TimedConsole, before: str) -> None:
    deadline = time.perf_counter() + _PATIENCE_S
    while console.text() == before and time.perf_counter() < deadline:
        time.sleep(0.05)


def _near(keys: int) -> list[bytes]:
    return [_KEYS["down"], _KEYS["up"]] * (keys // 2)


def _scroll(keys: int) -> list[bytes]:
    return [_KEYS[key] for key in ("pagedown", "pageup", "down", "up")] * (keys // 4)


def _further(keys: int) -> list[bytes]:
    return [_ENDS["end"]] * (keys // 2)


def _enter(keys: int) -> list[bytes]:
    return [b"\r"] * (keys // 4)


_WALKS = {"far": walk, "near": _near, "scroll": _scroll, "end": _further, "enter": _enter}


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
    parts = ("lists", "others", "photos")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    parser.add_argument("--look", default="", help="of the other lists, only those with this in their name")
    parser.add_argument("--store", type=Path, help="where stores are kept; default: a temporary folder")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="medkiosk-keys-") as temporary:
        folder = args.store or Path(temporary)
        folder.mkdir(exist_ok=True)
        if "photos" in args.only:
            photos(Path(temporary), args.keys)
        if not {"lists", "others"} & set(args.only):
            return 0
        kiosk, _ = made(args.captures, folder)
        crowded(kiosk, args.captures)
        try:
            kiosk.start()
            if "lists" in args.only:
                run(kiosk, args.captures, args.keys)
            if "others" in args.only:
                others(kiosk, args.captures, args.keys, args.look)
        finally:
            kiosk.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

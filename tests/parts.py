"""All tests in parts, three at a time: ``make test``. They wait for the disk or for a daemon now and then, so
that two processors have room for three.

``python -m tests.parts [PYTEST OPTIONS]``. Each part is a pytest; what it says is printed when it has ended.
With a path among the options only that is run, as pytest would. With ``COVERAGE=1`` in the environment each
is under coverage (measured on tests of the screens: 27 s of work for 16).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TESTS = Path(__file__).resolve().parent
CHECKOUT = TESTS.parent
AT_ONCE = 3
LONGEST_FIRST = (
    *("e2e", "console", "redact", "access", "daemon", "backup", "vault", "source", "soak", "stick", "cli"),
    *("setup", "export", "guide", "update", "offline"),
)
"""What takes longest begins first, so that nothing long is left for the end."""
PIECES = {"e2e": 4, "console": 4, "redact": 2}
"""Folders that are too long for one part, and how many they are cut into, file by file."""
SMALL = (
    *("conformance", "consent", "core", "docs", "identity", "image", "ingest", "ledger", "review", "systemd"),
    *("token", "virtual"),
)
"""Folders that are one part together: each pytest takes seconds to begin."""
IN_MEMORY = frozenset({"archive", "backup", "offline", "retention", "vault"})
"""Parts that break stores thousands of times in one process, and read what is left in the same boot: what
reaches the disk, and when, says nothing there. On a disk they take four times as long (27 s and 7 s of a
processor for one test of the backup). What the daemon does to a disk is in the others.
"""
MEMORY = Path("/dev/shm")
_ROOM = 4 << 30


def parts() -> dict[str, list[str]]:
    """What each part runs, by its name, in the order in which they begin; together all that holds tests."""
    folders = [path for path in TESTS.iterdir() if path.is_dir() and any(path.rglob("test_*.py"))]
    rank = {name: place for place, name in enumerate(LONGEST_FIRST)}
    found: dict[str, list[str]] = {}
    for folder in sorted(folders, key=lambda path: (rank.get(path.name, len(rank)), path.name)):
        if folder.name in SMALL:
            found.setdefault("what is small", []).append(_named(folder))
            continue
        pieces = PIECES.get(folder.name, 1)
        if pieces == 1:
            found[folder.name] = [_named(folder)]
            continue
        files = [_named(path) for path in sorted(folder.rglob("test_*.py"))]
        for number in range(pieces):
            found[f"{folder.name} {number + 1}"] = files[number::pieces]
    found["the rest"] = [_named(path) for path in sorted(TESTS.glob("test_*.py"))]
    return found


def _named(path: Path) -> str:
    return str(path.relative_to(CHECKOUT))


def command(options: list[str]) -> list[str]:
    """One pytest. Without its cache, which several of them would write at once."""
    under = ["coverage", "run", "-m"] if os.environ.get("COVERAGE") == "1" else []
    return [sys.executable, "-m", *under, "pytest", "-p", "no:cacheprovider", *options]


@contextlib.contextmanager
def scratch(name: str) -> Iterator[list[str]]:
    """Where a part makes its files, as options of pytest: in memory, or where pytest always does."""
    if name not in IN_MEMORY or not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < _ROOM:
        yield []
        return
    with tempfile.TemporaryDirectory(prefix="medkiosk-tests-", dir=MEMORY) as folder:
        yield [f"--basetemp={folder}/{name}"]


def run(name: str, options: list[str]) -> int:
    """Run one part and print what it said; give its exit code."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as said, scratch(name) as where:
        process = subprocess.Popen(
            command([*where, *options]), cwd=CHECKOUT, stdout=said, stderr=subprocess.STDOUT
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read().decode(errors="replace")
    took, busy = time.monotonic() - began, used.ru_utime + used.ru_stime
    ended = f"exit {process.returncode} after {took:.0f} s, {busy:.0f} s of a processor"
    print(f"{text}\n===== {name}: {ended}\n", flush=True)
    return process.returncode


def main(options: list[str]) -> int:
    """Run everything; the worst of the exit codes. A part that a signal ended has one below zero."""
    if any((CHECKOUT / option.partition("::")[0]).exists() for option in options):
        return subprocess.run(command(options), cwd=CHECKOUT, check=False).returncode
    todo = parts()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        codes = dict(zip(todo, pool.map(lambda name: run(name, [*options, *todo[name]]), todo), strict=True))
    for name, code in codes.items():
        if code:
            print(f"FAILED: {name} (exit {code})")
    return max(map(abs, codes.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

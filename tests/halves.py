"""All tests in two halves side by side: ``make test``. Two processors take a little over half the time.

``python -m tests.halves [PYTEST OPTIONS]``. The first half starts real daemons and mostly waits for the
disk and for Argon2; the second mostly computes. Each is a pytest under coverage, in folders of its own.
With a path among the options only that is run, as pytest would.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parent
CHECKOUT = TESTS.parent
WAITING = ("access", "archive", "backup", "cli", "e2e")


def halves() -> tuple[list[str], list[str]]:
    """The folders and files of each half, below the checkout; together all that holds tests."""
    here = [path for path in sorted(TESTS.iterdir()) if any(path.rglob("test_*.py"))]
    files = sorted(TESTS.glob("test_*.py"))
    first = [path for path in here if path.name in WAITING]
    second = [path for path in here if path.name not in WAITING] + files
    return [str(p.relative_to(CHECKOUT)) for p in first], [str(p.relative_to(CHECKOUT)) for p in second]


def command(options: list[str]) -> list[str]:
    """One pytest under coverage. Without its cache, which two of them would write at once."""
    return [sys.executable, "-m", "coverage", "run", "-m", "pytest", "-p", "no:cacheprovider", *options]


def main(options: list[str]) -> int:
    """Run everything; the worse of the two exit codes."""
    if any((CHECKOUT / option.partition("::")[0]).exists() for option in options):
        return subprocess.run(command(options), cwd=CHECKOUT, check=False).returncode
    first, second = halves()
    with tempfile.TemporaryFile() as said:
        beside = subprocess.Popen(
            command([*options, *first]), cwd=CHECKOUT, stdout=said, stderr=subprocess.STDOUT
        )
        try:
            code = subprocess.run(command([*options, *second]), cwd=CHECKOUT, check=False).returncode
            code = max(code, beside.wait())
        finally:
            beside.kill()
        said.seek(0)
        sys.stdout.write(said.read().decode(errors="replace"))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What an injector does to an operation; that whatever happens in a daemon is repaired: tests.e2e.crashes."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from tests.virtual import inject
from tests.virtual.inject import Injector

CHECKOUT = Path(__file__).resolve().parents[2]
OPERATIONS = {
    "os.write(f, b'new')": b"new",
    "os.pwrite(f, b'new', 4)": b"\0\0\0\0new",
    "os.ftruncate(f, 9)": bytes(9),
    "os.fsync(f)": b"",
    "os.rename('x', 'y')": None,
    "os.rename('x', 'y', src_dir_fd=d, dst_dir_fd=d)": None,
    "os.unlink('x')": None,
    "os.unlink('x', dir_fd=d)": None,
}
"""What is done to an empty file ``x``, and what is in it then; None where it has that name no more."""

pytestmark = pytest.mark.skipif(
    not inject.works(), reason="this kernel does not tell others about system calls (seccomp notification)"
)


def run(folder: Path, operation: str, *, done: bool) -> str:
    """Make one operation on ``x`` that is answered with EIO; what the program got."""
    script = (
        f"import os, sys; sys.stdout.reconfigure(write_through=False); os.chdir({str(folder)!r});"
        "f = os.open('x', os.O_CREAT | os.O_RDWR); d = os.open('.', os.O_RDONLY)\n"
        f"try:\n {operation}\nexcept OSError as e:\n print(e.errno)"
    )
    with Injector(folder, at=1, error=errno.EIO, done=done) as injector:
        said = subprocess.run(
            [*injector.prefix, sys.executable, "-c", script],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    assert injector.struck
    return said.stdout.strip()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_is_done_and_said_to_have_failed(tmp_path: Path, operation: str) -> None:
    assert run(tmp_path, operation, done=True) == str(errno.EIO)
    expected, file = OPERATIONS[operation], tmp_path / "x"
    assert (file.read_bytes() if file.exists() else None) == expected


def test_an_operation_is_not_done_and_said_to_have_failed(tmp_path: Path) -> None:
    assert run(tmp_path, "os.write(f, b'new')", done=False) == str(errno.EIO)
    assert (tmp_path / "x").read_bytes() == b""

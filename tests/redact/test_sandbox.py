"""A process that is shut in like a worker tries to get out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from medkiosk.redact.client import RedactSession
from medkiosk.redact.detectors import Layer


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    readable = tmp_path_factory.mktemp("outside") / "patient.jpg"
    readable.write_bytes(b"plain")
    script = Path(__file__).with_name("escape.py")
    command = [sys.executable, str(script), str(readable)]
    ran = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.stdout.rstrip().endswith("still works"), ran.stderr
    assert readable.read_bytes() == b"plain"
    assert list(readable.parent.iterdir()) == [readable]
    return ran.stdout.splitlines()


def test_nothing_gets_out(report: list[str]) -> None:
    attempts = [line for line in report if ": " in line and not line.startswith(("layers", "child: still"))]
    assert len(attempts) == 29 + 29 + 7
    assert [line for line in attempts if line.endswith("escaped")] == []


def test_the_child_survives_all_its_refusals(report: list[str]) -> None:
    assert "child: still here" in report


def test_every_layer_of_this_kernel_is_on(report: list[str]) -> None:
    layers = Layer(int(report[0].removeprefix("layers: ")))
    always = (
        Layer.NO_NEW_PRIVILEGES | Layer.NOT_DUMPABLE | Layer.NO_CORE | Layer.NO_CAPABILITIES | Layer.SECCOMP
    )
    assert always in layers
    securities = Path("/sys/kernel/security/lsm")
    if securities.exists() and "landlock" in securities.read_text(encoding="ascii"):
        assert Layer.LANDLOCK_FILES in layers


def test_a_worker_reports_the_same_layers(session: RedactSession, report: list[str]) -> None:
    assert session.layers == Layer(int(report[0].removeprefix("layers: ")))

"""The scenario in short: the image starts, asks its first question, and ends at the power button.

In every run of the tests where there are an image and a processor that runs it at full speed (KVM);
``make vm-short`` anywhere, minutes where instructions are translated.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.vm.conftest import OUT, lacking
from tests.vm.machine import KVM, Machine, running
from tests.vm.ocr import says
from tests.vm.prepared import BOOT_S

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def image_at_hand() -> Path:
    """The built image; skipped where it or the machine for it is missing, failed where it was asked for."""
    if asked := os.environ.get("MEDKIOSK_VM"):
        assert asked in {"1", "short"}
        if reason := lacking():
            pytest.fail(reason)
    elif reason := lacking() or ("" if KVM else "no KVM, so a start takes minutes: make vm-short"):
        pytest.skip(reason)
    return OUT / "medkiosk.raw"


def test_the_image_starts_asks_its_first_question_and_ends(image_at_hand: Path, tmp_path: Path) -> None:
    with running(Machine(image_at_hand, tmp_path / "machine")) as machine:
        machine.start()
        machine.see("Enter, to begin", timeout_s=BOOT_S)
        machine.picture("short-first-question")
        shown = machine.words()
        assert says(shown, "found: the lasting keys are sealed to it")
        assert says(shown, "encrypted, opened by the TPM")
        failed = machine.shell("systemctl --failed --no-legend --no-pager --plain")
        assert failed == "exit 0"
        machine.power_off()

"""Firmware in set-up mode: the first start enrols our keys, and the set-up finds Secure Boot on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vm.machine import Machine, running
from tests.vm.prepared import BOOT_S

pytestmark = pytest.mark.timeout(2400)


def test_the_first_start_enrols_the_keys(image: Path, tmp_path: Path) -> None:
    with running(Machine(image, tmp_path / "machine", secure_boot=True)) as machine:
        machine.start()
        machine.see("Enter, to begin", timeout_s=BOOT_S)
        machine.picture("secure-boot-on")
        value = machine.shell("od -An -tu1 -j4 /sys/firmware/efi/efivars/SecureBoot-8be4df61-*")
        assert value.split()[0] == "1"

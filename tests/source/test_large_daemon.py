"""A card of a hundred thousand files, imported by the daemon to SAFE TO UNPLUG: how much memory that takes.

Its names are links to a hundred pictures, so that it needs no room: nearly every file is read, found to be a
copy, and recorded as one. Takes long: where ``MEDKIOSK_LARGE`` is set (``make large``).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.bench.report import MIB, Peaks
from tests.daemon.importing import picture
from tests.e2e.crashes import kiosk_with_card
from tests.kiosk import safe
from tests.source.conftest import large

COUNT = int(os.environ.get("MEDKIOSK_LARGE_FILES", "100000"))
PICTURES = 100
IN_FOLDER = 9_999
MOST_MIB = 300


def _link_names(card: Path) -> None:
    """Put names onto a card until it has `COUNT` files."""
    first = sorted(card.rglob("*.JPG"))
    for number in range(COUNT - len(first)):
        folder = card / f"DCIM/{200 + number // IN_FOLDER}CANON"
        if number % IN_FOLDER == 0:
            folder.mkdir()
        os.link(first[number % len(first)], folder / f"IMG_{number % IN_FOLDER + 1:04d}.JPG")


@large
@pytest.mark.timeout(0)
def test_a_hundred_thousand_files_are_imported_in_bounded_memory(tmp_path: Path) -> None:
    files = {f"DCIM/100CANON/IMG_{n:04d}.JPG": picture(n, size=500) for n in range(1, PICTURES + 1)}
    with kiosk_with_card(tmp_path, files, "group_files = 200") as kiosk:
        _link_names(tmp_path / "card")
        kiosk.start()
        peaks = Peaks(kiosk.pid)
        try:
            status = kiosk.wait(safe, timeout_s=7200)
        finally:
            most = {role: used / MIB for role, used in peaks.stop().items()}
        [device] = status.devices
        assert (device.files, device.sealed, device.copies) == (COUNT, PICTURES, COUNT - PICTURES)
        assert device.failed == 0
        assert most["daemon"] <= MOST_MIB, most
        kiosk.stop()
    shutil.rmtree(tmp_path / "card")

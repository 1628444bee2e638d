"""What the second person is told that earlier copies of the disk still open."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from medkiosk import keyfiles
from medkiosk.daemon.keysthere import where
from medkiosk.daemon.retaining import REMAINS, SAME_DISK_REMAINS, remains
from medkiosk.devicesecret import FileSecrets


def test_a_device_secret_beside_the_store_is_said(tmp_path: Path) -> None:
    keys = keyfiles.create(tmp_path / "keys", os.urandom)
    said = remains(where(keys, FileSecrets(tmp_path / "device"), tmp_path))
    assert SAME_DISK_REMAINS in said
    assert set(REMAINS) < set(said)
    assert "with a passphrase" in SAME_DISK_REMAINS


def test_a_device_secret_elsewhere_is_not(tmp_path: Path) -> None:
    folders = filter(Path.is_dir, map(Path, ("/dev/shm", "/var/tmp")))
    elsewhere = next((one for one in folders if one.stat().st_dev != tmp_path.stat().st_dev), None)
    if elsewhere is None:
        pytest.skip("there is no second file system here")
    keys = keyfiles.create(tmp_path / "keys", os.urandom)
    assert remains(where(keys, FileSecrets(elsewhere / "medkiosk-none"), tmp_path)) == REMAINS

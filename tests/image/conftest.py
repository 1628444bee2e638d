"""The files of the built image, unpacked once for each build."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.image.tree import CACHE, Built
from tests.kiosk import CHECKOUT


@pytest.fixture(scope="session")
def built() -> Built:
    """The image in ``.cache/image/out``; tests are skipped where there is none."""
    if not (CACHE / "out" / "sha256").exists():
        pytest.skip("there is no image: make image")
    if os.geteuid() != 0:
        pytest.skip("unpacking the image needs root")
    done = subprocess.run(
        [CHECKOUT / "image-build" / "image.sh", "tree"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Built(CACHE / "out", CACHE / "tree", CACHE / "initrd")


@pytest.fixture(scope="session")
def tree(built: Built) -> Path:
    """The root's files."""
    return built.tree

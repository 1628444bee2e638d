"""Where files are that only tests need; `image-build/assets.lock` pins them, `make setup-test` gets them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_FOLDER = Path(
    os.environ.get("MEDKIOSK_TEST_FILES", Path(__file__).resolve().parents[1] / ".cache/test-files")
)


def asset(name: str) -> Path:
    """Return a file's path; skips the test, or the module, where it is not here."""
    path = _FOLDER / name
    if not path.is_file():
        pytest.skip(f"{name} is not here: make setup-test gets it", allow_module_level=True)
    return path

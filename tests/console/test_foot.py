"""The kiosk's own terminal: what its configuration lets a person do, and what it does not."""

from __future__ import annotations

import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "config/foot.ini"
LETTERS = {"font-increase": "Control+plus", "font-decrease": "Control+minus", "font-reset": "Control+0"}


def keys() -> dict[str, str]:
    read = ConfigParser(interpolation=None)
    read.read_string("[main]\n" + FILE.read_text())
    return dict(read["key-bindings"])


def test_letters_are_made_larger_and_smaller_with_the_keys_that_the_documentation_names() -> None:
    bound = keys()
    for name, key in LETTERS.items():
        assert key in bound[name].split()
    page = (FILE.parents[1] / "docs/console.md").read_text()
    for key in "+-0":
        assert f"`Ctrl`+`{key}`" in page


def test_nothing_but_letters_is_bound() -> None:
    assert {name for name, key in keys().items() if key != "none"} == set(LETTERS)


@pytest.mark.skipif(shutil.which("foot") is None, reason="foot is not installed")
def test_foot_takes_it() -> None:
    done = subprocess.run(["foot", "--check-config", f"--config={FILE}"], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.setup.scratch import Scratch


@pytest.fixture
def scratch() -> Iterator[Scratch]:
    # Below /tmp, which systemd's programs of the tree see; the path of a socket may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="medkiosk-setup-", dir="/tmp") as folder:
        made = Scratch(Path(folder))
        made.make()
        yield made

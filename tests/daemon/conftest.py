from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.importing import ImportRig


@pytest.fixture
def imports(tmp_path: Path) -> Iterator[ImportRig]:
    """A store that devices can be plugged into."""
    rig = ImportRig(tmp_path / "store")
    yield rig
    rig.close()

"""One hospital for all tests of this folder that need one: it takes seconds to make."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.access import hospital
from tests.access.hospital import Hospital


@pytest.fixture(scope="session")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    """Two departments; see `hospital`. A test leaves the encounters as they were."""
    made = hospital.build(tmp_path_factory.mktemp("hospital"))
    yield made
    made.close()

"""A scratch store with seeded randomness."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from medkiosk.vault.store import Vault
from tests.stores import create, seeded


class Scratch(NamedTuple):
    root: Path
    vault: Vault
    shares: list[str]


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Scratch]:
    root = tmp_path / "store"
    vault, shares = create(root, random=seeded(1))
    yield Scratch(root, vault, shares)
    vault.close()

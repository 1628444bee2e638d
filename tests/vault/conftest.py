"""A scratch store with seeded randomness."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from medkiosk.core.ids import Random
from medkiosk.vault.slots import Argon2Params
from medkiosk.vault.store import Vault

INDEX_KEY = bytes(range(32))
CHEAP = Argon2Params(memory_kib=64, passes=1, lanes=1)


def seeded(seed: int) -> Random:
    return random.Random(seed).randbytes


class Scratch(NamedTuple):
    root: Path
    vault: Vault
    shares: list[str]


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Scratch]:
    root = tmp_path / "store"
    vault, shares = Vault.create(root, index_key=INDEX_KEY, random=seeded(1))
    yield Scratch(root, vault, shares)
    vault.close()

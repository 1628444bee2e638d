"""Scratch stores: made and opened with seeded randomness, a clock that stands still, and a device folder."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from medkiosk.core.clock import Clock
from medkiosk.core.ids import Random
from medkiosk.devicesecret import FileSecrets
from medkiosk.vault.store import Vault
from tests import cheap

INDEX_KEY = bytes(range(32))
ESCROW = {"index": INDEX_KEY, "ledger": bytes(32), "export": b"e" * 32}
CHEAP = cheap.CHEAP


def seeded(seed: int) -> Random:
    return random.Random(seed).randbytes


def clock() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


def device(root: Path) -> FileSecrets:
    """The device folder of a scratch store: beside it."""
    return FileSecrets(root.with_name(root.name + "-device"))


def create(root: Path, *, random: Random, index_key: bytes = INDEX_KEY) -> tuple[Vault, list[str]]:
    """Make a scratch store."""
    escrow = ESCROW | {"index": index_key}
    return Vault.create(
        root, index_key=index_key, device=device(root), escrow=escrow, random=random, clock=clock
    )


def reopen(
    root: Path, *, random: Random, index_key: bytes = INDEX_KEY, clock: Clock = clock, **settings: Any
) -> Vault:
    """Open a scratch store for writing."""
    return Vault.open(root, index_key=index_key, device=device(root), random=random, clock=clock, **settings)

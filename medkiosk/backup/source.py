"""What a backup run needs to know of the kiosk's store at one instant; whoever joins the stages says it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol


class Instant(Protocol):
    """The store as it was at one instant, while more is sealed meanwhile."""

    @property
    def database(self) -> sqlite3.Connection:
        """``vault.db``, inside a reading transaction."""
        ...

    @property
    def checkpoint(self) -> bytes:
        """The newest checkpoint at that instant."""
        ...

    @property
    def size(self) -> int:
        """How many ledger entries it covers."""
        ...

    def extends(self, untrusted_checkpoint: bytes) -> int:
        """Return the size of a checkpoint that this ledger extends.

        Raises:
            DriveDamagedError: it is not a checkpoint with the kiosk's signature.
            KioskRolledBackError: it is, and the kiosk's ledger is shorter or another one.
        """
        ...

    def entries(self, start: int) -> Iterator[bytes]:
        """Yield the ledger's entries from ``start`` up to `size`."""
        ...

    def disposed(self) -> Iterator[tuple[str, ...]]:
        """Yield the ids that each entry of the ledger, or of the outbox, calls disposed of."""
        ...

    def ledger_files(self, since: int) -> Iterator[tuple[str, bytes]]:
        """Yield (path below ``ledger/``, content) of what a ledger of ``since`` entries lacks.

        All but the checkpoint.
        """
        ...

    def partials(self) -> frozenset[str]:
        """The paths below ``ledger/`` of the partial tiles and the partial bundle."""
        ...

    def release(self) -> None:
        """Let go of the database, which is not read any more."""
        ...

    def damage(self) -> str:
        """Say what is wrong with the rows of the database, in words; nothing if nothing is."""
        ...


class Source(Protocol):
    """The kiosk's store."""

    @property
    def root(self) -> Path:
        """Its folder."""
        ...

    @property
    def store_id(self) -> str:
        """Its id."""
        ...

    def disposed(self, object_id: str) -> bool:
        """Tell whether an object was disposed of, or is about to be, as of now."""
        ...

    def freeze(self) -> AbstractContextManager[Instant]:
        """Hold on to this instant until the block ends.

        Raises:
            DisposingError: a disposal is at work.
        """
        ...

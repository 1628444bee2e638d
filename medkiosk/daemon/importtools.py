"""What the parts of an import share."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from medkiosk.core import config, dcf
from medkiosk.core.channel import Spawn
from medkiosk.core.ids import Random
from medkiosk.daemon.board import Board
from medkiosk.daemon.importmemory import DeviceMemory
from medkiosk.daemon.redactor import Job
from medkiosk.journal import Journal
from medkiosk.source.model import Entry


class StoppedError(Exception):
    """The device was unplugged, or the daemon is leaving."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What a pass has come to, or a step of it more.

    Attributes:
        sealed, already, copies, damaged, failed: files, as in `medkiosk.ipc.types.DeviceStatus`.
        bytes_done: each byte of the device once.
        bytes_read: what was really read to that end.
    """

    sealed: int = 0
    already: int = 0
    copies: int = 0
    damaged: int = 0
    failed: int = 0
    bytes_done: int = 0
    bytes_read: int = 0

    @property
    def has_files(self) -> bool:
        """Whether it is more than bytes."""
        return any((self.sealed, self.already, self.copies, self.damaged, self.failed))


class Watcher(Protocol):
    """Who is told how far a pass is."""

    def check_stop(self) -> None:
        """Raise StoppedError when the pass must end."""
        ...

    def progress(self, more: Counts) -> None:
        """Add to the counts."""
        ...


Place = tuple[str, str, str, int]
"""Storage, folder, name and size."""


@dataclass(frozen=True)
class Tools:
    """What every import uses."""

    journal: Journal
    board: Board
    random: Random
    settings: config.Ingest
    stall_s: float
    spawn: Spawn
    sealed: Callable[[Job], None]
    monotonic: Callable[[], float] = time.monotonic
    memory: DeviceMemory = field(default_factory=DeviceMemory)


def shot_place(entry: Entry) -> str:
    """Where a shot lies: files of one shot in one storage have the same."""
    return entry.storage + "/" + dcf.capture_key(entry.folder, entry.name)


def place(entry: Entry) -> Place:
    """What tells a file of a listing from the others."""
    return entry.storage, entry.folder, entry.name, entry.size

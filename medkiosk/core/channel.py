"""A two-way byte channel to a worker process, however it was started.

In production systemd starts a worker for each connection to a socket; in development and tests the worker
is a plain subprocess on two pipes. Clients of workers see only this.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from medkiosk.core.frames import Readable, Writable


class Channel(Protocol):
    """Both directions of a worker's pipe, and the means to be rid of it."""

    @property
    def reader(self) -> Readable:
        """What the worker says: a buffered stream whose ``read(n)`` blocks for n bytes or the end."""
        ...

    @property
    def writer(self) -> Writable:
        """What the worker is told."""
        ...

    def kill(self) -> None:
        """End the worker at once and for all its children; harmless when it is already gone."""
        ...

    def close(self) -> None:
        """Close both directions, then make sure that the worker is gone."""
        ...


Spawn = Callable[[], Channel]
"""Starts one fresh worker."""

"""The console's two connections to the daemon: one for the session, one that watches the status.

Blocking, and used only from worker threads. It knows nothing of screens.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from medkiosk.ipc.client import Client, connect
from medkiosk.ipc.types import Status
from medkiosk.ipc.wire import ConnectionLostError

T = TypeVar("T")


class Link:
    """A daemon that may go away and come back.

    Args:
        path: the daemon's socket.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = threading.Lock()  # one call at a time on the session's connection
        self._guard = threading.Lock()  # for the fields below
        self._session: Client | None = None
        self._watcher: Client | None = None
        self._closing = threading.Event()

    def run(self, request: Callable[[Client], T]) -> T:
        """Make calls on the session's connection, opening it when there is none.

        Raises:
            ConnectionLostError: the daemon is not there, or went away; the session is over. Or the console is
                leaving.
            RemoteError: it refused.
        """
        with self._turn:
            with self._guard:
                client = self._session
            if client is None:
                client = self._opened()
            try:
                return request(client)
            except ConnectionLostError:
                self.forget()
                raise

    def _opened(self) -> Client:
        """A connection for the session; none any more once `close` was called, which nobody would end."""
        client = connect(self._path)
        with self._guard:
            if not self._closing.is_set():
                self._session = client
                return client
        client.close()
        raise ConnectionLostError

    def forget(self) -> None:
        """Close the session's connection, and with it the session; a call in progress fails."""
        with self._guard:
            client, self._session = self._session, None
        if client is not None:
            client.close()

    def statuses(self) -> Iterator[Status]:
        """The daemon's status at each change, until it goes away.

        Raises:
            ConnectionLostError: it is not there, or went away.
        """
        client = connect(self._path)
        with self._guard:
            self._watcher = client
        try:
            if not self._closing.is_set():
                yield from client.watch_status()
        finally:
            with self._guard:
                self._watcher = None
            client.close()

    def wait(self, seconds: float) -> bool:
        """Sleep before the next try; False when the console is leaving."""
        return not self._closing.wait(seconds)

    def close(self) -> None:
        """End both connections for good; threads that wait on them wake up."""
        self._closing.set()
        self.forget()
        with self._guard:
            watcher = self._watcher
        if watcher is not None:
            watcher.close()

"""The daemon's end: a thread for each connection, each with a service object of its own.

The service object carries the connection's session; it has the methods of `Api`, checked by `bind` when the
server starts, so that definition and implementation cannot drift apart.
"""

from __future__ import annotations

import inspect
import logging
import os
import socket
import struct
import threading
import traceback
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from typing import Any, Protocol, cast, get_type_hints

import msgspec

from medkiosk.core.capability import Capability
from medkiosk.core.errors import KioskError
from medkiosk.ipc import wire
from medkiosk.ipc.api import MAX_MESSAGE, Api

_log = logging.getLogger(__name__)
_UCRED = struct.Struct("3i")
_MAX_CONNECTIONS = 32
_CHUNK = 1 << 16


class InternalError(KioskError):
    """The kiosk failed inside while doing this. Everything acknowledged is safe; the administrator finds
    the cause in the journal of medkioskd.
    """

    code = "kiosk.internal"
    exit_code = 1


class SignatureMismatchError(Exception):
    """The service does not implement `Api` to the letter: a programming error, found at start."""


class Service(Protocol):
    """What the server needs beyond the methods of `Api`."""

    def check(self, needs: Capability | None) -> None:
        """Raise NotAllowedError unless this connection's session has the capability."""
        ...

    def close(self) -> None:
        """The connection ended: so does the session."""
        ...


ServiceFactory = Callable[[], Service]
"""Makes the service of one connection."""


def bind(service: type) -> None:
    """Check that ``service`` has every method of `Api` with the same parameters and result.

    Raises:
        SignatureMismatchError: naming the first method that differs.
    """
    for name in wire.METHODS:
        ours = getattr(service, name, None)
        if ours is None:
            raise SignatureMismatchError(f"{service.__name__} lacks {name}")
        asked, given = inspect.signature(getattr(Api, name)), inspect.signature(ours)
        if list(asked.parameters) != list(given.parameters):
            raise SignatureMismatchError(f"{service.__name__}.{name} takes other parameters than Api.{name}")
        if get_type_hints(getattr(Api, name)) != get_type_hints(ours):
            raise SignatureMismatchError(f"{service.__name__}.{name} has other types than Api.{name}")


class Server:
    """Listens on a Unix socket until `close`.

    Args:
        path: where; a stale socket file of an earlier run is replaced.
        factory: makes the service of each connection.
        allowed: uids that may connect (``SO_PEERCRED``, unix(7)); others are hung up on.
        mode: permissions of the socket file.
    """

    def __init__(
        self, path: Path, factory: ServiceFactory, *, allowed: Container[int], mode: int = 0o660
    ) -> None:
        self._allowed = allowed
        self._factory = factory
        self._path = path
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        previous = os.umask(0o777 & ~mode)
        try:
            self._socket.bind(str(path))
        finally:
            os.umask(previous)
        self._socket.listen(_MAX_CONNECTIONS)
        self._thread = threading.Thread(target=self._accept, name="ipc", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and end every connection."""
        _shut(self._socket)
        self._thread.join()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            _shut(connection)
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with self._lock:
                welcome = len(self._connections) < _MAX_CONNECTIONS and _peer(connection) in self._allowed
                if welcome:
                    self._connections.add(connection)
            if not welcome:
                connection.close()
                continue
            threading.Thread(target=self._serve, args=(connection,), name="ipc-client", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        service = self._factory()
        try:
            for untrusted_message in _messages(connection):
                _answer(connection, service, untrusted_message)
        except OSError:
            _log.debug("a client went away in mid-call")
        finally:
            service.close()
            with self._lock:
                self._connections.discard(connection)
            connection.close()


def _peer(connection: socket.socket) -> int:
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    _, uid, _ = _UCRED.unpack(credentials)
    return int(uid)


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        _log.debug("a connection was already closed")
    connection.close()


def _messages(connection: socket.socket) -> Iterator[bytes]:
    untrusted_buffer = bytearray()
    scanned = 0
    while True:
        while (end := untrusted_buffer.find(0, scanned)) >= 0:
            message = bytes(untrusted_buffer[:end])
            del untrusted_buffer[: end + 1]
            scanned = 0
            yield message
        scanned = len(untrusted_buffer)
        if scanned > MAX_MESSAGE:
            return  # not a client of ours
        data = connection.recv(_CHUNK)
        if not data:
            return
        untrusted_buffer += data


def _answer(connection: socket.socket, service: Service, untrusted_message: bytes) -> None:
    try:
        method, arguments = wire.decode_call(untrusted_message)
        service.check(method.needs)
        result = getattr(service, method.name)(**arguments)
        if method.stream:
            for item in cast("Iterator[msgspec.Struct]", result):
                connection.sendall(wire.encode_reply(item, continues=True))
            raise ConnectionAbortedError  # a stream has no end of its own: the daemon is leaving
        attachment: bytes = b""
        if method.attached:
            result, attachment = cast("tuple[Any, bytes]", result)
        connection.sendall(wire.encode_reply(cast("msgspec.Struct", result)))
        if attachment:
            connection.sendall(attachment)
    except KioskError as error:
        connection.sendall(wire.encode_error(error))
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - the boundary: one failed call must not end the daemon
        # Where, and the type, but not the text: an unexpected error may quote what a person typed.
        where = " < ".join(
            f"{f.filename}:{f.lineno}" for f in reversed(traceback.extract_tb(error.__traceback__))
        )
        _log.error("a call failed: %s at %s", type(error).__name__, where)
        connection.sendall(wire.encode_error(InternalError()))

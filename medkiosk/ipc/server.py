"""The daemon's end: a thread for each connection, each with a service object of its own.

The service object carries the connection's session; it has the methods of `Api`, checked by `bind` when the
server starts, so that definition and implementation cannot drift apart.
"""

from __future__ import annotations

import contextlib
import errno
import inspect
import logging
import os
import socket
import struct
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Container, Generator, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol, cast, get_type_hints

import msgspec

from medkiosk.core.capability import Capability
from medkiosk.core.errors import KioskError
from medkiosk.ipc import wire
from medkiosk.ipc.api import MAX_MESSAGE, Api
from medkiosk.ipc.spoken import wipe

_log = logging.getLogger(__name__)
_UCRED = struct.Struct("3i")
_MAX_CONNECTIONS = 64
_MAX_CONNECTIONS_PER_UID = 16  # one user's forgotten windows must not lock the others out
_BREATH_S = 0.1
_THREAD_END_S, _ALL_THREADS_END_S = 5.0, 10.0
_CHUNK = 1 << 16
# The listening socket itself is gone or was never one: no waiting mends that.
_HOPELESS = frozenset({errno.EBADF, errno.EINVAL, errno.ENOTSOCK})


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


class _StreamEnded(Exception):  # noqa: N818 - no error: the daemon is leaving
    """A stream is over. It has no end of its own, so the connection ends with it."""


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


class _Client(NamedTuple):
    uid: int
    thread: threading.Thread


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
        self._clients: dict[socket.socket, _Client] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
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

    @property
    def alive(self) -> bool:
        """Whether new connections are still taken."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Stop listening, end every connection, and wait until their calls are over.

        A call that takes longer than five seconds (ten for all together) is logged and left behind.
        """
        self._closing.set()
        _shut(self._socket)
        self._thread.join()
        self._socket.close()
        with self._lock:
            clients = dict(self._clients)
        for connection in clients:
            _shut(connection)  # its own thread closes it: a number closed here could be another's by then
        deadline = time.monotonic() + _ALL_THREADS_END_S
        for client in clients.values():
            client.thread.join(max(0.0, min(_THREAD_END_S, deadline - time.monotonic())))
        if left := sum(client.thread.is_alive() for client in clients.values()):
            _log.error("%d calls were still running when the socket was closed", left)
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError as error:
                if self._closing.is_set():
                    return
                _log.error("a connection could not be taken: %s", error.strerror)
                if error.errno in _HOPELESS:
                    return
                self._closing.wait(_BREATH_S)  # no descriptors, no memory: that passes
                continue
            if not self._welcome(connection):
                connection.close()

    def _welcome(self, connection: socket.socket) -> bool:
        """Start the connection's thread, if it may come in."""
        try:
            uid = _peer(connection)
        except OSError as error:
            _log.error("who connected could not be told: %s", error.strerror)
            return False
        if uid not in self._allowed:
            return False
        thread = threading.Thread(target=self._serve, args=(connection,), name="ipc-client", daemon=True)
        with self._lock:
            by_uid = Counter(client.uid for client in self._clients.values())
            if by_uid.total() >= _MAX_CONNECTIONS or by_uid[uid] >= _MAX_CONNECTIONS_PER_UID:
                _log.warning("uid %d has %d of %d connections: no more", uid, by_uid[uid], by_uid.total())
                return False
            self._clients[connection] = _Client(uid, thread)
            try:
                thread.start()
            except RuntimeError:  # the system has no more threads to give
                del self._clients[connection]
                _log.error("a connection was refused: no thread could be started")
                return False
        return True

    def _serve(self, connection: socket.socket) -> None:
        try:
            self._converse(connection)
        except _StreamEnded:
            _log.debug("a stream has ended")
        except OSError:
            _log.debug("a client went away in mid-call")
        except Exception as error:  # noqa: BLE001 - the boundary: a service that does not start or end
            _log_failure("a connection", error)
        finally:
            with self._lock:
                del self._clients[connection]
            connection.close()

    def _converse(self, connection: socket.socket) -> None:
        service = self._factory()
        try:
            for untrusted_message in _messages(connection):
                with contextlib.closing(_replies(service, untrusted_message)) as replies:
                    for reply in replies:
                        try:
                            connection.sendall(reply)
                        finally:
                            if isinstance(reply, bytearray):
                                wipe(reply)  # it may hold a passphrase, too
                del untrusted_message  # it may hold a passphrase, and the next one may be long in coming
        finally:
            service.close()


def _peer(connection: socket.socket) -> int:
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    _, uid, _ = _UCRED.unpack(credentials)
    return int(uid)


def _shut(connection: socket.socket) -> None:
    """Wake whoever waits on it."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        _log.debug("a connection was already closed")


def _messages(connection: socket.socket) -> Iterator[bytes]:
    untrusted_buffer = bytearray()
    scanned = 0
    while True:
        while (end := untrusted_buffer.find(0, scanned)) >= 0:
            message = bytes(untrusted_buffer[:end])
            untrusted_buffer[: end + 1] = bytes(end + 1)  # what is deleted from a bytearray stays behind it
            del untrusted_buffer[: end + 1]
            scanned = 0
            yield message
            del message
        scanned = len(untrusted_buffer)
        if scanned > MAX_MESSAGE:
            return  # not a client of ours
        data = connection.recv(_CHUNK)
        if not data:
            return
        untrusted_buffer += data
        del data


def _replies(service: Service, untrusted_message: bytes) -> Generator[bytes | bytearray, None, None]:
    """Do what is asked. Only what the service does can fail in here, never the sending.

    Raises:
        _StreamEnded: hang up now.
    """
    stream = False
    try:
        method, arguments = wire.decode_call(untrusted_message)
        service.check(method.needs)
        result = getattr(service, method.name)(**arguments)
        stream = method.stream
        if method.stream:
            for item in cast("Iterator[msgspec.Struct]", result):
                yield wire.encode_reply(item, continues=True)
        elif method.attached:
            described, attachment = cast("tuple[msgspec.Struct, bytes]", result)
            yield wire.encode_reply(described)
            yield attachment
        else:
            yield wire.encode_reply(cast("msgspec.Struct", result))
    except KioskError as error:
        yield wire.encode_error(error)
    except Exception as error:  # noqa: BLE001 - the boundary: one failed call must not end the daemon
        _log_failure("a call", error)
        yield wire.encode_error(InternalError())
    else:
        if stream:
            raise _StreamEnded


def _log_failure(what: str, error: Exception) -> None:
    # Where, and the type, but not the text: an unexpected error may quote what a person typed.
    where = " < ".join(
        f"{f.filename}:{f.lineno}" for f in reversed(traceback.extract_tb(error.__traceback__))
    )
    _log.error("%s failed: %s at %s", what, type(error).__name__, where)

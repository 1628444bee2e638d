"""The client's end: a blocking connection that has exactly the methods of `Api`.

One call at a time on a connection; a stream keeps its connection until it is closed, so a watcher opens one
of its own. A session belongs to its connection.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

import msgspec

from medkiosk.ipc import wire
from medkiosk.ipc.api import MAX_ATTACHMENT, Api

_CHUNK = 1 << 16


class Connection:
    """One connection to the daemon's socket.

    Raises:
        ConnectionLostError: nobody listens there.
    """

    def __init__(self, path: Path, *, timeout_s: float | None = None) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        self._buffer = bytearray()
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise wire.ConnectionLostError from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection, and with it the session."""
        with contextlib.suppress(OSError):  # it may not be connected any more
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits on a stream
        self._socket.close()

    def call(self, method: wire.Method, arguments: dict[str, object]) -> Any:
        """Send one call and give what `Api` says it returns."""
        self._send(wire.encode_call(method, arguments))
        if method.stream:
            return self._stream(method)
        result, _ = wire.decode_reply(self._message(), method)
        if method.attached:
            return result, self._attachment(wire.attachment_size(result))
        return result

    def _stream(self, method: wire.Method) -> Iterator[msgspec.Struct]:
        continues = True
        while continues:
            result, continues = wire.decode_reply(self._message(), method)
            yield result

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise wire.ConnectionLostError from error

    def _more(self) -> None:
        try:
            data = self._socket.recv(_CHUNK)
        except OSError as error:
            raise wire.ConnectionLostError from error
        if not data:
            raise wire.ConnectionLostError
        self._buffer += data

    def _message(self) -> bytes:
        scanned = 0
        while (end := self._buffer.find(0, scanned)) < 0:
            scanned = len(self._buffer)
            if scanned > wire.MAX_REPLY:
                raise wire.ConnectionLostError
            self._more()
        message = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return message

    def _attachment(self, size: int) -> bytes:
        if not 0 <= size <= MAX_ATTACHMENT:
            raise wire.ConnectionLostError
        while len(self._buffer) < size:
            self._more()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data


def _make(method: wire.Method) -> Any:
    names = method.parameters.__struct_fields__

    def call(self: Client, *positional: object, **named: object) -> Any:
        return self.call(method, {**dict(zip(names, positional, strict=False)), **named})

    call.__name__ = method.name
    return call


if TYPE_CHECKING:

    class Client(Connection, Api):
        """A connection with the methods of `Api`."""

else:
    Client = type(
        "Client",
        (Connection,),
        {name: _make(method) for name, method in wire.METHODS.items()},
    )


def connect(path: Path, *, timeout_s: float | None = None) -> Client:
    """Connect to the daemon at a Unix socket.

    Raises:
        ConnectionLostError: nobody listens there.
    """
    made: Client = cast("Any", Client)(path, timeout_s=timeout_s)
    return made

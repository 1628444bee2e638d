"""A virtual Canon EOS R6: a PTP/IP responder that the real libgphoto2 drives through its Canon EOS path.

Run it as its own process (libgphoto2 holds the interpreter's lock in several calls)::

    python -m tests.virtual.r6 --port 0 --root DIR [--serial S] [--owner NAME] [--fault NAME[=ARG]]
        [--clock-offset SECONDS] [--zone SECONDS] [--no-clock]

It prints the port it listens on. ``--trace FILE`` records each operation's code, one line each.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import struct
import threading
from pathlib import Path

from tests.virtual.faults import Faults
from tests.virtual.ptpip import Connection, GoneError, Packet, parse_request
from tests.virtual.responder import (
    MODEL,
    Camera,
    Reply,
    Session,
    VanishedError,
    add_options,
    chosen_settings,
    chosen_trace,
)

_GUID = bytes(range(16))
_HANDOVER_S = 1.5  # how long a new initiator waits for the one before it to be gone
_MAX_DATA_OUT = 1 << 20


class Responder:
    """The camera on a network. One initiator at a time, any number after each other."""

    def __init__(self, camera: Camera, listener: socket.socket) -> None:
        self._camera = camera
        self._listener = listener
        self._in_use = threading.Lock()
        self._open: set[socket.socket] = set()
        self._vanished = threading.Event()

    def serve(self) -> None:
        """Accept connections until the camera vanishes; then wait, unreachable, to be ended."""
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                break  # vanish() shut the listener
            self._open.add(sock)
            threading.Thread(target=self._connection, args=(sock,), daemon=True).start()
        self._vanished.wait()
        threading.Event().wait()

    def vanish(self) -> None:
        """Close everything; from now on connections are refused."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in list(self._open):
            sock.close()
        self._vanished.set()

    def hang_up(self) -> None:
        """Close every connection; new ones are welcome."""
        for sock in list(self._open):
            with contextlib.suppress(OSError):  # its own thread has closed it
                sock.shutdown(socket.SHUT_RDWR)

    def _connection(self, sock: socket.socket) -> None:
        connection = Connection(sock)
        try:
            type_, _ = connection.read()
            if type_ == Packet.INIT_COMMAND_REQUEST:
                self._command(connection)
            elif type_ == Packet.INIT_EVENT_REQUEST:
                connection.send(Packet.INIT_EVENT_ACK)
                connection.read()  # nothing ever comes: this waits for the other side to hang up
        except GoneError:
            pass  # initiators come and go; a bare connect and close is how someone looks whether we are here
        except VanishedError:
            self.hang_up() if self._camera.faults.comes_back() else self.vanish()
        finally:
            self._open.discard(sock)
            sock.close()

    def _command(self, connection: Connection) -> None:
        self._camera.faults.before_session()
        if not self._in_use.acquire(timeout=_HANDOVER_S):
            connection.send(Packet.INIT_FAIL, struct.pack("<I", 2))
            return
        try:
            name = MODEL.encode("utf-16-le") + b"\0\0"
            connection.send(
                Packet.INIT_COMMAND_ACK, struct.pack("<I", 1) + _GUID + name + struct.pack("<I", 1 << 16)
            )
            session = Session(self._camera)
            while True:
                self._one(connection, session)
        finally:
            self._in_use.release()

    def _one(self, connection: Connection, session: Session) -> None:
        type_, payload = connection.read()
        if type_ == Packet.PING:
            connection.send(Packet.PONG)
            return
        if type_ != Packet.REQUEST:
            return
        request, sends_data = parse_request(payload)
        received = _receive(connection) if sends_data else b""
        reply = self._camera.answer(session, request, received)
        if reply.data is not None:
            connection.start_data(request.transaction, len(reply.data))
            connection.end_data(request.transaction, reply.data)
        elif reply.item is not None:
            self._send_slice(connection, request.transaction, reply, session)
        connection.respond(request.transaction, reply.code, reply.params)

    def _send_slice(self, connection: Connection, transaction: int, reply: Reply, session: Session) -> None:
        assert reply.item is not None
        faults, name = self._camera.faults, reply.item.name
        faults.before_data(self._camera.root, name, reply.offset)
        there = max(0, min(reply.count, reply.item.size - reply.offset))
        connection.start_data(transaction, reply.count)
        sent = faults.sent(name, reply.count)
        allowed = faults.allow(sent)
        descriptor = session.descriptor(reply.item)
        if allowed < sent:
            connection.send_file(transaction, descriptor, reply.offset, min(allowed, there), reply.count)
            raise VanishedError
        if sent <= there and not faults.alters(name):
            connection.send_file(transaction, descriptor, reply.offset, sent, sent)
            return
        data = os.pread(descriptor, min(sent, there), reply.offset).ljust(sent, b"\0")
        connection.end_data(transaction, faults.alter(name, reply.offset, data))


def _receive(connection: Connection) -> bytes:
    """Take the data phase that an initiator sends."""
    parts: list[bytes] = []
    while sum(map(len, parts)) <= _MAX_DATA_OUT:
        type_, payload = connection.read()
        if type_ in {Packet.DATA, Packet.END_DATA}:
            parts.append(payload[4:])
        if type_ == Packet.END_DATA:
            return b"".join(parts)
    raise GoneError("too much data")


def main() -> None:
    parser = argparse.ArgumentParser(description="A virtual Canon EOS R6 on PTP/IP.")
    parser.add_argument("--root", type=Path, required=True, help="holds slot1/DCIM, slot2/DCIM or DCIM")
    parser.add_argument("--port", type=int, default=0, help="0 picks one")
    add_options(parser)
    options = parser.parse_args()
    try:
        faults = Faults(options.fault)
    except (KeyError, ValueError) as error:
        parser.error(f"no such fault: {error}")
    camera = Camera(
        options.root,
        serial=options.serial,
        settings=chosen_settings(options),
        faults=faults,
        trace=chosen_trace(options),
    )
    listener = socket.create_server(("127.0.0.1", options.port))
    print(listener.getsockname()[1], flush=True)
    Responder(camera, listener).serve()


if __name__ == "__main__":
    main()

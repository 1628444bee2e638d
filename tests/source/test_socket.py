"""A source worker started for a connection, as systemd does it: the connection is its stdin and stdout."""

from __future__ import annotations

import socket
import subprocess
import threading
from pathlib import Path

import pytest

from medkiosk.core.frames import write_frame
from medkiosk.source.client import SourceSession
from medkiosk.source.model import DeviceInfo, SourceError
from medkiosk.source.protocol import ToWorker
from medkiosk.workers import SocketChannel, python_worker


@pytest.fixture
def listening(tmp_path: Path) -> Path:
    """A socket that starts one worker for one connection (``Accept=yes``, ``StandardInput=socket``)."""
    path = tmp_path / "source.sock"
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def accept() -> None:
        with server:
            connection, _ = server.accept()
        with connection:
            subprocess.run(
                python_worker("medkiosk.source.worker", "--asked"),
                stdin=connection.fileno(),
                stdout=connection.fileno(),
                check=False,
                timeout=60,
            )

    threading.Thread(target=accept, daemon=True).start()
    return path


def test_a_worker_behind_a_socket_opens_what_it_is_asked_to(listening: Path, tmp_path: Path) -> None:
    card = tmp_path / "card" / "DCIM" / "100CANON"
    card.mkdir(parents=True)
    (card / "IMG_0001.JPG").write_bytes(b"\xff\xd8" + bytes(3_000_000))
    session = SourceSession(SocketChannel(listening))
    session.open(DeviceInfo(kind="card", model="", serial="", port=str(tmp_path / "card")))
    assert session.hello().kind == "card"
    [entry] = session.list()
    assert b"".join(session.read(entry.index)) == (card / "IMG_0001.JPG").read_bytes()
    session.close()


def test_a_worker_that_is_asked_for_something_else_first_ends(listening: Path) -> None:
    channel = SocketChannel(listening)
    write_frame(channel.writer, ToWorker.LIST)
    session = SourceSession(channel)
    with pytest.raises(SourceError):
        session.hello()
    session.close()

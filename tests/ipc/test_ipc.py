"""Both ends of the wire, joined by a real socket."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from medkiosk.core.capability import Capability
from medkiosk.core.errors import NotAllowedError
from medkiosk.core.ids import AccountId, CaptureId
from medkiosk.ipc import types as t
from medkiosk.ipc import wire
from medkiosk.ipc.api import MAX_MESSAGE, Api
from medkiosk.ipc.client import connect
from medkiosk.ipc.server import Server, SignatureMismatchError, bind

STATUS = t.Status(
    serial=1,
    version="0",
    headline="SAFE TO UNPLUG",
    devices=(),
    redaction=t.RedactionStatus(waiting=0, done=0, failed=0, deferred=0, detectors=(), missing=("face",)),
    unlocked=False,
    objects=0,
    ledger_size=0,
    problems=(),
)


class Service:
    """Answers a few methods; knows when it was closed."""

    closed = threading.Event()

    def check(self, needs: Capability | None) -> None:
        if needs not in (None, Capability.SEE_REDACTED):
            raise NotAllowedError(reason="nobody is logged in")

    def close(self) -> None:
        self.closed.set()

    def get_status(self) -> t.Status:
        return STATUS

    def watch_status(self) -> Iterator[t.Status]:
        yield STATUS
        yield STATUS

    def login(self, user: str, passphrase: str, output: str = "") -> t.Session:
        if passphrase == "boom":
            raise RuntimeError(f"this text quotes {passphrase} and must not be logged")
        return t.Session(account_id=AccountId("a" * 32), display_name=user, roles=())

    def get_preview(self, capture_id: CaptureId) -> tuple[t.Picture, bytes]:
        pixels = bytes(range(256)) * 3
        return t.Picture(
            capture_id=capture_id, revision=1, width=16, height=16, attachment=len(pixels)
        ), pixels


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    server = Server(tmp_path / "s", Service, allowed={os.geteuid()})
    yield tmp_path / "s"
    server.close()


def test_call_stream_attachment_and_session_end(path: Path) -> None:
    Service.closed.clear()
    with connect(path) as client:
        assert client.get_status() == STATUS
        stream = client.watch_status()
        assert [next(stream), next(stream)] == [STATUS, STATUS]
        with pytest.raises(wire.ConnectionLostError):
            next(stream)
    assert Service.closed.wait(5)


def test_an_attachment_is_exactly_its_bytes_and_the_next_call_is_clean(path: Path) -> None:
    with connect(path) as client:
        picture, pixels = client.get_preview(CaptureId("c" * 32))
        assert picture.attachment == len(pixels) == 768
        assert pixels == bytes(range(256)) * 3
        assert client.login("bob", "x").display_name == "bob"


def test_a_missing_capability_is_refused_in_words(path: Path) -> None:
    with connect(path) as client, pytest.raises(wire.RemoteError) as caught:
        client.logout()
    assert caught.value.remote_code == "access.denied"
    assert caught.value.remote_exit_code == 5
    assert "nobody is logged in" in caught.value.message


def test_an_unexpected_error_is_contained_and_not_quoted(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with connect(path) as client:
        with pytest.raises(wire.RemoteError) as caught:
            client.login("bob", "boom")
        assert caught.value.remote_code == "kiosk.internal"
        assert client.get_status() == STATUS
    assert "RuntimeError" in caplog.text
    assert "boom" not in caplog.text


@pytest.mark.parametrize(
    "message",
    [
        b"not json",
        b"{}",
        b'{"method":"org.medkiosk.Kiosk.Nothing"}',
        b'{"method":"org.medkiosk.Kiosk.Login","parameters":{"user":"a"}}',
        b'{"method":"org.medkiosk.Kiosk.Login","parameters":{"user":1,"passphrase":"b"}}',
        b'{"method":"org.medkiosk.Kiosk.Login","parameters":{"user":"a","passphrase":"b","x":1}}',
        b'{"method":"org.medkiosk.Kiosk.WatchStatus"}',
    ],
)
def test_nonsense_gets_an_error_and_the_connection_lives(path: Path, message: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(path))
        raw.sendall(message + b"\0" + b'{"method":"org.medkiosk.Kiosk.GetStatus"}\0')
        received = b""
        while received.count(b"\0") < 2:
            received += raw.recv(65536)
    first, second, _ = received.split(b"\0")
    assert json.loads(first)["error"] == "org.medkiosk.Kiosk.Error"
    assert json.loads(first)["parameters"]["code"] == "request.invalid"
    assert json.loads(second)["parameters"]["headline"] == "SAFE TO UNPLUG"


def test_an_endless_request_is_cut_off(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(path))
        raw.settimeout(10)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            raw.sendall(b"x" * 8 * MAX_MESSAGE)


def test_nobody_listening_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(wire.ConnectionLostError, match="daemon is not answering"):
        connect(tmp_path / "nothing")


def test_a_user_who_is_not_allowed_is_hung_up_on(tmp_path: Path) -> None:
    server = Server(tmp_path / "s", Service, allowed={os.geteuid() + 1})
    with connect(tmp_path / "s") as client, pytest.raises(wire.ConnectionLostError):
        client.get_status()
    server.close()


def test_a_service_that_differs_from_the_definition_is_refused_at_start() -> None:
    with pytest.raises(SignatureMismatchError, match="lacks"):
        bind(Service)
    bind(Api)


def test_every_method_names_what_it_needs() -> None:
    public = {
        "get_status",
        "list_kept",
        "watch_status",
        "login_challenge",
        "login",
        "lock",
        "accept_rollback",
        "ask_setup",  # only where nobody can log in any more
        "list_guide",
        "get_guide_page",
        "search_guide",
        "get_work",  # of one's own session, without being there by that: refused where there is none
    }
    assert {name for name, method in wire.METHODS.items() if method.needs is None} == public
    for method in wire.METHODS.values():
        assert method.secret <= set(method.parameters.__struct_fields__)

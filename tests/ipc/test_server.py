"""The server when things go wrong around it: clients, descriptors, threads, its own service."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medkiosk.core.capability import Capability
from medkiosk.core.events import Role
from medkiosk.core.ids import AccountId
from medkiosk.ipc import types as t
from medkiosk.ipc import wire
from medkiosk.ipc.api import MAX_MESSAGE
from medkiosk.ipc.client import Client, connect
from medkiosk.ipc.server import Server
from tests.ipc.test_ipc import STATUS

GET_STATUS = b'{"method":"org.medkiosk.Kiosk.GetStatus"}\0'


class Service:
    """Answers the status; what else it does, each test says."""

    def check(self, needs: Capability | None) -> None:
        pass

    def close(self) -> None:
        pass

    def get_status(self) -> t.Status:
        return STATUS


@contextlib.contextmanager
def serving(path: Path, service: Callable[[], Service]) -> Iterator[Server]:
    server = Server(path, service, allowed={os.geteuid()})
    try:
        yield server
    finally:
        server.close()


def soon(is_so: Callable[[], bool], timeout_s: float = 10) -> bool:
    deadline = time.monotonic() + timeout_s
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.02)
    return is_so()


def answers(path: Path) -> bool:
    try:
        with connect(path, timeout_s=60) as client:
            return client.get_status() == STATUS
    except wire.ConnectionLostError:
        return False


def open_many(path: Path, count: int, stack: contextlib.ExitStack) -> list[Client]:
    """Connect so often; give those that were let in."""
    clients = [stack.enter_context(connect(path, timeout_s=60)) for _ in range(count)]
    welcome = []
    for client in clients:
        with contextlib.suppress(wire.ConnectionLostError):
            client.get_status()
            welcome.append(client)
    return welcome


def test_a_service_that_fails_to_close_gives_its_place_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Sticky(Service):
        def close(self) -> None:
            raise RuntimeError("quotes a secret")

    with serving(tmp_path / "s", Sticky):
        for _ in range(100):  # more than there are places
            assert soon(lambda: answers(tmp_path / "s"))
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text


def test_a_service_that_cannot_be_made_gives_its_place_back(tmp_path: Path) -> None:
    broken = threading.Event()
    broken.set()

    def make() -> Service:
        if broken.is_set():
            raise RuntimeError
        return Service()

    with serving(tmp_path / "s", make):
        for _ in range(100):
            assert not answers(tmp_path / "s")
        broken.clear()
        assert soon(lambda: answers(tmp_path / "s"))


def test_one_user_cannot_take_all_places_and_gets_them_back(tmp_path: Path) -> None:
    with serving(tmp_path / "s", Service):
        with contextlib.ExitStack() as stack:
            assert len(open_many(tmp_path / "s", 20, stack)) == 16
        assert soon(lambda: answers(tmp_path / "s"))


def test_running_out_of_descriptors_is_survived(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with serving(tmp_path / "s", Service) as server, contextlib.ExitStack() as stack:
        waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
        waiting.settimeout(10)
        highest = max(int(fd.name) for fd in Path("/proc/self/fd").iterdir()) + 1
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest, hard))
        taken = []
        try:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(os.dup(0))
            waiting.connect(str(tmp_path / "s"))
            time.sleep(0.5)  # the server tries to take it, and cannot
            assert server.alive
        finally:
            for fd in taken:
                os.close(fd)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        waiting.sendall(GET_STATUS)
        assert b"SAFE TO UNPLUG" in waiting.recv(65536)


def test_a_thread_that_cannot_start_costs_one_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with serving(tmp_path / "s", Service) as server:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        for _ in range(20):
            assert not answers(tmp_path / "s")
        monkeypatch.setattr(threading.Thread, "start", start)
        assert server.alive
        assert answers(tmp_path / "s")


def test_an_os_error_of_the_service_is_an_answer_not_a_hang_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(Service):
        def login(self, user: str, passphrase: str, output: str = "") -> t.Session:
            raise BrokenPipeError(32, f"the worker of {passphrase}")

        def watch_status(self) -> Iterator[t.Status]:
            yield STATUS
            raise OSError(5, "Input/output error")

    with serving(tmp_path / "s", Failing), connect(tmp_path / "s", timeout_s=60) as client:
        with pytest.raises(wire.RemoteError) as caught:
            client.login("rita", "hunter2")
        assert caught.value.remote_code == "kiosk.internal"
        assert client.get_status() == STATUS
        watch = client.watch_status()
        assert next(watch) == STATUS
        with pytest.raises(wire.RemoteError) as caught:
            next(watch)
        assert caught.value.remote_code == "kiosk.internal"
    assert "BrokenPipeError" in caplog.text
    assert "hunter2" not in caplog.text


def test_close_waits_for_the_call_in_hand(tmp_path: Path) -> None:
    began, ended = threading.Event(), threading.Event()

    class Slow(Service):
        def get_status(self) -> t.Status:
            began.set()
            time.sleep(0.7)
            return STATUS

        def close(self) -> None:
            ended.set()

    server = Server(tmp_path / "s", Slow, allowed={os.geteuid()})
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(tmp_path / "s"))
        raw.sendall(GET_STATUS)
        assert began.wait(5)
        assert server.alive
        server.close()
        assert ended.is_set()  # the call and the session that it belonged to
    assert not (tmp_path / "s").exists()


def test_a_closed_server_is_not_alive(tmp_path: Path) -> None:
    with serving(tmp_path / "s", Service) as server:
        pass
    assert not server.alive


def test_a_reply_may_be_longer_than_any_request(tmp_path: Path) -> None:
    name = "x" * 2 * MAX_MESSAGE

    class Wordy(Service):
        def list_accounts(self) -> t.Accounts:
            one = t.AccountInfo(
                account_id=AccountId("a" * 32), user="a", display_name=name, roles=(Role.AUDITOR,)
            )
            return t.Accounts(accounts=(one,))

    with serving(tmp_path / "s", Wordy), connect(tmp_path / "s", timeout_s=60) as client:
        assert client.list_accounts().accounts[0].display_name == name


def test_a_reply_that_no_client_would_read_is_refused_in_words(tmp_path: Path) -> None:
    class Endless(Service):
        def login(self, user: str, passphrase: str, output: str = "") -> t.Session:
            return t.Session(account_id=AccountId("a" * 32), display_name="x" * wire.MAX_REPLY, roles=())

    with serving(tmp_path / "s", Endless), connect(tmp_path / "s", timeout_s=60) as client:
        with pytest.raises(wire.RemoteError) as caught:
            client.login("a", "b")
        assert caught.value.remote_code == "kiosk.internal"
        assert client.get_status() == STATUS

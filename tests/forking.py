"""Daemons and source workers that start in a few milliseconds, for tests that start thousands of them.

A program reads all of medkiosk's code once; each daemon is a fork of it that calls the daemon's own ``main``,
and each source worker is one that got a connection as standard input and output, as systemd does it
(``Accept=yes``). Real processes with their own memory, threads and files, which can be killed; what is saved
is reading the same code again (0.7 s of 1 s). There is no redact worker behind the sockets: nothing is
redacted.

    with Nursery(sockets) as nursery:
        process = nursery.daemon(config, log, {"NOTIFY_SOCKET": ...})
        process.wait(10)
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from medkiosk.daemon.hardening import MALLOC

_MOST = 64 << 10
_POLL_S = 0.01


class Forked:
    """A daemon that was forked; as `subprocess.Popen`, as far as a scratch kiosk uses it."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery = nursery
        self._code: int | None = None
        self.pid = pid

    def poll(self) -> int | None:
        """Its exit code, minus the signal that killed it; None while it runs."""
        if self._code is None:
            self._code = self._nursery.ask({"ended": self.pid})["code"]
        return self._code

    def wait(self, timeout: float) -> int:
        """Wait for its end.

        Raises:
            TimeoutError: it did not end in time.
        """
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"process {self.pid} did not end")
            time.sleep(_POLL_S)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it ended, and was not asked for yet
                os.kill(self.pid, number)


class Nursery:
    """The program that forks.

    Args:
        sockets: a new folder in which source workers can be reached: ``[workers] sockets``.
    """

    def __init__(self, sockets: Path) -> None:
        self.sockets = sockets

    def __enter__(self) -> Self:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forking", str(theirs.fileno()), str(self.sockets)],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                cwd=Path(__file__).resolve().parents[1],
                env={**os.environ, "GLIBC_TUNABLES": MALLOC},
            )
        self._ours.recv(_MOST)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ours.close()
        self._process.wait(30)

    def ask(self, what: Mapping[str, object]) -> dict[str, Any]:
        """Ask the program for something."""
        self._ours.send(json.dumps(what).encode())
        answer: dict[str, Any] = json.loads(self._ours.recv(_MOST))
        return answer

    def daemon(self, config: Path, log: Path, environment: Mapping[str, str], injector: str = "") -> Forked:
        """Start a daemon.

        Args:
            config: its configuration.
            log: what it says is added to this file.
            environment: what it gets besides our own.
            injector: the path of an injector that it asks before each durable operation.
        """
        order = {"config": str(config), "log": str(log), "environment": environment, "injector": injector}
        return Forked(self, self.ask(order)["pid"])


def _serve(orders: socket.socket, workers: socket.socket) -> None:
    """Fork what is asked for, until nobody asks any more; then end what still runs."""
    codes: dict[int, int] = {}
    daemons: set[int] = set()
    orders.send(b"{}")
    while True:
        ready = select.select([orders, workers], [], [])[0]
        if workers in ready:
            connection, _ = workers.accept()
            with connection:
                _fork_worker(connection, orders, workers)
        _reap(codes)
        if orders not in ready:
            continue
        if not (message := orders.recv(_MOST)):
            break
        order = json.loads(message)
        if "ended" in order:
            code = codes.get(order["ended"])
            if code is not None:
                daemons.discard(order["ended"])
            orders.send(json.dumps({"code": code}).encode())
        else:
            pid = _fork_daemon(order, orders, workers)
            codes.pop(pid, None)  # of an earlier process with this number
            daemons.add(pid)
            orders.send(json.dumps({"pid": pid}).encode())
    for pid in daemons - codes.keys():
        os.kill(pid, signal.SIGKILL)


def _reap(codes: dict[int, int]) -> None:
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            codes[ended[0]] = os.waitstatus_to_exitcode(ended[1])


def _fork_daemon(order: Mapping[str, Any], *ours: socket.socket) -> int:
    from medkiosk.daemon.__main__ import main
    from tests.virtual.inject import confess

    if pid := os.fork():
        return pid
    code = 70
    try:
        for each in ours:
            each.close()
        log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        os.environ.update(order["environment"])
        if order["injector"]:
            confess(order["injector"])
        code = main(["--config", order["config"]])
    except BaseException as error:
        code = _code_of(error)
    finally:
        sys.stderr.flush()
        os._exit(code)


def _code_of(error: BaseException) -> int:
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        return error.code
    traceback.print_exception(error)
    return 1


def _fork_worker(connection: socket.socket, *ours: socket.socket) -> None:
    from medkiosk.source.worker import main

    if os.fork():
        return
    code = 70
    try:
        os.dup2(connection.fileno(), 0)
        os.dup2(connection.fileno(), 1)
        for each in (connection, *ours):
            each.close()
        sys.argv = ["medkiosk.source.worker", "--asked"]
        main()
        code = 0
    except BaseException as error:
        code = _code_of(error)
    finally:
        os._exit(code)


def _main(descriptor: int, folder: Path) -> None:
    import medkiosk.daemon.__main__
    import medkiosk.source.card
    import medkiosk.source.worker  # noqa: F401 - read here once, for all that is forked
    from tests.cheap import make_cheap

    make_cheap()  # as a scratch kiosk's other programs, unless it says otherwise
    with socket.socket(fileno=descriptor) as orders, socket.socket(socket.AF_UNIX) as workers:
        workers.bind(str(folder / "source.sock"))
        workers.listen(16)
        _serve(orders, workers)


if __name__ == "__main__":
    _main(int(sys.argv[1]), Path(sys.argv[2]))

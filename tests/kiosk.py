"""A scratch kiosk: real daemon, real workers, real store, in a folder of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import msgspec

from medkiosk.core.clock import rfc3339
from medkiosk.core.consent import (
    ConsentKind,
    ConsentMethod,
    Grantor,
    Purpose,
    Relationship,
    Risk,
    Subject,
    Terms,
)
from medkiosk.core.events import Role
from medkiosk.core.explanation import EXPLANATIONS, NEWEST
from medkiosk.core.photo import Category, Decision, Finding
from medkiosk.daemon.hardening import MALLOC
from medkiosk.ipc import types as t
from medkiosk.ipc.client import Client, connect
from medkiosk.ipc.wire import ConnectionLostError

CHECKOUT = Path(__file__).resolve().parents[1]
MODELS = Path(os.environ.get("MEDKIOSK_MODELS", CHECKOUT / ".models"))
MAKE_SLOTS = ("init", "recovery", "restore")
"""Commands that stretch a passphrase themselves, not the daemon."""
ADMIN, PASSPHRASE = "admin", "correct horse battery"
STAFF = {
    "pat": ("Pat Photographer", Role.PHOTOGRAPHER),
    "rita": ("Rita Reviewer", Role.REVIEWER),
    "olga": ("Olga Officer", Role.PRIVACY_OFFICER),
    "audi": ("Audi Auditor", Role.AUDITOR),
}


class Running(Protocol):
    """A daemon that was started, as `subprocess.Popen` and `tests.forking.Forked` have it."""

    pid: int

    def poll(self) -> int | None: ...

    def wait(self, timeout: float) -> int: ...

    def send_signal(self, number: int, /) -> None: ...


class ScratchKiosk:
    """A kiosk below ``root``.

    Attributes:
        cheap: passphrases cost next to nothing to try (see `tests.cheap`), from the next start on.
        shares: recovery sheets, after `init`.
        made: everything that ``kioskctl init --json`` said.
        notified: lines that the daemon sent to the service manager, newest last.
    """

    def __init__(
        self,
        root: Path,
        *,
        cameras: Sequence[str] = (),
        cards: Sequence[Path] = (),
        models: Path | None = None,
        settings: str = "",
        cheap: bool = True,
    ) -> None:
        self.cheap = cheap
        self.root = root
        self.store = root / "store"
        self.keys = root / "keys"
        self.stick = root / "stick"
        self.config = root / "medkiosk.toml"
        self.log = root / "medkioskd.log"
        # A socket's path may have at most 107 bytes; scratch folders of tests are often deeper.
        self._runtime = Path("/tmp") / f"medkiosk-{os.getpid()}-{time.monotonic_ns():x}"
        self.socket = self._runtime / "kiosk.sock"
        self.made: dict[str, Any] = {}
        self.notified: list[str] = []
        self._process: Running | None = None
        self._notify: socket.socket | None = None
        root.mkdir(parents=True, exist_ok=True)
        self.stick.mkdir(exist_ok=True)
        self.write_config(cameras, cards, models or MODELS, settings)

    def write_config(
        self, cameras: Sequence[str], cards: Sequence[Path], models: Path = MODELS, settings: str = ""
    ) -> None:
        """Write the configuration; takes effect at the next start."""
        devices = [f'[[camera]]\nport = "{port}"\nmodel = "Canon EOS R6"\n' for port in cameras]
        devices += [f'[[card]]\npath = "{path}"\n' for path in cards]
        self.config.write_text(
            f"""udev = false
[site]
name = "Scratch"
origin = "scratch.medkiosk.invalid/ledger"
[store]
path = "{self.store}"
keys = "{self.keys}"
[ipc]
socket = "{self.socket}"
[models]
path = "{models}"
[ingest]
poll_s = 0.2
retry_s = 0.2
{settings}
[[stick]]
name = "stick"
path = "{self.stick}"
"""
            + "\n".join(devices)
        )

    def ctl(self, *arguments: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run kioskctl; every command gets ``--config`` but those that take none."""
        command, *rest = arguments
        if command not in ("redact", "verify", "restore", "verify-export", "selftest"):
            rest = ["--config", str(self.config), *rest]
        done = subprocess.run(
            [*self._program("medkiosk.cli", cheap=self.cheap and command in MAKE_SLOTS), command, *rest],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            cwd=CHECKOUT,
        )
        if check and done.returncode:
            raise RuntimeError(f"kioskctl {command}: exit code {done.returncode}: {done.stderr}{done.stdout}")
        return done

    @staticmethod
    def _program(module: str, *, cheap: bool) -> list[str]:
        return [sys.executable, "-m", *(("tests.cheap",) if cheap else ()), module]

    def init(self) -> None:
        """Set the kiosk up."""
        done = self.ctl(
            "init",
            "--json",
            "--no-check",
            "--admin",
            ADMIN,
            "--passphrase-file",
            "-",
            stdin=PASSPHRASE + "\n",
        )
        self.made = json.loads(done.stdout)

    @property
    def shares(self) -> list[str]:
        return list(self.made["shares"])

    # The daemon

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, *, prefix: Sequence[str] = (), wait: bool = True) -> None:
        """Start the daemon and wait until it says READY."""
        self._runtime.mkdir(mode=0o700, exist_ok=True)
        notify = self._runtime / "notify"
        notify.unlink(missing_ok=True)
        self.notified.clear()
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(notify))
        self._process = self._launch(
            prefix,
            {
                "NOTIFY_SOCKET": str(notify),
                "WATCHDOG_USEC": "10000000",
                "GLIBC_TUNABLES": MALLOC,  # as the unit does
            },
        )
        threading.Thread(target=self._listen, args=(self._notify,), daemon=True).start()
        deadline = time.monotonic() + 60
        while wait and "READY=1" not in self.notified:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the daemon did not become ready: {self.log.read_text()}")
            time.sleep(0.02)

    def _launch(self, prefix: Sequence[str], environment: Mapping[str, str]) -> Running:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [
                    *prefix,
                    *self._program("medkiosk.daemon", cheap=self.cheap),
                    "--config",
                    str(self.config),
                ],
                stderr=log,
                stdout=log,
                stdin=subprocess.DEVNULL,
                cwd=CHECKOUT,
                env={**os.environ, **environment},
            )

    def _listen(self, notify: socket.socket) -> None:
        with contextlib.suppress(OSError):  # closed when the daemon has ended
            while line := notify.recv(4096).decode():
                self.notified.append(line)

    def told(self, until: Callable[[Sequence[str]], bool], timeout_s: float = 120) -> list[str]:
        """Wait until what was sent to the service manager is as wanted; give it, growing.

        Raises:
            TimeoutError: it did not become so in time.
        """
        deadline = time.monotonic() + timeout_s
        while not until(tuple(self.notified)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the service manager was told {self.notified}")
            time.sleep(0.1)
        return self.notified

    def signal(self, number: int) -> int:
        """Send a signal and wait for the end; give the exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        code = self._process.wait(60)
        time.sleep(0.05)  # the last datagrams
        if self._notify is not None:
            self._notify.shutdown(socket.SHUT_RDWR)
            self._notify.close()
            self._notify = None
        self._process = None
        return code

    def stop(self) -> int:
        """Stop the daemon as systemd does."""
        return self.signal(signal.SIGTERM)

    def stop_if_running(self) -> None:
        """Stop the daemon, unless an earlier test of the module did."""
        if self._process is not None:
            self.stop()

    def kill(self) -> None:
        """Pull the power, as far as a process can tell."""
        self.signal(signal.SIGKILL)

    def close(self) -> None:
        """Stop what runs and remove the socket's folder."""
        if self._process is not None:
            self.signal(signal.SIGKILL if self._process.poll() is not None else signal.SIGTERM)
        for path in self._runtime.glob("*"):
            path.unlink()
        if self._runtime.exists():
            self._runtime.rmdir()

    # Clients

    def client(self) -> Client:
        """A connection without a session."""
        return connect(self.socket, timeout_s=120)

    def status(self) -> t.Status:
        """The status now."""
        with self.client() as client:
            return client.get_status()

    @contextlib.contextmanager
    def session(self, user: str, passphrase: str = PASSPHRASE) -> Iterator[Client]:
        """A connection with a session."""
        with self.client() as client:
            client.login(user, passphrase)
            yield client
            client.logout()

    def hire(self) -> None:
        """Make an account for each of `STAFF`."""
        with self.session(ADMIN) as client:
            for user, (name, role) in STAFF.items():
                client.create_account(user, name, (role,), PASSPHRASE)

    def wait(
        self,
        until: Callable[[t.Status], bool],
        *,
        timeout_s: float = 60,
        each: Callable[[t.Status], None] | None = None,
    ) -> t.Status:
        """Watch the status until it is as wanted.

        Raises:
            TimeoutError: it did not become so in time; says how it was.
        """
        deadline = time.monotonic() + timeout_s
        with contextlib.suppress(ConnectionLostError), self.client() as client:
            for status in client.watch_status():
                if each is not None:
                    each(status)
                if until(status):
                    return status
                if time.monotonic() > deadline:
                    raise TimeoutError(f"still {status}\n{self.log.read_text()[-4000:]}")
        raise TimeoutError(f"the daemon went away\n{self.log.read_text()[-4000:]}")


def imported(status: t.Status) -> bool:
    """Every device is finished, one way or the other."""
    ended = ("safe", "incomplete", "gone", "lost")
    return bool(status.devices) and all(device.state in ended for device in status.devices)


def safe(status: t.Status) -> bool:
    """The big words; they say of what as soon as a stick is in beside the camera or card."""
    return status.headline in ("SAFE TO UNPLUG", "CAMERA: SAFE TO UNPLUG", "CARD: SAFE TO UNPLUG")


def redacted(status: t.Status) -> bool:
    """Nothing waits behind the import."""
    return imported(status) and status.redaction.waiting == 0


def decided(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """A reviewer's plan that masks whatever is only suggested and needs an answer."""
    return tuple(
        msgspec.structs.replace(f, decision=Decision.MASK)
        if f.decision is Decision.SUGGEST and f.category is not Category.MARK
        else f
        for f in findings
    )


SUBJECT = Subject(mrn="7421093", issuer="Demo Hospital", name="Erika Mustermann", birth_date="1984-08-12")


def consent(*purposes: Purpose, days: int = 365) -> Terms:
    """A grant that counts from now on."""
    now = datetime.now(UTC)
    return Terms(
        kind=ConsentKind.GRANT,
        purposes=purposes or (Purpose.TEACHING_RESEARCH,),
        grantor=Grantor(name=SUBJECT.name, relationship=Relationship.SELF),
        method=ConsentMethod.SIGNED_FORM,
        language="en",
        starts=rfc3339(now),
        expires=rfc3339(now + timedelta(days=days)),
        text_version=NEWEST["en"],
        text_sha256=EXPLANATIONS[NEWEST["en"]].sha256,
        risks=tuple(Risk),
        use="Example Journal of Demonstrations" if Purpose.PUBLICATION in purposes else "",
    )

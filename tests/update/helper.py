"""The real helper on the tests' own places: in a process of its own, over a pipe or a socket."""

from __future__ import annotations

import contextlib
import io
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from medkiosk.core.frames import Frame, read_frame, write_frame
from medkiosk.update.protocol import Ask, Say, Stage
from tests.update.build import SIGNERS, Update

CHECKOUT = Path(__file__).resolve().parents[2]

# What stands in for systemd-sysupdate: it makes the version one that can be started, as its last step.
INSTALL = """#!/bin/sh
set -e
exec 2> /dev/null  # a test may cut it off in the middle, and then says so itself
cd "$(dirname "$0")"
[ ! -e fails ] || exit 1
[ ! -e slow ] || sleep 60
for part in root root-verity; do cp folder/medkiosk_"$1"_*."$part".raw "slot-$part"; done
[ ! -e boot/medkiosk_"$1"+* ] || exit 0  # it looks at names alone
cp "folder/medkiosk_$1.efi" "boot/medkiosk_$1+3-0.efi"
[ ! -e empty ] || : > "boot/medkiosk_$1+3-0.efi"
"""

SERVE = """
import os, sys
from pathlib import Path
from medkiosk.update import apply
at = Path(sys.argv[1])
system = apply.System(
    folder=at / "folder",
    version=at / "version",
    signers=at / "release.pub",
    boot=at / "boot",
    install=(str(at / "install"),),
    restart=lambda: (at / "restarted").touch(),
)
apply.SPARE = int(os.environ.get("SPARE", 0))
apply.platform.machine = lambda: "x86_64"
try:
    apply.serve(sys.stdin.buffer, sys.stdout.buffer, system)
except (BrokenPipeError, apply.FrameError):
    sys.exit(1)
"""


@dataclass
class Place:
    """One appliance, as far as the helper sees it, below ``at``."""

    at: Path
    running: str = "0.0.1"

    def __post_init__(self) -> None:
        (self.at / "boot").mkdir(parents=True)
        (self.at / "version").write_text(self.running + "\n")
        (self.at / "release.pub").write_text(SIGNERS)
        (self.at / "install").write_text(INSTALL)
        (self.at / "install").chmod(0o755)
        (self.at / "boot" / f"medkiosk_{self.running}.efi").write_text("the one that runs")

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-c", SERVE, str(self.at)]

    @property
    def staged(self) -> set[str]:
        folder = self.at / "folder"
        return {path.name for path in folder.iterdir()} - {".lock"} if folder.is_dir() else set()

    @property
    def images(self) -> set[str]:
        return {path.name for path in (self.at / "boot").iterdir()}

    def untouched(self) -> bool:
        """Whether nothing happened: no other version can be started."""
        return self.images == {f"medkiosk_{self.running}.efi"} and not (self.at / "slot-root").exists()

    def installed(self, update: Update) -> bool:
        """Whether all of an update is in its place, as it was made."""
        places = ("slot-root", "slot-root-verity", f"boot/medkiosk_{update.version}+3-0.efi")
        return all(
            (self.at / name).read_bytes() == data
            for name, data in zip(places, update.parts.values(), strict=True)
        )

    @contextlib.contextmanager
    def talking(self, **environment: str) -> Iterator[Talk]:
        process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=CHECKOUT,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **environment},
        )
        try:
            yield Talk(process)
        finally:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()  # type: ignore[union-attr]
            process.stdout.close()  # type: ignore[union-attr]
            process.wait(30)

    @contextlib.contextmanager
    def listening(self, path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
        """Start a helper for each connection, as the socket unit does; yield those that were started."""
        started: list[subprocess.Popen[bytes]] = []
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()

            def accept() -> None:
                with contextlib.suppress(OSError):
                    while True:
                        connection, _ = listener.accept()
                        with connection:
                            started.append(
                                subprocess.Popen(
                                    self.command,
                                    stdin=connection.fileno(),
                                    stdout=connection.fileno(),
                                    cwd=CHECKOUT,
                                )
                            )

            thread = threading.Thread(target=accept, daemon=True)
            thread.start()
            try:
                yield started
            finally:
                listener.shutdown(socket.SHUT_RDWR)
                thread.join(10)
                for one in started:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        one.wait(10)
                    one.kill()
                    one.wait(10)
        path.unlink()


class Talk:
    """The daemon's side of one connection."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process = process
        self._in: io.BufferedWriter = process.stdin  # type: ignore[assignment]
        self._out: io.BufferedReader = process.stdout  # type: ignore[assignment]

    def say(self, ask: Ask, payload: bytes = b"") -> None:
        write_frame(self._in, ask, payload)

    def heard(self) -> Frame | None:
        return read_frame(self._out, 8)

    def offer(self, update: Update) -> Frame | None:
        self.say(Ask.MANIFEST, update.manifest)
        self.say(Ask.SIGNATURE, update.signature)
        return self.heard()

    def begin(self, update: Update) -> None:
        assert self.offer(update) == Frame(Say.ACCEPTED, b"")
        self.say(Ask.INSTALL)
        assert self.heard() == Frame(Say.AT, bytes((Stage.READY,)))

    def give(self, data: bytes, pieces: Sequence[int] = (100_000,)) -> None:
        at, turn = 0, 0
        with contextlib.suppress(BrokenPipeError):  # it has heard enough
            while at < len(data):
                size = pieces[turn % len(pieces)]
                self.say(Ask.DATA, data[at : at + size])
                at, turn = at + size, turn + 1

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._in.close()

    def end(self) -> Frame | None:
        """The last word: DONE or FAILED, past every AT."""
        frame = self.heard()
        while frame is not None and frame.type == Say.AT:
            frame = self.heard()
        return frame

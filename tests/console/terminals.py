"""The console in real terminals, driven by bytes: a pseudo-terminal of our own, and tmux.

Flow functions take a socket path, so that they run on any kiosk that has a photo to assign.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

import pyte

from tests.console.state import PASSPHRASE

CHECKOUT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 60.0  # two halves of the tests share two processors
_READS_S = 0.3
"""The least that a person takes to read; what is pressed sooner may be thrown away (docs/console.md)."""
_DCS = re.compile(rb"\x1bP.*?\x1b\\", re.DOTALL)
_BYTES = {
    "enter": b"\r",
    "escape": b"\x1b",
    "tab": b"\t",
    "space": b" ",
    "f1": b"\x1bOP",
    "f2": b"\x1bOQ",
    "f3": b"\x1bOR",
    "f4": b"\x1bOS",
    "f6": b"\x1b[17~",
    "down": b"\x1b[B",
    "left": b"\x1b[D",
    "right": b"\x1b[C",
    "shift+down": b"\x1b[1;2B",
}
_TMUX = {
    "enter": "Enter",
    "escape": "Escape",
    "tab": "Tab",
    "space": "Space",
    "f2": "F2",
    "left": "Left",
    "right": "Right",
    "shift+down": "S-Down",
}


def command(socket: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "medkiosk.console", "--socket", str(socket), *options]


class TerminalDriver:
    """Keys in, text out."""

    def press(self, *keys: str) -> None:
        raise NotImplementedError

    def type(self, words: str) -> None:
        raise NotImplementedError

    def lines(self) -> list[str]:
        raise NotImplementedError

    def text(self) -> str:
        shown = "\n".join(self.lines()).replace("█", " ").replace("▌", " ").replace("│", " ")
        return " ".join(shown.split())

    def until(self, *wanted: str, timeout_s: float = TIMEOUT_S) -> str:
        """Wait until the screen says one of these; give the one that it says."""
        deadline = time.monotonic() + timeout_s
        while True:
            text = self.text()
            if said := next((each for each in wanted if each in text), ""):
                time.sleep(_READS_S)
                return said
            assert time.monotonic() < deadline, f"never said: {wanted}\n" + "\n".join(self.lines())
            time.sleep(0.05)


class PtyConsole(TerminalDriver):
    """The console on a pseudo-terminal that says how large its cells are.

    Attributes:
        pictures: the sixel pictures that were drawn, in order.
        raw: everything that the console wrote.
    """

    def __init__(
        self, argv: list[str], *, columns: int = 120, rows: int = 40, cell: tuple[int, int] = (10, 20)
    ) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._pending = b""
        self.pictures: list[bytes] = []
        self.raw = b""
        self._master, slave = pty.openpty()
        size = struct.pack("HHHH", rows, columns, columns * cell[0], rows * cell[1])
        fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
        environment = {name: value for name, value in os.environ.items() if name not in {"TMUX", "NO_COLOR"}}
        self.process = subprocess.Popen(
            argv,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=CHECKOUT,
            env={**environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            start_new_session=True,
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        os.close(self._master)

    def press(self, *keys: str) -> None:
        for key in keys:
            os.write(self._master, _BYTES.get(key, key.encode()))
            if key == "escape":
                time.sleep(0.3)  # a lone escape is told from a sequence by the time after it
            self._read(0.02)

    def type(self, words: str) -> None:
        self.write(words.encode())

    def write(self, data: bytes) -> None:
        """What a keyboard sends, as bytes."""
        os.write(self._master, data)

    def lines(self) -> list[str]:
        self._read(0.02)
        return [line.rstrip() for line in self._screen.display]

    def inked(self) -> list[str]:
        """The screen as text in which a cell in reverse video that holds a space is a ``#``."""
        self._read(0.02)
        rows = []
        for y in range(self._screen.lines):
            cells = [self._screen.buffer[y][x] for x in range(self._screen.columns)]
            rows.append(
                "".join("#" if cell.reverse and cell.data == " " else cell.data for cell in cells).rstrip()
            )
        return rows

    def gone(self) -> None:
        """The terminal goes away, as with a window that crashed; nobody tells the console."""
        os.close(self._master)

    def finish(self) -> tuple[int, str]:
        """Read on until it ends; its exit code and what it wrote last."""
        deadline = time.monotonic() + TIMEOUT_S
        while self.process.poll() is None and time.monotonic() < deadline:
            self._read(0.1)
        self._read(0.1)
        return self.process.wait(1), self.raw.decode(errors="replace")

    def _read(self, wait_s: float) -> None:
        while select.select([self._master], [], [], wait_s)[0]:
            try:
                data = os.read(self._master, 1 << 16)
            except OSError:  # the other side is closed
                return
            if not data:
                return
            self.raw += data
            self._feed(data)
            wait_s = 0.0

    def _feed(self, data: bytes) -> None:
        """Keep pictures from pyte, which does not know them."""
        data = self._pending + data
        self.pictures += [picture for picture in _DCS.findall(data) if b'q"1;1;' in picture[:32]]
        data = _DCS.sub(b"", data)
        begun = data.find(b"\x1bP")
        if begun < 0 and data.endswith(b"\x1b"):
            begun = len(data) - 1
        self._pending = data[begun:] if begun >= 0 else b""
        self._stream.feed(data[:begun] if begun >= 0 else data)


class TmuxConsole(TerminalDriver):
    """The console in a tmux server of its own."""

    def __init__(self, argv: list[str], *, columns: int = 80, rows: int = 24) -> None:
        self._name = f"medkiosk-{uuid.uuid4().hex}"
        self._tmux(
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            str(columns),
            "-y",
            str(rows),
            "-c",
            str(CHECKOUT),
            *argv,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tmux("kill-server")

    def _tmux(self, *arguments: str) -> str:
        tmux = shutil.which("tmux")
        assert tmux is not None
        done = subprocess.run(
            [tmux, "-L", self._name, *arguments], check=True, capture_output=True, text=True, cwd=CHECKOUT
        )
        return done.stdout

    def press(self, *keys: str) -> None:
        for key in keys:
            self._tmux("send-keys", _TMUX.get(key, key))
            if key == "escape":
                time.sleep(0.7)  # tmux holds a lone escape back for half a second

    def type(self, words: str) -> None:
        self._tmux("send-keys", "-l", words)

    def lines(self) -> list[str]:
        return self._tmux("capture-pane", "-p").splitlines()


def log_in(console: TerminalDriver, user: str = "rita", passphrase: str = PASSPHRASE) -> None:
    """From Home."""
    console.until("Log in")
    console.press("l")
    console.until("Passphrase")
    console.type(user)
    console.press("enter")
    console.type(passphrase)
    console.press("enter")
    console.until("open: somebody is logged in")


def see_photo(console: TerminalDriver) -> None:
    """Wait until the photo that is asked for can be seen: what is pressed sooner does nothing to it."""
    deadline = time.monotonic() + TIMEOUT_S
    console.until("READY: ", "NOT TO BE APPROVED HERE: ")
    while any(each in console.text() for each in ("is not on the screen yet", "no photo is on the screen")):
        assert time.monotonic() < deadline, "no photo\n" + "\n".join(console.lines())
        time.sleep(0.05)
    time.sleep(_READS_S)


def to_review(console: TerminalDriver) -> None:
    """From Home, logged in: an encounter, its consent, the newest import assigned, its first photo."""
    console.press("e")
    console.until("New encounter")
    console.press("n")
    console.until("Record number")
    for words in ("7421093", "Demo Hospital", "Mustermann, Erika", "1984-08-12", "left forearm"):
        console.type(words)
        console.press("enter")
    console.press("f2")
    console.until("Read aloud (wording")
    console.press("enter", "enter", "enter", "right", "space")
    console.until("[x] teaching, research")
    console.press("f2")
    console.until("agrees: clinical record, teaching, research")
    console.press("escape")
    console.until("Next: ")
    console.press("i")
    console.until("in this import")
    console.press("a")
    console.until("Whose ")
    console.press("enter")
    console.until("assigned to Mustermann, Erika")
    console.press("enter")
    console.press("enter")
    console.until("photo 1 of")
    see_photo(console)


def decide_all(console: TerminalDriver) -> None:
    """Keep everything that is only suggested, kind by kind."""
    left = undecided(console)
    while left:
        console.press("j", "o")
        console.until("The same reason for each of them.")
        console.press("1")
        console.until("% sure. Reason")
        console.press("y")
        console.until("Next photo")
        left = undecided(console, fewer_than=left)


def undecided(console: TerminalDriver, fewer_than: int = 1 << 30) -> int:
    """Wait until the panel says that so few are left to decide; give how many. Between two screens there is
    no panel, which is not none.
    """
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        found = re.search(r"([0-9]+) undecided", console.text(), re.IGNORECASE)
        if found and int(found[1]) < fewer_than:
            return int(found[1])
        assert time.monotonic() < deadline, "it stays undecided\n" + "\n".join(console.lines())
        time.sleep(0.1)


def sixel_flow(socket: Path, user: str = "rita", passphrase: str = PASSPHRASE) -> list[bytes]:
    """In a terminal with pictures: review, change a mask, approve. Gives the pictures that were drawn."""
    with PtyConsole(command(socket, "--graphics", "sixel")) as console:
        log_in(console, user, passphrase)
        to_review(console)
        console.until("masked, ")
        decide_all(console)
        console.until("MASKS CHANGED", "READY: A approves what you see")
        whole = list(console.pictures)
        console.press("m", "left", "shift+down", "s")
        console.until("revision 2")
        console.until("READY: A approves what you see")
        console.press("a")
        console.until(": approved.")
    return whole


def plain_flow(socket: Path, user: str = "rita", passphrase: str = PASSPHRASE) -> str:
    """In tmux, without pictures: as far as the review that cannot approve. Gives the last screen."""
    with TmuxConsole(command(socket, "--graphics", "none", "--theme", "ansi")) as console:
        log_in(console, user, passphrase)
        to_review(console)
        console.until("NOT TO BE APPROVED HERE")
        console.press("a")
        console.until("NOT DONE: It cannot be approved: this terminal cannot show photos.")
        return console.text()

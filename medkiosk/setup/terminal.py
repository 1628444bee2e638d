"""A bare terminal: lines in, lines out, nothing that a Linux console of 80 columns cannot do."""

from __future__ import annotations

import contextlib
import os
import termios
import textwrap
from collections.abc import Iterable, Iterator

from medkiosk.setup.errors import NobodyThereError

WIDTH = 78
_CLEAR = "\x1b[0m\x1b[H\x1b[2J\x1b[3J"  # the last one: what was scrolled away (console_codes(4))
_MOST = 4096


class Terminal:
    """Talks to one person.

    Args:
        source: descriptor that is read.
        sink: descriptor that is written.
    """

    def __init__(self, source: int = 0, sink: int = 1) -> None:
        self._source = source
        self._sink = sink

    def clear(self) -> None:
        """Leave nothing on the screen, and nothing that was scrolled away."""
        if os.isatty(self._sink):
            self._write(_CLEAR)

    def say(self, *paragraphs: str) -> None:
        """Write paragraphs, wrapped."""
        for text in paragraphs:
            self.lines(textwrap.wrap(text, WIDTH) or [""])

    def lines(self, lines: Iterable[str]) -> None:
        """Write lines as they are; what could steer the terminal is spelled out."""
        for line in lines:
            self._write("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line) + "\n")

    def ask(self, prompt: str) -> str:
        """Ask for a line.

        Raises:
            NobodyThereError: the other end is gone.
        """
        self._write(prompt)
        return self._line().strip()

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """Show nothing of what is typed, also between two questions.

        Raises:
            NobodyThereError: this is no terminal, and who knows what would show it.
        """
        try:
            before = termios.tcgetattr(self._source)
        except termios.error as error:
            raise NobodyThereError from error
        silent = [*before]
        silent[3] &= ~termios.ECHO
        termios.tcsetattr(self._source, termios.TCSAFLUSH, silent)
        try:
            yield
        finally:
            termios.tcsetattr(self._source, termios.TCSAFLUSH, before)

    def ask_secret(self, prompt: str) -> str:
        """Ask for a line within `silent`; spaces at its ends belong to it.

        Raises:
            NobodyThereError: the other end is gone.
        """
        self._write(prompt)
        typed = self._line()
        self._write("\n")
        return typed

    def _line(self) -> str:
        raw = b""
        while not raw.endswith(b"\n"):  # a terminal gives whole lines, a pipe may not
            part = os.read(self._source, _MOST if os.isatty(self._source) else 1)
            if not part or len(raw) > _MOST:
                raise NobodyThereError
            raw += part
        return raw[:-1].decode("utf-8", "replace")

    def _write(self, text: str) -> None:
        data = text.encode()
        while data:
            data = data[os.write(self._sink, data) :]

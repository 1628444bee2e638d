"""What the terminal can do, from configuration and the kernel, without asking the terminal anything.

A probe by escape sequence is answered late, by half, or not at all, and eats keys; so it is not done.
"""

from __future__ import annotations

import fcntl
import select
import signal
import struct
import termios
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

CellSize = tuple[int, int]
"""Width and height of a character cell, in pixels."""


class Graphics(StrEnum):
    """How photos are drawn."""

    AUTO = "auto"
    SIXEL = "sixel"
    NONE = "none"


@dataclass(frozen=True)
class Terminal:
    """What the screens need to know.

    Attributes:
        sixel: whether photos are drawn as sixels.
        cell: asks for the size of a cell; None where the terminal does not say.
    """

    sixel: bool
    cell: Callable[[], CellSize | None]


NO_GRAPHICS = (
    "This terminal cannot show photos, so nothing can be approved here: use the kiosk's own screen."
    " You can read the findings, and reject."
)
NO_CELL_SIZE = (
    "This terminal does not say how large its characters are, so photos cannot be shown and nothing can be"
    " approved here. You can read the findings, and reject."
)


def has_sixel(choice: Graphics, environment: Mapping[str, str]) -> bool:
    """Decide from the option and, for ``auto``, from the terminal's name: only foot is trusted by name."""
    if choice is Graphics.AUTO:
        inside = "TMUX" in environment or "STY" in environment
        return environment.get("TERM", "").startswith("foot") and not inside
    return choice is Graphics.SIXEL


def cell_size(descriptor: int = 0) -> CellSize | None:
    """Ask the kernel for the size of one cell (TIOCGWINSZ).

    None where the terminal did not tell the kernel its size in pixels, or there is no terminal.
    """
    try:
        packed = fcntl.ioctl(descriptor, termios.TIOCGWINSZ, bytes(8))
    except OSError:
        return None
    rows, columns, width, height = struct.unpack("HHHH", packed)
    if not (rows and columns and width >= columns and height >= rows):
        return None
    return width // columns, height // rows


def end_with(descriptor: int) -> None:
    """End this process by a hang-up as soon as the terminal is gone.

    The kernel sends one to who has it as its controlling terminal only; everybody else would read the end of
    input again and again, for ever, with somebody logged in. Whoever started this process may have had
    hang-ups ignored, which is inherited; here they end it. Call it on the main thread.
    """
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

    def watch() -> None:
        gone = select.poll()
        gone.register(descriptor, 0)  # what is always told: hung up, or not a descriptor any more
        gone.poll()
        signal.raise_signal(signal.SIGHUP)

    threading.Thread(target=watch, name="hang-up", daemon=True).start()

"""Have photos drawn by a process of its own. Every call but `Artist.end` and `Artist.close` blocks."""

from __future__ import annotations

import fcntl
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medkiosk.console.drawing.protocol import LIMIT, SOURCE, TILE, FromPainter, Order, ToPainter, pack
from medkiosk.core.channel import Channel, Spawn
from medkiosk.core.frames import FrameError, read_frame, write_frame
from medkiosk.workers import ProcessChannel, python_worker

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT_S = 30.0
"""After which a process that has not drawn is killed; it takes a fifth of a second on a slow machine."""

_PIPE_BYTES = 1 << 20
"""For megabytes of each photo: at 64 KiB the processes take turns all the time. Allowed to all: pipe(7)."""
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",  # it shares the work out itself
    # It keeps what it frees for the next photo: to touch memory for the first time costs a fifth of it all.
    "GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=536870912",
}


class ArtistError(Exception):
    """The process ended twice, or answered what it must not: there is no picture."""


class EndedError(Exception):
    """`Artist.end` was called meanwhile: the picture is not wanted any more."""


@dataclass(eq=False)
class Pixels:
    """Raw RGB, and the number by which the process knows it."""

    number: int
    width: int
    height: int
    rgb: bytes | bytearray


def process() -> Channel:
    """Start the process."""
    channel = ProcessChannel(python_worker("medkiosk.console.drawing.worker"), environment=_ENVIRONMENT)
    for pipe in (channel.process.stdin, channel.process.stdout):
        if pipe is not None:
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return channel


class Artist:
    """One process that draws, started when it is needed, and again where it ended.

    Args:
        spawn: starts it.
        timeout_s: after which one that does not answer is killed.
    """

    def __init__(self, spawn: Spawn = process, *, timeout_s: float = TIMEOUT_S) -> None:
        self._spawn = spawn
        self._timeout_s = timeout_s
        self._turn = threading.Lock()
        """Held by whoever talks to the process."""
        self._lock = threading.Lock()
        """Held for a moment, around the two below."""
        self._channel: Channel | None = None
        self._known: set[int] = set()
        self._closed = False

    def start(self) -> None:
        """Start the process ahead of time."""
        with self._turn:
            self._running()

    def draw(self, order: Order, pixels: Pixels) -> dict[int, str]:
        """Draw; the sixels of each tile that is not as on the screen, by the tile's number.

        Raises:
            ArtistError: there is no picture.
            EndedError: it is not wanted any more.
        """
        with self._turn:
            for _ in range(2):
                channel = self._running()
                try:
                    with self._in_time(channel):
                        return self._drawn(channel, order, pixels)
                except (FrameError, OSError, ValueError) as error:
                    if not self._let_go(channel):
                        raise EndedError from error
        raise ArtistError

    def forget(self) -> None:
        """Have the process let go of all that it was shown."""
        with self._turn, self._lock:
            channel = self._channel
            self._known.clear()
        if channel is not None:
            try:
                write_frame(channel.writer, ToPainter.FORGET)
            except (OSError, ValueError):
                self._let_go(channel)

    def end(self) -> None:
        """Kill the process, and with it all that it knows; the next order starts another one."""
        with self._lock:
            channel = self._channel
        if channel is not None:
            self._let_go(channel)

    def close(self) -> None:
        """`end` for good."""
        with self._lock:
            self._closed = True
        self.end()

    def _running(self) -> Channel:
        with self._lock:
            if self._closed:
                raise EndedError
            if self._channel is None:
                self._channel = self._spawn()
            return self._channel

    def _let_go(self, channel: Channel) -> bool:
        """End a process; False where somebody else did."""
        with self._lock:
            if self._channel is not channel:
                return False
            self._channel = None
            self._known.clear()
        channel.kill()
        # Whoever reads from it reads its end first; and to wait for that is not for the event loop.
        threading.Thread(target=channel.close, name="close-artist", daemon=True).start()
        return True

    @contextmanager
    def _in_time(self, channel: Channel) -> Iterator[None]:
        timer = threading.Timer(self._timeout_s, channel.kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _drawn(self, channel: Channel, order: Order, pixels: Pixels) -> dict[int, str]:
        with self._lock:
            known = pixels.number in self._known
            self._known &= set(order.sources)
            self._known.add(pixels.number)
        if not known:
            head = SOURCE.pack(pixels.number, pixels.width, pixels.height)
            write_frame(channel.writer, ToPainter.SOURCE, head + pixels.rgb, flush=False)
        write_frame(channel.writer, ToPainter.DRAW, pack(order))
        tiles: dict[int, str] = {}
        while (frame := read_frame(channel.reader, LIMIT)) is not None:
            if frame.type == FromPainter.DRAWN:
                return tiles
            if frame.type != FromPainter.TILE or len(frame.payload) < TILE.size:
                raise FrameError("it is no tile")
            tiles[TILE.unpack_from(frame.payload)[0]] = str(frame.payload[TILE.size :], "ascii")
        raise FrameError("it ended")

"""Have photos drawn by a process of its own. Only `Artist.start` and `Artist.draw` block."""

from __future__ import annotations

import fcntl
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from medkiosk.console.drawing.protocol import LIMIT, SOURCE, TILE, FromPainter, Order, ToPainter, pack
from medkiosk.core.channel import Channel, Spawn
from medkiosk.core.frames import FrameError, read_frame, write_frame
from medkiosk.workers import ProcessChannel, python_worker

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT_S = 30.0
"""After which a process that has not drawn is killed, its start and all; a second one gets as long."""
_PIPE_BYTES = 1 << 20
"""For megabytes of each photo: at 64 KiB the processes take turns all the time."""
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",  # it shares the work out itself
    # It keeps what it frees for the next photo: to touch memory for the first time costs a fifth of it all.
    "GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=536870912",
}
_BEGIN, _END, _ESCAPE = "\x1bP", "\x1b\\", "\x1b"
"""Around sixels; nothing else in them is a control character of the terminal."""


class ArtistError(Exception):
    """No process could be started, or two ended or answered what they must not: there is no picture."""


class EndedError(Exception):
    """`Artist.end` was called meanwhile: the picture is not wanted any more."""


@dataclass(eq=False)
class Pixels:
    """Raw RGB, and the number by which the process knows it."""

    number: int
    width: int
    height: int
    rgb: bytes | bytearray


@dataclass(frozen=True, eq=False)
class _Process:
    """A process, and the numbers of the sources that it was shown."""

    channel: Channel
    known: set[int] = field(default_factory=set)


def process() -> Channel:
    """Start the process."""
    channel = ProcessChannel(python_worker("medkiosk.console.drawing.worker"), environment=_ENVIRONMENT)
    for pipe in (channel.process.stdin, channel.process.stdout):
        with suppress(OSError):  # a user has so many large pipes only (pipe(7)); small ones do
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)  # type: ignore[arg-type]
    return channel


class Artist:
    """One process that draws, started when it is needed, and again where it ended. Thread-safe.

    Args:
        spawn: starts it.
        timeout_s: after which one that does not answer is killed.
    """

    def __init__(self, spawn: Spawn = process, *, timeout_s: float = TIMEOUT_S) -> None:
        self._spawn = spawn
        self._timeout_s = timeout_s
        self._turn = threading.Lock()
        """Held by whoever starts the process or talks to it: for as long as that takes."""
        self._lock = threading.Lock()
        """Held around the following, and never while something else is waited for."""
        self._process: _Process | None = None
        self._closed = False
        self._forgets = False
        self._left: list[Channel] = []
        """Killed, and not yet reaped: there was no thread to be had for it."""

    def start(self) -> None:
        """Start the process ahead of time.

        Raises:
            ArtistError: it could not be started.
            EndedError: this was closed.
        """
        try:
            with self._turn:
                self._running()
        except (OSError, RuntimeError) as error:
            raise ArtistError from error

    def draw(self, order: Order, pixels: Pixels) -> dict[int, str]:
        """Draw; the sixels of each tile that is not as on the screen, by the tile's number.

        Raises:
            ArtistError: there is no picture.
            EndedError: it is not wanted any more.
        """
        try:
            with self._turn:
                self._forget_now()
                return self._twice(order, pixels)
        except (OSError, RuntimeError) as error:  # no process, no thread
            raise ArtistError from error
        finally:
            self._forget_soon()

    def forget(self) -> None:
        """Have the process let go of all that it was shown: now, or when it has drawn what it draws."""
        with self._lock:
            self._forgets = True
        self._forget_soon()

    def end(self) -> None:
        """Kill the process, and with it all that it knows; the next order starts another one."""
        with self._lock:
            process = self._process
        if process is not None:
            self._let_go(process)

    def close(self) -> None:
        """`end` for good."""
        with self._lock:
            self._closed = True
        self.end()

    def _twice(self, order: Order, pixels: Pixels) -> dict[int, str]:
        for _ in range(2):
            process = self._running()
            try:
                with self._in_time(process.channel):
                    return _drawn(process, order, pixels)
            except (FrameError, OSError, ValueError) as error:
                if not self._let_go(process):
                    raise EndedError from error
        raise ArtistError

    def _forget_soon(self) -> None:
        while self._forgets and self._turn.acquire(blocking=False):  # else whoever has it does it after
            try:
                self._forget_now()
            finally:
                self._turn.release()

    def _forget_now(self) -> None:
        """Have it forget, where that was asked for; an idle process takes so short a frame at once."""
        with self._lock:
            forgets, self._forgets = self._forgets, False
            process = self._process
        if forgets and process is not None:
            process.known.clear()
            try:
                write_frame(process.channel.writer, ToPainter.FORGET)
            except (OSError, ValueError):
                self._let_go(process)

    def _running(self) -> _Process:
        with self._lock:
            left, self._left = self._left, []
            process = self._process
            if self._closed:
                raise EndedError
        for each in left:
            each.close()
        if process is not None:
            return process
        process = _Process(self._spawn())
        if not self._publish(process):
            self._reap(process.channel)
            raise EndedError
        return process

    def _publish(self, process: _Process) -> bool:
        """Make it known to who ends it; False where this was closed meanwhile."""
        with self._lock:
            if not self._closed:
                self._process = process
            return not self._closed

    def _let_go(self, process: _Process) -> bool:
        """End a process; False where somebody else did."""
        with self._lock:
            if self._process is not process:
                return False
            self._process = None
        self._reap(process.channel)
        return True

    def _reap(self, channel: Channel) -> None:
        """Kill at once, and wait for the end in a thread: that is not for the event loop."""
        channel.kill()
        try:
            threading.Thread(target=channel.close, name="close-artist", daemon=True).start()
        except RuntimeError:
            with self._lock:
                self._left.append(channel)

    @contextmanager
    def _in_time(self, channel: Channel) -> Iterator[None]:
        timer = threading.Timer(self._timeout_s, channel.kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _drawn(process: _Process, order: Order, pixels: Pixels) -> dict[int, str]:
    channel = process.channel
    if pixels.number not in process.known:
        head = SOURCE.pack(pixels.number, pixels.width, pixels.height)
        write_frame(channel.writer, ToPainter.SOURCE, head, flush=False)
        write_frame(channel.writer, ToPainter.PIXELS, memoryview(pixels.rgb), flush=False)
    process.known.intersection_update(order.sources)
    process.known.add(pixels.number)
    write_frame(channel.writer, ToPainter.DRAW, pack(order))
    tiles: dict[int, str] = {}
    places = range(sum(1 for _ in order.grid.tiles()))
    while (frame := read_frame(channel.reader, LIMIT)) is not None:
        if frame.type == FromPainter.DRAWN:
            return tiles
        if frame.type != FromPainter.TILE or len(frame.payload) < TILE.size:
            raise FrameError("it is no tile")
        (number,) = TILE.unpack_from(frame.payload)
        sixels = str(frame.payload[TILE.size :], "ascii")
        whole = sixels.startswith(_BEGIN) and sixels.endswith(_END) and sixels.count(_ESCAPE) == 2
        if number not in places or number in tiles or not whole:
            raise FrameError("it is no tile of these")
        tiles[number] = sixels
    raise FrameError("it ended")

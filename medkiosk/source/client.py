"""The daemon's side of a source worker: `SourceSession`.

Everything that comes from the worker is hostile until it was bounded here: it speaks for a device that
anybody may have plugged in. A worker that breaks a rule, dies or stalls is killed, and the session is over.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self, TypeVar

from medkiosk.core.channel import Channel
from medkiosk.core.frames import CHUNK, Frame, FrameError, read_frame, write_frame
from medkiosk.source.model import (
    HEAD_BYTES,
    MAX_ENTRIES,
    ClockReading,
    DeviceInfo,
    Entry,
    Grant,
    Shape,
    SourceCode,
    SourceError,
)
from medkiosk.source.protocol import (
    FromWorker,
    ProtocolError,
    ToWorker,
    pack_index,
    pack_open,
    pack_seconds,
    unpack_code,
    unpack_end,
    unpack_entry,
    unpack_hello,
    unpack_index,
    unpack_nothing,
    unpack_time,
)

T = TypeVar("T")

STALL_S = 30.0
"""Longest silence of a worker that owes a frame, seconds. libgphoto2 itself gives up after 20 s on USB."""

FLOOR_BYTES_S = 512 * 1024
"""Slowest rate at which a file is waited for, bytes a second: half of what the slowest USB carries.
A card that is slow only in places has the longest silence on top of it, once a file."""

LISTING_S = 600.0
"""Longest that is waited for one whole listing, seconds."""


class SourceSession:
    """One device, from HELLO to BYE. Not for several threads at once.

    Attributes:
        shape: whether the file that `read` gave last ends where its own structure ends.

    Args:
        channel: a fresh source worker.
        stall_s: longest wait for one frame, seconds.
        monotonic: a clock that only goes forward, seconds.
        now: the kiosk's time, seconds since 1970.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        stall_s: float = STALL_S,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._channel = channel
        self._monotonic = monotonic
        self._now = now
        self._stall_s = stall_s
        self._watchdog = _Watchdog(channel.kill, stall_s, monotonic)
        self._over: SourceCode | None = None
        self._info: DeviceInfo | None = None
        self._entries: list[Entry] = []
        self.shape = Shape.UNKNOWN

    def open(self, device: DeviceInfo, grants: Grant = Grant.NONE) -> None:
        """Say which device to open, to a worker that was started with ``--asked``; then `hello`.

        Args:
            device: which one.
            grants: what the worker may change on it; nothing, unless a policy says so.
        """
        self._send(ToWorker.OPEN, pack_open(device, grants))

    def hello(self) -> DeviceInfo:
        """Return which device this is.

        Raises:
            SourceError: the device could not be opened.
        """
        if self._info is None:
            frame = self._receive(FromWorker.HELLO)
            self._info = self._parsed(unpack_hello, frame.payload)
        return self._info

    def list(self) -> list[Entry]:
        """List every file of the device; calling it again lists afresh.

        Raises:
            SourceError: the device could not be listed. A listing is whole or it is an error.
        """
        self.hello()
        self._send(ToWorker.LIST, allowed_s=LISTING_S)
        entries: list[Entry] = []
        folders: dict[str, str] = {}  # one string for all files of a folder
        while (frame := self._receive(FromWorker.ENTRY, FromWorker.LISTED)).type == FromWorker.ENTRY:
            entry = self._parsed(unpack_entry, frame.payload)
            if entry.index != len(entries) or len(entries) == MAX_ENTRIES:
                raise self._end(SourceCode.PROTOCOL)
            entries.append(
                Entry(
                    index=entry.index,
                    storage=folders.setdefault(entry.storage, entry.storage),
                    folder=folders.setdefault(entry.folder, entry.folder),
                    name=entry.name,
                    size=entry.size,
                    mtime=entry.mtime,
                    failure=entry.failure,
                )
            )
        if self._parsed(unpack_index, frame.payload) != len(entries):
            raise self._end(SourceCode.PROTOCOL)
        self._entries = entries
        return list(entries)

    def head(self, index: int) -> bytes:
        """Return the first bytes of a listed file, at most `HEAD_BYTES`; the whole file if it is smaller.

        Raises:
            SourceError: they could not be read, or were fewer than the listing promises.
        """
        entry = self._entries[index]
        return b"".join(self._transfer(ToWorker.HEAD, entry, min(HEAD_BYTES, entry.size)))

    def read(self, index: int) -> Iterator[bytes]:
        """Read a listed file, chunk by chunk.

        The iterator ends normally only when exactly as many bytes came as were listed; `shape` then says
        whether the file's own structure agrees with that: where it is doubtful, read again. Leaving it early
        ends the session, since the worker is in the middle of a file.

        Yields:
            At most `medkiosk.core.frames.CHUNK` bytes at a time.

        Raises:
            SourceError: the file could not be read whole; what was yielded is worth nothing then.
        """
        entry = self._entries[index]
        return self._transfer(ToWorker.READ, entry, entry.size)

    def clock(self) -> ClockReading | None:
        """Return what the device's clock shows; None for a card, or a camera that does not say.

        Best asked before `list`: what was listed before this must be listed again.

        Raises:
            SourceError: the device did not answer.
        """
        self.hello()
        self._entries = []
        asked, began = self._now(), self._monotonic()
        self._send(ToWorker.CLOCK)
        frame = self._receive(FromWorker.TIME)
        took = self._monotonic() - began
        time_ = self._parsed(unpack_time, frame.payload)
        if time_ is None:
            return None
        wall = dt.datetime.fromtimestamp(time_.wall, dt.UTC).replace(tzinfo=None)
        return ClockReading(wall=wall.isoformat(), utc=time_.utc, asked=asked, took=took)

    def set_clock(self, unix_seconds: int) -> None:
        """Set the device's clock. What was listed before this must be listed again.

        Args:
            unix_seconds: UTC, seconds since 1970. The camera shows it in the zone of its menu.

        Raises:
            SourceError: it has no clock that can be set (``UNSUPPORTED``), or did not answer; ``CRASHED``
                also when the worker was opened without `Grant.SET_CLOCK`.
        """
        self.hello()
        self._entries = []
        self._send(ToWorker.SET_CLOCK, pack_seconds(unix_seconds))
        self._parsed(unpack_nothing, self._receive(FromWorker.DONE).payload)

    def delete(self, index: int) -> None:
        """Delete one listed file from the device. The other entries keep their indexes.

        That the device said so does not mean that it did: what became of the file shows in a new session's
        listing. The same is true of an error.

        Raises:
            SourceError: nothing was asked of the device: ``PROTECTED``, ``READ_ONLY``, ``UNSUPPORTED`` (an
                empty file), ``CHANGED``, ``GONE``; more is gone than that file: ``PROTOCOL``; or what the
                device said. ``CRASHED`` also when the worker was opened without `Grant.DELETE`.
        """
        entry = self._entries[index]
        if entry.failure is not None:
            raise SourceError(entry.failure)
        self._send(ToWorker.DELETE, pack_index(index))
        self._parsed(unpack_nothing, self._receive(FromWorker.DONE).payload)

    def kill(self) -> None:
        """End the worker at once, from any thread: whoever waits for it gets a `SourceError`.

        The session must still be closed.
        """
        self._channel.kill()

    def close(self) -> None:
        """End the session and the worker; harmless to repeat."""
        self._watchdog.stop()
        if self._over is None:
            self._over = SourceCode.UNPLUGGED
            try:
                write_frame(self._channel.writer, ToWorker.BYE)
            except OSError:
                self._channel.kill()
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _transfer(self, request: ToWorker, entry: Entry, size: int) -> Iterator[bytes]:
        if entry.failure is not None:
            raise SourceError(entry.failure)
        self._send(request, pack_index(entry.index), allowed_s=self._stall_s + size / FLOOR_BYTES_S)
        total = 0
        try:
            while (frame := self._receive(FromWorker.DATA, FromWorker.END)).type == FromWorker.DATA:
                total += len(frame.payload)
                if total > size or not frame.payload:
                    raise self._end(SourceCode.LONG if frame.payload else SourceCode.PROTOCOL)
                yield frame.payload
        except GeneratorExit:
            self._end(SourceCode.CRASHED)  # left in the middle of a file, from where there is no way back
            raise
        untrusted_size, shape = self._parsed(unpack_end, frame.payload)
        if untrusted_size != total:
            raise self._end(SourceCode.PROTOCOL)
        if total != size:
            raise SourceError(SourceCode.SHORT)
        self.shape = shape

    def _send(self, request: ToWorker, payload: bytes = b"", allowed_s: float | None = None) -> None:
        """Send a request; for its answer ``allowed_s`` of waiting are allowed, in all (default: one wait)."""
        if self._over is not None:
            raise SourceError(self._over)
        self._watchdog.allow(self._stall_s if allowed_s is None else allowed_s)
        try:
            write_frame(self._channel.writer, request, payload)
        except OSError as error:
            raise self._end(SourceCode.CRASHED) from error

    def _receive(self, *expected: FromWorker) -> Frame:
        """Wait for a frame of one of these types; FAIL becomes an error."""
        if self._over is not None:
            raise SourceError(self._over)
        try:
            with self._watchdog:
                frame = read_frame(self._channel.reader, CHUNK)
        except (FrameError, OSError) as error:
            raise self._end(SourceCode.CRASHED) from error
        if frame is None:
            raise self._end(SourceCode.CRASHED)
        if frame.type == FromWorker.FAIL:
            failure = SourceError(self._parsed(unpack_code, frame.payload))
            raise self._end(failure.reason) if failure.ends_session or self._info is None else failure
        if frame.type not in expected:
            raise self._end(SourceCode.PROTOCOL)
        return frame

    def _parsed(self, parse: Callable[[bytes], T], untrusted_payload: bytes) -> T:
        try:
            return parse(untrusted_payload)
        except ProtocolError as error:
            raise self._end(SourceCode.PROTOCOL) from error

    def _end(self, reason: SourceCode) -> SourceError:
        """Kill the worker; every later call fails with the same reason."""
        self._over = SourceCode.STALLED if self._watchdog.fired else reason
        self._channel.kill()
        return SourceError(self._over)


class _Watchdog:
    """Calls ``kill`` once when a wait inside its ``with`` block takes longer than ``seconds``.

    Also when all waits since `allow` together take longer than it said. Only waiting counts: a device is not
    slow because the kiosk's disk is.
    """

    def __init__(self, kill: Callable[[], None], seconds: float, monotonic: Callable[[], float]) -> None:
        self.fired = False
        self._kill = kill
        self._seconds = seconds
        self._monotonic = monotonic
        self._deadline: float | None = None
        self._began = 0.0
        self._left = seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="source-watchdog", daemon=True)
        self._thread.start()

    def allow(self, seconds: float) -> None:
        """Begin a request for which this much waiting is allowed, in all."""
        self._left = seconds

    def __enter__(self) -> None:
        self._began = self._monotonic()
        self._deadline = self._began + min(self._seconds, self._left)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._deadline = None
        self._left -= self._monotonic() - self._began

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(min(1.0, self._seconds / 4)):
            deadline = self._deadline
            if deadline is not None and self._monotonic() > deadline:
                self.fired = True
                self._kill()
                return

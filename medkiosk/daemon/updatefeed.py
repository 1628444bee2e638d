"""An update's way from the reader of a stick to the helper that installs it; its bytes are passed on
unseen.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from medkiosk.core.channel import Channel
from medkiosk.core.frames import Frame, FrameError, read_frame, write_frame
from medkiosk.update import manifest as form
from medkiosk.update.errors import (
    CutUpdateError,
    DamagedUpdateError,
    NoHelperError,
    OddUpdateError,
    UnreadableUpdateError,
    by_number,
)
from medkiosk.update.manifest import Manifest
from medkiosk.update.protocol import GO, MAX_ANSWER, NUMBER, PIECE, SIZE, Ask, Read, Say, Stage
from medkiosk.workers import ProcessChannel, python_worker

STALL_S = 30.0
"""A stick, or a helper, that says nothing for so long is taken for dead, seconds."""

SpawnReader = Callable[[int], Channel]
SpawnHelper = Callable[[], Channel]


def spawn_reader(folder: int) -> Channel:
    """Start a reader that gets this open folder."""
    arguments = python_worker("medkiosk.updatereader", "--folder", str(folder))
    return ProcessChannel(arguments, descriptors=(folder,), grace_s=0.5)


class Feed:
    """One update on one stick, and one helper. Not for several threads, but for `cut`.

    Args:
        place: the stick's top folder.
        start_reader, start_helper: start the two processes.
        stall_s: how long either may say nothing, seconds.

    Attributes:
        version: what the folder on the stick says; empty before `offer`.
        manifest_sha256: of what it has for a manifest, hexadecimal; likewise.
    """

    def __init__(
        self, place: Path, start_reader: SpawnReader, start_helper: SpawnHelper, *, stall_s: float = STALL_S
    ) -> None:
        self.version = ""
        self.manifest_sha256 = ""
        self._start_helper = start_helper
        self._stall_s = stall_s
        try:
            folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise UnreadableUpdateError from error
        try:
            self._reader = start_reader(folder)
        except OSError as error:
            raise UnreadableUpdateError from error
        finally:
            os.close(folder)
        self._helper: Channel | None = None
        self._manifest: Manifest | None = None

    def close(self) -> None:
        """End both processes; the helper ends by itself when nobody listens, but what it writes it writes
        whole.
        """
        for channel in filter(None, (self._reader, self._helper)):
            with contextlib.suppress(OSError):
                channel.close()

    def cut(self) -> None:
        """Stop reading the stick; who waits for it is told that it was cut."""
        self._reader.kill()

    def offer(self) -> Manifest:
        """Read the manifest from the stick and ask the helper about it.

        Returns:
            the manifest, of which the helper said that somebody trusted signed it and that it may be
            installed.

        Raises:
            UpdateError: it may not.
        """
        self.version = self._read(Read.FOLDER, 32).decode("ascii", "replace")
        untrusted_manifest = self._read(Read.MANIFEST, form.MAX_MANIFEST)
        self.manifest_sha256 = hashlib.sha256(untrusted_manifest).hexdigest()
        untrusted_signature = self._read(Read.SIGNATURE, form.MAX_SIGNATURE)
        try:
            self._helper = self._start_helper()
        except OSError as error:
            raise NoHelperError from error
        self._send(Ask.MANIFEST, untrusted_manifest)
        self._send(Ask.SIGNATURE, untrusted_signature)
        self._heard(Say.ACCEPTED)
        self._manifest = form.decode(untrusted_manifest)
        if self._manifest.version != self.version:
            raise OddUpdateError
        return self._manifest

    def install(self, copied: Callable[[int], None], installing: Callable[[], None]) -> None:
        """Pass all of it on; return when the helper says that it is in its place.

        Args:
            copied: is told how many more bytes were passed on.
            installing: is told when all of them were, and are what was signed.

        Raises:
            UpdateError: it is not; nothing was changed unless the helper does not answer.
        """
        if self._manifest is None:
            raise ValueError("offer it first")
        self._send(Ask.INSTALL)
        self._heard(Say.AT, Stage.READY)
        try:
            self._reader.writer.write(GO)
            self._reader.writer.flush()
        except OSError as error:
            raise CutUpdateError from error
        for part in self._manifest.parts:
            (size,) = SIZE.unpack(self._read(Read.PART, SIZE.size))
            if size != part.size:
                raise CutUpdateError if size < part.size else DamagedUpdateError
            while size:
                piece = self._read(Read.DATA, PIECE)
                if not 0 < len(piece) <= size:
                    raise DamagedUpdateError
                self._send(Ask.DATA, piece)
                size -= len(piece)
                copied(len(piece))
        self._read(Read.END, 0)
        self._heard(Say.AT, Stage.INSTALLING)
        installing()
        while self._heard(Say.AT, Stage.INSTALLING, or_=Say.DONE).type != Say.DONE:
            pass

    # The two ends

    def _read(self, wanted: Read, most: int) -> bytes:
        try:
            with self._impatient(self._reader):
                frame = read_frame(self._reader.reader, max(most, NUMBER.size))
        except (FrameError, OSError, ValueError) as error:
            raise CutUpdateError from error
        if frame is None:
            raise CutUpdateError
        if frame.type == Read.FAILED and len(frame.payload) == NUMBER.size:
            raise by_number(NUMBER.unpack(frame.payload)[0])
        if frame.type != wanted or len(frame.payload) > most:
            # A part that ended before its size: the next one begins, or the end comes.
            raise CutUpdateError if wanted is Read.DATA else UnreadableUpdateError
        return frame.payload

    def _send(self, ask: Ask, payload: bytes = b"") -> None:
        helper = self._helper
        if helper is None:
            raise NoHelperError
        try:
            with self._impatient(helper):
                write_frame(helper.writer, ask, payload)
        except OSError:
            self._heard(Say.ACCEPTED)  # why it does not listen any more
            raise NoHelperError from None

    def _heard(self, wanted: Say, stage: Stage | None = None, or_: Say | None = None) -> Frame:
        helper = self._helper
        if helper is None:
            raise NoHelperError
        try:
            with self._impatient(helper):
                frame = read_frame(helper.reader, MAX_ANSWER)
            if frame is not None and frame.type == Say.FAILED:
                raise by_number(NUMBER.unpack(frame.payload)[0])
        except (FrameError, OSError, ValueError, struct.error) as error:
            raise NoHelperError from error
        if frame is None or frame.type not in (wanted, or_):
            raise NoHelperError
        if frame.type == wanted and frame.payload != (b"" if stage is None else bytes((stage,))):
            raise NoHelperError
        return frame

    @contextlib.contextmanager
    def _impatient(self, channel: Channel) -> Iterator[None]:
        """Kill what says nothing for too long."""
        timer = threading.Timer(self._stall_s, channel.kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def ask_restart(start_helper: SpawnHelper) -> None:
    """Have the helper start the machine again.

    Raises:
        NoHelperError: it does not answer.
    """
    try:
        helper = start_helper()
        try:
            write_frame(helper.writer, Ask.RESTART)
            frame = read_frame(helper.reader, MAX_ANSWER)
        finally:
            helper.close()
    except (FrameError, OSError) as error:
        raise NoHelperError from error
    if frame is None or frame.type != Say.DONE:
        raise NoHelperError

"""Cards in a reader, between udev and the import: mounted when they come, unmounted when they are done with.

Mounting waits for the card, so it is done on a thread of its own, in the order in which things happened.
"""

from __future__ import annotations

import logging
import queue
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from medkiosk.core.channel import Channel, Spawn
from medkiosk.core.errors import KioskError
from medkiosk.core.frames import FrameError, read_frame, write_frame
from medkiosk.device.model import DeviceRef, Listener
from medkiosk.device.volume import CODE, WORDS, Answer, MountCode, Request

_log = logging.getLogger(__name__)

MOUNT_S = 60.0
"""Longest that the helper may take, seconds; a damaged card's reader tries each sector again and again."""


_NO_CARDS = frozenset({MountCode.NAME, MountCode.NOT_A_CARD, MountCode.NO_MEDIUM, MountCode.COMPOSITE})


class CardRefusedError(KioskError):
    """{words}"""  # noqa: D415 the sentence is in WORDS

    code: ClassVar[str] = "card.refused"

    def __init__(self, reason: MountCode) -> None:
        self.reason = reason
        super().__init__(words=WORDS[reason])

    @property
    def may_hold_photos(self) -> bool:
        """Whether what was refused may be a card that somebody wants to have read."""
        return self.reason not in _NO_CARDS


class CardStuckError(CardRefusedError):
    """The kiosk could not let go of a card that it had opened. Nothing on the card was changed, and what was
    acknowledged is safe. Pull the card out; if the next one is not opened, restart the kiosk."""

    code: ClassVar[str] = "card.stuck"

    @property
    def may_hold_photos(self) -> bool:
        """No: it was opened, and its import has a line of its own."""
        return False


Refused = Callable[[DeviceRef, CardRefusedError], None]


class MountHelper:
    """The daemon's side of the mount helper: one request for each process.

    Args:
        spawn: starts one.
        wait_s: how long it may take, seconds.
    """

    def __init__(self, spawn: Spawn, *, wait_s: float = MOUNT_S) -> None:
        self._spawn = spawn
        self._wait_s = wait_s

    def ask(self, request: Request, name: str = "") -> None:
        """Have a volume mounted or unmounted; returns when that is done.

        Args:
            request: which.
            name: the kernel's name of the volume.

        Raises:
            CardRefusedError: it was not.
        """
        try:
            channel = self._spawn()
        except OSError as error:
            raise CardRefusedError(MountCode.HELPER) from error
        code = self._asked(channel, request, name)
        if code is not None:
            raise CardRefusedError(code)

    def _asked(self, channel: Channel, request: Request, name: str) -> MountCode | None:
        too_long = threading.Timer(self._wait_s, channel.kill)
        too_long.daemon = True
        try:
            too_long.start()
            write_frame(channel.writer, request, name.encode("ascii"))
            frame = read_frame(channel.reader, CODE.size)
        except (FrameError, OSError):
            return MountCode.HELPER
        except RuntimeError:  # no thread to be had: then nothing would end the wait for a dead card
            channel.kill()
            return MountCode.HELPER
        finally:
            too_long.cancel()
            channel.close()
        if frame is None or frame.type not in (Answer.DONE, Answer.FAILED):
            return MountCode.HELPER
        if frame.type == Answer.DONE:
            return None
        try:
            (untrusted_code,) = CODE.unpack(frame.payload)
            return MountCode(untrusted_code)
        except (ValueError, struct.error):
            return MountCode.HELPER


class CardDesk:
    """Mounts what comes, tells of it, and unmounts it.

    Args:
        helper: who mounts.
        plugged: called with a card that was mounted; its port is the directory.
        unplugged: called with one that was told of, mounted or refused, and is gone; what reads it must be
            gone when this returns.
        refused: called with one that could not be mounted, and why; or not be unmounted (`CardStuckError`).
    """

    def __init__(self, helper: MountHelper, plugged: Listener, unplugged: Listener, refused: Refused) -> None:
        self._helper = helper
        self._plugged = plugged
        self._unplugged = unplugged
        self._refused = refused
        self._told: set[str] = set()
        self._mounted: set[str] = set()
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; what an earlier daemon left mounted is unmounted first."""
        self._queue.put(self._sweep)
        self._thread = threading.Thread(target=self._work, name="cards", daemon=True)
        self._thread.start()

    def came(self, device: DeviceRef) -> None:
        """A card is in the reader."""
        self._queue.put(lambda: self._mount(device))

    def went(self, device: DeviceRef) -> None:
        """It is out of the reader."""
        self._queue.put(lambda: self._unmount(device))

    def release(self, device: DeviceRef) -> None:
        """Everything was read: let the card go before somebody pulls it. No matter for any other device."""
        self._queue.put(lambda: self._let_go(device) if device.key in self._told else None)

    def stop(self) -> None:
        """Unmount everything and end the thread; nothing is told any more. Harmless when it never began."""
        if self._thread is None:
            return
        self._stopping = True
        self._queue.put(self._sweep)
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (step := self._queue.get()) is not None:
            try:
                step()
            except Exception:  # noqa: BLE001 -- logged whole; the next card must not wait for a restart
                _log.exception("card")

    def _mount(self, device: DeviceRef) -> None:
        if self._stopping:
            return
        try:
            self._helper.ask(Request.MOUNT, Path(device.port).name)
        except CardRefusedError as error:
            self._told.add(device.key)
            self._refused(device, error)
            return
        self._told.add(device.key)
        self._mounted.add(device.key)
        try:
            self._plugged(device)
        except Exception:
            self._refused(device, CardRefusedError(MountCode.HELPER))
            raise

    def _unmount(self, device: DeviceRef) -> None:
        if device.key in self._told:
            self._told.remove(device.key)
            self._unplugged(device)
        self._let_go(device)

    def _let_go(self, device: DeviceRef) -> None:
        try:
            self._helper.ask(Request.UNMOUNT, Path(device.port).name)
        except CardRefusedError as error:
            if device.key in self._mounted:
                self._refused(device, CardStuckError(error.reason))
            return
        self._mounted.discard(device.key)

    def _sweep(self) -> None:
        """Take away what an earlier daemon left mounted, or this one does."""
        try:
            self._helper.ask(Request.UNMOUNT_ALL)
        except CardRefusedError:
            return  # no helper: each card that comes says so

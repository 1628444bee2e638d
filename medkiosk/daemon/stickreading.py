"""Ask the worker that looks at a stick (`medkiosk.stickworker`). What it answers was said by the stick."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

from medkiosk.core.channel import Channel
from medkiosk.core.frames import FrameError, read_frame
from medkiosk.device.stickfiles import FOUND, MARK_BYTES, MAX_FRAME, READ, Found, Frame, Look
from medkiosk.export.errors import StickError
from medkiosk.workers import ProcessChannel, python_worker

LOOK_S = 20.0
"""A stick that says nothing for so long is taken for broken, seconds."""


class NotLookedAtError(StickError):
    """The kiosk itself could not look at the stick: {detail}. Nothing on it was changed.

    It tries again by itself; if this stays, call whoever looks after the kiosk.
    """

    code = "export.not_looked_at"


NOT_LOOKED_AT = NotLookedAtError(detail="it failed inside").message
"""What is said where something else went wrong than the start of the worker."""

Spawn = Callable[[int], Channel]
"""Starts a worker that gets this open folder."""


def spawn(folder: int) -> Channel:
    """Start a worker."""
    arguments = python_worker("medkiosk.stickworker", "--folder", str(folder))
    return ProcessChannel(arguments, descriptors=(folder,), grace_s=0.5)


def look(place: Path, start: Spawn = spawn, *, wait_s: float = LOOK_S) -> Look:
    """Have a worker look at a stick.

    Args:
        place: where it is mounted.
        start: starts the worker.
        wait_s: how long it may take, seconds.

    Raises:
        NotLookedAtError: the worker could not be started.
        StickError: it is not there, or the worker did not come to an end with it.
    """
    try:
        folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise StickError(detail="the stick is not there (any more)") from error
    try:
        channel = start(folder)
    except OSError as error:  # no process, memory or descriptor to be had: that is not the stick's fault
        raise NotLookedAtError(detail="it could not start what looks at sticks") from error
    finally:
        os.close(folder)
    too_long = threading.Timer(wait_s, channel.kill)
    too_long.daemon = True
    try:
        too_long.start()
        return _heard(channel)
    except RuntimeError as error:  # no thread to be had
        channel.kill()
        raise NotLookedAtError(detail="it could not start a thread") from error
    except (FrameError, OSError, ValueError) as error:
        raise StickError(detail="the stick could not be looked at") from error
    finally:
        too_long.cancel()
        with contextlib.suppress(OSError):
            channel.close()


def _heard(channel: Channel) -> Look:
    mark = b""
    read: dict[Frame, list[bytes]] = {kind.frame: [] for kind in READ}
    limits = {kind.frame: kind for kind in READ}
    while (frame := read_frame(channel.reader, MAX_FRAME)) is not None:
        said, content = Frame(frame.type), frame.payload
        if said is Frame.FOUND and len(content) == FOUND.size:
            return Look(Found(FOUND.unpack(content)[0]), mark, *(tuple(read[kind.frame]) for kind in READ))
        if said is Frame.MARK and not mark and len(content) <= MARK_BYTES:
            mark = content
        elif (
            said in limits and len(content) <= limits[said].most_bytes and len(read[said]) < limits[said].most
        ):
            read[said].append(content)
        else:
            raise ValueError("not what the worker says")
    raise FrameError("the worker ended without a word")

"""Ask the worker. What it answers is untrusted: it talks to whatever was plugged in."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

from medkiosk.core.channel import Spawn
from medkiosk.core.frames import Frame, FrameError, read_frame, write_frame
from medkiosk.token.errors import Code, NoTokenError, UnknownTokenError, error_of
from medkiosk.token.protocol import (
    MAX_ANSWER,
    OUTPUT_SIZE,
    Added,
    FromWorker,
    Request,
    ToWorker,
    pack,
    unpack_added,
)

TIMEOUT_S = 90.0
"""For two touches, each of which a key waits 30 seconds for."""


def may_be_there(devices: Path = Path("/dev")) -> bool:
    """Whether something is plugged in that could be a security key, with a driver or without."""
    nodes = (*devices.glob("hidraw*"), *devices.glob("bus/usb/*/*"))
    return any(os.access(node, os.R_OK | os.W_OK) for node in nodes)


class SecurityKeys:
    """The security keys that are plugged in, through a fresh worker for each question.

    Args:
        spawn: starts a worker (`medkiosk.token.worker`).
        touch: called when somebody has to touch the key, from the caller's thread.
        timeout_s: after which a worker that says nothing is killed.
    """

    def __init__(self, spawn: Spawn, touch: Callable[[], None], *, timeout_s: float = TIMEOUT_S) -> None:
        self._spawn = spawn
        self._touch = touch
        self._timeout_s = timeout_s

    def add(self, salt: str, pin: str = "") -> Added:
        """Make a credential on the one key that is plugged in.

        Args:
            salt: 32 bytes in hexadecimal digits, as `Api.prepare_authenticator` gives it.
            pin: the key's, where it asks for one.

        Raises:
            NoTokenError, PinNeededError, WrongPinError, TokenError: as they say.
        """
        frame = self._ask(ToWorker.ADD, Request(salt=salt, pin=pin))
        if frame.type == FromWorker.ADDED:
            with contextlib.suppress(ValueError):
                return unpack_added(frame.payload)
        raise error_of(Code.FAILED)

    def ask(self, credential: str, salt: str, *, verified: bool, pin: str = "") -> str:
        """Return what the key that made ``credential`` says to ``salt``, all in hexadecimal digits.

        Raises:
            UnknownTokenError: no key that is plugged in made it.
            NoTokenError, PinNeededError, WrongPinError, TokenError: as they say.
        """
        request = Request(salt=salt, pin=pin, credential=credential, verified=verified)
        frame = self._ask(ToWorker.ASK, request)
        if frame.type == FromWorker.SAID and len(frame.payload) == OUTPUT_SIZE:
            return frame.payload.hex()
        raise error_of(Code.FAILED)

    def perhaps(self, credential: str, salt: str, *, verified: bool, pin: str = "") -> str:
        """As `ask`, and empty where no key that is plugged in made the credential.

        For a login: whether somebody has a key at all is not known before it.
        """
        try:
            return self.ask(credential, salt, verified=verified, pin=pin)
        except (NoTokenError, UnknownTokenError):
            return ""

    def _ask(self, wanted: ToWorker, request: Request) -> Frame:
        with contextlib.closing(self._spawn()) as channel:
            timer = threading.Timer(self._timeout_s, channel.kill)
            timer.daemon = True
            timer.start()
            try:
                write_frame(channel.writer, wanted, pack(request))
                while (frame := read_frame(channel.reader, MAX_ANSWER)) is not None:
                    if frame.type != FromWorker.TOUCH:
                        break
                    self._touch()
            except (FrameError, OSError) as error:
                raise error_of(Code.FAILED) from error
            finally:
                timer.cancel()
        if frame is None:
            raise error_of(Code.FAILED)
        if frame.type == FromWorker.FAILED:
            raise error_of(_code(frame.payload))
        return frame


def _code(untrusted: bytes) -> Code:
    try:
        return Code(int.from_bytes(untrusted, "big"))
    except ValueError:
        return Code.FAILED

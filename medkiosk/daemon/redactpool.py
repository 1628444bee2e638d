"""The redact workers of one kiosk: a few processes, each lent to one thread at a time, to persons first."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from medkiosk.core.channel import Channel, Spawn
from medkiosk.core.errors import KioskError, WorkerError
from medkiosk.redact.client import RedactSession
from medkiosk.redact.detectors import confined


class StoppedError(KioskError):
    """The kiosk is stopping; nothing more is redacted now, and nothing is lost."""

    code = "redact.stopped"


class UnconfinedError(KioskError):
    """A redact worker is not shut in on this machine, so it is given no photograph. Everything imported is
    sealed and safe; ask the installer to look at the kernel's seccomp, Landlock and namespaces."""

    code = "redact.unconfined"


_PATIENT_S, _MOST_PATIENT_S = 300.0, 3600.0


@dataclass
class _Place:
    """Where one worker runs; without a session there is none yet, or it broke and was closed."""

    session: RedactSession | None = None
    channel: Channel | None = None


class RedactPool:
    """Workers that are started when they are first needed and replaced when they break.

    Loading the models takes seconds of a processor, and a worker has the lowest priority: on a slow or busy
    machine that may be minutes. So the first one is given long to start, and after one that took longer the
    next is given twice that: a limit that never grows might never be met.

    Args:
        spawn: starts a redact worker.
        count: how many there are at most.
        timeout_s: longest time for one picture.
        patient_s: how long the first worker may take to start.

    Attributes:
        patient_s: how long the next one may take.
    """

    def __init__(self, spawn: Spawn, count: int, *, timeout_s: float, patient_s: float = _PATIENT_S) -> None:
        self._spawn = spawn
        self._timeout_s = timeout_s
        self.patient_s = patient_s
        self._free = [_Place() for _ in range(count)]
        self._places = tuple(self._free)
        self._changed = threading.Condition()
        self._persons = 0
        self._stopping = False

    @contextlib.contextmanager
    def borrow(self, *, for_person: bool = False) -> Iterator[RedactSession]:
        """Lend a worker, waiting until one is free and, where it is to be started, ready.

        Raises:
            WorkerError, OSError: it did not start.
            StoppedError: the kiosk is stopping.
        """
        place = self._take(for_person=for_person)
        try:
            if place.session is None:
                place.channel = self._spawn()
                if self._stopping:  # it was started behind the back of `stop`
                    place.channel.kill()
                session = self._begin(place.channel)
                if not confined(session.layers):
                    raise UnconfinedError
                place.session = session
            yield place.session
        finally:
            if place.session is None and place.channel is not None:
                place.channel.close()
                place.channel = None
            if place.session is not None and place.session.broken:
                place.session.close()
                place.session = place.channel = None
            with self._changed:
                self._free.append(place)
                self._changed.notify_all()

    def _begin(self, channel: Channel) -> RedactSession:
        given = self.patient_s
        begun = time.monotonic()
        try:
            return RedactSession(channel, timeout_s=self._timeout_s, start_timeout_s=given)
        except WorkerError:
            if time.monotonic() - begun >= given:
                self.patient_s = min(2 * given, _MOST_PATIENT_S)
            raise

    def stop(self) -> None:
        """End every worker at once; a job that a thread waits for gets CRASHED."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for place in self._places:
            if (channel := place.channel) is not None:
                channel.kill()

    def close(self) -> None:
        """Close the workers; after `stop`, when no thread has one any more."""
        for place in self._places:
            session, place.session, place.channel = place.session, None, None
            if session is not None:
                session.close()

    def _take(self, *, for_person: bool) -> _Place:
        with self._changed:
            self._persons += for_person
            try:
                # The queue waits while a person does: it does not begin another photo first.
                self._changed.wait_for(
                    lambda: self._stopping or (self._free and (for_person or not self._persons))
                )
            finally:
                self._persons -= for_person
                self._changed.notify_all()
            if self._stopping:
                raise StoppedError
            return self._free.pop()

"""Who is logged in, and what ends it: leaving, sleep, a lock, a closed account, or nobody there.

A session is a person at a connection. Calls that a person makes keep all sessions alive; what the kiosk does
by itself (imports, redaction, a disposal that goes on) does not. The keys go when the last session ends
(`medkiosk.daemon.keyring`).
"""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from medkiosk.access.need import Glass
from medkiosk.core.errors import KioskError
from medkiosk.core.events import AccountCreated
from medkiosk.core.ids import AccountId
from medkiosk.daemon.keyring import Keyring

_log = logging.getLogger(__name__)
_TICK_S = 0.5
_SLEPT_S = 2.0
"""A difference between the two clocks from which on the machine was suspended, and not just interrupted."""


class SessionEndedError(KioskError):
    """Your session has ended: {reason}. What was acknowledged is safe; log in again."""

    code = "session.ended"
    exit_code = 5


@dataclass(frozen=True)
class OpenGlass:
    """A broken glass (docs/access.md), and when it ends by a clock that nobody can set (`Sessions.now`)."""

    glass: Glass
    ends: float

    def left(self, now: float, wall: datetime) -> float:
        """For how many seconds it is still open, by whichever clock says less; 0 when it is over.

        Args:
            now: `Sessions.now`: what counts where the wall clock is set back.
            wall: UTC: what counts where the machine was off, or the other clock stood still.
        """
        return max(0.0, min(self.ends - now, (self.glass.until - wall).total_seconds()))


@dataclass(eq=False)
class Session:
    """One person at one connection.

    Attributes:
        account: whose.
        last, before: when the person last asked for something, and the time before that.
        ended: why it is over, in words.
        glasses: what the person broke; they are gone with the session.
    """

    account: AccountCreated
    last: float
    before: float
    ended: str = ""
    glasses: tuple[OpenGlass, ...] = ()


@dataclass(frozen=True)
class Clocks:
    """Two clocks of the machine in seconds (clock_gettime(2)): ``awake`` stands still in suspension."""

    awake: Callable[[], float] = field(default=lambda: time.clock_gettime(time.CLOCK_MONOTONIC))
    always: Callable[[], float] = field(default=lambda: time.clock_gettime(time.CLOCK_BOOTTIME))


class Sessions:
    """All sessions. Thread-safe.

    Args:
        keyring: told when each ends.
        idle_s: after so many seconds without a person's call, all end.
        clocks: of the machine.

    Attributes:
        ending: told of each session that ends, while its person still counts as logged in.
        ticking: what else is to be done every half second.
    """

    def __init__(self, keyring: Keyring, idle_s: float, clocks: Clocks | None = None) -> None:
        self._keyring = keyring
        self._idle_s = idle_s
        self._clocks = clocks or Clocks()
        self._lock = threading.Lock()
        self._open: list[Session] = []
        self._busy = 0
        self._asleep = self._slept()
        self.ending: list[Callable[[Session], None]] = []
        self.ticking: list[Callable[[], None]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="sessions", daemon=True)

    def start(self) -> None:
        """Begin to look for sleep and for nobody there."""
        self._thread.start()

    def stop(self) -> None:
        """End all sessions and the looking."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self.end_all("the kiosk is stopping")

    def now(self) -> float:
        """Seconds of a clock that goes on in suspension and that nobody can set."""
        return self._clocks.always()

    def begin(self, account: AccountCreated) -> Session:
        """Count a session that the keyring has let in."""
        now = self._clocks.always()
        session = Session(account, now, now)
        with self._lock:
            self._open.append(session)
        return session

    def end(self, session: Session, reason: str) -> None:
        """End one session; harmless when it has ended."""
        with self._lock:
            if session not in self._open:
                return
            self._open.remove(session)
            session.ended = reason
        try:
            for tell in self.ending:
                tell(session)
        finally:
            self._keyring.leave(session.account, reason)

    def end_all(self, reason: str, *, of: AccountId | None = None, but: Session | None = None) -> int:
        """End every session, or those of one account, except ``but``; return how many."""
        with self._lock:
            ending = [
                each for each in self._open if each is not but and of in (None, each.account.account_id)
            ]
        for session in ending:
            self.end(session, reason)
        return len(ending)

    def present(self, session: Session) -> None:
        """A person asked for something."""
        with self._lock:
            session.before, session.last = session.last, self._clocks.always()

    def polled(self, session: Session) -> None:
        """It was not the person, it was what is on the screen, that asked just now."""
        with self._lock:
            session.last = session.before

    @contextlib.contextmanager
    def busy(self, session: Session) -> Iterator[None]:
        """A person waits for a call that may take longer than the idle time."""
        with self._lock:
            self._busy += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy -= 1
                session.last = self._clocks.always()

    @property
    def working(self) -> bool:
        """Whether a person waits for such a call."""
        with self._lock:
            return self._busy > 0

    def look(self) -> None:
        """End all sessions if the machine was asleep or nobody was there for too long."""
        slept = self._slept()
        with self._lock:
            asleep, self._asleep = slept - self._asleep > _SLEPT_S, slept
            last = max((each.last for each in self._open), default=math.inf)
            away = not self._busy and self._clocks.always() - last >= self._idle_s
        if asleep:
            self.end_all("the kiosk was asleep")
        elif away:
            self.end_all(f"nobody used the kiosk for {_words(self._idle_s)}")

    def _slept(self) -> float:
        return self._clocks.always() - self._clocks.awake()

    def _watch(self) -> None:
        while not self._stop.wait(_TICK_S):
            for each in (self.look, *self.ticking):
                try:
                    each()
                except Exception as error:  # noqa: BLE001 - it must go on looking, whatever one logout met
                    _log.error("%s did not end in order: %s", each.__qualname__, type(error).__name__)


def _words(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"

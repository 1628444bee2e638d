"""Who looked for whom: searches and lists with patients' names are in the ledger (docs/access.md).

When a search is written down is `medkiosk.access.searching`; here are the sessions, the time and the ledger.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from medkiosk.access import searching
from medkiosk.access.searching import Search, Standing
from medkiosk.core.accessevents import Listing, PatientsListed
from medkiosk.core.errors import KioskError
from medkiosk.core.ids import EncounterId, GlassId
from medkiosk.daemon.sessions import Session
from medkiosk.journal import Fact, Journal, OutOfDateError

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Seen:
    """What one session looked for.

    Attributes:
        standing: its search that follows each key.
        glasses: the broken glasses that were open at an answer of that search.
        listed: lists that are written down, and the glasses that were open then; one entry is enough.
        told: the last answer to a scan, and to a form.
        waiting: what is to be written down.
        failed: whether that did not work the last time.
        writing: held by whoever writes, so that nothing is written twice.
    """

    standing: Standing = field(default_factory=Standing)
    glasses: tuple[GlassId, ...] = ()
    listed: set[tuple[Listing, tuple[GlassId, ...]]] = field(default_factory=set)
    told: dict[Listing, Search] = field(default_factory=dict)
    waiting: list[PatientsListed] = field(default_factory=list, repr=False)
    failed: bool = False
    writing: threading.Lock = field(default_factory=threading.Lock)


class Searches:
    """Thread-safe.

    What a session could not write before it ended is kept, in memory, until it is written. That cannot grow:
    from the first entry that the ledger did not take on, no search and no list of anybody is answered.

    Args:
        journal: where it is written down.
        now: seconds of a clock that nobody can set (`Sessions.now`).
    """

    def __init__(self, journal: Journal, now: Callable[[], float]) -> None:
        self._journal = journal
        self._now = now
        self._lock = threading.Lock()
        self._of: dict[Session, _Seen] = {}
        self._over: list[_Seen] = []  # of sessions that ended; each has something to be written down

    def searched(
        self, session: Session, key: str, text: str, found: int, shown: tuple[EncounterId, ...]
    ) -> None:
        """A search was answered, with one letter more or less than before; to be asked before it is shown.

        Nobody who types waits for the disk: what is due here is written by `look`.

        Args:
            session: whose.
            key: the words as they are compared.
            text: as they were typed.
            found: how many there are, on all pages.
            shown: whom this page shows.

        Raises:
            KioskError: the ledger takes nothing, or did not take what anybody searched before.
        """
        self._journal.check()
        self._owed()
        seen = self._seen(session)
        with self._lock:
            answered = Search.of(key, text, found, shown)
            seen.standing, written = searching.asked(seen.standing, answered, self._now())
            open_ = self._open(session)
            if written is None:
                seen.glasses = tuple(dict.fromkeys((*seen.glasses, *open_)))
            else:
                self._due(session, seen, written, seen.glasses)
                seen.glasses = open_
        if session.ended:
            self._settle(session, seen)

    def told(self, session: Session, listing: Listing, text: str, shown: tuple[EncounterId, ...]) -> None:
        """A scan or a form was answered: written down now, unless it is the same again.

        Raises:
            KioskError: it could not be written down, or what anybody searched before.
        """
        self._owed()
        seen = self._seen(session)
        answered = Search.of(text, text, len(shown), shown)
        with self._lock:
            self._leave(session, seen)
            if seen.told.get(listing) != answered:
                self._due(session, seen, answered, self._open(session), listing)
                seen.told[listing] = answered
        self._settle(session, seen)

    def listed(self, session: Session, listing: Listing, total: int) -> None:
        """A list is about to be shown: written down now, unless nobody is on it.

        Once for a session, and again when a broken glass may show more of it.

        Raises:
            KioskError: it could not be written down, or what anybody searched before.
        """
        self._owed()
        seen = self._seen(session)
        with self._lock:
            self._leave(session, seen)
            open_ = self._open(session)
            if total and (listing, open_) not in seen.listed:
                seen.waiting.append(self._event(session, listing, total, open_))
                seen.listed.add((listing, open_))
        self._settle(session, seen)

    def left(self, session: Session) -> None:
        """Something is about to be opened: a search that stood there is over."""
        with self._lock:
            seen = self._of.get(session)
            if seen is None:
                return
            self._leave(session, seen)
        self._try(seen)

    def ended(self, session: Session) -> None:
        """The session is over; while its person still counts as logged in."""
        with self._lock:
            seen = self._of.get(session)
            if seen is None:
                return
            self._end(session, seen)
        self._try(seen)

    def look(self) -> None:
        """Write down what rests; asked again and again."""
        now = self._now()
        with self._lock:
            for session, seen in self._of.items():
                seen.standing, written = searching.looked(seen.standing, now)
                self._due(session, seen, written, seen.glasses)
                if written is not None:
                    seen.glasses = ()
            waiting = [seen for seen in (*self._over, *self._of.values()) if seen.waiting]
        for seen in waiting:
            self._try(seen)

    def _seen(self, session: Session) -> _Seen:
        with self._lock:
            return self._of.setdefault(session, _Seen())

    def _settle(self, session: Session, seen: _Seen) -> None:
        if session.ended:  # meanwhile, and nobody comes back to it
            with self._lock:
                self._end(session, seen)
        self._write(seen)

    def _end(self, session: Session, seen: _Seen) -> None:
        """Forget a session, but for what is to be written down of it."""
        self._of.pop(session, None)
        self._leave(session, seen)
        if seen.waiting and seen not in self._over:
            self._over.append(seen)

    def _owed(self) -> None:
        """Write down what did not go into the ledger, whoever searched it.

        Raises:
            KioskError: it does not go in now, either: nothing more is answered.
        """
        with self._lock:
            failed = [seen for seen in (*self._over, *self._of.values()) if seen.failed]
        for seen in failed:
            self._write(seen)

    def _leave(self, session: Session, seen: _Seen) -> None:
        seen.standing, written = searching.left(seen.standing)
        self._due(session, seen, written, seen.glasses)
        seen.glasses = ()

    def _open(self, session: Session) -> tuple[GlassId, ...]:
        """The broken glasses that this session may look through now."""
        now, wall = self._now(), self._journal.clock()
        return tuple(each.glass.glass_id for each in session.glasses if each.left(now, wall))

    def _due(
        self,
        session: Session,
        seen: _Seen,
        written: Search | None,
        glasses: tuple[GlassId, ...],
        listing: Listing = Listing.SEARCH,
    ) -> None:
        if written is not None:
            seen.waiting.append(self._event(session, listing, written.found, glasses, written))

    def _event(
        self,
        session: Session,
        listing: Listing,
        found: int,
        glasses: tuple[GlassId, ...],
        search: Search | None = None,
    ) -> PatientsListed:
        event = PatientsListed(
            at=self._journal.now(),
            actor=session.account.account_id,
            listing=listing,
            found=found,
            glasses=glasses,
        )
        if search is None:
            return event
        most = search.most if search.most > found else 0
        return msgspec.structs.replace(event, most=most, text=search.text, encounters=search.shown)

    def _write(self, seen: _Seen) -> None:
        """Write down what waits, in order.

        Raises:
            KioskError: it could not be; it waits on.
        """
        with seen.writing:
            while seen.waiting:
                try:
                    self._commit(seen.waiting[0])
                except KioskError:
                    seen.failed = True
                    raise
                del seen.waiting[0]
            seen.failed = False
        with self._lock:
            self._over = [each for each in self._over if each.waiting]

    def _try(self, seen: _Seen) -> None:
        """The same where nobody could be told; until it works, the next search is not answered."""
        failed = seen.failed
        try:
            self._write(seen)
        except KioskError as error:
            if not failed:
                _log.error("a search is not in the ledger: %s", error.code)

    def _commit(self, event: PatientsListed) -> None:
        note = f"list={event.listing} found={event.found}"
        if event.most:
            note = f"{note} most={event.most}"
        try:
            self._journal.commit([Fact(event, note=note)])
        except OutOfDateError:
            # Somebody it showed is being destroyed: of them nothing more is taken, neither name nor id.
            bare = msgspec.structs.replace(event, text="", encounters=())
            self._journal.commit([Fact(bare, note=note)])

"""Carries out disposals that two people decided: in the background, and again after every crash.

Nothing here begins by itself: the thread looks for a disposal that was approved, and goes on with one that
was begun. The steps are `medkiosk.vault.disposal`'s. Imports go on meanwhile; what would touch what goes is
refused.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Iterator

from medkiosk.catalog.retention import Disposal
from medkiosk.core import events as ev
from medkiosk.core import exportevents as out
from medkiosk.core import lifecycle as life
from medkiosk.core.errors import KioskError, NotAllowedError
from medkiosk.core.ids import KIOSK, CaptureId, DisposalId, EncounterId, ObjectId, RecordId
from medkiosk.core.lifecycle import DisposalState
from medkiosk.daemon.board import Board
from medkiosk.daemon.duebook import look, why_not_now
from medkiosk.daemon.keyring import Keyring
from medkiosk.daemon.opened import Opened
from medkiosk.daemon.redactor import Redactor
from medkiosk.journal import Fact, Journal
from medkiosk.ledger.entry import MAX_DISPOSED
from medkiosk.retention.scope import goes
from medkiosk.vault.disposal import PlanChangedError, Running, Step
from medkiosk.vault.errors import LockedError

_log = logging.getLogger(__name__)
_AGAIN_S = 30.0
_PROBLEM = "disposal"
_GOES = "it is being destroyed, or was: two people decided so"


class Disposer:
    """Works on a thread of its own.

    Args:
        journal: the store and its ledger.
        keyring: the unlocked vault, which moving needs.
        redactor: told of what is not to be redacted any more.
        board: shows how far it is.
        again_s: when something failed, seconds until it is tried again.
    """

    def __init__(
        self,
        journal: Journal,
        keyring: Keyring,
        redactor: Redactor,
        board: Board,
        *,
        again_s: float = _AGAIN_S,
    ) -> None:
        self._journal = journal
        self._keyring = keyring
        self._redactor = redactor
        self._board = board
        self._again_s = again_s
        self._disposals = journal.vault.disposals
        self._goes: set[str] = set()
        self._stopping = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="disposal", daemon=True)
        journal.guards.append(self.why_not)

    def start(self) -> None:
        """Begin to work; what needs no key goes on at once."""
        self._thread.start()
        self.wake()

    def stop(self) -> None:
        """End after the transaction in hand; the rest goes on at the next start."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def wake(self) -> None:
        """Something was approved, or somebody logged in."""
        self._wake.set()

    @property
    def alive(self) -> bool:
        """Whether the thread runs, or has not been started yet: a store that was rolled back waits."""
        return self._thread.ident is None or self._thread.is_alive()

    def going(self, captures: tuple[CaptureId, ...], encounters: tuple[EncounterId, ...]) -> None:
        """From now on take nothing more about these. Under the journal's lock, with their approval."""
        self._goes.update(captures, encounters)
        self._redactor.drop(captures)

    def why_not(self, event: ev.AnyEvent) -> str:
        """The journal's guard: what is being destroyed, or is gone, takes nothing more."""
        if isinstance(event, life.Disposed | life.DisposalProposed | life.DisposalRefused):
            return ""
        if isinstance(event, out.Exported | out.ExportRefused | out.ExportFailed):
            return ""  # it has left before; the recall list must have it
        named = {getattr(event, name, None) for name in ("capture_id", "encounter_id")}
        for name in ("captures", "encounters"):
            named.update(getattr(event, name, ()))
        named.discard(None)
        if not named:
            return ""
        goes = self._too_late() if isinstance(event, life.HoldPlaced) else self._kept_still()
        return "" if goes.isdisjoint(named) else _GOES

    def _kept_still(self) -> frozenset[str]:
        """What was approved here since the start, and what the catalogue says is approved."""
        opened = self._opened()
        if opened is None:
            return frozenset(self._goes)
        with opened.lock:
            begun = [_named(disposal) for disposal in opened.catalog.keeping.begun()]
        return frozenset(self._goes).union(*begun)

    def _too_late(self) -> frozenset[str]:
        """What no hold can keep any more; one that comes before the first key is moved stops a disposal."""
        opened = self._opened()
        if opened is None:
            return frozenset(self._goes)
        try:
            running = self._disposals.running()
        except PlanChangedError:
            running = None  # nothing more of it is destroyed
        with opened.lock:
            keeping = opened.catalog.keeping
            begun = keeping.disposals.get(DisposalId(running.id)) if running else None
            return frozenset(keeping.gone) | (_named(begun) if begun else frozenset())

    # The thread

    def _run(self) -> None:
        wait: float | None = None
        while True:
            self._wake.wait(wait)
            self._wake.clear()
            if self._stopping:
                return
            wait = self._work()

    def _work(self) -> float | None:
        """Go on as far as it goes; return after how many seconds to try again, None for when it is woken."""
        try:
            with contextlib.suppress(LockedError):  # everybody has logged out: at the next login
                while self._go_on() and not self._stopping:
                    pass
                self._board.solved(_PROBLEM)
            self._show()
        except Exception as error:  # noqa: BLE001 - the thread's boundary: what was begun must be tried again
            match error:
                case KioskError():
                    words = error.message
                case OSError() | sqlite3.Error():
                    words = "The disk failed."
                case _:
                    words = "The kiosk's program failed. Call the administrator."
            _log.error("disposal: %s", type(error).__name__, exc_info=not isinstance(error, KioskError))
            self._board.problem(f"A disposal is not finished. {words}", _PROBLEM)
            return self._again_s
        return None

    def _go_on(self) -> bool:
        """Take one step; whether to look for another one."""
        self._journal.check()  # while it is not known what the disk holds, nothing is destroyed
        running = self._disposals.running()
        if running is None:
            return self._begin_next()
        match running.step:
            case Step.MOVING:
                opened = self._opened()
                return opened is not None and self._move(opened, running)
            case Step.DESTROYING:
                self._disposals.destroy_secret(running)
            case _:
                self._finish(running)
        return True

    def _opened(self) -> Opened | None:
        try:
            return self._keyring.opened
        except NotAllowedError:
            return None

    def _begin_next(self) -> bool:
        """Begin a disposal that was approved, unless something stands against it now."""
        opened = self._opened()
        if opened is None:
            return False
        with opened.lock:
            keeping = opened.catalog.keeping
            found = [each for each in keeping.begun() if each.state is DisposalState.APPROVED]
        if not found:
            return False
        proposed = found[0].proposed
        with self._journal.lock:
            self.going(proposed.captures, proposed.encounters)
        ids = {*self._objects(opened, proposed), *self._records(opened, proposed)}
        with self._journal.lock:
            # Since the approval a restart may have come, and with it a hold, a later visit, damage.
            against = self._against(opened, proposed)
            if not against:
                try:
                    self._disposals.begin(opened.identity, proposed.disposal_id, ids)
                except ValueError:
                    against = "Nothing was left of it."
            if against:
                self._give_up(proposed, against)
        return True

    def _against(self, opened: Opened, proposed: life.DisposalProposed) -> str:
        with opened.lock:
            book = look(opened.catalog, self._journal.clock())
            return " ".join(why_not_now(book, proposed, opened.damage))

    def _give_up(self, proposed: life.DisposalProposed, reason: str) -> None:
        """It was approved and is not begun. Under the journal's lock."""
        event = life.DisposalRefused(
            at=self._journal.now(), actor=KIOSK, disposal_id=proposed.disposal_id, reason=reason
        )
        self._journal.commit([Fact(event)])
        self._goes.difference_update(proposed.captures, proposed.encounters)
        self._redactor.take_again(proposed.captures)
        _log.warning("disposal: one that was approved is not begun, since something stands against it now")

    def _objects(self, opened: Opened, proposed: life.DisposalProposed) -> tuple[ObjectId, ...]:
        with opened.lock:
            return opened.catalog.objects_of(proposed.captures)

    def _records(self, opened: Opened, proposed: life.DisposalProposed) -> Iterator[str]:
        """The records that are only about what goes; each is opened, to see."""
        with opened.lock:
            found = opened.catalog.records_of(proposed.captures, proposed.encounters)
            gone = {*opened.catalog.keeping.gone, *proposed.captures}
        captures = frozenset(map(CaptureId, gone))
        encounters = frozenset(proposed.encounters)
        for done, seq in enumerate(found, 1):
            row = self._journal.vault.record_at(seq)
            if row is not None and row.epoch is not None:
                event = ev.decode(opened.identity.open_record(row))
                if goes(event, captures, encounters):
                    yield row.id
            if done % 1000 == 0:
                self._show(f"LOOKING FOR WHAT TO DESTROY: {done:,} OF {len(found):,}")

    def _move(self, opened: Opened, running: Running) -> bool:
        with opened.lock:
            disposal = opened.catalog.keeping.disposals.get(DisposalId(running.id))
            approved = disposal is not None and disposal in opened.catalog.keeping.begun()
        if disposal is None or not approved:
            raise UnknownDisposalError
        with self._journal.lock:
            self.going(disposal.proposed.captures, disposal.proposed.encounters)
        left = self._disposals.left(running.plan)
        whole = left
        self._say(whole - left, whole)
        while left and not self._stopping and self._disposals.move(opened.identity, running.plan):
            left = self._disposals.left(running.plan)
            self._say(whole - left, whole)
        if self._stopping:
            return False
        self._destroy(opened, running, disposal.proposed)
        return True

    def _destroy(self, opened: Opened, running: Running, proposed: life.DisposalProposed) -> None:
        facts = self._destroyed(running, proposed, self._disposals.note(running.plan))
        identity = opened.identity
        self._journal.commit(facts, also=lambda tx: self._disposals.destroy(tx, identity, running))
        identity.forget_epochs(running.plan.doomed)

    def _destroyed(self, running: Running, proposed: life.DisposalProposed, note: str) -> list[Fact]:
        """The entries that say what is gone; the first names all captures and encounters."""
        ids = running.plan.ids
        facts = []
        for start in range(0, len(ids), MAX_DISPOSED):
            some = ids[start : start + MAX_DISPOSED]
            objects = tuple(id_ for id_ in some if self._journal.vault.object(id_) is not None)
            records = frozenset(some).difference(objects)
            event = life.Disposed(
                at=self._journal.now(),
                actor=KIOSK,
                disposal_id=proposed.disposal_id,
                encounters=proposed.encounters if start == 0 else (),
                captures=proposed.captures if start == 0 else (),
                objects=tuple(map(ObjectId, objects)),
                records=tuple(RecordId(id_) for id_ in some if id_ in records),
            )
            last = start + MAX_DISPOSED >= len(ids)
            facts.append(Fact(event, disposed=some, note=note if last else ""))
        return facts

    def _finish(self, running: Running) -> None:
        self._show("REMOVING FILES")
        blobs, trimmed = self._disposals.erase(running)
        event = life.DisposalFinished(
            at=self._journal.now(),
            actor=KIOSK,
            disposal_id=DisposalId(running.id),
            blobs=blobs,
            trimmed=trimmed,
        )
        self._journal.commit([Fact(event)], also=lambda tx: self._disposals.finish(tx, running))
        self._keyring.save_soon()  # the sealed catalogue went with the old secret
        _log.info("disposal: finished, %d files removed, trimmed: %s", blobs, trimmed)

    # The board

    def _say(self, done: int, whole: int) -> None:
        self._show(f"DESTROYING: {done:,} OF {whole:,} KEYS THAT STAY ARE MOVED")

    def _show(self, words: str = "") -> None:
        if not words and (running := self._disposals.running()) is not None:
            words = f"DISPOSAL AT STEP {running.step.upper()}"
            if running.step is Step.MOVING and not self._keyring.is_open:
                words = "A DISPOSAL GOES ON WHEN SOMEBODY LOGS IN"
        self._board.set(disposal=words)


def _named(disposal: Disposal) -> frozenset[str]:
    return frozenset((*disposal.proposed.captures, *disposal.proposed.encounters))


class UnknownDisposalError(KioskError):
    """The records of a disposal that was begun do not open, or do not say that two people approved it.
    Nothing more is destroyed; call the administrator and verify the store."""

    code = "disposal.unknown"

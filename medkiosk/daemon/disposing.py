"""Carries out disposals that two people decided: in the background, and again after every crash.

Nothing here begins by itself: the thread looks for a disposal that was approved, and goes on with one that
was begun. The steps are `medkiosk.vault.disposal`'s. Imports go on meanwhile; what would touch what goes is
refused.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator

from medkiosk.core import events as ev
from medkiosk.core import lifecycle as life
from medkiosk.core.errors import KioskError
from medkiosk.core.ids import KIOSK, CaptureId, DisposalId, EncounterId, ObjectId, RecordId
from medkiosk.core.lifecycle import DisposalState
from medkiosk.daemon.board import Board
from medkiosk.daemon.keyring import Keyring
from medkiosk.daemon.opened import Opened
from medkiosk.daemon.redactor import Redactor
from medkiosk.journal import Fact, Journal
from medkiosk.ledger.entry import MAX_DISPOSED
from medkiosk.retention.scope import goes
from medkiosk.vault.disposal import Running, Step
from medkiosk.vault.errors import LockedError

_log = logging.getLogger(__name__)
_AGAIN_S = 30.0
_PROBLEM = "disposal"
_BEGUN = (DisposalState.APPROVED, DisposalState.DESTROYING)


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
        """Whether the thread runs."""
        return self._thread.is_alive()

    def going(self, captures: tuple[CaptureId, ...], encounters: tuple[EncounterId, ...]) -> None:
        """From now on take nothing more about these. Under the journal's lock, with their approval."""
        self._goes.update(captures, encounters)
        self._redactor.drop(captures)

    def why_not(self, event: ev.AnyEvent) -> str:
        """The journal's guard: what is being destroyed, or is gone, takes nothing more."""
        if isinstance(event, life.Disposed | life.DisposalProposed | life.DisposalRefused):
            return ""
        if isinstance(event, life.HoldPlaced) and self._disposals.running() is None:
            return ""  # it stops what was approved and not begun
        named = {getattr(event, name, None) for name in ("capture_id", "encounter_id")}
        for name in ("captures", "encounters"):
            named.update(getattr(event, name, ()))
        if isinstance(event, ev.Exported | ev.ExportRefused | ev.ExportFailed):
            return ""  # it has left before; the recall list must have it
        return "" if self._goes.isdisjoint(named) else "it is being destroyed, or was: two people decided so"

    # The thread

    def _run(self) -> None:
        wait: float | None = None
        while True:
            self._wake.wait(wait)
            self._wake.clear()
            if self._stopping:
                return
            try:
                while self._go_on() and not self._stopping:
                    pass
                wait = None
                self._board.solved(_PROBLEM)
            except LockedError:
                wait = None  # everybody has logged out: at the next login
            except (KioskError, OSError, sqlite3.Error) as error:
                words = error.message if isinstance(error, KioskError) else "The disk failed."
                _log.error("disposal: %s", type(error).__name__)
                self._board.problem(f"A disposal is not finished. {words}", _PROBLEM)
                wait = self._again_s
            self._show()

    def _go_on(self) -> bool:
        """Take one step; whether to look for another one."""
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
        return self._keyring.opened if self._keyring.is_open else None

    def _begin_next(self) -> bool:
        """Begin a disposal that was approved, unless a hold came in between."""
        opened = self._opened()
        if opened is None:
            return False
        with opened.lock:
            found = [
                d for d in opened.catalog.keeping.disposals.values() if d.state is DisposalState.APPROVED
            ]
        if not found:
            return False
        proposed = found[0].proposed
        with self._journal.lock:
            self.going(proposed.captures, proposed.encounters)
        ids = {*self._objects(opened, proposed), *self._records(opened, proposed)}
        with self._journal.lock:
            held = self._held(opened, proposed)
            if not held and ids:
                self._disposals.begin(opened.identity, proposed.disposal_id, ids)
                return True
            self._goes.difference_update(proposed.captures, proposed.encounters)
            self._journal.commit(
                [
                    Fact(
                        life.DisposalRefused(
                            at=self._journal.now(),
                            actor=KIOSK,
                            disposal_id=proposed.disposal_id,
                            reason="a legal hold was placed before it began"
                            if held
                            else "nothing was left of it",
                        )
                    )
                ]
            )
        return True

    def _held(self, opened: Opened, proposed: life.DisposalProposed) -> bool:
        with opened.lock:
            keeping = opened.catalog.keeping
            captures = frozenset(proposed.captures)
            whose = {None, *proposed.encounters}
            for capture_id in proposed.captures:
                view = opened.catalog.capture(capture_id)
                whose.add(view.row.encounter_id if view else None)
            return any(keeping.held(encounter_id, captures) for encounter_id in whose)

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
        if disposal is None:  # its record does not open: nobody can say what was decided
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


class UnknownDisposalError(KioskError):
    """The record of a disposal that was begun does not open. Nothing more is destroyed; call the
    administrator and verify the store."""

    code = "disposal.unknown"

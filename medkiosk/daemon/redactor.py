"""Redaction behind the import: a queue, a few worker processes, and the keys of what still waits.

The data key of a waiting photo is held here, in memory and nowhere else, and is dropped the moment its
derivative is sealed (design, section 4). A restart drops them all; what was waiting then is queued again at
the next login, with keys opened from the vault.
"""

from __future__ import annotations

import itertools
import logging
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from medkiosk.core.channel import Spawn
from medkiosk.core.consent import Subject
from medkiosk.core.errors import KioskError
from medkiosk.core.events import Redacted, RedactionFailed
from medkiosk.core.identifiers import Identifier, IdentifierKind
from medkiosk.core.ids import KIOSK, AccountId, CaptureId, ObjectId
from medkiosk.core.photo import NO_WORKER, REDACT_WORDS, Decision, Finding, RedactCode
from medkiosk.daemon.board import Board
from medkiosk.daemon.redactpool import RedactPool, StoppedError, UnconfinedError
from medkiosk.journal import Fact, Journal, OutOfDateError
from medkiosk.redact.answer import Preview
from medkiosk.redact.client import Opener, Plan, RedactResult
from medkiosk.redact.protocol import Window
from medkiosk.vault.keys import DataKey
from medkiosk.vault.writer import PendingObject

_log = logging.getLogger(__name__)
Slates = Callable[[CaptureId, Sequence[str]], Sequence[Fact]]


@dataclass(frozen=True)
class Job:
    """One original to redact.

    ``key`` opens it; ``name`` is the shot's, for advice to a photographer who may still be there; empty where
    nobody waits for any.
    """

    capture_id: CaptureId
    object_id: ObjectId
    size: int
    key: DataKey = field(repr=False)
    name: str = ""


class DetectorMissingError(KioskError):
    """A detector is missing on this kiosk ({names}), so nothing can be redacted or approved. Everything
    imported is sealed and safe; ask the installer to run the set-up of the models."""

    code = "redact.no_detector"


class NoWorkerError(KioskError):
    """Redaction has not started on this kiosk yet, so nothing can be approved. It is tried again by
    itself, and photos wait. Everything imported is sealed and safe. If this stays, restart the kiosk;
    then call the installer."""

    code = "redact.no_worker"


class RedactionRefusedError(KioskError):
    """{words}"""  # noqa: D415 - the sentence of the code, whole

    code = "redact.refused"

    @classmethod
    def of(cls, code: RedactCode) -> RedactionRefusedError:
        """The refusal that a code means."""
        return cls(words=REDACT_WORDS[code])


_NO_WORKER = (NO_WORKER,)
_FIRST_S, _AGAIN_S = 20.0, 10.0
_TRIES = 10
"""Photos wait in memory for so many tries to start a worker; after that, for a login."""


class Redactor:
    """Redacts what is submitted, one thread for each worker; a reviewer's job goes before the queue's.

    Args:
        journal: where results become facts.
        board: where progress is shown.
        spawn: starts a redact worker.
        timeout_s: longest time for one picture.
        slates: what it means that a worker read slates in a frame, as facts for the journal.
        workers: how many pictures are redacted at the same time.
    """

    def __init__(
        self,
        journal: Journal,
        board: Board,
        spawn: Spawn,
        *,
        timeout_s: float,
        slates: Slates,
        workers: int = 1,
    ) -> None:
        self._journal = journal
        self._board = board
        self._slates = slates
        self._pool = RedactPool(spawn, workers, timeout_s=timeout_s)
        self._queue: queue.Queue[Job | None] = queue.Queue()
        self._queued: set[ObjectId] = set()
        self._dropped: set[CaptureId] = set()
        self._stopping = threading.Event()
        self._asked = threading.Event()  # the first worker has answered, or did not start
        self._settled = threading.Event()  # a worker has answered, or photos wait for none any more
        self.missing: tuple[str, ...] = _NO_WORKER
        self.detectors: tuple[str, ...] = ()
        self._learner = threading.Thread(target=self._learn_all, name="redact-learn", daemon=True)
        self._threads = [
            threading.Thread(target=self._run, name=f"redact-{number}", daemon=True)
            for number in range(1, workers + 1)
        ]

    def start(self) -> None:
        """Start a worker and learn its detectors; a moment is waited for it, and no longer.

        Until it has answered all detectors count as missing. Imports and persons do not wait.
        """
        self._board.redaction(missing=_NO_WORKER)
        self._learner.start()
        for thread in self._threads:
            thread.start()
        self._asked.wait(_FIRST_S)

    def _learn_all(self) -> None:
        """Ask until a worker answers: a machine that is busy while it boots may be too slow at first."""
        for number in itertools.count(1):
            self._learn()
            self._asked.set()
            if self.missing != _NO_WORKER or number == _TRIES:
                self._settled.set()
            if self.missing != _NO_WORKER or self._stopping.wait(_AGAIN_S):
                return

    def _learn(self) -> None:
        try:
            with self._pool.borrow() as session:
                self.detectors = session.detectors
                self.missing = session.missing
        except StoppedError:
            return
        except UnconfinedError:
            self.missing = ("sandbox",)
        except (KioskError, OSError) as error:
            if self._stopping.is_set():
                return
            _log.error("redaction: no worker: %s", type(error).__name__)
        self._board.redaction(detectors=self.detectors, missing=self.missing)
        if self.missing == _NO_WORKER:
            self._board.problem(NoWorkerError().message, "detectors")
        elif self.missing:
            self._board.problem(DetectorMissingError(names=", ".join(self.missing)).message, "detectors")
        else:
            self._board.solved("detectors")

    def stop(self) -> None:
        """End the workers and forget every key."""
        self._stopping.set()
        self._settled.set()
        for _ in self._threads:
            self._queue.put(None)
        self._pool.stop()  # jobs in hand end at once; their photos are redacted after the next login
        for thread in (self._learner, *self._threads):
            if thread.is_alive():
                thread.join()
        self._pool.close()
        while not self._queue.empty():
            if (job := self._queue.get()) is not None:
                job.key.wipe()

    @property
    def alive(self) -> bool:
        """Whether every thread that redacts is running."""
        return all(thread.is_alive() for thread in self._threads)

    def submit(self, job: Job) -> None:
        """Queue a photo; one that already waits is not queued twice."""
        if job.object_id in self._queued:
            job.key.wipe()
            return
        self._queued.add(job.object_id)
        self._board.redaction(add_waiting=1)
        self._queue.put(job)

    def drop(self, captures: Iterable[CaptureId]) -> None:
        """Redact nothing of these any more, and forget the keys of those that wait.

        What is in a worker's hands ends there: the journal does not take it (`Journal.guards`).
        """
        self._dropped.update(captures)
        with self._queue.mutex:
            for job in self._queue.queue:
                if job is not None and job.capture_id in self._dropped:
                    job.key.wipe()

    def take_again(self, captures: Iterable[CaptureId]) -> None:
        """These stay after all: what has no derivative is redacted after the next login."""
        self._dropped.difference_update(captures)

    def replay(
        self,
        job: Job,
        findings: Sequence[Finding],
        revision: int,
        reviewer: AccountId,
    ) -> Redacted:
        """Redact again with a reviewer's findings and seal the result. The job's key is wiped.

        Args:
            job: the original.
            findings: the reviewer's decisions, every one.
            revision: the number that the result gets.
            reviewer: who decided.

        Raises:
            DetectorMissingError: the check of what would leave can't be made.
            RedactionRefusedError: no derivative came out; the earlier revisions are as they were.
            OutOfDateError: somebody else made this revision meanwhile.
        """
        try:
            if self.missing == _NO_WORKER:
                raise NoWorkerError
            if self.missing:
                raise DetectorMissingError(names=", ".join(self.missing))
            plan = _plan(findings)
            with self._pool.borrow(for_person=True) as session:
                result = session.replay(self._original(job), job.size, plan)
        finally:
            job.key.wipe()
        if result.code not in (RedactCode.OK, RedactCode.RESIDUAL):
            raise RedactionRefusedError(words=result.words)
        # What the check after burning still found goes to the reviewer, as suggestions not yet decided.
        return self._seal(job, result, (*findings, *result.residual), revision, reviewer)

    def compare(
        self, job: Job, findings: Sequence[Finding], subject: Subject
    ) -> tuple[RedactCode, tuple[Finding, ...]]:
        """Read a picture's text and compare it with what is known of a person. The job's key is wiped.

        Returns:
            OK and what names the person and is not hidden by the findings' masks; or why it was not read.
        """
        try:
            with self._pool.borrow(for_person=True) as session:
                return session.compare(self._original(job), job.size, _plan(findings), _identifiers(subject))
        finally:
            job.key.wipe()

    def draw(self, derivative: bytes, window: Window) -> Preview | None:
        """Draw a part of a derivative; None when it cannot be drawn."""
        with self._pool.borrow(for_person=True) as session:
            return session.draw(lambda: [derivative], len(derivative), window)

    def draw_original(self, job: Job, window: Window) -> Preview | None:
        """Draw a part of an original; None when it cannot be drawn. The job's key is wiped."""
        try:
            with self._pool.borrow(for_person=True) as session:
                return session.draw_original(self._original(job), job.size, window)
        finally:
            job.key.wipe()

    def thumbnail(self, preview: Preview) -> bytes:
        """Make a JPEG of at most 320 x 320 pixels and 32 KiB of a revision's preview, for an export's viewer.

        Raises:
            RedactionRefusedError: none came out.
        """
        with self._pool.borrow(for_person=True) as session:
            small = session.thumbnail(preview)
        if not small:
            raise RedactionRefusedError.of(RedactCode.CRASHED)
        return small

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            try:
                self._settled.wait()
                if self._stopping.is_set():
                    return
                # Else the photo waits for a login with all detectors there, or is disposed of.
                if not self.missing and job.capture_id not in self._dropped:
                    self._automatic(job)
                self._board.redaction(add_waiting=-1)
            except OutOfDateError:
                self._board.redaction(add_waiting=-1)  # somebody was faster; what is there stays
            except Exception as error:  # noqa: BLE001 - the thread's boundary: the next photo must get its turn
                # This one stays without a derivative and is queued again at the next login.
                _log.error("redaction: a photo was put off: %s", type(error).__name__)
                self._board.redaction(add_waiting=-1, add_deferred=1)
            finally:
                job.key.wipe()
                self._queued.discard(job.object_id)
            del job

    def _automatic(self, job: Job) -> None:
        result = self._detect(job)
        if result.code is RedactCode.CRASHED and not self._stopping.is_set():
            # Perhaps it was not the photo's doing: a fresh worker gets it once more.
            result = self._detect(job)
        if self._stopping.is_set():
            return
        slates = self._slates(job.capture_id, result.untrusted_slates)
        if result.code in (RedactCode.OK, RedactCode.RESIDUAL):
            self._seal(job, result, (*result.findings, *result.residual), 1, KIOSK, slates)
            self._board.redaction(add_done=1)
            if job.name and result.quality is not None and result.quality.advice:
                self._board.advise(job.name, result.quality.advice)
            return
        failed = RedactionFailed(
            at=self._journal.now(),
            actor=KIOSK,
            capture_id=job.capture_id,
            original_id=job.object_id,
            media=result.media,
            code=result.code,
        )
        self._journal.commit([Fact(failed), *slates])
        self._board.redaction(add_failed=1)

    def _detect(self, job: Job) -> RedactResult:
        with self._pool.borrow() as session:
            return session.detect(self._original(job), job.size)

    def _original(self, job: Job) -> Opener:
        return lambda: self._journal.vault.read_object(job.object_id, job.key)

    def _seal(
        self,
        job: Job,
        result: RedactResult,
        findings: Sequence[Finding],
        revision: int,
        actor: AccountId,
        slates: Sequence[Fact] = (),
    ) -> Redacted:
        preview = result.preview
        if preview is None:
            raise RedactionRefusedError(words=result.words)
        objects = self._sealed(("derivative", result.derivative), ("preview", preview.rgb))
        try:
            event = Redacted(
                at=self._journal.now(),
                actor=actor,
                capture_id=job.capture_id,
                original_id=job.object_id,
                derivative_id=objects[0].id,
                preview_id=objects[1].id,
                revision=revision,
                width=result.width,
                height=result.height,
                preview_width=preview.width,
                preview_height=preview.height,
                code=result.code,
                findings=tuple(findings),
                policy=result.policy,
                crop=result.crop,
                quality=result.quality,
            )
            self._journal.commit([Fact(event, objects=objects), *slates])
            return event
        finally:
            for pending in objects:
                pending.data_key.wipe()

    def _sealed(self, *contents: tuple[str, bytes]) -> list[PendingObject]:
        """Seal some contents by their kinds: all, or where one cannot be sealed, none."""
        vault = self._journal.vault
        objects: list[PendingObject] = []
        try:
            for kind, content in contents:
                writer = vault.start(kind)
                try:
                    writer.write(content)
                    objects.append(writer.finish())
                finally:
                    writer.abort()  # does nothing after it was finished
        except BaseException:
            for pending in objects:
                vault.discard(pending)
            raise
        return objects


def _plan(findings: Sequence[Finding]) -> Plan:
    """A reviewer's findings as what the worker is to do."""
    return Plan(
        masks=tuple((f.category, f.box) for f in findings if f.decision is Decision.MASK),
        kept=tuple((f.category, f.box) for f in findings if f.decision is Decision.KEEP),
        crop=next((f.box for f in findings if f.decision is Decision.CROP), None),
    )


def _identifiers(subject: Subject) -> tuple[Identifier, ...]:
    known = (
        Identifier(IdentifierKind.MRN, subject.mrn),
        Identifier(IdentifierKind.NAME, subject.name),
        Identifier(IdentifierKind.BIRTH_DATE, subject.birth_date),
    )
    return tuple(identifier for identifier in known if identifier.value)

"""Redaction behind the import: a queue, one worker process, and the keys of what still waits.

The data key of a waiting photo is held here, in memory and nowhere else, and is dropped the moment its
derivative is sealed (design, section 4). A restart drops them all; what was waiting then is queued again at
the next login, with keys opened from the vault.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from medkiosk.core.channel import Channel, Spawn
from medkiosk.core.errors import KioskError
from medkiosk.core.events import Redacted, RedactionFailed
from medkiosk.core.ids import KIOSK, AccountId, CaptureId, ObjectId
from medkiosk.core.photo import Box, Category, Decision, Finding, RedactCode
from medkiosk.daemon.board import Board
from medkiosk.journal import Fact, Journal, OutOfDateError
from medkiosk.redact.client import RedactResult, RedactSession
from medkiosk.redact.detectors import confined
from medkiosk.vault.keys import DataKey
from medkiosk.vault.writer import PendingObject

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """One original to redact; ``key`` opens it."""

    capture_id: CaptureId
    object_id: ObjectId
    size: int
    key: DataKey = field(repr=False)


class DetectorMissingError(KioskError):
    """A detector is missing on this kiosk ({names}), so nothing can be redacted or approved. Everything
    imported is sealed and safe; ask the installer to run the set-up of the models."""

    code = "redact.no_detector"


class RedactionRefusedError(KioskError):
    """{words}"""  # noqa: D415 - the sentence of the code, whole

    code = "redact.refused"


class Redactor:
    """Owns the redact worker. Jobs run one at a time; a reviewer's job goes before the queue's.

    Args:
        journal: where results become facts.
        board: where progress is shown.
        spawn: starts a redact worker.
        timeout_s: longest time for one picture.
    """

    def __init__(self, journal: Journal, board: Board, spawn: Spawn, *, timeout_s: float) -> None:
        self._journal = journal
        self._board = board
        self._spawn = spawn
        self._timeout_s = timeout_s
        self._queue: queue.Queue[Job | None] = queue.Queue()
        self._queued: set[ObjectId] = set()
        self._worker = threading.Lock()
        self._session: RedactSession | None = None
        self._channel: Channel | None = None
        self._stopping = threading.Event()
        self._nobody_reviews = threading.Event()
        self._nobody_reviews.set()
        self.missing: tuple[str, ...] = ()
        self.detectors: tuple[str, ...] = ()
        self._thread = threading.Thread(target=self._run, name="redact", daemon=True)

    def start(self) -> None:
        """Start the worker and learn its detectors. Without a worker everything counts as missing."""
        try:
            with self._worker:
                session = self._open()
            self.detectors = session.detectors
            self.missing = session.missing if confined(session.layers) else (*session.missing, "sandbox")
        except (KioskError, OSError) as error:
            _log.error("redaction: no worker: %s", type(error).__name__)
            self.missing = ("worker",)
        self._board.redaction(detectors=self.detectors, missing=self.missing)
        if self.missing:
            self._board.problem(DetectorMissingError(names=", ".join(self.missing)).message)
        self._thread.start()

    def stop(self) -> None:
        """End the worker and forget every key."""
        self._stopping.set()
        self._nobody_reviews.set()
        self._queue.put(None)
        channel = self._channel
        if channel is not None:
            channel.kill()  # a job in hand ends at once; its photo is redacted after the next login
        if self._thread.is_alive():
            self._thread.join()
        self._close()
        while not self._queue.empty():
            if (job := self._queue.get()) is not None:
                job.key.wipe()

    @property
    def alive(self) -> bool:
        """Whether the thread that redacts is running."""
        return self._thread.is_alive()

    def submit(self, job: Job) -> None:
        """Queue a photo; one that already waits is not queued twice."""
        if job.object_id in self._queued:
            job.key.wipe()
            return
        self._queued.add(job.object_id)
        self._board.redaction(add_waiting=1)
        self._queue.put(job)

    def replay(self, job: Job, findings: Sequence[Finding], revision: int, reviewer: AccountId) -> Redacted:
        """Redact again with a reviewer's findings and seal the result. The job's key is wiped.

        Raises:
            DetectorMissingError: the check of what would leave can't be made.
            RedactionRefusedError: no derivative came out; the earlier revisions are as they were.
            OutOfDateError: somebody else made this revision meanwhile.
        """
        if self.missing:
            raise DetectorMissingError(names=", ".join(self.missing))
        masks = [(f.category, f.box) for f in findings if f.decision is Decision.MASK]
        kept = [(f.category, f.box) for f in findings if f.decision is Decision.KEEP]
        # The queue lets a person go first: it does not begin another photo while one is asked for.
        self._nobody_reviews.clear()
        try:
            result = self._work(job, masks, kept)
        finally:
            self._nobody_reviews.set()
            job.key.wipe()
        if result.code not in (RedactCode.OK, RedactCode.RESIDUAL):
            raise RedactionRefusedError(words=result.words)
        # What the check after burning still found goes to the reviewer, as suggestions not yet decided.
        return self._seal(job, result, (*findings, *result.residual), revision, reviewer)

    def _run(self) -> None:
        while (job := self._queue.get()) is not None and not self._stopping.is_set():
            try:
                self._nobody_reviews.wait()
                if not self.missing:  # else the photo waits for a login with all detectors there
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
        result = self._work(job, None, ())
        if result.code is RedactCode.CRASHED and not self._stopping.is_set():
            # Perhaps it was not the photo's doing: a fresh worker gets it once more.
            result = self._work(job, None, ())
        if self._stopping.is_set():
            return
        if result.code in (RedactCode.OK, RedactCode.RESIDUAL):
            self._seal(job, result, (*result.findings, *result.residual), 1, KIOSK)
            self._board.redaction(add_done=1)
            return
        failed = RedactionFailed(
            at=self._journal.now(),
            actor=KIOSK,
            capture_id=job.capture_id,
            original_id=job.object_id,
            media=result.media,
            code=result.code,
        )
        self._journal.commit([Fact(failed)])
        self._board.redaction(add_failed=1)

    def _work(
        self, job: Job, masks: Sequence[tuple[Category, Box]] | None, kept: Sequence[tuple[Category, Box]]
    ) -> RedactResult:
        with self._worker:
            session = self._session or self._open()
            chunks = self._journal.vault.read_object(job.object_id, job.key)
            if masks is None:
                result = session.detect(chunks, job.size)
            else:
                result = session.replay(chunks, job.size, masks, kept=kept)
            if session.broken:
                self._close()
            return result

    def _seal(
        self, job: Job, result: RedactResult, findings: Sequence[Finding], revision: int, actor: AccountId
    ) -> Redacted:
        vault = self._journal.vault
        preview = result.preview
        if preview is None:
            raise RedactionRefusedError(words=result.words)
        objects: list[PendingObject] = []
        try:
            for kind, content in (("derivative", result.derivative), ("preview", preview.rgb)):
                writer = vault.start(kind)
                writer.write(content)
                objects.append(writer.finish())
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
            )
            self._journal.commit([Fact(event, objects=objects)])
            return event
        finally:
            for pending in objects:
                pending.data_key.wipe()

    def _open(self) -> RedactSession:
        self._channel = self._spawn()
        session = RedactSession(self._channel, timeout_s=self._timeout_s)
        self._session = session
        return session

    def _close(self) -> None:
        session, self._session, self._channel = self._session, None, None
        if session is not None:
            session.close()

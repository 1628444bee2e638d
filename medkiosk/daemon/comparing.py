"""Before an approval: is there text in the picture that names the person, and that no mask hides?

Photos are redacted when nobody has said yet whose they are. Once they belong to an encounter, the text in
each is read and compared with the subject's name, number and date of birth: what says one of them is masked
without asking, also where a detector was not sure enough that it is text, or a reviewer kept it.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import msgspec

from medkiosk.catalog.views import CaptureView
from medkiosk.core.consent import Subject, subject_digest
from medkiosk.core.errors import KioskError
from medkiosk.core.events import Compared, Redacted
from medkiosk.core.ids import KIOSK, CaptureId
from medkiosk.core.photo import MOST_FINDINGS, REVIEWABLE, Decision, Finding, RedactCode
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.daemon.redactor import Job, RedactionRefusedError
from medkiosk.journal import Fact

_log = logging.getLogger(__name__)


class NamedError(KioskError):
    """The picture shows this patient's name, number or date of birth. It is masked now; nothing was approved.
    Look at the new revision, then approve it."""

    code = "review.named"


class Comparer:
    """Compares one picture at a time; the answer for a revision and a subject is worked out once.

    Args:
        kiosk: the running kiosk.
    """

    def __init__(self, kiosk: Kiosk) -> None:
        self._kiosk = kiosk
        self._one = threading.Lock()
        self._named: dict[tuple[CaptureId, int, str], tuple[Finding, ...]] = {}
        self._ahead = ThreadPoolExecutor(1, "compare")
        self._wanted: CaptureId | None = None

    def ahead(self, capture_id: CaptureId) -> None:
        """Compare what somebody is looking at, so that the answer is there when it is asked for.

        It changes nothing: only who approves gets a new revision. Of pictures that somebody leafed through
        meanwhile only the last one is compared.
        """
        self._wanted = capture_id
        self._ahead.submit(self._try, capture_id)

    def ensure(self, capture_id: CaptureId) -> None:
        """Before an approval: hide what names the person.

        Raises:
            NamedError: something did: a new revision hides it.
            RedactionRefusedError: the picture could not be read.
        """
        with self._one:
            view = self._kiosk.capture(capture_id)
            subject, latest = subject_of(self._kiosk, view), view.latest
            if subject is None or latest is None or is_compared(view, subject):
                return
            named = self._compare(view, latest, subject)
            if not named:
                return
            masks = tuple(msgspec.structs.replace(finding, decision=Decision.MASK) for finding in named)
            findings = (*latest.findings, *masks)
            if len(findings) > MOST_FINDINGS:
                raise RedactionRefusedError.of(RedactCode.CROWDED)
            job = job_of(self._kiosk, view)
            self._kiosk.redactor.replay(job, findings, latest.revision + 1, KIOSK)
            raise NamedError

    def close(self) -> None:
        """Begin nothing more, and forget what was found."""
        self._ahead.shutdown(wait=False, cancel_futures=True)

    def _try(self, capture_id: CaptureId) -> None:
        if capture_id != self._wanted:
            return
        try:
            with self._one:
                view = self._kiosk.capture(capture_id)
                subject, latest = subject_of(self._kiosk, view), view.latest
                proposed = view.row.state in REVIEWABLE
                if proposed and subject and latest and not is_compared(view, subject):
                    self._compare(view, latest, subject)
        except (KioskError, OSError, RuntimeError) as error:
            # Whoever approves is told; here nobody asked yet.
            _log.info("compare: %s", type(error).__name__)

    def _compare(self, view: CaptureView, latest: Redacted, subject: Subject) -> tuple[Finding, ...]:
        """What names the person under no mask; when there is nothing, that is a fact for the ledger."""
        digest = subject_digest(subject)
        asked = (view.row.capture_id, latest.revision, digest)
        if asked in self._named:
            return self._named[asked]
        code, named = self._kiosk.redactor.compare(job_of(self._kiosk, view), latest.findings, subject)
        if code is not RedactCode.OK:
            raise RedactionRefusedError.of(code)
        if named:
            self._named = {asked: named}
            return named
        event = Compared(
            at=self._kiosk.journal.now(),
            actor=KIOSK,
            capture_id=view.row.capture_id,
            revision=latest.revision,
            subject=digest,
        )
        self._kiosk.journal.commit([Fact(event)])
        return ()


def subject_of(kiosk: Kiosk, view: CaptureView) -> Subject | None:
    """The person in the picture, as far as anybody said."""
    encounter_id = view.row.encounter_id
    return None if encounter_id is None else kiosk.encounter(encounter_id).subject


def is_compared(view: CaptureView, subject: Subject | None) -> bool:
    """Whether the latest revision's text was compared with what is known of this subject."""
    return subject is not None and view.compared == subject_digest(subject)


def job_of(kiosk: Kiosk, view: CaptureView) -> Job:
    """The original of the latest revision, with its key.

    Raises:
        ValueError: it has no revision.
    """
    latest = view.latest
    if latest is None:
        raise ValueError("no revision")
    size = next(original.size for original in view.originals if original.object_id == latest.original_id)
    key = kiosk.keyring.opened.identity.open_key(latest.original_id)
    return Job(view.row.capture_id, latest.original_id, size, key)

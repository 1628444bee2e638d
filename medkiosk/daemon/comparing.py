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
from medkiosk.core.consent import Subject
from medkiosk.core.errors import KioskError
from medkiosk.core.events import Compared
from medkiosk.core.ids import KIOSK, CaptureId
from medkiosk.core.photo import Decision, RedactCode
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.daemon.redactor import Job, RedactionRefusedError, subject_key
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
        self._ahead = ThreadPoolExecutor(1, "compare")

    def ahead(self, capture_id: CaptureId) -> None:
        """Begin with a picture that somebody is looking at, so that the answer is there when it is needed."""
        self._ahead.submit(self._try, capture_id)

    def ensure(self, capture_id: CaptureId) -> None:
        """Compare, unless it was done for the latest revision and the present subject.

        Raises:
            NamedError: the person is named in it: a new revision hides that.
            RedactionRefusedError: the picture could not be read.
        """
        with self._one:
            view = self._kiosk.capture(capture_id)
            subject = subject_of(self._kiosk, view)
            if subject is None or view.latest is None or is_compared(view, subject):
                return
            self._compare(view, subject)

    def close(self) -> None:
        """Begin nothing more."""
        self._ahead.shutdown(wait=False, cancel_futures=True)

    def _try(self, capture_id: CaptureId) -> None:
        try:
            self.ensure(capture_id)
        except (KioskError, OSError) as error:
            # Whoever approves is told; here nobody asked yet.
            _log.info("compare: %s", type(error).__name__)

    def _compare(self, view: CaptureView, subject: Subject) -> None:
        latest = view.latest
        if latest is None:
            return
        redactor, journal = self._kiosk.redactor, self._kiosk.journal
        code, named = redactor.compare(job_of(self._kiosk, view), latest.findings, subject)
        if code is not RedactCode.OK:
            raise RedactionRefusedError.of(code)
        if not named:
            event = Compared(
                at=journal.now(),
                actor=KIOSK,
                capture_id=view.row.capture_id,
                revision=latest.revision,
                subject=subject_key(subject),
            )
            journal.commit([Fact(event)])
            return
        masks = tuple(msgspec.structs.replace(finding, decision=Decision.MASK) for finding in named)
        findings = (*latest.findings, *masks)
        redactor.replay(job_of(self._kiosk, view), findings, latest.revision + 1, KIOSK, subject)
        raise NamedError


def subject_of(kiosk: Kiosk, view: CaptureView) -> Subject | None:
    """The person in the picture, as far as anybody said."""
    encounter_id = view.row.encounter_id
    return None if encounter_id is None else kiosk.encounter(encounter_id).subject


def is_compared(view: CaptureView, subject: Subject | None) -> bool:
    """Whether the latest revision's text was compared with this subject's identifiers."""
    key = subject_key(subject)
    return view.latest is not None and key in {view.latest.subject, view.compared}


def job_of(kiosk: Kiosk, view: CaptureView) -> Job:
    """The original of the latest revision, with its key."""
    latest = view.latest
    if latest is None:
        raise ValueError("no revision")
    size = next(original.size for original in view.originals if original.object_id == latest.original_id)
    key = kiosk.keyring.opened.identity.open_key(latest.original_id)
    return Job(view.row.capture_id, latest.original_id, size, key)

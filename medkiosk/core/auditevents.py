"""What can happen about the audit itself (`medkiosk.core.events` has everything else)."""

from __future__ import annotations

from medkiosk.core.event import Event
from medkiosk.core.ids import AccountId, CaptureId


class AuditRead(Event, frozen=True, tag="audit.read", omit_defaults=True):
    """Somebody asked the audit: what was asked, and how far the answer goes; not what it said.

    Attributes:
        size: entries of the ledger that the answer is about.
        person: a keyed hash of issuer and number, if a patient was asked for: the same for the same patient
            on one kiosk, and nothing that can be turned back.
        account_id: whose doings were asked for.
        capture_id: which picture was asked for.
        categories: kinds of events that were asked for; none: all.
        since: RFC 3339, or empty.
        until: RFC 3339, or empty.
        text: a keyed hash of words that were looked for; empty where none were.
        entry: the one ledger entry that was opened; null where more was asked.
    """

    size: int
    person: str = ""
    account_id: AccountId | None = None
    capture_id: CaptureId | None = None
    categories: tuple[str, ...] = ()
    since: str = ""
    until: str = ""
    text: str = ""
    entry: int | None = None


class AuditReported(Event, frozen=True, tag="audit.reported"):
    """A report of the audit was signed; the `AuditRead` before it by the same actor says what was asked.

    Attributes:
        form: csv or pdf.
        rows: events in it.
        size: entries of the ledger that it is about.
        sha256: of its bytes, hexadecimal.
    """

    form: str
    rows: int
    size: int
    sha256: str


AnyAuditEvent = AuditRead | AuditReported

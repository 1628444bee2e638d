"""What auditors may ask; a part of `medkiosk.ipc.api.Api`. All of it is itself logged (docs/audit.md)."""

from __future__ import annotations

from typing import Literal, Protocol

from medkiosk.core.capability import Capability
from medkiosk.ipc import audittypes as at
from medkiosk.ipc.marking import method

Form = Literal["csv", "pdf"]


class AuditApi(Protocol):
    """Who did what, who saw whom, and the signed report about it."""

    @method(needs=Capability.AUDIT, secret=("query",))
    def audit(self, query: at.AuditQuery, start: int = 0, upto: int = 0, limit: int = 200) -> at.AuditPage:
        """Look for events from ledger entry ``start`` on, for about half a second; see `AuditPage`.

        ``upto``: 0 asks anew, of the ledger as it is now; it is logged. Else the ``size`` of the first page.
        """
        ...

    @method(needs=Capability.AUDIT)
    def get_audit_event(self, index: int) -> at.AuditEvent:
        """One event, with the proof that the ledger holds it."""
        ...

    @method(needs=Capability.AUDIT, secret=("query",))
    def begin_audit_report(self, query: at.AuditQuery, form: Form) -> tuple[at.AuditReport, bytes]:
        """Begin a signed report on this connection, of the ledger as it is now; gives its first bytes."""
        ...

    @method(needs=Capability.AUDIT)
    def more_audit_report(self) -> tuple[at.AuditReport, bytes]:
        """Go on with it for about half a second; the last piece brings the signature."""
        ...

    @method(needs=Capability.AUDIT, secret=("query",))
    def write_audit_report(self, query: at.AuditQuery, stick: str = "") -> at.AuditWritten:
        """Write a report to a stick in both forms, signed, with the checkpoint; of 20,000 events at most."""
        ...

"""The audit of the console's kiosk: a few events that never change."""

from __future__ import annotations

import msgspec

from medkiosk.core.errors import BadRequestError
from medkiosk.core.sticks import ReadBack, StickState
from medkiosk.ipc import audittypes as at
from medkiosk.ipc.auditapi import Form
from medkiosk.ipc.types import StickInfo
from tests.console.state import Kiosk

CAPTURE = "c0ffee00" * 4
LINES = tuple(
    at.AuditLine(
        index=index,
        at="2026-11-20T08:00:00.000Z",
        account=("a" if user else "") * 32 or "kiosk",
        user=user,
        type=kind,
        category=category,
        words=words,
        leaf=f"{index:064x}",
    )
    for index, user, kind, category, words in (
        (7, "", "original.sealed", "import", f"capture {CAPTURE}: image/jpeg, 9000000 bytes"),
        (40, "rita", "viewed", "look", f"preview of capture {CAPTURE} revision 1"),
        (
            95,
            "olga",
            "viewed",
            "look",
            f"original of capture {CAPTURE} revision 1; reason: the mask hides it",
        ),
        (212, "olga", "export.written", "export", "1 captures to recipient e for teaching_research"),
    )
)
SIZE = 300


class Audits:
    """A part of `tests.console.kiosk.Service`."""

    _kiosk: Kiosk

    def audit(self, query: at.AuditQuery, start: int = 0, upto: int = 0, limit: int = 200) -> at.AuditPage:
        if query.capture_id and len(query.capture_id) != 32:
            raise BadRequestError(detail="a picture's id has 32 hexadecimal digits")
        self._kiosk.calls.append(f"audit {msgspec.json.encode(query).decode()} from {start}")
        part = [each for each in LINES if start <= each.index < start + 100]  # as if it were slow
        found = [each for each in part if not query.categories or each.category in query.categories]
        return at.AuditPage(
            lines=tuple(found), next=min(start + 100, SIZE), size=SIZE, destroyed=0, unreadable=0
        )

    def get_audit_event(self, index: int) -> at.AuditEvent:
        [line] = [each for each in LINES if each.index == index]
        members = [("what", "original"), ("revision", "1"), ("label", "(text, sealed)")]
        return at.AuditEvent(
            line=line, members=tuple(at.AuditMember(name=n, value=v) for n, v in members), proof=""
        )

    def begin_audit_report(self, query: at.AuditQuery, form: Form) -> tuple[at.AuditReport, bytes]:
        raise BadRequestError(detail="the console writes reports to a stick")

    def more_audit_report(self) -> tuple[at.AuditReport, bytes]:
        raise BadRequestError(detail="no report was begun")

    def write_audit_report(self, query: at.AuditQuery, stick: str = "") -> at.AuditWritten:
        return at.AuditWritten(
            folder="medkiosk-audit-2026-11-20-0123abcd",
            rows=len(LINES),
            signer="SHA256:hXcVYgk6Tr0V1UQLfTCJbTnnBD5kLIUGjJGbyOyRXMs",
            read_back=ReadBack.DIRECT,
            stick=StickInfo(
                name="stick", state=StickState.DONE, words="SAFE TO UNPLUG", detail="", free=1 << 30
            ),
        )

"""What one connection may ask about the audit; a part of `medkiosk.daemon.service.Service`."""

from __future__ import annotations

import time

from medkiosk import sshsig
from medkiosk.audit.pdf import Pdf
from medkiosk.audit.report import Csv
from medkiosk.core.errors import BadRequestError
from medkiosk.core.ids import new_id
from medkiosk.daemon import auditing
from medkiosk.daemon.auditing import Asked, Making
from medkiosk.daemon.connection import Connection
from medkiosk.daemon.sessions import Session
from medkiosk.export.plainfolder import write_folder
from medkiosk.ipc import audittypes as at
from medkiosk.ipc.auditapi import Form

_PATIENCE_S = 0.5
"""How long one answer is worked on; what it takes beyond is asked for again."""
_PIECE = 4 << 20
"""Bytes of a report after which a piece is handed out, whatever the time."""
MOST_ON_STICK = 20_000
"""Events in a report that is written to a stick: it is made in memory, about 30 MiB in both forms."""
_FOLDER = "medkiosk-audit-"


class AuditService(Connection):
    """The methods of `medkiosk.ipc.auditapi.AuditApi`."""

    _audit_session: Session | None = None
    _audit_asked: tuple[at.AuditQuery, Asked] | None = None
    _audit_making: Making | None = None

    def audit(self, query: at.AuditQuery, start: int = 0, upto: int = 0, limit: int = 200) -> at.AuditPage:
        """See `AuditApi.audit`."""
        if start < 0 or limit < 1:
            raise BadRequestError(detail="start is not negative, and limit is at least 1")
        asked = self._logged(query, upto)
        lines: list[at.AuditLine] = []
        begun = time.monotonic()
        next_, destroyed, unreadable = asked.size, 0, 0
        for seen in auditing.look(self._kiosk, asked, start):
            destroyed += seen.destroyed
            unreadable += seen.unreadable
            if seen.row is not None:
                lines.append(auditing.line(seen.row))
            if len(lines) >= min(limit, auditing.MOST_LINES) or time.monotonic() - begun > _PATIENCE_S:
                next_ = seen.index + 1
                break
        return at.AuditPage(
            lines=tuple(lines), next=next_, size=asked.size, destroyed=destroyed, unreadable=unreadable
        )

    def get_audit_event(self, index: int) -> at.AuditEvent:
        """See `AuditApi.get_audit_event`."""
        shown = auditing.one(self._kiosk, index)
        auditing.log_opened(self._kiosk, self._who, index)
        return shown

    def begin_audit_report(self, query: at.AuditQuery, form: Form) -> tuple[at.AuditReport, bytes]:
        """See `AuditApi.begin_audit_report`."""
        self._audit_making = self._making(self._logged(query, 0), form)
        return self.more_audit_report()

    def more_audit_report(self) -> tuple[at.AuditReport, bytes]:
        """See `AuditApi.more_audit_report`."""
        making = self._audit_making
        if making is None or self._audit_session is not self._living:
            raise BadRequestError(detail="no report was begun")
        begun, data = time.monotonic(), bytearray()
        for piece in making.pieces():
            data += piece
            if making.over or len(data) > _PIECE or time.monotonic() - begun > _PATIENCE_S:
                break
        if making.over:
            self._audit_making = None
        public = self._kiosk.keys.export_key.public_key()
        said = at.AuditReport(
            attachment=len(data),
            rows=making.rows,
            done=making.done,
            size=making.asked.size,
            signature=making.signature,
            sha256=making.sha256 if making.over else "",
            checkpoint=making.asked.checkpoint.decode() if making.over else "",
            signer=sshsig.fingerprint(public),
            allowed_signers=sshsig.allowed_signers_line(public, (sshsig.AUDIT_NAMESPACE,)),
        )
        return said, bytes(data)

    def write_audit_report(self, query: at.AuditQuery, stick: str = "") -> at.AuditWritten:
        """See `AuditApi.write_audit_report`."""
        forms: tuple[Form, ...] = ("csv", "pdf")
        asked, rows = self._logged(query, 0), 0
        files = {"checkpoint": asked.checkpoint}
        for form in forms:
            making = self._making(asked, form)
            data = bytearray()
            for piece in making.pieces():
                data += piece
                if making.rows > MOST_ON_STICK:
                    raise BadRequestError(
                        detail=f"more than {MOST_ON_STICK} events answer: ask for a shorter time, or have"
                        " kioskctl audit write the report"
                    )
            files[f"report.{form}"] = bytes(data)
            files[f"report.{form}.sig"] = making.signature.encode()
            rows = making.rows
        with self._kiosk.sticks.writing(stick) as taken:
            id_, today = new_id(self._kiosk.random), self._kiosk.clock().date()
            name = write_folder(taken.path, _FOLDER, id_, today, files, taken.files)
        return at.AuditWritten(
            folder=name,
            rows=rows,
            signer=sshsig.fingerprint(self._kiosk.keys.export_key.public_key()),
            read_back=taken.files.past,
            stick=taken.after,
        )

    def _making(self, asked: Asked, form: Form) -> Making:
        return Making(self._kiosk, self._who, asked, Csv() if form == "csv" else Pdf(), form)

    def _logged(self, query: at.AuditQuery, upto: int) -> Asked:
        """Understand a query and record it; one that goes on was recorded when it began."""
        if self._audit_session is not self._living:
            self._audit_session, self._audit_asked, self._audit_making = self._living, None, None
        if upto and self._audit_asked is not None:
            before, asked = self._audit_asked
            if before == query and asked.size == upto:
                return asked
        asked = auditing.ask(self._kiosk, query)
        if upto:
            if upto > asked.size:
                raise BadRequestError(detail=f"the ledger has {asked.size} entries")
            asked = asked.of(upto)
        auditing.log_read(self._kiosk, self._who, asked)
        self._audit_asked = query, asked
        return asked

"""An answer of the audit as it comes: pages by ledger entry, made into a list by place."""

from __future__ import annotations

from medkiosk.console.language import tr
from medkiosk.console.widgets.paged import Page
from medkiosk.console.words import count
from medkiosk.ipc.audittypes import AuditLine, AuditQuery
from medkiosk.ipc.client import Client

MOST = 20_000
"""Events that are kept for the screen; whoever wants more narrows the question, or has a report written."""


class Reading:
    """One question, and how far its answer came. Used by one worker thread at a time.

    Attributes:
        query: what is asked.
        lines: what came so far, oldest first.
        next: ledger entry to go on from.
        size: entries that the answer is about; 0 before the first page.
        unclear: entries of which it cannot be said whether they answer.
    """

    def __init__(self, query: AuditQuery) -> None:
        self.query = query
        self.lines: list[AuditLine] = []
        self.next = 0
        self.size = 0
        self.unclear = 0
        self._begun = False

    @property
    def done(self) -> bool:
        """Whether all was looked at, or as much as is kept."""
        return self._begun and (self.next >= self.size or len(self.lines) >= MOST)

    def load(self, kiosk: Client, offset: int, limit: int) -> Page[AuditLine]:
        """Ask once more if these are not there yet, and give what is; one line more stands for the rest."""
        missing = offset + limit - len(self.lines)
        if not self.done and missing > 0:
            # No more than that: each event is opened for it.
            page = kiosk.audit(self.query, self.next, self.size, min(missing, limit))
            self._begun = True
            self.lines += page.lines
            self.next, self.size = page.next, page.size
            self.unclear += page.destroyed + page.unreadable
        return Page(self.lines[offset : offset + limit], len(self.lines) + (not self.done))

    def words(self) -> str:
        """How much there is, and how far it was looked."""
        if not self._begun:
            return ""
        said = count(len(self.lines), "event")
        if self.next < self.size:
            said += tr(
                " so far; {next} of {size} ledger entries were looked at", next=self.next, size=self.size
            )
            if self.done:
                said += tr(": ask for a shorter time")
        else:
            said += tr(" in {size} ledger entries", size=self.size)
        if self.unclear:
            said += tr("; {unclear} more are destroyed or do not open", unclear=self.unclear)
        return said


def asked_words(query: AuditQuery) -> str:
    """The question in words, for the caption; of a patient only the number that was typed."""
    parts = (
        tr("patient {mrn}", mrn=query.mrn) if query.mrn else "",
        tr("user {user}", user=query.user) if query.user else "",
        tr("picture {capture_id}", capture_id=query.capture_id[:8]) if query.capture_id else "",
        tr("kinds {names}", names=", ".join(query.categories)) if query.categories else "",
        tr("from {since}", since=query.since[:16]) if query.since else "",
        tr("to {until}", until=query.until[:16]) if query.until else "",
        tr("words {text}", text=query.text) if query.text else "",
    )
    return "; ".join(filter(None, parts)) or "everything"

"""The audit: a question, what answers it, one event of it, the report onto a stick."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta

from rich.cells import cell_len
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from medkiosk.audit.categories import Category
from medkiosk.console.actions import Where, bindings
from medkiosk.console.auditreading import Reading, asked_words
from medkiosk.console.language import tr
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.screens.dialogs import Confirm
from medkiosk.console.screens.form import FormScreen, Rows
from medkiosk.console.widgets.choice import Choice
from medkiosk.console.widgets.field import Field
from medkiosk.console.widgets.frame import facts
from medkiosk.console.widgets.paged import PagedList, PagedTable
from medkiosk.console.words import clean, count, day, is_safe, moment, stick_words
from medkiosk.core.clock import end_of
from medkiosk.core.sticks import READ_BACK_WORDS, ReadBack
from medkiosk.ipc.audittypes import AuditEvent, AuditLine, AuditQuery, AuditWritten

_KINDS = {each: each.value for each in Category}
_ID = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{24}\b", re.ASCII)
"""An id; its first digits are enough in a list."""
_REPORT = (
    "It has every event that answers, as a table and to print, each signed, with the ledger's checkpoint."
    " That it was written is logged. Whoever has the stick can read it: it names staff, and no patient."
)


class EventShown(Message):
    """One event, with all that an auditor is shown of it."""

    def __init__(self, event: AuditEvent) -> None:
        self.event = event
        super().__init__()


class ReportWritten(Message):
    """A report is on the stick."""

    def __init__(self, written: AuditWritten) -> None:
        self.written = written
        super().__init__()


class AuditQueryScreen(FormScreen):
    """What to ask; an empty form asks for everything.

    Args:
        query: what was asked before.
    """

    BUTTON = "Look"

    def __init__(self, query: AuditQuery | None = None) -> None:
        super().__init__()
        self._query = query or AuditQuery()

    @property
    def heading(self) -> str:
        """The form's name."""
        return "Audit"

    def rows(self) -> Rows:
        """The parts of a question."""
        was = self._query
        kinds = tuple(map(Category, was.categories))
        return [
            ("Record number", Field(was.mrn, id="mrn", max_length=64, placeholder="MRN of a patient")),
            ("Issued by", Field(was.issuer, id="issuer", max_length=64, placeholder="Hospital")),
            ("User", Field(was.user, id="user", max_length=64, placeholder="User name of one of the staff")),
            ("Picture", Field(was.capture_id, id="picture", max_length=32, placeholder="Id of one picture")),
            ("From day", Field(_first(was.since), id="since", max_length=10, placeholder="YYYY-MM-DD")),
            ("To day", Field(_last(was.until), id="until", max_length=10, placeholder="YYYY-MM-DD")),
            ("Words", Field(was.text, id="words", max_length=100, placeholder="Part of what is said")),
            ("Kinds", Choice(_KINDS, kinds, several=True, name="kinds")),
        ]

    def save(self) -> str | None:
        """Ask it."""
        if bool(self.text("mrn")) != bool(self.text("issuer")):
            return "A patient is asked for by record number and by who issued it."
        try:
            first, last = day(self.text("since")), day(self.text("until"))
        except ValueError:
            return "A day has the form YYYY-MM-DD, for example 2026-03-09."
        query = AuditQuery(
            mrn=self.text("mrn"),
            issuer=self.text("issuer"),
            user=self.text("user"),
            capture_id=self.text("picture").lower(),
            categories=tuple(each.value for each in self.query_one("#kinds", Choice).chosen),
            since=end_of((date.fromisoformat(first) - timedelta(days=1)).isoformat()) if first else "",
            until=end_of(last) if last else "",
            text=self.text("words"),
        )
        self.app.switch_screen(AuditScreen(query))
        return None


class AuditScreen(KioskScreen):
    """What answers, oldest first.

    Args:
        query: what is asked.
    """

    WHERE = Where.AUDIT
    BINDINGS = bindings(Where.AUDIT)

    def __init__(self, query: AuditQuery) -> None:
        super().__init__()
        self._reading = Reading(query)
        self._said = ""

    def body(self) -> ComposeResult:
        """What was asked, how far the answer is, the events."""
        yield Static(id="asked", classes="caption", markup=False)
        yield Static(id="answered", classes="caption", markup=False)
        yield PagedTable[AuditLine](
            self._reading.load,
            audit_cells,
            lambda line: str(line.index),
            titles=("Entry", "When", "Who", "What", "Words"),
            widest=(7, 16, 12, 18),
            growing=False,
            name="audit",
        )
        yield Static(id="said", markup=False)

    def on_mount(self) -> None:
        """Ask."""
        self.query_one("#asked", Static).update(
            Text(clean(tr("Asked: {asked_words}", asked_words=asked_words(self._reading.query)), 200))
        )
        self._table.reload()
        self._table.focus()

    @property
    def _table(self) -> PagedTable[AuditLine]:
        return self.query_one("#audit", PagedTable)

    @on(PagedList.Moved)
    @on(PagedList.Loaded)
    def _came(self) -> None:
        self.query_one("#answered", Static).update(self._reading.words(), layout=False)  # one line, always
        line = self._table.current
        before, place = self._said, self.query_one("#said", Static)
        self._said = words = clean(line.words, 300) if line else before and " "
        # A new layout draws the whole list again; from one line to another, or an empty one, there is none.
        as_high = all(0 < cell_len(each) <= place.size.width for each in (before, words))
        place.update(Text(words), layout=not as_high)

    @on(PagedList.Chosen)
    def _chosen(self) -> None:
        if (line := self._table.current) is not None:
            self.ask(lambda kiosk: kiosk.get_audit_event(line.index), EventShown)

    @on(EventShown)
    def _shown(self, message: EventShown) -> None:
        self.app.push_screen(AuditEventScreen(message.event))

    def action_ask_else(self) -> None:
        """Change the question."""
        self.app.switch_screen(AuditQueryScreen(self._reading.query))

    def action_again(self) -> None:
        """Ask the same of the ledger as it is now."""
        self._reading = Reading(self._reading.query)
        self._table.reload(self._reading.load)

    def action_report(self) -> None:
        """Have the report written to a stick."""
        query = self._reading.query
        self.app.push_screen(
            Confirm("Write a report of this to the stick?", _REPORT),
            lambda answer: self._write(query) if answer else None,
        )

    def _write(self, query: AuditQuery) -> None:
        self.say("The report is being written. Leave the stick in.")
        self.ask(lambda kiosk: kiosk.write_audit_report(query), ReportWritten)

    @on(ReportWritten)
    def _written(self, message: ReportWritten) -> None:
        written = message.written
        cached = written.read_back is ReadBack.CACHED
        read = tr(READ_BACK_WORDS[ReadBack.CACHED]) if cached else tr("read back")
        events = count(written.rows, "event")
        self.say(
            tr(
                "{stick}. {events} in {folder}, {read}. Signed by {signer}",
                stick=stick_words(written.stick),
                events=events,
                folder=clean(written.folder, 60),
                read=read,
                signer=clean(written.signer, 60),
            ),
            wrong=cached or not is_safe(written.stick),
        )


class AuditEventScreen(KioskScreen):
    """One event: what it says, as far as an auditor is shown it, and where it stands in the ledger.

    Args:
        event: it.
    """

    WHERE = Where.AUDIT_EVENT
    BINDINGS = bindings(Where.AUDIT_EVENT)

    def __init__(self, event: AuditEvent) -> None:
        super().__init__()
        self._event = event

    def body(self) -> ComposeResult:
        """A list that scrolls."""
        with VerticalScroll():
            yield Static(id="event", markup=False)

    def on_mount(self) -> None:
        """Show it."""
        line = self._event.line
        rows: list[tuple[str, Text | str]] = [
            ("Entry", str(line.index)),
            ("When", f"{moment(line.at)}  ({clean(line.at, 30)})"),
            ("Who", f"{clean(line.user, 64) or clean(line.account, 32)}  {clean(line.account, 32)}"),
            ("What", f"{clean(line.type, 64)}  ({clean(line.category, 60)})"),
            ("Words", Text(clean(line.words, 400), style="bold")),
            *((clean(each.name, 24), clean(each.value, 200)) for each in self._event.members),
            ("Hash", clean(line.leaf, 64)),
            ("Proof", tr("kioskctl audit --event {index} prints it", index=line.index)),
        ]
        self.query_one("#event", Static).update(facts(rows, 24))


def audit_cells(line: AuditLine) -> Sequence[str]:
    """One event as a line of the list."""
    who = clean(line.user, 12) or clean(line.account, 8)
    words = _ID.sub(r"\1", clean(line.words, 200))
    return str(line.index), moment(line.at), who, clean(line.type, 30), words


def _first(since: str) -> str:
    return moment(since)[:10] if since else ""


def _last(until: str) -> str:
    return (date.fromisoformat(moment(until)[:10]) - timedelta(days=1)).isoformat() if until else ""

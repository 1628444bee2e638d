"""The report: what it says about itself, and its CSV form (docs/audit.md, section 3). Pure."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import msgspec

from medkiosk.core.errors import KioskError

VERSION = "medkiosk-audit/1"
COLUMNS = ("part", "number", "index", "at", "account", "user", "type", "category", "words", "leaf")
"""One table; `Part` says what a row is."""
ABOUT, EVENT, END = "about", "event", "end"
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "'")
"""A cell that begins so, or with blanks before it, gets an apostrophe in front: a spreadsheet would compute
it, or swallow the apostrophe. The four in the middle are the full-width ones."""
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_END = re.compile(r"destroyed (0|[1-9][0-9]{0,17}), unreadable (0|[1-9][0-9]{0,17})", re.ASCII)


class ReportError(KioskError):
    """This is not an audit report as the kiosk writes it: {detail}. Nothing in it is to be believed; ask for
    the file again.
    """

    code = "audit.report"
    exit_code = 3


class Row(msgspec.Struct, frozen=True, gc=False):
    """One event in the report, or on the screen.

    Attributes:
        index: of its ledger entry, from 0.
        at: RFC 3339 UTC.
        account: who did it: account id, or ``kiosk``.
        user: that account's user name; empty for the kiosk.
        type: of the event.
        category: of that type.
        words: what happened.
        leaf: RFC 6962 hash of the ledger entry, hexadecimal.
    """

    index: int
    at: str
    account: str
    user: str
    type: str
    category: str
    words: str
    leaf: str


@dataclass(frozen=True)
class About:
    """What a report says about itself.

    Attributes:
        site: the kiosk's name.
        made: when, RFC 3339 UTC.
        by: user name of who asked.
        asked: the query in words, one line each.
        size: entries of the ledger that were looked at, from the first.
        checkpoint: signed note of exactly that size.
        settled: whether ledger entries alone decide what is in it, so that a copy of the store shows without
            any key whether something was left out.
    """

    site: str
    made: str
    by: str
    asked: tuple[tuple[str, str], ...]
    size: int
    checkpoint: str
    settled: bool

    def facts(self) -> tuple[tuple[str, str], ...]:
        """All of it as names and values."""
        return (
            ("format", VERSION),
            ("kiosk", self.site),
            ("made", self.made),
            ("by", self.by),
            *self.asked,
            ("entries looked at", f"0 to {self.size - 1}" if self.size else "none"),
            ("left out shows without keys", "yes" if self.settled else "no"),
            ("checkpoint", self.checkpoint),
        )


class End(NamedTuple):
    """What stands below the events.

    Attributes:
        rows: how many events there are above.
        destroyed: entries of which it cannot be said whether they answer: their records were destroyed.
        unreadable: likewise, records that do not open.
    """

    rows: int
    destroyed: int = 0
    unreadable: int = 0


class Form(Protocol):
    """Makes a report piece by piece, so that one of any length takes little memory."""

    def begin(self, about: About) -> bytes:
        """What stands above the events."""
        ...

    def row(self, number: int, row: Row) -> bytes:
        """One event; they are numbered from 1."""
        ...

    def end(self, end: End) -> bytes:
        """What stands below them."""
        ...


class Csv:
    """RFC 4180, UTF-8; no cell of it is a formula to a spreadsheet."""

    def begin(self, about: About) -> bytes:
        """See `Form`."""
        facts = [_line([ABOUT, "", "", "", "", "", name, "", value, ""]) for name, value in about.facts()]
        return _line(COLUMNS) + b"".join(facts)

    def row(self, number: int, row: Row) -> bytes:
        """See `Form`."""
        cells = (row.at, row.account, row.user, row.type, row.category, row.words, row.leaf)
        return _line([EVENT, str(number), str(row.index), *cells])

    def end(self, end: End) -> bytes:
        """See `Form`."""
        words = f"destroyed {end.destroyed}, unreadable {end.unreadable}"
        return _line([END, str(end.rows), "", "", "", "", "", "", words, ""])


def escaped(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; `unescaped` is its inverse."""
    return f"'{cell}" if cell.lstrip().startswith(_FORMULA) else cell


def unescaped(cell: str) -> str:
    """What was meant by a cell."""
    return cell.removeprefix("'")


def parse(untrusted: bytes) -> tuple[dict[str, str], list[tuple[int, Row]], End]:
    """Take a CSV report apart: what it says of itself, its numbered events, its end. Nothing is verified.

    Raises:
        ReportError: it is not, byte for byte, as `Csv` writes such a table.
    """
    facts: dict[str, str] = {}
    rows: list[tuple[int, Row]] = []
    end = None
    again = [_line(COLUMNS)]
    try:
        table = csv.reader(io.StringIO(untrusted.decode(), newline=""), strict=True)
        if tuple(next(table, ())) != COLUMNS:
            raise ReportError(detail="its first line is another")
        for raw in table:
            cells = [unescaped(cell) for cell in raw]
            again.append(_line(cells))
            part, number, index, at, account, user, type_, category, words, leaf = cells
            if part == ABOUT and not rows and type_ not in facts:
                facts[type_] = words
            elif part == EVENT and end is None:
                row = Row(_number(index), at, account, user, type_, category, words, leaf)
                rows.append((_number(number), row))
            elif part == END and end is None:
                found = _END.fullmatch(words)
                if found is None:
                    raise ReportError(detail="its last line is another")
                end = End(_number(number), int(found[1]), int(found[2]))
            else:
                raise ReportError(detail="its parts are not in order")
    except (csv.Error, ValueError) as error:
        raise ReportError(detail=f"it is no table of ten columns ({error})") from error
    if end is None:
        raise ReportError(detail="it has no end")
    if facts.get("format") != VERSION:
        raise ReportError(detail="it is of another version")
    if b"".join(again) != untrusted:
        raise ReportError(detail="it was written by another program")
    return facts, rows, end


def _number(text: str) -> int:
    if _NUMBER.fullmatch(text) is None:
        raise ValueError("not a number")
    return int(text)


def _line(cells: list[str] | tuple[str, ...]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([escaped(cell) for cell in cells])
    return out.getvalue().encode()

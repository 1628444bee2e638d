r"""The report as pages to print: PDF 1.4 with the fonts that every reader has. Pure; nothing but text.

Written piece by piece; ISO 32000-1, sections 7.5 (file structure), 7.8 (pages), 9.4 (text) and 9.6.2.2 (the
standard 14 fonts). What Windows-1252 has no sign for is spelled out as ``\u{...}``; the CSV has it as it is.
"""

from __future__ import annotations

import textwrap

from medkiosk.audit.report import About, End, Row

_WIDTH, _HEIGHT = 842, 595
"""A4, landscape, points."""
_LEFT, _TOP = 36, 555
_SIZE, _LEADING = 7, 9
_COLUMNS = 182
"""Characters of Courier in a line: 0.6 of the size each."""
_LINES = 56
_CATALOG, _PAGES, _FONT, _BOLD = 1, 2, 3, 4
_HEADING = f"{'no':>6} {'entry':>8}  {'at':<25}{'who':<16}{'what':<26}words"


class Pdf:
    """One report; to be used once."""

    def __init__(self) -> None:
        self._at = 0
        self._places: dict[int, int] = {}
        self._pages: list[int] = []
        self._next = _BOLD + 1
        self._lines: list[tuple[str, bool]] = []
        self._title = ""

    def begin(self, about: About) -> bytes:
        """See `medkiosk.audit.report.Form`."""
        self._title = f"{about.site}: audit report, {about.made}"
        out = self._raw(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
        for number, name in ((_FONT, "Courier"), (_BOLD, "Courier-Bold")):
            font = f"<</Type/Font/Subtype/Type1/BaseFont/{name}/Encoding/WinAnsiEncoding>>"
            out += self._object(number, font.encode())
        out += self._add("Audit report", bold=True)
        for name, value in about.facts():
            for number, line in enumerate(value.rstrip("\n").split("\n")):
                out += self._wrapped(f"{name if not number else '':<30}", line)
        out += self._add("")
        return out + self._add(_HEADING, bold=True)

    def row(self, number: int, row: Row) -> bytes:
        """See `medkiosk.audit.report.Form`."""
        who = row.user or row.account
        head = f"{number:>6} {row.index:>8}  {row.at:<25}{who[:15]:<16}{row.type[:25]:<26}"
        return self._wrapped(head, row.words) + self._add(f"{'':<17}{row.leaf}  {row.account}")

    def end(self, end: End) -> bytes:
        """See `medkiosk.audit.report.Form`."""
        out = self._add("")
        out += self._add(f"End of the report: {end.rows} events.", bold=True)
        if end.destroyed or end.unreadable:
            words = (
                f"Of {end.destroyed} entries the records were destroyed, and {end.unreadable} do not open:"
                " whether they answer cannot be said."
            )
            out += self._wrapped("", words)
        out += self._page()
        kids = " ".join(f"{number} 0 R" for number in self._pages)
        box = f"/MediaBox[0 0 {_WIDTH} {_HEIGHT}]"
        fonts = f"/Resources<</Font<</F1 {_FONT} 0 R/F2 {_BOLD} 0 R>>>>"
        tree = f"<</Type/Pages/Count {len(self._pages)}/Kids[{kids}]{box}{fonts}>>"
        out += self._object(_PAGES, tree.encode())
        out += self._object(_CATALOG, f"<</Type/Catalog/Pages {_PAGES} 0 R>>".encode())
        return out + self._table()

    def _wrapped(self, head: str, words: str) -> bytes:
        plain = "".join(c if c.isprintable() else " " for c in words)
        inner = max(20, _COLUMNS - len(head))
        lines = textwrap.wrap(plain, inner) or [""]
        out = self._add(head + lines[0])
        for line in lines[1:]:
            out += self._add(" " * len(head) + line)
        return out

    def _add(self, line: str, *, bold: bool = False) -> bytes:
        self._lines.append((line[:_COLUMNS], bold))
        return self._page() if len(self._lines) == _LINES else b""

    def _page(self) -> bytes:
        if not self._lines:
            return b""
        foot = f"{self._title}, page {len(self._pages) + 1}"
        text = [f"BT {_LEADING} TL {_LEFT} {_TOP} Td"]
        bold_now: bool | None = None
        for line, bold in [*self._lines, ("", False), (foot, False)]:
            if bold is not bold_now:
                text.append(f"/F{2 if bold else 1} {_SIZE} Tf")
                bold_now = bold
            text.append(f"({_literal(line)}) '")
        data = "\n".join([*text, "ET"]).encode("cp1252")
        content, page = self._next, self._next + 1
        self._next += 2
        out = self._object(content, b"<</Length %d>>\nstream\n%b\nendstream" % (len(data), data))
        out += self._object(page, f"<</Type/Page/Parent {_PAGES} 0 R/Contents {content} 0 R>>".encode())
        self._pages.append(page)
        self._lines.clear()
        return out

    def _object(self, number: int, body: bytes) -> bytes:
        self._places[number] = self._at
        return self._raw(b"%d 0 obj\n%b\nendobj\n" % (number, body))

    def _table(self) -> bytes:
        start, count = self._at, self._next
        rows = [b"0000000000 65535 f \n", *(b"%010d 00000 n \n" % self._places[n] for n in range(1, count))]
        trailer = b"trailer\n<</Size %d/Root %d 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (count, _CATALOG, start)
        return self._raw(b"xref\n0 %d\n" % count + b"".join(rows) + trailer)

    def _raw(self, data: bytes) -> bytes:
        self._at += len(data)
        return data


def _literal(text: str) -> str:
    """A string as it stands between brackets (7.3.4.2), of Windows-1252's letters only."""
    known = "".join(c if _has(c) else f"\\u{{{ord(c):x}}}" for c in text)
    return known.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def _has(letter: str) -> bool:
    try:
        letter.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True

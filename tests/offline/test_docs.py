"""docs/verify.md has every code with its sentence, made from the table."""

from __future__ import annotations

import os
from pathlib import Path

from medkiosk.offline.report import SENTENCES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "verify.md"
BEGIN, END = "<!-- codes: begin -->\n", "<!-- codes: end -->\n"


def table() -> str:
    lines = ["| code | what is said |", "|---|---|"]
    lines += [f"| `{code}` | {sentence} |" for code, sentence in SENTENCES.items()]
    return "\n".join(lines) + "\n"


def test_the_page_has_every_code() -> None:
    """With ``MEDKIOSK_WRITE_DOCS=1`` the page is written anew."""
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    there, _, after = rest.partition(END)
    if os.environ.get("MEDKIOSK_WRITE_DOCS"):
        PAGE.write_text(before + BEGIN + table() + END + after, "utf-8")
    else:
        assert there == table()

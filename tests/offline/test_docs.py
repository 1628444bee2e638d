"""docs/verify.md has every code with its sentence, made from the table."""

from __future__ import annotations

import os
import re
from pathlib import Path

from medkiosk.cli.__main__ import build_parser
from medkiosk.offline.repair import repair
from medkiosk.offline.report import SENTENCES, problem

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


def test_every_command_that_a_sentence_names_is_there() -> None:
    named = [found for text in SENTENCES.values() for found in re.findall(r"kioskctl [^.:]*", text)]
    assert len(named) > 15
    for one in set(named):
        command = one.removeprefix("kioskctl ").split(" makes ")[0]
        words = ["STORE", "--repair"] if command == "verify --repair" else command.split()[1:]
        args = build_parser().parse_args([command.split()[0], *words])
        assert args.command in ("verify", "backup")


def test_what_can_be_put_back_from_a_drive_is_said_of_nothing_else(tmp_path: Path) -> None:
    """A drive's vault.db has no passphrase slots: nobody may be told to put it in place of the kiosk's."""
    for code, text in SENTENCES.items():
        assert "restore vault.db" not in text.lower()
        if (
            "--repair-from" in text and code != "disposal.moved_changed"
        ):  # that one points at rows named above
            done = repair(tmp_path, tmp_path, problem(code, "x", detail="", blob=""))
            assert "one by one" not in getattr(done, "reason", ""), code

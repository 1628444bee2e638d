"""docs/operations.md says something about everything that the console can say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from medkiosk.console.kept import SAFE_TO_REUSE
from medkiosk.console.screens import maintenance
from medkiosk.console.screens.base import NO_ANSWER
from medkiosk.console.widgets.glass import banner_words
from medkiosk.console.words import stick_words
from medkiosk.core.device import HEADLINES, KEEP_CARD
from medkiosk.core.drives import BACKUP_WORDS
from medkiosk.core.health import FINDINGS, Level
from medkiosk.core.sticks import STICK_WORDS
from medkiosk.core.updates import UPDATE_WORDS
from medkiosk.daemon import headmemory
from medkiosk.units import notice

ROOT = Path(__file__).resolve().parents[2]
EARLY = ROOT / "image-build/mkosi/mkosi.images/initrd/mkosi.extra/usr/lib/systemd/system/emergency.service"
SCREENS = ROOT / "medkiosk" / "console" / "screens"
PAGE = (ROOT / "docs" / "operations.md").read_text()
SECTIONS = {part.partition("\n")[0]: part.partition("\n")[2] for part in PAGE.split("\n### ")[1:]}
PARTS = ("**Means:**", "**Safe:**", "**Do:**", "**Call:**")

PROBLEMS = {
    "acknowledging.py: fork.message": "A witness contradicts the ledger",
    "cardlines.py: error.message": "card.refused",
    "disposing.py: f'A disposal is not finished. {words}'": "A disposal is not finished",
    "headmemory.py: _CLOCK_BACK.format(now=rfc3339(now), newest=self._newest)": "The clock went back",
    "headmemory.py: error.message": "The memory of the ledger cannot be used",
    "headmemory.py: refusal.message": "LEDGER REFUSED",
    "keysthere.py: error.message": "No new epoch could be begun",
    "__main__.py: repaired": "The store was repaired",
    "__main__.py: sentence": "A protection of memory was not given",
    "maintaining.py: damage_sentence(line.problems)": "The store is damaged",
    "pipeline.py: 'There is no udev here: only devices named in the configuration are seen.'": (
        "There is no udev here"
    ),
    "pipeline.py: JournalStoppedError(detail='see the journal of medkioskd').message": (
        "The ledger cannot be written"
    ),
    "pipeline.py: damage": "Records do not open",
    "pipeline.py: error.message": "A photo could not be queued for redaction",
    "pipeline.py: problem.message": "Nobody can log in: the device secret is missing",
    "redactor.py: DetectorMissingError(names=', '.join(self.missing)).message": "A detector is missing",
    "redactor.py: NoWorkerError().message": "Redaction has not started",
    "scrub.py: damage_sentence(self._state.damaged)": "Sealed files are damaged",
    "settingsdesk.py: _STRANGE": "Settings that nobody decided",
    "settingsdesk.py: _NOT_WRITTEN.format(reason=reason)": "The settings cannot be written",
    "usbdesk.py: _NOT_CLOSED": "USB devices are not refused here",
    "usbdesk.py: _NOT_IN_FORCE": "USB devices are not refused here",
    "usbdesk.py: _STAND_IN.format(name=name)": "A keyboard stands in for a missing one",
    "usbdesk.py: words": "The list of keyboards cannot be read",
    "witness.py: error.message": "A witness contradicts the ledger",
}
"""Everything that is put up as a problem, by file and expression, and its section."""


def put_up() -> set[str]:
    """File and expression of each problem that the daemon puts up."""
    found = set()
    for path in (ROOT / "medkiosk" / "daemon").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(attr="problem"), args=[first, *_]) if (
                    path.name != "board.py"
                ):
                    if not isinstance(node.func, ast.Attribute) or "board" not in ast.unparse(
                        node.func.value
                    ):
                        continue
                    found.add(f"{path.name}: {ast.unparse(first)}")
    return found


def labels() -> set[str]:
    """The words in capitals that stand before a sentence at Home."""
    found = set()
    for name in ("home.py", "health.py", "usb.py"):
        for node in ast.walk(ast.parse((SCREENS / name).read_text())):
            if not isinstance(node, ast.Tuple) or not node.elts:
                continue
            # A row: the label, or a choice of two, and what is said.
            choices = ast.walk(node.elts[0]) if isinstance(node.elts[0], ast.IfExp) else node.elts[:1]
            for each in choices:
                match each:
                    case ast.Constant(value=str(word)) if re.fullmatch("[A-Z]{4,}", word):
                        found.add(word)
    return found


def early_words() -> str:
    """What the image says before its root is there."""
    [found] = re.findall(r"THIS VERSION [A-Z ]+", EARLY.read_text())
    return str(found)


@pytest.mark.parametrize(
    "words",
    sorted(
        {
            *HEADLINES.values(),
            *filter(None, STICK_WORDS.values()),
            *filter(None, BACKUP_WORDS.values()),
            *filter(None, UPDATE_WORDS.values()),
            *(words.head for words in (*notice._UNITS.values(), notice._OTHER)),
            early_words(),
            *headmemory._ALARMS.values(),
            "LEDGER REFUSED",
            "PLUG IN A CAMERA OR CARD",
            SAFE_TO_REUSE,
            KEEP_CARD,
            NO_ANSWER,
            stick_words(None),
            banner_words(3600).partition(":")[0],
            maintenance._GOOD,
            maintenance._DAMAGED,
            maintenance._NEVER,
            maintenance._CHECKING,
        }
    ),
)
def test_big_words_have_a_section(words: str) -> None:
    assert words in SECTIONS


def test_each_label_of_home_has_a_section() -> None:
    assert {"MACHINE", "MISSING", "PROBLEM"} <= labels()
    assert labels() - set(SECTIONS) == set()


def test_the_routine_names_no_words_without_a_section() -> None:
    routine = PAGE.partition("## Routine")[2].partition("\n## ")[0]
    # `J` and `T` are keys.
    assert set(re.findall("`([A-Z][A-Z ]{2,})`", routine)) - set(SECTIONS) == set()


def test_each_finding_about_the_machine_has_a_section_with_its_level() -> None:
    expected = {f"`{code}` ({Level(known.level).name.lower()})" for code, known in FINDINGS.items()}
    assert expected == {title for title in SECTIONS if title.startswith("`")}


def test_each_problem_that_the_daemon_puts_up_has_a_section() -> None:
    assert put_up() == set(PROBLEMS)
    assert set(PROBLEMS.values()) <= set(SECTIONS)


@pytest.mark.parametrize("title", sorted(SECTIONS))
def test_a_section_says_what_it_means_what_is_safe_what_to_do_and_whom_to_call(title: str) -> None:
    for part in PARTS:
        assert SECTIONS[title].count(part) == 1

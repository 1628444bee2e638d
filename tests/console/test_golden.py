"""Every screen as text, on the smallest terminal and on a large one; sixels are taken out.

A few of them in each run of the tests, all with ``MEDKIOSK_EVERY_GOLDEN`` (``make console-golden``).
``MEDKIOSK_GOLDEN=write`` stores what is drawn; look at the difference before committing it. What depends on
the day or on chance is replaced: dates, times, and the lines of a QR code.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import pkgutil
import re
import time
from pathlib import Path

import pytest
from textual.screen import Screen

import medkiosk.console as package
from medkiosk.console.app import KioskApp
from medkiosk.console.terminal import Terminal
from tests.console import flows, walk, wholewalk
from tests.console.morning import filled
from tests.console.terminals import PtyConsole, command
from tests.pictures.console import REVIEW

GOLDEN = Path(__file__).parent / "golden"
WRITE = os.environ.get("MEDKIOSK_GOLDEN") == "write"
EVERY = WRITE or bool(os.environ.get("MEDKIOSK_EVERY_GOLDEN"))
SHORT = frozenset(
    {"guide", "encounters", "imports", "review", "export", "retention", "corrections"}
    | {"audit-query", "audit", "accounts", "account-new", "settings"}
    | {"check", "check-failed", "practice", "check-leave", "guide-offer"}
)
_TIMES = re.compile(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]( [0-2][0-9]:[0-5][0-9](:[0-5][0-9])?)?")
_CLOCK = re.compile(r"\b[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\b")
_CODE = re.compile(r"[█▀▄]{6,}")
_PATIENCE_S, _STILL_S = 20.0, 0.6
PAGE = Path(__file__).parents[2] / "docs/console.md"
ONLY_BASES = frozenset(
    {"KioskScreen", "Dialog", "FormScreen", "PassphraseForm", "SubjectForm", "KeepingScreen", "GuideBase"}
    | {"AnewScreen", "PhotoScreen", "OriginalScreen", "MaskingScreen", "SuggestionScreen"}
)
"""Classes that are never on the screen themselves; a test looks that nothing makes one."""
PAINTED = {"PracticeScreen": "practice", "ReviewScreen": "review"}
"""Screens whose picture shows a photo, so that it is taken of a terminal that has graphics."""
NO_PICTURE = {
    "ReviewQueue": "is ReviewScreen on the photos of everybody, and looks the same",
}
"""Screens without a picture, and why."""


def steady(lines: list[str]) -> str:
    """The screen without what changes from day to day, each place as long as it was."""
    return "\n".join(_plain(line) for line in lines).rstrip() + "\n"


def _plain(line: str) -> str:
    if _CODE.search(line):
        return "(a line of large letters or of a code)"
    return _CLOCK.sub(
        lambda m: re.sub("[0-9]", "0", m[0]), _TIMES.sub(lambda m: re.sub("[0-9]", "0", m[0]), line)
    )


def drawn(terminal: PtyConsole, wanted: str) -> str:
    """What is on the screen once it is as wanted; else when it stands still, or after a while."""
    deadline = time.monotonic() + _PATIENCE_S
    shown, since = steady(terminal.inked()), time.monotonic()
    while shown != wanted and time.monotonic() < deadline:
        time.sleep(0.03)
        now = steady(terminal.inked())
        if now != shown:
            shown, since = now, time.monotonic()
        if WRITE and time.monotonic() - since > _STILL_S:
            break
    return shown


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("columns", "rows", "options"),
    [(80, 24, ()), (120, 40, ("--graphics", "sixel"))],
    ids=["80x24", "120x40"],
)
def test_every_screen_is_drawn_as_it_was(
    socket_folder: Path, columns: int, rows: int, options: tuple[str, ...]
) -> None:
    running = wholewalk.WalkedKiosk(socket_folder / "s", filled(picture=False))
    running.start()
    walk.prepare(running)
    folder = GOLDEN / f"{columns}x{rows}"
    other: dict[str, str] = {}
    argv = command(running.path, "--theme", "ansi", *options)
    with PtyConsole(argv, columns=columns, rows=rows) as terminal:
        for stops in (walk.OUT, wholewalk.IN):
            wanted_stops = tuple(stop for stop in stops if EVERY or stop.name in SHORT)
            for stop in wholewalk.in_terminal(terminal, running.kiosk, wanted_stops):
                path = folder / f"{stop.name}.txt"
                wanted = path.read_text(encoding="utf-8") if path.exists() else ""
                shown = drawn(terminal, wanted)
                if shown != wanted:
                    other[stop.name] = shown
            if stops is walk.OUT:
                walk.log_in(terminal)
    running.stop()
    if WRITE:
        folder.mkdir(parents=True, exist_ok=True)
        for name, shown in other.items():
            (folder / f"{name}.txt").write_text(shown, encoding="utf-8")
    assert other == {}, "\n".join(f"--- {name}\n{shown}" for name, shown in other.items())


def test_each_stop_has_a_golden_screen_of_both_sizes_and_no_other_is_kept() -> None:
    names = {stop.name for stop in wholewalk.STOPS}
    assert len(names) == len(wholewalk.STOPS)
    for size in ("80x24", "120x40"):
        assert {path.stem for path in (GOLDEN / size).glob("*.txt")} == names


def test_every_picture_that_is_made_is_shown_in_the_documentation() -> None:
    linked = set(re.findall(r"\(img/console-([a-z0-9-]+\.(?:svg|png))\)", PAGE.read_text()))
    made = {f"{stop.name}.svg" for stop in wholewalk.STOPS if stop.picture} | {"importing.svg"}
    assert linked == made | {f"{name}.png" for name in REVIEW}
    assert all((PAGE.parent / "img" / f"console-{name}").is_file() for name in linked)


def screen_classes() -> set[str]:
    """The names of all classes of screens in the console, bases too."""
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    below, names = list(Screen.__subclasses__()), set()
    while below:
        kind = below.pop()
        below += kind.__subclasses__()
        if kind.__module__.startswith(f"{package.__name__}."):
            names.add(kind.__name__)
    return names


def test_every_class_of_screen_has_a_golden_screen() -> None:
    assert set(wholewalk.SHOWS) == {stop.name for stop in wholewalk.STOPS}
    assert screen_classes() == set(wholewalk.SHOWS.values()) | ONLY_BASES


def test_every_class_of_screen_has_a_picture() -> None:
    assert set(PAINTED.values()) <= set(REVIEW)
    pictured = {wholewalk.SHOWS[stop.name] for stop in wholewalk.STOPS if stop.picture} | set(PAINTED)
    assert screen_classes() == pictured | ONLY_BASES | set(NO_PICTURE)
    assert not pictured & set(NO_PICTURE)


def test_what_is_said_to_be_a_base_is_never_made() -> None:
    [folder] = package.__path__
    text = "\n".join(path.read_text(encoding="utf-8") for path in Path(folder).rglob("*.py"))
    made = set(re.findall(r"(?<!class )\b([A-Z]\w+)\(", text))
    assert "ReviewScreen" in made
    assert made & ONLY_BASES == set()


@pytest.mark.skipif(not EVERY, reason="takes minutes: make console-golden")
@pytest.mark.timeout(900)
async def test_each_stop_ends_on_the_screen_that_it_is_said_to_show(socket_folder: Path) -> None:
    """So does making the pictures: `wholewalk.in_pilot` looks."""
    running = wholewalk.WalkedKiosk(socket_folder / "s", filled(picture=False))
    running.start()
    await asyncio.to_thread(walk.prepare, running)
    app = KioskApp(running.path, terminal=Terminal(sixel=False, cell=lambda: None))
    async with app.run_test(size=(100, 30)) as pilot:
        for stops in (walk.OUT, wholewalk.IN):
            for stop in stops:
                await wholewalk.in_pilot(pilot, running.kiosk, stop)
            if stops is walk.OUT:
                await pilot.press("escape")
                await flows.log_in(pilot, "alma")
    running.stop()

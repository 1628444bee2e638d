"""Every screen as text, on the smallest terminal and on a large one; sixels are taken out.

A few of them in each run of the tests, all with ``MEDKIOSK_EVERY_GOLDEN`` (``make console-golden``).
``MEDKIOSK_GOLDEN=write`` stores what is drawn; look at the difference before committing it. What depends on
the day or on chance is replaced: dates, times, and the lines of a QR code.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from pathlib import Path

import pytest

from medkiosk.console.app import KioskApp
from medkiosk.console.terminal import Terminal
from tests.console import flows, walk
from tests.console.everyscreen import all_screens
from tests.console.kiosk import RunningKiosk
from tests.console.morning import filled
from tests.console.terminals import PtyConsole, command

GOLDEN = Path(__file__).parent / "golden"
WRITE = os.environ.get("MEDKIOSK_GOLDEN") == "write"
EVERY = WRITE or bool(os.environ.get("MEDKIOSK_EVERY_GOLDEN"))
SHORT = frozenset(
    {"guide", "encounters", "imports", "review", "export", "retention", "corrections"}
    | {"audit-query", "audit", "accounts", "account-new", "settings"}
)
_TIMES = re.compile(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]( [0-2][0-9]:[0-5][0-9](:[0-5][0-9])?)?")
_CLOCK = re.compile(r"\b[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\b")
_CODE = re.compile(r"[█▀▄]{6,}")
_PATIENCE_S, _STILL_S = 20.0, 0.6
PAGE = Path(__file__).parents[2] / "docs/console.md"
IN_OTHER_TESTS = {
    "ReviewScreen": "is that of one encounter; the walk takes that of all, the same but for its list",
    "CheckScreen": "draws its questions by chance",
    "ResultScreen": "follows a check",
    "PracticeScreen": "shows pictures, as Review does",
    "PracticeResultScreen": "follows the practice",
    "HeardScreen": "follows a form with a key that is made by chance",
}
"""Screens that the walk does not reach, and why; each has tests of its own."""


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
    running = RunningKiosk(socket_folder / "s", filled(picture=False))
    running.start()
    walk.prepare(running)
    folder = GOLDEN / f"{columns}x{rows}"
    other: dict[str, str] = {}
    argv = command(running.path, "--theme", "ansi", *options)
    with PtyConsole(argv, columns=columns, rows=rows) as terminal:
        for stops in (walk.OUT, walk.IN):
            wanted_stops = tuple(stop for stop in stops if EVERY or stop.name in SHORT)
            for stop in walk.in_terminal(terminal, running.kiosk, wanted_stops):
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
    names = {stop.name for stop in walk.STOPS}
    assert len(names) == len(walk.STOPS)
    for size in ("80x24", "120x40"):
        assert {path.stem for path in (GOLDEN / size).glob("*.txt")} == names


def test_every_picture_that_is_made_is_shown_in_the_documentation() -> None:
    linked = set(re.findall(r"\(img/console-([a-z0-9-]+)\.svg\)", PAGE.read_text()))
    made = {stop.name for stop in walk.STOPS if stop.picture} | {"importing"}
    assert linked == made


@pytest.mark.skipif(not EVERY, reason="takes minutes: make console-golden")
@pytest.mark.timeout(900)
async def test_the_walk_reaches_every_screen(socket_folder: Path) -> None:
    running = RunningKiosk(socket_folder / "s", filled(picture=False))
    running.start()
    await asyncio.to_thread(walk.prepare, running)
    app = KioskApp(running.path, terminal=Terminal(sixel=False, cell=lambda: None))
    reached = set()
    async with app.run_test(size=(100, 30)) as pilot:
        for stops in (walk.OUT, walk.IN):
            for stop in stops:
                await walk.in_pilot(pilot, running.kiosk, stop)
                reached |= {type(screen).__name__ for screen in app.screen_stack}
            if stops is walk.OUT:
                await pilot.press("escape")
                await flows.log_in(pilot, "alma")
    running.stop()
    assert {each.__name__ for each in all_screens()} - reached == set(IN_OTHER_TESTS)

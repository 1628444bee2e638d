"""What a person does at the console, as keys. Functions for Textual's Pilot; the same on any kiosk."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input

from medkiosk.console.app import KioskApp
from medkiosk.console.screens.anew import AnewScreen
from medkiosk.console.screens.review import ReviewScreen
from medkiosk.console.terminal import Terminal
from medkiosk.console.widgets.paged import PagedList
from tests.console.state import PASSPHRASE

TIMEOUT_S = 60.0
_LOOKS_S, _PAINTS_S = 2.0, 20.0
"""How long a person waits for a screen, or a photo, to look at; some tests hold back what it shows."""


def app_of(pilot: Pilot[Any]) -> KioskApp:
    assert isinstance(pilot.app, KioskApp)
    return pilot.app


def lines(pilot: Pilot[Any]) -> list[str]:
    """The screen as text, control sequences left out."""
    strips = pilot.app.screen._compositor.render_strips()
    return ["".join(part.text for part in strip if not part.control).rstrip() for strip in strips]


_BARS = str.maketrans(dict.fromkeys("█▌▁▂▃▄▅▆▇", " "))


def text(pilot: Pilot[Any]) -> str:
    """The screen as one text: line ends, columns, scroll bars folded, so that wrapped sentences are found."""
    return " ".join("\n".join(lines(pilot)).translate(_BARS).split())


async def until(
    pilot: Pilot[Any], condition: Callable[[], object], what: str, timeout_s: float = TIMEOUT_S
) -> None:
    """Let the application go on until something is as wanted."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what}\n" + "\n".join(lines(pilot))
        await pilot.pause(0.05)


async def looked(pilot: Pilot[Any]) -> None:
    """A person looks first: what is on the screen was drawn, with what it loads if the kiosk answers."""
    typed, deadline = app_of(pilot).typed, time.monotonic() + _LOOKS_S
    lists = pilot.app.screen.query(PagedList)
    while not (typed.shown and all(each._seen_at is not None for each in lists)):
        if time.monotonic() >= deadline:
            break
        await pilot.pause(0.02)
    deadline = time.monotonic() + _PAINTS_S
    while not photo_seen(pilot) and time.monotonic() < deadline:
        await pilot.pause(0.02)


def photo_seen(pilot: Pilot[Any]) -> bool:
    """Whether keys act on the photo that is on the screen, where one is: it was seen, or its words were."""
    screen = pilot.app.screen
    return not isinstance(screen, AnewScreen) or screen.seen_at is not None


async def until_text(pilot: Pilot[Any], wanted: str) -> None:
    await until(pilot, lambda: wanted in text(pilot), f"never said: {wanted}")
    await looked(pilot)


async def until_screen(pilot: Pilot[Any], name: str) -> None:
    await until(
        pilot,
        lambda: name in {kind.__name__ for kind in type(pilot.app.screen).__mro__},
        f"never reached {name}",
    )
    await pilot.pause()
    await looked(pilot)


async def type_text(pilot: Pilot[Any], words: str) -> None:
    """At once; the flows through real terminals type key by key."""
    field = pilot.app.screen.focused
    assert isinstance(field, Input), field
    field.insert_text_at_cursor(words)
    await pilot.pause()


async def log_in(pilot: Pilot[Any], user: str, passphrase: str = PASSPHRASE) -> None:
    """From Home."""
    await pilot.press("l")
    await until_screen(pilot, "LoginScreen")
    await type_text(pilot, user)
    await pilot.press("enter")
    await type_text(pilot, passphrase)
    await pilot.press("enter")
    await until(pilot, lambda: app_of(pilot).session is not None, "not logged in")
    await until_screen(pilot, "HomeScreen")


async def new_encounter(
    pilot: Pilot[Any],
    *,
    mrn: str,
    issuer: str,
    name: str,
    birth_date: str = "1984-08-12",
    label: str = "left forearm",
    sites: str = "",
) -> None:
    """From Home to the consent form; with ``sites`` to where they are typed, saved once."""
    await pilot.press("e")
    await until_screen(pilot, "EncountersScreen")
    await pilot.press("n")
    await until_screen(pilot, "EncounterScreen")
    for words in (mrn, issuer, name, birth_date, label):
        await type_text(pilot, words)
        await pilot.press("enter")
    if sites:
        await type_text(pilot, sites)
    await pilot.press("f2")
    if not sites:
        await until_screen(pilot, "ConsentScreen")


async def record_consent(pilot: Pilot[Any]) -> None:
    """From the consent form: agrees to record and teaching; back to Home."""
    await pilot.press("enter", "enter", "enter", "right", "space", "f2")
    await until_screen(pilot, "EncountersScreen")
    await until_text(pilot, "agrees: clinical record, teaching, research until")
    await pilot.press("escape")
    await until_screen(pilot, "HomeScreen")


async def assign_all(pilot: Pilot[Any]) -> None:
    """From Home: the newest import's photos belong to the newest encounter; stays on Imports."""
    await pilot.press("i")
    await until_screen(pilot, "ImportsScreen")
    await until_text(pilot, "in this import")
    await pilot.press("a")
    await until_screen(pilot, "ChooseEncounter")
    await pilot.press("enter")
    await until_screen(pilot, "ImportsScreen")
    await until_text(pilot, "assigned to")


async def open_first_photo(pilot: Pilot[Any]) -> None:
    """From Imports: the first photo, on the review screen, as far as this terminal shows it."""
    await pilot.press("enter", "enter")
    await on_review(pilot)


async def on_review(pilot: Pilot[Any]) -> None:
    """The first photo is on the review screen."""
    await until_screen(pilot, "ReviewScreen")
    await until_text(pilot, "photo 1 of")
    if app_of(pilot).terminal.sixel:
        await until(pilot, lambda: seen(pilot), "the photo was not painted")


def seen(pilot: Pilot[Any]) -> bool:
    """Whether the photo on the review screen was painted wholly, in its latest revision."""
    screen = pilot.app.screen
    return isinstance(screen, ReviewScreen) and bool(screen._painted)


async def decide_all(pilot: Pilot[Any]) -> None:
    """Keep everything that is only suggested, kind by kind."""
    await until(pilot, lambda: undecided(pilot) is not None, "no panel")
    while left := undecided(pilot):
        await pilot.press("j", "o")
        await until_screen(pilot, "ChooseReason")
        await pilot.press("1")
        await until_screen(pilot, "Confirm")
        await pilot.press("y")
        await until_screen(pilot, "ReviewScreen")
        await until(pilot, lambda: undecided(pilot) not in (left, None), "nothing decided")


def undecided(pilot: Pilot[Any]) -> int | None:
    """How many the panel says are left to decide; None while there is no panel."""
    found = re.search(r"([0-9]+) undecided", text(pilot), re.IGNORECASE)
    return int(found[1]) if found else None


async def give_reason(pilot: Pilot[Any], reason: str) -> None:
    await until_screen(pilot, "AskReason")
    await type_text(pilot, reason)
    await pilot.press("enter")
    await until_screen(pilot, "ReviewScreen")


async def keep_reason(pilot: Pilot[Any], reason: str = "") -> None:
    """Give a reason to keep something in own words, or take the first that is offered."""
    await until_screen(pilot, "ChooseReason")
    if reason:
        await pilot.press("tab")
        await type_text(pilot, reason)
    await pilot.press("enter")
    await until_screen(pilot, "ReviewScreen")


async def review_some(pilot: Pilot[Any]) -> None:
    """From the first photo: look closer; decide what is suggested; add, move, size and save a mask; keep a
    finding; approve; reject the next.
    """
    await pilot.press("1")
    await until(pilot, lambda: re.search(r"100 % of full resolution(?!, coming)", text(pilot)), "not sharp")
    await pilot.press("0")
    await decide_all(pilot)
    await pilot.press("m", "left", "left", "shift+down", "plus", "s")
    await until_text(pilot, "revision 2")
    await until_text(pilot, "READY")
    await pilot.press("tab", "k")
    await keep_reason(pilot, "a poster")
    await until_text(pilot, "MASKS CHANGED, NOT SAVED")
    await pilot.press("s")
    await until_text(pilot, "revision 3")
    await until_text(pilot, "READY")
    await pilot.press("a")
    await until_text(pilot, "approved.")
    await until_text(pilot, "photo 2 of")
    await pilot.press("r")
    await give_reason(pilot, "blurred")
    await until_text(pilot, "rejected.")


async def whole_flow(
    socket: Path, user: str = "rita", passphrase: str = PASSPHRASE, size: tuple[int, int] = (120, 40)
) -> None:
    """Log in, create an encounter and its consent, assign the import, review: on a kiosk with two photos."""
    app = KioskApp(socket, terminal=Terminal(sixel=True, cell=lambda: (10, 20)))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.status is not None, "no status")
        await log_in(pilot, user, passphrase)
        await new_encounter(pilot, mrn="7421093", issuer="Demo Hospital", name="Mustermann, Erika")
        await record_consent(pilot)
        await assign_all(pilot)
        await open_first_photo(pilot)
        await review_some(pilot)

"""A walk past every screen with keys alone, from which golden screens and the pictures in docs come.

A stop is a name and what is pressed from Home to get there. It runs on the kiosk of `tests.console.morning`
in any terminal and under Textual's Pilot. Afterwards `Esc` goes back to Home.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from textual.pilot import Pilot

from medkiosk.core.alarms import ROLLED_BACK
from medkiosk.core.consent import ConsentKind, ConsentMethod, Grantor, Purpose, Relationship, Terms
from medkiosk.core.photo import Decision
from medkiosk.ipc.client import connect
from medkiosk.ipc.maintenancetypes import CheckStatus
from tests.console import flows, morning
from tests.console import state as scratch
from tests.console.kiosk import RunningKiosk
from tests.console.terminals import TerminalDriver, see_photo

HOME = "Next: "
_PHOTO = "~photo 1 of"
_MOST_BACK, _PATIENCE_S = 8, 20.0


@dataclass(frozen=True)
class Stop:
    """One screen.

    Attributes:
        name: of its golden file and its picture.
        steps: from Home: a key; after ``~`` what the screen must say before it goes on; after ``'`` what is
            typed.
        before: what is changed in the kiosk first.
        picture: whether the documentation shows it.
        here: begin where the stop before ended, not on Home.
    """

    name: str
    steps: tuple[str, ...]
    before: Callable[[scratch.Kiosk], None] | None = None
    picture: bool = True
    here: bool = False


def _rolled_back(kiosk: scratch.Kiosk) -> None:
    kiosk.alarm = ROLLED_BACK
    kiosk.touch()


def _well(kiosk: scratch.Kiosk) -> None:
    kiosk.alarm = ""
    kiosk.touch()


def _damaged(kiosk: scratch.Kiosk) -> None:
    kiosk.check = CheckStatus(finished=morning.AT, problems=3)
    kiosk.touch()


OUT = (
    Stop("home", ("~SAFE TO UNPLUG",)),
    Stop("keys", ("f1", "~Hand approved photos over on a stick.")),
    Stop("kept", ("k", "~Files 1 to 6 of 6")),
    Stop("guide", ("o", "~A session from beginning to end")),
    Stop("guide-page", ("enter", "~Before the patient comes"), here=True),
    Stop(
        "guide-find",
        ("o", "~A session", "f", "~Find in the guide", "'diffraction", "~Lens, distance and what is sharp"),
    ),
    Stop("rollback", ("~Next: Keep all cards", "l", "~older copy"), before=_rolled_back),
    Stop("login", ("~Next: Read the advice", "l", "'alma", "enter", "'secret", "~••••••"), before=_well),
)
"""Before somebody is logged in."""
IN = (
    Stop("home-in", ("~Alma Everybody", "~without an encounter"), picture=False),
    Stop("encounters", ("e", "~Mustermann, Erika")),
    Stop(
        "similar",
        (
            "e",
            "~Mustermann, Erika",
            "n",
            "~Record number",
            "'78",
            "enter",
            "'Elsewhere",
            "enter",
            "'Mustermann, Erica",
            "enter",
            "'1961-09-03",
            "f2",
            "~Is it one of these patients?",
        ),
    ),
    Stop(
        "conflict",
        (
            "e",
            "~Mustermann, Erika",
            "n",
            "~Record number",
            "'7421093",
            "enter",
            "'Demo Hospital",
            "enter",
            "'Muster, Emil",
            "enter",
            "'1990-01-01",
            "f2",
            "~is known with another name",
        ),
    ),
    Stop("encounter", ("e", "~Mustermann, Erika", "n", "~Record number")),
    Stop("body-parts", ("e", "~Mustermann, Erika", "p", "~Empty: not known")),
    Stop("identity", ("e", "~Mustermann, Erika", "i", "~Record number")),
    Stop("team", ("e", "~Mustermann, Erika", "a", "~Pat Photographer")),
    Stop("glass", ("e", "~Mustermann, Erika", "b", "~Record number")),
    Stop("slate", ("e", "~Mustermann, Erika", "s", "~Closing")),
    Stop("consent", ("e", "~Mustermann, Erika", "c", "~Read aloud")),
    Stop("grantor", ("e", "~Mustermann, Erika", "c", "~Read aloud", "f3", "~Read on")),
    Stop("class", ("e", "~Mustermann, Erika", "k", "~How long is it kept")),
    Stop("dispose", ("e", "~Mustermann, Erika", "d", "~Why is it to be destroyed")),
    Stop("imports", ("i", "~in this import", "~IMG_0012")),
    Stop("assign", ("i", "~IMG_0012", "a", "~Whose ", "~Mustermann, Erika")),
    Stop("advice", ("i", "~IMG_0012", "q", "~most important first")),
    Stop("quarantine", ("i", "~IMG_0012", "w", "~in quarantine")),
    Stop("receipt", ("i", "~IMG_0012", "t", "~Import of")),
    Stop("review", ("r", _PHOTO), picture=False),
    Stop("reject", ("r", "~Why is this photo rejected"), picture=False, here=True),
    Stop("role", ("r", _PHOTO, "f", "~What is IMG")),
    Stop("export", ("x", "~may leave. F2 exports.")),
    Stop("export-yes", ("f2", "~cannot be called back"), here=True),
    Stop("exported", ("y", "~SAFE TO UNPLUG", "~Compare signer"), here=True),
    Stop("recipients", ("x", "~may leave", "f3", "~Dr. Carl Lind")),
    Stop("sheet", ("s", "~compare"), here=True),
    Stop("enrol", ("x", "~may leave", "f3", "~Dr. Carl Lind", "n", "~Organisation")),
    Stop("recall", ("x", "~may leave", "f4", "~They know since")),
    Stop("left", ("x", "~may leave", "f6", "~MAY BE OUTSIDE")),
    Stop("retention", ("t", "~Beispiel, Bruno", "~PROPOSED", "down", "~Blue disk")),
    Stop("corrections", ("c", "~HAS LEFT")),
    Stop("audit-query", ("j", "~Part of what is said")),
    Stop("audit", ("f2", "~4 events in", "~export.written", "~Again"), here=True),
    Stop("audit-event", ("enter", "~kioskctl audit --event"), here=True),
    Stop("glasses", ("y", "~Otto Tester")),
    Stop("accounts", ("a", "~Accounts, oldest first", "~Rita Reviewer")),
    Stop("account-new", ("n", "~Make the account"), here=True),
    Stop("account-reset", ("a", "~Rita Reviewer", "r", "~must change it")),
    Stop("account-roles", ("a", "~Rita Reviewer", "o", "~Other roles end")),
    Stop("end", ("a", "~Rita Reviewer", "x", "~site")),
    Stop("backup", ("b", "~Red disk")),
    Stop("health", ("h", "~Witness")),
    Stop("ledger", ("g", "~0ac5186a")),
    Stop("ledger-code", ("c",), here=True),
    Stop("settings", ("s", "~In force:")),
    Stop("setting", ("enter", "~can be given these departments"), here=True),
    Stop("issuers", ("s", "~In force:", *["down"] * 12, "enter", "~There is none: the kiosk takes")),
    Stop("issuer", ("n", "~Shortest"), here=True),
    Stop("maintenance", ("m", "~object.blob_changed", "~; 3 damaged"), before=_damaged, picture=True),
    Stop("version", ("v", "~Runs", "c", "~Version 0.0.2")),
    Stop("usb", ("u", "~Bar Code Scanner")),
    Stop("passphrase", ("p", "~Once more")),
    Stop("training", ("o", "~A session", "m", "~NEEDED")),
    Stop("training-all", ("o", "~A session", "w", "~Rita Reviewer")),
    Stop("second-reason", ("r", _PHOTO, "t", "~Why must somebody else")),
    Stop(
        "changes",
        ("s", "~In force:", "enter", "~can be given", "'eyes", "f2", "~TO BE: eyes", "p", "~Propose these"),
    ),
)
"""For somebody with every role."""
STOPS = (*OUT, *IN)


def prepare(running: RunningKiosk) -> None:
    """An answer about consent, and a photo that may leave."""
    morning.patients(running.kiosk)
    with connect(running.path) as rita:
        rita.login("rita", scratch.PASSPHRASE)
        encounter = rita.list_encounters().encounters[-1]
        terms = Terms(
            kind=ConsentKind.GRANT,
            purposes=(Purpose.CLINICAL_RECORD, Purpose.TEACHING_RESEARCH),
            grantor=Grantor(name="Mustermann, Erika", relationship=Relationship.SELF),
            method=ConsentMethod.SIGNED_FORM,
            language="en",
            starts=morning.AT,
            expires="2031-11-22T08:00:00.000Z",
            text_version="en-1",
        )
        rita.record_consent(encounter.encounter_id, terms)
        newest = [
            each
            for each in rita.list_captures().captures
            if each.import_id == running.kiosk.imports[0].import_id
        ]
        rita.assign(encounter.encounter_id, tuple(each.capture_id for each in newest[:2]))
        first = newest[0]
        decided = tuple(
            msgspec.structs.replace(each, decision=Decision.MASK)
            if each.decision is Decision.SUGGEST
            else each
            for each in rita.get_capture(first.capture_id).findings
        )
        revision = rita.change_masks(first.capture_id, first.revision, decided).info.revision
        rita.get_preview(first.capture_id)
        rita.approve(first.capture_id, revision)


def log_in(driver: TerminalDriver) -> None:
    """From the last stop of `OUT`, as somebody with every role; Home may say so in one word."""
    driver.press("escape")
    driver.until(HOME)
    driver.press("l")
    driver.until("Passphrase")
    driver.type("alma")
    driver.press("enter")
    driver.type(scratch.PASSPHRASE)
    driver.press("enter")
    driver.until("Alma Everybody")


def in_terminal(driver: TerminalDriver, kiosk: scratch.Kiosk, stops: tuple[Stop, ...]) -> Iterator[Stop]:
    """Walk in a terminal, from Home; gives each stop when it is reached."""
    driver.until(HOME)
    for stop in stops:
        if not stop.here:
            _back(driver)
            driver.until(HOME)
        if stop.before is not None:
            stop.before(kiosk)
        for step in stop.steps:
            if step.startswith("~"):
                driver.until(step[1:], timeout_s=_PATIENCE_S)
                if step == _PHOTO:
                    see_photo(driver)
            elif step.startswith("'"):
                driver.type(step[1:])
                driver.until(step[1:] if step != "'secret" else "•", timeout_s=_PATIENCE_S)
            else:
                driver.press(step)
        yield stop


def _back(driver: TerminalDriver) -> None:
    """To Home; what a key did is seen before the next one, or one too many would be pressed on Home."""
    for _ in range(_MOST_BACK):
        before = driver.text()
        if HOME in before:
            return
        driver.press("escape")
        deadline = time.monotonic() + _PATIENCE_S
        while driver.text() == before and time.monotonic() < deadline:
            time.sleep(0.05)


async def in_pilot(pilot: Pilot[Any], kiosk: scratch.Kiosk, stop: Stop) -> None:
    """Go to one stop under Textual's Pilot."""
    if not stop.here:
        for _ in range(_MOST_BACK):
            before = flows.text(pilot)
            if HOME in before:
                break
            await pilot.press("escape")
            await flows.until(pilot, lambda: flows.text(pilot) != before, "Esc does nothing")  # noqa: B023
        await flows.until_text(pilot, HOME)
    if stop.before is not None:
        stop.before(kiosk)
    for step in stop.steps:
        if step.startswith("~"):
            await flows.until_text(pilot, step[1:])
        elif step.startswith("'"):
            await pilot.press(*("space" if letter == " " else letter for letter in step[1:]))
        else:
            await pilot.press(step)

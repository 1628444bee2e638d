"""The walk of `tests.console.walk`, and on past the guide's checks and practice; which screen a stop shows.

Its kiosk draws the questions of a check in the same order each time: what comes by chance cannot be compared
with what was drawn before.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from textual.pilot import Pilot

from medkiosk.daemon.training import shown
from medkiosk.guide.check import draw
from medkiosk.guide.library import build
from medkiosk.ipc import guidetypes as g
from medkiosk.ipc.server import Server
from tests.console import state as scratch
from tests.console import walk
from tests.console.kiosk import RunningKiosk, Service
from tests.console.terminals import TerminalDriver, see_photo
from tests.console.walk import Stop
from tests.guide.inmemory import OURS

_CHECKED = "consent"
_KEY = "age1" + "q" * 42 + "lmnpqrstuvwxyz02"
_PAGE = (
    "---\nid: {page_id}\ntitle: {title}\nversion: {version}\nrole: everybody\nminutes: 3\norder: {order}\n"
    "---\nHow we do it here.\n"
)


def _page(page_id: str, title: str, version: str, order: int) -> bytes:
    return _PAGE.format(page_id=page_id, title=title, version=version, order=order).encode()


def _with_pages(kiosk: scratch.Kiosk) -> None:
    """The department has pages of its own, and a stick brings others: all that can become of one is there."""
    rooms, wounds = "Our rooms, and who has the keys", "Wounds, as our department wants them"
    nurse = _page("nurse", "When the study nurse is away", "1.0", 13)
    kiosk.guide = {
        "rooms.md": _page("rooms", rooms, "1.0", 11),
        "nurse.md": nurse,
        "scale.md": _page("scale", "Our own scale and its colours", "1.0", 70),
        "views-wound.md": _page("views-wound", wounds, "1.2", 160),
    }
    kiosk.brought = (
        _page("views-wound", wounds, "1.3", 160),
        nurse,
        _page("night", "At night: whom to call", "1.0", 12),
        _page("after", "After the shoot, in our rooms", "2.0", 300),
    )


def _answers(*, wrong: int) -> tuple[str, ...]:
    """Keys that answer the check, so many of the questions after the first wrongly."""
    drawn = draw(bytes, build(OURS, {}).pages[_CHECKED]).drawn
    keys: list[str] = []
    for at, each in enumerate(drawn):
        place = (each.right + (0 < at <= wrong)) % len(each.options)
        keys += [f"~question {at + 1} of {len(drawn)}", str(place + 1)]
    return tuple(keys)


def _rejected(photo: int) -> Stop:
    """One photo of the practice; the next one is on the screen then."""
    steps = ("r", "~Why is this photo rejected", "'a face", "enter", f"~photo {photo + 1} of 5")
    return Stop(f"practice-{photo + 1}", steps, picture=False, here=True)


_REJECTED = tuple(_rejected(photo) for photo in range(1, 5))
"""Between the practice and how it went; they look as the practice does."""
FURTHER = (
    Stop("review-encounter", ("e", "~Mustermann, Erika", "enter", "~photo 1 of"), picture=False),
    Stop(
        "heard",
        (
            *("x", "~may leave", "f3", "~Dr. Carl Lind", "n", "~Organisation"),
            *("'Dr. Eva Brandt", "enter", "'City Hospital", "enter", "right", "space", "enter"),
            *("'2031-06-30", "enter", "enter", f"'{_KEY[:40]}", f"'{_KEY[40:]}"),
            *("f2", "~on a number that you had before"),
        ),
    ),
    Stop("check", ("o", "~A session", "down", "c", "~question 1 of 5")),
    Stop("check-failed", (*_answers(wrong=3), "~NOT PASSED"), here=True),
    Stop("check-passed", ("a", *_answers(wrong=1), "~It is recorded"), here=True),
    Stop("practice", ("o", "~A session", "p", "~these pictures are shapes", "~photo 1 of"), picture=False),
    *_REJECTED,
    Stop(
        "practised",
        ("r", "~Why is this photo rejected", "'a face", "enter", "~of 5 photos right"),
        here=True,
    ),
    Stop(
        "check-leave",
        (
            *("o", "~A session", "down", "c", "~question 1 of 5"),
            *("1", "~question 2 of 5", "escape", "~Leave this"),
        ),
        picture=False,
    ),
    Stop(
        "guide-offer",
        ("y", "~A session", "t", "~Take these pages for the guide"),
        before=_with_pages,
        here=True,
    ),
    Stop("guide-taken", ("y", "~Taken. The department has 4 pages"), here=True),
)
"""For somebody with every role, after `walk.IN`."""
IN = (*walk.IN, *FURTHER)
STOPS = tuple(stop for stop in (*walk.OUT, *IN) if stop not in _REJECTED)

SHOWS = {
    "home": "HomeScreen",
    "keys": "KeysScreen",
    "kept": "KeptScreen",
    "guide": "GuideScreen",
    "guide-page": "PageScreen",
    "guide-find": "FindScreen",
    "rollback": "RollbackScreen",
    "login": "LoginScreen",
    "home-in": "HomeScreen",
    "encounters": "EncountersScreen",
    "similar": "ChooseSimilar",
    "conflict": "SettleConflict",
    "encounter": "EncounterScreen",
    "body-parts": "BodyPartsScreen",
    "identity": "IdentityScreen",
    "team": "WhoSeesScreen",
    "glass": "BreakGlassScreen",
    "slate": "SlateScreen",
    "consent": "ConsentScreen",
    "grantor": "GrantorScreen",
    "class": "ChooseClass",
    "dispose": "AskReason",
    "imports": "ImportsScreen",
    "assign": "ChooseEncounter",
    "advice": "AdviceScreen",
    "quarantine": "QuarantineScreen",
    "receipt": "ReceiptScreen",
    "review": "ReviewQueue",
    "reject": "AskReason",
    "role": "ChooseRole",
    "export": "ExportScreen",
    "export-yes": "Confirm",
    "exported": "ExportedScreen",
    "recipients": "RecipientsScreen",
    "sheet": "SheetScreen",
    "enrol": "EnrolScreen",
    "recall": "RecallScreen",
    "left": "ExportsScreen",
    "retention": "RetentionScreen",
    "corrections": "CorrectionsScreen",
    "audit-query": "AuditQueryScreen",
    "audit": "AuditScreen",
    "audit-event": "AuditEventScreen",
    "glasses": "GlassesScreen",
    "accounts": "AccountsScreen",
    "account-new": "AccountScreen",
    "account-reset": "ResetScreen",
    "account-roles": "RolesScreen",
    "end": "EndScreen",
    "backup": "BackupScreen",
    "health": "HealthScreen",
    "ledger": "LedgerScreen",
    "ledger-code": "CodeScreen",
    "settings": "SettingsScreen",
    "setting": "SettingScreen",
    "issuers": "IssuersScreen",
    "issuer": "IssuerScreen",
    "maintenance": "MaintenanceScreen",
    "version": "UpdateScreen",
    "usb": "UsbScreen",
    "passphrase": "PassphraseScreen",
    "training": "OwnTrainingScreen",
    "training-all": "TrainingScreen",
    "second-reason": "ChooseReason",
    "changes": "ShowChanges",
    "review-encounter": "ReviewScreen",
    "heard": "HeardScreen",
    "check": "CheckScreen",
    "check-failed": "ResultScreen",
    "check-passed": "ResultScreen",
    "practice": "PracticeScreen",
    "practised": "PracticeResultScreen",
    "check-leave": "Confirm",
    "guide-offer": "Confirm",
    "guide-taken": "GuideScreen",
}
"""The class of the screen that each stop ends on; `in_pilot` holds it against what is there."""


class Drawn(Service):
    """A connection whose checks are not drawn by chance."""

    def begin_check(self, page_id: str) -> g.Check:
        self._check = draw(bytes, self._page(page_id))
        return shown(self._check)


class WalkedKiosk(RunningKiosk):
    """A kiosk that looks the same whenever one walks past it."""

    def start(self) -> None:
        self.kiosk.leaving = False
        self._server = Server(self.path, lambda: Drawn(self.kiosk), allowed={os.geteuid()})


def in_terminal(driver: TerminalDriver, kiosk: scratch.Kiosk, stops: tuple[Stop, ...]) -> Iterator[Stop]:
    """Walk in a terminal, from Home; gives each of `STOPS` when it is reached."""
    for stop in walk.in_terminal(driver, kiosk, stops):
        if stop.steps[-1].startswith("~photo "):
            see_photo(driver)
        if stop not in _REJECTED:
            yield stop


async def in_pilot(pilot: Pilot[Any], kiosk: scratch.Kiosk, stop: Stop) -> None:
    """Go to one stop under Textual's Pilot."""
    await walk.in_pilot(pilot, kiosk, stop)
    if stop not in _REJECTED:
        assert type(pilot.app.screen).__name__ == SHOWS[stop.name], stop.name

"""After a rollback: what it means, and the word of somebody who may let the older copy go on."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.widgets import Static

from medkiosk.console.language import tr
from medkiosk.console.messages import LoggedIn, Refused, TouchKey
from medkiosk.console.screens.form import Rows
from medkiosk.console.screens.passphrase import PassphraseForm, passphrase_field
from medkiosk.console.securitykeys import TOUCH, said, telling
from medkiosk.console.widgets.field import Field

_MEANS = (
    "An older copy of the store was put in its place: this machine remembers more. Nobody can log in, and"
    " nothing is taken, until one of two things is done. Is there a newer copy? Switch the machine off, and"
    " have it put back: then this is gone. Is the newest copy lost? Then an administrator or an auditor says"
    " so here, with the reason, which stays in the ledger for ever: what came since that copy is missing, and"
    " whoever kept a later head of the ledger will see it. Keep all cards: those of the lost time are"
    " imported again."
)


class RollbackScreen(PassphraseForm):
    """Who says so, why, and their passphrase."""

    BUTTON = "The newest copy is lost: go on with this one"
    LAST = "passphrase"

    @property
    def heading(self) -> str:
        """What happened."""
        return "The store was rolled back"

    def above(self) -> ComposeResult:
        """What it means."""
        yield Static(tr(_MEANS), id="rollback", markup=False)

    def rows(self) -> Rows:
        """The reason first: who has none stops here."""
        return [
            ("What happened", Field(id="reason", max_length=500, placeholder="Where the newest copy is")),
            ("User", Field(id="user", max_length=64, placeholder="Administrator or auditor")),
            ("Passphrase", passphrase_field("passphrase")),
        ]

    def save(self) -> str | None:
        """Send it, and forget the passphrase."""
        reason, user, passphrase = self.text("reason"), self.text("user"), self.take("passphrase")
        if not reason or not user or not passphrase:
            return "What happened, the user and the passphrase are needed. Nothing was done."
        self.say("Opening the store, which takes a second or two.")
        keys = self.kiosk.keys(telling(self))
        self.ask(
            lambda kiosk: kiosk.accept_rollback(user, passphrase, reason, said(kiosk, user, keys)), LoggedIn
        )
        return None

    @on(LoggedIn)
    def _accepted(self, message: LoggedIn) -> None:
        message.stop()
        self.kiosk.session = message.session
        self.leave(
            "Accepted and written down. Cameras and cards are taken again: import those of the lost time."
        )

    @on(TouchKey)
    def _touch(self, message: TouchKey) -> None:
        message.stop()
        self.say(TOUCH)

    @on(Refused)
    def _try_again(self) -> None:
        self.query_one("#passphrase").focus()

"""Log in: a name and a passphrase. Neither is kept, shown or logged."""

from __future__ import annotations

from textual import on
from textual.widgets import Input

from medkiosk.console.actions import Where, bindings
from medkiosk.console.messages import LoggedIn, Refused, TouchKey
from medkiosk.console.screens.form import FormScreen, Rows
from medkiosk.console.screens.maintenance import Begun, ask_for_setup
from medkiosk.console.screens.passphrase import GIVEN, PassphraseScreen
from medkiosk.console.securitykeys import TOUCH, said, telling
from medkiosk.console.widgets.field import Field
from medkiosk.ipc.types import Status


class LoginScreen(FormScreen):
    """Opens the vault for one person, until they log out or the daemon goes away."""

    WHERE = Where.LOGIN
    BINDINGS = bindings(Where.LOGIN)
    BUTTON = "Log in"
    LAST = "passphrase"
    AHEAD = frozenset({"enter"})

    def rows(self) -> Rows:
        """Who, and the proof."""
        return [
            ("User", Field(id="user", max_length=64)),
            ("Passphrase", Field(id="passphrase", password=True, max_length=1024)),
        ]

    def save(self) -> str | None:
        """Send them, and forget the passphrase."""
        field = self.query_one("#passphrase", Input)
        user, passphrase = self.text("user"), field.value
        field.value = ""
        if not user or not passphrase:
            return "Both the user and the passphrase are needed."
        self.say("Opening the vault, which takes a second or two.")
        keys = self.kiosk.keys(telling(self))
        self.ask(lambda kiosk: kiosk.login(user, passphrase, said(kiosk, user, keys)), LoggedIn)
        return None

    def on_mount(self) -> None:
        """Say how far a login is that reads years of records; usually there is nothing to say."""
        self.watch(self.kiosk, "status", self._opening, init=False)

    def _opening(self, status: Status | None) -> None:
        if status is not None and status.opening:
            self.say(status.opening)

    def action_setup(self) -> None:
        """Ask, then have the set-up repair a kiosk that nobody can log in to."""
        ask_for_setup(self)

    @on(Begun)
    def _begun(self, message: Begun) -> None:
        message.stop()
        self.say(message.words)

    @on(LoggedIn)
    def _logged_in(self, message: LoggedIn) -> None:
        message.stop()
        self.kiosk.session = message.session
        if message.session.must_change:
            self.app.switch_screen(PassphraseScreen(GIVEN))
        else:
            self.dismiss(None)

    @on(TouchKey)
    def _touch(self, message: TouchKey) -> None:
        message.stop()
        self.say(TOUCH)

    @on(Refused)
    def _try_again(self) -> None:
        self.query_one("#passphrase").focus()

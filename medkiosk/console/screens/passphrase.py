"""Give oneself another passphrase. Nothing typed here is shown, kept or logged."""

from __future__ import annotations

import msgspec
from textual import on
from textual.widgets import Input

from medkiosk.console.messages import PassphraseChanged, Refused, TouchKey
from medkiosk.console.screens.form import FormScreen, Rows
from medkiosk.console.securitykeys import TOUCH, said, telling
from medkiosk.console.widgets.field import Field

GIVEN = "An administrator gave you this passphrase. Choose another that only you know; then you can go on."
LONGEST = 1024


def passphrase_field(name: str, placeholder: str = "") -> Field:
    """A field that does not show what is typed."""
    return Field(id=name, password=True, max_length=LONGEST, placeholder=placeholder)


class PassphraseForm(FormScreen):
    """Base of the forms with passphrases: whatever is sent is forgotten at once."""

    def take(self, name: str) -> str:
        """What was typed into a field, which is empty afterwards."""
        field = self.query_one(f"#{name}", Input)
        typed, field.value = field.value, ""
        return typed


class PassphraseScreen(PassphraseForm):
    """The old one, and the new one twice."""

    BUTTON = "Change the passphrase"
    LAST = "again"

    @property
    def heading(self) -> str:
        """The form's name."""
        return "My passphrase"

    def rows(self) -> Rows:
        """Old, new, new."""
        return [
            ("Old passphrase", passphrase_field("old")),
            ("New passphrase", passphrase_field("new", "Four or five uncommon words are best")),
            ("Once more", passphrase_field("again")),
        ]

    def save(self) -> str | None:
        """Send both."""
        old, new, again = self.take("old"), self.take("new"), self.take("again")
        self.query_one("#old").focus()
        if not old or not new:
            return "The old and the new passphrase are needed."
        if new != again:
            return "The new passphrase was not the same twice. Nothing was changed."
        self.say("Changing the passphrase, which takes a few seconds.")
        keys = self.kiosk.keys(telling(self))
        user = self.kiosk.session.user if self.kiosk.session is not None else ""
        self.ask(
            lambda kiosk: kiosk.change_passphrase(old, new, said(kiosk, user, keys)),
            lambda _: PassphraseChanged(),
        )
        return None

    @on(TouchKey)
    def _touch(self, message: TouchKey) -> None:
        message.stop()
        self.say(TOUCH)

    @on(PassphraseChanged)
    def _changed(self, message: PassphraseChanged) -> None:
        message.stop()
        if self.kiosk.session is not None:
            self.kiosk.session = msgspec.structs.replace(self.kiosk.session, must_change=False)
        self.leave("Your passphrase was changed. The old one opens nothing any more.")

    @on(Refused)
    def _try_again(self) -> None:
        self.query_one("#old").focus()

"""The end of a kiosk: what is on its disk becomes unreadable, when two people say so (docs/install.md)."""

from __future__ import annotations

from textual import on
from textual.message import Message
from textual.widgets import Input

from medkiosk.console.language import tr
from medkiosk.console.messages import Refused, TouchKey
from medkiosk.console.screens.form import Rows
from medkiosk.console.screens.ledger import CodeScreen
from medkiosk.console.screens.passphrase import PassphraseForm, passphrase_field
from medkiosk.console.securitykeys import TOUCH, said, telling
from medkiosk.console.widgets.field import Field
from medkiosk.console.words import clean
from medkiosk.ipc.types import Ended

_WHAT = (
    "Everything on the disk of this kiosk becomes unreadable, for ever, within seconds. Nothing brings it"
    " back but a backup and two recovery sheets. The ledger's last head is written to the stick that is in,"
    " and shown at the end, to be photographed; then the machine switches itself off."
)
_DONE = (
    "Nothing opens the disk of this kiosk any more. It switches itself off in five minutes, or at the power"
    " button."
)


class KioskEnded(Message):
    """It is done."""

    def __init__(self, ended: Ended) -> None:
        self.ended = ended
        super().__init__()


def outcome_words(ended: Ended) -> str:
    """What was done besides, and what is left to do by hand."""
    words = [_DONE]
    if ended.folder:
        words.append(tr("The ledger's last head is on the stick: {folder}.", folder=clean(ended.folder, 60)))
    elif ended.stick:
        words.append(
            tr("Photograph the head: it is not on the stick. {stick}", stick=clean(ended.stick, 200))
        )
    if not ended.header:
        words.append(tr("Its header could not be overwritten."))
    if not ended.discarded:
        words.append(tr("The disk could not be told that it is free."))
    asked = tr("The firmware was asked to clear the TPM: agree at the next start.")
    words.append(asked if ended.tpm else tr("Clear the TPM in the firmware at the next start."))
    if ended.remembers:
        words.append(tr("The TPM did not forget the device secret: only clearing it destroys that."))
    return " ".join(words)


class EndScreen(PassphraseForm):
    """The site's name, typed, and the second person's passphrase."""

    BUTTON = "Make it unreadable, for ever"
    LAST = "second_passphrase"

    def __init__(self) -> None:
        super().__init__(_WHAT)

    @property
    def heading(self) -> str:
        """The form's name."""
        return "The end of this kiosk"

    def rows(self) -> Rows:
        """To be certain, and to be two."""
        return [
            ("Name of the site", Field(id="site", max_length=200, placeholder="As the screen shows it")),
            (
                "Second person",
                Field(id="second", max_length=64, placeholder="An administrator, privacy officer"),
            ),
            ("Their passphrase", passphrase_field("second_passphrase", "They type it themselves")),
        ]

    def save(self) -> str | None:
        """Have it done."""
        site, second = self.text("site"), self.text("second")
        passphrase = self.take("second_passphrase")
        self.query_one("#second_passphrase").focus()
        if not site or not second or not passphrase:
            return "The site's name, the second person and their passphrase are needed. Nothing was done."
        self.say("Making the disk unreadable, which takes a few seconds.")
        keys = self.kiosk.keys(telling(self))
        self.ask(
            lambda kiosk: kiosk.decommission(site, second, passphrase, said(kiosk, second, keys)),
            KioskEnded,
        )
        return None

    @on(TouchKey)
    def _touch(self, message: TouchKey) -> None:
        message.stop()
        self.say(TOUCH)

    @on(KioskEnded)
    def _ended(self, message: KioskEnded) -> None:
        message.stop()
        for field in self.query(Input):
            field.disabled = True
        self.say(outcome_words(message.ended))
        self.app.push_screen(CodeScreen(message.ended.head.text))

    @on(Refused)
    def _try_again(self) -> None:
        self.query_one("#second_passphrase").focus()

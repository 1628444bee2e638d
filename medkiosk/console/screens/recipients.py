"""Recipients of exports: enrolled by what was heard on the telephone, revoked; the sheet that they get."""

from __future__ import annotations

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.messages import RecipientDone, RecipientsLoaded, Refused, SheetLoaded
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.screens.dialogs import AskReason
from medkiosk.console.screens.form import FormScreen, Rows
from medkiosk.console.widgets.choice import Choice
from medkiosk.console.widgets.field import Field
from medkiosk.console.words import PURPOSES, clean, last_day
from medkiosk.core.clock import end_of
from medkiosk.core.consent import Purpose
from medkiosk.core.exportevents import RecipientMethod
from medkiosk.ipc.types import RecipientInfo, RecipientSheet

_METHODS = {RecipientMethod.AGE: "their age key", RecipientMethod.PASSPHRASE: "a passphrase each time"}


class RecipientsScreen(KioskScreen):
    """All recipients, oldest first."""

    WHERE = Where.RECIPIENTS
    BINDINGS = bindings(Where.RECIPIENTS)

    def __init__(self) -> None:
        super().__init__()
        self._recipients: tuple[RecipientInfo, ...] = ()

    def body(self) -> ComposeResult:
        """One list."""
        yield Static(tr("Who may receive exports, oldest first"), classes="caption", markup=False)
        yield OptionList(id="recipients", markup=False)

    def on_screen_resume(self) -> None:
        """Ask for what is there, now and after every other screen."""
        if self.kiosk.session is not None:
            self.ask(lambda kiosk: kiosk.list_recipients(), RecipientsLoaded)

    @on(RecipientsLoaded)
    def _loaded(self, message: RecipientsLoaded) -> None:
        self._recipients = message.recipients
        options = self.query_one(OptionList)
        row = options.highlighted or 0
        options.clear_options()
        options.add_options(Option(recipient_text(each)) for each in self._recipients)
        if self._recipients:
            options.highlighted = min(row, len(self._recipients) - 1)
        else:
            self.say("Nobody is enrolled. N enrols somebody.")

    def action_new(self) -> None:
        """Enrol somebody."""
        self.app.push_screen(EnrolScreen())

    def action_sheet(self) -> None:
        """Show what recipients compare with."""
        self.app.push_screen(SheetScreen())

    def action_revoke(self) -> None:
        """Ask why, then let the chosen recipient receive nothing any more."""
        row = self.query_one(OptionList).highlighted
        if row is None or row >= len(self._recipients):
            return
        chosen = self._recipients[row]
        self.app.push_screen(
            AskReason(
                tr(
                    "Why may {display_name} receive nothing any more?",
                    display_name=clean(chosen.display_name, 40),
                ),
                "This is for good: to send them something again, enrol them anew. What they have stays theirs"
                " to keep until it is recalled.",
            ),
            lambda reason: self._revoke(chosen, reason) if reason else None,
        )

    def _revoke(self, chosen: RecipientInfo, reason: str) -> None:
        self.ask(
            lambda kiosk: kiosk.revoke_recipient(chosen.recipient_id, reason),
            lambda gone: RecipientDone(
                tr("{display_name} receives nothing any more.", display_name=clean(gone.display_name, 40))
            ),
        )

    @on(RecipientDone)
    def _done(self, message: RecipientDone) -> None:
        message.stop()
        self.say(message.words)
        self.on_screen_resume()


def recipient_text(each: RecipientInfo) -> Text:
    """Who, and until when; below, what for, and why not."""
    words = Text(clean(each.display_name, 40), style="dim" if each.why_not else "bold")
    if each.organisation:
        words.append(f", {clean(each.organisation, 40)}", style="not bold")
    purposes = ", ".join(tr(PURPOSES[purpose]) for purpose in each.purposes) or "anything"
    about = tr(
        "{methods}; for {purposes}; until {expires}",
        methods=tr(_METHODS[each.method]),
        purposes=purposes,
        expires=last_day(each.expires),
    )
    if each.method is RecipientMethod.AGE and not each.heard:
        about += tr("; key never compared by voice")
    words.append(f"\n  {about}", style="not bold")
    if each.why_not:
        words.append(tr("\n  NOT NOW: {value}", value=clean(each.revoked or each.why_not, 120)), style="bold")
    return words


class EnrolScreen(FormScreen):
    """A new recipient; the end of a key is asked for on a screen of its own."""

    BUTTON = "Go on"

    @property
    def heading(self) -> str:
        """The form's name."""
        return "New recipient"

    def rows(self) -> Rows:
        """Who, what for, until when, and how it is encrypted for them."""
        self._method = Choice(_METHODS, (RecipientMethod.AGE,), name="method")
        self._purposes: Choice[Purpose] = Choice(PURPOSES, (), several=True, name="purposes")
        return [
            ("Name", Field(id="display_name", max_length=120)),
            ("Organisation", Field(id="organisation", max_length=120)),
            ("For", self._purposes),
            ("Last day", Field(id="last_day", max_length=10, placeholder="YYYY-MM-DD")),
            ("Encrypted to", self._method),
            ("Public key", Field(id="key", max_length=200, placeholder="age1..., from paper or a message")),
        ]

    @on(Choice.Changed, "#method")
    def _method_changed(self) -> None:
        self.show_row("key", self._method.chosen == (RecipientMethod.AGE,))

    def save(self) -> str | None:
        """Ask for the end of the key, or enrol at once."""
        name, key = self.text("display_name"), self.text("key")
        (method,) = self._method.chosen
        if not name or not self._purposes.chosen:
            return "A name is needed, and what they may receive pictures for."
        try:
            expires = end_of(self.text("last_day"))
        except ValueError:
            return "Last day: write it as YYYY-MM-DD."
        if method is RecipientMethod.AGE and not key:
            return "Their public key is needed; age-keygen shows it. Or choose a passphrase."
        organisation, purposes = self.text("organisation"), self._purposes.chosen

        def send(heard: str) -> None:
            self.ask(
                lambda kiosk: kiosk.enrol_recipient(
                    name, organisation, method, key, heard, purposes, expires
                ),
                lambda made: RecipientDone(
                    tr("{display_name} is enrolled.", display_name=clean(made.display_name, 40))
                ),
            )

        def heard(letters: str | None) -> None:
            if letters:
                send(letters)
            else:
                self.post_message(Refused("Nobody was enrolled."))

        if method is RecipientMethod.PASSPHRASE:
            send("")
        else:
            self.app.push_screen(HeardScreen(name), heard)
        return None

    @on(RecipientDone)
    def _done(self, message: RecipientDone) -> None:
        message.stop()
        self.leave(message.words)


class HeardScreen(AskReason):
    """Asks for the end of a key as it is read out, while no key is on the screen."""

    def __init__(self, name: str) -> None:
        super().__init__(
            tr("Call {name}, on a number that you had before.", name=clean(name, 40)),
            tr(
                "Let them read out the last sixteen letters of their key, and type what you hear. The kiosk"
                " compares; it does not show the key meanwhile, so that nobody reads it off the screen."
            ),
            asked="Sixteen letters and digits",
        )


class SheetScreen(KioskScreen):
    """What recipients get apart from the stick."""

    WHERE = Where.SHEET
    BINDINGS = bindings(Where.SHEET)

    def body(self) -> ComposeResult:
        """Words to copy or to read out."""
        with VerticalScroll():
            yield Static(id="sheet", markup=False)

    def on_mount(self) -> None:
        """Ask for it."""
        self.ask(lambda kiosk: kiosk.get_sheet(), SheetLoaded)

    @on(SheetLoaded)
    def _loaded(self, message: SheetLoaded) -> None:
        self.query_one("#sheet", Static).update(sheet_text(message.sheet))


def sheet_text(sheet: RecipientSheet) -> Text:
    """The same as ``kioskctl recipients --sheet`` prints."""
    words = Text(
        tr("Give this to recipients on paper, or by another way than the stick.\n"), style="not bold"
    )
    words.append(tr("Photograph it, or write it down.\n\n"), style="not bold")
    page = " ".join(sheet.page_sha256[at : at + 8] for at in range(0, len(sheet.page_sha256), 8))
    for label, value in (
        (tr("The line for allowed_signers"), sheet.allowed_signers),
        (tr("Its fingerprint, to be compared aloud"), sheet.signer),
        (tr("The key of the ledger"), sheet.log),
        (tr("SHA-256 of index.html"), page or tr("this kiosk has no viewer")),
    ):
        words.append(f"{label}\n", style="dim")
        words.append(f"{clean(value, 400)}\n\n", style="bold")
    return words

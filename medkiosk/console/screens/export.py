"""Export: who receives it, what for, what may not leave and why, and what was written."""

from __future__ import annotations

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from medkiosk.console.actions import Where, bindings
from medkiosk.console.messages import CapturesLoaded, ExportChecked, Exported, RecipientsLoaded, Refused
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.screens.dialogs import Confirm
from medkiosk.console.widgets.choice import Choice
from medkiosk.console.words import PURPOSES, clean, count, last_day, size
from medkiosk.core.consent import Purpose
from medkiosk.core.ids import EncounterId
from medkiosk.core.photo import ReviewState
from medkiosk.ipc.types import CaptureInfo, ExportResult, RecipientInfo


class ExportScreen(KioskScreen):
    """Hands the approved photos of one encounter, or all of them, to a recipient: all or nothing.

    Args:
        encounter_id: whose; None for everything approved.
    """

    WHERE = Where.EXPORT
    BINDINGS = bindings(Where.EXPORT)
    AUTO_FOCUS = "#recipients"

    def __init__(self, encounter_id: EncounterId | None = None) -> None:
        super().__init__()
        self._encounter_id = encounter_id
        self._recipients: tuple[RecipientInfo, ...] = ()
        self._captures: tuple[CaptureInfo, ...] = ()
        self._ready = False

    def body(self) -> ComposeResult:
        """Recipient, purpose, what the rules say."""
        yield Static("Who receives it", classes="caption", markup=False)
        yield OptionList(id="recipients", markup=False)
        yield Static("What for", classes="caption", markup=False)
        self._purpose = Choice(PURPOSES, (Purpose.CLINICAL_RECORD,), name="purpose")
        yield self._purpose
        yield Static("What may leave", classes="caption", markup=False)
        with VerticalScroll(can_focus=False):
            yield Static(id="verdict", markup=False)

    def on_mount(self) -> None:
        """Ask who there is and what is approved."""
        whose = self._encounter_id
        self.ask(lambda kiosk: kiosk.list_recipients(), RecipientsLoaded)
        self.ask(
            lambda kiosk: kiosk.list_captures(encounter_id=whose, state=ReviewState.APPROVED), CapturesLoaded
        )

    @on(RecipientsLoaded)
    def _recipients_loaded(self, message: RecipientsLoaded) -> None:
        self._recipients = message.recipients
        options = self.query_one("#recipients", OptionList)
        options.clear_options()
        for recipient in self._recipients:
            who = f"{clean(recipient.display_name, 40)}, {clean(recipient.organisation, 40)}"
            options.add_option(Option(Text(f"{who} (until {last_day(recipient.expires)})")))
        if self._recipients:
            options.highlighted = 0
        else:
            self.say("No recipient is enrolled. A privacy officer enrols one with kioskctl.")
        self._check()

    @on(CapturesLoaded)
    def _captures_loaded(self, message: CapturesLoaded) -> None:
        self._captures = message.captures
        if message.total > len(message.captures):
            self.say(
                f"Only the first {len(message.captures)} of {message.total} photos are exported at once."
            )
        self._check()

    def _recipient(self) -> RecipientInfo | None:
        row = self.query_one("#recipients", OptionList).highlighted
        return self._recipients[row] if row is not None and row < len(self._recipients) else None

    @on(OptionList.OptionHighlighted)
    @on(Choice.Changed)
    def _check(self) -> None:
        self._ready = False
        recipient = self._recipient()
        if not self._captures:
            self._tell(Text("No photo here is approved yet, so there is nothing to export."))
        elif recipient is not None:
            (purpose,) = self._purpose.chosen
            captures = tuple(each.capture_id for each in self._captures)
            names = {each.capture_id: each.name for each in self._captures}
            self._tell(Text("Checking consent and approval of each photo..."))
            self.ask(
                lambda kiosk: kiosk.check_export(recipient.recipient_id, purpose, captures),
                lambda check: ExportChecked(check, names),
            )

    def _tell(self, words: Text) -> None:
        self.query_one("#verdict", Static).update(words)

    @on(ExportChecked)
    def _checked(self, message: ExportChecked) -> None:
        denials = message.check.denials
        self._ready = not denials and bool(message.check.allowed)
        words = Text()
        if self._ready:
            words.append(f"{count(len(message.check.allowed), 'photo')} may leave. F2 exports.", style="bold")
        else:
            words.append(
                f"Nothing leaves: {len(denials)} of {len(message.names)} may not. All or nothing.",
                style="bold",
            )
        for denial in denials:
            name = clean(message.names.get(denial.capture_id, ""), 16)
            words.append(f"\n{name}: {clean(denial.reason)}")
        self._tell(words)

    def action_export(self) -> None:
        """Ask once more, then export."""
        recipient = self._recipient()
        if not self._ready or recipient is None:
            self.say("There is nothing that may leave; the reasons stand above.", wrong=True)
            return
        (purpose,) = self._purpose.chosen
        self.app.push_screen(
            Confirm(
                f"Export {count(len(self._captures), 'photo')} to {clean(recipient.display_name, 40)}?",
                f"For: {PURPOSES[purpose]}. What has left cannot be called back.",
            ),
            lambda answer: self._export(recipient, purpose) if answer else None,
        )

    def _export(self, recipient: RecipientInfo, purpose: Purpose) -> None:
        captures = tuple(each.capture_id for each in self._captures)
        self._ready = False
        self._tell(Text("Writing the bundle and reading it back. Leave the stick in."))
        self.ask(lambda kiosk: kiosk.export(recipient.recipient_id, purpose, captures), Exported)

    @on(Exported)
    def _exported(self, message: Exported) -> None:
        self.query_one("#verdict", Static).update(result_facts(message.result))
        self.say("Exported, read back and verified. Tell the recipient the signer's fingerprint.")

    @on(Refused)
    def _refused_export(self) -> None:
        self._tell(Text("Nothing was exported."))


def result_facts(result: ExportResult) -> Text:
    """What was written, to be compared aloud with the recipient."""
    words = Text()
    for label, value in (
        ("Folder", clean(result.folder)),
        ("Photos", f"{result.images} ({size(result.bytes)})"),
        ("Signer", clean(result.signer)),
        ("Manifest", clean(result.manifest_sha256)),
    ):
        words.append(f"{label:<10}", style="dim")
        words.append(f"{value}\n", style="bold" if label == "Signer" else "")
    return words

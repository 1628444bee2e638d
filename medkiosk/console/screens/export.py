"""Export: who receives it, what for, on which terms, what may not leave and why."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Grid
from textual.widget import Widget
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.messages import (
    AcknowledgementsRead,
    CapturesLoaded,
    ExportChecked,
    Exported,
    RecipientsLoaded,
    Refused,
)
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.screens.dialogs import Confirm
from medkiosk.console.screens.exported import ExportedScreen
from medkiosk.console.screens.exports import ExportsScreen, came_back_words
from medkiosk.console.screens.recall import RecallScreen
from medkiosk.console.screens.recipients import RecipientsScreen
from medkiosk.console.widgets.choice import Choice
from medkiosk.console.widgets.field import Field
from medkiosk.console.words import PURPOSES, clean, count, last_day, size
from medkiosk.core import datause
from medkiosk.core.consent import Purpose
from medkiosk.core.datause import DataUse
from medkiosk.core.ids import CaptureId, EncounterId, RecipientId
from medkiosk.core.photo import ReviewState
from medkiosk.core.sticks import StickState
from medkiosk.ipc.exportapi import MOST
from medkiosk.ipc.types import (
    CaptureInfo,
    ExportOptions,
    RecipientInfo,
    Status,
    StickInfo,
)

_VIEWER, _DICOM = "viewer", "dicom"
_WITH = {_VIEWER: "a page to open them in a browser", _DICOM: "DICOM objects"}
_ASKS_S = 0.3
"""So long after the last change the daemon is asked again, seconds."""


class ExportScreen(KioskScreen):
    """Hands the approved photos of one encounter, or all of them, to a recipient: all or nothing.

    Args:
        encounter_id: whose; None for everything approved.
    """

    WHERE = Where.EXPORT
    BINDINGS = bindings(Where.EXPORT)
    AUTO_FOCUS = "#recipients"
    AHEAD = frozenset({"recipients", "recall", "exports"})

    def __init__(self, encounter_id: EncounterId | None = None) -> None:
        super().__init__()
        self._encounter_id = encounter_id
        self._recipients: tuple[RecipientInfo, ...] = ()
        self._captures: tuple[CaptureInfo, ...] = ()
        self._out: set[CaptureId] = set()
        """Photos that are left out."""
        self._denials: dict[CaptureId, list[str]] = {}
        self._sticks: tuple[StickInfo, ...] = ()
        self._asked = 0
        self._ready = False
        self._writing = False
        self._listed = False
        """Whether the recipients came at least once."""
        self._left: set[tuple[RecipientId, CaptureId]] = set()
        """What was exported from this screen, so that nobody exports it twice by mistake."""
        self._leaving: set[tuple[RecipientId, CaptureId]] = set()
        self._offered_to: RecipientId | None = None
        """For whom the purpose was offered last."""

    def body(self) -> ComposeResult:
        """Recipient, purpose, terms, stick; below, each photo and what the rules say of it."""
        purpose = Purpose.CLINICAL_RECORD
        self._purpose = Choice(PURPOSES, (purpose,), name="purpose")
        self._use: Choice[str] = Choice({}, (), name="use")
        self._allowed: Choice[str] = Choice({}, (), name="allowed")
        self._limits: Choice[str] = Choice({}, (), several=True, name="limits")
        self._with = Choice(_WITH, (_VIEWER,), several=True, name="with")
        self._stick: Choice[str] = Choice({}, (), name="stick")
        rows: tuple[tuple[str, Widget], ...] = (
            ("To", OptionList(id="recipients", markup=False)),
            ("For", self._purpose),
            ("Use", self._use),
            ("Allowed", self._allowed),
            ("Limits", self._limits),
            ("Last day", Field(id="until", max_length=10, placeholder="YYYY-MM-DD; empty for none")),
            ("", Static(id="terms-words", markup=False)),
            ("With", self._with),
            ("Stick", self._stick),
        )
        with Grid(classes="form"):
            for label, widget in rows:
                yield Label(label, id=f"{widget.id}-label", markup=False)
                yield widget
        yield Static(id="verdict", markup=False)
        yield OptionList(id="photos", markup=False)

    def on_mount(self) -> None:
        """Ask who there is and what is approved; follow the sticks."""
        self._offer_uses(())
        self._offer_terms()
        self._list_recipients()
        self._pages: list[CaptureInfo] = []
        self._next_page()
        self.watch(self.kiosk, "status", self._status_changed)
        self.watch(self._limits, "at", self._say_terms, init=False)

    def on_screen_resume(self) -> None:
        """Somebody may have been enrolled or revoked meanwhile."""
        if self.kiosk.session is not None and self._listed:
            self._list_recipients()

    def _list_recipients(self) -> None:
        self.ask(lambda kiosk: kiosk.list_recipients(), RecipientsLoaded)

    def _next_page(self) -> None:
        whose, offset = self._encounter_id, len(self._pages)
        self.ask(
            lambda kiosk: kiosk.list_captures(
                encounter_id=whose, state=ReviewState.APPROVED, offset=offset, limit=500
            ),
            CapturesLoaded,
        )

    # What comes from the daemon

    def _status_changed(self, status: Status | None) -> None:
        # Not asked for: while a bundle is written, the connection of this session waits for its answer.
        if status is None or status.sticks == self._sticks:
            return
        chosen = self._stick.chosen
        self._sticks = status.sticks
        words = {each.name: _stick_words(each) for each in self._sticks}
        ready = [each.name for each in self._sticks if each.state is StickState.READY]
        keep = [name for name in chosen if name in words] or ready or list(words)
        self._stick.offer(words, *keep[:1])
        if self._writing:
            self._tell_progress()

    def _tell_progress(self) -> None:
        for stick in self._sticks:
            if stick.name in self._stick.chosen and stick.words:
                self._tell(Text(f"{tr(stick.words)}. {clean(tr(stick.detail))}", style="bold"))

    @on(RecipientsLoaded)
    def _recipients_loaded(self, message: RecipientsLoaded) -> None:
        before = self._recipient()
        self._recipients, self._listed = message.recipients, True
        options = self.query_one("#recipients", OptionList)
        options.clear_options()
        options.add_options(Option(_recipient_text(each)) for each in self._recipients)
        ids = [each.recipient_id for each in self._recipients]
        if before is not None and before.recipient_id in ids:
            options.highlighted = ids.index(before.recipient_id)
        elif ids:
            open_ = [row for row, each in enumerate(self._recipients) if not each.why_not]
            options.highlighted = open_[0] if open_ else 0
        else:
            self.say("No recipient is enrolled. F3 enrols one.")
        self._check()

    @on(CapturesLoaded)
    def _captures_loaded(self, message: CapturesLoaded) -> None:
        self._pages += message.captures
        if message.captures and len(self._pages) < min(message.total, MOST):
            self._next_page()
            return
        self._captures = tuple(self._pages[:MOST])
        if message.total > MOST:
            self.say(
                tr(
                    "Only the first {most} of {total} photos are exported at once.",
                    most=MOST,
                    total=message.total,
                )
            )
        photos = self.query_one("#photos", OptionList)
        photos.clear_options()
        photos.add_options(Option(self._photo_text(each)) for each in self._captures)
        photos.highlighted = 0 if self._captures else None
        self._check()

    # What is chosen

    def _recipient(self) -> RecipientInfo | None:
        row = self.query_one("#recipients", OptionList).highlighted
        return self._recipients[row] if row is not None and row < len(self._recipients) else None

    def _chosen_purpose(self) -> Purpose:
        (purpose,) = self._purpose.chosen
        return purpose

    def _chosen(self) -> tuple[CaptureId, ...]:
        return tuple(each.capture_id for each in self._captures if each.capture_id not in self._out)

    def _offer_terms(self) -> None:
        purpose = self._chosen_purpose()
        usual = datause.usual(purpose, self.kiosk.clock().date())
        permissions = datause.PERMISSIONS[purpose]
        limits = [code for code in datause.choices(purpose) if code not in permissions]
        self._allowed.offer({code: datause.DUO[code].label for code in permissions}, permissions[0])
        shorts = {code: datause.DUO[code].short for code in limits}
        self._limits.offer(shorts, *(code for code in limits if code in usual.codes))
        self.query_one("#until", Field).value = usual.until

    def _offer_uses(self, uses: tuple[str, ...]) -> None:
        """Offer what the consents name. Nothing is chosen for anybody, not even where there is one."""
        keep = self._use.chosen
        words = {use: clean(use, 60) for use in uses}
        if uses != self._use.offered:
            self._use.offer(words, *(use for use in keep if use in words))
        for part in (self._use, self.query_one("#use-label")):
            part.display = bool(uses)

    def _chosen_use(self) -> str:
        return "".join(self._use.chosen) if self._chosen_purpose() is Purpose.PUBLICATION else ""

    def _terms(self) -> DataUse:
        until = self.query_one("#until", Field).value.strip()
        codes = {*self._allowed.chosen, *self._limits.chosen, *((datause.TS,) if until else ())}
        return DataUse(tuple(sorted(codes)), until)

    @on(Choice.Changed, "#purpose")
    def _purpose_changed(self) -> None:
        self._offer_uses(())
        self._offer_terms()
        self._check()

    @on(OptionList.OptionHighlighted, "#recipients")
    def _recipient_changed(self) -> None:
        """Begin with a purpose that this recipient may receive pictures for."""
        recipient = self._recipient()
        if recipient is not None and recipient.recipient_id != self._offered_to:
            self._offered_to = recipient.recipient_id
            if recipient.purposes and self._chosen_purpose() not in recipient.purposes:
                self._purpose.offer(PURPOSES, recipient.purposes[0])
                self._offer_uses(())
                self._offer_terms()
        self._check()

    @on(Choice.Changed, "#use")
    @on(Choice.Changed, "#allowed")
    @on(Choice.Changed, "#limits")
    @on(Input.Changed, "#until")
    def _changed(self) -> None:
        self._check()

    def action_mark(self) -> None:
        """Leave the photo that is chosen out, or take it in."""
        photos = self.query_one("#photos", OptionList)
        if self.focused is not photos or photos.highlighted is None:
            return
        row = photos.highlighted
        self._out ^= {self._captures[row].capture_id}
        self._draw_photos([row])
        photos.action_cursor_down()
        self._check()

    # What the rules say

    def _check(self) -> None:
        self._ready = False
        self._asked += 1
        if self._writing:
            return
        self._say_terms()
        if not self._captures:
            self._tell(Text(tr("No photo here is approved yet, so there is nothing to export.")))
        elif not self._chosen():
            self._tell(Text(tr("Every photo is left out. Space takes one in.")))
        elif self._recipient() is not None:
            self._tell(Text(tr("Checking consent and approval of each photo...")))
            asked = self._asked
            self.set_timer(_ASKS_S, lambda: self._ask(asked))

    def _say_terms(self) -> None:
        """Say all terms; while somebody goes along the limits, what the one under the keys means."""
        if self.focused is self._limits and self._limits.offered:
            duo = datause.DUO[self._limits.offered[self._limits.at]]
            words = Text(f"{duo.short}: ", style="bold")
            words.append(f"{duo.label}. {duo.words}", style="not bold")
        else:
            words = Text(" ".join(datause.words(self._terms())))
        self.query_one("#terms-words", Static).update(words)

    def on_descendant_focus(self) -> None:
        """Say what the keys are on."""
        self._say_terms()

    def _left_before(self) -> int:
        """How many of the chosen photos left from here for the chosen recipient."""
        recipient = self._recipient()
        return (
            sum((recipient.recipient_id, each) in self._left for each in self._chosen()) if recipient else 0
        )

    def _ask(self, asked: int) -> None:
        recipient, captures = self._recipient(), self._chosen()
        if asked != self._asked or recipient is None or not self.is_mounted:
            return
        purpose, terms, use = self._chosen_purpose(), self._terms(), self._chosen_use()
        names = {each.capture_id: each.name for each in self._captures}
        self.ask(
            lambda kiosk: kiosk.check_export(recipient.recipient_id, purpose, captures, terms, use),
            lambda check: ExportChecked(check, names, asked),
        )

    def _tell(self, words: Text) -> None:
        self.query_one("#verdict", Static).update(words)

    @on(ExportChecked)
    def _checked(self, message: ExportChecked) -> None:
        if message.asked != self._asked:
            return  # something was changed since it was asked
        check = message.check
        self._offer_uses(check.uses)
        self._ready = not check.denials and not check.problems and bool(check.allowed)
        before, self._denials = self._denials, {}
        for denial in check.denials:
            self._denials.setdefault(denial.capture_id, []).append(denial.reason)
        denied = len(self._denials)
        if self._ready:
            words = Text(
                tr("{photos} may leave. F2 exports.", photos=count(len(check.allowed), "photo")), style="bold"
            )
            if again := self._left_before():
                words = Text(
                    tr("Exported: {photos} just left. F2 exports once more.", photos=count(again, "photo")),
                    style="bold",
                )
        else:
            asked = denied + len(check.allowed)
            words = Text(tr("Nothing leaves: all or nothing."), style="bold")
            if denied:
                words = Text(
                    tr(
                        "Nothing leaves: {denied} of {asked} may not. All or nothing.",
                        denied=denied,
                        asked=asked,
                    ),
                    style="bold",
                )
            for problem in check.problems:
                words.append(f" {clean(problem)}")
        self._tell(words)
        self._draw_photos(
            row
            for row, each in enumerate(self._captures)
            if before.get(each.capture_id) != self._denials.get(each.capture_id)
        )

    def _draw_photos(self, rows: Iterable[int]) -> None:
        photos = self.query_one("#photos", OptionList)
        for row in rows:
            photos.replace_option_prompt_at_index(row, self._photo_text(self._captures[row]))

    def _photo_text(self, capture: CaptureInfo) -> Text:
        out = capture.capture_id in self._out
        name = clean(capture.name, 16)
        words = Text(f"[{' ' if out else 'x'}] {name}", style="dim" if out else "bold")
        reasons = [] if out else self._denials.get(capture.capture_id, [])
        if reasons:
            words.append(f": {clean(' '.join(reasons), 400)}", style="not bold")
        return words

    # Export

    def action_export(self) -> None:
        """Ask once more, then export."""
        recipient = self._recipient()
        if self._writing:
            self.say("A bundle is being written; leave the stick in.", wrong=True)
        elif not self._ready or recipient is None:
            self.say("There is nothing that may leave; the reasons stand above.", wrong=True)
        else:
            again = self._left_before()
            twice = (
                tr(" {photos} of these just left for the same recipient.", photos=count(again, "photo"))
                if again
                else ""
            )
            terms = " ".join(datause.words(self._terms()))
            use = f" ({clean(self._chosen_use(), 60)})" if self._chosen_use() else ""
            self.app.push_screen(
                Confirm(
                    tr(
                        "Export {photos} to {display_name}?",
                        photos=count(len(self._chosen()), "photo"),
                        display_name=clean(recipient.display_name, 40),
                    ),
                    tr(
                        "For: {purposes}{use}. What has left cannot be called back.{twice} {terms}",
                        purposes=tr(PURPOSES[self._chosen_purpose()]),
                        use=use,
                        twice=twice,
                        terms=terms,
                    ),
                ),
                lambda answer: self._export(recipient) if answer else None,
            )

    def _export(self, recipient: RecipientInfo) -> None:
        captures, purpose, terms = self._chosen(), self._chosen_purpose(), self._terms()
        use = self._chosen_use()
        options = ExportOptions(viewer=_VIEWER in self._with.chosen, dicom=_DICOM in self._with.chosen)
        stick = "".join(self._stick.chosen)
        self._leaving = {(recipient.recipient_id, each) for each in captures}
        self._ready, self._writing = False, True
        self._tell(Text(tr("Writing the bundle and reading it back. Leave the stick in."), style="bold"))
        self.ask(
            lambda kiosk: kiosk.export(recipient.recipient_id, purpose, captures, terms, options, stick, use),
            Exported,
        )

    @on(Exported)
    def _exported(self, message: Exported) -> None:
        self._writing = False
        self._left |= self._leaving
        self._tell(Text(tr("Exported, read back and verified.")))
        self.app.push_screen(ExportedScreen(message.result))

    @on(Refused)
    def _refused_export(self) -> None:
        if self._writing:
            self._writing = False
            self._tell(
                Text(tr("Nothing was exported. Change something, or press F2 once more."), style="bold")
            )
            self._check()

    # Other screens

    def action_recipients(self) -> None:
        """Show who may receive exports."""
        self.app.push_screen(RecipientsScreen())

    def action_recall(self) -> None:
        """Show what left and must be destroyed."""
        self.app.push_screen(RecallScreen("".join(self._stick.chosen)))

    def action_exports(self) -> None:
        """Show what left, and what perhaps left."""
        self.app.push_screen(ExportsScreen())

    def action_acknowledge(self) -> None:
        """Read what came back on the stick."""
        stick = "".join(self._stick.chosen)
        self.say("Reading what came back on the stick.")
        self.ask(lambda kiosk: kiosk.take_acknowledgements(stick), AcknowledgementsRead)

    @on(AcknowledgementsRead)
    def _came_back(self, message: AcknowledgementsRead) -> None:
        self.say(came_back_words(message.found), wrong=bool(message.found.refused))


def _recipient_text(each: RecipientInfo) -> Text:
    """One row, never two: why not, the verdict says."""
    who = ", ".join(filter(None, (clean(each.display_name, 24), clean(each.organisation, 18))))
    words = Text(who, style="dim" if each.why_not else "bold", no_wrap=True, overflow="ellipsis")
    words.append(
        f" ({tr('NOT NOW') if each.why_not else tr('until {expires}', expires=last_day(each.expires))})",
        style="not bold",
    )
    return words


def _stick_words(each: StickInfo) -> str:
    state = tr(each.words).lower() or str(each.state)
    return f"{clean(each.name, 20)} ({state}{tr(', {free} free', free=size(each.free)) if each.free else ''})"

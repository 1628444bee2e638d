"""Settings: what each is and where that comes from; what is proposed, and the second person's word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.screens.dialogs import AskReason, Confirm
from medkiosk.console.screens.settingschanges import ShowChanges, change_text
from medkiosk.console.screens.settingsform import IssuersScreen, SettingScreen
from medkiosk.console.settingsmessages import (
    SettingChosen,
    SettingsDrafted,
    SettingsEnding,
    SettingsLoaded,
)
from medkiosk.console.words import clean, moment
from medkiosk.core.correctionevents import Outcome
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import KioskSettings, SettingInfo, SettingsProposal, SettingsStatus
from medkiosk.settings.change import shown
from medkiosk.settings.table import BY_KEY
from medkiosk.settings.text import render

_TITLE = 34
_OUTCOMES = {
    Outcome.APPROVED: "approved",
    Outcome.REFUSED: "refused",
    Outcome.TAKEN_BACK: "taken back",
}
_PAST = 3


def setting_line(info: SettingInfo, drafted: str) -> Text:
    """One setting on a line; what is gathered and not proposed is marked."""
    words = Text(f"{clean(tr(info.title), _TITLE):<{_TITLE}} ", no_wrap=True, overflow="ellipsis")
    if drafted:
        return words.append(tr("TO BE: {value}", value=drafted), style="bold")
    words.append(clean(info.shown), style="bold" if info.own else "not bold")
    return words


def setting_text(info: SettingInfo) -> Text:
    """What a setting means, and where its value comes from."""
    words = Text(clean(tr(info.words), 400)).append("\n")
    words.append(tr("It is: "), style="dim").append(f"{clean(info.shown, 1000)}\n", style="bold")
    if info.own:
        who = tr(
            "Decided here, version {version} of {at}: proposed by {by}, approved by {second}. The image"
            " has: {image}",
            version=info.version,
            at=moment(info.at),
            by=clean(info.by, 40),
            second=clean(info.decided_by, 40),
            image=clean(info.image, 300),
        )
        words.append(f"{who}\n")
    else:
        words.append(tr("As the image has it.")).append("\n")
    if info.now:
        words.append(
            tr("UNTIL THE PROGRAM STARTS AGAIN it is: {value}", value=clean(info.now, 300)), style="bold"
        ).append("\n")
    words.append(tr("In a file it is {name}.", name=clean(info.named, 60)), style="dim")
    return words


def proposal_text(waiting: SettingsProposal) -> Text:
    """What waits for a second person."""
    words = Text(
        tr(
            "PROPOSED by {by}, {at}: {reason}",
            by=clean(waiting.by, 40),
            at=moment(waiting.at),
            reason=clean(waiting.reason, 500),
        ),
        style="bold",
    ).append("\n")
    if waiting.obstacle:
        return words.append(clean(waiting.obstacle, 400))
    return words.append_text(change_text(waiting.changes))


def past_text(past: tuple[SettingsProposal, ...]) -> Text:
    """The last decisions, newest first."""
    words = Text()
    for each in past[:_PAST]:
        version = tr("version {version}, ", version=each.version) if each.version else ""
        outcome = tr(_OUTCOMES[each.outcome]) if each.outcome else ""
        names = ", ".join(clean(tr(title), _TITLE) for title in each.changed)
        decided = tr("{outcome} by {by}", outcome=outcome, by=clean(each.decided_by, 40))
        words.append(f"{moment(each.decided_at)}  {version}{decided}: {names}\n")
    return words


def state_text(status: SettingsStatus, unused: tuple[str, ...]) -> Text:
    """Which version is in force, and whether that is the newest."""
    words = Text()
    if status.unused or unused:
        words.append(tr("OLDER SETTINGS ARE IN FORCE."), style="bold reverse")
        for each in unused:
            words.append(f" {clean(each, 300)}.", style="not bold")
        words.append("\n")
    now = tr("version {version}", version=status.version) if status.version else tr("the image's values")
    words.append(tr("In force: {what}.", what=now))
    if status.restart:
        words.append(
            tr(" Version {version} counts when the program starts again: R.", version=status.newest),
            style="bold",
        )
    return words


class SettingsScreen(KioskScreen):
    """Every setting; below, what the chosen one means, or what waits for a second person."""

    WHERE = Where.SETTINGS
    BINDINGS = bindings(Where.SETTINGS)
    AUTO_FOCUS = "#settings"

    def __init__(self) -> None:
        super().__init__()
        self._found: KioskSettings | None = None
        self._draft: dict[str, Any] = {}
        self._back: set[str] = set()

    def body(self) -> ComposeResult:
        """What is in force; the list; the chosen one."""
        yield Static(id="settings-state", markup=False)
        yield OptionList(id="settings", markup=False)
        with VerticalScroll(id="setting", can_focus=False):
            yield Static(id="setting-text", markup=False)

    def on_mount(self) -> None:
        """Ask for them."""
        self._ask(lambda kiosk: kiosk.list_settings())

    def _ask(self, request: Callable[[Client], KioskSettings], words: str = "") -> None:
        self.ask(request, lambda found: SettingsLoaded(found, words))

    @on(SettingsLoaded)
    def _loaded(self, message: SettingsLoaded) -> None:
        self._found = message.found
        self.query_one("#settings-state", Static).update(
            state_text(message.found.status, message.found.unused)
        )
        self._draw()
        if message.words:
            self.say(message.words)
        elif message.found.waiting:
            self.say("Other settings wait for a second person: Y, N, or U.")

    def _draw(self) -> None:
        listed = self.query_one("#settings", OptionList)
        row = listed.highlighted or 0
        listed.clear_options()
        listed.add_options(Option(setting_line(each, self._drafted(each))) for each in self._settings)
        if self._settings:
            listed.highlighted = min(row, len(self._settings) - 1)
        self._explain()

    @property
    def _settings(self) -> tuple[SettingInfo, ...]:
        return self._found.settings if self._found else ()

    def _drafted(self, info: SettingInfo) -> str:
        if info.key in self._draft:
            return clean(shown(BY_KEY[info.key], self._draft[info.key]))
        return tr("as the image: {value}", value=clean(info.image)) if info.key in self._back else ""

    @property
    def _chosen(self) -> SettingInfo | None:
        row = self.query_one("#settings", OptionList).highlighted
        return self._settings[row] if row is not None and row < len(self._settings) else None

    @on(OptionList.OptionHighlighted)
    def _explain(self) -> None:
        words = Text()
        found = self._found
        if found is not None and found.waiting is not None:
            words.append_text(proposal_text(found.waiting)).append("\n")
        if (chosen := self._chosen) is not None:
            words.append_text(setting_text(chosen)).append("\n\n")
        if found is not None:
            words.append_text(past_text(found.past))
        self.query_one("#setting-text", Static).update(words)

    # Gathering

    @on(OptionList.OptionSelected)
    def _change(self) -> None:
        if (chosen := self._chosen) is None:
            return
        if chosen.key == "issuer":
            self.app.push_screen(IssuersScreen(self._as_drafted(chosen)))
        else:
            self.app.push_screen(SettingScreen(self._as_drafted(chosen)))

    def _as_drafted(self, info: SettingInfo) -> SettingInfo:
        """With what was gathered already as its value."""
        if info.key not in self._draft:
            return info
        return msgspec.structs.replace(info, value=render({info.key: self._draft[info.key]}))

    @on(SettingChosen)
    def _gathered(self, message: SettingChosen) -> None:
        self._back.discard(message.key)
        self._draft[message.key] = message.value
        self._draw()
        self.say("Gathered, and not proposed yet: P shows all that would change.")

    def action_as_image(self) -> None:
        """Gather that the image decides again."""
        if (chosen := self._chosen) is None or not (chosen.own or chosen.key in self._draft):
            self.say("The image decides about it already.", wrong=True)
            return
        self._draft.pop(chosen.key, None)
        if chosen.own:
            self._back.add(chosen.key)
        self._draw()
        self.say("Gathered, and not proposed yet: P shows all that would change.")

    def action_discard(self) -> None:
        """Forget what was gathered."""
        self._draft.clear()
        self._back.clear()
        self._draw()
        self.say("What was gathered is forgotten.")

    # Proposing

    def action_propose(self) -> None:
        """Have the daemon say what would change."""
        if not self._draft and not self._back:
            self.say("Nothing is gathered: choose a setting, and Enter.", wrong=True)
            return
        text, back = render(self._draft), tuple(sorted(self._back))
        self.ask(lambda kiosk: kiosk.check_settings(text, back), SettingsDrafted)

    def action_from_stick(self) -> None:
        """Have the stick's file read."""
        self.say("The stick is read.")
        self.ask(lambda kiosk: kiosk.read_settings(), SettingsDrafted)

    @on(SettingsDrafted)
    def _drafted_there(self, message: SettingsDrafted) -> None:
        draft = message.draft

        def send(reason: str | None) -> None:
            if reason:
                self.action_discard()
                self._ask(
                    lambda kiosk: kiosk.propose_settings(draft.text, draft.back, reason),
                    "Proposed. A privacy officer decides, here, under their own name.",
                )

        def why(yes: bool | None) -> None:
            if yes:
                self.app.push_screen(
                    AskReason("Why?", "It is kept with the proposal, and whoever decides reads it."), send
                )

        self.app.push_screen(ShowChanges("Propose these settings?", draft.changes), why)

    # Deciding

    def _waiting(self) -> SettingsProposal | None:
        if self._found is None or self._found.waiting is None:
            self.say("Nothing waits for a second person.", wrong=True)
            return None
        return self._found.waiting

    def action_approve(self) -> None:
        """Show it once more, and say yes."""
        if (waiting := self._waiting()) is None:
            return

        def approve(yes: bool | None) -> None:
            if yes:
                self._ask(
                    lambda kiosk: kiosk.decide_settings(waiting.proposal_id, Outcome.APPROVED),
                    "Approved. It counts when the program starts again: R.",
                )

        more = tr("{by} says: {reason}", by=clean(waiting.by, 40), reason=clean(waiting.reason, 300))
        self.app.push_screen(ShowChanges("Approve these settings?", waiting.changes, more), approve)

    def action_refuse(self) -> None:
        """Ask why, and say no."""
        if (waiting := self._waiting()) is None:
            return

        def refuse(reason: str | None) -> None:
            if reason:
                self._ask(
                    lambda kiosk: kiosk.decide_settings(waiting.proposal_id, Outcome.REFUSED, reason),
                    "Refused. Everything stays as it is.",
                )

        self.app.push_screen(AskReason("Why not?", "Everything stays as it is."), refuse)

    def action_take_back(self) -> None:
        """Take back one's own."""
        if (waiting := self._waiting()) is not None:
            self._ask(
                lambda kiosk: kiosk.take_back_settings(waiting.proposal_id),
                "Taken back. Everything stays as it is.",
            )

    def action_restart(self) -> None:
        """Ask, then have the daemon end; systemd starts it again."""

        def restart(yes: bool | None) -> None:
            if yes:
                self.ask(lambda kiosk: kiosk.restart_for_settings(), lambda _: SettingsEnding())

        self.app.push_screen(
            Confirm(
                "Start the kiosk's program again?",
                "Everybody is logged out, and what was decided is in force some seconds later. Nothing that"
                " was imported is affected. It is refused while something is read, written or redacted.",
            ),
            restart,
        )

    @on(SettingsEnding)
    def _ending(self) -> None:
        self.say("The program starts again. Log in when the screen says so.")

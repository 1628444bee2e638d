"""What is due, what is held, and disposals: one person proposes, another one approves what it means."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.messages import RetentionLoaded
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.screens.dialogs import AskReason, Confirm
from medkiosk.console.words import clean, count, moment
from medkiosk.core.events import Role
from medkiosk.core.lifecycle import DisposalState
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import DisposalInfo, DueItem, HoldInfo

Line = DueItem | HoldInfo | DisposalInfo

_NOTHING = "Nothing is due, held or proposed. Nothing is ever destroyed by itself."
_FOREVER = "This cannot be taken back. It begins at once, and needs somebody to be logged in at first."
_RULE = "Which rule or order allows it?"
_FEW = 2
"""Verdicts that stand with the rest; more of them have pages of their own."""
_PAGE = 6
"""Verdicts on a page: on 80 columns each may take two lines."""
_DONE = frozenset({DisposalState.FINISHED, DisposalState.REFUSED})


def line_text(line: Line) -> Text:
    """One line of the list."""
    match line:
        case DueItem():
            words = Text(tr("HELD ") if line.held else tr("DUE  "), style="bold")
            who = clean(line.subject.name or line.subject.mrn, 40)
            words.append(f"{line.due}  {who}, {count(line.captures, 'picture')}", style="not bold")
        case HoldInfo():
            what = count(len(line.encounters), "encounter"), count(len(line.captures), "picture")
            words = Text(tr("HOLD "), style="bold")
            words.append(
                tr(
                    "{at}  {names}, by {by}", at=line.at[:10], names=" and ".join(what), by=clean(line.by, 40)
                ),
                style="not bold",
            )
        case DisposalInfo():
            words = Text(f"{tr(line.state.upper())} ", style="bold")
            words.append(f"{line.at[:10]}  {count(line.captures, 'picture')}", style="not bold")
            words.append(tr(", by {by}", by=clean(line.by, 40)), style="not bold")
    return words


def meaning(line: Line, page: int = 0) -> Text:
    """What has to be read about a line before anything is decided; of the verdicts, one page."""
    match line:
        case DueItem():
            return Text(clean(tr(line.words), 400))
        case HoldInfo():
            return Text(
                tr(
                    "Why: {reason}\nBy order of: {authority}",
                    reason=clean(line.reason, 300),
                    authority=clean(line.authority, 300),
                )
            )
        case DisposalInfo():
            return _decision(line, page)


def totals(line: DisposalInfo) -> str:
    """How many verdicts there are, and how many of them say that it is not due; empty once it is decided."""
    if not line.judged:
        return ""
    if line.judged == 1:
        return tr("1 picture or encounter, {value}", value=tr("not due") if line.not_due else "due")
    return tr(
        "{judged} pictures and encounters, {not_due} of them not due",
        judged=line.judged,
        not_due=line.not_due,
    )


def pages(line: Line) -> int:
    """How many pages there are to read about it."""
    many = len(line.verdicts) if isinstance(line, DisposalInfo) else 0
    return 1 + (-(-many // _PAGE) if many > _FEW else 0)


def _verdicts(line: DisposalInfo, page: int) -> Text:
    start = (page - 1) * _PAGE
    shown = line.verdicts[start:][:_PAGE]
    words = Text(
        tr(
            "{totals}. {start} to {start2}:\n",
            totals=totals(line),
            start=start + 1,
            start2=start + len(shown),
        ),
        style="bold",
    )
    for verdict in shown:
        words.append(f"  {clean(verdict, 140)}\n", style="not bold")
    return words


def _decision(line: DisposalInfo, page: int) -> Text:
    if page:
        return _verdicts(line, page)
    words = Text(
        tr(
            "Why: {reason}\nBy order of: {authority}\n",
            reason=clean(line.reason, 300),
            authority=clean(line.authority, 300),
        )
    )
    if line.early:
        words.append(tr("NOT ALL OF IT IS DUE: the order has to allow that.\n"), style="bold")
    if line.warning:
        words.append(tr("WARNING: {warning}\n", warning=clean(line.warning, 300)), style="bold")
    if line.judged:
        more = tr("; Right reads about each.") if pages(line) > 1 else ":"
        words.append(f"{totals(line)}{more}\n", style="bold")
    for verdict in line.verdicts if pages(line) == 1 else ():
        words.append(f"  {clean(verdict, 300)}\n", style="not bold")
    words.append("Destroyed: ", style="bold").append(clean(line.goes, 300) + "\n", style="not bold")
    words.append(tr("Remains: "), style="bold")
    words.append(" ".join(clean(each, 300) for each in line.remains) + "\n", style="not bold")
    if line.drives:
        drives = ", ".join(clean(drive, 60) for drive in line.drives)
        words.append(
            tr("Backup drives hold it until they are plugged in: {drives}\n", drives=drives), style="bold"
        )
    if line.decided_by:
        words.append(
            tr(
                "{state} by {decided_by} on {decided_at}\n",
                state=line.state,
                decided_by=clean(line.decided_by, 60),
                decided_at=moment(line.decided_at),
            )
        )
    return words


def _disposals(kiosk: Client) -> list[DisposalInfo]:
    """All that go on, however old, and the newest of those that are over; newest first."""
    found: list[DisposalInfo] = []
    looked, first = 0, True
    while (page := kiosk.list_disposals(looked)).disposals:
        found += [each for each in page.disposals if first or each.state not in _DONE]
        looked, first = looked + len(page.disposals), False
        if looked >= page.total:
            break
    return found


class RetentionScreen(KioskScreen):
    """Proposals first, then holds, what is due, and what is over."""

    WHERE = Where.RETENTION
    BINDINGS = bindings(Where.RETENTION)

    def __init__(self) -> None:
        super().__init__()
        self._lines: tuple[Line, ...] = ()
        self._page = 0

    def body(self) -> ComposeResult:
        """The list, and what the chosen line means."""
        yield OptionList(id="retention")
        yield Static(id="retention-words", markup=False)

    def on_mount(self) -> None:
        """Ask for all of it."""
        self._do(lambda _: None)

    def _do(self, request: Callable[[Client], object], words: str = "") -> None:
        """Do something, then load all again."""
        session = self.kiosk.session
        officer = session is not None and Role.PRIVACY_OFFICER in session.roles

        def run(kiosk: Client) -> RetentionLoaded:
            request(kiosk)
            due = kiosk.list_due().items if officer else ()
            disposals = tuple(
                # A list has the verdicts of the newest only.
                kiosk.get_disposal(each.disposal_id) if each.judged > len(each.verdicts) else each
                for each in _disposals(kiosk)
            )
            return RetentionLoaded(due, kiosk.list_holds().holds, disposals, words)

        self.ask(run, lambda loaded: loaded)

    @on(RetentionLoaded)
    def _loaded(self, message: RetentionLoaded) -> None:
        going = [each for each in message.disposals if each.state not in _DONE]
        over = [each for each in message.disposals if each.state in _DONE]
        self._lines = (*going, *message.holds, *message.due, *over)
        listed = self.query_one("#retention", OptionList)
        listed.clear_options()
        listed.add_options([Option(line_text(line)) for line in self._lines])
        self.query_one("#retention-words", Static).update("")
        self.say(message.words or ("" if self._lines else _NOTHING))

    @on(OptionList.OptionHighlighted)
    def _chosen(self, message: OptionList.OptionHighlighted) -> None:
        self._page = 0
        self.query_one("#retention-words", Static).update(meaning(self._lines[message.option_index]))

    def action_read(self, by: int) -> None:
        """Turn the page of what a disposal names."""
        if (line := self._line()) is not None:
            self._page = min(max(self._page + by, 0), pages(line) - 1)
            self.query_one("#retention-words", Static).update(meaning(line, self._page))

    def _line(self) -> Line | None:
        chosen = self.query_one("#retention", OptionList).highlighted
        return None if chosen is None else self._lines[chosen]

    def action_propose(self) -> None:
        """Ask why and by which order, and propose the chosen encounter."""
        if not isinstance(line := self._line(), DueItem):
            self.say("Choose an encounter that is due.", wrong=True)
            return

        def propose(kiosk: Client, reason: str, authority: str) -> object:
            return kiosk.propose_disposal((line.encounter_id,), (), reason, authority)

        self._ask_both(
            "Why is it to be destroyed?", propose, "It is proposed. A second person has to approve it."
        )

    def action_hold(self) -> None:
        """Ask why and by which order, and hold the chosen encounter."""
        if not isinstance(line := self._line(), DueItem):
            self.say("Choose an encounter.", wrong=True)
            return

        def hold(kiosk: Client, reason: str, authority: str) -> object:
            return kiosk.place_hold((line.encounter_id,), (), reason, authority)

        self._ask_both("Why is it to be kept?", hold, "It is kept until the hold is lifted.")

    def _ask_both(self, question: str, request: Callable[[Client, str, str], object], words: str) -> None:
        def reasoned(reason: str | None) -> None:
            def ordered(authority: str | None) -> None:
                if reason and authority:
                    self._do(lambda kiosk: request(kiosk, reason, authority), words)

            if reason:
                self.app.push_screen(
                    AskReason(_RULE, "Name no patient here.", asked="Rule or order"), ordered
                )

        self.app.push_screen(AskReason(question, "Name no patient here: this is kept for ever."), reasoned)

    def action_approve(self) -> None:
        """Ask once more, and have it destroyed."""
        line = self._line()
        if not isinstance(line, DisposalInfo) or line.state is not DisposalState.PROPOSED:
            self.say("Choose a proposal.", wrong=True)
            return

        def approve(yes: bool | None) -> None:
            if yes:
                self._do(
                    lambda kiosk: kiosk.approve_disposal(line.disposal_id),
                    "Approved. Home says how far it is.",
                )

        question = tr(
            "Destroy {pictures} for good? It is {totals}.",
            pictures=count(line.captures, "picture"),
            totals=totals(line),
        )
        # A question holds few words; all of them stand on the screen behind it.
        told = clean(line.warning.partition(". ")[0], 90) or clean(line.goes, 100)
        self.app.push_screen(Confirm(question, f"{_FOREVER} {told}"), approve)

    def action_refuse(self) -> None:
        """Ask why, and say no."""
        line = self._line()
        if not isinstance(line, DisposalInfo) or line.state is not DisposalState.PROPOSED:
            self.say("Choose a proposal.", wrong=True)
            return

        def refuse(reason: str | None) -> None:
            if reason:
                self._do(
                    lambda kiosk: kiosk.refuse_disposal(line.disposal_id, reason),
                    "Refused; all of it is kept.",
                )

        self.app.push_screen(AskReason("Why not?", "Name no patient here."), refuse)

    def action_lift(self) -> None:
        """Ask why, and end the chosen hold."""
        if not isinstance(line := self._line(), HoldInfo):
            self.say("Choose a hold.", wrong=True)
            return

        def lift(reason: str | None) -> None:
            if reason:
                self._do(lambda kiosk: kiosk.lift_hold(line.hold_id, reason), "The hold has ended.")

        self.app.push_screen(AskReason("Why does the hold end?", "Name no patient here."), lift)

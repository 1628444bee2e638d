"""A check: one question at a time, then how it went. The daemon asks, and judges."""

from __future__ import annotations

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from medkiosk.console.actions import Where, bindings
from medkiosk.console.guidemessages import CheckJudged, CheckLoaded
from medkiosk.console.language import tr
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.screens.dialogs import Confirm
from medkiosk.console.words import clean, moment
from medkiosk.ipc.guidetypes import Check, CheckResult, PageInfo

_LONGEST = 400


class CheckScreen(KioskScreen):
    """Asks the questions of a page's check.

    Args:
        page: whose.
    """

    WHERE = Where.CHECK
    BINDINGS = bindings(Where.CHECK)

    def __init__(self, page: PageInfo) -> None:
        super().__init__()
        self._page = page
        self._check: Check | None = None
        self._at = 0
        self._answers: list[int] = []
        self._sent = False

    def body(self) -> ComposeResult:
        """Which question; the question; the answers."""
        yield Static(id="check-caption", classes="caption", markup=False)
        yield Static(id="question", markup=False)
        yield OptionList(id="answers", markup=False)

    def on_mount(self) -> None:
        """Ask for the questions."""
        page_id = self._page.page_id
        self.ask(lambda kiosk: kiosk.begin_check(page_id), CheckLoaded)

    @on(CheckLoaded)
    def _loaded(self, message: CheckLoaded) -> None:
        self._check = message.check
        self._answers = [-1] * len(message.check.questions)
        self._draw()

    def _draw(self) -> None:
        check = self._check
        if check is None:
            return
        title, number = clean(check.info.title, 50), len(check.questions)
        caption = tr(
            "{title}: question {at} of {number}; {needed} must be right",
            title=title,
            at=self._at + 1,
            number=number,
            needed=check.info.needed,
        )
        self.query_one("#check-caption", Static).update(caption)
        question = check.questions[self._at]
        self.query_one("#question", Static).update(Text(clean(question.text, _LONGEST), style="bold"))
        options = self.query_one("#answers", OptionList)
        options.clear_options()
        options.add_options(
            Option(Text(f"{place}  {clean(each, _LONGEST)}"))
            for place, each in enumerate(question.options, 1)
        )
        options.highlighted = max(self._answers[self._at], 0)
        options.focus()

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.action_answer(event.option_index)

    def action_answer(self, place: int) -> None:
        """Take an answer, and go to the next question; after the last one, send them."""
        check = self._check
        if check is None or self._sent or place >= len(check.questions[self._at].options):
            return
        self._answers[self._at] = place
        if self._at + 1 < len(check.questions):
            self._at += 1
            self._draw()
            return
        self._sent = True
        page_id, answers = check.info.page_id, tuple(self._answers)
        self.ask(lambda kiosk: kiosk.answer_check(page_id, answers), CheckJudged)

    def action_before(self) -> None:
        """Go back to the question before."""
        if self._at and not self._sent:
            self._at -= 1
            self._draw()

    @on(CheckJudged)
    def _judged(self, message: CheckJudged) -> None:
        if self._check is not None:
            self.app.switch_screen(ResultScreen(self._check, message.result, self._page))

    def action_back(self) -> None:
        """Leave, after asking where something was answered; an unfinished check is not recorded."""
        if not any(each >= 0 for each in self._answers) or self._sent:
            self.leave()
            return
        self.app.push_screen(
            Confirm("Leave this check?", "Nothing is recorded. The next time other questions may come."),
            lambda yes: self.leave() if yes else None,
        )


def result_text(check: Check, result: CheckResult) -> Text:
    """How it went, in words; then each question that was answered wrongly, with the reason."""
    words = Text(tr("PASSED") if result.passed else tr("NOT PASSED"), style="bold")
    words.append(
        tr(
            "   {right} of {asked} right, {needed} were needed.",
            right=result.right,
            asked=result.asked,
            needed=result.needed,
        ),
        style="not bold",
    )
    if result.passed:
        words.append(
            tr("\nIt is recorded, and counts until {until}.", until=moment(result.until)), style="not bold"
        )
    else:
        words.append(
            tr("\nRead the page again and try once more; it may be tried as often as you like."), "not bold"
        )
    if result.wrong:
        words.append(tr("\n\nThis was answered wrongly:"), style="not bold")
    for wrong in result.wrong:
        if wrong.place < len(check.questions):
            words.append(f"\n\n{clean(check.questions[wrong.place].text, _LONGEST)}", style="bold")
            words.append(f"\n{clean(wrong.why, _LONGEST)}", style="not bold")
    return words


class ResultScreen(KioskScreen):
    """How a check went.

    Args:
        check: what was asked.
        result: how it was judged.
        page: to try again.
    """

    WHERE = Where.RESULT
    BINDINGS = bindings(Where.RESULT)

    def __init__(self, check: Check, result: CheckResult, page: PageInfo) -> None:
        super().__init__()
        self._check = check
        self._result = result
        self._page = page

    def body(self) -> ComposeResult:
        """One text that scrolls."""
        with VerticalScroll():
            yield Static(result_text(self._check, self._result), markup=False)

    def action_again(self) -> None:
        """Try once more, with newly drawn questions."""
        self.app.switch_screen(CheckScreen(self._page))

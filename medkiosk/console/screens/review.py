"""Review: look at the redacted photo as it would leave, decide, approve or reject it.

Nothing is approved unseen: only the revision whose picture is wholly on this screen can be approved.
"""

from __future__ import annotations

from collections.abc import Callable

from textual import on

from medkiosk.console.actions import Where, bindings
from medkiosk.console.messages import Decided
from medkiosk.console.screens.dialogs import AskReason, Confirm
from medkiosk.console.screens.suggestions import SuggestionScreen
from medkiosk.console.words import STATES, clean, count
from medkiosk.core.photo import ReviewState

_OPEN = frozenset({ReviewState.WAITING, ReviewState.PROPOSED})


class ReviewScreen(SuggestionScreen):
    """Goes through captures one by one; see `PhotoScreen` for its arguments."""

    WHERE = Where.REVIEW
    BINDINGS = bindings(Where.REVIEW)
    _deciding = False

    def _load(self) -> None:
        self._deciding = False
        super()._load()

    def _after_refusal(self) -> None:
        if self._deciding:  # somebody else was faster: look at what there is now
            self._load()
        else:
            super()._after_refusal()

    def _why_not(self) -> str:
        """Why the photo cannot be approved now; empty when it can."""
        detail, undecided = self._detail, self._draft.unanswered
        if self._no_photos:
            return "this terminal cannot show photos."
        if detail is None:
            return "no photo is on the screen."
        if undecided:
            left = count(len(undecided), "suggestion")
            return f"{left} undecided. J goes to the next; Enter masks it, K keeps it."
        if self._draft.changed:
            return "the masks were changed. Save them (S), and look at the result."
        if detail.problems:
            return detail.problems[0]
        if detail.info.state is ReviewState.APPROVED:
            return "it is approved already."
        if self._photo is not None and self._photo.too_small:
            return "this terminal is too small to show the photo."
        if self._painted != detail.info.revision and self._level:
            return "the whole photo was not on the screen yet. Look at it (0)."
        if self._painted != detail.info.revision:
            return "the photo is not on the screen yet."
        return ""

    def action_approve(self) -> None:
        """Approve the revision that is on the screen."""
        detail = self._detail
        if detail is None or self._busy:
            return
        if why := self._why_not():
            self.say(f"It cannot be approved: {why}", wrong=True)
            return
        capture_id, revision = detail.info.capture_id, self._painted
        self._busy = self._deciding = True
        self.ask(lambda kiosk: kiosk.approve(capture_id, revision), Decided)

    def action_reject(self) -> None:
        """Reject this revision, with a reason."""
        detail = self._detail
        if detail is None or self._busy:
            return
        capture_id, revision = detail.info.capture_id, detail.info.revision

        def send(reason: str | None) -> None:
            if reason:
                self._busy = self._deciding = True
                self.ask(lambda kiosk: kiosk.reject(capture_id, revision, reason), Decided)

        self.app.push_screen(AskReason("Why is this photo rejected?"), send)

    @on(Decided)
    def _decided(self, message: Decided) -> None:
        info = message.detail.info
        if info.capture_id != self._captures[self._at].capture_id:
            return  # the answer for a photo that was left meanwhile
        self._busy = self._deciding = False
        for place, capture in enumerate(self._captures):
            if capture.capture_id == info.capture_id:
                self._captures[place] = info
        done = f"{clean(info.name, 16)}: {STATES[info.state]}."
        places = range(len(self._captures))
        left = [place for place in places if self._captures[place].state in _OPEN]
        self._detail = message.detail
        if not left:
            self.say(f"{done} No photo here is left to review.")
            self._draw()
            return
        self.say(f"{done} {count(len(left), 'photo')} left.")
        self._at = next((place for place in left if place > self._at), left[0])
        self._load()

    def _leave(self, go: Callable[[], None]) -> None:
        """Do something that loses unsaved masks, after asking."""
        if not self._draft.changed:
            go()
            return
        self.app.push_screen(
            Confirm(
                "Leave this photo without saving its masks?", "The photo stays as it was redacted before."
            ),
            lambda answer: go() if answer else None,
        )

    def _go(self, by: int) -> None:
        if self._deciding:
            return  # the answer goes on by itself; from elsewhere it would skip a photo

        def go() -> None:
            self._at = (self._at + by) % len(self._captures)
            self.say("")
            self._load()

        if self._captures:
            self._leave(go)

    def action_next_photo(self) -> None:
        """Go to the next photo."""
        self._go(1)

    def action_previous_photo(self) -> None:
        """Go to the photo before."""
        self._go(-1)

    def action_back(self) -> None:
        """Go back, asking first when masks are not saved."""
        self._leave(lambda: super(ReviewScreen, self).action_back())

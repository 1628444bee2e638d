"""Review: look at the redacted photo as it would leave, decide, approve or reject it.

Nothing is approved unseen: only the revision whose picture is wholly on this screen can be approved.
"""

from __future__ import annotations

from collections.abc import Callable

from textual import on

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.messages import Decided, RoleSaved
from medkiosk.console.screens.bodyparts import BodyPartsScreen
from medkiosk.console.screens.dialogs import AskReason, ChooseReason, ChooseRole, Confirm
from medkiosk.console.screens.export import ExportScreen
from medkiosk.console.screens.suggestions import SuggestionScreen
from medkiosk.console.typeahead import TOO_EARLY
from medkiosk.console.words import ROLES, STATES, clean, count
from medkiosk.core.photo import ImageRole, is_open
from medkiosk.ipc.types import CaptureDetail, CaptureInfo

_WHY_SECOND = ("a mark that may identify", "is enough of it masked?", "the quality or the view")
"""Three usual reasons to ask somebody else."""
_NOT_YET = "the photo is not on the screen yet."


class ReviewScreen(SuggestionScreen):
    """Goes through captures one by one; see `PhotoScreen` for its arguments."""

    WHERE = Where.REVIEW
    BINDINGS = bindings(Where.REVIEW)
    LOOKS = frozenset(
        {"next_photo", "previous_photo", "next_finding", "previous_finding", "next_undecided"}
        | {"zoom", "closest", "whole", "turn", "pan"}
    )
    _deciding = False
    _asked_body = False

    def _load(self) -> None:
        self._deciding = False
        super()._load()

    def _after_refusal(self) -> None:
        if self._deciding:  # somebody else was faster: look at what there is now
            self._load()
        else:
            super()._after_refusal()

    @property
    def _cut(self) -> bool:
        """Whether what is recorded of the photo, what it shows above all, reaches beyond the panel."""
        about, panel = self.query_one("#about"), self.query_one("#panel")
        return about.region.bottom > panel.region.bottom

    def _why_not(self) -> str:
        """Why the photo cannot be approved now; empty when it can."""
        detail, undecided = self._detail, self._draft.unanswered
        if self._no_photos:
            return "this terminal cannot show photos."
        if detail is None:
            return "no photo is on the screen."
        if self.seen_at is None:
            return _NOT_YET
        if self.comparing:
            return "the original is on the screen. V shows what would leave."
        if undecided:
            left = count(len(undecided), "suggestion")
            return tr(
                "{suggestions} undecided. J goes to the next; Enter masks it, K keeps it.", suggestions=left
            )
        if self._draft.changed:
            return "the masks were changed. Save them (S), and look at the result."
        if detail.problems:
            return detail.problems[0]
        if self._cut:
            return "this terminal is too small for all that is recorded of the photo. Make it larger."
        if self._photo is not None and self._photo.too_small:
            return "this terminal is too small to show the photo."
        if self._painted != detail.info.revision and self._level:
            return "the whole photo was not on the screen yet. Look at it (0)."
        if self._painted != detail.info.revision:
            return _NOT_YET
        return ""

    def action_approve(self) -> None:
        """Approve the revision that is on the screen."""
        detail = self._detail
        if detail is None or self._busy:
            return
        if why := self._why_not():
            self.say(tr("It cannot be approved: {why}", why=why), wrong=True)
            return
        if self.kiosk.typed.key_time < self._painted_at:
            self.say(TOO_EARLY, wrong=True)
            return
        capture_id, revision = detail.info.capture_id, self._painted
        self._busy = self._deciding = True
        self.ask(lambda kiosk: kiosk.approve(capture_id, revision), Decided)

    def action_second(self) -> None:
        """Have somebody else look at it and decide."""
        detail = self._detail
        if detail is not None and not self._busy:
            self._leave(lambda: self._ask_second(detail))

    def _ask_second(self, detail: CaptureDetail) -> None:
        capture_id, revision = detail.info.capture_id, detail.info.revision

        def send(reason: str | None) -> None:
            if reason:
                self._busy = self._deciding = True
                self.ask(lambda kiosk: kiosk.ask_second(capture_id, revision, reason), Decided)

        self.app.push_screen(
            ChooseReason(
                "Why must somebody else look at this photo?",
                "Another reviewer decides, and reads your reason. Until then it does not leave.",
                _WHY_SECOND,
            ),
            send,
        )

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

    def action_frame(self) -> None:
        """Say what the frame is for."""
        detail = self._detail
        if detail is not None and not self._busy:
            self._leave(lambda: self._choose_role(detail))

    def action_body(self) -> None:
        """Say which part of the body the photo shows."""
        detail, encounter = self._detail, self._encounter
        if detail is None or self._busy or not self.may_record():
            return
        if encounter is None:
            self.say("This photo belongs to no encounter yet; assign it first.", wrong=True)
            return

        def go() -> None:
            self._asked_body = True
            self.app.push_screen(BodyPartsScreen(encounter, detail.info))

        self._leave(go)

    def on_screen_resume(self) -> None:
        """What a photo shows may have been changed, and its approval with it."""
        if self._asked_body:
            self._asked_body = False
            self._load()

    def _choose_role(self, detail: CaptureDetail) -> None:
        info = detail.info

        def chosen(role: ImageRole | None) -> None:
            if role is None or role is info.role:
                return
            if role is not ImageRole.CLINICAL:
                self._give_role(info, role, "")
                return
            self.app.push_screen(
                AskReason(
                    "Why is this frame a clinical picture after all?",
                    tr(
                        "It is a {roles} until now. A clinical picture can be approved and leave.",
                        roles=tr(ROLES[info.role]),
                    ),
                ),
                lambda reason: self._give_role(info, role, reason) if reason else None,
            )

        self.app.push_screen(
            ChooseRole(tr("What is {name} for?", name=clean(info.name, 16)), info.role), chosen
        )

    def _give_role(self, info: CaptureInfo, role: ImageRole, reason: str) -> None:
        self._busy = self._deciding = True
        self.ask(lambda kiosk: kiosk.give_role(info.capture_id, role, reason), RoleSaved)

    @on(RoleSaved)
    def _role_saved(self, message: RoleSaved) -> None:
        info = message.detail.info
        words = f"{clean(info.name, 16)}: {tr(ROLES[info.role])}."
        if info.role is not ImageRole.CLINICAL:
            self._go_on(message.detail, words)
        elif info.capture_id == self._captures[self._at].capture_id:
            self.say(words)
            self._load()

    @on(Decided)
    def _decided(self, message: Decided) -> None:
        info = message.detail.info
        self._go_on(message.detail, f"{clean(info.name, 16)}: {tr(STATES[info.state])}.")

    def _go_on(self, detail: CaptureDetail, done: str) -> None:
        """Say what was done with a photo, and go to the next that is to be reviewed."""
        info = detail.info
        if info.capture_id != self._captures[self._at].capture_id:
            return  # the answer for a photo that was left meanwhile
        self._busy = self._deciding = False
        for place, capture in enumerate(self._captures):
            if capture.capture_id == info.capture_id:
                self._captures[place] = info
        left = [place for place, capture in enumerate(self._captures) if is_open(capture, self._me)]
        self._detail = detail
        if not left and self._queue:
            self._done = done
            self._list()  # more may wait than was listed
            return
        if not left:
            self.say(tr("{done} No photo here is left to review.", done=done))
            self._draw()
            return
        self.say(tr("{done} {photos} left.", done=done, photos=count(len(left), "photo")))
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

    def action_export(self) -> None:
        """Hand over the approved photos of the encounter that the photo on the screen belongs to."""
        detail = self._detail
        if detail is None or self._busy or not self.may_export():
            return
        whose = detail.info.encounter_id
        if whose is None:
            self.say("This photo belongs to no encounter yet; assign it first.", wrong=True)
            return

        def go() -> None:
            self.app.push_screen(ExportScreen(whose))

        self._leave(go)

    def action_back(self) -> None:
        """Go back, asking first when masks are not saved."""
        self._leave(lambda: super(ReviewScreen, self).action_back())

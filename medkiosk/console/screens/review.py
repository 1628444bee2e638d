"""Review: look at the redacted photo as it would leave, correct its masks, approve or reject it.

Nothing is approved unseen: only the revision whose picture is wholly on this screen can be approved.
"""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from medkiosk.console.actions import Where, bindings
from medkiosk.console.masks import Draft, grown, moved, scaled, step
from medkiosk.console.messages import CaptureLoaded, CapturesLoaded, Decided, EncountersLoaded, Refused
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.screens.dialogs import AskReason, Confirm
from medkiosk.console.screens.findings import findings_text, photo_text
from medkiosk.console.terminal import NO_CELL_SIZE, NO_GRAPHICS
from medkiosk.console.widgets.photo import Look, PhotoView
from medkiosk.console.words import STATES, clean, count
from medkiosk.core.ids import AccountId, CaptureId, EncounterId, ImportId
from medkiosk.core.photo import Box, Decision, ReviewState
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import CaptureDetail, CaptureInfo, EncounterInfo
from medkiosk.ipc.wire import RemoteError

_ZOOMS = (1, 2, 4)
_OPEN = frozenset({ReviewState.WAITING, ReviewState.PROPOSED})


def looked(kiosk: Client, capture_id: CaptureId, *, picture: bool) -> CaptureLoaded:
    """Fetch one capture, and its preview where there is one; both of the same revision.

    The capture is asked for again after the picture: having looked is one of the conditions in ``problems``.
    """
    detail = kiosk.get_capture(capture_id)
    if not picture or detail.info.revision < 1 or not detail.width:
        return CaptureLoaded(detail, None)
    try:
        seen = kiosk.get_preview(capture_id)
        detail = kiosk.get_capture(capture_id)
    except RemoteError as error:
        return CaptureLoaded(detail, None, error.message)
    if seen[0].revision != detail.info.revision:
        return CaptureLoaded(detail, None, "This photo was just redacted again. Leave it and come back.")
    return CaptureLoaded(detail, seen)


class ReviewScreen(KioskScreen):
    """Goes through captures one by one.

    Args:
        import_id, encounter_id, state: which captures.
        first: the one to begin with.
    """

    WHERE = Where.REVIEW
    BINDINGS = bindings(Where.REVIEW)

    def __init__(
        self,
        *,
        import_id: ImportId | None = None,
        encounter_id: EncounterId | None = None,
        state: ReviewState | None = None,
        first: CaptureId | None = None,
    ) -> None:
        super().__init__()
        self._filter = (import_id, encounter_id, state)
        self._first = first
        self._captures: list[CaptureInfo] = []
        self._at = 0
        self._encounters: dict[EncounterId, EncounterInfo] = {}
        self._detail: CaptureDetail | None = None
        self._draft = Draft((), 1, 1, AccountId(""))
        self._painted = 0
        self._zoom = 1
        self._busy = False
        self._deciding = False
        self._photo: PhotoView | None = None

    def body(self) -> ComposeResult:
        """The picture, and beside it what was found."""
        terminal = self.kiosk.terminal
        with Horizontal():
            if self._no_photos:
                with Vertical(id="no-photo"):
                    yield Static(Text(self._no_photos), markup=False)
            else:
                self._photo = PhotoView(terminal)
                yield self._photo
            with Vertical(id="panel"):
                yield Static(id="about", markup=False)
                yield Static(id="findings", markup=False)
                yield Static(id="approval", markup=False)

    @property
    def _no_photos(self) -> str:
        """Why this terminal cannot show photos; empty where it can."""
        terminal = self.kiosk.terminal
        if not terminal.sixel:
            return NO_GRAPHICS
        return "" if terminal.cell() else NO_CELL_SIZE

    def on_mount(self) -> None:
        """Ask which captures."""
        import_id, encounter_id, state = self._filter
        self.ask(lambda kiosk: kiosk.list_encounters(), EncountersLoaded)
        self.ask(lambda kiosk: kiosk.list_captures(import_id, encounter_id, state), CapturesLoaded)

    @on(EncountersLoaded)
    def _encounters_loaded(self, message: EncountersLoaded) -> None:
        self._encounters = {each.encounter_id: each for each in message.encounters}
        self._draw()

    @on(CapturesLoaded)
    def _captures_loaded(self, message: CapturesLoaded) -> None:
        self._captures = list(message.captures)
        ids = [each.capture_id for each in self._captures]
        self._at = ids.index(self._first) if self._first in ids else 0
        if self._captures:
            self._load()
        else:
            self.say("No photo waits here.")
            self._draw()

    def _load(self) -> None:
        capture_id = self._captures[self._at].capture_id
        wanted = self._photo is not None
        self._detail, self._painted, self._zoom, self._busy = None, 0, 1, True
        self._deciding = False
        self._draft = Draft((), 1, 1, AccountId(""))
        if self._photo is not None:
            self._photo.clear()
        self._draw()
        self.ask(lambda kiosk: looked(kiosk, capture_id, picture=wanted), lambda answer: answer)

    @on(CaptureLoaded)
    def _loaded(self, message: CaptureLoaded) -> None:
        detail = message.detail
        if detail.info.capture_id != self._captures[self._at].capture_id:
            return  # the answer for a photo that was left meanwhile
        self._busy = False
        self._detail, self._painted = detail, 0
        session = self.kiosk.session
        reviewer = session.account_id if session else AccountId("")
        selected = self._draft.selected
        self._draft = Draft(detail.findings, detail.width, detail.height, reviewer)
        self._draft.select(max(selected, 0))
        self._captures[self._at] = detail.info
        if message.words:
            self.say(message.words, wrong=True)
        if self._photo is not None and message.picture is not None:
            picture, pixels = message.picture
            try:
                self._photo.show(picture, pixels, (detail.width, detail.height), self._look())
            except ValueError:
                self._cannot_draw()
        self._draw()

    @on(PhotoView.Painted)
    def _seen(self, message: PhotoView.Painted) -> None:
        detail = self._detail
        if detail is not None and message.picture.capture_id == detail.info.capture_id:
            if message.judged:
                self._painted = message.picture.revision
            self._draw()

    @on(PhotoView.Failed)
    def _cannot_draw(self) -> None:
        self._painted = 0
        self.say("This photo could not be drawn, so it cannot be approved here.", wrong=True)
        self._draw()

    @on(Refused)
    def _not_done(self) -> None:
        self._busy = False
        if self._deciding:  # somebody else was faster: look at what there is now
            self._load()
        else:
            self._draw()

    def _look(self) -> Look:
        detail, finding = self._detail, self._draft.finding
        outlines = tuple(
            (each.box, index == self._draft.selected) for index, each in enumerate(self._draft.findings)
        )
        if detail is None:
            return Look()
        centre = (detail.width // 2, detail.height // 2)
        if finding is not None:
            centre = (finding.box.x + finding.box.w // 2, finding.box.y + finding.box.h // 2)
        return Look(self._zoom, centre if self._zoom > 1 else (0, 0), outlines)

    def _why_not(self) -> str:
        """Why the photo cannot be approved now; empty when it can."""
        detail = self._detail
        if self._no_photos:
            return "this terminal cannot show photos."
        if detail is None:
            return "no photo is on the screen."
        if detail.problems:
            return detail.problems[0]
        if detail.info.state is ReviewState.APPROVED:
            return "it is approved already."
        if self._draft.changed:
            return "the masks were changed. Save them (S), and look at the result."
        if self._photo is not None and self._photo.too_small:
            return "this terminal is too small to show the photo."
        if self._painted != detail.info.revision:
            return "the photo is not on the screen yet."
        return ""

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        about = self.query_one("#about", Static)
        detail = self._detail
        if detail is None:
            about.update(Text("Loading..." if self._captures else "No photos"))
            self.query_one("#findings", Static).update("")
        else:
            encounter = self._encounters.get(detail.info.encounter_id) if detail.info.encounter_id else None
            about.update(photo_text(detail, self._at, len(self._captures), encounter))
            self.query_one("#findings", Static).update(
                findings_text(self._draft, self.size.height - 20, shown=self._photo is not None)
            )
            if self._photo is not None:
                self._photo.look(self._look())
        why = clean(self._why_not())
        approval = self.query_one("#approval", Static)
        words = Text()
        words.append("NOT TO BE APPROVED HERE: " if why else "READY: ", style="bold")
        words.append(why or "A approves what you see, R rejects it.")
        approval.set_class(not why, "-ready")
        approval.update(words)

    def _change(self, change: Callable[[Draft, CaptureDetail], None]) -> None:
        if self._detail is None or self._busy:
            return
        if self._photo is None:
            self.say("Masks can be changed only where the photo is shown.", wrong=True)
            return
        change(self._draft, self._detail)
        self._draw()

    def _reshape(self, reshape: Callable[[Box, int, int, int], Box]) -> None:
        def change(draft: Draft, detail: CaptureDetail) -> None:
            if draft.finding is None:
                self.say("There is no finding to change. M adds a mask.")
                return
            by = step(detail.width, detail.height, self._zoom)
            if draft.reshape(reshape(draft.finding.box, by, detail.width, detail.height)):
                self.say("What was found stays as it was; the mask that you moved away is an added one.")

        self._change(change)

    def action_move(self, x: int, y: int) -> None:
        """Move the mask."""
        self._reshape(lambda box, by, width, height: moved(box, x * by, y * by, width, height))

    def action_grow(self, x: int, y: int) -> None:
        """Move the right or the lower edge of the mask."""
        self._reshape(lambda box, by, width, height: grown(box, x * by, y * by, width, height))

    def action_scale(self, sign: int) -> None:
        """Move all edges of the mask."""
        self._reshape(lambda box, by, width, height: scaled(box, sign * by, width, height))

    def action_add(self) -> None:
        """Add a mask in the middle of what is shown."""

        def change(draft: Draft, detail: CaptureDetail) -> None:
            centre = self._look().centre if self._zoom > 1 else (detail.width // 2, detail.height // 2)
            draft.add(*centre)
            self.say("A mask was added. Arrows move it, Shift+arrows or + and - resize it, S saves.")

        self._change(change)

    def action_delete(self) -> None:
        """Delete a drawn mask; keep a found one, with a reason."""
        if self._draft.finding is not None and not self._draft.is_drawn:
            self._keep("What was found stays on record as kept, with your reason.")
        else:
            self._change(lambda draft, _: draft.delete())

    def action_keep_or_mask(self) -> None:
        """Mask what is kept; keep what is masked, with a reason."""
        finding = self._draft.finding
        if finding is not None and self._draft.is_drawn and finding.decision is Decision.MASK:
            self.say("This mask was added by a person: D deletes it.")
        elif finding is not None and finding.decision is Decision.MASK:
            self._keep("It will be visible to everybody who receives this photo.")
        else:
            self._change(lambda draft, _: draft.mask())

    def _keep(self, explanation: str) -> None:
        if self._detail is None or self._busy or self._photo is None:
            return
        self.app.push_screen(
            AskReason("Why is this kept visible?", explanation),
            lambda reason: self._change(lambda draft, _: draft.keep(reason)) if reason else None,
        )

    def action_undo(self) -> None:
        """Take back the last change."""
        if not self._draft.undo():
            self.say("There is nothing to take back.")
        self._draw()

    def action_next_finding(self) -> None:
        """Choose the next finding."""
        self._draft.select(1)
        self._draw()

    def action_previous_finding(self) -> None:
        """Choose the finding before."""
        self._draft.select(-1)
        self._draw()

    def action_zoom(self) -> None:
        """Look closer at the chosen finding, step by step, then at the whole again."""
        self._zoom = _ZOOMS[(_ZOOMS.index(self._zoom) + 1) % len(_ZOOMS)]
        self._draw()

    def action_save(self) -> None:
        """Redact again with the changed masks."""
        detail, findings = self._detail, self._draft.findings
        if detail is None or self._busy:
            return
        if not self._draft.changed:
            self.say("The masks are as they were; there is nothing to save.")
            return
        capture_id, revision = detail.info.capture_id, detail.info.revision

        def request(kiosk: Client) -> CaptureLoaded:
            kiosk.change_masks(capture_id, revision, findings)
            return looked(kiosk, capture_id, picture=True)

        self._busy = True
        self.say("Redacting again with these masks.")
        self.ask(request, lambda answer: answer)

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

"""Change what is masked: move, resize, add, delete, keep, save."""

from __future__ import annotations

from collections.abc import Callable

from medkiosk.console.language import tr
from medkiosk.console.looking import looked
from medkiosk.console.masks import Draft, grown, moved, scaled, step
from medkiosk.console.messages import CaptureLoaded
from medkiosk.console.screens.dialogs import ChooseReason
from medkiosk.console.screens.original import OriginalScreen
from medkiosk.console.words import FOUND, reasons
from medkiosk.console.zoom import centre_of, into, onto
from medkiosk.core.photo import Box, Decision
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import CaptureDetail

REASONS_TO_MASK = ("a tattoo or jewellery", "writing or a screen", "somebody else in the picture")
"""Three usual reasons to mask something."""
Reshape = Callable[[Box, int, int, int], Box]


class MaskingScreen(OriginalScreen):
    """Shows captures and lets a person change their masks."""

    def _change(self, change: Callable[[Draft, CaptureDetail], None]) -> None:
        if self._detail is None or self._busy:
            return
        if self._photo is None:
            self.say("Masks can be changed only where the photo is shown.", wrong=True)
            return
        change(self._draft, self._detail)
        self._draw()

    def _reshape(self, reshape: Reshape) -> None:
        def change(draft: Draft, detail: CaptureDetail) -> None:
            if draft.finding is None:
                self.say("There is no finding to change. M adds a mask.")
                return
            by = step(self._part.w, self._part.h)
            if draft.reshape(reshape(draft.finding.box, by, detail.width, detail.height)):
                self.say("What was found stays as it was; the mask that you moved away is an added one.")
            self._follow_chosen(draft, detail)

        self._change(change)

    def _follow_chosen(self, draft: Draft, detail: CaptureDetail) -> None:
        """Keep the middle of the chosen box in sight."""
        box = onto(draft.finding.box, detail.crop) if draft.finding else None
        if box is not None:
            (x, y), part = centre_of(box), self._part
            if not (part.x <= x < part.x + part.w and part.y <= y < part.y + part.h):
                self._look_at_chosen()

    def action_move(self, x: int, y: int) -> None:
        """Move the mask."""
        self._reshape(lambda box, by, width, height: moved(box, x * by, y * by, width, height))

    def action_grow(self, x: int, y: int) -> None:
        """Move the right or the lower edge of the mask."""
        self._reshape(lambda box, by, width, height: grown(box, x * by, y * by, width, height))

    def action_scale(self, sign: int) -> None:
        """Move all edges of the mask."""
        self._reshape(lambda box, by, width, height: scaled(box, sign * by, width, height))

    def _middle(self, detail: CaptureDetail) -> tuple[int, int, int]:
        """Where to put something new, in pixels of the whole picture, and how large."""
        part = self._part
        return *into(centre_of(part), detail.crop), max(part.w, part.h) // 8

    def action_add(self) -> None:
        """Add a mask in the middle of what is shown."""

        def change(draft: Draft, detail: CaptureDetail) -> None:
            draft.add(*self._middle(detail))
            self.say("A mask was added. Arrows move it, Shift+arrows or + and - resize it, S saves.")

        self._change(change)

    def action_delete(self) -> None:
        """Delete a drawn mask; keep a found one, with a reason."""
        if self._draft.finding is not None and not self._draft.is_drawn:
            self._keep("What was found stays on record as kept, with your reason.")
        else:
            self._change(lambda draft, _: draft.delete())

    def action_keep_or_mask(self) -> None:
        """Mask what is kept; keep what is masked or suggested, with a reason."""
        finding = self._draft.finding
        if self._draft.is_lesion:
            self.say("A lesion of interest is always kept. C crops to it, D takes the mark away.")
        elif finding is None or finding.decision is Decision.KEEP:
            self._change(lambda draft, _: draft.mask())
        elif self._draft.is_drawn:
            self.say("This mask was added by a person: D deletes it.")
        else:
            self._keep("It will be visible to everybody who receives this photo.")

    def _keep(self, explanation: str) -> None:
        finding = self._draft.finding
        if self._detail is None or self._busy or self._photo is None or finding is None:
            return
        self.app.push_screen(
            ChooseReason("Why is this kept visible?", explanation, reasons(finding.category)),
            lambda reason: self._decide(lambda draft: draft.keep(reason)) if reason else None,
        )

    def _decide(self, decide: Callable[[Draft], None]) -> None:
        """Decide about the chosen finding, and go on to what is undecided where it was."""

        def change(draft: Draft, _: CaptureDetail) -> None:
            asked = draft.finding is not None and draft.finding.decision is Decision.SUGGEST
            decide(draft)
            if asked and draft.select_undecided():
                self._look_at_chosen()

        self._change(change)

    def action_undo(self) -> None:
        """Take back the last change."""
        if not self._draft.undo():
            self.say("There is nothing to take back.")
        self._look_at_chosen()
        self._draw()

    def action_redo(self) -> None:
        """Bring back what was taken back last."""
        if not self._draft.redo():
            self.say("There is nothing to bring back.")
        self._look_at_chosen()
        self._draw()

    def action_kind(self) -> None:
        """Say what the chosen mask hides: the next kind."""

        def change(draft: Draft, _: CaptureDetail) -> None:
            kind = draft.next_kind()
            self.say(
                tr("It hides: {found}.", found=tr(FOUND[kind]))
                if kind
                else "Only what is masked can be given another kind."
            )

        self._change(change)

    def action_why(self) -> None:
        """Give another reason for the chosen finding."""
        finding = self._draft.finding
        if self._detail is None or self._busy or self._photo is None:
            return
        if finding is None or self._draft.is_lesion or finding.decision is Decision.SUGGEST:
            self.say("A reason is given for what is masked or kept.")
            return
        kept = finding.decision is Decision.KEEP
        question = "Why is this kept visible?" if kept else "What does this mask hide, or why?"
        usual = reasons(finding.category) if kept else REASONS_TO_MASK
        self.app.push_screen(
            ChooseReason(question, "It stays on record.", usual),
            lambda reason: self._change(lambda draft, _: draft.give_reason(reason)) if reason else None,
        )

    def action_save(self) -> None:
        """Redact again with the masks as they are now."""
        detail, findings = self._detail, self._draft.findings
        if detail is None or self._busy:
            return
        if not self._draft.changed:
            self.say("The masks are as they were; there is nothing to save.")
            return
        capture_id, revision = detail.info.capture_id, detail.info.revision
        wanted = self._photo is not None

        def request(kiosk: Client) -> CaptureLoaded:
            kiosk.change_masks(capture_id, revision, findings)
            return looked(kiosk, capture_id, picture=wanted)

        if self.comparing:
            self._hide_original("")
        self._busy = True
        self.say("Redacting again with these masks.")
        self.ask(request, lambda answer: answer)

"""Decide what is only suggested, mark the lesion of interest, and crop to it."""

from __future__ import annotations

from medkiosk.console.language import tr
from medkiosk.console.masks import Draft
from medkiosk.console.screens.dialogs import ChooseReason, Confirm
from medkiosk.console.screens.masking import MaskingScreen
from medkiosk.console.words import SUGGESTED, count, percent, reasons
from medkiosk.core.photo import Category, Decision
from medkiosk.ipc.types import CaptureDetail


class SuggestionScreen(MaskingScreen):
    """Shows captures and lets a person decide about everything in them."""

    def action_next_undecided(self) -> None:
        """Choose the next suggestion that is undecided."""
        if self._draft.select_undecided():
            self._look_at_chosen()
            self._draw()
        else:
            self.say("Every suggestion here is decided.")

    def action_mask(self) -> None:
        """Mask the chosen finding."""
        finding = self._draft.finding
        if finding is None:
            self.say("There is no finding to mask. M adds a mask.")
        elif self._draft.is_lesion:
            self.say("A lesion of interest is never masked. D takes the mark away.")
        elif finding.decision is Decision.MASK:
            self.say("It is masked already.")
        else:
            self._decide(lambda draft: draft.mask())

    def action_keep_rest(self) -> None:
        """Keep all undecided suggestions of the chosen kind, with one reason, after asking."""
        finding = self._draft.finding
        if finding is None or self._detail is None or self._busy or self._photo is None:
            return
        kind = finding.category
        left = [each for each in self._draft.undecided if each.category is kind]
        if not left:
            self.say("No suggestion of this kind is undecided. J goes to the next one.")
            return
        words = tr(
            "{suggestions} of the kind “{suggested}”",
            suggestions=count(len(left), "suggestion"),
            suggested=tr(SUGGESTED[kind]),
        )
        self.app.push_screen(
            ChooseReason(
                tr("Why keep {words} visible?", words=words),
                "The same reason for each of them.",
                reasons(kind),
            ),
            lambda reason: self._confirm_rest(kind, words, reason) if reason else None,
        )

    def _confirm_rest(self, kind: Category, words: str, reason: str) -> None:
        sure = [percent(each) for each in self._draft.undecided if each.category is kind]
        how_sure = (
            tr("{min} to {max}", min=min(sure), max=max(sure)) if min(sure) < max(sure) else f"{min(sure)}"
        )
        explanation = tr(
            "The detector is {how_sure} % sure. Reason: {reason}. They will be visible to "
            "everybody who receives this photo.",
            how_sure=how_sure,
            reason=reason,
        )

        def change(draft: Draft, _: CaptureDetail) -> None:
            draft.keep_rest(kind, reason)
            draft.select_undecided()
            self._look_at_chosen()

        self.app.push_screen(
            Confirm(tr("Keep {words} visible?", words=words), explanation),
            lambda answer: self._change(change) if answer else None,
        )

    def action_lesion(self) -> None:
        """Mark the lesion of interest."""

        def change(draft: Draft, detail: CaptureDetail) -> None:
            x, y, side = self._middle(detail)
            draft.add_lesion(x, y, side * 2)
            self.say(
                "The lesion of interest: arrows move it, Shift+arrows or + and - resize it. C crops to it."
            )

        self._change(change)

    def action_crop(self) -> None:
        """Crop to the chosen lesion, after saying what that means; or no longer."""
        draft = self._draft
        if self._detail is None or self._busy or self._photo is None:
            return
        if draft.crop is not None:
            draft.select_lesion()
            self._change(lambda draft, _: draft.crop_to(crop=False))
            self.say("The whole photo leaves again, once you save (S).")
        elif draft.is_lesion or draft.select_lesion():
            self._draw()
            box = draft.finding.box if draft.finding else None
            size = (
                f"{box.w} x {box.h} of {self._detail.width} x {self._detail.height} pixels. " if box else ""
            )
            self.app.push_screen(
                Confirm(
                    "Crop the photo to the lesion of interest?",
                    tr(
                        "Only this part leaves; it is the strongest redaction. {size}The original stays "
                        "sealed in the kiosk, and C takes the crop back.",
                        size=size,
                    ),
                ),
                lambda answer: self._change(lambda d, _: d.crop_to(crop=True)) if answer else None,
            )
        else:
            self.say("Mark the lesion of interest first (L): the photo is cropped to it.")

"""Compare with the original, at the same place: for a while, with a reason, and marked as such."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.timer import Timer

from medkiosk.console.language import tr
from medkiosk.console.messages import OriginalClosed, OriginalOpened, PartLoaded
from medkiosk.console.screens.dialogs import ChooseReason
from medkiosk.console.screens.photo import PhotoScreen
from medkiosk.console.widgets.bigwords import BigWords
from medkiosk.console.widgets.photo import PhotoView
from medkiosk.ipc.client import Client
from medkiosk.ipc.wire import RemoteError

REASONS = ("to judge what a mask hides", "to place the lesion or a crop", "to judge the redaction's colours")
"""Three usual reasons to look at an original."""
ORIGINAL = "ORIGINAL"


def original_part(kiosk: Client, wanted: PhotoView.Wanted) -> PartLoaded:
    """Fetch a part of the original that was opened."""
    picture, (part, size) = wanted.picture, (wanted.part, wanted.size)
    try:
        seen = kiosk.get_original(picture.capture_id, picture.revision, part, *size)
    except RemoteError as error:
        return PartLoaded(part, size, None, error.message, original=True)
    return PartLoaded(part, size, seen, original=True)


class OriginalScreen(PhotoScreen):
    """Shows captures, and with a reason the original in place of what leaves."""

    _left = 0
    _ticking: Timer | None = None

    def panel(self) -> ComposeResult:
        """A large word above everything else while the original is on the screen."""
        yield BigWords(id="original")
        yield from super().panel()

    @property
    def comparing(self) -> bool:
        """Whether the original is on the screen, or about to be."""
        return self._photo is not None and self._photo.comparing

    def action_original(self) -> None:
        """Look at the original, with a reason; or at what leaves again."""
        detail = self._detail
        if self.comparing:
            self._hide_original("What would leave is on the screen again.")
            return
        if detail is None or self._busy:
            return
        if self._photo is None or not detail.info.revision:
            self.say("There is nothing here to compare the original with.", wrong=True)
            return
        capture_id, revision = detail.info.capture_id, detail.info.revision

        def send(reason: str | None) -> None:
            if reason:
                self.ask(lambda kiosk: kiosk.open_original(capture_id, revision, reason), OriginalOpened)

        self.app.push_screen(
            ChooseReason(
                "Why must the original be seen?",
                "It shows everything that is masked. Your reason is recorded before it is shown, and whoever"
                " reads the audit sees both. Look who stands behind you.",
                REASONS,
            ),
            send,
        )

    @on(OriginalOpened)
    def _opened(self, message: OriginalOpened) -> None:
        opened, detail = message.opened, self._detail
        same = detail is not None and (detail.info.capture_id, detail.info.revision) == (
            opened.capture_id,
            opened.revision,
        )
        if self._photo is None or not same:
            self._close()  # the photo was left meanwhile
            return
        self._left = max(int(opened.seconds), 1)
        self._photo.compare()
        self._ticking = self.set_interval(1.0, self._tick)
        self._show_word()
        self._draw()

    def _tick(self) -> None:
        self._left -= 1
        if self._left <= 0:
            self._hide_original("The time for the original is over. V and a reason show it again.")
        else:
            self._draw()

    def _hide_original(self, words: str) -> None:
        """Take the original from the screen, and out of this program's memory."""
        self._forget_original()
        self._close()
        self.say(words)
        self._draw()

    def _close(self) -> None:
        self.ask(lambda kiosk: kiosk.close_original(), lambda _: OriginalClosed())

    def _forget_original(self) -> None:
        if self._ticking is not None:
            self._ticking.stop()
        self._left, self._ticking = 0, None
        if self._photo is not None and self._photo.comparing:
            self._photo.cover()
        self._show_word()

    def _show_word(self) -> None:
        if self.is_mounted:
            word = self.query_one("#original", BigWords)
            word.words = ORIGINAL if self.comparing else ""
            word.display = self.comparing
            self.query_one("#panel", Vertical).set_class(self.comparing, "-original")

    def _load(self) -> None:
        if self.comparing:
            self._close()
        self._forget_original()
        super()._load()

    def on_unmount(self) -> None:
        """Leave nothing behind, however the screen ends: by a key, by the time, because the kiosk locked."""
        if self._photo is not None:
            self._photo.clear()

    def action_back(self) -> None:
        """Go back; the daemon draws nothing more of the original."""
        if self.comparing:
            self._forget_original()
            self._close()
        super().action_back()

    def _part_of(self, kiosk: Client, wanted: PhotoView.Wanted) -> PartLoaded:
        if wanted.original:
            return original_part(kiosk, wanted)
        return super()._part_of(kiosk, wanted)

    def _part_refused(self, message: PartLoaded) -> None:
        if not message.original:
            super()._part_refused(message)
        elif self.comparing:  # what the daemon does not draw must not stand below the word for it
            self._hide_original("")
            self.say(message.words, wrong=True)

    def _original_words(self) -> str:
        """What stands below the large word."""
        if not self.comparing:
            return ""
        state = "" if self._photo is None or self._photo.sharp else tr(" It is coming.")
        return tr(
            "NOT REDACTED: this never leaves.{state}\n{left} s left. V goes back at once.",
            state=state,
            left=self._left,
        )

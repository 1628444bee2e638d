"""Look at photos one by one: the whole of what would leave, and parts of it at full resolution."""

from __future__ import annotations

import time
from itertools import chain

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from medkiosk.console.drawing.shapes import Stroke
from medkiosk.console.language import tr
from medkiosk.console.looking import looked, pages, part_of, waiting
from medkiosk.console.masks import Draft
from medkiosk.console.messages import CaptureLoaded, CapturesListed, PartLoaded, Prepared, Refused
from medkiosk.console.screens.anew import AnewScreen
from medkiosk.console.screens.findings import findings_text, photo_text
from medkiosk.console.terminal import NO_CELL_SIZE, NO_GRAPHICS
from medkiosk.console.widgets.photo import Look, Mark, PhotoView
from medkiosk.console.words import clean
from medkiosk.console.zoom import Point, Size, centre_of, onto, panned, turned
from medkiosk.core.ids import AccountId, CaptureId, EncounterId, ImportId
from medkiosk.core.photo import Box, Category, Decision, Finding, is_open
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import CaptureDetail, CaptureInfo, EncounterInfo

_STROKES = {Decision.MASK: Stroke.MASK, Decision.SUGGEST: Stroke.SUGGESTED, Decision.KEEP: Stroke.KEPT}


def stroke_of(finding: Finding) -> Stroke:
    """How a finding is outlined."""
    return Stroke.LESION if finding.category is Category.LESION else _STROKES[finding.decision]


class PhotoScreen(AnewScreen):
    """Shows captures one by one and what was found in them.

    Args:
        import_id, encounter_id: which captures.
        queue: only those that somebody must still look at, and whoever is logged in may judge.
        first: the one to begin with.
    """

    def __init__(
        self,
        *,
        import_id: ImportId | None = None,
        encounter_id: EncounterId | None = None,
        queue: bool = False,
        first: CaptureId | None = None,
    ) -> None:
        super().__init__()
        self._filter = (import_id, encounter_id)
        self._queue = queue
        self._done = ""
        self._prepared = CaptureId("")
        self._first = first
        self._captures: list[CaptureInfo] = []
        self._at = 0
        self._encounter: EncounterInfo | None = None
        self._detail: CaptureDetail | None = None
        self._draft = Draft((), 1, 1, AccountId(""))
        self._painted = 0
        self._painted_at = 0.0
        """When the revision that is painted was first to be seen."""
        self._level = 0
        self._centre: Point = (0, 0)
        self._wanted: PhotoView.Wanted | None = None
        self._fetching = False
        self._busy = False
        self._uncovered: CaptureId | None = None
        self._photo: PhotoView | None = None
        self._comes = False
        """Whether a picture of what is loaded comes, or is there."""
        self._told: dict[str, Text] = {}
        """What stands beside the picture, by where."""

    def body(self) -> ComposeResult:
        """The picture, and beside it what was found."""
        with Horizontal():
            if self._no_photos:
                with Vertical(id="no-photo"):
                    yield Static(Text(self._no_photos), markup=False)
            else:
                self._photo = PhotoView(self.kiosk.terminal)
                yield self._photo
            with Vertical(id="panel"):
                yield from self.panel()

    def panel(self) -> ComposeResult:
        """What stands beside the picture."""
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
        self._list()

    def _list(self) -> None:
        (import_id, encounter_id), me = self._filter, self._me
        if self._queue:
            self.ask(lambda kiosk: waiting(kiosk, me), CapturesListed)
        else:
            self.ask(
                lambda kiosk: tuple(chain.from_iterable(pages(kiosk, import_id, encounter_id))),
                CapturesListed,
            )

    @property
    def _me(self) -> AccountId:
        session = self.kiosk.session
        return session.account_id if session else AccountId("")

    @on(CapturesListed)
    def _captures_listed(self, message: CapturesListed) -> None:
        self._captures = list(message.captures)
        ids = [each.capture_id for each in self._captures]
        open_ = (place for place, each in enumerate(self._captures) if is_open(each, self._me))
        self._at = ids.index(self._first) if self._first in ids else next(open_, 0)
        if self._captures:
            self._load()
        else:
            self._detail = None
            if self._photo is not None:
                self._photo.clear()
            self.say(tr("{done} No photo waits here.", done=self._done).strip())
            self._draw()
            self.seen()

    def _load(self) -> None:
        capture_id = self._captures[self._at].capture_id
        wanted = self._photo is not None
        self._detail, self._painted, self._level, self._busy = None, 0, 0, True
        self._encounter = None
        self._wanted = None
        self._comes = False
        self.anew()
        self._draft = Draft((), 1, 1, AccountId(""))
        if self._photo is not None:
            self._photo.clear()
        self._draw()
        shown = self._uncovered == capture_id
        self._uncovered = None
        self.ask(
            lambda kiosk: looked(kiosk, capture_id, picture=wanted, uncovered=shown), lambda answer: answer
        )

    def action_uncover(self) -> None:
        """Show an intimate picture, which stays covered until somebody asks for it."""
        if self._captures and not self._busy:
            self._uncovered = self._captures[self._at].capture_id
            self._load()

    @on(CaptureLoaded)
    def _loaded(self, message: CaptureLoaded) -> None:
        detail = message.detail
        if not self._captures or detail.info.capture_id != self._captures[self._at].capture_id:
            return  # the answer for a photo that was left meanwhile
        self._busy = False
        if self._detail is None or self._detail.crop != detail.crop:
            self._level = 0
        self._detail, self._painted, self._wanted, self._comes = detail, 0, None, False
        self.anew()
        self._encounter = message.encounter
        selected = self._draft.selected
        self._draft = Draft(detail.findings, detail.width, detail.height, self._me)
        if selected >= 0:
            self._draft.select(selected)
        else:
            self._draft.select_undecided()
        self._captures[self._at] = detail.info
        if message.words:
            self.say(message.words, wrong=True)
        if self._photo is not None and message.picture is not None:
            picture, pixels = message.picture
            try:
                self._photo.show(picture, pixels, self._full, self._look())
                self._comes = True
            except ValueError:
                self._cannot_draw()
        self._draw()
        self.call_after_refresh(self._draw)  # the list of findings has as much room as the rest leaves
        self.seen_in_words()

    def only_words(self) -> bool:
        """Whether no picture comes, or it has no room: tiles that are cut stay blank."""
        if self._detail is None and self._busy:
            return False
        return not (self._comes and self._photo and not self._no_photos and self.has_room(self._photo))

    def seen_now(self) -> None:
        """Show what can be done to it."""
        self._draw()

    @property
    def _full(self) -> Size:
        """Width and height of what leaves."""
        detail = self._detail
        if detail is None:
            return 1, 1
        return (detail.crop.w, detail.crop.h) if detail.crop else (detail.width, detail.height)

    @on(PhotoView.Painted)
    def _seen(self, message: PhotoView.Painted) -> None:
        detail = self._detail
        if detail is not None and message.picture.capture_id == detail.info.capture_id:
            if message.picture.revision == detail.info.revision:
                self.seen()
            if message.judged and self._painted != message.picture.revision:
                self._painted, self._painted_at = message.picture.revision, time.monotonic()
            self._draw()
            self._prepare()

    def _prepare(self) -> None:
        """Once a photo is on the screen, have the daemon open those that may come next; that is no look."""
        shown = self._captures[self._at].capture_id
        if shown == self._prepared:
            return
        self._prepared = shown
        before, later = self._captures[: self._at][-1:], self._captures[self._at + 1 :]
        following = [each for each in later if is_open(each, self._me)][:1]  # after a decision
        for capture_id in dict.fromkeys(
            each.capture_id for each in (*following, *later[:1], *before) if each.revision
        ):
            self._have_ready(capture_id)

    def _have_ready(self, capture_id: CaptureId) -> None:
        self.ask(lambda kiosk: kiosk.prepare_preview(capture_id), lambda _: Prepared())

    @on(PhotoView.Failed)
    def _cannot_draw(self) -> None:
        self._painted, self._comes = 0, False
        self.say("This photo could not be drawn, so it cannot be approved here.", wrong=True)
        self._draw()
        self.seen_in_words()

    @on(PhotoView.Wanted)
    def _part_wanted(self, message: PhotoView.Wanted) -> None:
        """Ask for one part at a time; of those wanted meanwhile only the last."""
        self._wanted = message
        if not self._fetching:
            self._fetch()

    def _fetch(self) -> None:
        wanted, self._wanted = self._wanted, None
        if wanted is not None:
            self._fetching = True
            self.ask(lambda kiosk: self._part_of(kiosk, wanted), lambda answer: answer)

    def _part_of(self, kiosk: Client, wanted: PhotoView.Wanted) -> PartLoaded:
        return part_of(kiosk, wanted)

    @on(PartLoaded)
    def _part_loaded(self, message: PartLoaded) -> None:
        self._fetching = False
        wanted = self._wanted
        asked = (message.part, message.size, message.original)
        if wanted is not None and (wanted.part, wanted.size, wanted.original) == asked:
            self._wanted = None
        if self._photo is not None and message.picture is not None:
            picture, pixels = message.picture
            try:
                self._photo.put(picture, message.part, message.size, pixels, original=message.original)
            except ValueError:
                self.say("This part could not be drawn.", wrong=True)
        elif message.words and self._detail is not None:
            self._part_refused(message)
        self._fetch()
        self._draw()

    def _part_refused(self, message: PartLoaded) -> None:
        """Say why a part did not come."""
        self.say(message.words, wrong=True)

    @on(Refused)
    def _not_done(self) -> None:
        self._busy = self._fetching = False
        self._after_refusal()

    def _after_refusal(self) -> None:
        """Show what there is."""
        self._draw()
        if self.seen_at is None:
            self.seen_in_words()

    @on(events.Resize)
    def _resized(self) -> None:
        self.call_after_refresh(self._draw)

    def _look(self) -> Look:
        detail = self._detail
        if detail is None:
            return Look()
        boxes = [(onto(each.box, detail.crop), n, each) for n, each in enumerate(self._draft.findings)]
        marks = tuple(
            Mark(box, stroke_of(each), n == self._draft.selected) for box, n, each in boxes if box is not None
        )
        return Look(self._level, self._centre if self._level else (0, 0), marks)

    def _look_at_chosen(self) -> None:
        """Where one looks closer, bring the chosen finding to the middle."""
        finding, detail = self._draft.finding, self._detail
        box = onto(finding.box, detail.crop) if finding and detail else None
        if box is not None:
            self._centre = centre_of(box)

    def _why_not(self) -> str:
        """Why the photo cannot be approved now; empty when it can."""
        return self._no_photos

    @property
    def _part(self) -> Box:
        """What is looked at, in pixels of what leaves."""
        return self._photo.part if self._photo is not None else Box(0, 0, *self._full)

    def _zoom_words(self) -> str:
        """How closely one looks; empty for the whole."""
        if self._photo is None or not self._level or not self._photo.wanted:
            return ""
        scale = self._photo.levels[min(self._level, len(self._photo.levels) - 1)]
        words = tr("CLOSER: {percent} % of full resolution", percent=f"{scale * 100:.0f}")
        return words if self._photo.sharp else words + tr(", coming")

    def _original_words(self) -> str:
        """What to say while the original is on the screen; empty otherwise."""
        return ""

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        detail = self._detail
        if detail is None:
            self._tell("#about", Text(tr("Loading...") if self._captures else tr("No photos")))
            self._tell("#findings", Text())
        else:
            if self._photo is not None:
                self._photo.look(self._look())
            words = photo_text(detail, self._at, len(self._captures), self._encounter)
            if compared := self._original_words():
                words = Text.assemble((compared, "bold reverse"), "\n\n", words)
            if closer := self._zoom_words():
                words.append(f"\n{closer}", style="bold")
            self._tell("#about", words)
            shown, room = self._photo is not None, self.query_one("#findings").size.height
            self._tell("#findings", findings_text(self._draft, detail.crop, room, shown=shown))
        why = clean(tr(self._why_not()))
        verdict = Text()
        verdict.append(tr("NOT TO BE APPROVED HERE: ") if why else tr("READY: "), style="bold")
        verdict.append(why or tr("A approves what you see, R rejects it."))
        self.query_one("#approval").set_class(not why, "-ready")
        self._tell("#approval", verdict)

    def _tell(self, where: str, words: Text) -> None:
        """Say something beside the picture; keys need not wait for a layout of what is said already."""
        if self._told.get(where) != words:
            self._told[where] = words
            self.query_one(where, Static).update(words)

    def _zoom_to(self, level: int) -> None:
        if self._photo is None or self._detail is None:
            return
        number = len(self._photo.levels)
        if number == 1:
            self.say("This photo is shown with all its pixels already.")
        if not self._level:
            self._centre = centre_of(Box(0, 0, *self._full))
            self._look_at_chosen()
        self._level = level % number
        self._draw()

    def action_zoom(self) -> None:
        """Look closer, level by level, then at the whole again."""
        self._zoom_to(self._level + 1)

    def action_closest(self) -> None:
        """Look at each pixel of what leaves."""
        self._zoom_to(-1)

    def action_whole(self) -> None:
        """Look at the whole."""
        self._zoom_to(0)

    def action_pan(self, right: int, down: int) -> None:
        """Look further in a direction."""
        if self._level:
            self._centre = panned(self._part, self._full, right, down)
            self._draw()
        else:
            self.say("All of it is on the screen. Z looks closer, 1 at each pixel.")

    def action_turn(self, by: int) -> None:
        """Go on to the next part, or back to the one before."""
        if self._photo is None or self._detail is None:
            return
        if not self._level:
            self._zoom_to(-1)
            self._centre = (0, 0)
            self._draw()
            by = 0
        if self._level:
            self._centre, number, total = turned(self._part, self._full, by)
            self.say(
                tr(
                    "Part {number} of {total}. Space goes on, 0 shows the whole again.",
                    number=number,
                    total=total,
                )
            )
            self._draw()

    def action_next_finding(self) -> None:
        """Choose the next finding."""
        self._draft.select(1)
        self._look_at_chosen()
        self._draw()

    def action_previous_finding(self) -> None:
        """Choose the finding before."""
        self._draft.select(-1)
        self._look_at_chosen()
        self._draw()

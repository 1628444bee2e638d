"""What an encounter's pictures show, or what one of them shows (docs/consent.md, section 7)."""

from __future__ import annotations

from enum import StrEnum

from textual import on
from textual.app import ComposeResult
from textual.widgets import Static

from medkiosk.console.bodyparts import listed, written
from medkiosk.console.encounterlines import own_sites, shown_by
from medkiosk.console.language import tr
from medkiosk.console.screens.form import FormScreen, Rows
from medkiosk.console.sitemessages import SitesSaved
from medkiosk.console.widgets.bodyfield import BodyField
from medkiosk.console.widgets.choice import Choice
from medkiosk.console.widgets.field import Field
from medkiosk.console.words import clean, count, subject_words
from medkiosk.ipc.types import CaptureInfo, EncounterInfo


class _Like(StrEnum):
    OWN = "own"
    SAME = "same"


class BodyPartsScreen(FormScreen):
    """Records which parts of the body pictures show.

    Args:
        encounter: as it is now.
        photo: the one that it is about; None: all of the encounter.
    """

    AUTO_FOCUS = "#sites"

    def __init__(self, encounter: EncounterInfo, photo: CaptureInfo | None = None) -> None:
        super().__init__()
        self._encounter = encounter
        self._photo = photo

    @property
    def heading(self) -> str:
        """The form's name."""
        return "What it shows"

    def above(self) -> ComposeResult:
        """What it is about."""
        yield Static(subject_words(self._encounter), classes="caption", markup=False)
        if self._photo is not None:
            about = tr("What {name} shows, whatever its encounter says.", name=clean(self._photo.name, 24))
        elif number := len(self._encounter.otherwise):
            about = tr("What the photos of this encounter show, but {photos}.", photos=count(number, "photo"))
        else:
            about = tr("What the photos of this encounter show.")
        yield Static(about, markup=False)
        yield Static(
            tr("Type the beginning, Right takes the rest; a semicolon between two. Empty: not known."),
            markup=False,
        )

    def rows(self) -> Rows:
        """The parts, and why another word was wrong."""
        hint = "left forearm; face"
        rows: Rows = [("Body parts", BodyField(written(self._now), name="sites", hint=hint))]
        if self._photo is not None:
            theirs = listed(self._encounter.sites) or tr("nothing recorded")
            words = {
                _Like.OWN: tr("shows these parts"),
                _Like.SAME: tr("as its encounter: {sites}", sites=theirs),
            }
            rows.append(("This photo", Choice(words, (_Like.OWN,), name="like")))
        why = "Why what was recorded is wrong; else empty"
        return [*rows, ("Reason", Field(id="reason", max_length=200, placeholder=why))]

    @property
    def _now(self) -> tuple[str, ...]:
        if self._photo is None:
            return self._encounter.sites
        return shown_by(self._encounter, self._photo.capture_id)

    @property
    def _same(self) -> bool:
        return self._photo is not None and self.query_one("#like", Choice).chosen == (_Like.SAME,)

    @on(Choice.Changed, "#like")
    def _other_choice(self) -> None:
        self.show_row("sites", not self._same)

    def save(self) -> str | None:
        """Send what is changed."""
        sites = self.query_one("#sites", BodyField).sites
        if isinstance(sites, str):
            return sites
        encounter_id, reason = self._encounter.encounter_id, self.text("reason")
        photo = self._photo
        if photo is None:
            if set(sites) == set(self._now):
                return "Nothing is changed yet."
            self.ask(lambda kiosk: kiosk.say_sites(encounter_id, sites, reason), SitesSaved)
            return None
        own = None if self._same else sites
        before = own_sites(self._encounter, photo.capture_id)
        if own == before or (own is not None and before is not None and set(own) == set(before)):
            return "Nothing is changed yet."
        capture_id = photo.capture_id
        self.ask(lambda kiosk: kiosk.say_capture_sites(capture_id, own, reason), SitesSaved)
        return None

    @on(SitesSaved)
    def _saved(self, message: SitesSaved) -> None:
        message.stop()
        encounter, photo = message.encounter, self._photo
        sites = shown_by(encounter, photo.capture_id) if photo is not None else encounter.sites
        name = clean(photo.name, 24) if photo is not None else clean(encounter.subject.name, 40)
        said = listed(sites) or tr("not known")
        self.leave(tr("Recorded: {name} shows {sites}.", name=name, sites=said))

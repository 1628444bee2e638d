"""The catalogue's holdings and what can be asked about them; `medkiosk.catalog.fold` fills them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from medkiosk.catalog.circle import Circle
from medkiosk.catalog.corrections import Corrections
from medkiosk.catalog.exports import Outside
from medkiosk.catalog.holdings import (
    Capture,
    Encounter,
    Import,
    encounter_view,
    import_view,
    row_of,
)
from medkiosk.catalog.packed import Shelf, detail_of
from medkiosk.catalog.pages import EncounterPage, ImportPage, Keep, encounter_page
from medkiosk.catalog.people import People
from medkiosk.catalog.retention import Keeping
from medkiosk.catalog.search import Lines
from medkiosk.catalog.settings import SettingsBook
from medkiosk.catalog.sites import Sites
from medkiosk.catalog.slates import Slates
from medkiosk.catalog.trail import Trail
from medkiosk.catalog.training import Training
from medkiosk.catalog.views import (
    CapturePage,
    CaptureRow,
    CaptureView,
    ConsentView,
    EncounterView,
    ImportView,
    Problem,
    ReceiptPage,
    Series,
)
from medkiosk.core import events as ev
from medkiosk.core import exportevents as out
from medkiosk.core.consent import ConsentKind, Terms, subject_key
from medkiosk.core.ids import AccountId, CaptureId, EncounterId, ImportId, ObjectId, RecipientId, is_id
from medkiosk.core.photo import ReviewState


@dataclass
class Holdings:
    """Everything that the events added up to so far; `medkiosk.catalog.saved` saves and loads it.

    Attributes:
        numbered: captures by number; None once disposed of.
        objects: every original, see `short`.
        waiting: captures that no derivative was made of, and the file to make one of.
        said: consents by their subject, see `subject_key`.
        identities: how often encounters changed whose they are, or went, since this catalogue was made.
    """

    imports: dict[ImportId, Import] = field(default_factory=dict)
    captures: dict[CaptureId, Capture] = field(default_factory=dict)
    numbered: list[Capture | None] = field(default_factory=list)
    shelf: Shelf = field(default_factory=Shelf)
    objects: set[int | str] = field(default_factory=set)
    waiting: dict[CaptureId, ObjectId] = field(default_factory=dict)
    encounters: dict[EncounterId, Encounter] = field(default_factory=dict)
    slates: Slates = field(default_factory=Slates)
    said: dict[tuple[str, str], list[ConsentView]] = field(default_factory=dict)
    people: People = field(default_factory=People)
    training: Training = field(default_factory=Training)
    outside: Outside = field(default_factory=Outside)
    problems: list[Problem] = field(default_factory=list)
    keeping: Keeping = field(default_factory=Keeping)
    circle: Circle = field(default_factory=Circle)
    corrections: Corrections = field(default_factory=Corrections)
    settings: SettingsBook = field(default_factory=SettingsBook)
    sites: Sites = field(default_factory=Sites)
    identities: int = 0
    trail: Trail = field(default_factory=Trail)


def short(object_id: ObjectId) -> int | str:
    """An id as a key: of the same meaning in half the memory."""
    return int(object_id, 16) if is_id(object_id) else object_id


class Index:
    """Everything that the events added up to so far."""

    def __init__(self) -> None:
        self.held = Holdings()
        self._lines = Lines()

    @property
    def keeping(self) -> Keeping:
        """Retention classes, holds and disposals."""
        return self.held.keeping

    @property
    def outside(self) -> Outside:
        """Recipients, exports, recall notices."""
        return self.held.outside

    @property
    def slates(self) -> Slates:
        """The slates that were shown."""
        return self.held.slates

    @property
    def circle(self) -> Circle:
        """Who has to do with which encounter."""
        return self.held.circle

    @property
    def people(self) -> People:
        """Who has an account."""
        return self.held.people

    @property
    def trail(self) -> Trail:
        """Which records name what."""
        return self.held.trail

    @property
    def training(self) -> Training:
        """Who passed which check."""
        return self.held.training

    @property
    def settings(self) -> SettingsBook:
        """Which settings were proposed and decided."""
        return self.held.settings

    @property
    def sites(self) -> Sites:
        """Which parts of the body pictures show."""
        return self.held.sites

    @property
    def corrections(self) -> Corrections:
        """Who said that what is another patient's."""
        return self.held.corrections

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The events that did not fit, in order."""
        return tuple(self.held.problems)

    def accounts(self) -> tuple[ev.AccountCreated, ...]:
        """All accounts, oldest first."""
        return tuple(self.people.accounts.values())

    def account(self, account_id: AccountId) -> ev.AccountCreated | None:
        """The account with this id."""
        return self.people.accounts.get(account_id)

    def name_of(self, account_id: AccountId) -> str:
        """The name of an account, or its id where nobody knows it."""
        account = self.account(account_id)
        return account.display_name if account else str(account_id)

    def account_of(self, user: str) -> ev.AccountCreated | None:
        """The account with this user name."""
        return self.people.of(user)

    def imports(self) -> tuple[ImportView, ...]:
        """All imports, newest first."""
        return tuple(import_view(import_) for import_ in reversed(self.held.imports.values()))

    def import_page(self, offset: int = 0, limit: int = 500) -> ImportPage:
        """A page of the imports, newest first; without plugs that brought and took nothing."""
        held = [
            each
            for each in reversed(self.held.imports.values())
            if each.captures or len(each.files) or each.deletions or each.finished is None
        ]
        start = max(offset, 0)
        page = held[start : start + max(limit, 0)]
        return ImportPage(tuple(map(import_view, page)), len(held))

    def receipt(self, import_id: ImportId, offset: int = 0, limit: int = 500) -> ReceiptPage | None:
        """What became of each file that one import had to read, in the order in which it was known.

        Files that were acknowledged by an earlier import are in that one's receipt, and counted here.
        """
        if (import_ := self.held.imports.get(import_id)) is None:
            return None
        start = max(offset, 0)
        return ReceiptPage(
            import_view(import_),
            import_.started.files,
            tuple(import_.files.page(start, start + max(limit, 0), self._original)),
            import_.files.sealed,
            import_.files.copies,
            len(import_.files),
            import_.finished,
            import_.deletions.deleted,
            len(import_.deletions.kept),
            len(import_.deletions.unclear),
        )

    def captures(
        self,
        import_id: ImportId | None = None,
        encounter_id: EncounterId | None = None,
        state: ReviewState | None = None,
        offset: int = 0,
        limit: int = 500,
        keep: Callable[[EncounterId | None], bool] | None = None,
    ) -> CapturePage:
        """Captures that match every filter given, in import order.

        An import or encounter that does not exist has none. ``keep`` says by their encounter, or None, which
        ones somebody may know of.
        """
        pool: Collection[Capture] = self.held.captures.values()
        if encounter_id is not None:
            encounter = self.held.encounters.get(encounter_id)
            pool = sorted(encounter.captures.values(), key=lambda c: c.number) if encounter else ()
        elif import_id is not None:
            import_ = self.held.imports.get(import_id)
            pool = import_.captures if import_ else ()
        matching = pool
        if state is not None or keep or (import_id is not None and encounter_id is not None):
            matching = [
                capture
                for capture in pool
                if (state is None or capture.state is state)
                and (import_id is None or capture.import_id == import_id)
                and (keep is None or keep(capture.encounter_id))
            ]
        offset, limit = max(offset, 0), max(limit, 0)
        page = islice(matching, offset, offset + limit)
        return CapturePage(tuple(row_of(capture, detail_of(capture)) for capture in page), len(matching))

    def open_captures(
        self, states: Container[ReviewState], keep: Callable[[EncounterId | None], bool] | None = None
    ) -> Iterator[CaptureRow]:
        """Yield captures in one of these states, newest first; ``keep`` as for `captures`."""
        for capture in reversed(self.held.captures.values()):
            if capture.state in states and (keep is None or keep(capture.encounter_id)):
                yield row_of(capture, detail_of(capture))

    def capture(self, capture_id: CaptureId) -> CaptureView | None:
        """One capture with its files and revisions."""
        if (capture := self.held.captures.get(capture_id)) is None:
            return None
        detail = detail_of(capture)
        revision, subject = detail.compared
        return CaptureView(
            row_of(capture, detail),
            detail.originals,
            detail.revisions,
            detail.approved,
            detail.assigned_by,
            compared=subject if revision == detail.revision else "",
            said=detail.said,
            leaf=detail.leaves[-1] if detail.leaves else -1,
            asked=detail.asked,
        )

    def waiting(self) -> tuple[ev.OriginalSealed, ...]:
        """The originals that redaction has not been tried on yet, one a capture, oldest first.

        It is the capture's best file: the JPEG, else the HEIF, else the RAW, else the first, of which no
        derivative can be made: trying it gives the reason.
        """
        return tuple(
            next(file for file in detail_of(self.held.captures[id_]).originals if file.object_id == object_id)
            for id_, object_id in self.held.waiting.items()
        )

    def series(self, import_id: ImportId) -> Series:
        """The frames of an import, to say whose they are; none of an import that does not exist."""
        if (import_ := self.held.imports.get(import_id)) is None:
            return Series((), 0, whole=False)
        return Series(
            tuple(self.slates.frame(capture, detail_of(capture)) for capture in import_.captures),
            import_.slates,
            whole=self._whole(import_),
        )

    def _whole(self, import_: Import) -> bool:
        """Whether it ended and every capture was looked at; the last ones are looked at last."""
        waiting = (each.capture_id in self.held.waiting for each in reversed(import_.captures))
        return import_.finished is not None and not any(waiting)

    def import_of(self, capture_id: CaptureId) -> ImportId | None:
        """The import that a capture's first file came with."""
        capture = self.held.captures.get(capture_id)
        return capture.import_id if capture else None

    def imports_to_file(self, among: Iterable[ImportId] | None = None) -> tuple[ImportId, ...]:
        """Imports of which slates can say whose their frames are.

        They ended, all of them was looked at, one frame shows a slate, and some belong to no encounter.

        Args:
            among: those to look at; else all, oldest first.
        """
        return tuple(
            id_
            for id_ in (self.held.imports if among is None else among)
            if (each := self.held.imports.get(id_)) is not None
            and each.slated
            and each.assigned < len(each.captures)
            and self._whole(each)
        )

    def owner_of(self, id_: str) -> EncounterId | None:
        """The encounter with this id, or that the capture with this id belongs to; None: there is none."""
        if (encounter := self.held.encounters.get(EncounterId(id_))) is not None:
            return encounter.created.encounter_id
        capture = self.held.captures.get(CaptureId(id_))
        return capture.encounter_id if capture else None

    def encounters(self) -> tuple[EncounterView, ...]:
        """All encounters, newest first."""
        return tuple(encounter_view(encounter) for encounter in reversed(self.held.encounters.values()))

    def encounter_page(self, offset: int = 0, limit: int = 500, keep: Keep | None = None) -> EncounterPage:
        """A page of the encounters, newest first; ``keep`` leaves out what somebody may not know of."""
        held = self.held.encounters
        return encounter_page(reversed(held.values()), offset, limit, keep, len(held))

    def find_encounters(
        self, text: str, offset: int = 0, limit: int = 500, keep: Keep | None = None
    ) -> EncounterPage:
        """A page of the encounters that have a word beginning with each word of a text, newest first."""
        return encounter_page(self._lines.find(self.held.encounters, text), offset, limit, keep)

    def encounter(self, encounter_id: EncounterId) -> EncounterView | None:
        """One encounter."""
        encounter = self.held.encounters.get(encounter_id)
        return encounter_view(encounter) if encounter else None

    def answers(self, encounter_id: EncounterId) -> tuple[Terms, ...]:
        """Everything that counts when consent for an encounter's pictures is decided; see `said`."""
        return tuple(view.terms for view in self.said(encounter_id))

    def said(self, encounter_id: EncounterId) -> tuple[ConsentView, ...]:
        """Every answer that counts for an encounter, in recorded order.

        That is the encounter's own answers, what was agreed to for all encounters in any other of the same
        subject, and every refusal and withdrawal there: whoever says no once must not have to say it again at
        each visit.
        """
        if (encounter := self.held.encounters.get(encounter_id)) is None:
            return ()
        said = self.held.said.get(subject_key(encounter.subject), [])
        return tuple(
            view
            for view in said
            if view.encounter_id == encounter_id
            or view.terms.kind is not ConsentKind.GRANT
            or (view.terms.scope is not None and view.terms.scope.everywhere)
        )

    def recipients(self) -> tuple[out.RecipientEnrolled, ...]:
        """All recipients, oldest first."""
        return tuple(self.outside.recipients.values())

    def recipient(self, recipient_id: RecipientId) -> out.RecipientEnrolled | None:
        """The recipient with this id."""
        return self.outside.recipients.get(recipient_id)

    def exports(self, capture_id: CaptureId) -> tuple[out.Exported, ...]:
        """Every export that this capture left in, oldest first."""
        return tuple(each.written for each in self.outside.of(capture_id) if each.written is not None)

    def objects_of(self, captures: Iterable[CaptureId]) -> tuple[ObjectId, ...]:
        """Every sealed object of these captures: files, derivatives and previews of all revisions."""
        found = filter(None, map(self.held.captures.get, captures))
        return tuple(id_ for capture in found for id_ in detail_of(capture).objects)

    def records_of(
        self, captures: Iterable[CaptureId] = (), encounters: Iterable[EncounterId] = ()
    ) -> tuple[int, ...]:
        """``seq`` of every record that speaks of these captures or these encounters, ascending.

        Of a capture: its files, revisions, reviews, roles, slates, comparisons, and views with a reason.
        Of an encounter: it itself, its answers, slates and assignments. Not: what was exported, which the
        recall list needs, and views without a reason, which hold nothing but ids. Nor records whose ``seq``
        `Catalog.apply` was not told.
        """
        found = {
            seq
            for each in filter(None, map(self.held.captures.get, captures))
            for seq in detail_of(each).records
        }
        found.update(
            seq for each in filter(None, map(self.held.encounters.get, encounters)) for seq in each.records
        )
        return tuple(sorted(found))

    def _original(self, number: int, place: int) -> ev.OriginalSealed:
        capture = self.held.numbered[number]
        if capture is None:
            raise LookupError("a file of a capture that is gone")
        return detail_of(capture).originals[place]

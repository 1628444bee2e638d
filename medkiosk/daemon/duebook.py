"""The catalogue, looked at for what is due, and for what stands against a disposal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from medkiosk.catalog.fold import Catalog
from medkiosk.catalog.views import ConsentView, EncounterView
from medkiosk.consent.decision import Action, may
from medkiosk.core import lifecycle as life
from medkiosk.core.consent import ConsentKind, Purpose, Subject
from medkiosk.core.ids import CaptureId, EncounterId
from medkiosk.retention.classes import Care, Term, read_date, term
from medkiosk.retention.due import Hold, Verdict, judge

_PROTECTS = (
    "It holds a refusal or a withdrawal that protects other pictures of the same person, which stay. Record"
    " it at those first, or dispose of all of them together."
)


@dataclass(frozen=True)
class Book:
    """The catalogue, looked at for what is due."""

    catalog: Catalog
    encounters: dict[EncounterId, EncounterView]
    seen: dict[tuple[str, str], date]
    holds: tuple[Hold, ...]
    today: date

    def term(self, encounter: EncounterView) -> Term:
        """How long an encounter is kept: its clock begins when the subject was last seen, wherever."""
        given = self.catalog.keeping.classes.get(encounter.encounter_id)
        return term(
            Care(
                seen=self.seen[_person(encounter.subject)],
                born=read_date(encounter.subject.birth_date),
                given=given.retention if given else None,
                until=read_date(given.until) if given else None,
            )
        )

    def of_encounter(self, encounter: EncounterView) -> Verdict:
        """Whether a whole encounter may go."""
        captures = self.captures(encounter.encounter_id)
        return judge(self.term(encounter), self.holds, encounter.encounter_id, captures, self.today)

    def of_capture(self, capture_id: CaptureId) -> Verdict:
        """Whether one picture may go."""
        view = self.catalog.capture(capture_id)
        encounter_id = view.row.encounter_id if view else None
        encounter = self.encounters.get(encounter_id) if encounter_id else None
        kept = self.term(encounter) if encounter else None
        return judge(kept, self.holds, encounter_id, [capture_id], self.today)

    def captures(self, encounter_id: EncounterId) -> tuple[CaptureId, ...]:
        """All captures of an encounter."""
        found = self.catalog.captures(encounter_id=encounter_id, limit=1 << 30).captures
        return tuple(row.capture_id for row in found)


def _person(subject: Subject) -> tuple[str, str]:
    return subject.issuer, subject.mrn


def look(catalog: Catalog, now: datetime) -> Book:
    """Look at a catalogue, which is held still meanwhile."""
    encounters = {view.encounter_id: view for view in catalog.encounters()}
    seen: dict[tuple[str, str], date] = {}
    for view in encounters.values():
        day = read_date(view.at[:10]) or now.date()
        person = _person(view.subject)
        seen[person] = max(day, seen.get(person, day))
    holds = tuple(
        Hold(hold.hold_id, frozenset(hold.encounters), frozenset(hold.captures))
        for hold in catalog.keeping.holds.values()
    )
    return Book(catalog, encounters, seen, holds, now.date())


def verdicts_of(book: Book, proposed: life.DisposalProposed) -> list[tuple[str, Verdict]]:
    """About each encounter as a whole, and each picture that is not of one of them."""
    found = []
    covered: set[CaptureId] = set()
    for encounter_id in proposed.encounters:
        view = book.encounters.get(encounter_id)
        if view is not None:
            covered.update(book.captures(encounter_id))
            name = f"{view.subject.name or view.subject.mrn}, {view.at[:10]}, {view.captures} pictures"
            found.append((name, book.of_encounter(view)))
    for capture_id in proposed.captures:
        if capture_id not in covered:
            row = book.catalog.capture(capture_id)
            found.append((f"picture {row.row.name if row else capture_id}", book.of_capture(capture_id)))
    return found


def is_complete(book: Book, proposed: life.DisposalProposed) -> bool:
    """Whether it names all pictures of its encounters, and everything that it names is there."""
    named = frozenset(proposed.captures)
    return all(
        encounter_id in book.encounters and named.issuperset(book.captures(encounter_id))
        for encounter_id in proposed.encounters
    ) and all(book.catalog.capture(capture_id) is not None for capture_id in named)


def unprotected(book: Book, proposed: life.DisposalProposed, now: datetime) -> list[str]:
    """A refusal or withdrawal counts for all pictures of a person: it must not go while others stay."""
    goes = frozenset(proposed.encounters)
    people = {_person(book.encounters[id_].subject) for id_ in goes if id_ in book.encounters}
    for view in book.encounters.values():
        if view.encounter_id in goes or _person(view.subject) not in people:
            continue
        said = sorted(
            (
                consent
                for other in book.encounters.values()
                if _person(other.subject) == _person(view.subject)
                for consent in other.consents
                if other is view or consent.terms.kind is not ConsentKind.GRANT
            ),
            key=lambda consent: consent.at,
        )
        if _opens(book.catalog.answers(view.encounter_id), said, goes, now):
            return [_PROTECTS]
    return []


def _opens(
    before: Sequence[object], said: Iterable[ConsentView], goes: frozenset[EncounterId], now: datetime
) -> bool:
    views = list(said)
    left = [view.terms for view in views if view.encounter_id not in goes]
    if len(left) == len(before):
        return False
    whole = [view.terms for view in views]
    return any(
        may(Action.EXPORT, left, purpose, now).allowed and not may(Action.EXPORT, whole, purpose, now).allowed
        for purpose in Purpose
    )

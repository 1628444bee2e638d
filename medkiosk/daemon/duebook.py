"""The catalogue, looked at for what is due, and for what stands against a disposal."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date, datetime

from medkiosk.catalog.fold import Catalog
from medkiosk.catalog.retention import Disposal
from medkiosk.catalog.views import EncounterView
from medkiosk.consent.decision import protects
from medkiosk.core import lifecycle as life
from medkiosk.core.consent import subject_key
from medkiosk.core.disposal import INITIAL
from medkiosk.core.ids import AccountId, CaptureId, EncounterId
from medkiosk.retention import gate
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
    people: dict[tuple[str, str], list[EncounterView]]
    holds: tuple[Hold, ...]
    now: datetime

    @property
    def today(self) -> date:
        """By the kiosk's clock."""
        return self.now.date()

    def term(self, encounter: EncounterView) -> Term:
        """How long an encounter is kept: its clock begins when the subject was last seen, wherever."""
        given = self.catalog.keeping.classes.get(encounter.encounter_id)
        return term(
            Care(
                seen=self.seen[subject_key(encounter.subject)],
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


def look(catalog: Catalog, now: datetime) -> Book:
    """Look at a catalogue, which is held still meanwhile."""
    encounters = {view.encounter_id: view for view in catalog.encounters()}
    seen: dict[tuple[str, str], date] = {}
    people: dict[tuple[str, str], list[EncounterView]] = {}
    keeping = catalog.keeping
    for view in encounters.values():
        day = read_date(view.at[:10]) or now.date()
        # Of a visit that was disposed of: they were seen then all the same.
        day = max(day, read_date(keeping.last.get(view.encounter_id, "")) or day)
        person = subject_key(view.subject)
        seen[person] = max(day, seen.get(person, day))
        people.setdefault(person, []).append(view)
    holds = tuple(
        Hold(hold.hold_id, frozenset(hold.encounters), frozenset(keeping.bound[hold.hold_id]))
        for hold in keeping.holds.values()
    )
    return Book(catalog, encounters, seen, people, holds, now)


@dataclass(frozen=True)
class Judged:
    """A disposal, with what the catalogue says of it.

    Attributes:
        disposal: as it was then.
        found: of one that is not decided, about each thing that it names; what is not due first, since that
            is what has to be read.
        warning: of one that is not decided, that the clock may be wrong; or empty.
        objects: sealed files that go.
    """

    disposal: Disposal
    found: list[tuple[str, Verdict]]
    warning: str
    objects: int
    proposer: str
    decider: str


def judge_all(catalog: Catalog, disposals: Iterable[Disposal], now: datetime) -> list[Judged]:
    """Judge disposals by one book, made only where one is not decided: it looks at every encounter."""
    book = functools.cache(lambda: look(catalog, now))
    judged = []
    for disposal in disposals:
        found: list[tuple[str, Verdict]] = []
        warning = ""
        if disposal.state is INITIAL:
            found = sorted(verdicts_of(book(), disposal.proposed), key=lambda one: one[1].due)
            warning = clock_warning(book())
        decided = disposal.decided
        judged.append(
            Judged(
                disposal=copy(disposal),
                found=found,
                warning=warning,
                objects=len(catalog.objects_of(disposal.proposed.captures)),
                proposer=catalog.name_of(disposal.proposed.actor),
                decider=catalog.name_of(decided.actor) if decided else "",
            )
        )
    return judged


def standing_of(
    book: Book, encounters: Sequence[EncounterId], captures: Sequence[CaptureId]
) -> tuple[life.Standing, ...]:
    """What a proposal of these is decided on: where each capture is, and how long each encounter is kept."""
    places: dict[EncounterId, list[int]] = {encounter_id: [] for encounter_id in encounters}
    for place, capture_id in enumerate(captures):
        view = book.catalog.capture(capture_id)
        if view is not None and view.row.encounter_id is not None:
            places.setdefault(view.row.encounter_id, []).append(place)
    found = []
    for encounter_id, its in places.items():
        kept = book.term(book.encounters[encounter_id])
        found.append(life.Standing(encounter_id, tuple(its), kept.retention, str(kept.due or "")))
    return tuple(found)


def seen_of(book: Book, encounters: Sequence[EncounterId]) -> tuple[life.LastSeen, ...]:
    """When the persons of these were last seen, and which other encounters of theirs stay."""
    goes = frozenset(encounters)
    found = []
    for person in dict.fromkeys(subject_key(book.encounters[id_].subject) for id_ in encounters):
        stay = tuple(each.encounter_id for each in book.people[person] if each.encounter_id not in goes)
        if stay:
            found.append(life.LastSeen(str(book.seen[person]), stay))
    return tuple(found)


def why_not_propose(
    book: Book, proposed: life.DisposalProposed, verdicts: Sequence[Verdict], damage: str
) -> list[str]:
    """Say what stands against proposing this, in sentences.

    Args:
        book: the catalogue now.
        proposed: what somebody asks for.
        verdicts: about everything that it names.
        damage: of the kiosk's records, in words (`Opened.damage`); empty where there is none.
    """
    problems = gate.why_not_propose(
        verdicts, early=proposed.early, reason=proposed.reason, authority=proposed.authority
    )
    return problems + _beyond(book, proposed, damage)


def why_not_now(
    book: Book, proposed: life.DisposalProposed, damage: str, approver: AccountId | None = None
) -> list[str]:
    """Say what stands against a disposal now, in sentences; asked when it is approved and when it begins.

    Args:
        book: the catalogue now.
        proposed: what was asked for.
        damage: of the kiosk's records, in words (`Opened.damage`); empty where there is none.
        approver: who says yes; None where somebody has.
    """
    verdicts = [verdict for _, verdict in verdicts_of(book, proposed)]
    complete = is_complete(book, proposed)
    if approver is None:
        problems = gate.why_not_begin(proposed, verdicts, complete=complete)
    else:
        problems = gate.why_not_approve(proposed, verdicts, approver, complete=complete)
    return problems + _beyond(book, proposed, damage)


def _beyond(book: Book, proposed: life.DisposalProposed, damage: str) -> list[str]:
    """What stands against a disposal beyond what it names."""
    problems = unprotected(book, proposed)
    if damage:
        problems.append(damage)
    return problems


def verdicts_of(book: Book, proposed: life.DisposalProposed) -> list[tuple[str, Verdict]]:
    """About each encounter as a whole, and each picture that is not of one of them."""
    found = []
    covered: set[CaptureId] = set()
    for encounter_id in proposed.encounters:
        view = book.encounters.get(encounter_id)
        if view is not None:
            covered.update(book.captures(encounter_id))
            hidden = view.encounter_id in book.catalog.circle.restricted
            who = view.subject.mrn if hidden else view.subject.name or view.subject.mrn
            name = f"{who}, {view.at[:10]}, {view.captures} pictures"
            found.append((name, book.of_encounter(view)))
    for capture_id in proposed.captures:
        if capture_id not in covered:
            row = book.catalog.capture(capture_id)
            found.append((f"picture {row.row.name if row else capture_id}", book.of_capture(capture_id)))
    return found


def is_complete(book: Book, proposed: life.DisposalProposed) -> bool:
    """Whether all is as it was when it was proposed.

    It names all pictures of its encounters; every picture is there, in the encounter in which it was; each
    encounter has the class and the due day that were decided on. A proposal that does not say what it was
    decided on is not complete, unless it is of pictures that belong to nobody.
    """
    named = frozenset(proposed.captures)
    if not all(
        encounter_id in book.encounters and named.issuperset(book.captures(encounter_id))
        for encounter_id in proposed.encounters
    ) or not all(book.catalog.capture(capture_id) is not None for capture_id in named):
        return False
    return standing_of(book, proposed.encounters, proposed.captures) == proposed.standing


def unprotected(book: Book, proposed: life.DisposalProposed) -> list[str]:
    """A refusal or withdrawal counts for all pictures of a person: it must not go while others stay."""
    people = {
        subject_key(book.encounters[id_].subject) for id_ in proposed.encounters if id_ in book.encounters
    }
    # What was approved goes, too: two disposals must not each rely on the refusal that the other takes away.
    goes = frozenset(proposed.encounters).union(
        *(disposal.proposed.encounters for disposal in book.catalog.keeping.begun())
    )
    for person in people:
        for view in book.people[person]:
            if view.encounter_id in goes:
                continue
            said = book.catalog.said(view.encounter_id)
            gone = [place for place, each in enumerate(said) if each.encounter_id in goes]
            if protects([each.terms for each in said], gone, book.now):
                return [_PROTECTS]
    return []


_SILENCE_DAYS = 400


def clock_warning(book: Book) -> str:
    """A sentence where no picture came for more than a year: then the clock may be far ahead; else empty.

    Everything is due by a clock that is years ahead. Every login moves the newest record with it, so what
    tells is the last picture.
    """
    catalog = book.catalog
    total = catalog.captures(limit=0).total
    rows = catalog.captures(offset=total - 1, limit=1).captures if total else ()
    last = read_date(rows[0].at[:10]) if rows else None
    if last is None or (book.today - last).days <= _SILENCE_DAYS:
        return ""
    return (
        f"The kiosk's clock says {book.today}; the last picture is of {last}. If the clock is wrong, what it"
        " says of what is due is wrong, too."
    )

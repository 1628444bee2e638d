"""All patients that a kiosk knows: found by their number, or because they are easily mistaken. Pure.

Plain Python tables: 100,000 encounters are taken in once after an unlock, and a question looks at the few
whose birth date is near. What it costs is in docs/identity.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from medkiosk.core.consent import Subject
from medkiosk.core.ids import EncounterId
from medkiosk.identity.names import Alike, Dates, alike, dates, near_dates, parts, sound
from medkiosk.identity.number import Key, Rules, plain

MOST = 8
"""So many similar patients are shown."""


@dataclass(frozen=True)
class Known:
    """A patient as written down last.

    Attributes:
        encounter_id: in which encounter that was.
    """

    subject: Subject
    encounter_id: EncounterId


class Match(StrEnum):
    """How what is typed fits what is known of a patient with this number."""

    NEW = "new"  # the number is not known
    SAME = "same"  # number, name and birth date are theirs
    CONFLICT = "conflict"  # the name or the birth date is another


@dataclass(frozen=True)
class Similar:
    """Another patient who may be meant, or be mistaken for this one."""

    known: Known
    names: Alike
    dates: Dates


class Register:
    """Patients by number and by birth date.

    Args:
        rules: how numbers are compared.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._known: dict[Key, Known] = {}
        self._theirs: dict[Key, list[EncounterId]] = {}
        self._numbers: dict[str, list[Key]] = {}
        self._born: dict[str, set[Key]] = {}
        self._sounds: dict[str, set[Key]] | None = None

    def __len__(self) -> int:
        return len(self._known)

    def take(self, encounters: Iterable[tuple[EncounterId, Subject]]) -> None:
        """Take in encounters, oldest first; the last word about a patient counts."""
        for encounter_id, subject in encounters:
            key = self.rules.key(subject)
            before = self._known.get(key)
            if before is None:
                self._numbers.setdefault(key[1], []).append(key)
            self._theirs.setdefault(key, []).append(encounter_id)
            self._known[key] = Known(subject, encounter_id)
            if before is not None and before.subject == subject:
                continue
            if before is not None:
                self._born[before.subject.birth_date].discard(key)
            self._born.setdefault(subject.birth_date, set()).add(key)
            if self._sounds is not None:
                self._add_sounds(key, subject)

    def of(self, subject: Subject) -> Known | None:
        """What is known of the patient with this number."""
        return self._known.get(self.rules.key(subject))

    def encounters(self, number: str, issuers: Sequence[str] = ()) -> tuple[EncounterId, ...]:
        """The encounters of whoever has this number, newest first.

        Args:
            number: as scanned.
            issuers: who may have issued it; none where anybody may have.
        """
        if issuers:
            keys = [
                self.rules.key(Subject(mrn=number, issuer=each, name="", birth_date="")) for each in issuers
            ]
        else:
            keys = self._numbers.get(plain(number), [])
        found = [id_ for key in keys for id_ in self._theirs.get(key, ())]
        return tuple(reversed(found))

    def match(self, subject: Subject) -> tuple[Match, Known | None]:
        """Compare what is typed with what is known of this number (two identifiers)."""
        known = self.of(subject)
        if known is None:
            return Match.NEW, None
        same_name = parts(known.subject.name) == parts(subject.name)
        same_day = known.subject.birth_date == subject.birth_date or not (
            known.subject.birth_date and subject.birth_date
        )
        return (Match.SAME if same_name and same_day else Match.CONFLICT), known

    def similar(self, subject: Subject) -> tuple[Similar, ...]:
        """Other patients who are easily mistaken for this one, the likeliest first; `MOST` at most."""
        mine = self.rules.key(subject)
        found = []
        for key in self._near(subject):
            known = self._known[key]
            if key == mine:
                continue
            near = dates(subject.birth_date, known.subject.birth_date)
            if near is Dates.FAR:
                continue
            names = alike(subject.name, known.subject.name)
            if names in (Alike.SAME, Alike.CLOSE) or (names is Alike.PART and near is Dates.SAME):
                found.append(Similar(known, names, near))
        order = (*Alike, *Dates)
        found.sort(key=lambda s: (order.index(s.names), order.index(s.dates), s.known.encounter_id))
        return tuple(found[:MOST])

    def _near(self, subject: Subject) -> Iterator[Key]:
        if subject.birth_date:
            for day in near_dates(subject.birth_date):
                yield from self._born.get(day, ())
            # Of these the birth date is not known; they are few, and each is looked at.
            yield from self._born.get("", ())
            return
        if self._sounds is None:
            self._sounds = {}
            for key, known in self._known.items():
                self._add_sounds(key, known.subject)
        keys: set[Key] = set()
        for block in _blocks(subject.name):
            keys |= self._sounds.get(block, set())
        yield from keys

    def _add_sounds(self, key: Key, subject: Subject) -> None:
        if self._sounds is not None:
            for block in _blocks(subject.name):
                self._sounds.setdefault(block, set()).add(key)


def _blocks(name: str) -> set[str]:
    """Names that are alike have one of these in common, but for rare pairs of misspelt parts.

    The sound of each part, and its first three letters.
    """
    found = parts(name)
    return {each[:3] for each in found} | {f"~{sound(each)}" for each in found if sound(each)}

"""Encounters are found by what people type, and lists are read a page at a time."""

from __future__ import annotations

import random
import time

import msgspec
import pytest

from medkiosk.catalog.fold import Catalog
from medkiosk.catalog.search import Lines, alternatives, fold, line_of
from medkiosk.core import events as ev
from medkiosk.core.consent import Subject
from medkiosk.core.ids import AccountId, EncounterId
from medkiosk.review.machine import step
from tests.bench.years import Years

_WHO = AccountId("a" * 32)


def created(
    number: int, name: str, mrn: str = "", label: str = "", birth_date: str = ""
) -> ev.EncounterCreated:
    return ev.EncounterCreated(
        at=f"2026-01-01T00:00:{number % 60:02}.000Z",
        actor=_WHO,
        encounter_id=EncounterId(f"{number:032x}"),
        subject=Subject(mrn=mrn or f"{number:08}", issuer="H", name=name, birth_date=birth_date),
        label=label,
    )


def catalogue(*events: ev.AnyEvent) -> Catalog:
    made = Catalog(step)
    for number, event in enumerate(events, 1):
        made.apply(event, number, number)
    return made


def names(made: Catalog, typed: str) -> list[str]:
    return [view.subject.name for view in made.find_encounters(typed).encounters]


PEOPLE = (
    created(1, "Mustermann, Erika", "0123-456", "left forearm", "1984-08-12"),
    created(2, "Müller, Özgür", "7000001", "Rücken"),
    created(3, "Nuñez Ångström", "7000002"),
    created(4, "O'Neill, Mary", "7000003", "left hand"),
    created(5, "Søren Weiß", "7000004"),
    created(6, "محمد علي", "7000005"),
    created(7, "Mueller, Anna", "7000006"),
)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("must", ["Mustermann, Erika"]),
        ("erika MUST", ["Mustermann, Erika"]),
        ("termann", []),  # the beginning of a word, not its middle
        ("0123", ["Mustermann, Erika"]),
        ("0123-456", ["Mustermann, Erika"]),
        ("0123456", ["Mustermann, Erika"]),
        ("1984-08", ["Mustermann, Erika"]),
        ("muller", ["Müller, Özgür"]),
        ("mueller", ["Mueller, Anna", "Müller, Özgür"]),
        ("Müller", ["Mueller, Anna", "Müller, Özgür"]),
        ("Mu\u0308ller", ["Mueller, Anna", "Müller, Özgür"]),
        ("oezg", ["Müller, Özgür"]),
        ("ruck", ["Müller, Özgür"]),
        ("nunez ang", ["Nuñez Ångström"]),
        ("soren weiss", ["Søren Weiß"]),
        ("o'neill", ["O'Neill, Mary"]),
        ("neill left", ["O'Neill, Mary"]),
        ("left", ["O'Neill, Mary", "Mustermann, Erika"]),
        ("محم", ["محمد علي"]),
        ("nobody", []),
        ("left nobody", []),
    ],
)
def test_what_is_found(typed: str, found: list[str]) -> None:
    assert names(catalogue(*PEOPLE), typed) == found


@pytest.mark.parametrize("typed", ["", "   ", "\x00\x1b", "., -"])
def test_nothing_to_look_for_finds_everybody(typed: str) -> None:
    assert catalogue(*PEOPLE).find_encounters(typed).total == len(PEOPLE)


def test_a_page_counts_all_and_shows_some() -> None:
    made = catalogue(*PEOPLE)
    for page in (made.encounter_page(1, 2), made.find_encounters("", 1, 2)):
        assert [view.subject.name for view in page.encounters] == ["محمد علي", "Søren Weiß"]
        assert page.total == len(PEOPLE)
    assert made.encounter_page(99, 2).encounters == ()
    assert len(made.encounter_page(-5, 3).encounters) == 3


def test_who_may_not_know_of_it_does_not_even_count_it() -> None:
    made = catalogue(*PEOPLE)
    hidden = PEOPLE[3].encounter_id
    for page in (
        made.encounter_page(keep=lambda id_: id_ != hidden),
        made.find_encounters("left", keep=lambda id_: id_ != hidden),
    ):
        assert hidden not in {view.encounter_id for view in page.encounters}
        assert page.total == len(page.encounters)


def test_what_comes_later_is_found_and_what_is_corrected_is_not_found_as_before() -> None:
    made = catalogue(*PEOPLE)
    assert names(made, "newcomer") == []
    made.apply(created(8, "Newcomer"), 8, 8)
    assert names(made, "newcomer") == ["Newcomer"]
    held = made.held.encounters[PEOPLE[0].encounter_id]
    right = msgspec.structs.replace(held.created.subject, name="Right Person")
    held.created = msgspec.structs.replace(held.created, subject=right)
    assert names(made, "mustermann") == []
    assert names(made, "right per") == ["Right Person"]
    del made.held.encounters[PEOPLE[0].encounter_id]
    assert names(made, "right per") == []


def test_lines_of_what_is_gone_are_dropped() -> None:
    made, lines = catalogue(*PEOPLE), Lines()
    list(lines.find(made.held.encounters, ""))
    del made.held.encounters[PEOPLE[0].encounter_id]
    list(lines.find(made.held.encounters, ""))
    assert PEOPLE[0].encounter_id not in lines._lines


def test_every_word_of_a_person_finds_them_however_it_is_written() -> None:
    """Any prefix of any word, in any case, decomposed or not, finds the encounter."""
    import unicodedata

    draw = random.Random(5)
    made = catalogue(*PEOPLE)
    for event in PEOPLE * 20:
        words = [*event.subject.name.replace(",", " ").replace("'", " ").split(), event.subject.mrn]
        word = draw.choice(words)
        typed = draw.choice([str.upper, str.lower, str.title])(word[: draw.randrange(1, len(word) + 1)])
        typed = unicodedata.normalize(draw.choice(["NFC", "NFD"]), typed)
        assert event.subject.name in names(made, typed), typed


@pytest.mark.parametrize(
    "typed", ["x" * 1_000_000, "e\u0301" * 100_000, "a b " * 50_000, "\u202e\x1b[2J" * 1000]
)
def test_a_pasted_book_is_looked_for_in_no_time(typed: str) -> None:
    made = catalogue(*PEOPLE)
    began = time.process_time()
    made.find_encounters(typed)
    assert time.process_time() - began < 0.5
    assert len(alternatives(typed)) <= 8


def test_a_line_is_short() -> None:
    """What the search costs in memory: the line, and nothing that grows faster than what was written down."""
    encounters = [event for event in Years(500) if isinstance(event, ev.EncounterCreated)]
    written = sum(
        len(e.subject.name) + len(e.subject.mrn) + len(e.label) + len(e.subject.birth_date)
        for e in encounters
    )
    assert sum(len(line_of(each)) for each in encounters) < 1.3 * written


def test_folding_knows_no_case_and_no_accent() -> None:
    assert fold("ÇELİK  Straße_x") == ("celik", "strasse", "x")
    assert fold("") == ()

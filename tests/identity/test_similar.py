"""Who is mistaken for whom: alike names, near birth dates, and the register that finds them."""

from __future__ import annotations

import random
import time

import pytest

from medkiosk.core.consent import Subject
from medkiosk.core.ids import EncounterId
from medkiosk.identity.names import Alike, Dates, alike, dates, distance, near_dates, sound
from medkiosk.identity.number import Rules
from medkiosk.identity.register import MOST, Match, Register


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("Mustermann, Erika", "erika  MUSTERMANN", Alike.SAME),
        ("Dr. Erika Mustermann", "Mustermann, Erika", Alike.SAME),
        ("José Núñez", "Jose Nunez", Alike.SAME),
        ("Łukasz Wójcik", "Lukasz Wojcik", Alike.SAME),
        ("Müller, Anna", "Mueller Anna", Alike.CLOSE),
        ("Meier Anna", "Mayer Anna", Alike.CLOSE),
        ("Stephan Schmidt", "Stefan Schmitt", Alike.CLOSE),
        ("Anna Maria Huber", "Anna Huber", Alike.CLOSE),
        ("Huber, A.", "Anna Huber", Alike.CLOSE),
        ("Erika Mustermann", "Max Mustermann", Alike.PART),
        ("Erika Mustermann", "Johann Gruber", Alike.NOT),
        ("李 小龙", "李 小龙", Alike.SAME),
        ("", "Anna", Alike.NOT),
        ("...", "Anna", Alike.NOT),
    ],
)
def test_names(one: str, other: str, said: Alike) -> None:
    assert alike(one, other) is said
    assert alike(other, one) is said


def test_cologne_phonetics_of_published_words() -> None:
    # Postel 1969, and what every description of it works out
    words = {
        "muller": "657",
        "ludenscheidt": "52682",
        "breschnew": "17863",
        "wikipedia": "3412",
        "meyer": "67",
    }
    assert {word: sound(word) for word in words} == words
    assert sound("ö") == ""


def test_distance_counts_a_swap_once_and_gives_up_early() -> None:
    assert distance("smith", "smiht", 2) == 1
    assert distance("kitten", "sitting", 3) == 3
    assert distance("kitten", "sitting", 1) == 2, "more than asked for"
    assert distance("", "abc", 5) == 3


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("1961-03-09", "1961-03-09", Dates.SAME),
        ("1961-03-09", "1961-09-03", Dates.SWAPPED),
        ("1961-03-09", "1991-03-09", Dates.DIGIT),
        ("1961-03-09", "1916-03-09", Dates.DIGIT),
        ("1961-03-09", "", Dates.UNKNOWN),
        ("1961-03-09", "1972-03-08", Dates.FAR),
    ],
)
def test_birth_dates(one: str, other: str, said: Dates) -> None:
    assert dates(one, other) is said
    assert (other in near_dates(one)) is (said not in (Dates.FAR, Dates.UNKNOWN))


def test_the_days_to_look_at_are_all_that_are_near() -> None:
    source = random.Random(3)
    days = [
        f"{source.randint(1900, 2026)}-{source.randint(1, 12):02}-{source.randint(1, 28):02}"
        for _ in range(700)
    ]
    for one in days[:20]:
        near = near_dates(one)
        for other in days:
            assert (other in near) is (dates(one, other) is not Dates.FAR)


def subject(mrn: str, name: str, born: str = "1961-03-09", issuer: str = "H") -> Subject:
    return Subject(mrn=mrn, issuer=issuer, name=name, birth_date=born)


def register(*subjects: Subject) -> Register:
    made = Register(Rules())
    made.take((EncounterId(f"e{n}"), each) for n, each in enumerate(subjects))
    return made


def test_a_known_number_with_another_name_or_birth_date_is_a_conflict() -> None:
    made = register(subject("1", "Erika Mustermann"), subject("2", "Ada Example", ""))
    assert made.match(subject("3", "Erika Mustermann"))[0] is Match.NEW
    assert made.match(subject("1", "mustermann, erika"))[0] is Match.SAME
    assert made.match(subject("1", "Erika Mustermann", ""))[0] is Match.SAME
    assert made.match(subject("1", "Max Mustermann"))[0] is Match.CONFLICT
    assert made.match(subject("1", "Erika Mustermann", "1961-09-03"))[0] is Match.CONFLICT
    assert made.match(subject("2", "Ada Example", "1990-01-01"))[0] is Match.SAME
    made.take([(EncounterId("e9"), subject("1", "Erika Beispiel"))])
    assert made.match(subject("1", "Erika Mustermann"))[0] is Match.CONFLICT, "the last word counts"
    assert len(made) == 2


def test_who_is_similar_and_who_is_not() -> None:
    made = register(
        subject("1", "Erika Mustermann"),
        subject("2", "Max Mustermann"),  # born on the same day: twins
        subject("3", "Erika Mustermann", "1961-09-03"),
        subject("4", "Erika Musterman", ""),
        subject("5", "Erika Mustermann", "1944-12-24"),  # another birth date tells them apart
        subject("6", "Johann Gruber"),
        subject("7", "Max Mustermann", "1961-03-08"),
    )
    found = made.similar(subject("8", "Mustermann, Erika"))
    assert [each.known.subject.mrn for each in found] == ["1", "3", "4", "2"]
    assert [each.known.subject.mrn for each in made.similar(subject("1", "Erika Mustermann"))] == [
        "3",
        "4",
        "2",
    ]
    unknown = made.similar(subject("8", "Erika Mustermann", ""))
    assert {each.known.subject.mrn for each in unknown} == {"1", "3", "4", "5"}


def test_not_more_are_shown_than_can_be_read() -> None:
    made = register(*(subject(str(n), "Erika Mustermann") for n in range(30)))
    assert len(made.similar(subject("x", "Erika Mustermann"))) == MOST


def crowd(count: int) -> list[Subject]:
    source = random.Random(5)
    syllables = [
        "an",
        "ber",
        "ta",
        "mül",
        "ler",
        "schmi",
        "dt",
        "hu",
        "ga",
        "ri",
        "ne",
        "ko",
        "wal",
        "stei",
        "ner",
        "lo",
    ]
    names = ["".join(source.choices(syllables, k=source.randint(2, 3))).capitalize() for _ in range(4000)]
    return [
        subject(
            str(n % (count * 3 // 5)),
            f"{source.choice(names)}, {source.choice(names[:300])}",
            f"{source.randint(1930, 2025)}-{source.randint(1, 12):02}-{source.randint(1, 28):02}",
        )
        for n in range(count)
    ]


def test_it_is_found_fast_among_a_hundred_thousand_encounters() -> None:
    people = crowd(100_000)
    before = time.process_time()
    made = register(*people)
    taken = time.process_time() - before
    before = time.process_time()
    for each in people[:20]:
        made.similar(subject("new", each.name, each.birth_date))
    asked = (time.process_time() - before) / 20
    print(f"taken in {taken:.2f} s, asked {asked * 1000:.1f} ms")
    assert asked < 0.1, "search as you type"
    assert taken < 5

"""Identifiers in readings: every way that counts, what must not match, and how often chance matches."""

from __future__ import annotations

import datetime as dt
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.core.identifiers import Identifier, IdentifierKind
from medkiosk.redact.detect.distance import distance, distance_within
from medkiosk.redact.detect.matching import fold, match


def mrn(value: str) -> Identifier:
    return Identifier(IdentifierKind.MRN, value)


def name(value: str) -> Identifier:
    return Identifier(IdentifierKind.NAME, value)


def born(value: str) -> Identifier:
    return Identifier(IdentifierKind.BIRTH_DATE, value)


def says(reading: str, identifier: Identifier) -> bool:
    return match(reading, [identifier]) == identifier


@pytest.mark.parametrize(
    ("value", "reading"),
    [
        ("00471193", "00471193"),
        ("00471193", "MRN 00471193"),
        ("00471193", "MRN: 00471193 Ward 7B"),
        ("00471193", "mrn00471193"),
        ("00471193", "471193"),  # leading zeros left out
        ("00471193", "0047 1193"),
        ("00471193", "00-47-11-93"),
        ("00471193", "00.471.193/2"),
        ("00471193", "OO471I93"),  # 0 read as O, 1 as I
        ("00471193", "0047ll93"),
        ("58210468", "S82IO46B"),  # 5 as S, 8 as B
        ("58210468", "5821046"),  # one lost
        ("58210468", "582104680"),  # one too many
        ("58210468", "58270468"),  # one wrong
        ("1234567890", "1234517890"),
        ("1234567890", "123456890 7"),
        ("1234567890", "12B456789"),  # two errors in ten
        ("A-12345-C", "A 12345 C"),
        ("A-12345-C", "a12345c"),
        ("4711", "4711"),
        ("4711", "Bed 4711"),
        ("4711", "471I"),
        ("47115", "47I15"),
    ],
)
def test_record_numbers(value: str, reading: str) -> None:
    assert says(reading, mrn(value))


@pytest.mark.parametrize(
    ("value", "reading"),
    [
        ("00471193", ""),
        ("00471193", "47 11"),
        ("00471193", "00482293"),  # two wrong in eight
        ("00471193", "Ward 7B"),
        ("4711", "4712"),  # short ones must be exact ...
        ("4711", "84711"),  # ... and stand alone
        ("47115", "47215"),
        ("471", "471"),  # too short to tell from chance
        ("12", "12"),
        ("", ""),
        ("", "00471193"),
        ("---", "---"),
        ("58210468", "2021-04-06"),
    ],
)
def test_other_numbers(value: str, reading: str) -> None:
    assert not says(reading, mrn(value))


@pytest.mark.parametrize(
    ("value", "reading"),
    [
        ("Anna Schmidt", "Anna Schmidt"),
        ("Anna Schmidt", "SCHMIDT, ANNA"),
        ("Schmidt, Anna", "anna schmidt"),
        ("Anna Schmidt", "Schmidt"),
        ("Anna Schmidt", "Patient: Schmidt Ward 7B"),
        ("Anna Schmidt", "A. Schmidt"),
        ("Anna Schmidt", "Anna S."),
        ("Anna Schmidt", "Schmidt A"),
        ("Anna Schmidt", "AnnaSchmidt"),
        ("Anna Schmidt", "SCHMIDTANNA f"),
        ("Anna Schmidt", "Schmldt, Anna"),
        ("Anna Schmidt", "5chmidt"),
        ("Anna Schmidt", "Schmitd"),  # a swap
        ("Anna Schmidt", "Schmidl"),
        ("Anna Schmidt", "Schmi dt Anna 5chmidt"),
        ("Jürgen Müller", "MUELLER"),
        ("Jürgen Müller", "Muller, J"),
        ("Jürgen Müller", "Juergen Mueller"),
        ("Ju\u0308rgen Mu\u0308ller", "MUELLER"),  # the umlaut as two characters
        ("Chloé García López", "CHLOE GARCIA"),
        ("Chloé García López", "Lopez"),
        ("Søren Ångström", "Soren Angstrom"),
        ("Łukasz Wójcik", "LUKASZ WOJCIK"),
        ("Anne Groß", "GROSS"),
        ("Anna Müller-Lüdenscheidt", "A. Ludenscheidt"),
        ("Oluwaseun Adebayo-Johnson", "Adebayo Johnscn"),
        ("Wei Li", "Li Wei"),
        ("Wei Li", "LI, WEI"),
        ("Rose Long", "Long, Rose"),
        ("Rose Long", "Rose L."),
        ("Rose Long", "Rose"),  # alone on its line
        ("Zoë Ng", "ZOE NG"),
        ("Bartholomew Featherstonehaugh", "Featherstonhagh"),
    ],
)
def test_names(value: str, reading: str) -> None:
    assert says(reading, name(value))


@pytest.mark.parametrize(
    ("value", "reading"),
    [
        ("Anna Schmidt", ""),
        ("Anna Schmidt", "Schmitz"),  # two wrong
        ("Anna Schmidt", "Schmied"),
        ("Anna Schmidt", "Hanna 7B left arm"),
        ("Anna Schmidt", "A 5"),
        ("Rose Long", "a long way"),
        ("Rose Long", "rose petals"),
        ("Rose Long", "Ross"),
        ("Wei Li", "Li"),
        ("Wei Li", "Wei"),
        ("Li Ng", "Li Ng"),  # two letters each: not told from chance
        ("A B", "A B"),
        ("", "Anna"),
        ("12", "12"),
        ("Peter Ward", "Ward 7B"),
        ("Max Left", "left arm"),
        ("Dr", "Dr. Osei"),
    ],
)
def test_other_words(value: str, reading: str) -> None:
    assert not says(reading, name(value))


_DATES = [
    "1980-03-12", "12.03.1980", "12.3.1980", "03/12/1980", "3/12/80", "12/03/1980", "12-03-80", "19800312",
    "12031980", "120380", "800312", "DOB 12.03.1980", "DOB: 12 MAR 1980 F", "12 March 1980", "March 12, 1980",
    "Mar 12th 1980", "12. März 1980", "12 Maerz 1980", "12 Mrz 80", "12 mars 1980", "12MAR1980",
    "12-Mar-1980", "1980 Mar 12",
    "12 Marcn 1980", "l2.O3.198O", "12 . 03 . 1980", "geb. 12.03.80", "né le 12/03/1980",
    "Ward 7B 12.03.1980 04711", "DOB12.03.1980", "D0B12.03.1980", "DB12.03.1980", "DOB 12.031980",
]  # fmt: skip


@pytest.mark.parametrize("reading", _DATES)
def test_birth_dates(reading: str) -> None:
    assert says(reading, born("1980-03-12"))


@pytest.mark.parametrize(
    ("value", "reading"),
    [
        ("1961-01-04", "4 Januar 1961"), ("1961-01-04", "4 janvier 1961"), ("1961-01-04", "4 Jänner 1961"),
        ("1961-02-04", "4 février 61"), ("1961-02-04", "Feb 4 1961"), ("1961-04-04", "4 avril 1961"),
        ("1961-05-04", "4. Mai 1961"), ("1961-06-04", "4 juin 1961"), ("1961-06-04", "4 Juni 1961"),
        ("1961-07-04", "4 juillet 1961"), ("1961-07-04", "July 4, 1961"), ("1961-08-01", "1er août 1961"),
        ("1961-09-04", "4 Sept 1961"), ("1961-10-04", "4. Okt. 1961"), ("1961-10-04", "4 octobre 1961"),
        ("1961-11-04", "4 novembre 1961"), ("1961-12-04", "4. Dezember 1961"), ("1961-12-04", "4 déc 1961"),
        ("2019-12-31", "31.12.19"), ("2004-02-29", "29 Feb 04"),
    ],
)  # fmt: skip
def test_months_by_name_and_both_centuries(value: str, reading: str) -> None:
    assert says(reading, born(value))


@pytest.mark.parametrize(
    ("value", "reading"),
    [
        ("1980-03-12", ""),
        ("1980-03-12", "1980"),
        ("1980-03-12", "12.03"),
        ("1980-03-12", "12.03.1981"),
        ("1980-03-12", "12 Apr 1980"),
        ("1980-03-12", "13.03.1980"),
        ("1980-03-12", "22.11.2026 10:31"),
        ("1980-03-12", "1 2 3 4 5 6 7 8 9 10 11 12"),  # a ruler
        ("1980-03-12", "March of 12"),
        ("", "12.03.1980"),
        ("1980", "1980"),
        ("unknown", "unknown"),
    ],
)
def test_other_dates(value: str, reading: str) -> None:
    assert not says(reading, born(value))


def test_the_first_that_is_said_is_told() -> None:
    known = [mrn("00471193"), name("Anna Schmidt"), born("1980-03-12")]
    assert match("SCHMIDT 12.03.1980", known) == known[1]
    assert match("12.03.1980", known) == known[2]
    assert match("left forearm, 5 cm", known) is None
    assert match("anything", []) is None


@given(st.dates(dt.date(1900, 1, 1), dt.date(2099, 12, 31)))
def test_every_date_is_known_in_the_usual_formats(day: dt.date) -> None:
    for form in ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%y", "%d %b %Y", "%B %d, %Y", "%Y%m%d", "%d%m%y"):
        assert says(day.strftime(form), born(day.isoformat()))


@given(st.text(max_size=40), st.text(max_size=20))
def test_any_text_is_answered(reading: str, value: str) -> None:
    for identifier in (mrn(value), name(value), born(value)):
        assert match(reading, [identifier]) in {None, identifier}
        assert match("", [identifier]) is None


@given(st.text(max_size=30))
def test_folding_twice_changes_nothing_in_latin_letters(text: str) -> None:
    latin = "".join(letter for letter in text if letter < "\u0250")
    assert fold(fold(latin)) == fold(latin)


def test_chance_matches_rarely() -> None:
    """On more: none of 40,000 numbers, 16 for a number of six digits, no name in 20,000 lines."""
    draw = random.Random(7)
    numbers = ["".join(draw.choices(string.digits, k=draw.randint(3, 12))) for _ in range(6_000)]
    assert sum(says(number, mrn("58210468")) for number in numbers) <= 2
    assert sum(says(number, mrn("582104")) for number in numbers) <= 12
    words = [
        " ".join(
            "".join(draw.choices("etaoinshrdlu" + string.ascii_lowercase, k=draw.randint(2, 9)))
            for _ in range(3)
        )
        for _ in range(2_000)
    ]
    assert sum(says(line, name("Anna Schmidt")) for line in words) <= 1
    first = dt.date(1930, 1, 1)
    days = [first + dt.timedelta(days=draw.randrange(35_000)) for _ in range(5_000)]
    said = [day for day in days if says(day.strftime("%d.%m.%Y"), born("1980-03-12"))]
    assert set(said) <= {dt.date(1980, 3, 12), dt.date(1980, 12, 3)}


@pytest.mark.parametrize(
    ("a", "b", "edits"),
    [
        ("", "", 0),
        ("a", "", 1),
        ("abc", "abc", 0),
        ("abc", "acb", 1),
        ("abc", "abcd", 1),
        ("abcd", "badc", 2),
        ("ca", "abc", 3),
    ],
)
def test_distances(a: str, b: str, edits: int) -> None:
    assert distance(a, b) == distance(b, a) == edits


@pytest.mark.parametrize(
    ("wanted", "text", "edits"),
    [
        ("", "abc", 0),
        ("abc", "", 3),
        ("abc", "xxabcxx", 0),
        ("abc", "xxacxx", 1),
        ("abc", "xxabbcxx", 1),
        ("abc", "xyz", 3),
    ],
)
def test_distances_to_a_part(wanted: str, text: str, edits: int) -> None:
    assert distance_within(wanted, text) == edits

"""The normal form of a number, and which issuer's it is."""

from __future__ import annotations

from medkiosk.core.config import Issuer
from medkiosk.core.consent import Subject
from medkiosk.identity.number import Rules

NHS = Issuer(name="NHS", also=("National Health Service",), shortest=10, longest=10, check="mod11")
WARD = Issuer(name="St. Elsewhere", characters="letters_digits", shortest=6, longest=8)
RULES = Rules((NHS, WARD))


def subject(mrn: str, issuer: str, name: str = "Erika Mustermann") -> Subject:
    return Subject(mrn=mrn, issuer=issuer, name=name, birth_date="1950-01-01")


def test_one_number_has_one_normal_form_however_it_is_typed() -> None:
    for typed in (
        "943 476 5919",
        "943-476-5919",
        " 9434765919 ",
        "\uff19\uff14\uff13\uff14\uff17\uff16\uff15\uff19\uff11\uff19",
        "943.476\u2011 5919",
    ):
        for issuer in ("NHS", "nhs", " national  health service "):
            normal = RULES.normal(subject(typed, issuer))
            assert (normal.mrn, normal.issuer) == ("9434765919", "NHS")
            assert RULES.key(subject(typed, issuer)) == ("nhs", "9434765919")
            assert not RULES.problem(normal)


def test_a_wrong_number_is_said_in_words() -> None:
    assert "check digit" in RULES.problem(RULES.normal(subject("943 476 5918", "NHS")))
    assert "10 characters, and this has 9" in RULES.problem(RULES.normal(subject("943 476 591", "NHS")))
    assert "only digits" in RULES.problem(RULES.normal(subject("943476591X", "NHS")))
    assert "6 to 8" in RULES.problem(RULES.normal(subject("a1", "st. elsewhere")))


def test_an_issuer_without_rules_is_taken_as_it_is_unless_only_listed_ones_are() -> None:
    other = RULES.normal(subject(" A 1-2 ", "Far  away"))
    assert (other.mrn, other.issuer) == ("A 1-2", "Far away")
    assert not RULES.problem(other)
    assert "NHS, St. Elsewhere" in Rules((NHS, WARD), listed=True).problem(other)


def test_what_a_scanned_number_can_be() -> None:
    assert [each.name for each in RULES.fitting("9434765919")] == ["NHS"]
    assert [each.name for each in RULES.fitting("ab1234")] == ["St. Elsewhere"]
    assert not RULES.fitting("9434765918")

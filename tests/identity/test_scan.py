"""What scanners read, and how their keys are told from a hand's."""

from __future__ import annotations

import random

import pytest

from medkiosk.core.config import Issuer
from medkiosk.identity.burst import Burst, Heard
from medkiosk.identity.number import Rules
from medkiosk.identity.scan import looks_scanned, read

GSRN = "950110153001083462"
NHS = Issuer(name="NHS", shortest=10, longest=10, check="mod11")
GS1 = Issuer(name="St. Elsewhere", shortest=18, longest=18, check="gs1", gs1_prefix="9501101530")
MRN = Issuer(name="Ward", characters="letters_digits", shortest=9, longest=9)
RULES = Rules((NHS, GS1, MRN))


def gsrn(stem: str) -> str:
    digits = [int(each) for each in reversed(stem)]
    return stem + str(-sum(d * (3 if n % 2 == 0 else 1) for n, d in enumerate(digits)) % 10)


BAND = gsrn("95011015300108346")


@pytest.mark.parametrize(
    ("text", "mrn", "issuers"),
    [
        ("9434765919", "9434765919", ("NHS",)),
        ("]C0943 476 5919".replace(" ", ""), "9434765919", ("NHS",)),
        (f"]C18018{BAND}", BAND, ("St. Elsewhere",)),
        (f"]d28018{BAND}\x1d80190001", BAND, ("St. Elsewhere",)),
        (f"8018{BAND}", BAND, ("St. Elsewhere",)),
        (f"(8018){BAND}", BAND, ("St. Elsewhere",)),
        ("+/ACMRN123456/V2009121908334", "MRN123456", ("Ward",)),
        ("]A0+/ACMRN123456/V2009121908334", "MRN123456", ("Ward",)),
    ],
)
def test_wristbands(text: str, mrn: str, issuers: tuple[str, ...]) -> None:
    said = read(text, RULES)
    assert (said.mrn, said.issuers, said.words) == (mrn, issuers, "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"8018{BAND[:-1]}{(int(BAND[-1]) + 1) % 10}", "check digit is wrong"),
        ("]C18018" + gsrn("40121215300108346"), "organisation whose numbers"),
        ("]C18017" + gsrn("95011015300108346"), "member of staff"),
        ("]C10109501101530003", "goods"),
        ("]C1", "goods"),
        ("+/ACMRN123456/V2009121908335", "check character is wrong"),
        ("+/KN12345A", "not a patient"),
        ("+/EAH783B", "not a patient"),
        ("9434765918", "no number of any issuer"),
        ("MKS1:OAAAQEAYEAUDAOCAJBIFQYDIOB4AGV7MGYCTKGLC7C5IYPLN4", "slate"),
        ("https://example.org/1", "not a patient's number"),
        ("12345\x1b[31m", "control characters"),
        ("12345\n6789", "control characters"),
        ("1" * 200, "too long"),
        ("", "too long"),
    ],
)
def test_what_is_no_wristband_is_refused_in_words(text: str, words: str) -> None:
    said = read(text, Rules(RULES.issuers, listed=True))
    assert said.mrn == ""
    assert words in said.words


def test_with_open_issuers_any_number_is_taken_for_the_issuer_on_the_form() -> None:
    assert read("4711-2", Rules()) == read("4711-2", RULES)
    assert (read("4711-2", Rules()).mrn, read("4711-2", Rules()).issuers) == ("4711-2", ())
    assert read("~4711", Rules(), "~").mrn == "4711"
    assert read("~4711", Rules()).words


def test_nothing_that_is_read_has_control_characters() -> None:
    source = random.Random(11)
    alphabet = "0189ACMR+/]C1d2()\x00\x07\x1b\x1d\r\n\t\x7f\u202e\u200b ~"
    for _ in range(3000):
        text = "".join(source.choices(alphabet, k=source.randint(0, 40)))
        said = read(text, RULES)
        assert bool(said.mrn) is not bool(said.words)
        assert said.mrn.isascii()
        assert said.mrn.isprintable()


def test_words_and_dates_are_no_codes() -> None:
    assert not looks_scanned("Mustermann")
    assert not looks_scanned("1961-03-09")
    assert not looks_scanned("9.3.1961")
    assert looks_scanned("4711001")
    assert looks_scanned("]C18018")


def heard(text: str, gap: float, end: float) -> tuple[Heard, str]:
    burst, at = Burst(), 100.0
    for each in text:
        burst.key(each, at)
        at += gap
    said = burst.key("", at - gap + end, ends=True)
    return said, burst.taken()


def test_a_scanner_is_told_from_a_hand() -> None:
    assert heard("4711001", 0.008, 0.008) == (Heard.END, "4711001")
    assert heard("4711001", 0.0, 0.0) == (Heard.END, "4711001"), "all of it at once, after a stall"
    assert heard("4711001", 0.12, 0.12)[0] is Heard.OTHER
    assert heard("4711001", 0.008, 0.5)[0] is Heard.OTHER, "a hand that presses Enter later"
    assert heard("47110", 0.008, 0.008)[0] is Heard.OTHER, "too short to tell"


def test_what_was_typed_before_a_scan_is_not_part_of_it() -> None:
    burst = Burst()
    assert burst.key("a", 1.0) is Heard.FIRST
    assert burst.key("b", 1.2) is Heard.FIRST
    for n, each in enumerate("4711001"):
        said = burst.key(each, 2.0 + n * 0.01)
        assert said is (Heard.MORE if n else Heard.FIRST)
    assert burst.key("", 2.07, ends=True) is Heard.END
    assert burst.taken() == "4711001"
    assert burst.key("", 2.08, ends=True) is Heard.OTHER


def test_other_keys_end_it() -> None:
    burst = Burst()
    for n, each in enumerate("471100"):
        burst.key(each, 1 + n * 0.01)
    assert burst.key("", 1.07) is Heard.OTHER
    assert burst.key("", 1.08, ends=True) is Heard.OTHER

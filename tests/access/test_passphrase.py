"""A passphrase is measured, not ruled."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from medkiosk.access.passphrase import ENOUGH, LONGEST, guesses_log10, weakness

ABOUT = (
    "rita.mueller",
    "Dr. Rita Müller-Lüdenscheidt",
    "Dermatology Elsewhere",
    "kiosk1.elsewhere.example/ledger",
)


@pytest.mark.parametrize(
    "passphrase",
    [
        "correct horse battery",
        "plumber anvil seventeen",
        "hund katze maus vogel fisch",
        "no capital no digit no sign",
        "x7#kQ9!vLp2$",
        "ёлка гудит под крышей",
    ],
)
def test_length_and_surprise_are_enough(passphrase: str) -> None:
    assert weakness(passphrase, ABOUT) == ""


@pytest.mark.parametrize(
    "passphrase",
    [
        "",
        "   ",
        "short",
        "P@ssw0rd2026!",
        "Summer2026!",
        "Radiologie2024",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "qwertyuiop asdfghjkl",
        "medkiosk medkiosk",
        "Rita Müller-Lüdenscheidt",
        "rita.mueller elsewhere",
        "DermatologyElsewhere1",
    ],
)
def test_what_is_guessed_first_is_refused_whatever_its_characters(passphrase: str) -> None:
    words = weakness(passphrase, ABOUT)
    assert "add one or two uncommon words" in words
    assert not passphrase.strip() or passphrase not in words


def test_the_persons_own_names_count_as_known() -> None:
    phrase = "Lüdenscheidt Quohren Zyx"
    assert guesses_log10(phrase) - guesses_log10(phrase, ["Rita Lüdenscheidt", "Quohren"]) > 3


def test_the_answer_says_what_is_weak() -> None:
    assert 'Repeats like "aaa"' in weakness("a" * 30)
    assert "common password" in weakness("qwertyuiop")


def test_a_long_text_is_measured_in_bounded_time() -> None:
    began = time.process_time()
    assert guesses_log10("4@8({[<369&#!1/|0$5+7%2" * 400) > ENOUGH
    assert guesses_log10("correct horse battery " + "a" * 100_000) >= ENOUGH
    assert time.process_time() - began < 20, "characters beyond LONGEST were looked at"
    assert LONGEST < 100


def test_nothing_about_the_person_stays_in_the_library() -> None:
    import zxcvbn.matching

    weakness("something or other", ["Rita Lüdenscheidt"])
    assert not zxcvbn.matching.RANKED_DICTIONARIES["user_inputs"]


def test_the_word_lists_are_loaded_only_when_a_passphrase_is_chosen() -> None:
    code = "import medkiosk.access.accounts, sys; raise SystemExit('zxcvbn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

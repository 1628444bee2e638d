from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.core.consent import Subject, subject_key
from medkiosk.core.ids import RecipientId
from medkiosk.export.dates import MOST, shift_days, shifted
from medkiosk.vault.errors import LockedError
from tests.stores import CHEAP, create

SECRET = bytes(range(32))
ADA = ("example hospital", "4711")
FAR, NEAR = RecipientId("a" * 32), RecipientId("b" * 32)

subjects = st.tuples(st.text(max_size=20), st.text(max_size=20))
recipients = st.binary(min_size=16, max_size=16).map(lambda raw: RecipientId(raw.hex()))
secrets = st.binary(min_size=32, max_size=32)


@given(secrets, subjects, recipients)
def test_never_the_true_day_and_never_a_whole_year(
    secret: bytes, subject: tuple[str, str], recipient: RecipientId
) -> None:
    days = shift_days(secret, subject, recipient)
    assert 1 <= days <= MOST == 364
    assert days == shift_days(secret, subject, recipient)


@given(secrets, subjects, recipients, st.dates(date(1971, 1, 1)), st.integers(0, 10_000))
def test_days_between_two_pictures_stay(
    secret: bytes, subject: tuple[str, str], recipient: RecipientId, first: date, later: int
) -> None:
    days = shift_days(secret, subject, recipient)
    second = min(first, date.max - timedelta(days=later)) + timedelta(days=later)
    first = second - timedelta(days=later)
    moved = [date.fromisoformat(shifted(day, days)) for day in (first, second)]
    assert moved[1] - moved[0] == second - first
    assert moved[0] < first


def test_as_the_format_says() -> None:
    message = json.dumps([*ADA, FAR], separators=(",", ":")).encode()
    number = int.from_bytes(hmac.new(SECRET, message, hashlib.sha256).digest(), "big")
    assert shift_days(SECRET, ADA, FAR) == 1 + number % 364 == 221


def test_where_one_part_ends_and_the_next_begins_counts() -> None:
    shifts = {shift_days(bytes([seed]) * 32, ("a", "bc"), FAR) for seed in range(8)}
    assert shifts != {shift_days(bytes([seed]) * 32, ("ab", "c"), FAR) for seed in range(8)}


def test_another_spelling_is_the_same_person() -> None:
    one = subject_key(Subject("A-17", "Example Hospital", "Ada", "1980-01-01"))
    other = subject_key(Subject(" a-17 ", "EXAMPLE  hospital", "Ada Example", ""))
    assert shift_days(SECRET, one, FAR) == shift_days(SECRET, other, FAR)


def test_all_shifts_are_alike_and_tell_nothing_of_each_other() -> None:
    people = [("example hospital", str(number)) for number in range(20_000)]
    here = [shift_days(SECRET, person, FAR) for person in people]
    there = [shift_days(SECRET, person, NEAR) for person in people]
    elsewhere = [shift_days(bytes(32), person, FAR) for person in people]
    for shifts in (here, [(b - a) % MOST for a, b in zip(here, there, strict=True)]):
        counts = Counter(shifts)
        expected = len(people) / MOST
        chi_square = sum((counts[day] - expected) ** 2 / expected for day in set(counts) | set(range(1, 364)))
        assert chi_square < 480  # 363 degrees of freedom: beyond it once in 30,000 samples
    assert sum(a == b for a, b in zip(here, there, strict=True)) < 100  # 55 by chance
    assert sum(a == b for a, b in zip(here, elsewhere, strict=True)) < 100


def test_before_the_calendar_begins_there_is_no_day() -> None:
    assert shifted(date(1, 1, 2), 1) == "0001-01-01"
    assert shifted(date(1, 1, 1), 1) == ""


def test_the_secret_is_of_the_store_whoever_opens_it(tmp_path: Path) -> None:
    vault, shares = create(tmp_path / "one", random=os.urandom)
    with vault:
        with vault.unlock_recovery(shares) as identity:
            identity.add_user_slot("ana", "0", params=CHEAP, allow_weak=True)
            first = bytes(identity.dates_secret().reveal())
        with pytest.raises(LockedError):
            identity.dates_secret()
        with vault.unlock("ana", "0") as identity:
            assert identity.dates_secret().reveal() == first
    other, shares = create(tmp_path / "two", random=os.urandom)
    with other, other.unlock_recovery(shares) as identity:
        assert identity.dates_secret().reveal() != first
        assert len(first) == 32

"""What is said on the screen, and that nothing hostile gets through."""

from __future__ import annotations

from datetime import datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.console import words
from medkiosk.core.clock import end_of, parse_rfc3339
from medkiosk.core.consent import Faces, Scope
from medkiosk.core.device import DeviceState
from medkiosk.core.events import Role
from medkiosk.core.ids import AccountId
from medkiosk.ipc import types as t
from tests.console.state import Kiosk, device


@given(st.text(), st.integers(min_value=1, max_value=300))
def test_cleaned_text_is_one_printable_line_within_its_limit(text: str, limit: int) -> None:
    cleaned = words.clean(text, limit)
    assert len(cleaned) <= limit
    assert cleaned.isprintable()
    assert words.clean(cleaned, limit) == cleaned


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[2J\x07", f"{words.STRANGE}[2J{words.STRANGE}"),
        ("a\u202egpj.exe", f"a{words.STRANGE}gpj.exe"),
        ("a\nb\tc", "a b c"),
        ("e" + "\u0301" * 40, "e" + "\u0301" * 3),
        ("\ud800", words.STRANGE),
        ("[bold]x[/bold]", "[bold]x[/bold]"),
        ("אבג דהו", "אבג דהו"),
    ],
)
def test_hostile_text_becomes_harmless_and_names_stay(hostile: str, shown: str) -> None:
    assert words.clean(hostile) == shown


def test_long_text_is_cut_and_says_so() -> None:
    assert words.clean("x" * 50, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("octets", "shown"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (9_960_000, "10 MB"), (128_000_000_000, "128 GB")],
)
def test_sizes(octets: int, shown: str) -> None:
    assert words.size(octets) == shown


def test_a_consent_counts_through_its_last_day_and_not_longer() -> None:
    end = parse_rfc3339(end_of("2030-02-28"))
    local = end.astimezone()
    assert (local.year, local.month, local.day, local.hour) == (2030, 3, 1, 0)
    assert words.last_day(end_of("2030-02-28")) == "2030-02-28"


@pytest.mark.parametrize("wrong", ["", "tomorrow", "2030-02-30", "28.02.2030"])
def test_a_wrong_last_day_is_not_taken(wrong: str) -> None:
    with pytest.raises(ValueError):
        end_of(wrong)


def test_a_birth_date_may_be_unknown() -> None:
    assert words.day("  ") == ""
    assert words.day(" 1984-08-12 ") == "1984-08-12"


def status(*states: DeviceState, missing: tuple[str, ...] = (), deferred: int = 0) -> t.Status:
    kiosk = Kiosk(devices=tuple(device(state, 3, 3) for state in states), missing=missing)
    made = kiosk.status()
    redaction = t.RedactionStatus(
        waiting=0, done=0, failed=0, deferred=deferred, detectors=(), missing=missing
    )
    return msgspec.structs.replace(made, redaction=redaction)


@pytest.mark.parametrize(
    ("given_status", "wanted"),
    [
        (None, "Wait a moment"),
        (status(), "Plug in the camera"),
        (status(DeviceState.IMPORTING), "Leave it plugged in"),
        (status(DeviceState.RETRYING, DeviceState.SAFE), "its line says what helps"),
        (status(DeviceState.RETRYING, DeviceState.IMPORTING), "Leave it plugged in"),
        (status(DeviceState.SAFE), "Unplug the camera"),
        (status(DeviceState.INCOMPLETE, DeviceState.IMPORTING), "in again"),
        (status(DeviceState.SAFE, missing=("text",)), "Call the installer"),
        (status(deferred=2), "interrupted by a restart"),
    ],
)
def test_there_is_always_one_thing_to_do_next(given_status: t.Status | None, wanted: str) -> None:
    assert wanted in words.advice(given_status, None)


@pytest.mark.parametrize(
    ("role", "wanted"),
    [
        (Role.REVIEWER, "then review"),
        (Role.PHOTOGRAPHER, "assign the import"),
        (Role.PRIVACY_OFFICER, "Export"),
        (Role.AUDITOR, "ledger's head (G)"),
        (Role.ADMINISTRATOR, "backup drives (B)"),
    ],
)
def test_the_next_thing_to_do_is_in_ones_power(role: Role, wanted: str) -> None:
    session = t.Session(account_id=AccountId("a" * 32), display_name="A", roles=(role,))
    assert wanted in words.advice(status(DeviceState.SAFE), session)


def test_times_are_shown_in_the_kiosks_own_zone() -> None:
    shown = words.moment("2026-11-22T08:31:00.000Z")
    local = datetime.fromisoformat("2026-11-22T08:31:00+00:00").astimezone()
    assert shown == local.strftime("%Y-%m-%d %H:%M")
    assert words.moment("yesterday\x1b") == "yesterday" + words.STRANGE


@pytest.mark.parametrize(
    ("scope", "shown"),
    [
        (None, ""),
        (Scope(), ""),
        (Scope(faces=Faces.NEVER), " (no face)"),
        (Scope(("40983000",), Faces.MAY_SHOW, ("X",), everywhere=True),
         " (face may show, some recipients, all visits, only upper arm)"),
        (Scope(("40983000", "30021000")), " (only upper arm, lower leg)"),
        (Scope(("40983000", "30021000", "89545001", "14975008", "302551006")),
         " (only upper arm, lower leg and 3 more)"),
    ],
)  # fmt: skip
def test_the_limits_of_an_answer_are_seen_by_who_reviews(scope: Scope | None, shown: str) -> None:
    assert words.scope_words(scope) == shown

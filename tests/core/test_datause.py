"""What a receiver may do: each rule alone, and what holds for all terms."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.core import datause as du
from medkiosk.core.consent import Purpose
from medkiosk.core.datause import DataUse, Kind

TODAY = date(2026, 11, 22)
TEACHING = Purpose.TEACHING_RESEARCH
SOON = "2027-11-22"
CODES = st.lists(st.sampled_from(sorted(du.DUO)), max_size=6).map(lambda codes: tuple(sorted(set(codes))))


def terms(*codes: str, until: str = SOON) -> DataUse:
    return DataUse(tuple(sorted(codes)), until)


@pytest.mark.parametrize("purpose", Purpose)
def test_what_is_offered_first_may_leave(purpose: Purpose) -> None:
    usual = du.usual(purpose, TODAY)
    assert du.problems(usual, purpose, TODAY) == ()
    assert bool(usual.until) == (purpose in du.ENDS)
    for code in du.choices(purpose):
        assert not du.DUO[code].which


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (terms(du.HMB, du.GRU, du.TS), "exactly one thing"),
        (terms(du.TS), "exactly one thing"),
        (terms(du.HMB, du.CC, du.TS), "something else than what this export is for"),
        (terms(du.NRES, du.TS), "something else"),
        (terms(du.POA, du.NPOA, du.TS), "leaves nothing"),
        (terms(du.HMB, du.NPUNCU, du.NPU, du.TS), "says NPU already"),
        (terms(du.HMB, du.NPU, du.NCU, du.TS), "are NPUNCU"),
        (terms(du.HMB, du.PUB, du.US, du.TS), "cannot stay with one person"),
        (terms(du.HMB, du.GSO, du.TS), "no use for a picture"),
        (terms(du.HMB, "DUO:0000022", du.TS), "nothing without which region"),
        (terms(du.HMB), "go together"),
        (terms(du.HMB, du.TS, until=""), "go together"),
        (terms(du.HMB, until=""), "must have a last day"),
        (terms(du.HMB, du.TS, until="2026-11-21"), "over already"),
        (terms(du.HMB, du.TS, until="2036-11-23"), "more than 10 years"),
        (terms(du.HMB, du.TS, until="20271122"), "YYYY-MM-DD"),
        (terms(du.HMB, du.TS, until="2027-02-30"), "YYYY-MM-DD"),
        (DataUse((du.TS, du.HMB), SOON), "ascending"),
        (DataUse((du.HMB, du.HMB, du.TS), SOON), "ascending"),
        (DataUse(("DUO:9999999", du.HMB), SOON), "Not a data use code: DUO:9999999"),
    ],
)
def test_each_rule_alone_refuses(use: DataUse, words: str) -> None:
    assert any(words in each for each in du.problems(use, TEACHING, TODAY)), du.problems(use, TEACHING, TODAY)


def test_no_restriction_stands_alone_and_only_for_publication() -> None:
    assert du.problems(DataUse((du.NRES,)), Purpose.PUBLICATION, TODAY) == ()
    assert du.problems(DataUse((du.NRES, du.PS)), Purpose.PUBLICATION, TODAY)
    for purpose in (Purpose.CLINICAL_RECORD, TEACHING):
        assert du.problems(DataUse((du.NRES,)), purpose, TODAY)


@given(CODES, st.sampled_from(Purpose), st.integers(-400, 4000))
def test_whatever_may_leave_allows_one_thing_that_its_purpose_knows(
    codes: tuple[str, ...], purpose: Purpose, days: int
) -> None:
    until = (TODAY + timedelta(days=days)).isoformat() if du.TS in codes else ""
    use = DataUse(codes, until)
    if du.problems(use, purpose, TODAY):
        return
    allowing = [code for code in codes if du.DUO[code].kind is Kind.PERMISSION or code == du.CC]
    assert len(allowing) == 1
    assert allowing[0] in du.PERMISSIONS[purpose]
    assert bool(until) >= (purpose in du.ENDS)
    assert not until or TODAY.isoformat() <= until
    assert len(du.words(use)) == len(codes)


def test_labels_and_shorthands_are_each_of_one_code() -> None:
    assert len({duo.short for duo in du.DUO.values()}) == len(du.DUO) == 23
    assert len({duo.label for duo in du.DUO.values()}) == len(du.DUO)
    assert [duo.short for duo in du.DUO.values() if duo.kind is Kind.PERMISSION] == [
        "NRES",
        "HMB",
        "DS",
        "POA",
        "GRU",
    ]


def test_a_leap_day_and_the_end_of_time_have_a_year_after_them() -> None:
    assert du.usual(TEACHING, date(2028, 2, 29)).until == "2029-02-28"
    assert du.usual(TEACHING, date.max).until == "9999-12-31"

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.core import disposal
from medkiosk.core.disposal import DisposalEvent
from medkiosk.core.ids import KIOSK, AccountId, CaptureId, DisposalId, EncounterId, HoldId
from medkiosk.core.lifecycle import DisposalProposed, DisposalRefused, DisposalState, RetentionClass
from medkiosk.retention import gate
from medkiosk.retention.classes import Care, age_at, anniversary, read_date, term
from medkiosk.retention.due import Hold, Verdict, judge

D = date
E1, C1 = EncounterId("e1"), CaptureId("c1")
DAYS = st.dates(D(1900, 1, 1), D(2200, 1, 1))
CARES = st.builds(
    Care,
    seen=DAYS,
    born=st.none() | DAYS,
    given=st.none() | st.sampled_from(RetentionClass),
    until=st.none() | DAYS,
)
HOLDS = st.lists(
    st.builds(
        Hold,
        hold_id=st.sampled_from(["h1", "h2"]).map(HoldId),
        encounters=st.frozensets(st.sampled_from(["e1", "e2"]).map(EncounterId)),
        captures=st.frozensets(st.sampled_from(["c1", "c2"]).map(CaptureId)),
    ),
    max_size=3,
)


@pytest.mark.parametrize(
    ("care", "retention", "due"),
    [
        # Adults: eight years after they were last seen; the last day of the period still keeps.
        (Care(D(2026, 5, 1), D(1984, 8, 12)), "adult", D(2034, 5, 2)),
        (Care(D(2024, 2, 29), D(1984, 8, 12)), "adult", D(2032, 3, 1)),  # 2032 is a leap year
        (Care(D(2028, 2, 29), D(1984, 8, 12)), "adult", D(2036, 3, 1)),
        # Children: the 25th birthday; the 26th where they were 17.
        (Care(D(2026, 5, 1), D(2020, 1, 10)), "child", D(2045, 1, 11)),
        (Care(D(2026, 5, 1), D(2026, 5, 1)), "child", D(2051, 5, 2)),
        (Care(D(2026, 5, 1), D(2009, 5, 2)), "child", D(2034, 5, 3)),  # 16 until tomorrow
        (Care(D(2026, 5, 1), D(2009, 5, 1)), "child", D(2035, 5, 2)),  # 17 today
        (Care(D(2026, 5, 1), D(2008, 5, 2)), "child", D(2034, 5, 3)),  # 17 for one more day
        (Care(D(2026, 5, 1), D(2008, 5, 1)), "adult", D(2034, 5, 2)),  # 18 today
        # Born on a leap day: the birthday of a common year is 1 March.
        (Care(D(2010, 2, 28), D(2004, 2, 29)), "child", D(2029, 3, 2)),
        (Care(D(2022, 2, 28), D(2004, 2, 29)), "child", D(2030, 3, 2)),  # still 17
        (Care(D(2022, 3, 1), D(2004, 2, 29)), "adult", D(2030, 3, 2)),
        # Doubt keeps: unknown, in the future, or too long ago.
        (Care(D(2026, 5, 1)), "child", D(2051, 5, 2)),
        (Care(D(2026, 5, 1), D(2026, 5, 2)), "child", D(2051, 5, 2)),
        (Care(D(2026, 5, 1), D(1884, 8, 12)), "child", D(2051, 5, 2)),
        # What somebody decided beats what follows.
        (Care(D(2026, 5, 1), D(2020, 1, 10), RetentionClass.ADULT), "adult", D(2034, 5, 2)),
        (Care(D(2026, 5, 1), D(2005, 1, 10), RetentionClass.CHILD), "child", D(2034, 5, 2)),
        (Care(D(2026, 5, 1), None, RetentionClass.CHILD), "child", D(2051, 5, 2)),
        (Care(D(2026, 5, 1), D(1984, 8, 12), RetentionClass.PERMANENT), "permanent", None),
        (Care(D(2026, 5, 1), None, RetentionClass.RESEARCH, D(2030, 12, 31)), "research", D(2031, 1, 1)),
        (Care(D(2026, 5, 1), None, RetentionClass.RESEARCH), "research", None),
        # Beyond the calendar is never.
        (Care(D(9998, 1, 1), D(9950, 1, 1)), "adult", None),
    ],
)
def test_the_period(care: Care, retention: str, due: date | None) -> None:
    found = term(care)
    assert (found.retention, found.due) == (retention, due)


@given(CARES)
def test_nothing_derived_is_kept_for_less_than_eight_years(care: Care) -> None:
    found = term(care)
    if care.given is not RetentionClass.RESEARCH and found.due is not None:
        end = anniversary(care.seen, 8)
        assert end is not None
        assert found.due > end


@given(DAYS, DAYS, st.integers(0, 12000))
def test_being_seen_again_never_makes_it_due_earlier(born: date, seen: date, later: int) -> None:
    if age_at(born, seen) < 0:
        return
    first, second = term(Care(seen, born)), term(Care(seen + timedelta(days=later), born))
    assert first.due is not None
    assert second.due is not None
    if age_at(born, seen + timedelta(days=later)) <= 130:
        # One who was 17 when last seen is kept until 26; seen again at 18 or later, eight years from then.
        assert second.due >= first.due - timedelta(days=365 * (age_at(born, seen) == 17))


@given(CARES, HOLDS, DAYS, st.integers(0, 40000))
def test_due_stays_due_and_a_hold_keeps(care: Care, holds: list[Hold], today: date, later: int) -> None:
    kept = term(care)
    now = judge(kept, holds, E1, [C1], today)
    then = judge(kept, holds, E1, [C1], today + timedelta(days=later))
    assert then.due or not now.due
    held = any(E1 in hold.encounters or C1 in hold.captures for hold in holds)
    assert bool(now.holds) == held
    assert not (held and (now.due or then.due))


def test_what_belongs_to_nobody_is_never_due() -> None:
    assert not judge(None, [], None, [C1], D(9999, 1, 1)).due


@pytest.mark.parametrize("text", ["", "2026", "2026-02-30", "26-01-01", "2026-W01-1", "20260101"])
def test_what_is_no_day_is_unknown(text: str) -> None:
    assert read_date(text) is None


# The decision

DUE, KEPT = Verdict(True, (), ""), Verdict(False, (), "")
HELD = Verdict(False, (HoldId("h1"),), "")
ANNA, BERT = AccountId("anna"), AccountId("bert")


def proposed(*, early: bool = False) -> DisposalProposed:
    return DisposalProposed(
        at="2026-05-01T09:00:00.000Z",
        actor=ANNA,
        disposal_id=DisposalId("d1"),
        encounters=(E1,),
        captures=(C1,),
        reason="the period is over",
        authority="retention schedule",
        early=early,
    )


def test_a_second_person_has_to_say_yes() -> None:
    assert gate.why_not_approve(proposed(), [DUE], BERT, complete=True) == []
    [why] = gate.why_not_approve(proposed(), [DUE], ANNA, complete=True)
    assert "second person" in why


@pytest.mark.parametrize("early", [False, True])
def test_a_hold_stops_a_proposal_and_an_approval(early: bool) -> None:
    assert gate.why_not_propose([DUE, HELD], early=early, reason="r", authority="a")
    assert gate.why_not_approve(proposed(early=early), [DUE, HELD], BERT, complete=True)


def test_what_is_not_due_takes_an_order() -> None:
    assert gate.why_not_propose([KEPT], early=False, reason="r", authority="a")
    assert gate.why_not_propose([KEPT], early=True, reason="r", authority=" ")
    assert gate.why_not_propose([KEPT], early=True, reason="", authority="a")
    assert not gate.why_not_propose([KEPT], early=True, reason="r", authority="court order 1")
    assert gate.why_not_approve(proposed(), [KEPT], BERT, complete=True)
    assert not gate.why_not_approve(proposed(early=True), [KEPT], BERT, complete=True)


def test_an_empty_or_changed_proposal_goes_nowhere() -> None:
    assert gate.why_not_propose([], early=False, reason="r", authority="a")
    assert gate.why_not_approve(proposed(), [DUE], BERT, complete=False)


@given(st.lists(st.sampled_from(DisposalEvent), max_size=12))
def test_nothing_is_destroyed_without_an_approval(events: list[DisposalEvent]) -> None:
    state = disposal.INITIAL
    happened = []
    for event in events:
        after = disposal.next_state(state, event)
        if after is not None:
            state = after
            happened.append(event)
    if state in (DisposalState.DESTROYING, DisposalState.FINISHED):
        assert happened[0] is DisposalEvent.APPROVED
        assert DisposalEvent.REFUSED not in happened


def test_the_table_is_whole() -> None:
    assert set(disposal.TRANSITIONS) == set(DisposalState)


def test_what_was_recorded_leads_to_one_state_from_everywhere() -> None:
    for row in disposal.TRANSITIONS.values():
        for event, after in row.items():
            assert {other[event] for other in disposal.TRANSITIONS.values() if event in other} == {after}


def test_who_refuses_says_which_event_it_is() -> None:
    refused = DisposalRefused(
        at="2026-01-01T00:00:00.000Z", actor=BERT, disposal_id=DisposalId("d"), reason="r"
    )
    given_up = msgspec.structs.replace(refused, actor=KIOSK)
    assert disposal.next_state(DisposalState.APPROVED, disposal.classify(refused)) is None
    assert disposal.next_state(DisposalState.APPROVED, disposal.classify(given_up)) is DisposalState.REFUSED
    assert disposal.next_state(DisposalState.PROPOSED, disposal.classify(given_up)) is None

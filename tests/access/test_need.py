"""Who may do what with whose pictures: the table, written out a second time, and what holds of all of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import combinations, product

import pytest

from medkiosk.access.need import RULES, Action, Facts, Glass, NeedToKnow, Person, decide
from medkiosk.access.roles import capabilities
from medkiosk.core.capability import Capability
from medkiosk.core.ids import AccountId, EncounterId, GlassId
from medkiosk.core.role import Role
from tests.access import matrix
from tests.access.matrix import ENCOUNTER, GLASS, ME, NOW

OTHER = AccountId("b" * 32)
LATE = replace(GLASS, until=NOW)
ELSEWHERE = Glass(GlassId("d" * 32), EncounterId("c" * 32), NOW + timedelta(hours=1))
NOT_OPEN = (LATE, ELSEWHERE)

# A second time, by hand. Rows: (role, situation of matrix.SITUATIONS in order); columns: list name see
# see_original record review export retain. y yes, n no, g with a broken glass, r with the right to intimate
# pictures, b with either.
WRITTEN = {
    Role.PHOTOGRAPHER: "yyynynnn yyynynnn nnnnnnnn yyynynnn yrrnynnn nnnnnnnn",
    Role.REVIEWER: "yyyyyyny yyyyyyny ggggnnny yyyyyyny ybbbyrny ggggnnny",
    Role.PRIVACY_OFFICER: "yyynnnyy yyynnnyy yyynnnyy yyynnnyy yrrnnnry yrrnnnry",
}
LETTERS = {"yes": "y", "no": "n", "glass": "g", "right": "r", "right, glass": "b"}


@pytest.mark.parametrize("role", matrix.ROLES)
def test_the_table_is_as_written(role: Role) -> None:
    found = [
        "".join(LETTERS[matrix.cell(role, action, what)] for action in Action)
        for what in matrix.SITUATIONS.values()
    ]
    assert " ".join(found) == WRITTEN[role]


def test_the_page_has_this_table() -> None:
    text = matrix.PAGE.read_text()
    assert matrix.table() in text, "python -m tests.access.matrix"


def test_every_action_has_a_rule() -> None:
    assert set(RULES) == set(Action)


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMINISTRATOR, Role.INTIMATE_PICTURES])
def test_who_has_no_job_with_patients_may_nothing(role: Role) -> None:
    person = Person(ME, capabilities([role]), frozenset({"skin", "eyes"}), (GLASS,))
    for action, what in product(Action, matrix.SITUATIONS.values()):
        assert not decide(person, action, what, NOW).allowed


def people() -> Iterator[Person]:
    """Everybody there can be: up to three roles, any department, glasses that count and that do not."""
    roles = [some for n in range(4) for some in combinations(Role, n)]
    departments = [frozenset[str](), frozenset({"skin"}), frozenset({"skin", "eyes"})]
    for some, where, glasses in product(roles, departments, [(), NOT_OPEN, (*NOT_OPEN, GLASS)]):
        yield Person(ME, capabilities(some), where, glasses)


def facts() -> Iterator[Facts]:
    """Everything there can be to ask about."""
    for rule in NeedToKnow:
        yield Facts(None, rule=rule)
        for department, team, restricted in product(
            ["", "skin", "eyes"], [(), (OTHER,), (OTHER, ME)], [False, True]
        ):
            yield Facts(ENCOUNTER, department, frozenset(team), restricted, rule)


EVERYTHING = list(product(people(), Action, facts()))
ALLOWED = {
    (person, action, what) for person, action, what in EVERYTHING if decide(person, action, what, NOW).allowed
}


def test_there_is_enough_of_both() -> None:
    assert len(EVERYTHING) > 100_000
    assert len(ALLOWED) > 20_000


def may(person: Person, action: Action, what: Facts) -> bool:
    return (person, action, what) in ALLOWED


def test_taking_anything_away_from_a_person_never_allows_more() -> None:
    for person, action, what in EVERYTHING:
        if may(person, action, what):
            continue
        for department in person.departments:
            less = replace(person, departments=person.departments - {department})
            assert not decide(less, action, what, NOW).allowed
        for capability in (Capability.SEE_RESTRICTED, Capability.BREAK_GLASS, *RULES[action].role):
            less = replace(person, capabilities=person.capabilities - {capability})
            assert not decide(less, action, what, NOW).allowed
        assert not decide(replace(person, glasses=()), action, what, NOW).allowed


def test_leaving_the_team_never_allows_more() -> None:
    for person, action, what in EVERYTHING:
        if ME in what.team and not may(person, action, what):
            assert not may(person, action, replace(what, team=what.team - {ME}))


def test_restricting_never_allows_more() -> None:
    for person, action, what in EVERYTHING:
        if what.encounter_id and not may(person, action, what):
            assert not may(person, action, replace(what, restricted=True))
            assert not may(person, action, replace(what, rule=NeedToKnow.OWN))
            if not what.department:
                assert not may(person, action, replace(what, department="eyes"))


def test_a_glass_never_allows_what_the_role_cannot_do() -> None:
    for person, action, what in EVERYTHING:
        verdict = decide(person, action, what, NOW)
        if verdict.glass:
            assert RULES[action].glass
            assert Capability.BREAK_GLASS in person.capabilities
            assert what.encounter_id == GLASS.encounter_id
            # As much as somebody of the same roles may who treats the patient and has the right, not more.
            right = frozenset({Capability.SEE_RESTRICTED})
            of_the_team = replace(person, glasses=(), capabilities=person.capabilities | right)
            assert decide(of_the_team, action, replace(what, team=frozenset({ME})), NOW).allowed


def test_a_look_names_the_glass_where_there_would_be_none_without_and_only_there() -> None:
    for person, action, what in EVERYTHING:
        verdict = decide(person, action, what, NOW)
        without = decide(replace(person, glasses=()), action, what, NOW)
        assert bool(verdict.glass) == (verdict.allowed and not without.allowed)
        assert verdict.glass in ("", GLASS.glass_id)


def test_no_glass_counts_that_is_over_or_of_another_patient() -> None:
    for person, action, what in EVERYTHING:
        if person.glasses == NOT_OPEN:
            assert may(person, action, what) == may(replace(person, glasses=()), action, what)


def test_every_no_has_words_and_says_so_truly_when_breaking_the_glass_helps() -> None:
    for person, action, what in EVERYTHING:
        verdict = decide(person, action, what, NOW)
        assert bool(verdict.why) != verdict.allowed
        if verdict.allowed:
            assert not verdict.breakable
        else:
            broken = decide(replace(person, glasses=(GLASS,)), action, what, NOW)
            assert verdict.breakable == broken.allowed
            assert verdict.breakable == ("break the glass" in verdict.why)


def test_originals_are_never_a_matter_of_duty() -> None:
    officer = Person(ME, capabilities([Role.PRIVACY_OFFICER, Role.INTIMATE_PICTURES]), frozenset({"skin"}))
    assert not any(decide(officer, Action.SEE_ORIGINAL, what, NOW).allowed for what in facts())

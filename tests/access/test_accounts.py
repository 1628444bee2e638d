"""What an account must be made of."""

from __future__ import annotations

import pytest

from medkiosk.access.accounts import LONGEST_NAME, problems
from medkiosk.core.events import Role

GOOD = "plumber anvil seventeen"
ROLES = (Role.REVIEWER,)


def test_a_complete_account_has_no_problem() -> None:
    assert problems("rita", "Rita Müller", (Role.REVIEWER, Role.PHOTOGRAPHER), GOOD) == ()
    assert problems("r" * LONGEST_NAME, "R" * LONGEST_NAME, ROLES, GOOD) == ()


@pytest.mark.parametrize(
    "name", ["", "   ", " \n ", "a\nb", "a\x1b[2Jb", "a\u202eb", "x" * (LONGEST_NAME + 1)]
)
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    assert len(problems(name, "Rita", ROLES, GOOD)) == 1
    assert len(problems("rita", name, ROLES, GOOD)) == 1
    assert "user name" in problems(name, "Rita", ROLES, GOOD)[0]
    assert "person's name" in problems("rita", name, ROLES, GOOD)[0]


@pytest.mark.parametrize("roles", [(), (Role.AUDITOR, Role.AUDITOR)])
def test_roles_are_there_and_named_once(roles: tuple[Role, ...]) -> None:
    assert problems("rita", "Rita", roles, GOOD) == ("an account needs at least one role, each named once",)


def test_a_weak_passphrase_is_refused_and_not_quoted() -> None:
    (problem,) = problems("rita", "Rita", ROLES, "hunter2")
    assert "too easy to guess" in problem
    assert "hunter2" not in problem


def test_names_of_person_and_place_are_no_passphrase() -> None:
    assert problems("rita", "Rita Schmidtbauer", ROLES, "rita schmidtbauer tulpenau", ("Klinik Tulpenau",))
    assert not problems("rita", "Rita", ROLES, "rita schmidtbauer tulpenau")


def test_every_problem_is_named_at_once() -> None:
    assert len(problems("", "", (), "")) == 4

"""Each role is exactly as documented, written out here a second time."""

from __future__ import annotations

from itertools import combinations

import pytest

from medkiosk.access.roles import ROLES, capabilities
from medkiosk.core.capability import Capability
from medkiosk.core.events import Role

DOCUMENTED = {
    Role.PHOTOGRAPHER: "logged_in own_session record see_catalogue see_redacted",
    Role.REVIEWER: (
        "approve_disposal break_glass decide_correction logged_in own_session record review see_catalogue"
        " see_original see_redacted"
    ),
    Role.PRIVACY_OFFICER: (
        "approve_disposal decide_correction decide_settings enrol_recipient export logged_in manage_retention"
        " own_session review_glass see_catalogue see_redacted see_settings see_training"
    ),
    Role.AUDITOR: "audit logged_in manage_store own_session review_glass see_settings see_training",
    Role.ADMINISTRATOR: (
        "logged_in manage_accounts manage_guide manage_store own_session propose_settings see_settings"
        " see_training update"
    ),
    Role.INTIMATE_PICTURES: "logged_in own_session see_restricted",
}


@pytest.mark.parametrize("role", Role)
def test_each_role_is_as_documented(role: Role) -> None:
    assert " ".join(sorted(capabilities([role]))) == DOCUMENTED[role]


def test_every_capability_is_given_by_some_role() -> None:
    assert capabilities(Role) == frozenset(Capability)


def test_no_role_no_capability() -> None:
    assert capabilities([]) == frozenset()


def test_roles_add_up_and_give_nothing_more() -> None:
    for one, other in combinations(Role, 2):
        assert capabilities([one, other]) == ROLES[one] | ROLES[other]


def test_who_lets_people_in_sees_no_picture_and_no_patient() -> None:
    for role in (Role.ADMINISTRATOR, Role.AUDITOR, Role.INTIMATE_PICTURES):
        assert not ROLES[role] & {Capability.SEE_CATALOGUE, Capability.SEE_REDACTED, Capability.EXPORT}

"""kioskctl access, on the real daemon."""

from __future__ import annotations

import json
from typing import Any

from tests.access.hospital import Hospital
from tests.kiosk import ADMIN, PASSPHRASE


def say(here: Hospital, user: str, *words: str) -> Any:
    done = here.kiosk.ctl(
        "access", "--json", "--user", user, "--passphrase-file", "-", *words, stdin=PASSPHRASE + "\n"
    )
    return json.loads(done.stdout)


def test_a_team_and_the_class_of_its_pictures(here: Hospital) -> None:
    found = say(here, "ines", "team", here.plain, "--add", "otto", "--reason", "a second opinion")
    assert [each["user"] for each in found["members"]] == ["pat", "otto"]
    here.logged_in("pat").change_team(here.plain, (), ("otto",), "it was given")
    closed = say(
        here, "ines", "restrict", here.plain, "--chaperone", "Clara", "nurse", "--reason", "intimate"
    )
    assert closed["restricted"]
    here.logged_in("ines").lift_restriction(here.plain, "it was the arm")


def test_broken_glasses_are_listed(here: Hospital) -> None:
    otto = here.logged_in("otto")
    broken = otto.break_glass(here.plain, "the patient is bleeding")
    otto.end_glass(broken.glass_id)
    assert broken.glass_id in {each["glass_id"] for each in say(here, "audi", "glasses")}


def test_roles_and_departments_of_somebody_else(here: Hospital) -> None:
    assert say(here, ADMIN, "departments", "otto", "eyes", "skin")["departments"] == ["eyes", "skin"]
    here.logged_in(ADMIN).set_departments("otto", ("eyes",))

"""Break-glass, teams and the life of an account, on the real daemon."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from medkiosk.core.consent import Witness
from medkiosk.core.correctionevents import Outcome
from medkiosk.core.photo import Box, ImageRole
from medkiosk.core.role import Role
from medkiosk.daemon.sessions import OpenGlass
from medkiosk.ipc.wire import RemoteError
from tests.access.hospital import GLASS_S, INTIMATE, PLAIN, Hospital
from tests.access.matrix import GLASS, NOW
from tests.kiosk import ADMIN, PASSPHRASE

WHY = "bleeding, the surgeon must see the wound"
NOT_THEIRS = "neither your team's nor your department's"


def test_whichever_clock_says_less_counts() -> None:
    glass = OpenGlass(replace(GLASS, until=NOW + timedelta(seconds=60)), ends=1060.0)
    assert glass.left(1000.0, NOW) == 60
    assert glass.left(1059.0, NOW - timedelta(days=1)) == 1, "set back: not lengthened"
    assert glass.left(1060.0, NOW - timedelta(days=1)) == 0
    assert glass.left(1000.0, NOW + timedelta(seconds=59)) == 1, "the other clock stood still"
    assert glass.left(1000.0, NOW + timedelta(days=1)) == 0


def test_a_glass_opens_one_encounter_for_looking_and_everything_says_so(here: Hospital) -> None:
    otto, audi, olga = map(here.logged_in, ("otto", "audi", "olga"))
    with pytest.raises(RemoteError, match="break the glass"):
        otto.get_preview(here.of_plain)
    assert otto.ask_for_patient("100", PLAIN.issuer).encounters == ()
    assert otto.ask_for_patient(PLAIN.mrn, "another").encounters == ()
    [told] = otto.ask_for_patient(PLAIN.mrn.lower(), PLAIN.issuer.upper()).encounters
    assert (told.encounter_id, told.department) == (here.plain, "skin")
    with pytest.raises(RemoteError, match="10 to 500 printable characters"):
        otto.break_glass(here.plain, "  urgent  ")
    broken = otto.break_glass(here.plain, WHY)
    assert 0 < broken.seconds <= 60
    assert otto.break_glass(here.plain, WHY).glass_id == broken.glass_id
    [mine] = otto.get_access().glasses
    assert mine.glass_id == broken.glass_id

    [seen] = otto.list_encounters().encounters
    assert seen.subject == PLAIN
    assert otto.list_captures().total == 2
    assert otto.get_preview(here.of_plain)[1]
    for refused in (
        lambda: otto.approve(here.of_plain, 1),
        lambda: otto.give_role(here.of_plain, ImageRole.REJECT),
        lambda: otto.change_team(here.plain, ("otto",), (), "so that I stay"),
        lambda: otto.get_preview(here.of_intimate),
    ):
        with pytest.raises(RemoteError, match=f"{NOT_THEIRS}|a right of its own"):
            refused()
    with here.kiosk.session("otto") as elsewhere, pytest.raises(RemoteError, match=NOT_THEIRS):
        elsewhere.get_preview(here.of_plain)

    assert otto.end_glass(broken.glass_id).glasses == ()
    with pytest.raises(RemoteError, match=NOT_THEIRS):
        otto.get_preview(here.of_plain)
    with pytest.raises(RemoteError, match="no open glass"):
        otto.end_glass(broken.glass_id)

    [listed] = [each for each in audi.list_glasses().glasses if each.glass_id == broken.glass_id]
    assert (listed.by, listed.reason, listed.looks, listed.read_by) == ("Otto Tester", WHY, 1, "")
    assert listed.ended
    lines = audi.list_events(0, 1000).events
    looks = [each.summary for each in lines if each.type == "viewed" and broken.glass_id in each.summary]
    assert looks == [f"preview of capture {here.of_plain} revision 1 by glass {broken.glass_id}"]
    [names] = [
        each.summary for each in lines if each.type == "patients.listed" and broken.glass_id in each.summary
    ]
    assert names == f"encounters: 1 found, by glass {broken.glass_id}"
    assert [each.type for each in lines if each.type in ("glass.broken", "glass.ended")]
    assert "patient.asked_for" in {each.type for each in lines}
    with pytest.raises(RemoteError, match="say what you found"):
        olga.review_glass(broken.glass_id, True, " ")
    found = olga.review_glass(broken.glass_id, False, "nobody was bleeding")
    assert (found.read_by, found.justified, found.words) == ("Olga Officer", False, "nobody was bleeding")
    with pytest.raises(RemoteError, match="already"):
        audi.review_glass(broken.glass_id, True, "it was")
    assert broken.glass_id not in {each.glass_id for each in audi.list_glasses().glasses}
    assert broken.glass_id in {each.glass_id for each in audi.list_glasses(False).glasses}


def test_a_glass_opens_intimate_pictures_too_and_ends_with_the_session(here: Hospital) -> None:
    with here.kiosk.session("otto") as otto:
        otto.break_glass(here.intimate, WHY)
        assert otto.get_preview(here.of_intimate)[1]
        [seen] = otto.list_encounters().encounters
        assert (seen.subject, seen.restricted, seen.hidden) == (INTIMATE, True, False)
        with pytest.raises(RemoteError, match=NOT_THEIRS):
            otto.lift_restriction(here.intimate, "so that I stay")
        otto.logout()
        otto.login("otto", PASSPHRASE)
        with pytest.raises(RemoteError, match=NOT_THEIRS):
            otto.get_preview(here.of_intimate)


def test_a_glass_is_over_when_its_time_is(here: Hospital) -> None:
    with here.kiosk.session("otto") as otto:
        broken = otto.break_glass(here.plain, WHY)
        here.kiosk.later(GLASS_S - 20)
        assert otto.get_preview(here.of_plain)[1]
        [left] = otto.get_access().glasses
        assert 0 < left.seconds <= 20
        here.kiosk.later(21)
        with pytest.raises(RemoteError, match=NOT_THEIRS):
            otto.get_preview(here.of_plain)
        with pytest.raises(RemoteError, match=NOT_THEIRS):
            otto.get_part(here.of_plain, 1, Box(0, 0, 9, 9), 9, 9)
        assert otto.list_encounters().encounters == ()
        assert otto.get_access().glasses == ()
        with pytest.raises(RemoteError, match="no open glass"):
            otto.end_glass(broken.glass_id)
        again = otto.break_glass(here.plain, WHY)
        assert again.glass_id != broken.glass_id, "who needs it longer says so anew"
        otto.end_glass(again.glass_id)


def test_each_glass_has_the_looks_that_it_allowed(here: Hospital) -> None:
    """Also where the same parts were seen under an earlier one."""
    box = Box(0, 0, 9, 9)
    with here.kiosk.session("otto") as otto:
        broken = []
        for _ in range(2):
            glass = otto.break_glass(here.plain, WHY)
            broken.append(glass.glass_id)
            for _ in range(2):
                assert otto.get_part(here.of_plain, 1, box, 9, 9)[1]
            with pytest.raises(RemoteError, match="not open"):
                otto.get_original(here.of_plain, 1, box, 9, 9)
            otto.open_original(here.of_plain, 1, "what is under the mask")
            assert otto.get_original(here.of_plain, 1, box, 9, 9)[1]
            otto.end_glass(glass.glass_id)
    listed = {each.glass_id: each.looks for each in here.logged_in("audi").list_glasses(False).glasses}
    assert [listed[each] for each in broken] == [2, 2]


def test_a_glass_decides_nothing_about_whose_pictures_are(here: Hospital) -> None:
    pat = here.logged_in("pat")
    waits = pat.propose_correction(here.intimate, (here.of_plain,), "the other patient's")
    with here.kiosk.session("otto") as otto:
        otto.break_glass(here.plain, WHY)
        otto.break_glass(here.intimate, WHY)
        assert waits.correction_id in {each.correction_id for each in otto.list_corrections().corrections}
        for outcome in (Outcome.APPROVED, Outcome.REFUSED):
            with pytest.raises(RemoteError, match="only by a broken glass"):
                otto.decide_correction(waits.correction_id, outcome, "it is not")
    pat.take_back_correction(waits.correction_id)
    assert [each.user for each in pat.get_team(here.intimate).members] == ["pat"]


def test_who_says_yes_is_told_that_the_encounter_becomes_intimate(here: Hospital) -> None:
    pat, ines = here.logged_in("pat"), here.logged_in("ines")
    for to, captures, told in ((here.plain, here.of_intimate, True), (here.intimate, here.of_plain, False)):
        waits = pat.propose_correction(to, (captures,), "the other patient's")
        [listed] = [c for c in ines.list_corrections().corrections if c.correction_id == waits.correction_id]
        assert any("it becomes intimate, and few will see it" in each for each in listed.needs) is told
        pat.take_back_correction(waits.correction_id)


def test_nobody_breaks_what_is_open_or_without_the_role(here: Hospital) -> None:
    with pytest.raises(RemoteError, match="already"):
        here.logged_in("rita").break_glass(here.plain, WHY)
    for user in ("pat", "olga", "audi"):
        with pytest.raises(RemoteError, match="does not break the glass"):
            here.logged_in(user).break_glass(here.plain, WHY)


def test_a_team_is_joined_and_left(here: Hospital) -> None:
    pat, otto = here.logged_in("pat"), here.logged_in("otto")
    assert [each.user for each in pat.get_team(here.plain).members] == ["pat"]
    joined = pat.change_team(here.plain, ("otto",), (), "the eye is involved")
    assert [each.user for each in joined.members] == ["pat", "otto"]
    assert otto.get_preview(here.of_plain)[1]
    pat.change_team(here.plain, (), ("otto",), "the eye is well")
    with pytest.raises(RemoteError, match=NOT_THEIRS):
        otto.get_preview(here.of_plain)
    for added, removed, words in (
        (("nobody",), (), "no account"),
        ((), ("otto",), "is not of it"),
        ((), (), "between 1 and"),
    ):
        with pytest.raises(RemoteError, match=words):
            pat.change_team(here.plain, added, removed, "why")


def test_intimate_is_said_with_a_chaperone_and_taken_back_with_a_reason(here: Hospital) -> None:
    pat, ines, audi = map(here.logged_in, ("pat", "ines", "audi"))
    with pytest.raises(RemoteError, match="a name and a role"):
        pat.restrict(here.plain, "intimate", Witness("Clara", " "))
    with pytest.raises(RemoteError, match="say why"):
        pat.restrict(here.plain, " ", None)
    assert pat.restrict(here.plain, "intimate", Witness("Clara Chaperone", "nurse")).hidden
    with pytest.raises(RemoteError, match="say why"):
        ines.lift_restriction(here.plain, "")
    assert not ines.lift_restriction(here.plain, "it was the arm").restricted
    with pytest.raises(RemoteError, match="not restricted"):
        ines.lift_restriction(here.plain, "again")
    said = {e.summary for e in audi.list_events(0, 1000).events if e.type == "encounter.restricted"}
    assert f"encounter {here.plain}: with a chaperone" in said
    assert "Clara" not in repr(said)


def test_departments_count_at_once_and_only_those_that_there_are(here: Hospital) -> None:
    admin, otto = here.logged_in(ADMIN), here.logged_in("otto")
    with pytest.raises(RemoteError, match="skin, eyes"):
        admin.set_departments("otto", ("Skin",))
    with pytest.raises(RemoteError, match="skin, eyes"):
        here.logged_in("pat").create_encounter(PLAIN, "hand", "ears")
    assert admin.set_departments("otto", ("eyes", "skin")).departments == ("eyes", "skin")
    assert otto.get_access().mine == ("eyes", "skin")
    assert otto.get_preview(here.of_plain)[1]
    admin.set_departments("otto", ())
    with pytest.raises(RemoteError, match=NOT_THEIRS):
        otto.get_preview(here.of_plain)
    admin.set_departments("otto", ("eyes",))
    with pytest.raises(RemoteError, match="another administrator"):
        admin.set_departments(ADMIN, ("skin",))


def test_roles_change_by_another_administrator_and_end_the_session(here: Hospital) -> None:
    admin = here.logged_in(ADMIN)
    admin.create_account("gina", "Gina Tester", (Role.PHOTOGRAPHER,), PASSPHRASE)
    for roles, words in (
        ((Role.ADMINISTRATOR, Role.REVIEWER), "sees no patients"),
        ((Role.INTIMATE_PICTURES,), "no job by itself"),
        ((), "at least one role"),
    ):
        with pytest.raises(RemoteError, match=words):
            admin.change_roles("gina", roles, "why")
        with pytest.raises(RemoteError, match=words):
            admin.create_account("other", "Other", roles, PASSPHRASE)
    with pytest.raises(RemoteError, match="another administrator changes your roles"):
        admin.change_roles(ADMIN, (Role.AUDITOR,), "I want to")
    with here.kiosk.client() as gina:
        gina.login("gina", PASSPHRASE)
        with pytest.raises(RemoteError, match="does not review"):
            gina.reject(here.loose, 1, "no")
        made = admin.change_roles("gina", (Role.REVIEWER, Role.INTIMATE_PICTURES), "she is a doctor now")
        assert made.roles == (Role.REVIEWER, Role.INTIMATE_PICTURES)
        with pytest.raises(RemoteError, match="changed the roles"):
            gina.list_captures()
    admin.change_roles("gina", (Role.ADMINISTRATOR,), "the other one leaves")
    with here.kiosk.session("gina") as gina:
        gina.set_departments("otto", ("eyes",))
        gina.change_roles(ADMIN, (Role.AUDITOR,), "she leaves")
        with pytest.raises(RemoteError, match="changed the roles"):
            admin.list_accounts()
        gina.change_roles(ADMIN, (Role.ADMINISTRATOR,), "she stays")
    here.again(ADMIN)
    here.logged_in(ADMIN).close_account("gina", "she leaves")


def test_all_of_it_is_there_after_a_restart(here: Hospital) -> None:
    before = here.logged_in("audi").list_glasses(False)
    here.restart()
    with pytest.raises(RemoteError, match=NOT_THEIRS):
        here.logged_in("otto").get_preview(here.of_plain)
    assert here.logged_in("otto").get_access().mine == ("eyes",)
    assert here.logged_in("audi").list_glasses(False) == before

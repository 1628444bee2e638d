"""Who may see whose pictures, on the console: intimate pictures, teams, broken glasses, roles."""

from __future__ import annotations

import msgspec
import pytest

from medkiosk.console.widgets.field import Field
from medkiosk.console.widgets.glass import banner_words
from medkiosk.core.consent import Subject
from medkiosk.core.events import Role
from medkiosk.core.ids import EncounterId, GlassId
from medkiosk.ipc import types as t
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.test_accounts import administrator, fill
from tests.console.test_screens import console, reviewing

ERIKA = Subject(mrn="7421093", issuer="Demo Hospital", name="Erika Mustermann", birth_date="1984-08-12")
WHY = "the patient is bleeding"


def encounter(running: RunningKiosk, **facts: object) -> EncounterId:
    """An encounter in the list."""
    id_ = EncounterId(running.kiosk.new_id())
    made = t.EncounterInfo(
        encounter_id=id_,
        at="2026-05-01T09:00:00.000Z",
        subject=ERIKA,
        label="hand",
        captures=0,
        consents=(),
    )
    running.kiosk.encounters[id_] = msgspec.structs.replace(made, **facts)
    return id_


async def test_an_intimate_encounter_is_named_so_and_not_by_the_patient(running: RunningKiosk) -> None:
    blank = msgspec.structs.replace(ERIKA, name="", birth_date="")
    encounter(running, restricted=True, hidden=True, subject=blank, label="", department="skin")
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("e")
        await flows.until_text(pilot, "INTIMATE name hidden MRN 7421093")
        assert "no consent" not in flows.text(pilot)
        assert "skin" in flows.text(pilot)


async def test_an_encounter_becomes_intimate_with_a_chaperone(running: RunningKiosk) -> None:
    encounter(running)
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("e")
        await flows.until_text(pilot, "Erika")
        await pilot.press("a")
        await flows.until_text(pilot, "Of the team: Pat Photographer (pat).")
        assert "The chaperone's name" not in flows.text(pilot)
        await pilot.press("f2")
        await flows.until_text(pilot, "Nothing is changed yet.")
        await pilot.press("right")
        await flows.until_text(pilot, "The chaperone's name")
        await pilot.press("enter", "enter")
        await fill(pilot, "Clara", "nurse")
        await pilot.press("enter", "enter")
        await fill(pilot, "intimate area")
        await pilot.press("f2")
        await flows.until_text(pilot, "Who sees this encounter was changed.")
    assert "restrict: intimate area; Clara, nurse" in running.kiosk.calls


async def test_the_glass_is_broken_seen_on_every_screen_and_closed(running: RunningKiosk) -> None:
    hidden = EncounterId(running.kiosk.new_id())
    running.kiosk.hidden[hidden] = "555"
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        assert "GLASS" not in flows.text(pilot)
        await pilot.press("e")
        await flows.until_screen(pilot, "EncountersScreen")
        await pilot.press("b")
        await flows.until_text(pilot, "another team whom you must treat now")
        await fill(pilot, "554", "Demo Hospital")
        await flows.until_text(pilot, "no such patient among those whom you do not see")
        await pilot.press("shift+tab", "backspace", "backspace", "backspace")
        await fill(pilot, "555")
        await pilot.press("f2")
        await flows.until_text(pilot, "There is such a patient: 1 encounter, the newest of 2026-05-01")
        await fill(pilot, WHY)
        await flows.until_text(pilot, "GLASS BROKEN: another team's patient is open to you")
        await flows.until_text(pilot, "60 minutes left")
        await pilot.press("escape")
        await flows.until_screen(pilot, "HomeScreen")
        assert "GLASS BROKEN" in flows.text(pilot)
        await pilot.press("f8")
        await flows.until_text(pilot, "The glass is closed")
        assert "GLASS BROKEN" not in flows.text(pilot)
    assert running.kiosk.calls.count(f"break_glass: {WHY}") == 1
    assert running.kiosk.calls.count("end_glass") == 1


async def test_a_glass_that_is_half_broken_has_its_banner(running: RunningKiosk) -> None:
    first, second = (EncounterId(running.kiosk.new_id()) for _ in range(2))
    running.kiosk.hidden |= {first: "555", second: "555"}
    running.kiosk.shut.add(second)
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("e")
        await flows.until_screen(pilot, "EncountersScreen")
        await pilot.press("b")
        await flows.until_screen(pilot, "BreakGlassScreen")
        await fill(pilot, "555", "Demo Hospital")
        await flows.until_text(pilot, "There is such a patient: 2 encounters")
        await fill(pilot, WHY)
        await flows.until_text(pilot, "NOT DONE: Open are 1 of 2 encounters.")
        await flows.until_text(pilot, "GLASS BROKEN: another team's patient is open to you")
    assert [each.encounter_id for each in running.kiosk.open_glasses] == [first]


async def test_what_was_half_saved_is_said_and_the_rest_is_saved_again(running: RunningKiosk) -> None:
    id_ = encounter(running)
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("e")
        await flows.until_text(pilot, "Erika")
        await pilot.press("a")
        await flows.until_text(pilot, "Of the team: Pat Photographer (pat).")
        await pilot.press("right")
        await flows.until_text(pilot, "The chaperone's name")
        await pilot.press("enter", "enter")
        await fill(pilot, "Clara", "nurse", "nobody")
        await pilot.press("enter")
        await fill(pilot, "intimate area")
        await pilot.press("f2")
        await flows.until_text(pilot, "NOT DONE: The team is as it was; intimate or not is changed.")
        assert running.kiosk.encounters[id_].restricted
        assert "The chaperone's name" not in flows.text(pilot)
        pilot.app.screen.query_one("#joins", Field).value = "olga"
        await pilot.press("f2")
        await flows.until_text(pilot, "Who sees this encounter was changed.")
    calls = running.kiosk.calls
    assert sum(call.startswith("restrict") for call in calls) == 1
    assert "change_team: +('olga',) -() intimate area" in calls


def test_the_banner_says_how_long_and_goes_when_it_is_over() -> None:
    assert "2 minutes left" in banner_words(120)
    assert "a minute left" in banner_words(60)
    assert banner_words(0) == banner_words(-5) == ""
    assert max(map(len, (banner_words(s) for s in (60, 28_800)))) < 118


async def test_a_broken_glass_is_looked_into(running: RunningKiosk) -> None:
    running.kiosk.hire("olga", "Olga Officer", Role.PRIVACY_OFFICER)
    running.kiosk.glasses.append(
        t.GlassInfo(
            glass_id=GlassId("f" * 32),
            encounter_id=EncounterId("e" * 32),
            by="Otto Tester",
            at="2026-05-01T09:00:00.000Z",
            until="2026-05-01T10:00:00.000Z",
            reason=WHY,
            ended="",
            looks=3,
            read_by="",
            read_at="",
            justified=False,
            words="",
        )
    )
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "olga")
        await pilot.press("y")
        await flows.until_text(pilot, "Otto Tester 3 looks")
        assert WHY in flows.text(pilot)
        await pilot.press("n")
        await flows.until_text(pilot, "It was NOT justified.")
        await fill(pilot, "nobody was bleeding")
        await flows.until_text(pilot, "looked into, newest first: 0")
        await pilot.press("a")
        await flows.until_text(pilot, "NOT JUSTIFIED, says Olga: nobody was bleeding")
        await pilot.press("j")
        await flows.until_text(pilot, "has looked into this one")


async def test_roles_and_departments_are_changed(running: RunningKiosk) -> None:
    running.kiosk.departments = ("skin", "eyes")
    async with administrator(running) as pilot:
        rows = list(running.kiosk.accounts)
        await pilot.press(*["down"] * rows.index("rita"), "o")
        await flows.until_text(pilot, "Other roles end their sessions.")
        await flows.until_text(pilot, "[ ] skin")
        await pilot.press("f2")
        await flows.until_text(pilot, "Nothing is changed yet.")
        await pilot.press("end", *["right"] * 6, "space", "enter", "space")
        await pilot.press("f2")
        await flows.until_text(pilot, "Say why")
        await pilot.press("enter")
        await fill(pilot, "she needs to")
        await pilot.press("f2")
        await flows.until_text(pilot, "What rita sees was changed.")
        await flows.until_text(pilot, "intimate pictures; skin")
    assert Role.INTIMATE_PICTURES in running.kiosk.accounts["rita"][2]
    assert running.kiosk.works["rita"] == ("skin",)


@pytest.mark.parametrize("departments", [(), ("skin", "eyes")])
async def test_a_new_encounter_has_a_department_where_there_are_any(
    running: RunningKiosk, departments: tuple[str, ...]
) -> None:
    running.kiosk.departments = departments
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("e")
        await flows.until_screen(pilot, "EncountersScreen")
        await pilot.press("n")
        await flows.until_screen(pilot, "EncounterScreen")
        if departments:
            await flows.until_text(pilot, "(*) skin")
        await fill(pilot, ERIKA.mrn, ERIKA.issuer, ERIKA.name, ERIKA.birth_date, "hand")
        await pilot.press("f2")
        await flows.until_screen(pilot, "ConsentScreen")
    [made] = [each for each in running.kiosk.encounters.values() if each.subject.mrn == ERIKA.mrn]
    assert made.department == (departments[0] if departments else "")


async def test_a_new_intimate_encounter_is_made_in_one_call(running: RunningKiosk) -> None:
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("e")
        await flows.until_screen(pilot, "EncountersScreen")
        await pilot.press("n")
        await flows.until_screen(pilot, "EncounterScreen")
        await fill(pilot, ERIKA.mrn, ERIKA.issuer, ERIKA.name, ERIKA.birth_date, "breast", "")
        await pilot.press("right")
        await flows.until_text(pilot, "The chaperone's name")
        await pilot.press("enter", "enter")
        await fill(pilot, "Clara", "nurse")
        await pilot.press("f2")
        await flows.until_screen(pilot, "ConsentScreen")
    [made] = [each for each in running.kiosk.encounters.values() if each.label == "breast"]
    assert made.restricted
    assert "create_encounter: intimate; Clara, nurse" in running.kiosk.calls
    assert not any(call.startswith("restrict") for call in running.kiosk.calls)


async def test_an_intimate_picture_is_covered_until_a_key_and_only_then_a_look(running: RunningKiosk) -> None:
    async with reviewing(running) as pilot:
        looks = running.kiosk.calls.count("get_preview")
        photo = next(iter(running.kiosk.photos.values()))
        photo.info = msgspec.structs.replace(photo.info, encounter_id=encounter(running, restricted=True))
        await pilot.press("n", "p")
        await flows.until_text(pilot, "This picture is intimate. I shows it")
        await pilot.press("a")
        await flows.until_text(pilot, "NOT DONE: It cannot be approved")
        seen = running.kiosk.calls.count("get_preview")
        await pilot.press("i")
        await flows.on_review(pilot)
        assert running.kiosk.calls.count("get_preview") == seen + 1 > looks
        await pilot.press("n", "p")
        await flows.until_text(pilot, "This picture is intimate. I shows it")

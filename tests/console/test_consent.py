"""The consent form opens what a choice needs, and what it sends is what the daemon accepts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from textual.pilot import Pilot

from medkiosk.consent.decision import Action, Question, may
from medkiosk.consent.terms import Person, check
from medkiosk.console import answering as a
from medkiosk.console.app import KioskApp
from medkiosk.console.screens.consent import ConsentScreen, agreed_to
from medkiosk.console.widgets.choice import Choice
from medkiosk.core.clock import parse_rfc3339
from medkiosk.core.consent import (
    Assent,
    Capacity,
    Code,
    ConsentKind,
    ConsentMethod,
    Consequence,
    Decision,
    Faces,
    Purpose,
    Relationship,
    Risk,
    Scope,
    Terms,
    Witness,
)
from medkiosk.core.events import Role
from medkiosk.core.explanation import EXPLANATIONS
from medkiosk.core.photo import ImageRole
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.test_screens import SIXEL, console

CHILD, ADULT = "2019-08-12", "1984-08-12"
ONLY = a.Chosen(
    kind=ConsentKind.GRANT,
    purposes=(Purpose.CLINICAL_RECORD,),
    relationship=Relationship.SELF,
    capacity=Capacity.ABLE,
    method=ConsentMethod.SIGNED_FORM,
    language="en",
    limits=a.Limits.NONE,
    forms=0,
)


@asynccontextmanager
async def form(
    running: RunningKiosk, birth_date: str = ADULT, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[Pilot[Any]]:
    """The empty consent form of a new encounter."""
    app = KioskApp(
        running.path, terminal=SIXEL, theme="calm", clock=lambda: datetime(2026, 11, 22, 12, tzinfo=UTC)
    )
    async with app.run_test(size=size) as pilot:
        await flows.until(pilot, lambda: app.status is not None, "no status came")
        await flows.log_in(pilot, "rita")
        await flows.new_encounter(pilot, mrn="1", issuer="Demo", name="Muster, Ada", birth_date=birth_date)
        yield pilot


async def saved(
    pilot: Pilot[Any], running: RunningKiosk, birth_date: str = ADULT, *, after_death: bool = False
) -> Terms:
    """What was recorded, which the daemon's own check accepts."""
    await pilot.press("f2")
    await flows.until_screen(pilot, "EncountersScreen")
    encounter = next(iter(running.kiosk.encounters.values()))
    terms = encounter.consents[-1].terms
    assert check(terms, parse_rfc3339(terms.starts), Person(birth_date, after_death=after_death)) == ()
    return terms


async def to(pilot: Pilot[Any], name: str) -> None:
    """Go on with Enter until a line has the keys."""
    for _ in range(30):
        if pilot.app.focused is not None and pilot.app.focused.id == name:
            return
        await pilot.press("enter")
    raise AssertionError(f"{name} cannot be reached with Enter")


async def fill(pilot: Pilot[Any], **lines: str) -> None:
    for name, words in lines.items():
        await to(pilot, name)
        await flows.type_text(pilot, words)


async def test_the_short_way_takes_no_more_keys_than_before(running: RunningKiosk) -> None:
    async with form(running) as pilot:
        assert not [name for name in a.ALL_ROWS if pilot.app.screen.query_one(f"#{name}").display]
        terms = await saved(pilot, running)
    assert terms.purposes == (Purpose.CLINICAL_RECORD,)
    assert terms.capacity is Capacity.ABLE
    assert terms.scope is None
    assert terms.text_sha256 == EXPLANATIONS["en-2"].sha256


async def test_a_mother_answers_for_a_child(running: RunningKiosk) -> None:
    async with form(running, CHILD) as pilot:
        await pilot.press("right")
        await fill(pilot, grantor="Muster, Maria", authority="custody")
        await to(pilot, "assent")
        await pilot.press("right", "right")
        terms = await saved(pilot, running, CHILD)
    assert terms.assent is Assent.TOO_YOUNG
    assert terms.grantor.authority == "custody"


async def test_a_guardian_says_why_it_is_they_who_decide(running: RunningKiosk) -> None:
    async with form(running) as pilot:
        await pilot.press("right", "right")
        await to(pilot, "capacity")
        await pilot.press("right")
        await fill(pilot, grantor="Vogt, Paul", authority="court of 2024")
        assert not pilot.app.screen.query_one("#assent").display
        terms = await saved(pilot, running)
    assert terms.capacity is Capacity.LACKS
    assert terms.assent is None


async def test_a_patient_types_their_own_name(running: RunningKiosk) -> None:
    async with form(running) as pilot:
        await to(pilot, "method")
        await pilot.press("right")
        await fill(pilot, typed_name="Muster, Ada")
        assert not pilot.app.screen.query_one("#witness").display
        terms = await saved(pilot, running)
    assert terms.method is ConsentMethod.TYPED_NAME
    assert terms.grantor.name == terms.typed_name == "Muster, Ada"


async def test_a_clinician_decides_about_care_for_somebody_who_cannot(running: RunningKiosk) -> None:
    async with form(running) as pilot:
        await pilot.press(*["right"] * 4)
        await to(pilot, "capacity")
        await flows.until_text(pilot, "(*) cannot decide")
        await fill(pilot, grantor="Dr. Weiss, Vera", authority="sedated; the wound must be followed")
        assert not pilot.app.screen.query_one("#assent").display
        terms = await saved(pilot, running)
    assert (terms.grantor.relationship, terms.capacity) == (Relationship.CLINICIAN, Capacity.LACKS)
    assert terms.grantor.authority == "sedated; the wound must be followed"
    assert terms.purposes == (Purpose.CLINICAL_RECORD,)
    assert decided(terms, Purpose.CLINICAL_RECORD).allowed
    assert decided(terms, Purpose.TEACHING_RESEARCH).code is Code.NOT_ASKED


async def test_a_representative_answers_for_a_patient_who_died(running: RunningKiosk) -> None:
    async with form(running) as pilot:
        await pilot.press(*["right"] * 5)
        await fill(pilot, grantor="Muster, Karl", authority="will of 2020")
        assert not pilot.app.screen.query_one("#capacity").display, "nothing to choose"
        terms = await saved(pilot, running, after_death=True)
    assert (terms.grantor.relationship, terms.capacity) == (
        Relationship.REPRESENTATIVE,
        Capacity.DECEASED,
    )
    assert terms.grantor.name == "Muster, Karl"
    assert decided(terms, Purpose.CLINICAL_RECORD).code is Code.AUTHORITY, "unless the department lets them"


def decided(terms: Terms, purpose: Purpose) -> Decision:
    """What the answer allows on its first day."""
    return may(Action.EXPORT, Question(born=ADULT), [terms], purpose, None, parse_rfc3339(terms.starts))


async def test_an_oral_answer_has_a_witness(running: RunningKiosk) -> None:
    async with form(running) as pilot:
        await to(pilot, "method")
        await pilot.press("right", "right")
        await fill(pilot, witness="Nurse, Nora", witness_role="ward nurse", recorded="the notes")
        terms = await saved(pilot, running)
    assert terms.method is ConsentMethod.ORAL
    assert terms.witness == Witness("Nurse, Nora", "ward nurse")
    assert terms.recorded == "the notes"


async def test_a_publication_has_a_name_and_its_risks(running: RunningKiosk) -> None:
    async with form(running) as pilot:
        await to(pilot, "purposes")
        await pilot.press("right", "right", "space")
        await fill(pilot, use="Journal of Examples, case 7")
        terms = await saved(pilot, running)
    assert terms.use == "Journal of Examples, case 7"
    assert set(terms.risks) == set(Risk)


async def test_limits_are_opened_and_sent(running: RunningKiosk) -> None:
    async with form(running) as pilot:
        await to(pilot, "purposes")
        await pilot.press("right", "space")
        await to(pilot, "limits")
        await pilot.press("right")
        await to(pilot, "faces")
        await pilot.press("right")
        await fill(pilot, only="Far Hospital;  Near   Hospital ", sites="40983000, 30021000")
        await to(pilot, "visits")
        await pilot.press("right")
        await fill(pilot, protocol="2026-17")
        terms = await saved(pilot, running)
    assert terms.scope == Scope(
        ("40983000", "30021000"), Faces.NEVER, ("Far Hospital", "Near Hospital"), everywhere=True
    )
    assert terms.protocol == "2026-17"


async def test_a_withdrawal_says_what_it_does_and_asks_what_is_to_become_of_what_left(
    running: RunningKiosk,
) -> None:
    async with form(running) as pilot:
        await to(pilot, "kind")
        await pilot.press("right", "right")
        await flows.until_text(pilot, "What already left is on the recall list")
        await to(pilot, "consequence")
        await pilot.press("right")
        terms = await saved(pilot, running)
    assert terms.kind is ConsentKind.WITHDRAWAL
    assert terms.consequence is Consequence.STOP
    assert terms.expires == ""


async def test_another_language_has_its_own_wording_or_an_interpreter(running: RunningKiosk) -> None:
    async with form(running) as pilot:
        await to(pilot, "language")
        await pilot.press("backspace", "backspace")
        await flows.type_text(pilot, "de-CH")
        await flows.until_text(pilot, "Wir möchten im Rahmen Ihrer Behandlung Fotos machen.")
        assert not pilot.app.screen.query_one("#interpreter").display
        await pilot.press(*["backspace"] * 5)
        await flows.type_text(pilot, "fr")
        await flows.until_text(pilot, "We would like to take photographs")
        await fill(pilot, interpreter="Ines Interprète")
        terms = await saved(pilot, running)
    assert (terms.language, terms.text_version, terms.interpreter) == ("fr", "en-2", "Ines Interprète")


async def test_the_photographed_form_is_linked(running: RunningKiosk) -> None:
    async with form(running) as pilot:
        await pilot.press("escape")
        encounter_id = next(iter(running.kiosk.encounters))
        capture_id, photo = next(iter(running.kiosk.photos.items()))
        photo.info = type(photo.info)(
            **{name: getattr(photo.info, name) for name in photo.info.__struct_fields__}
            | {"role": ImageRole.CONSENT_FORM, "encounter_id": encounter_id}
        )
        await flows.until_screen(pilot, "EncountersScreen")
        await pilot.press("escape", "e")
        await flows.until_text(pilot, "1 photo;")
        await pilot.press("c")
        await flows.until_text(pilot, "as IMG_0001")
        terms = await saved(pilot, running)
    assert terms.form == capture_id


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_who_answers_reads_the_text_alone(running: RunningKiosk, size: tuple[int, int]) -> None:
    async with form(running, size=size) as pilot:
        await pilot.press("f3")
        await flows.until_screen(pilot, "GrantorScreen")
        parts = EXPLANATIONS["en-2"].lines()
        for part in parts:
            shown = flows.text(pilot)
            assert part in shown
            assert "Muster" not in shown
            await pilot.press("right")
        assert parts[-1] in flows.text(pilot)
        await pilot.press("left")
        assert parts[-2] in flows.text(pilot)
        await pilot.press("escape")
        await flows.until_screen(pilot, "ConsentScreen")


def test_a_plain_answer_opens_nothing() -> None:
    assert a.opened(ONLY) == frozenset()


def test_every_line_is_opened_by_something() -> None:
    one = a.Chosen(
        ConsentKind.GRANT, tuple(Purpose), Relationship.GUARDIAN, Capacity.MINOR, ConsentMethod.ORAL, "fr",
        a.Limits.SOME, 1,
    )  # fmt: skip
    other = a.Chosen(
        ConsentKind.WITHDRAWAL, tuple(Purpose), Relationship.SELF, Capacity.ABLE, ConsentMethod.SIGNED_FORM,
        "", a.Limits.SOME, 1,
    )  # fmt: skip
    typed = a.Chosen(**{**vars(ONLY), "method": ConsentMethod.TYPED_NAME})
    assert a.opened(one) | a.opened(other) | a.opened(typed) == a.ALL_ROWS
    assert set(a.CAPACITIES) == set(Relationship)


async def test_a_withdrawal_begins_with_what_is_agreed_to_now(running: RunningKiosk) -> None:
    async with form(running) as pilot:
        await to(pilot, "purposes")
        await pilot.press("space", "right", "space")
        granted = await saved(pilot, running)
        encounter = next(iter(running.kiosk.encounters.values()))
        now = datetime.now(UTC)
        assert agreed_to(encounter, now) == granted.purposes == (Purpose.TEACHING_RESEARCH,)
        assert agreed_to(encounter, parse_rfc3339(granted.expires)) == ()
        pilot.app.push_screen(ConsentScreen(encounter))
        await flows.until_screen(pilot, "ConsentScreen")
        await to(pilot, "kind")
        await pilot.press("right", "right")
        await flows.until_text(pilot, "(*) withdraws")
        assert pilot.app.screen.query_one("#purposes", Choice).chosen == (Purpose.TEACHING_RESEARCH,)


async def test_who_may_not_record_is_told_before_the_form(running: RunningKiosk) -> None:
    running.kiosk.hire("olga", "Olga Officer", Role.PRIVACY_OFFICER)
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "olga")
        await pilot.press("e")
        await flows.until_screen(pilot, "EncountersScreen")
        await pilot.press("n")
        await flows.until_text(pilot, "Only a photographer or reviewer records this.")
        assert type(pilot.app.screen).__name__ == "EncountersScreen"

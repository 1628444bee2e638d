"""Retention at the console: what is due and held, a proposal by one, the words and the yes of another one."""

from __future__ import annotations

import msgspec
from textual.widgets import OptionList

from medkiosk.core.consent import Subject
from medkiosk.core.events import Role
from medkiosk.core.ids import DisposalId, EncounterId
from medkiosk.core.lifecycle import DisposalState, RetentionClass
from medkiosk.ipc import types as t
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.retention import PROPOSED
from tests.console.test_screens import console

ITEM = t.DueItem(
    encounter_id=EncounterId("e" * 32),
    subject=Subject(mrn="7421093", issuer="Demo Hospital", name="Erika Mustermann", birth_date="1950-01-01"),
    label="knee",
    captures=2,
    retention=RetentionClass.ADULT,
    due="2026-01-01",
    words="Due since 2026-01-01. Kept for 8 years, as adult records are.",
    held=(),
)


async def test_one_proposes_a_hold_keeps_and_another_one_approves(running: RunningKiosk) -> None:
    running.kiosk.hire("olga", "Olga Officer", Role.PRIVACY_OFFICER)
    running.kiosk.due = (ITEM,)
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "olga")
        await pilot.press("t")
        await flows.until_text(pilot, "2026-01-01 Erika Mustermann, 2 pictures")
        await pilot.press("down")
        await flows.until_text(pilot, "Kept for 8 years")
        await pilot.press("h")
        await flows.until_text(pilot, "Why is it to be kept?")
        await flows.type_text(pilot, "a claim")
        await pilot.press("enter")
        await flows.until_text(pilot, "Which rule or order")
        await flows.type_text(pilot, "solicitor 7")
        await pilot.press("enter")
        await flows.until_text(pilot, "kept until the hold is lifted")
        await flows.until_text(pilot, "HELD")
        # What is held cannot be proposed.
        await pilot.press("down", "down", "d")
        await flows.until_text(pilot, "Why is it to be destroyed?")
        await flows.type_text(pilot, "the period is over")
        await pilot.press("enter")
        await flows.until_text(pilot, "Which rule or order")
        await flows.type_text(pilot, "schedule")
        await pilot.press("enter")
        await flows.until_text(pilot, "it must be lifted first")
        assert list(running.kiosk.disposals) == []
        running.kiosk.holds, running.kiosk.due = (), (ITEM,)
        await pilot.press("escape", "t")
        await flows.until_text(pilot, "DUE")
        await pilot.press("down", "d")
        await flows.until_text(pilot, "Why is it to be destroyed?")
        await flows.type_text(pilot, "the period is over")
        await pilot.press("enter")
        await flows.until_text(pilot, "Which rule or order")
        await flows.type_text(pilot, "schedule")
        await pilot.press("enter")
        await flows.until_text(pilot, "A second person has to approve")
        assert running.kiosk.disposals[0].reason == "the period is over"
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("t")
        await flows.until_text(pilot, "PROPOSED")
        await pilot.press("down")
        for words in ("nobody can open them", "two recovery sheets", "Blue disk", "schedule"):
            await flows.until_text(pilot, words)
        await pilot.press("y")
        await flows.until_text(pilot, "Destroy 2 pictures for good?")
        await flows.until_text(pilot, "cannot be taken back")
        assert running.kiosk.disposals[0].state is DisposalState.PROPOSED
        await pilot.press("y")
        await flows.until_text(pilot, "FINISHED")


async def test_every_verdict_can_be_read_and_the_totals_stand_at_the_question(running: RunningKiosk) -> None:
    verdicts = tuple(f"Patient {number}: Not due before 2034-01-01." for number in range(1, 13))
    many = msgspec.structs.replace(
        PROPOSED,
        early=True,
        verdicts=verdicts,
        judged=12,
        not_due=12,
        warning="The kiosk's clock says 2049-11-22; the last picture is of 2026-05-01.",
    )
    running.kiosk.disposals = (many,)
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("t")
        await flows.until_text(pilot, "PROPOSED")
        await pilot.press("down")
        await flows.until_text(pilot, "12 pictures and encounters, 12 of them not due; Right reads")
        await flows.until_text(pilot, "clock says 2049-11-22")
        await flows.until_text(pilot, "Blue disk")
        await pilot.press("right")
        await flows.until_text(pilot, "Patient 6:")
        await pilot.press("right", "right")
        await flows.until_text(pilot, "7 to 12")
        await flows.until_text(pilot, "Patient 12:")
        await pilot.press("left")
        await flows.until_text(pilot, "1 to 6")
        await pilot.press("y")
        await flows.until_text(pilot, "Destroy 2 pictures for good?")
        await flows.until_text(pilot, "It is 12 pictures and encounters, 12")
        await flows.until_text(pilot, "cannot be taken back")
        await flows.until_text(pilot, "The kiosk's clock says 2049-11-22")


async def test_one_that_waits_is_found_behind_many_that_are_over(running: RunningKiosk) -> None:
    over = tuple(
        msgspec.structs.replace(
            PROPOSED,
            disposal_id=DisposalId(f"{number:032x}"),
            state=DisposalState.FINISHED,
            decided_by="Rita",
        )
        for number in range(1, 121)
    )
    running.kiosk.disposals = (*over, PROPOSED)
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("t")
        await flows.until_text(pilot, "PROPOSED")
        await pilot.press("down", "y")
        await flows.until_text(pilot, "Destroy 2 pictures for good?")
        await pilot.press("y")
        await flows.until(
            pilot,
            lambda: running.kiosk.disposals[-1].state is DisposalState.FINISHED,
            "not the one that waited",
        )
        listed = pilot.app.screen.query_one(OptionList).option_count
        assert listed < 60, "of those that are over the newest will do"

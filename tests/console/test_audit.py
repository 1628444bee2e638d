"""The audit on the console: asked by keys, read, opened, written to a stick."""

from __future__ import annotations

import pytest

from medkiosk.console.auditreading import Reading, asked_words
from medkiosk.console.screens.audit import AuditScreen
from medkiosk.core.events import Role
from medkiosk.ipc.audittypes import AuditQuery
from medkiosk.ipc.client import connect
from tests.console import flows
from tests.console.audits import CAPTURE, LINES, SIZE
from tests.console.kiosk import RunningKiosk
from tests.console.test_screens import console


@pytest.fixture
def audited(running: RunningKiosk) -> RunningKiosk:
    running.kiosk.hire("audi", "Audi Auditor", Role.AUDITOR)
    return running


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_patient_is_asked_for_and_a_report_is_written(
    audited: RunningKiosk, size: tuple[int, int]
) -> None:
    async with console(audited.path, size=size) as pilot:
        await flows.log_in(pilot, "audi")
        await pilot.press("j")
        await flows.until_screen(pilot, "AuditQueryScreen")
        await flows.type_text(pilot, "7421093")
        await pilot.press("f2")
        await flows.until_text(pilot, "by who issued it")
        await pilot.press("enter")
        await flows.type_text(pilot, "Demo Hospital")
        await pilot.press("f2")
        await flows.until_screen(pilot, "AuditScreen")
        await flows.until_text(pilot, f"4 events in {SIZE} ledger entries")
        said = flows.text(pilot)
        assert "Asked: patient 7421093" in said
        for each in LINES:
            assert f"{each.index}" in said
        await pilot.press("down", "down", "enter")
        await flows.until_screen(pilot, "AuditEventScreen")
        await flows.until_text(pilot, "the mask hides it")
        assert "(text, sealed)" in flows.text(pilot)
        await pilot.press("escape")
        await flows.until_screen(pilot, "AuditScreen")
        await pilot.press("w")
        await flows.until_text(pilot, "Write a report of this to the stick?")
        await pilot.press("y")
        await flows.until_text(pilot, "medkiosk-audit-2026-11-20-0123abcd")
        assert "SAFE TO UNPLUG" in flows.text(pilot)


async def test_another_question_begins_with_the_last_one(audited: RunningKiosk) -> None:
    async with console(audited.path, size=(120, 40)) as pilot:
        await flows.log_in(pilot, "audi")
        await pilot.press("j")
        await flows.until_screen(pilot, "AuditQueryScreen")
        await pilot.press("enter", "enter", "enter", "enter")
        await flows.type_text(pilot, "2026-03-09")
        await pilot.press("enter")
        await flows.type_text(pilot, "soon")
        await pilot.press("f2")
        await flows.until_text(pilot, "A day has the form YYYY-MM-DD")
        for _ in "soon":
            await pilot.press("backspace")
        await flows.type_text(pilot, "2026-03-10")
        await pilot.press("enter", "enter", "space", "f2")
        await flows.until_screen(pilot, "AuditScreen")
        await flows.until_text(pilot, "2 events in")
        screen = pilot.app.screen
        assert isinstance(screen, AuditScreen)
        asked = screen._reading.query
        assert asked.categories == ("look",)
        assert asked.since < asked.until
        await pilot.press("f")
        await flows.until_screen(pilot, "AuditQueryScreen")
        await flows.until_text(pilot, "2026-03-10")
        assert "[x] look" in flows.text(pilot)
        await pilot.press("f2")
        await flows.until_screen(pilot, "AuditScreen")
        assert isinstance(pilot.app.screen, AuditScreen)
        assert pilot.app.screen._reading.query == asked
        await pilot.press("r")
        await flows.until_text(pilot, "2 events in")
        await pilot.press("escape")
        await flows.until_screen(pilot, "HomeScreen")


async def test_what_the_daemon_refuses_is_said(audited: RunningKiosk) -> None:
    async with console(audited.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "audi")
        await pilot.press("j")
        await flows.until_screen(pilot, "AuditQueryScreen")
        await pilot.press("enter", "enter", "enter")
        await flows.type_text(pilot, "nonsense")
        await pilot.press("f2")
        await flows.until_text(pilot, "32 hexadecimal digits")


def test_an_answer_comes_page_by_page_and_is_kept_in_order(audited: RunningKiosk) -> None:
    reading = Reading(AuditQuery())
    assert reading.words() == ""
    with connect(audited.path) as client:
        client.login("audi", "correct horse battery")
        page = reading.load(client, 0, 2)
        assert ([each.index for each in page.items], page.total) == (
            [7, 40],
            4,
        )  # one more stands for the rest
        assert reading.words() == f"3 events so far; 100 of {SIZE} ledger entries were looked at"
        while not reading.done:
            page = reading.load(client, 0, 100)
        assert tuple(page.items) == LINES
        assert page.total == len(LINES)
        assert reading.load(client, 1, 2).items == list(LINES[1:3])
    calls = [each for each in audited.kiosk.calls if each.startswith("audit")]
    assert [each.rsplit(" ", 1)[1] for each in calls] == ["0", "100", "200"]


def test_the_question_in_words() -> None:
    assert asked_words(AuditQuery()) == "everything"
    query = AuditQuery(capture_id=CAPTURE, user="rita", categories=("look", "glass"))
    assert asked_words(query) == "user rita; picture c0ffee00; kinds look, glass"

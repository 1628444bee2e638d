"""The screens about what leaves, driven by keys, on 80 columns and 24 lines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList, Static

from medkiosk.console.widgets.bigwords import BigWords
from medkiosk.console.widgets.choice import Choice
from medkiosk.core import datause
from medkiosk.core.consent import Purpose
from medkiosk.core.datause import DataUse
from medkiosk.core.events import Role
from medkiosk.core.exportevents import RecipientMethod
from medkiosk.core.ids import CaptureId, ExportId
from medkiosk.core.photo import ReviewState
from medkiosk.core.sticks import READ_BACK_WORDS, STICK_WORDS, ReadBack, StickState
from medkiosk.ipc import types as t
from medkiosk.ipc.client import connect
from medkiosk.ipc.exporttypes import ExportState
from tests.console import flows
from tests.console.exports import PASSWORDS
from tests.console.kiosk import RunningKiosk
from tests.console.state import PASSPHRASE
from tests.console.test_screens import SUBJECT, TERMS, console

KEY = "age1" + "q" * 42 + "lmnpqrstuvwxyz02"
LOW = (80, 24)


def prepare(running: RunningKiosk, *, name: str = "Dr. Sousa", method: RecipientMethod) -> None:
    """All photos approved, with consent for record and teaching; one recipient."""
    key = KEY if method is RecipientMethod.AGE else ""
    with connect(running.path) as rita:
        rita.login("rita", PASSPHRASE)
        encounter = rita.create_encounter(SUBJECT, "left forearm")
        rita.record_consent(encounter.encounter_id, TERMS)
        rita.assign(encounter.encounter_id, tuple(running.kiosk.photos))
        rita.enrol_recipient(
            name, "Elsewhere", method, key, key[-16:], tuple(Purpose), "2031-01-01T00:00:00.000Z"
        )
    for photo in running.kiosk.photos.values():
        photo.info = msgspec.structs.replace(photo.info, state=ReviewState.APPROVED)


@asynccontextmanager
async def exporting(
    running: RunningKiosk, *, name: str = "Dr. Sousa", method: RecipientMethod = RecipientMethod.PASSPHRASE
) -> AsyncIterator[Pilot[Any]]:
    prepare(running, name=name, method=method)
    async with console(running.path, size=LOW) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("x")
        await flows.until_screen(pilot, "ExportScreen")
        yield pilot


async def photos(pilot: Pilot[Any]) -> OptionList:
    """Go to the list of photos."""
    found = pilot.app.screen.query_one("#photos", OptionList)
    while pilot.app.screen.focused is not found:
        await pilot.press("tab")
    return found


async def test_a_passphrase_is_shown_once_and_asked_about(running: RunningKiosk) -> None:
    async with exporting(running) as pilot:
        await flows.until_text(pilot, "3 photos may leave. F2 exports.")
        await photos(pilot)
        await pilot.press("space")
        await flows.until_text(pilot, "2 photos may leave.")
        assert "[ ] IMG_0001" in flows.text(pilot)
        await pilot.press("f2")
        await flows.until_screen(pilot, "Confirm")
        assert "cannot be called back" in flows.text(pilot)
        await pilot.press("y")
        await flows.until_screen(pilot, "ExportedScreen")
        shown = flows.text(pilot)
        assert all(f"{number} {word}" in shown for number, word in enumerate(PASSWORDS.split(), 1))
        for words in ("shown only now", "medkiosk-2026-11-22-0a1b2c3d", "SHA256:tests", "abababab abababab"):
            assert words in shown, words
        assert "SAFE TO UNPLUG" in shown or "#" in shown or "█" in shown
        await pilot.press("escape")
        await flows.until_screen(pilot, "Confirm")
        await pilot.press("n")
        await flows.until_screen(pilot, "ExportedScreen")
        await pilot.press("escape", "y")
        await flows.until_screen(pilot, "ExportScreen")
        assert PASSWORDS.split()[0] not in flows.text(pilot)
    [call] = [each for each in running.kiosk.calls if each.startswith("export:")]
    assert call == "export: 2 DUO:0000028 DUO:0000043 until - viewer=True dicom=False to usb"


async def test_terms_follow_the_purpose_and_are_said_in_words(running: RunningKiosk) -> None:
    async with exporting(running) as pilot:
        await pilot.press("tab", "right")
        await flows.until_text(
            pilot, "Medical research and teaching of it. Not-for-profit organisations only"
        )
        shown = flows.text(pilot)
        assert "(*) health or medical or biomedical research" in shown
        assert "then destroy them." in shown
        await pilot.press("tab", "tab", "right", "space")
        await flows.until_text(pilot, "The results must be published.")
        await pilot.press("tab")
        await pilot.press(*["backspace"] * 10)
        await flows.until(pilot, lambda: "then destroy them" not in flows.text(pilot), "the day stayed")
        await flows.until_text(pilot, "3 photos may leave. F2 exports.")


async def test_each_photo_says_why_it_may_not_leave(running: RunningKiosk) -> None:
    async with exporting(running) as pilot:
        await pilot.press("tab", "right", "right")
        await flows.until_text(pilot, "Nothing leaves: 3 of 3 may not. All or nothing.")
        await flows.until_text(pilot, "IMG_0001: No consent covers publication for this patient.")
        await pilot.press("f2")
        await flows.until_text(pilot, "NOT DONE: There is nothing that may leave")
        recipient = running.kiosk.recipients[0]
        with connect(running.path) as rita:
            rita.login("rita", PASSPHRASE)
            rita.revoke_recipient(recipient.recipient_id, "left")
        await pilot.press("left")
        await flows.until_text(pilot, "Nothing leaves: all or nothing. The recipient was revoked.")


async def test_a_publication_is_for_one_use_that_is_chosen(running: RunningKiosk) -> None:
    async with exporting(running) as pilot:
        [encounter_id] = running.kiosk.encounters
        with connect(running.path) as rita:
            rita.login("rita", PASSPHRASE)
            for use in ("Journal of Arms", "[bold]\u202eAtlas"):
                agreed = msgspec.structs.replace(TERMS, purposes=(Purpose.PUBLICATION,), use=use)
                rita.record_consent(encounter_id, agreed)
        assert "Use" not in flows.text(pilot), "only publication has one"
        await pilot.press("tab", "right", "right")
        await flows.until_text(pilot, "Say which one this export is for.")
        await flows.until_text(pilot, "Use ( ) Journal of Arms ( ) [bold]")
        await pilot.press("tab", "right")
        await flows.until_text(pilot, "(*) [bold]")
        await flows.until_text(pilot, "3 photos may leave. F2 exports.")
        await pilot.press("left", "f2")
        assert len(pilot.app.screen_stack) == 2, "what was just changed is asked about first"
        await flows.until_text(pilot, "3 photos may leave. F2 exports.")
        await pilot.press("f2")
        await flows.until_screen(pilot, "Confirm")
        assert "publication (Journal of Arms)." in " ".join(flows.text(pilot).split())
        await pilot.press("y")
        await flows.until_screen(pilot, "ExportedScreen")
    [call] = [each for each in running.kiosk.calls if each.startswith("export:")]
    assert call.endswith(" to usb for Journal of Arms")


async def test_a_daemon_that_dies_meanwhile_is_said_and_nothing_is_shown_as_done(
    running: RunningKiosk,
) -> None:
    async with exporting(running) as pilot:
        await flows.until_text(pilot, "3 photos may leave.")
        running.kiosk.export_answers.clear()
        await pilot.press("f2", "y")
        await flows.until_text(pilot, "Leave the stick in.")
        await pilot.press("f2")
        await flows.until_text(pilot, "A bundle is being written")
        running.kiosk.sticks = (
            msgspec.structs.replace(
                running.kiosk.sticks[0],
                state=StickState.WRITING,
                words="WRITING: LEAVE IT IN",
                detail="2 of 3",
            ),
        )
        running.kiosk.touch()
        await flows.until_text(pilot, "WRITING: LEAVE IT IN. 2 of 3")
        running.kiosk.export_answers.set()
        running.stop()
        await flows.until_screen(pilot, "LoginScreen")
        await flows.until_text(pilot, "you were logged out")
        assert "SAFE TO UNPLUG" not in flows.text(pilot)
        running.start()


async def test_a_thousand_photos_are_asked_about_and_the_last_is_left_out(running: RunningKiosk) -> None:
    running.kiosk.plug_in(1000, name="DSC_{:04d}")
    async with exporting(running) as pilot:
        await flows.until_text(pilot, "1000 photos may leave. F2 exports.")
        assert "Only the first 1000 of 1003" in flows.text(pilot)
        listed = await photos(pilot)
        assert listed.option_count == 1000
        await pilot.press("end", "space")
        await flows.until_text(pilot, "999 photos may leave.")


@pytest.mark.parametrize("name", ["\x1b[2J[bold red]owned\u202e", "[@click=app.quit]$x", "\u0301" * 50 + "a"])
async def test_a_hostile_recipient_is_only_text(running: RunningKiosk, name: str) -> None:
    async with exporting(running, name=name) as pilot:
        await flows.until_text(pilot, "3 photos may leave.")
        for key, screen in (("f3", "RecipientsScreen"), ("f4", "RecallScreen")):
            await pilot.press(key)
            await flows.until_screen(pilot, screen)
            assert "\x1b" not in flows.text(pilot)
            assert "\u202e" not in flows.text(pilot)
            await pilot.press("escape")
            await flows.until_screen(pilot, "ExportScreen")
        await flows.until(pilot, lambda: getattr(pilot.app.screen, "_ready", False), "not asked again")
        await pilot.press("f2", "y")
        await flows.until_screen(pilot, "ExportedScreen")


async def test_what_came_back_is_said(running: RunningKiosk) -> None:
    async with exporting(running) as pilot:
        await pilot.press("f5")
        await flows.until_text(pilot, "Not believed: One file is no acknowledgement of this kiosk.")
        assert "auditor.example/w9" in flows.text(pilot)


async def test_what_may_be_outside_is_seen(running: RunningKiosk) -> None:
    async with exporting(running) as pilot:
        recipient = running.kiosk.recipients[0]
        done = t.ExportInfo(
            export_id=ExportId("0a1b2c3d" * 4),
            recipient_id=recipient.recipient_id,
            recipient="Dr. \x1b[2JSousa",
            at="2026-11-01T09:00:00.000Z",
            purpose=Purpose.TEACHING_RESEARCH,
            images=3,
            state=ExportState.ACKNOWLEDGED,
            data_use=DataUse(),
            by="Dr. S\u202eousa",
            acknowledged_at="2026-11-02T09:00:00.000Z",
            words="Outside: its recipient opened it.",
        )
        lost = msgspec.structs.replace(
            done,
            export_id=ExportId("1a1b2c3d" * 4),
            state=ExportState.FAILED,
            code="export.stick_gone",
            by="",
            acknowledged_at="",
            perhaps=True,
            words="MAY BE OUTSIDE: it failed when all of it may have been on the stick.",
        )
        running.kiosk.exported = [lost, done]
        await pilot.press("f6")
        await flows.until_text(pilot, "2 of 2 exports, newest first")
        shown = flows.text(pilot)
        for words in (
            "1 bundle MAY BE OUTSIDE: look for the stick.",
            "3 photos, teaching, research Bundle 1a1b2c3d of",
            "MAY BE OUTSIDE: it failed when all of it may have been on the stick. (export.stick_gone)",
            "Outside: its recipient opened it.",
        ):
            assert words in shown, words
        assert "\x1b" not in shown
        assert "\u202e" not in shown


@pytest.mark.parametrize("how", list(ReadBack))
async def test_how_it_was_read_back_is_said_and_memory_alone_is_a_warning(
    running: RunningKiosk, how: ReadBack
) -> None:
    running.kiosk.read_back = how
    async with exporting(running) as pilot:
        await flows.until_text(pilot, "3 photos may leave. F2 exports.")
        await pilot.press("f2", "y")
        await flows.until_screen(pilot, "ExportedScreen")
        shown = flows.text(pilot)
    assert READ_BACK_WORDS[how].split(":")[0] in shown
    assert ("WARNING" in shown) is (how is ReadBack.CACHED)


@pytest.mark.parametrize("held", [True, False])
async def test_a_stick_that_was_not_let_go_is_not_said_to_be_safe(running: RunningKiosk, held: bool) -> None:
    detail = "Wait a minute, then pull it out."
    running.kiosk.written = (
        t.StickInfo(
            name="usb", state=StickState.HELD, words=STICK_WORDS[StickState.HELD], detail=detail, free=0
        )
        if held
        else None
    )
    async with exporting(running) as pilot:
        await flows.until_text(pilot, "3 photos may leave. F2 exports.")
        await pilot.press("f2", "y")
        await flows.until_screen(pilot, "ExportedScreen")
        big = pilot.app.screen.query_one(BigWords).words
        assert big == ("WAIT: LEAVE IT IN" if held else "LOOK AT HOME FIRST")
        assert (detail in flows.text(pilot)) is held


async def test_the_first_recipient_is_offered_as_soon_as_it_is_enrolled(running: RunningKiosk) -> None:
    prepare(running, method=RecipientMethod.PASSPHRASE)
    [first], running.kiosk.recipients = running.kiosk.recipients, []
    async with console(running.path, size=LOW) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("x")
        await flows.until_text(pilot, "No recipient is enrolled. F3 enrols one.")
        await pilot.press("f3")
        await flows.until_screen(pilot, "RecipientsScreen")
        running.kiosk.recipients = [first]
        await pilot.press("escape")
        await flows.until_text(pilot, "3 photos may leave. F2 exports.")


async def test_a_purpose_of_the_recipient_is_chosen_and_a_limit_is_explained(running: RunningKiosk) -> None:
    prepare(running, method=RecipientMethod.PASSPHRASE)
    [first] = running.kiosk.recipients
    running.kiosk.recipients = [msgspec.structs.replace(first, purposes=(Purpose.TEACHING_RESEARCH,))]
    async with console(running.path, size=LOW) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("x")
        await flows.until_text(pilot, "(*) teaching, research")
        limits = pilot.app.screen.query_one("#limits", Choice)
        while pilot.app.screen.focused is not limits:
            await pilot.press("tab")
        await pilot.press("right")
        code = datause.DUO[limits.offered[limits.at]]
        await flows.until_text(pilot, f"{code.short}: {code.label}.")


async def test_all_terms_of_teaching_are_asked_about_on_the_smallest_screen(running: RunningKiosk) -> None:
    async with exporting(running) as pilot:
        await pilot.press("tab", "right")
        limits = pilot.app.screen.query_one("#limits", Choice)
        while pilot.app.screen.focused is not limits:
            await pilot.press("tab")
        for _ in limits.offered:
            if limits.offered[limits.at] not in limits.chosen:
                await pilot.press("space")
            await pilot.press("right")
        await flows.until(pilot, lambda: getattr(pilot.app.screen, "_ready", False), "not asked again")
        await pilot.press("f2")
        await flows.until_screen(pilot, "Confirm")
        shown = flows.text(pilot)
        assert "What has left cannot be called back." in shown
        said = pilot.app.screen.query_one(".explanation Static", Static)
        assert "then destroy them." in str(said.render())
        await pilot.press(*["down"] * 20)
        await flows.until_text(pilot, "then destroy them.")
        assert "Yes" in flows.text(pilot)


async def test_what_just_left_is_not_exported_again_without_being_told(running: RunningKiosk) -> None:
    async with exporting(running) as pilot:
        await flows.until_text(pilot, "3 photos may leave. F2 exports.")
        await pilot.press("f2", "y")
        await flows.until_screen(pilot, "ExportedScreen")
        await pilot.press("escape", "y")
        await flows.until_text(pilot, "Exported: 3 photos just left. F2 exports once more.")
        await pilot.press("f2")
        await flows.until_text(pilot, "of these just left")


async def test_who_may_not_export_is_told_who_may(running: RunningKiosk) -> None:
    running.kiosk.hire("rolf", "Rolf Reviewer", Role.REVIEWER)
    async with console(running.path, size=LOW) as pilot:
        await flows.log_in(pilot, "rolf")
        await pilot.press("x")
        await flows.until_text(pilot, "Only a privacy officer exports.")
        assert type(pilot.app.screen).__name__ == "HomeScreen"


async def test_recall_says_who_was_told_and_writes_a_notice(running: RunningKiosk) -> None:
    async with exporting(running) as pilot:
        await flows.until_text(pilot, "3 photos may leave.")
        recipient = running.kiosk.recipients[0]
        line = t.RecallInfo(
            export_id=ExportId("0a1b2c3d" * 4),
            recipient_id=recipient.recipient_id,
            recipient=recipient.display_name,
            at="2026-11-01T09:00:00.000Z",
            purpose=Purpose.TEACHING_RESEARCH,
            why="withdrawn",
            words="Consent was withdrawn, or refused since.",
            images=("11" * 16,),
            captures=(CaptureId("22" * 16),),
            perhaps=True,
        )
        running.kiosk.recall = (
            line,
            msgspec.structs.replace(line, told="2026-11-02T09:00:00.000Z"),
            msgspec.structs.replace(line, confirmed="2026-11-03T09:00:00.000Z"),
        )
        await pilot.press("f4")
        await flows.until_text(pilot, "Dr. Sousa 1 photo, teaching, research; perhaps never handed over")
        shown = flows.text(pilot)
        for words in (
            "perhaps never handed over",
            "NOT TOLD YET.",
            "not acknowledged yet.",
            "They know since",
        ):
            assert words in shown
        await pilot.press("w", "y")
        await flows.until_text(
            pilot, "STICK: SAFE TO UNPLUG. 3 photos of 3 bundles named in medkiosk-recall-2026"
        )
        await pilot.press("v")
        await flows.type_text(pilot, "Dr. Sousa, telephone")
        await pilot.press("enter")
        await flows.until(pilot, lambda: "NOT TOLD YET." not in flows.text(pilot), "still open")
    assert "write_recall: usb" in running.kiosk.calls
    assert "confirm_recall: Dr. Sousa, telephone" in running.kiosk.calls

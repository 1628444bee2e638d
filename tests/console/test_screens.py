"""Each screen through Textual's Pilot, against the in-memory kiosk over its real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from medkiosk.console.app import KioskApp
from medkiosk.console.screens.review import ReviewScreen
from medkiosk.console.terminal import Terminal
from medkiosk.console.widgets.photo import PhotoView, Tile
from medkiosk.core.consent import (
    Assent,
    Capacity,
    ConsentKind,
    ConsentMethod,
    Grantor,
    Purpose,
    Relationship,
    Subject,
    Terms,
)
from medkiosk.core.device import DeviceState
from medkiosk.core.events import Role
from medkiosk.core.explanation import EXPLANATIONS
from medkiosk.core.exportevents import RecipientMethod
from medkiosk.core.photo import NO_WORKER, Decision, RedactCode, ReviewState
from medkiosk.ipc.client import connect
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.state import FOUND, PASSPHRASE, device

SIXEL = Terminal(sixel=True, cell=lambda: (8, 16))
PLAIN = Terminal(sixel=False, cell=lambda: None)


SUBJECT = Subject(mrn="7421093", issuer="Demo Hospital", name="Mustermann, Erika", birth_date="1984-08-12")
TERMS = Terms(
    kind=ConsentKind.GRANT,
    purposes=(Purpose.CLINICAL_RECORD, Purpose.TEACHING_RESEARCH),
    grantor=Grantor(name="Mustermann, Erika", relationship=Relationship.SELF),
    method=ConsentMethod.ORAL,
    language="en",
    starts="2026-11-22T08:00:00.000Z",
    expires="2030-11-22T08:00:00.000Z",
    text_version="en-1",
)


def clock() -> datetime:
    return datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@asynccontextmanager
async def console(
    socket: Path, *, terminal: Terminal = SIXEL, size: tuple[int, int] = (120, 40), theme: str = "calm"
) -> AsyncIterator[Pilot[Any]]:
    app = KioskApp(socket, terminal=terminal, theme=theme, clock=clock)
    async with app.run_test(size=size) as pilot:
        await flows.until(pilot, lambda: app.status is not None, "no status came")
        await pilot.pause()
        yield pilot


@asynccontextmanager
async def reviewing(
    running: RunningKiosk, *, terminal: Terminal = SIXEL, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Pilot[Any]]:
    """On the first of three photos that have an encounter with consent for record and teaching."""
    with connect(running.path) as rita:
        rita.login("rita", PASSPHRASE)
        encounter = rita.create_encounter(SUBJECT, "left forearm")
        rita.record_consent(encounter.encounter_id, TERMS)
        rita.assign(encounter.encounter_id, tuple(running.kiosk.photos))
    async with console(running.path, terminal=terminal, size=size) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("r")
        await flows.on_review(pilot)
        yield pilot


def review_screen(pilot: Pilot[Any]) -> ReviewScreen:
    assert isinstance(pilot.app.screen, ReviewScreen)
    return pilot.app.screen


async def test_home_follows_the_status(running: RunningKiosk) -> None:
    async with console(running.path) as pilot:
        await flows.until_text(pilot, "SAFE TO UNPLUG 3 of 3 files, 27 MB")
        running.kiosk.devices = (device(DeviceState.IMPORTING, 10, 4, "EOS R5"),)
        running.kiosk.missing = ("text",)
        running.kiosk.problems = ("The disk is nearly full.",)
        running.kiosk.touch()
        await flows.until_text(pilot, "EOS R5")
        shown = flows.text(pilot)
        assert "DO NOT UNPLUG 4 of 10 files" in shown
        assert "40 %" in shown
        assert "detector for text: nothing can be approved" in shown
        assert "The disk is nearly full." in shown
        assert "Leave it plugged in" in shown
        assert pilot.app.screen.query_one("#headline").has_class("-busy")
        running.kiosk.missing = (NO_WORKER,)
        running.kiosk.touch()
        await flows.until_text(pilot, "STARTING redaction: photos wait, nothing can be approved yet")


async def test_a_wrong_passphrase_is_refused_and_not_kept(running: RunningKiosk) -> None:
    async with console(running.path) as pilot:
        await pilot.press("l")
        await flows.until_screen(pilot, "LoginScreen")
        await flows.type_text(pilot, "rita")
        await pilot.press("enter")
        await flows.type_text(pilot, "wrong")
        await pilot.press("enter")
        await flows.until_text(pilot, "NOT DONE: You may not do this: the user or the passphrase is wrong")
        assert pilot.app.screen.query_one("#passphrase", Input).value == ""
        assert "wrong horse" not in flows.text(pilot)
        await flows.type_text(pilot, PASSPHRASE)
        await pilot.press("enter")
        await flows.until_screen(pilot, "HomeScreen")
        await flows.until_text(pilot, "Rita Reviewer")


async def test_a_login_that_reads_years_says_how_far_it_is(running: RunningKiosk) -> None:
    async with console(running.path) as pilot:
        await pilot.press("l")
        await flows.until_screen(pilot, "LoginScreen")
        running.kiosk.opening = "Opening the catalogue: 120,000 of 400,000 records."
        running.kiosk.touch()
        await flows.until_text(pilot, "120,000 of 400,000 records")


async def test_choosing_something_before_login_asks_who_it_is_first(running: RunningKiosk) -> None:
    async with console(running.path) as pilot:
        await pilot.press("i")
        await flows.until_screen(pilot, "LoginScreen")
        await flows.type_text(pilot, "rita")
        await pilot.press("enter")
        await flows.type_text(pilot, PASSPHRASE)
        await pilot.press("enter")
        await flows.until_screen(pilot, "ImportsScreen")
        await flows.until_text(pilot, "3 photos in this import")


async def test_logging_out_ends_the_session_in_the_daemon(running: RunningKiosk) -> None:
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("e")
        await flows.until_screen(pilot, "EncountersScreen")
        assert running.kiosk.logged_in == 1
        await pilot.press("f9")
        await flows.until_screen(pilot, "HomeScreen")
        await flows.until_text(pilot, "You are logged out.")
        assert running.kiosk.logged_in == 0


async def test_an_encounter_needs_two_identifiers_and_a_real_date(running: RunningKiosk) -> None:
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("e")
        await flows.until_screen(pilot, "EncountersScreen")
        await pilot.press("n")
        await flows.until_screen(pilot, "EncounterScreen")
        await pilot.press("f2")
        await flows.until_text(pilot, "are needed")
        for words in ("123", "Demo", "Doe, Jane", "12.8.1984"):
            await flows.type_text(pilot, words)
            await pilot.press("enter")
        await pilot.press("f2")
        await flows.until_text(pilot, "The birth date has the form")
        assert not running.kiosk.encounters
        pilot.app.screen.query_one("#birth_date", Input).value = ""
        await pilot.press("f2")
        await flows.until_screen(pilot, "ConsentScreen")
        (encounter,) = running.kiosk.encounters.values()
        assert (encounter.subject.mrn, encounter.subject.name) == ("123", "Doe, Jane")
        assert encounter.subject.birth_date == ""


async def test_consent_is_recorded_as_it_was_given(running: RunningKiosk) -> None:
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "rita")
        await flows.new_encounter(pilot, mrn="1", issuer="Demo", name="Kind, Ein")
        shown = flows.text(pilot)
        assert "We would like to take photographs" in shown
        assert "Save this answer" in shown, "the whole form must be on 80x24"
        await pilot.press("pagedown", "pagedown", "pagedown", "pagedown", "pagedown")
        await flows.until_text(pilot, "anything that you would like to ask")
        await pilot.press("right")  # a parent answers
        assert pilot.app.screen.query_one("#grantor", Input).value == ""
        await pilot.press("f2")
        await flows.until_text(pilot, "The name of the person who answers is needed.")
        await pilot.press("enter")
        await flows.type_text(pilot, "Kind, Mutter")
        await pilot.press("enter")
        await flows.type_text(pilot, "custody")
        await pilot.press("f2")
        await flows.until_text(pilot, "Say what the child says")
        await pilot.press("enter", "space", "enter", "enter", "space", "f2")
        await flows.until_text(pilot, "Choose at least one use")
        await pilot.press("right", "space", "enter", "enter", "enter", "enter")
        pilot.app.screen.query_one("#last_day", Input).value = "2026-01-01"
        await pilot.press("f2")
        await flows.until_text(pilot, "The last day is in the past.")
        pilot.app.screen.query_one("#last_day", Input).value = "2027-01-31"
        await pilot.press("f2")
        await flows.until_screen(pilot, "EncountersScreen")
        (encounter,) = running.kiosk.encounters.values()
        (consent,) = encounter.consents
        terms = consent.terms
        assert terms.grantor.relationship is Relationship.PARENT
        assert terms.grantor == Grantor("Kind, Mutter", Relationship.PARENT, "custody")
        assert terms.capacity is Capacity.MINOR
        assert terms.assent is Assent.GIVEN
        assert terms.purposes == (Purpose.TEACHING_RESEARCH,)
        assert terms.starts == "2026-11-22T12:00:00.000Z"
        assert terms.expires > "2027-01-31T00"
        assert terms.text_version == "en-2"
        assert terms.text_sha256 == EXPLANATIONS["en-2"].sha256


async def test_a_refusal_has_no_last_day(running: RunningKiosk) -> None:
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await flows.new_encounter(pilot, mrn="1", issuer="Demo", name="Nein, Sager")
        await pilot.press("enter", "enter", "right", "f2")
        await flows.until_screen(pilot, "EncountersScreen")
        await flows.until_text(pilot, "refuses: clinical record")
        (encounter,) = running.kiosk.encounters.values()
        assert encounter.consents[0].terms.kind is ConsentKind.REFUSAL
        assert encounter.consents[0].terms.expires == ""


async def test_marked_photos_are_assigned_and_moving_them_asks_why(running: RunningKiosk) -> None:
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "rita")
        await flows.new_encounter(pilot, mrn="1", issuer="Demo", name="Erste, Frau")
        await flows.record_consent(pilot)
        await flows.new_encounter(pilot, mrn="2", issuer="Demo", name="Zweite, Frau")
        await flows.record_consent(pilot)
        await pilot.press("i")
        await flows.until_text(pilot, "3 photos in this import")
        await pilot.press("enter", "down", "space", "a")
        await flows.until_screen(pilot, "ChooseEncounter")
        await flows.until_text(pilot, "Whose photo is this?")
        await pilot.press("enter")
        await flows.until_text(pilot, "1 photo assigned to Zweite, Frau")
        assigned = [photo.info.encounter_id is not None for photo in running.kiosk.photos.values()]
        assert assigned == [False, True, False]
        await pilot.press("up", "space", "a")
        await flows.until_screen(pilot, "ChooseEncounter")
        await pilot.press("down", "enter")
        await flows.until_screen(pilot, "AskReason")
        await pilot.press("enter")  # no reason, no answer
        await flows.until_screen(pilot, "AskReason")
        await flows.type_text(pilot, "wrong patient")
        await pilot.press("enter")
        # It is another patient's, so somebody else decides.
        await flows.until_screen(pilot, "CorrectionsScreen")
        await flows.until_text(pilot, "Zweite, Frau -> Erste, Frau: wrong patient")
        again = [photo.info.encounter_id is not None for photo in running.kiosk.photos.values()]
        assert again == assigned


async def test_the_whole_flow(running: RunningKiosk) -> None:
    await flows.whole_flow(running.path)
    first, second, third = running.kiosk.photos.values()
    assert (first.info.state, first.info.revision) == (ReviewState.APPROVED, 3)
    assert (second.info.state, third.info.state) == (ReviewState.REJECTED, ReviewState.PROPOSED)
    assert "reject: blurred" in running.kiosk.calls
    face, _, drawn = first.findings
    assert (face.decision, face.reason) == (Decision.KEEP, "a poster")
    assert drawn.detector == "reviewer"
    assert drawn.box.w > 2736 // 8


async def test_the_photo_is_drawn_as_sixels_and_only_changed_tiles_again(running: RunningKiosk) -> None:
    async with reviewing(running) as pilot:
        tiles = list(pilot.app.screen.query(Tile))
        assert len(tiles) > 20
        assert all(tile.sixels.startswith("\x1bP0;1;0q") for tile in tiles)
        before = {tile: tile.frame for tile in tiles}
        await pilot.press("right")
        await flows.until(pilot, lambda: any(tile.frame != before[tile] for tile in tiles), "nothing drawn")
        changed = [tile for tile in tiles if tile.frame != before[tile]]
        assert 0 < len(changed) < len(tiles) // 2


async def test_the_photos_beside_this_one_are_prepared_while_this_one_is_looked_at(
    running: RunningKiosk,
) -> None:
    names = [photo.info.name for photo in running.kiosk.photos.values()]
    async with reviewing(running) as pilot:
        calls = running.kiosk.calls
        await flows.until(
            pilot, lambda: f"prepare_preview: {names[1]}" in calls, "the next one is not asked for"
        )
        assert calls.index("get_preview") < calls.index(f"prepare_preview: {names[1]}"), "this one first"
        assert f"prepare_preview: {names[2]}" not in calls
        await pilot.press("n")
        await flows.until(pilot, lambda: f"prepare_preview: {names[2]}" in calls, "nor the one after that")
        await flows.until(pilot, lambda: f"prepare_preview: {names[0]}" in calls, "nor the one before")


async def test_nothing_is_drawn_under_a_question_and_all_again_after_it(running: RunningKiosk) -> None:
    async with reviewing(running) as pilot:
        tile = pilot.app.screen.query(Tile).first()
        assert any(part.control for strip in tile.render_lines(tile.size.region) for part in strip)
        await pilot.press("r")
        await flows.until_screen(pilot, "AskReason")
        assert not any(part.control for strip in tile.render_lines(tile.size.region) for part in strip)
        await pilot.press("escape")
        await flows.until_screen(pilot, "ReviewScreen")
        assert any(part.control for strip in tile.render_lines(tile.size.region) for part in strip)


async def test_changed_masks_must_be_saved_and_seen_before_approval(running: RunningKiosk) -> None:
    async with reviewing(running) as pilot:
        await pilot.press("m", "a")
        await flows.until_text(pilot, "NOT DONE: It cannot be approved: the masks were changed.")
        await pilot.press("escape")
        await flows.until_screen(pilot, "Confirm")
        await pilot.press("escape")
        await flows.until_screen(pilot, "ReviewScreen")
        await pilot.press("u")
        await flows.until_text(pilot, "READY")
        await pilot.press("a")
        await flows.until_text(pilot, "IMG_0001: approved.")


async def test_another_reviewers_newer_revision_is_not_approved_unseen(running: RunningKiosk) -> None:
    async with reviewing(running) as pilot:
        with connect(running.path) as other:
            other.login("rita", PASSPHRASE)
            shown = other.list_captures().captures[0]
            other.change_masks(shown.capture_id, 1, FOUND)
        await pilot.press("a")
        await flows.until_text(pilot, "NOT DONE: There is a newer revision of this photo.")
        await flows.until_text(pilot, "revision 2")
        assert next(iter(running.kiosk.photos.values())).info.state is ReviewState.PROPOSED
        await flows.until_text(pilot, "READY")
        await pilot.press("a")
        await flows.until_text(pilot, "IMG_0001: approved.")


async def test_a_terminal_without_pictures_never_asks_for_one_and_never_approves(
    running: RunningKiosk,
) -> None:
    async with reviewing(running, terminal=PLAIN, size=(80, 24)) as pilot:
        await flows.until_text(pilot, "This terminal cannot show photos, so")
        shown = flows.text(pilot)
        assert "1 MASKED face 98 % sure" in shown
        assert "NOT TO BE APPROVED HERE: this terminal cannot show photos." in shown
        await pilot.press("a")
        await flows.until_text(pilot, "NOT DONE: It cannot be approved")
        await pilot.press("m", "left", "s")
        await flows.until_text(pilot, "there is nothing to save")
        await pilot.press("r")
        await flows.give_reason(pilot, "cannot judge it")
        await flows.until_text(pilot, "IMG_0001: rejected.")
        assert "get_preview" not in running.kiosk.calls
        assert not pilot.app.screen.query(PhotoView)


async def test_a_photo_that_cannot_be_used_says_why(running: RunningKiosk) -> None:
    photo = next(iter(running.kiosk.photos.values()))
    photo.info = msgspec.structs.replace(
        photo.info, state=ReviewState.UNUSABLE, revision=0, code=RedactCode.EMPTY, findings=0
    )
    photo.words = "This file has no bytes."
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("i")
        await flows.until_text(pilot, "cannot be used")
        await pilot.press("enter", "enter")
        await flows.until_text(pilot, "This file has no bytes.")
        await flows.until_text(pilot, "NOT TO BE APPROVED HERE: The picture is unusable")


async def test_a_picture_of_the_wrong_size_is_not_approved(
    running: RunningKiosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = running.kiosk.picture
    async with reviewing(running) as pilot:
        monkeypatch.setattr(running.kiosk, "picture", lambda photo: honest(photo)[:-3])
        await pilot.press("n")
        await flows.until_text(pilot, "This photo could not be drawn, so it cannot be approved here.")
        await pilot.press("a")
        await flows.until_text(pilot, "NOT TO BE APPROVED HERE")
        monkeypatch.undo()
        await pilot.press("p")
        await flows.until_text(pilot, "READY")


async def test_zoom_shows_the_finding_closer_and_redraws(running: RunningKiosk) -> None:
    async with reviewing(running) as pilot:
        tiles = list(pilot.app.screen.query(Tile))
        whole = [tile.sixels for tile in tiles]
        for _ in range(3):
            before = [tile.sixels for tile in tiles]
            await pilot.press("z")
            await flows.until(pilot, lambda: before != [tile.sixels for tile in tiles], "not redrawn")  # noqa: B023
        await flows.until(pilot, lambda: whole == [tile.sixels for tile in tiles], "not whole again")


async def test_a_storm_of_sizes_and_keys_ends_in_a_whole_picture(running: RunningKiosk) -> None:
    async with reviewing(running) as pilot:
        for width, height in ((100, 30), (60, 10), (150, 50), (20, 5), (121, 41)):
            await pilot.resize_terminal(width, height)
            await pilot.press("right", "plus", "tab", "z")
        await pilot.press("z", *["u"] * 10)
        await flows.until_text(pilot, "READY")
        view = pilot.app.screen.query_one(PhotoView)
        tiles = list(view.query(Tile))
        assert sum(tile.size.area for tile in tiles) == view.size.area
        assert all(tile.sixels for tile in tiles)


async def test_export_says_why_not_and_what_was_signed(running: RunningKiosk) -> None:
    with connect(running.path) as privacy:
        running.kiosk.hire("olga", "Olga Officer", Role.PRIVACY_OFFICER)
        privacy.login("olga", PASSPHRASE)
        privacy.enrol_recipient(
            "Dr. Sousa",
            "University Hospital",
            RecipientMethod.AGE,
            "age1x",
            "age1x",
            tuple(Purpose),
            "2030-01-01T00:00:00.000Z",
        )
    async with reviewing(running) as pilot:
        await pilot.press("a")
        await flows.until_text(pilot, "IMG_0001: approved.")
        await pilot.press("escape")
        await flows.until_screen(pilot, "HomeScreen")
        await pilot.press("x")
        await flows.until_text(pilot, "1 photo may leave. F2 exports.")
        await pilot.press("tab", "right", "right")
        await flows.until_text(pilot, "Nothing leaves: 1 of 1 may not.")
        await flows.until_text(pilot, "IMG_0001: No consent covers publication for this patient.")
        await pilot.press("f2")
        await flows.until_text(pilot, "NOT DONE: There is nothing that may leave")
        await pilot.press("left")
        await flows.until_text(pilot, "1 photo may leave.")
        await pilot.press("f2")
        await flows.until_screen(pilot, "Confirm")
        await pilot.press("enter")
        await flows.until_text(pilot, "medkiosk-2026-11-22-0a1b2c3d")
        assert "SHA256:tests" in flows.text(pilot)


async def test_a_role_that_may_not_is_told_so(running: RunningKiosk) -> None:
    running.kiosk.hire("audi", "Audi Auditor", Role.AUDITOR)
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "audi")
        await pilot.press("i")
        await flows.until_text(pilot, "NOT DONE: You may not do this: none of your roles gives see_catalogue")


async def test_the_keys_of_the_screen_come_first_in_their_list(running: RunningKiosk) -> None:
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("e")
        await flows.until_screen(pilot, "EncountersScreen")
        await pilot.press("f1")
        await flows.until_screen(pilot, "KeysScreen")
        shown = flows.text(pilot)
        assert shown.index("Write down who is photographed") < shown.index("Everywhere F1 or ?")
        await pilot.press("f1", "escape")
        await flows.until_screen(pilot, "EncountersScreen")


async def test_a_daemon_that_restarts_ends_the_session_in_words(running: RunningKiosk) -> None:
    async with reviewing(running) as pilot:
        await pilot.press("r")
        await flows.until_screen(pilot, "AskReason")
        running.stop()
        await flows.until_screen(pilot, "LoginScreen")
        await flows.until_text(pilot, "you were logged out")
        assert flows.app_of(pilot).session is None
        assert "NO ANSWER" in flows.text(pilot)
        running.start()
        await flows.until_text(pilot, "SAFE TO UNPLUG")
        await flows.type_text(pilot, "rita")
        await pilot.press("enter")
        await flows.type_text(pilot, PASSPHRASE)
        await pilot.press("enter")
        await flows.until_screen(pilot, "HomeScreen")
        await pilot.press("r")
        await flows.until_text(pilot, "photo 1 of 3")
        await flows.until_text(pilot, "READY")


async def test_a_daemon_that_is_not_there_yet_is_waited_for(running: RunningKiosk) -> None:
    running.stop()
    app = KioskApp(running.path, terminal=PLAIN)
    async with app.run_test(size=(80, 24)) as pilot:
        await flows.until_text(pilot, "The kiosk's daemon is not answering.")
        await pilot.press("l")
        await flows.until_screen(pilot, "LoginScreen")
        await flows.type_text(pilot, "rita")
        await pilot.press("enter", "x", "enter")
        await flows.until_text(pilot, "NOT DONE: The kiosk's daemon is not answering.")
        running.start()
        await flows.until_text(pilot, "SAFE TO UNPLUG")

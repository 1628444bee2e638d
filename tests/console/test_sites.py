"""Which parts of the body pictures show, on the console."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import msgspec
import pytest

from medkiosk.console import language
from medkiosk.console.bodyparts import completed, in_full, listed, named, typed, written
from medkiosk.console.language import ENGLISH
from medkiosk.console.looking import looked
from medkiosk.console.widgets.bodyfield import _LONGEST
from medkiosk.core.bodysite import FACE, HAND, MOST, PARTS, Side, is_site, write
from medkiosk.core.consent import Scope
from medkiosk.core.ids import CaptureId
from medkiosk.core.photo import ReviewState
from medkiosk.ipc.client import Client, connect
from medkiosk.ipc.sitetypes import OtherSites
from medkiosk.ipc.types import Picture
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.state import PASSPHRASE
from tests.console.test_access import encounter
from tests.console.test_consent import to
from tests.console.test_screens import console

FOREARM = "14975008"
LEFT, RIGHT = write(FOREARM, Side.LEFT), write(FOREARM, Side.RIGHT)
FREE = "73211009"
WITH_NUMBER = write(FREE, Side.RIGHT)


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    language.use(ENGLISH)


@pytest.mark.parametrize(
    ("text", "sites"),
    [
        ("", ()),
        (" ; , ", ()),
        ("forearm", (FOREARM,)),
        ("Forearm;FACE", (FOREARM, FACE)),
        ("forea", (FOREARM,)),
        ("left forearm", (LEFT,)),
        ("fore left", (LEFT,)),
        ("l fore, r fore", (LEFT, RIGHT)),
        ("forearm; left forearm", (FOREARM, LEFT)),
        ("face; face", (FACE,)),
        ("back", ("77568009",)),  # and not the back of the knee
        ("knee", ("72696002",)),
        ("back knee", ("32361000",)),
        (FREE, (FREE,)),
        (f"right {FREE}", (WITH_NUMBER,)),
        (f"SNOMED CT {FREE}", (FREE,)),
        ("40983000 30021000", ("40983000", "30021000")),
        ("40983000, 30021000", ("40983000", "30021000")),
    ],
)
def test_what_is_typed_is_understood(text: str, sites: tuple[str, ...]) -> None:
    assert typed(text) == sites


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("arm", "arm may be: armpit, whole arm"),
        ("left", "left may be: left temple"),
        ("f", "f may be: face, forehead, flank, forearm, ..."),
        ("elephant", "elephant: not in the list"),
        ("40983001", "a digit is wrong"),
        ("face; 12345", "a digit is wrong"),
        (f"upper {FREE}", "not in the list, or a digit is wrong"),
        ("left face", "not in the list"),
    ],
)
def test_what_is_not_clear_is_asked(text: str, words: str) -> None:
    said = typed(text)
    assert isinstance(said, str)
    assert words in said


@pytest.mark.parametrize("code", ["en", "de"])
def test_every_site_can_be_typed_as_it_is_written(code: str) -> None:
    language.use(code)
    sites = [
        write(part.code, side) for part in PARTS for side in (None, *Side) if part.paired or side is None
    ]
    sites += [FREE, WITH_NUMBER]
    assert len({named(site) for site in sites}) == len(sites)
    for site in sites:
        assert typed(named(site)) == (site,), named(site)
    some = (LEFT, FACE, WITH_NUMBER)
    assert typed(written(some)) == some


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("", True),
        ("left forearm; Face ", True),
        ("v", False),
        ("forea", False),
        ("face; v", False),
        ("face; face", False),
        (FOREARM, False),
        ("elephant", False),
    ],
)
def test_a_few_letters_that_were_taken_for_more_are_told(text: str, yes: bool) -> None:
    assert in_full(text) == yes


def test_as_many_parts_as_may_be_can_stand_in_the_field() -> None:
    assert len(written([write("900000000000207008", Side.RIGHT)] * MOST)) <= _LONGEST


def test_in_german_and_still_in_english() -> None:
    language.use("de")
    assert named(LEFT) == "Unterarm links"
    assert typed("unterarm li; Gesicht; Rucken; fuss") == (LEFT, FACE, "77568009", "56459004")
    assert typed("left forearm") == (LEFT,)
    assert typed(f"links {FREE}") == (write(FREE, Side.LEFT),)
    assert completed("Gesicht; Unterarm r") == "Gesicht; Unterarm rechts"


def test_the_rest_of_a_name_is_offered() -> None:
    assert completed("fore") == "forehead"
    assert completed("forea") == "forearm"
    assert completed("face; Left fore") == "face; Left forearm"
    for nothing in ("", "face; ", "elephant", "face"):
        assert completed(nothing) is None


def test_sites_in_a_row() -> None:
    assert listed((LEFT, FACE)) == "left forearm, face"
    assert listed((LEFT, FACE, HAND, FREE)) == "left forearm, face, hand and 1 more"
    assert listed(("\x1b[31m",)) == "what cannot be read"
    assert not is_site("\x1b[31m")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_new_encounter_says_what_its_photos_show(
    running: RunningKiosk, size: tuple[int, int]
) -> None:
    async with console(running.path, size=size) as pilot:
        await flows.log_in(pilot, "rita")
        await flows.new_encounter(pilot, mrn="1", issuer="Demo", name="Muster, Ada", sites="elephant")
        await flows.until_text(pilot, "elephant: not in the list")
        await pilot.press(*["backspace"] * 8)
        await flows.type_text(pilot, "left fore")
        await pilot.press("f2")
        await flows.until_text(pilot, "Read what the letters were taken for")
        await flows.until_text(pilot, "left forearm")
        assert not running.kiosk.encounters
        await pilot.press("f2")
        await flows.until_screen(pilot, "ConsentScreen")
        await pilot.press("escape")
        await flows.until_text(pilot, "shows left forearm")
    assert next(iter(running.kiosk.encounters.values())).sites == (LEFT,)


async def test_what_an_encounter_shows_is_changed_with_a_reason(running: RunningKiosk) -> None:
    id_ = encounter(running)
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("e")
        await flows.until_text(pilot, "Erika")
        await pilot.press("p")
        await flows.until_screen(pilot, "BodyPartsScreen")
        await pilot.press("f2")
        await flows.until_text(pilot, "Nothing is changed yet.")
        await flows.type_text(pilot, "forea")
        await pilot.press("right", "f2")
        await flows.until_text(pilot, "shows forearm")
        assert running.kiosk.encounters[id_].sites == (FOREARM,)
        await pilot.press("p")
        await flows.until_screen(pilot, "BodyPartsScreen")
        await pilot.press(*["backspace"] * 9)
        await flows.type_text(pilot, "face")
        await pilot.press("enter", "f2")
        await flows.until_text(pilot, "say why that was wrong; approvals end with it")
        await flows.type_text(pilot, "wrong line")
        await pilot.press("f2")
        await flows.until_text(pilot, "shows face")
    assert running.kiosk.encounters[id_].sites == (FACE,)
    assert f"sites: {FACE}; wrong line" in running.kiosk.calls


async def test_one_photo_shows_something_else_and_is_reviewed_again(running: RunningKiosk) -> None:
    id_ = encounter(running, sites=(FOREARM,))
    (one, photo), *_ = running.kiosk.photos.items()
    photo.info = msgspec.structs.replace(photo.info, encounter_id=id_, state=ReviewState.APPROVED)
    async with console(running.path, size=(120, 40)) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("e")
        await flows.until_text(pilot, "shows forearm")
        await pilot.press("enter")
        await flows.until_screen(pilot, "ReviewScreen")
        await flows.until_text(pilot, "Shows: forearm")
        await pilot.press("b")
        await flows.until_screen(pilot, "BodyPartsScreen")
        await flows.until_text(pilot, "as its encounter: forearm")
        await pilot.press(*["backspace"] * 8)
        await flows.type_text(pilot, "face")
        await pilot.press("enter", "enter")
        await flows.type_text(pilot, "it is the face")
        await pilot.press("f2")
        await flows.until_screen(pilot, "ReviewScreen")
        await flows.until_text(pilot, "Shows: face, this photo")
        await flows.until_text(pilot, "to review")
        assert running.kiosk.encounters[id_].otherwise == (OtherSites(capture_id=one, sites=(FACE,)),)
        await pilot.press("b")
        await flows.until_screen(pilot, "BodyPartsScreen")
        await pilot.press("enter", "right", "enter")
        await flows.type_text(pilot, "no, the arm")
        await pilot.press("f2")
        await flows.until_text(pilot, "Shows: forearm")
    assert running.kiosk.encounters[id_].otherwise == ()


async def test_a_limited_consent_asks_for_what_a_photo_shows(running: RunningKiosk) -> None:
    id_ = encounter(running)
    photo = next(iter(running.kiosk.photos.values()))
    photo.info = msgspec.structs.replace(photo.info, encounter_id=id_)
    async with console(running.path, size=(120, 40)) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("e")
        await flows.until_text(pilot, "Erika")
        await pilot.press("c")
        await flows.until_screen(pilot, "ConsentScreen")
        await to(pilot, "limits")
        await pilot.press("right")
        await to(pilot, "sites")
        await flows.type_text(pilot, "left fore; nowhere")
        await pilot.press("f2")
        await flows.until_text(pilot, "nowhere: not in the list")
        await pilot.press(*["backspace"] * 9, "f2")
        await flows.until_text(pilot, "Read what the letters were taken for")
        assert not running.kiosk.encounters[id_].consents
        await pilot.press("f2")
        await flows.until_text(pilot, "only left forearm")
        await pilot.press("enter")
        await flows.until_text(pilot, "SHOWS: NOT RECORDED, press B")
    terms = running.kiosk.encounters[id_].consents[-1].terms
    assert terms.scope == Scope(body_sites=(LEFT,))


MANY = (LEFT, RIGHT, FACE, HAND)


async def test_whoever_reviews_reads_every_part_that_is_recorded(running: RunningKiosk) -> None:
    id_ = encounter(running, sites=MANY)
    photo = next(iter(running.kiosk.photos.values()))
    photo.info = msgspec.structs.replace(photo.info, encounter_id=id_)
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("e")
        await flows.until_text(pilot, "Erika")
        await pilot.press("enter")
        await flows.until_screen(pilot, "ReviewScreen")
        for site in MANY:
            await flows.until_text(pilot, named(site).split()[-1])
        assert " more" not in flows.text(pilot)


async def test_what_does_not_fit_beside_the_photo_lets_nobody_approve_it(running: RunningKiosk) -> None:
    sites = tuple(write(part.code, Side.LEFT) for part in PARTS if part.paired)[:32]
    id_ = encounter(running, sites=sites)
    photo = next(iter(running.kiosk.photos.values()))
    photo.info = msgspec.structs.replace(photo.info, encounter_id=id_)
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("e")
        await flows.until_text(pilot, "Erika")
        await pilot.press("enter")
        await flows.until_screen(pilot, "ReviewScreen")
        await flows.until_text(pilot, "Shows: ")
        await pilot.press("a")
        await flows.until_text(pilot, "too small for all that is recorded")
    assert not photo.info.approvers


def test_what_is_shown_beside_a_photo_is_what_the_kiosk_takes_for_seen(running: RunningKiosk) -> None:
    id_ = encounter(running, sites=(FOREARM,))
    (one, photo), *_ = running.kiosk.photos.items()
    photo.info = msgspec.structs.replace(photo.info, encounter_id=id_)

    class SaidMeanwhile:
        """Somebody's connection; something is said just before the picture is handed out."""

        def __init__(self, kiosk: Client) -> None:
            self.get_capture, self.get_encounters = kiosk.get_capture, kiosk.get_encounters
            self._kiosk = kiosk

        def get_preview(self, capture_id: CaptureId) -> tuple[Picture, bytes]:
            self._kiosk.say_sites(id_, (FOREARM, FACE))
            return self._kiosk.get_preview(capture_id)

    with connect(running.path) as kiosk:
        kiosk.login("rita", PASSPHRASE)
        shown = looked(cast("Client", SaidMeanwhile(kiosk)), one, picture=True)
    assert shown.picture is not None
    assert shown.encounter is not None
    assert set(shown.encounter.sites) == {FOREARM, FACE}


async def test_a_photo_of_nobody_shows_nothing_that_is_recorded(running: RunningKiosk) -> None:
    async with console(running.path) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("i")
        await flows.until_text(pilot, "in this import")
        await flows.open_first_photo(pilot)
        await pilot.press("b")
        await flows.until_text(pilot, "belongs to no encounter yet; assign it first")

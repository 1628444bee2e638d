"""The whole job by one person with a keyboard, on the real daemon: how many keys it takes."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from medkiosk.console.app import KioskApp
from medkiosk.console.screens.slate import SlateScreen
from medkiosk.console.terminal import Terminal
from medkiosk.core.consent import Purpose
from medkiosk.core.events import Role
from medkiosk.core.exportevents import RecipientMethod
from medkiosk.core.photo import ImageRole, ReviewState
from tests.console import flows
from tests.e2e.test_slates import shoot
from tests.kiosk import ADMIN, CHECKOUT, PASSPHRASE, ScratchKiosk, redacted
from tests.virtual.camera import RunningCamera

KEYS, KEYS_A_PHOTO, KEYS_TO_KEEP = 17, 1, 4
"""Of the whole job; for each photo; where a kind of suggestion is kept (O, a reason, yes) and saved."""
PHOTOS = 2

pytestmark = pytest.mark.timeout(300)


class Keyboard:
    """Counts what is pressed; what a person must type as text (names, numbers) is counted apart."""

    def __init__(self, pilot: Pilot[Any]) -> None:
        self.pilot = pilot
        self.pressed: list[str] = []
        self.typed = 0

    async def press(self, *keys: str) -> None:
        self.pressed += keys
        await self.pilot.press(*keys)

    async def type(self, words: str) -> None:
        self.typed += len(words)
        await flows.type_text(self.pilot, words)

    async def screen(self, name: str) -> None:
        await flows.until_screen(self.pilot, name)

    async def told(self, words: str) -> None:
        await flows.until_text(self.pilot, words)


@pytest.fixture
def unplugged(small_card: Path, tmp_path: Path) -> Iterator[tuple[RunningCamera, Path]]:
    """A camera that is not plugged in yet, and its folder of photos, empty."""
    folder = tmp_path / "camera" / "DCIM" / "100CANON"
    folder.mkdir(parents=True)
    camera = RunningCamera(tmp_path / "camera")
    camera.stop()
    yield camera, folder
    camera.stop()


@pytest.fixture
def kiosk(make_kiosk: Callable[..., ScratchKiosk], unplugged: tuple[RunningCamera, Path]) -> ScratchKiosk:
    """With somebody who reviews and exports, and a recipient."""
    kiosk = make_kiosk(cameras=[unplugged[0].gphoto_port])
    kiosk.start()
    with kiosk.session(ADMIN) as admin:
        admin.create_account("vera", "Vera Vogt", (Role.REVIEWER, Role.PRIVACY_OFFICER), PASSPHRASE)
    with kiosk.session("vera") as vera:
        vera.enrol_recipient(
            "Dr. Sousa",
            "Elsewhere",
            RecipientMethod.PASSPHRASE,
            "",
            "",
            (Purpose.CLINICAL_RECORD,),
            "2031-01-01T00:00:00.000Z",
        )
    return kiosk


async def test_from_the_login_to_the_stick_without_a_mouse(
    kiosk: ScratchKiosk, unplugged: tuple[RunningCamera, Path], small_card: Path
) -> None:
    app = KioskApp(kiosk.socket, terminal=Terminal(sixel=True, cell=lambda: (10, 20)))
    async with app.run_test(size=(120, 40)) as pilot:
        await flows.until(pilot, lambda: app.status is not None, "no status")
        hand = Keyboard(pilot)
        await patient(hand)
        kept = await photographed(hand, kiosk, *unplugged, small_card)
        await handed_over(hand)
    assert len(hand.pressed) == KEYS + KEYS_A_PHOTO * PHOTOS + KEYS_TO_KEEP * kept, hand.pressed
    assert not {"ctrl+q", "mouse"} & set(hand.pressed)
    with kiosk.session("vera") as vera:
        captures = vera.list_captures().captures
        assert [c.state for c in captures if c.role is ImageRole.CLINICAL] == [ReviewState.APPROVED] * PHOTOS
        [left] = vera.list_exports().exports
        assert left.images == PHOTOS
    page = (CHECKOUT / "docs" / "console.md").read_text(encoding="utf-8")
    said = f"takes {KEYS} key presses, one more for each photo"
    assert said in " ".join(page.split())


async def patient(hand: Keyboard) -> None:
    """Log in, write down who it is, record consent, show the slate."""
    await hand.press("e")
    await hand.screen("LoginScreen")
    await hand.type("vera")
    await hand.press("enter")
    await hand.type(PASSPHRASE)
    await hand.press("enter")
    await hand.screen("EncountersScreen")
    await hand.press("n")
    await hand.screen("EncounterScreen")
    for words in ("7421093", "Demo Hospital", "Mustermann, Erika", "1984-08-12"):
        await hand.type(words)
        await hand.press("enter")
    await hand.type("left forearm")
    await hand.press("f2")
    await hand.screen("ConsentScreen")
    await hand.press("f2")
    await hand.screen("EncountersScreen")
    await hand.told("agrees: clinical record")
    await hand.press("s")
    await hand.screen("SlateScreen")
    await hand.told("OPENING SLATE")


def slate(hand: Keyboard) -> str:
    """What the code on the screen says."""
    screen = hand.pilot.app.screen
    assert isinstance(screen, SlateScreen)
    assert screen._slate is not None
    return screen._slate.text


def fill(folder: Path, card: Path) -> None:
    for number, photo in enumerate(sorted(card.rglob("*.JPG"))[:PHOTOS], 2):
        shutil.copy(photo, folder / f"IMG_{number:04}.JPG")


async def photographed(
    hand: Keyboard, kiosk: ScratchKiosk, camera: RunningCamera, folder: Path, card: Path
) -> int:
    """Slate, patient and closing slate are photographed, the camera is plugged in; then review, approve.

    Returns:
        How often suggestions of a kind were kept.
    """
    shoot(folder, 1, slate(hand))
    fill(folder, card)
    await asyncio.sleep(7)  # what was taken as the closing slate was already shown would be nobody's
    await hand.press("c")
    await hand.told("CLOSING SLATE")
    shoot(folder, PHOTOS + 2, slate(hand))
    await hand.press("escape")
    await hand.screen("EncountersScreen")
    camera.restart()
    kiosk.wait(lambda status: redacted(status) and status.redaction.done > PHOTOS + 1, timeout_s=120)
    with kiosk.session("vera") as vera:
        await flows.until(
            hand.pilot,
            lambda: all(each.encounter_id for each in vera.list_captures().captures),
            "the slate was not read",
        )
    await hand.press("enter")
    await hand.screen("ReviewScreen")
    kept = 0
    for left in reversed(range(PHOTOS)):
        await flows.until(hand.pilot, lambda: flows.seen(hand.pilot), "the photo was not painted")
        while "UNDECIDED" in flows.text(hand.pilot):
            await hand.press("o")
            await hand.screen("ChooseReason")
            await hand.press("1")
            await hand.screen("Confirm")
            await hand.press("y")
            await hand.screen("ReviewScreen")
            await hand.press("s")
            await hand.told("READY")
            kept += 1
        await hand.told("READY")
        await hand.press("a")
        await hand.told(f"approved. {left} photo" if left else "No photo here is left to review.")
    return kept


async def handed_over(hand: Keyboard) -> None:
    """Out on the stick."""
    await hand.press("x")
    await hand.screen("ExportScreen")
    await hand.told("may leave. F2 exports.")
    await hand.press("f2")
    await hand.screen("Confirm")
    await hand.press("y")
    await hand.screen("ExportedScreen")

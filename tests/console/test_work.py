"""What waits for whoever is logged in, on Home."""

from __future__ import annotations

import msgspec
import pytest

from medkiosk.console import language
from medkiosk.console.link import Link
from medkiosk.console.words import work_words
from medkiosk.core.photo import ReviewState
from medkiosk.ipc.types import MOST_COUNTED, Work
from medkiosk.ipc.wire import ConnectionLostError
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.test_screens import console


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (Work(), ""),
        (Work(review=1), "1 photo to review (R)."),
        (Work(review=12, assign=2), "12 photos to review (R), 2 photos without an encounter (I)."),
        (Work(assign=MOST_COUNTED), "1000 or more photos without an encounter (I)."),
        (Work(corrections=1, disposals=2), "1 correction to decide (C), 2 disposals to decide (T)."),
        (Work(settings=1), "1 proposal of other settings (S)."),
        (Work(glasses=2), "2 openings by broken glass to look into (Y)."),
    ],
)
def test_the_words(work: Work, said: str) -> None:
    assert work_words(work) == said


def test_in_german() -> None:
    language.use("de")
    try:
        said = work_words(Work(review=2, assign=1, glasses=2))
    finally:
        language.use(language.ENGLISH)
    assert said == "2 Fotos zu prüfen (R), 1 Foto ohne Fall (I), 2 Zugriffe im Notfall zu prüfen (Y)."


async def test_home_says_what_waits_and_again_when_somebody_comes_back(running: RunningKiosk) -> None:
    photos = list(running.kiosk.photos.values())
    waiting = sum(each.info.state is ReviewState.PROPOSED for each in photos)
    async with console(running.path, size=(80, 24)) as pilot:
        assert "to review (R)" not in flows.text(pilot)
        await flows.log_in(pilot, "rita")
        await flows.until_text(pilot, f"{waiting} photos to review (R)")
        await pilot.press("r")
        await flows.until_screen(pilot, "ReviewScreen")
        for photo in photos:
            photo.info = msgspec.structs.replace(photo.info, state=ReviewState.APPROVED)
        await pilot.press("escape")
        await flows.until_text(pilot, "Next: Record an encounter")
        await pilot.press("f9")
        await flows.until_text(pilot, "You are logged out.")
        assert flows.app_of(pilot).to_do is None  # it was theirs


async def test_what_comes_while_somebody_stands_there_is_counted(running: RunningKiosk) -> None:
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "rita")
        await flows.until_text(pilot, "photos to review (R)")
        for photo in running.kiosk.photos.values():
            photo.info = msgspec.structs.replace(photo.info, state=ReviewState.APPROVED)
        running.kiosk.photos.popitem()  # as many objects as before would be nothing new
        running.kiosk.touch()
        await flows.until_text(pilot, "Next: Record an encounter")


def test_a_console_that_leaves_opens_no_connection_any_more(running: RunningKiosk) -> None:
    link = Link(running.path)
    assert link.run(lambda kiosk: kiosk.get_status()).version
    link.close()
    with pytest.raises(ConnectionLostError):
        link.run(lambda kiosk: kiosk.get_status())

"""What there is to say about a picture is said while the patient is still there."""

from __future__ import annotations

import pytest

from medkiosk.console.words import advice, heaviest_first
from medkiosk.core.device import DeviceState
from medkiosk.core.quality import ADVICE_WORDS, Advice, Quality
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.state import Kiosk, device
from tests.console.test_screens import PLAIN, console


def worth(*said: Advice) -> Quality:
    return Quality(500, 900, 0, 12, 40, None, 0, said)


@pytest.fixture
def judged(running: RunningKiosk) -> RunningKiosk:
    """Of three photos one lacks a scale and another is worse."""
    first, second, _ = running.kiosk.photos.values()
    running.kiosk.judge(first, worth(Advice.NO_SCALE))
    running.kiosk.judge(second, worth(Advice.NOT_SHARP, Advice.GLARE))
    return running


async def test_home_says_it_before_anybody_logs_in(judged: RunningKiosk) -> None:
    async with console(judged.path, terminal=PLAIN, size=(80, 24)) as pilot:
        await flows.until_text(pilot, "Advice IMG_0002 The picture is not sharp: focus on the lesion")
        shown = flows.text(pilot)
        assert shown.index("IMG_0002 The picture") < shown.index("IMG_0001 No scale was recognised")
        assert "Next: Read the advice while the patient is still here." in shown
        for photo in list(judged.kiosk.photos.values()) * 2:
            judged.kiosk.judge(photo, worth(Advice.GLARE))
        await flows.until_text(pilot, "and 5 photos more: Imports (I), then Advice (Q)")


async def test_the_import_lists_the_photos_heaviest_first(judged: RunningKiosk) -> None:
    async with console(judged.path, terminal=PLAIN, size=(120, 30)) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("i")
        await flows.until_text(pilot, "3 photos in this import; advice on 2: Q")
        await flows.until_text(pilot, "Not sharp (+1)")
        await pilot.press("q")
        await flows.until_screen(pilot, "AdviceScreen")
        await flows.until_text(pilot, "Advice on 2 of 3 photos in this import, most important first")
        shown = flows.text(pilot)
        assert shown.index("IMG_0002") < shown.index("Glare on the skin") < shown.index("IMG_0001")
        assert "IMG_0003" not in shown
        await pilot.press("escape")
        await flows.until_screen(pilot, "ImportsScreen")


async def test_an_import_without_advice_says_so(running: RunningKiosk) -> None:
    async with console(running.path, terminal=PLAIN, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "rita")
        await pilot.press("i")
        await flows.until_text(pilot, "3 photos in this import")
        assert "advice on" not in flows.text(pilot)
        await pilot.press("q")
        await flows.until_text(pilot, "There is nothing to say about the photos of this import.")


def test_what_weighs_most_comes_first_and_nothing_is_lost() -> None:
    photos = [
        ("a", (Advice.NO_SCALE,)),
        ("b", ()),
        ("c", (Advice.GLARE,)),
        ("d", (Advice.GLARE, Advice.CAST)),
        ("e", (Advice.MOVED,)),
        ("f", (Advice.NO_SCALE,)),
    ]
    assert [name for name, _ in heaviest_first(photos)] == ["e", "d", "c", "a", "f"]
    assert set(ADVICE_WORDS) == set(Advice)


@pytest.mark.parametrize(
    ("said", "state", "wanted"),
    [
        (Advice.MOVED, DeviceState.SAFE, "Read the advice"),
        (Advice.NO_SCALE, DeviceState.SAFE, "Unplug the camera when you like."),
        (Advice.MOVED, DeviceState.IMPORTING, "Leave it plugged in."),
    ],
)
def test_the_next_thing_to_do_is_to_read_it_where_it_matters(
    said: Advice, state: DeviceState, wanted: str
) -> None:
    kiosk = Kiosk(devices=(device(state, 3, 3),))
    kiosk.plug_in(1)
    kiosk.devices = (device(state, 3, 3),)
    kiosk.judge(next(iter(kiosk.photos.values())), worth(said))
    assert advice(kiosk.status(), None).startswith(wanted)

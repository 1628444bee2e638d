"""The big words: the most careful one of everything that is plugged in."""

from __future__ import annotations

import pytest

from medkiosk.core.device import DeviceState
from medkiosk.core.sticks import LEAVE_IN, STICK_WORDS, StickState
from medkiosk.daemon.board import Board, first_line
from medkiosk.device.model import DeviceRef
from medkiosk.ipc.types import StickInfo


def board(camera: DeviceState | None, stick: StickState) -> Board:
    """A board with what is plugged in."""
    made = Board()
    if camera is not None:
        made.device(first_line(DeviceRef(kind="camera", key="1", port="1", model="C"), "C", camera))
    made.set(sticks=(StickInfo(name="usb", state=stick, words=STICK_WORDS[stick], detail="", free=0),))
    return made


@pytest.mark.parametrize("state", sorted(LEAVE_IN))
@pytest.mark.parametrize("camera", list(DeviceState))
def test_nothing_is_safe_while_a_stick_must_stay_in(camera: DeviceState, state: StickState) -> None:
    assert board(camera, state).status.headline in {STICK_WORDS[state], "DO NOT UNPLUG"}


def test_safe_says_of_what() -> None:
    assert board(DeviceState.SAFE, StickState.READY).status.headline == "CAMERA: SAFE TO UNPLUG"
    assert board(DeviceState.SAFE, StickState.LOOKING).status.headline == "LOOKING AT THE STICK"
    assert board(None, StickState.DONE).status.headline == "STICK: SAFE TO UNPLUG"


@pytest.mark.parametrize("stick", list(StickState))
def test_a_warning_about_a_camera_stays_but_for_a_stick_that_must_stay_in(stick: StickState) -> None:
    words = board(DeviceState.LOST, stick).status.headline
    assert words == (STICK_WORDS[stick] if stick in LEAVE_IN else "UNPLUGGED TOO EARLY")


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ((DeviceState.RETRYING,), "TRYING AGAIN"),
        ((DeviceState.RETRYING, DeviceState.SAFE), "TRYING AGAIN"),
        ((DeviceState.RETRYING, DeviceState.LISTING), "DO NOT UNPLUG"),
        ((DeviceState.LOST, DeviceState.RETRYING), "TRYING AGAIN"),
    ],
)
def test_pulling_out_is_not_forbidden_where_it_may_help(states: tuple[DeviceState, ...], words: str) -> None:
    made = Board()
    for number, state in enumerate(states):
        key = str(number)
        made.device(first_line(DeviceRef(kind="camera", key=key, port=key, model="C"), "C", state))
    assert made.status.headline == words

"""Two cameras on one kiosk at once: each is imported wholly, and each line speaks of its own camera."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medkiosk.core.device import DeviceState
from medkiosk.ipc import types as t
from tests.daemon.importing import picture, write
from tests.e2e.proof import assert_clean, on_card, restored
from tests.kiosk import ScratchKiosk, safe
from tests.virtual.camera import RunningCamera

Make = Callable[..., ScratchKiosk]

FIRST, SECOND = "a" * 32, "b" * 32
FILES = {FIRST: 6, SECOND: 4}
BUSY = (DeviceState.IMPORTING, DeviceState.IMPORTING)


@pytest.fixture
def cards(tmp_path: Path) -> dict[str, Path]:
    """For each camera a card; the same names on both, with other pictures."""
    return {
        serial: write(
            tmp_path / serial,
            {
                f"DCIM/100CANON/IMG_{number:04}.JPG": picture(ord(serial[0]) * 100 + number, size=90_000)
                for number in range(1, files + 1)
            },
        )
        for serial, files in FILES.items()
    }


@pytest.fixture
def cameras(cards: dict[str, Path]) -> Iterator[dict[str, RunningCamera]]:
    """Both cameras, slow enough to be read at the same time; the second cannot give one of its files."""
    running = {
        FIRST: RunningCamera(cards[FIRST], serial=FIRST, faults=["slow=0.15"]),
        SECOND: RunningCamera(
            cards[SECOND], serial=SECOND, faults=["slow=0.15", "short-read=IMG_0003.JPG:70000"]
        ),
    }
    yield running
    for camera in running.values():
        camera.stop()


def line(status: t.Status, camera: RunningCamera) -> t.DeviceStatus:
    [found] = [device for device in status.devices if device.key == camera.gphoto_port]
    return found


def ended(status: t.Status) -> bool:
    states = {device.state for device in status.devices}
    return len(status.devices) == len(FILES) and states <= {DeviceState.SAFE, DeviceState.INCOMPLETE}


def test_both_are_imported_and_each_says_its_own_word(
    make_kiosk: Make, cameras: dict[str, RunningCamera], cards: dict[str, Path], tmp_path: Path
) -> None:
    first, second = cameras[FIRST], cameras[SECOND]
    kiosk = make_kiosk(cameras=[first.gphoto_port, second.gphoto_port], settings="group_files = 2")
    kiosk.start()
    seen: set[tuple[DeviceState, ...]] = set()
    status = kiosk.wait(ended, each=lambda s: seen.add(tuple(device.state for device in s.devices)))
    assert BUSY in seen, "they were not read at the same time, so this shows nothing"
    one, two = line(status, first), line(status, second)
    assert (one.serial, one.state, one.files, one.sealed, one.failed) == (FIRST, "safe", 6, 6, 0)
    assert (two.serial, two.state, two.files, two.sealed, two.failed) == (SECOND, "incomplete", 4, 3, 1)
    assert not one.detail
    assert "1 of 4 files could not be read" in two.detail
    assert status.headline == "NOT EVERYTHING WAS READ"

    first.stop()  # the one that is safe is unplugged; nothing changes for the other
    status = kiosk.wait(lambda s: line(s, first).state is DeviceState.GONE)
    assert line(status, second).state is DeviceState.INCOMPLETE
    assert status.headline == "NOT EVERYTHING WAS READ"

    second.stop()
    kiosk.wait(lambda s: not any(d.key == second.gphoto_port and d.state == "incomplete" for d in s.devices))
    second.restart()
    status = kiosk.wait(lambda s: any(d.state is DeviceState.SAFE for d in s.devices))
    two = line(status, second)
    assert (two.state, two.sealed, two.already, two.failed) == ("safe", 1, 3, 0)
    assert safe(status)

    kiosk.stop()
    assert_clean(kiosk)
    assert restored(kiosk, tmp_path / "proof") == on_card(cards[FIRST]) + on_card(cards[SECOND])


def test_one_that_is_pulled_too_early_does_not_touch_the_other(
    make_kiosk: Make, cameras: dict[str, RunningCamera], cards: dict[str, Path], tmp_path: Path
) -> None:
    first, second = cameras[FIRST], cameras[SECOND]
    kiosk = make_kiosk(cameras=[first.gphoto_port, second.gphoto_port], settings="group_files = 1")
    kiosk.start()
    kiosk.wait(lambda s: len(s.devices) == 2 and line(s, second).sealed > 0)
    second.stop()
    status = kiosk.wait(lambda s: all(d.state in (DeviceState.SAFE, DeviceState.LOST) for d in s.devices))
    assert [line(status, camera).state for camera in (first, second)] == ["safe", "lost"]
    assert status.headline == "UNPLUGGED TOO EARLY"
    assert line(status, first).sealed == FILES[FIRST]
    second.restart()
    status = kiosk.wait(safe)
    assert line(status, second).already > 0
    kiosk.stop()
    assert_clean(kiosk)
    assert restored(kiosk, tmp_path / "proof") == on_card(cards[FIRST]) + on_card(cards[SECOND])

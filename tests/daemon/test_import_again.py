"""A device that stays plugged in when everything on it is safe: what comes onto it later is imported, too."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medkiosk.core.device import REUSE, DeviceState
from medkiosk.daemon.importer import Importer
from medkiosk.device.model import DeviceRef
from medkiosk.ipc.types import DeviceStatus
from tests.daemon.importing import ImportRig, picture, reference, write
from tests.virtual.camera import RunningCamera

FIRST, SECOND = "DCIM/100CANON/IMG_0001.JPG", "DCIM/100CANON/IMG_0002.JPG"


@pytest.fixture
def imports(tmp_path: Path) -> Iterator[ImportRig]:
    rig = ImportRig(tmp_path / "store")
    yield rig
    rig.close()


@pytest.fixture
def card(tmp_path: Path) -> Path:
    return write(tmp_path / "card", {FIRST: picture(1)})


def waited(importer: Importer, until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not until() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert until(), importer.status


def plugged(imports: ImportRig, device: DeviceRef) -> Importer:
    """Plug in, and wait until everything is safe."""
    importer = imports.importer(device, look_again_s=0.3)
    importer.start()
    waited(importer, lambda: importer.status.state is DeviceState.SAFE)
    return importer


def seen(imports: ImportRig) -> list[DeviceState]:
    """Every state that the screen shows from now on, without repetition."""
    states: list[DeviceState] = []
    show = imports.board.device

    def device(status: DeviceStatus) -> None:
        if not states or states[-1] is not status.state:
            states.append(status.state)
        show(status)

    setattr(imports.board, "device", device)  # noqa: B010 - a listener in between, for this test
    return states


def test_safe_is_taken_back_for_a_file_that_comes_later(imports: ImportRig, card: Path) -> None:
    importer = plugged(imports, reference(card))
    assert importer.status.passport == REUSE
    states = seen(imports)
    write(card, {SECOND: picture(2)})
    waited(importer, lambda: importer.status.files == 2 and importer.status.state is DeviceState.SAFE)
    assert states[:2] == [DeviceState.OPENING, DeviceState.LISTING]
    assert importer.status.passport == REUSE
    importer.unplugged()
    assert {data for _, data in imports.originals()} == {picture(1), picture(2)}
    imports.assert_clean()


def test_a_picture_that_a_camera_takes_later_is_imported(imports: ImportRig, card: Path) -> None:
    camera = RunningCamera(card)
    try:
        importer = plugged(imports, reference(camera))
        write(card, {SECOND: picture(2)})
        waited(importer, lambda: importer.status.files == 2 and importer.status.state is DeviceState.SAFE)
    finally:
        camera.stop()
    importer.unplugged()
    assert importer.status.state is DeviceState.GONE


def test_a_camera_that_sleeps_stays_safe(imports: ImportRig, card: Path) -> None:
    camera = RunningCamera(card)
    importer = plugged(imports, reference(camera))
    states = seen(imports)
    camera.stop()
    time.sleep(1.5)
    assert importer.status.state is DeviceState.SAFE
    assert states == []
    importer.unplugged()


def test_what_is_deleted_from_a_folder_is_no_news(imports: ImportRig, card: Path) -> None:
    write(card, {SECOND: picture(2)})
    importer = plugged(imports, reference(card))
    states = seen(imports)
    (card / SECOND).unlink()
    time.sleep(1.2)
    assert states == []
    importer.unplugged()

"""How long the kiosk waits before it asks a device again, and what it says meanwhile."""

from __future__ import annotations

import dataclasses
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest

from medkiosk.core.channel import Channel
from medkiosk.core.device import DeviceState
from medkiosk.device.model import DeviceRef
from medkiosk.ipc.types import DeviceStatus
from medkiosk.source.model import WORDS, SourceCode
from medkiosk.workers import ProcessChannel
from tests.daemon.importing import ImportRig, picture, reference, write
from tests.virtual.camera import running_camera

CAMERA = DeviceRef(kind="camera", key="/devices/1", port="usb:001,004", model="Canon EOS R6")
_HELD = """
import sys, gphoto2
from medkiosk.source import ptp, worker

def held(self):
    raise gphoto2.GPhoto2Error(gphoto2.GP_ERROR_IO_USB_CLAIM)

ptp.CameraReader._opened = held
ptp._CLAIM_PAUSES_S = ()
sys.argv = ["worker", "--asked"]
worker.main()
"""


class _Pauses(threading.Event):
    """Passes each pause at once, and is set after so many."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.asked: list[float | None] = []
        self._most = most

    def wait(self, timeout: float | None = None) -> bool:
        self.asked.append(timeout)
        if len(self.asked) == self._most:
            self.set()
        return self.is_set()


@pytest.mark.parametrize("retries", [0, 3])
def test_the_pauses_grow_and_are_bounded(imports: ImportRig, retries: int) -> None:
    def nothing() -> Channel:
        raise OSError("no worker can be started")

    importer = imports.importer(CAMERA)
    settings = msgspec.structs.replace(importer._tools.settings, retries=retries, retry_s=2.0)
    importer._tools = dataclasses.replace(importer._tools, settings=settings, spawn=nothing)
    importer._stop = pauses = _Pauses(20)
    importer.start()
    importer._thread.join(30)  # it ends by itself at the last pause
    importer.unplugged()
    asked = [pause or 0 for pause in pauses.asked]
    assert asked[:retries] == [2.0 * attempt for attempt in range(1, retries + 1)]
    assert asked == sorted(asked)
    assert asked[retries:] == [30.0] * (20 - retries)


def test_a_camera_that_another_program_holds_says_so(imports: ImportRig, tmp_path: Path) -> None:
    importer = imports.importer(CAMERA)
    settings = msgspec.structs.replace(importer._tools.settings, retries=1, retry_s=0.5)
    importer._tools = dataclasses.replace(
        importer._tools, settings=settings, spawn=lambda: ProcessChannel([sys.executable, "-c", _HELD])
    )
    seen: list[DeviceStatus] = []
    importer.start()
    deadline = time.monotonic() + 30
    while importer.status.state is not DeviceState.INCOMPLETE and time.monotonic() < deadline:
        if importer.status.state is DeviceState.RETRYING:
            seen.append(importer.status)
        time.sleep(0.02)
    last = importer.status
    importer.unplugged()
    assert seen
    assert {status.detail for status in [*seen, last]} == {WORDS[SourceCode.CLAIMED]}
    assert "Another program holds this camera" in last.detail
    assert last.state is DeviceState.INCOMPLETE


def test_a_camera_that_sleeps_is_tried_again_and_is_safe_when_it_wakes(
    imports: ImportRig, tmp_path: Path
) -> None:
    imports.stall_s = 1.0
    card = write(tmp_path / "card", {"DCIM/100CANON/IMG_0001.JPG": picture(1)})
    with running_camera(card, faults=["asleep=6"]) as camera:
        importer = imports.importer(reference(camera))
        settings = msgspec.structs.replace(importer._tools.settings, retries=100, retry_s=0.1)
        importer._tools = dataclasses.replace(importer._tools, settings=settings)
        importer.start()
        said: set[str] = set()
        deadline = time.monotonic() + 40
        while importer.status.state is not DeviceState.SAFE and time.monotonic() < deadline:
            if importer.status.state is DeviceState.RETRYING:
                said.add(importer.status.detail)
            time.sleep(0.02)
        last = importer.status
        importer.unplugged()
    assert last.state is DeviceState.SAFE
    assert said
    assert all(said)
    assert list(imports.content()) == [picture(1)]

"""A file at which the device leaves the bus: the rest is imported, and the file is named in the end."""

from __future__ import annotations

import dataclasses
import errno
import time
from pathlib import Path

import pytest

from medkiosk.core.device import DeviceState
from medkiosk.core.events import FileFailed
from medkiosk.daemon.importer import Importer
from medkiosk.daemon.importmemory import DeviceMemory
from medkiosk.daemon.importstuck import Stuck
from medkiosk.device.model import DeviceRef
from medkiosk.ipc.types import DeviceStatus
from medkiosk.source.model import DeviceInfo, Entry, SourceCode, SourceError
from tests.daemon.importing import ENDED, ImportRig, picture, reference, write
from tests.virtual import fuse
from tests.virtual.camera import RunningCamera

ONE, TWO, THREE = (f"DCIM/100CANON/IMG_000{n}.JPG" for n in (1, 2, 3))
needs_fuse = pytest.mark.skipif(bool(fuse.why_not()), reason=fuse.why_not() or "FUSE")


def _waited(importer: Importer, failed: bool = False) -> DeviceStatus:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        status = importer.status
        if status.state in ENDED and (status.failed or not failed):
            return status
        time.sleep(0.02)
    return importer.status


def _vanishing(content: bytes) -> fuse.Node:
    def read(offset: int, count: int) -> bytes:
        if offset + count > 256 << 10:
            raise OSError(errno.ENODEV, "gone")
        return content[offset : offset + count]

    return fuse.File(len(content), read)


@needs_fuse
def test_a_card_that_goes_away_at_one_file_gives_all_others(imports: ImportRig, tmp_path: Path) -> None:
    pictures: dict[str, fuse.Node] = {
        "IMG_0001.JPG": _vanishing(picture(1, size=2 << 20)),
        "IMG_0002.JPG": fuse.data(picture(2)),
        "IMG_0003.JPG": fuse.data(picture(3)),
    }
    card = fuse.folder({"DCIM": fuse.folder({"100CANON": fuse.folder(pictures)})})
    with fuse.mounted(card, tmp_path / "card") as path:
        importer = imports.importer(reference(path))
        importer.start()
        status = _waited(importer, failed=True)
        importer.unplugged()
    assert (status.state, status.failed) == (DeviceState.INCOMPLETE, 1)
    [failed] = imports.events(FileFailed)
    assert (failed.file, failed.code) == ("IMG_0001.JPG", SourceCode.STUCK)
    assert set(imports.content()) == {picture(2), picture(3)}
    imports.assert_clean()


def test_a_camera_that_goes_away_at_one_file_gives_all_others(imports: ImportRig, tmp_path: Path) -> None:
    """Each time it comes back it is another plug to the kiosk."""
    files = {ONE: picture(1, size=2 << 20), TWO: picture(2), THREE: picture(3)}
    fault = [f"vanish=IMG_0001.JPG:{256 << 10}"]
    camera = RunningCamera(write(tmp_path / "card", files), faults=fault)
    memory = DeviceMemory()
    plugs = 0
    try:
        while plugs < 6:
            plugs += 1
            importer = imports.importer(reference(camera))
            importer._tools = dataclasses.replace(importer._tools, memory=memory)  # the daemon has one
            importer.start()
            status = _waited(importer)
            importer.unplugged()
            if status.failed:
                break
            camera.restart(faults=fault)
    finally:
        camera.stop()
    assert (status.state, status.failed, plugs) == (DeviceState.INCOMPLETE, 1, 3)
    [failed] = imports.events(FileFailed)
    assert (failed.file, failed.code) == ("IMG_0001.JPG", SourceCode.STUCK)
    assert set(imports.content()) == {picture(2), picture(3)}
    imports.assert_clean()


CAMERA = DeviceRef(kind="camera", key="/devices/1", port="usb:001,004", model="Canon EOS R6")
FILES = [Entry(n, "card", "DCIM/100CANON", f"IMG_000{n}.JPG", 5, 0) for n in (1, 2)]


class _Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def _plugged(memory: DeviceMemory, clock: _Clock, serial: str = "1") -> Stuck:
    info = DeviceInfo(kind="camera", model="Canon EOS R6", serial=serial, port="")
    return Stuck(memory.plugged(CAMERA, info), monotonic=clock)


def _asked(stuck: Stuck, entry: Entry) -> bool:
    """Whether this file is asked for; the device goes away then."""
    with pytest.raises(SourceError) as caught, stuck.reading(entry):
        raise SourceError(SourceCode.UNPLUGGED)
    return caught.value.reason is SourceCode.UNPLUGGED


def test_what_vanished_is_remembered_of_one_device_and_for_a_while() -> None:
    one, two = FILES
    clock = _Clock()
    memory = DeviceMemory(clock)
    assert _asked(_plugged(memory, clock), one)
    assert _plugged(memory, clock, "2").last(FILES) == [one, two]
    assert _plugged(memory, clock).last(FILES) == [two, one]
    assert _asked(_plugged(memory, clock), one)
    stuck = _plugged(memory, clock)
    assert not _asked(stuck, one)
    stuck.told()
    again = _plugged(memory, clock)  # somebody read that, and plugged it in again
    assert again.last(FILES) == [two, one]
    assert _asked(again, one)
    clock.now += 60  # nothing comes back by itself after so long: somebody pulled it
    assert _asked(_plugged(memory, clock), one)


def test_a_card_is_known_by_its_volume_though_the_kernel_counts_it_anew() -> None:
    memory, clock = DeviceMemory(), _Clock()
    info = DeviceInfo(kind="card", model="memory card", serial="", port="")
    cards = [
        DeviceRef(kind="card", key=f"/{n}", port="", model="", identity=f"{n}/{volume}")
        for n, volume in enumerate(("0A1B-2C3D", "0A1B-2C3D", "FFFF-0000"))
    ]
    clock.now = time.monotonic()
    assert _asked(Stuck(memory.plugged(cards[0], info), monotonic=clock), FILES[0])
    assert Stuck(memory.plugged(cards[1], info)).last(FILES) == FILES[::-1]
    assert Stuck(memory.plugged(cards[2], info)).last(FILES) == FILES


def test_an_unplugging_that_ends_the_worker_counts_as_the_device_that_went() -> None:
    clock = _Clock()
    memory = DeviceMemory(clock)
    info = DeviceInfo(kind="camera", model="", serial="1", port="")
    stuck = Stuck(memory.plugged(CAMERA, info), stopped=lambda: True, monotonic=clock)
    with pytest.raises(SourceError), stuck.reading(FILES[0]):
        raise SourceError(SourceCode.CRASHED)
    assert Stuck(memory.plugged(CAMERA, info)).last(FILES) == FILES[::-1]

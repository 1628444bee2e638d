"""The R6 on USB: the guest's own xHCI, kernel, udev, libusb and libgphoto2 see it."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.virtual.photos import make_card
from tests.virtual.usb import VirtualR6Usb
from tests.vm.machine import Machine
from tests.vm.store import originals, verified

pytestmark = pytest.mark.timeout(3600)

PHOTOS = 50
SMALL = (1368, 912)


class TracedR6(VirtualR6Usb):
    """A camera that counts what was read off it."""

    def __init__(self, socket: Path, root: Path) -> None:
        self._trace = io.StringIO()
        super().__init__(socket, root, trace=self._trace)

    def wait_read(self, count: int, timeout_s: float = 900) -> None:
        """Wait until so many pictures more were asked for (GetObject, GetPartialObject)."""
        begun, deadline = self._read(), time.monotonic() + timeout_s
        while self._read() < begun + count:
            assert time.monotonic() < deadline, f"{self._read() - begun} pictures were read"
            time.sleep(0.05)

    def _read(self) -> int:
        return sum(line.startswith(("1009 ", "101b ")) for line in self._trace.getvalue().splitlines())


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[TracedR6]:
    """A camera with 50 photographs, plugged into nothing yet."""
    make_card(tmp_path / "card", PHOTOS, fast=True, size=SMALL)
    socket = Path("/tmp") / f"medkiosk-r6-{id(tmp_path):x}.sock"
    device = TracedR6(socket, tmp_path / "card")
    yield device
    device.close()
    socket.unlink(missing_ok=True)


def test_fifty_photos_and_the_big_words(kiosk: Machine, camera: TracedR6) -> None:
    kiosk.plug_redir(camera.path)
    kiosk.see("SAFE TO UNPLUG", timeout_s=1800)
    kiosk.picture("camera-safe")
    assert f"{PHOTOS} of {PHOTOS} files".replace(" ", "") in kiosk.words().replace(" ", "")


def test_yanked_in_the_middle_and_plugged_again(kiosk: Machine, camera: TracedR6) -> None:
    kiosk.plug_redir(camera.path)
    camera.wait_read(PHOTOS // 2)
    camera.unplug()
    kiosk.see("UNPLUGGED TOO EARLY", timeout_s=300)
    kiosk.picture("camera-yanked")
    camera.replug()
    kiosk.see("SAFE TO UNPLUG", timeout_s=1800)
    kiosk.picture("camera-again")


def test_power_cut_in_the_middle_nothing_is_lost_and_the_import_goes_on_where_it_was(
    kiosk: Machine, camera: TracedR6
) -> None:
    kiosk.plug_redir(camera.path)
    deadline = time.monotonic() + 900
    while not (before := originals(kiosk)):  # they are sealed by the score
        assert time.monotonic() < deadline, "no photo was sealed"
    kiosk.power_cut()
    camera.unplug()
    kiosk.start()
    kiosk.see("locked: no photo can be read here", timeout_s=900)
    verified(kiosk)
    kept = originals(kiosk)
    assert kept[: len(before)] == before, "what was sealed when somebody looked is sealed after the cut"
    assert len(kept) < PHOTOS
    camera.plug()
    kiosk.plug_redir(camera.path)
    kiosk.see("SAFE TO UNPLUG", timeout_s=1800)
    kiosk.picture("camera-after-power-cut")
    found = originals(kiosk)
    assert found[: len(kept)] == kept, "what was sealed before the cut is not sealed anew"
    assert len(found) == PHOTOS, "each photo once"

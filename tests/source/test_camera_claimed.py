"""A camera whose interface somebody else holds: asked again for a moment, then said.

Over PTP/IP nothing can be claimed twice, so the error of the library stands in for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import gphoto2
import pytest

from medkiosk.source.model import SourceCode, SourceError
from medkiosk.source.ptp import CameraReader
from tests.source.conftest import camera_session
from tests.virtual.camera import RunningCamera


class _Claimed:
    """Opens a camera only after its interface was held so many times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int, code: int) -> None:
        self.asked = 0
        self.slept: list[float] = []
        opened = CameraReader._opened

        def claimed(reader: CameraReader) -> gphoto2.Camera:
            self.asked += 1
            if self.asked <= times:
                raise gphoto2.GPhoto2Error(code)
            return opened(reader)

        monkeypatch.setattr(CameraReader, "_opened", claimed)
        monkeypatch.setattr("medkiosk.source.ptp.time.sleep", self.slept.append)
        monkeypatch.setattr("medkiosk.source.ptp._prepare_library", lambda: None)  # not in this process


def test_a_claim_that_passes_is_not_noticed(
    camera_on: Callable[..., RunningCamera], tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = camera_on(tree)
    claimed = _Claimed(monkeypatch, 2, gphoto2.GP_ERROR_IO_USB_CLAIM)
    reader = CameraReader(camera.gphoto_port, camera.model)
    try:
        assert reader.info().model
        assert len(list(reader.entries())) > 0
    finally:
        reader.close()
    assert claimed.asked == 3
    assert claimed.slept == sorted(claimed.slept)
    assert len(claimed.slept) == 2


@pytest.mark.parametrize(
    ("code", "reason", "asked"),
    [
        (gphoto2.GP_ERROR_IO_USB_CLAIM, SourceCode.CLAIMED, 5),
        (gphoto2.GP_ERROR_IO_LOCK, SourceCode.CLAIMED, 1),
        (gphoto2.GP_ERROR_MODEL_NOT_FOUND, SourceCode.UNSUPPORTED, 1),
    ],
)
def test_a_claim_that_stays_is_said(
    monkeypatch: pytest.MonkeyPatch, code: int, reason: SourceCode, asked: int
) -> None:
    claimed = _Claimed(monkeypatch, 100, code)
    with pytest.raises(SourceError) as caught:
        CameraReader("ptpip:127.0.0.1:1:1", RunningCamera.model)
    assert caught.value.reason is reason
    assert claimed.asked == asked
    assert sum(claimed.slept) < 5  # the client waits 30 s for one answer


def test_a_camera_that_sleeps_is_let_go_and_read_when_it_wakes(
    camera_on: Callable[..., RunningCamera], tree: Path
) -> None:
    camera = camera_on(tree, faults=["asleep=4"])
    with camera_session(camera, stall_s=1) as session, pytest.raises(SourceError) as caught:
        session.list()
    assert caught.value.reason is SourceCode.STALLED
    time.sleep(4)
    with camera_session(camera, stall_s=20) as session:
        assert session.list()

"""A camera whose card is still needed says so like a card; and a card is let go when it is safe, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from medkiosk.core.device import KEEP_CARD, DeviceState
from medkiosk.device.model import DeviceRef
from tests.daemon.importing import ImportRig, picture, reference, write
from tests.virtual.camera import running_camera

ONE, TWO = "DCIM/100CANON/IMG_0001.JPG", "DCIM/100CANON/IMG_0002.JPG"


def test_a_camera_with_a_damaged_file_says_that_its_card_is_kept(imports: ImportRig, tmp_path: Path) -> None:
    card = write(tmp_path / "card", {ONE: picture(1, size=200_000), TWO: picture(2)})
    with running_camera(card, faults=["size=IMG_0001.JPG:65536"]) as camera:
        for _ in range(2):  # as much the second time, when it is known already
            status = imports.plug(camera)
            assert (status.state, status.damaged, status.passport) == (DeviceState.SAFE, 1, KEEP_CARD)
            [kept] = imports.board.kept(status.key)
            assert kept.name == "IMG_0001"
    with running_camera(write(tmp_path / "whole", {TWO: picture(3)})) as camera:
        assert imports.plug(camera).passport == ""


@pytest.mark.parametrize(("second", "state"), [(picture(2), DeviceState.SAFE), (b"", DeviceState.INCOMPLETE)])
def test_a_device_is_let_go_once_when_it_is_safe_and_never_before(
    imports: ImportRig, tmp_path: Path, second: bytes, state: DeviceState
) -> None:
    released: list[tuple[DeviceRef, DeviceState]] = []
    card = reference(write(tmp_path / "card", {ONE: picture(1), TWO: second}))
    importer = imports.importer(card, look_again_s=0.2)
    importer._release = lambda device: released.append((device, importer.status.state))
    importer.start()
    assert imports.ended(importer).state is state
    importer._stop.wait(1)  # it looks at the folder again meanwhile
    importer.unplugged()
    assert released == ([(card, DeviceState.SAFE)] if state is DeviceState.SAFE else [])

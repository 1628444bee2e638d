"""What the configuration decides: reading twice, the camera's clock. Deletion: test_import_delete.py."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from medkiosk.core.device import KEEP_CARD, REUSE, DeviceState
from medkiosk.core.events import CameraClock, FileFailed, ImportFinished, OriginalSealed
from medkiosk.source.model import SourceCode
from tests.daemon.importing import ImportRig, picture, write
from tests.virtual.camera import RunningCamera

ONE, TWO, THREE = (f"DCIM/100CANON/IMG_000{n}.JPG" for n in (1, 2, 3))
FILES = {ONE: picture(1, size=200_000), TWO: picture(2, size=200_000), THREE: picture(3, size=200_000)}


@pytest.fixture
def card(tmp_path: Path) -> Path:
    return write(tmp_path / "card", FILES)


# Reading twice


@pytest.mark.parametrize(("times", "failed"), [(1, 0), (3, 1)])
def test_a_bit_that_flips_on_the_way_is_found(
    imports: ImportRig, card: Path, times: int, failed: int
) -> None:
    """Once: the file is read anew and whole. Again and again: it is named, and not acknowledged."""
    camera = RunningCamera(card, faults=[f"flip=IMG_0002.JPG:{times}"])
    try:
        status = imports.plug(camera, verify="twice")
    finally:
        camera.stop()
    assert (status.failed, status.sealed) == (failed, 3 - failed)
    assert imports.content() == Counter(data for name, data in FILES.items() if not failed or name != TWO)
    assert [(event.file, event.code) for event in imports.events(FileFailed)] == (
        [("IMG_0002.JPG", SourceCode.DIFFERS)] if failed else []
    )
    imports.assert_clean()


def test_read_once_a_flipped_bit_goes_unseen(imports: ImportRig, card: Path) -> None:
    """What the setting is for: this is the loss that it costs the time to prevent."""
    camera = RunningCamera(card, faults=["flip=IMG_0002.JPG:1"])
    try:
        status = imports.plug(camera)
    finally:
        camera.stop()
    assert status.state is DeviceState.SAFE
    assert imports.content() != Counter(FILES.values())


def test_a_file_that_is_cut_off_on_the_card_is_sealed_and_keeps_the_card(
    imports: ImportRig, tmp_path: Path
) -> None:
    cut = FILES[TWO][:100_000]
    card = write(tmp_path / "card", {ONE: FILES[ONE], TWO: cut})
    for _ in range(2):  # as much the second time, when it is known already
        status = imports.plug(card)
        assert (status.state, status.damaged, status.passport) == (DeviceState.SAFE, 1, KEEP_CARD)
        [kept] = imports.board.kept(status.key)
        assert kept.name == "IMG_0002"
        assert "exactly as it is" in kept.words
    assert imports.content() == Counter([FILES[ONE], cut])
    assert [event.damaged for event in imports.events(OriginalSealed)] == [False, True]
    assert imports.events(ImportFinished)[0].damaged == 1


# The camera's clock


@pytest.mark.parametrize(
    ("ahead", "set_it", "words", "corrected"),
    [
        (5, False, "", False),
        (250, False, "about 4 minutes ahead", False),
        (-7200, False, "about 2 hours behind", False),
        (250, True, "was set by this kiosk", True),
    ],
)
def test_the_camera_clock_is_measured_and_set_only_if_the_policy_says_so(
    imports: ImportRig, card: Path, ahead: int, set_it: bool, words: str, corrected: bool
) -> None:
    camera = RunningCamera(card, clock=["--clock-offset", str(ahead)])
    try:
        status = imports.plug(camera, set_camera_clock=set_it)
        again = imports.plug(camera, set_camera_clock=set_it)
    finally:
        camera.stop()
    assert words in " ".join(status.notes)
    assert bool(words) == bool(status.notes)
    first, second = imports.events(CameraClock)
    assert first.corrected is corrected
    assert first.serial
    assert first.uncertainty_ms >= 500
    if corrected:
        assert again.notes == ()
        assert abs(second.offset_ms - first.offset_ms + ahead * 1000) <= 3000
    else:
        assert abs(second.offset_ms - first.offset_ms) <= 2000


def test_a_camera_that_does_not_tell_its_time_is_imported_all_the_same(
    imports: ImportRig, card: Path
) -> None:
    camera = RunningCamera(card, clock=["--no-clock"])
    try:
        assert imports.plug(camera).state is DeviceState.SAFE
    finally:
        camera.stop()
    assert imports.events(CameraClock) == []


def test_missing_numbers_are_said_and_recorded(imports: ImportRig, tmp_path: Path) -> None:
    names = [f"DCIM/100CANON/IMG_{n:04d}.JPG" for n in (1, 2, 5, 7)]
    status = imports.plug(write(tmp_path / "card", {name: picture(n) for n, name in enumerate(names)}))
    assert status.passport == REUSE
    assert any("0003 to 0004, 0006" in note for note in status.notes)
    [end] = imports.events(ImportFinished)
    assert [(gap.first, gap.last) for gap in end.gaps] == [(3, 4), (6, 6)]

"""The two things that an import may change on a camera, when the policy says so: a file and the clock."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from medkiosk.source.client import SourceSession
from medkiosk.source.model import ClockReading, Entry, SourceCode, SourceError
from tests.source.conftest import SIZES, camera_session
from tests.virtual.camera import RunningCamera
from tests.virtual.settings import CAPTURE_DESTINATION

Start = Callable[..., RunningCamera]

_MONTH = 30 * 86_400


def _seconds(wall: str) -> float:
    return dt.datetime.fromisoformat(wall).replace(tzinfo=dt.UTC).timestamp()


def _read_clock(session: SourceSession) -> ClockReading:
    reading = session.clock()
    assert reading is not None
    return reading


@pytest.mark.parametrize(("offset", "zone"), [(0, 0), (-75, 7200), (_MONTH, -3600)])
def test_the_clock_is_read_with_the_moment(camera_on: Start, tree: Path, offset: int, zone: int) -> None:
    camera = camera_on(tree, clock=["--clock-offset", str(offset), "--zone", str(zone)])
    with camera_session(camera) as session:
        before = time.time()
        reading = _read_clock(session)
        after = time.time()
        assert before <= reading.asked <= reading.asked + reading.took <= after + 0.01
        assert reading.utc is not None
        middle = reading.asked + reading.took / 2
        assert abs(reading.utc - middle - offset) <= reading.took / 2 + 1
        assert _seconds(reading.wall) == reading.utc + zone
        assert len(session.list()) == len(SIZES)


def test_the_zone_of_the_machine_does_not_matter(
    camera_on: Start, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/St_Johns")
    with camera_session(camera_on(tree, clock=["--zone", "3600"])) as session:
        reading = _read_clock(session)
    assert abs(_seconds(reading.wall) - 3600 - reading.asked) < 60


def test_a_camera_without_a_clock_says_nothing(camera_on: Start, tree: Path) -> None:
    with camera_session(camera_on(tree, clock=["--no-clock"]), "--may-set-clock") as session:
        assert session.clock() is None
        with pytest.raises(SourceError) as caught:
            session.set_clock(1_800_000_000)
        assert caught.value.reason == SourceCode.UNSUPPORTED
        assert len(session.list()) == len(SIZES)


def test_the_clock_is_set(camera_on: Start, tree: Path) -> None:
    camera = camera_on(tree, clock=["--clock-offset", "-5000", "--zone", "3600"])
    with camera_session(camera, "--may-set-clock") as session:
        session.set_clock(int(time.time()))
        reading = _read_clock(session)
    assert reading.utc is not None
    assert abs(reading.utc - reading.asked) < 10
    assert abs(_seconds(reading.wall) - reading.utc) == 3600


def test_pictures_go_to_the_card_all_the_time(camera_on: Start, tree: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    with camera_session(camera_on(tree, trace=trace), "--may-set-clock") as session:
        session.clock()
        session.set_clock(int(time.time()))
        for entry in session.list():
            list(session.read(entry.index))
    told = [line.split()[-1] for line in trace.read_text().splitlines() if line.startswith("9110")]
    settings = [int.from_bytes(bytes.fromhex(data)[4:8], "little") for data in told]
    assert settings
    assert CAPTURE_DESTINATION not in settings


@pytest.mark.parametrize("change", ["set_clock", "delete"])
def test_a_worker_without_the_grant_changes_nothing(camera_on: Start, tree: Path, change: str) -> None:
    with camera_session(camera_on(tree)) as session:
        session.list()
        with pytest.raises(SourceError) as caught:
            getattr(session, change)(1)
        assert caught.value.reason == SourceCode.CRASHED
    assert {path.relative_to(tree).as_posix() for path in tree.rglob("*.*")} == set(SIZES)


def _places(entries: list[Entry]) -> set[str]:
    return {f"{entry.folder}/{entry.name}" for entry in entries}


def test_one_file_is_deleted_and_the_others_stay(camera_on: Start, tree: Path) -> None:
    with camera_session(camera_on(tree), "--may-delete") as session:
        entries = session.list()
        doomed = [entry for entry in entries if entry.size and entry.name.endswith("JPG")]
        left = set(SIZES)
        for entry in doomed:
            session.delete(entry.index)
            left.discard(f"{entry.folder}/{entry.name}")
            assert {path.relative_to(tree).as_posix() for path in tree.rglob("*.*")} == left
        kept = entries[0]  # indexes stay
        whole = (tree / kept.folder / kept.name).read_bytes()
        assert b"".join(session.read(kept.index)) == whole
        assert _places(session.list()) == left
    assert len(doomed) == 3


def _delete_first(session: SourceSession) -> SourceCode:
    entry = next(entry for entry in session.list() if entry.name == "IMG_0001.JPG")
    with pytest.raises(SourceError) as caught:
        session.delete(entry.index)
    return caught.value.reason


@pytest.mark.parametrize(
    ("fault", "reason"), [("write-protect", SourceCode.READ_ONLY), ("keep-deleted", SourceCode.DEVICE)]
)
def test_a_deletion_that_did_not_happen_is_said(
    camera_on: Start, tree: Path, fault: str, reason: SourceCode
) -> None:
    with camera_session(camera_on(tree, faults=[fault]), "--may-delete") as session:
        assert _delete_first(session) == reason
        assert _places(session.list()) == set(SIZES)
    assert {path.relative_to(tree).as_posix() for path in tree.rglob("*.*")} == set(SIZES)


def test_a_protected_file_stays(camera_on: Start, tree: Path) -> None:
    (tree / "DCIM/100CANON/IMG_0001.JPG").chmod(0o444)
    with camera_session(camera_on(tree), "--may-delete") as session:
        assert _delete_first(session) == SourceCode.PROTECTED


def test_deleting_twice_deletes_nothing_else(camera_on: Start, tree: Path) -> None:
    with camera_session(camera_on(tree), "--may-delete") as session:
        entry = next(entry for entry in session.list() if entry.name == "IMG_0001.JPG")
        session.delete(entry.index)
        with pytest.raises(SourceError) as caught:
            session.delete(entry.index)
        assert caught.value.reason == SourceCode.GONE
        assert len(session.list()) == len(SIZES) - 1


def test_a_file_that_is_gone_already_is_not_taken_for_all_files(camera_on: Start, tree: Path) -> None:
    """libgphoto2 deletes what it does not find by the handle that means every object of the camera."""
    with camera_session(camera_on(tree), "--may-delete") as session:
        entry = next(entry for entry in session.list() if entry.name == "IMG_0001.JPG")
        (tree / "DCIM/100CANON/IMG_0001.JPG").unlink()
        with pytest.raises(SourceError):
            session.delete(entry.index)
    left = {path.relative_to(tree).as_posix() for path in tree.rglob("*.*")}
    assert left == set(SIZES) - {"DCIM/100CANON/IMG_0001.JPG"}


def test_an_empty_file_is_not_deleted(camera_on: Start, tree: Path) -> None:
    with camera_session(camera_on(tree), "--may-delete") as session:
        entry = next(entry for entry in session.list() if entry.size == 0)
        with pytest.raises(SourceError) as caught:
            session.delete(entry.index)
        assert caught.value.reason == SourceCode.UNSUPPORTED
        assert len(session.list()) == len(SIZES)


def test_asking_a_camera_that_is_gone_ends_in_words(camera_on: Start, tree: Path) -> None:
    camera = camera_on(tree)
    with camera_session(camera, "--may-set-clock", "--may-delete") as session:
        session.list()
        camera.stop()
        with pytest.raises(SourceError) as caught:
            session.delete(1)
        assert caught.value.reason == SourceCode.UNPLUGGED
    camera.restart()
    with camera_session(camera) as session:
        session.hello()
        camera.stop()
        with pytest.raises(SourceError) as caught:
            session.clock()
        assert caught.value.reason == SourceCode.UNPLUGGED

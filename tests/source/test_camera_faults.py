"""Every fault of the virtual camera, through the real libgphoto2: said by its name, or not noticed at all.

What is given out as a file is the file, whatever happens; and after a clean replug everything is there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from medkiosk.core.frames import CHUNK
from medkiosk.source.model import Shape, SourceCode, SourceError
from tests.source.conftest import MIB, SIZES, Outcome, camera_session, fill, outcome, truth
from tests.virtual.camera import RunningCamera
from tests.virtual.faults import FAULTS

Start = Callable[..., RunningCamera]

LARGE = "DCIM/100CANON/IMG_0001.JPG"


def come(camera: RunningCamera, stall_s: float = 30) -> Outcome | SourceCode:
    return outcome(camera_session(camera, stall_s=stall_s))


ONE_FILE = {
    "short-read=IMG_0001.JPG": SourceCode.SHORT,
    "short-read=IMG_0001.JPG:0": SourceCode.SHORT,
    "long-read=IMG_0001.JPG": SourceCode.LONG,
    "long-read=IMG_0001.JPG:5000000": SourceCode.LONG,
    "half-object=IMG_0001.JPG": SourceCode.DEVICE,
    "size=IMG_0001.JPG:0": SourceCode.SIZE_UNKNOWN,
    "size=IMG_0001.JPG:4294967295": SourceCode.SIZE_UNKNOWN,
}


@pytest.mark.parametrize("fault", ONE_FILE)
def test_a_fault_of_one_file_fails_it_alone(camera_on: Start, tree: Path, fault: str) -> None:
    camera = camera_on(tree, faults=[fault])
    assert come(camera) == truth(tree) | {LARGE: ONE_FILE[fault]}
    camera.restart()
    assert come(camera) == truth(tree)


@pytest.mark.parametrize(("fault", "reason"), [("busy=4", SourceCode.BUSY), ("denied=1", SourceCode.DEVICE)])
def test_a_refusal_is_said_and_passes(camera_on: Start, tree: Path, fault: str, reason: SourceCode) -> None:
    with camera_session(camera_on(tree, faults=[fault])) as session:
        [large] = [entry for entry in session.list() if entry.name == "IMG_0001.JPG"]
        with pytest.raises(SourceError) as caught:
            list(session.read(large.index))
        assert caught.value.reason == reason
        assert b"".join(session.read(large.index)) == (tree / LARGE).read_bytes()


@pytest.mark.parametrize(
    "fault", ["none", "busy=3", "list-busy=1", "short-listing", "short-listing=1", "new-handles"]
)
def test_what_passes_is_not_noticed(camera_on: Start, tree: Path, fault: str) -> None:
    camera = camera_on(tree, faults=[] if fault == "none" else [fault])
    assert come(camera) == truth(tree)


def test_a_camera_that_is_busy_for_good_says_so(camera_on: Start, tree: Path) -> None:
    camera = camera_on(tree, faults=["list-busy"])
    assert come(camera) == SourceCode.BUSY
    camera.restart()
    assert come(camera) == truth(tree)


def test_an_answer_that_does_not_fit_into_memory_ends_the_worker(camera_on: Start, tree: Path) -> None:
    camera = camera_on(tree, faults=[f"long-read=IMG_0003.JPG:{80 * MIB}"])
    found = come(camera)
    assert isinstance(found, dict)
    assert found["DCIM/100CANON/IMG_0003.JPG"] == SourceCode.CRASHED
    assert found[LARGE] == (tree / LARGE).read_bytes()
    camera.restart()
    assert come(camera) == truth(tree)


def test_a_camera_that_falls_silent_is_let_go(camera_on: Start, tree: Path) -> None:
    camera = camera_on(tree, faults=[f"stall={MIB}"])
    found = come(camera, stall_s=3600)  # the library gives up by itself, after 2.5 s on PTP/IP
    assert isinstance(found, dict)
    assert found[LARGE] == SourceCode.STALLED
    camera.restart()
    assert come(camera) == truth(tree)


def test_a_camera_that_is_slower_than_any_camera_is_let_go(
    camera_on: Start, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medkiosk.source.client.FLOOR_BYTES_S", 8 * MIB)
    with camera_session(camera_on(tree, faults=["slow=1.2"]), stall_s=2) as session:
        [large] = [entry for entry in session.list() if entry.name == "IMG_0001.JPG"]
        with pytest.raises(SourceError) as caught:  # 4 blocks of 1.2 s: each of them in time
            list(session.read(large.index))
        assert caught.value.reason == SourceCode.STALLED


def test_a_slow_reader_is_not_a_slow_camera(
    camera_on: Start, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medkiosk.source.client.FLOOR_BYTES_S", 64 * MIB)
    with camera_session(camera_on(tree), stall_s=1) as session:
        [large] = [entry for entry in session.list() if entry.name == "IMG_0001.JPG"]
        total = 0
        for chunk in session.read(large.index):
            time.sleep(0.6)
            total += len(chunk)
    assert total == large.size


def test_the_card_comes_back_with_other_handles(camera_on: Start, tree: Path) -> None:
    camera = camera_on(tree, faults=[f"vanish-at={2 * MIB}"])
    found = come(camera)
    assert isinstance(found, dict)
    assert found[LARGE] == SourceCode.UNPLUGGED
    camera.restart(faults=["new-handles"])
    assert come(camera) == truth(tree)


def test_a_camera_that_is_there_again_at_once_has_other_handles(camera_on: Start, tree: Path) -> None:
    camera = camera_on(tree, faults=[f"again-with-new-handles={2 * MIB}"])
    with camera_session(camera) as session:
        [large] = [entry for entry in session.list() if entry.name == "IMG_0001.JPG"]
        with pytest.raises(SourceError) as caught:
            list(session.read(large.index))
        assert caught.value.ends_session
    assert come(camera) == truth(tree)


def test_a_camera_goes_away_at_one_file_whenever_that_is_read(camera_on: Start, tree: Path) -> None:
    fault = ["vanish=IMG_0001.JPG:70000"]
    camera = camera_on(tree, faults=fault)
    for _ in range(2):
        with camera_session(camera) as session:
            entries = {entry.name: entry.index for entry in session.list()}
            assert b"".join(session.read(entries["IMG_0001.CR3"]))
            assert session.head(entries["IMG_0001.JPG"])
            with pytest.raises(SourceError) as caught:
                list(session.read(entries["IMG_0001.JPG"]))
        assert caught.value.reason is SourceCode.UNPLUGGED
        camera.restart(faults=fault)


def test_what_is_gone_is_said_where_the_camera_still_lists_it(camera_on: Start, tree: Path) -> None:
    camera = camera_on(tree, faults=["stale"])
    with camera_session(camera) as session:
        session.list()
    wanted = truth(tree)
    (tree / LARGE).unlink()
    found = come(camera)
    assert isinstance(found, dict)
    assert isinstance(found.pop(LARGE), SourceCode)
    del wanted[LARGE]
    assert found == wanted
    camera.restart()
    assert come(camera) == wanted


def test_one_name_in_two_slots_is_two_files(camera_on: Start, tmp_path: Path) -> None:
    tree = fill(tmp_path, {LARGE: MIB + 5})
    with camera_session(camera_on(tree, faults=["same-names"])) as session:
        entries = session.list()
        found = {entry.storage: b"".join(session.read(entry.index)) for entry in entries}
    one, two = entries
    assert (one.folder, one.name, one.size, one.mtime) == (two.folder, two.name, two.size, two.mtime)
    assert found == {f"store_000{slot}0001": (tree / f"slot{slot}" / LARGE).read_bytes() for slot in (1, 2)}
    assert len(set(found.values())) == 2


def test_a_flipped_bit_is_silent_once(camera_on: Start, tree: Path) -> None:
    with camera_session(camera_on(tree, faults=["flip=IMG_0001.JPG"])) as session:
        [large] = [entry for entry in session.list() if entry.name == "IMG_0001.JPG"]
        first, second = (b"".join(session.read(large.index)) for _ in range(2))
    whole = (tree / LARGE).read_bytes()
    assert first != whole  # why there is "verify twice"
    assert second == whole


@pytest.mark.parametrize("fault", ["new-photo=IMG_0077.JPG", "grow=IMG_0001.JPG"])
def test_what_changes_during_an_import_shows_in_the_next_session(
    camera_on: Start, tree: Path, fault: str
) -> None:
    before = truth(tree)
    camera = camera_on(tree, faults=[fault])
    first = come(camera)
    assert isinstance(first, dict)
    assert before.keys() == first.keys()
    assert all(data == before[place] for place, data in first.items())
    assert come(camera) == truth(tree) != before


def _picture(size: int) -> bytes:
    return b"\xff\xd8\xff\xda\0\x02" + os.urandom(size).replace(b"\xff", b"\0") + b"\xff\xd9"


@pytest.mark.parametrize("size", [CHUNK, 3 * CHUNK - 4])
def test_a_size_that_is_wrong_is_seen_by_the_second_opinion(camera_on: Start, tree: Path, size: int) -> None:
    (tree / LARGE).write_bytes(_picture(2 * CHUNK))
    camera = camera_on(tree, faults=[f"size=IMG_0001.JPG:{size}"])
    with camera_session(camera) as session:
        [large] = [entry for entry in session.list() if entry.name == "IMG_0001.JPG"]
        assert sum(map(len, session.read(large.index))) == size
        assert session.shape == (
            Shape.CUT if size < 2 * CHUNK else Shape.WHOLE
        )  # zeros behind EOI are allowed


def test_two_cameras_at_once(camera_on: Start, tree: Path, tmp_path: Path) -> None:
    other = fill(tmp_path / "other", {"DCIM/100CANON/IMG_0001.JPG": 5 * MIB})
    first, second = camera_on(tree, faults=[f"vanish-at={2 * MIB}"]), camera_on(other)
    with camera_session(first) as one, camera_session(second) as two:
        [large] = [entry for entry in one.list() if entry.name == "IMG_0001.JPG"]
        [alone] = two.list()
        read = two.read(alone.index)
        begun = next(read)
        with pytest.raises(SourceError):
            list(one.read(large.index))
        assert begun + b"".join(read) == (other / "DCIM/100CANON/IMG_0001.JPG").read_bytes()


def test_a_camera_that_somebody_holds_is_left_to_him(camera_on: Start, tree: Path) -> None:
    camera = camera_on(tree)
    with camera_session(camera) as holder:
        holder.list()
        assert come(camera) == SourceCode.DEVICE
        assert len(holder.list()) == len(SIZES)
    assert come(camera) == truth(tree)


def test_replugged_within_a_second(camera_on: Start, tree: Path) -> None:
    camera = camera_on(tree)
    with camera_session(camera) as session:
        entries = session.list()
        camera.restart()
        with pytest.raises(SourceError) as caught:
            list(session.read(entries[0].index))
        assert caught.value.ends_session
    assert come(camera) == truth(tree)


def test_a_clock_that_does_not_answer_ends_the_session(camera_on: Start, tree: Path) -> None:
    camera = camera_on(tree, faults=["clock-hangs=3"])
    with camera_session(camera, stall_s=1) as session:
        with pytest.raises(SourceError) as caught:
            session.clock()
        assert caught.value.reason is SourceCode.STALLED
    camera.restart()
    assert come(camera) == truth(tree)


def test_every_fault_is_documented_and_tried_here() -> None:
    tests = Path(__file__).parents[1]
    paths = [*tests.glob("source/test_*.py"), tests / "daemon" / "test_import_delete.py"]
    here = "".join(path.read_text() for path in paths)
    for name, fault in FAULTS.items():
        assert f"``{name}" in (getattr(fault, "__doc__", None) or ""), name
        assert f'"{name}' in here, name

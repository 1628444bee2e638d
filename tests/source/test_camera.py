"""The camera through the real libgphoto2: what goes wrong on a cable must never look like a success."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import gphoto2
import pytest

from medkiosk.source.model import SourceCode, SourceError
from medkiosk.source.ptp import _translated
from medkiosk.source.reading import MAX_DEPTH
from tests.source.conftest import MIB, SIZES, camera_session, fill
from tests.virtual.camera import RunningCamera

Start = Callable[..., RunningCamera]

_READS = {"1001", "1002", "1003", "1004", "1005", "1007", "1008", "1014", "101b", "9109", "9114", "910c"}


def _names(root: Path, names: dict[str, str]) -> None:
    (root / "names.json").write_text(json.dumps(names))


def test_serial_number_and_slots(camera_on: Start, tmp_path: Path) -> None:
    for slot in ("slot1", "slot2"):
        fill(tmp_path / slot, {"DCIM/100CANON/IMG_0001.JPG": 1000 + len(slot) + ord(slot[-1])})
    with camera_session(camera_on(tmp_path, serial="00ff4711")) as session:
        assert session.hello().serial == "00ff4711"
        found = {(entry.storage, entry.folder, entry.name): entry for entry in session.list()}
        assert set(found) == {
            ("store_00010001", "DCIM/100CANON", "IMG_0001.JPG"),
            ("store_00020001", "DCIM/100CANON", "IMG_0001.JPG"),
        }
        for (storage, *_), entry in found.items():
            path = tmp_path / f"slot{storage[9]}" / "DCIM/100CANON/IMG_0001.JPG"
            assert b"".join(session.read(entry.index)) == path.read_bytes()


def test_reading_uses_only_harmless_operations(camera_on: Start, tree: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    with camera_session(camera_on(tree, trace=trace)) as session:
        for entry in session.list():
            list(session.read(entry.index))
    assert {line.split()[0] for line in trace.read_text().splitlines()} <= _READS


@pytest.mark.parametrize("bytes_sent", [0, 1, MIB, 2 * MIB + 5, 3 * MIB + 16])
def test_vanishing_in_mid_file_is_never_a_short_success(
    camera_on: Start, tree: Path, bytes_sent: int
) -> None:
    camera = camera_on(tree, faults=[f"vanish-at={bytes_sent}"])
    with camera_session(camera) as session:
        large = max(session.list(), key=lambda entry: entry.size)
        with pytest.raises(SourceError) as caught:
            list(session.read(large.index))
        assert caught.value.reason == SourceCode.UNPLUGGED
    with camera_session(camera) as session, pytest.raises(SourceError) as caught:
        session.hello()
    assert caught.value.reason == SourceCode.UNPLUGGED
    camera.restart()
    with camera_session(camera) as session:
        session.list()
        whole = (tree / large.folder / large.name).read_bytes()
        assert b"".join(session.read(large.index)) == whole


@pytest.mark.parametrize("fault", ["short-read=IMG_0001.JPG", "short-read=IMG_0001.JPG:0"])
def test_a_short_read_fails_that_file_alone(camera_on: Start, tree: Path, fault: str) -> None:
    with camera_session(camera_on(tree, faults=[fault])) as session:
        for entry in session.list():
            if entry.name == "IMG_0001.JPG":
                with pytest.raises(SourceError) as caught:
                    list(session.read(entry.index))
                assert caught.value.reason == SourceCode.SHORT
                assert not caught.value.ends_session
            else:
                assert sum(map(len, session.read(entry.index))) == entry.size


def test_busy_is_said_and_passes(camera_on: Start, tree: Path) -> None:
    with camera_session(camera_on(tree, faults=["busy=4"])) as session:
        large = max(session.list(), key=lambda entry: entry.size)
        with pytest.raises(SourceError) as caught:
            list(session.read(large.index))
        assert caught.value.reason == SourceCode.BUSY
        assert sum(map(len, session.read(large.index))) == large.size


def test_hostile_names_are_labels(camera_on: Start, tmp_path: Path) -> None:
    announced = {"IMG_0001.JPG": "../x.JPG", "IMG_0002.JPG": "A\nB.JPG", "IMG_0003.JPG": "x/y.JPG"}
    long = {"IMG_0004.JPG": "../../../etc/passwd.JPG", "IMG_0005.JPG": "Zoë " + "m" * 200 + ".JPG"}
    places = {f"DCIM/100CANON/{name}": 70_000 for name in announced}
    places |= {f"DCIM/101CANON/{name}": 70_000 for name in long}
    root = fill(tmp_path, places)
    _names(root, {place: {**announced, **long}[Path(place).name] for place in places})
    truth = {{**announced, **long}[Path(place).name]: (root / place).read_bytes() for place in places}
    with camera_session(camera_on(root)) as session:
        read = {entry.name: b"".join(session.read(entry.index)) for entry in session.list()}
    assert read == truth


def _outcome(camera: RunningCamera) -> dict[str, int | SourceCode]:
    """What comes of each file: its bytes counted, or why not."""
    outcome: dict[str, int | SourceCode] = {}
    with camera_session(camera) as session:
        for entry in session.list():
            try:
                outcome[entry.name] = len(b"".join(session.read(entry.index)))
            except SourceError as error:
                outcome[entry.name] = error.reason
    return outcome


def test_a_name_that_cannot_be_told_fails_alone(camera_on: Start, tmp_path: Path) -> None:
    root = fill(tmp_path, {f"DCIM/100CANON/IMG_000{n}.JPG": 1000 + n for n in range(1, 6)})
    _names(
        root,
        {
            "DCIM/100CANON/IMG_0001.JPG": "\udcff\udcfe.JPG",  # not UTF-8
            "DCIM/100CANON/IMG_0002.JPG": "..",  # libgphoto2 would give one of these two for the other
            "DCIM/100CANON/IMG_0003.JPG": "../x.JPG",
            "DCIM/100CANON/IMG_0005.JPG": "IMG_0004",  # and its neighbour for this one
        },
    )
    assert _outcome(camera_on(root)) == {
        r"\xff\xfe.JPG": SourceCode.NAME,
        "..": SourceCode.NAME,
        "../x.JPG": SourceCode.NAME,
        "IMG_0004.JPG": 1004,
        "IMG_0004": SourceCode.NAME,
    }


def test_two_files_of_one_name_fail_with_their_folder(camera_on: Start, tmp_path: Path) -> None:
    folders = {f"DCIM/10{n}CANON/IMG_000{n}.JPG": 1000 + n for n in range(4)}
    root = fill(tmp_path, {**folders, "DCIM/102CANON/IMG_0009.JPG": 9})
    _names(root, {"DCIM/102CANON/IMG_0009.JPG": "IMG_0002.JPG"})
    assert _outcome(camera_on(root)) == {
        "IMG_0000.JPG": 1000,
        "IMG_0001.JPG": 1001,
        "102CANON": SourceCode.NAME,
        "IMG_0003.JPG": 1003,
    }


def test_a_folder_beyond_the_depth_fails_alone(camera_on: Start, tmp_path: Path) -> None:
    read = "DCIM/" + "d/" * (MAX_DEPTH - 1) + "IMG_0001.JPG"  # the storage is one more
    beyond = "DCIM/" + "x/" * MAX_DEPTH + "IMG_0002.JPG"
    root = fill(tmp_path, {read: 1001, beyond: 1002, "DCIM/101CANON/IMG_0003.JPG": 1003})
    assert _outcome(camera_on(root)) == {
        "IMG_0001.JPG": 1001,
        "x": SourceCode.TOO_DEEP,
        "IMG_0003.JPG": 1003,
    }


def test_a_film_over_4_gib_is_refused_not_shortened(camera_on: Start, tmp_path: Path) -> None:
    root = fill(tmp_path, {"DCIM/100CANON/MVI_0002.MP4": 0})
    with camera_session(camera_on(root, faults=["film=5GiB"])) as session:
        entries = session.list()
        assert len(entries) == 2
        for entry in entries:
            assert (entry.size, entry.failure) == (0, SourceCode.SIZE_UNKNOWN)
            with pytest.raises(SourceError) as caught:
                list(session.read(entry.index))
            assert caught.value.reason == SourceCode.SIZE_UNKNOWN


def test_many_files(camera_on: Start, tmp_path: Path) -> None:
    root = fill(tmp_path, {f"DCIM/100CANON/IMG_{n:04d}.JPG": n % 7 for n in range(1, 2001)})
    with camera_session(camera_on(root)) as session:
        assert [entry.size for entry in session.list()] == [n % 7 for n in range(1, 2001)]


def test_a_camera_killed_while_idle_is_unplugged(camera_on: Start, tree: Path) -> None:
    camera = camera_on(tree)
    with camera_session(camera) as session:
        entries = session.list()
        assert len(entries) == len(SIZES)
        camera.stop()
        with pytest.raises(SourceError) as caught:
            list(session.read(entries[0].index))
        assert caught.value.reason == SourceCode.UNPLUGGED


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (gphoto2.GP_ERROR_IO_USB_CLAIM, SourceCode.CLAIMED),
        (gphoto2.GP_ERROR_IO_LOCK, SourceCode.CLAIMED),
        (gphoto2.GP_ERROR_CAMERA_BUSY, SourceCode.BUSY),
        (gphoto2.GP_ERROR_TIMEOUT, SourceCode.STALLED),
        (gphoto2.GP_ERROR_IO, SourceCode.UNPLUGGED),
        (gphoto2.GP_ERROR_IO_USB_FIND, SourceCode.UNPLUGGED),
        (gphoto2.GP_ERROR_CORRUPTED_DATA, SourceCode.DEVICE),
    ],
)
def test_what_only_usb_says_has_a_name_too(code: int, reason: SourceCode) -> None:
    assert _translated(gphoto2.GPhoto2Error(code)).reason == reason

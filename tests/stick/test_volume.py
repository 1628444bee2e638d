"""Room, leftovers and reading back past the cache, on real file systems."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from medkiosk import durable
from medkiosk.core.sticks import ReadBack
from medkiosk.export.bundle import write_bundle
from medkiosk.export.errors import StickError, StickFullError, StickLiesError, StickProtectedError
from medkiosk.export.volume import (
    FAT_FILE_BYTES,
    Need,
    Room,
    StickFiles,
    StickTooSmallError,
    check_room,
    clear_leftovers,
    need,
    reading,
    room_on,
)
from tests.export.build import PASSPHRASE, bundle, files_in
from tests.virtual.stickfs import Fault, plugged_in, why_not

MIB = 1 << 20
ROOM = Room(free=100 * MIB, cluster=32 << 10, fat=True)
fuse = pytest.mark.skipif(bool(why_not()), reason=why_not() or "FUSE")


@pytest.mark.parametrize(
    ("files", "size", "fits"),
    [(10, 90 * MIB, True), (10, 100 * MIB, False), (3000, 10 * MIB, False), (2000, 10 * MIB, True)],
)
def test_room_counts_the_end_of_each_file(files: int, size: int, fits: bool) -> None:
    wanted = Need(files, size, size // files)
    if fits:
        check_room(wanted, ROOM)
    else:
        with pytest.raises(StickTooSmallError, match="Nothing was written") as caught:
            check_room(wanted, ROOM)
        assert caught.value.values["free_mib"] == 100


def test_a_file_that_fat_cannot_have() -> None:
    huge = Room(free=1 << 40, cluster=32 << 10, fat=True)
    check_room(Need(1, FAT_FILE_BYTES, FAT_FILE_BYTES), huge)
    with pytest.raises(StickError, match="too large for the stick's file system"):
        check_room(Need(1, FAT_FILE_BYTES + 1, FAT_FILE_BYTES + 1), huge)
    check_room(Need(1, FAT_FILE_BYTES + 1, FAT_FILE_BYTES + 1), huge._replace(fat=False))


@pytest.mark.parametrize("viewer", [False, True])
@pytest.mark.parametrize("dicom", [False, True])
def test_what_is_asked_for_is_enough_and_not_twice_as_much(tmp_path: Path, viewer: bool, dicom: bool) -> None:
    made = bundle(6, passphrase=PASSPHRASE, viewer=viewer, dicom=dicom, size=(1600, 1200))
    sizes = [len(picture.jpeg) for picture in made.pictures]
    wanted = need(sizes, viewer=viewer, dicom=dicom)
    made = bundle(6, passphrase=PASSPHRASE, viewer=viewer, dicom=dicom, size=(1600, 1200))
    found = [path.stat().st_size for path in files_in(tmp_path / write_bundle(tmp_path, made).folder)]
    assert len(found) <= wanted.files
    assert max(found) <= wanted.largest
    assert sum(found) <= wanted.bytes <= 2 * sum(found) + 5 * MIB


def test_leftovers_go_and_nothing_else(tmp_path: Path) -> None:
    store = tmp_path / "store"
    (store / "blobs").mkdir(parents=True)
    (store / "blobs" / "original").write_bytes(b"the only copy")
    stick = tmp_path / "stick"
    (stick / ".medkiosk-partial-0123abcd" / "images").mkdir(parents=True)
    (stick / ".medkiosk-partial-0123abcd" / "images" / "x.jpg.age").write_bytes(b"half")
    (stick / ".medkiosk-partial-0123abcd" / "images" / "link").symlink_to(store)
    (stick / ".medkiosk-partial-deadbeef").symlink_to(store)
    (stick / ".medkiosk-partial-0000000f").write_bytes(b"a file")
    (stick / ".medkiosk-partial-mine").mkdir()
    (stick / ".medkiosk-partial-0123ABCD").mkdir()
    clear_leftovers(stick)
    assert sorted(path.name for path in stick.iterdir()) == [
        ".medkiosk-partial-0000000f",
        ".medkiosk-partial-0123ABCD",
        ".medkiosk-partial-deadbeef",
        ".medkiosk-partial-mine",
    ]
    assert (store / "blobs" / "original").read_bytes() == b"the only copy"


def test_no_leftover_hides_behind_many_names(tmp_path: Path) -> None:
    """More leftovers than are kept in memory, among more names than a stick should have."""
    for number in range(25_000):
        (tmp_path / f"x{number}").touch()
    for number in range(300):
        (tmp_path / f".medkiosk-partial-{number:08x}").mkdir()
    clear_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith("x")] == []


def test_a_stick_that_cannot_be_searched_in_time_is_said_and_not_written_to(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"x{number}").touch()
    clock = itertools.count(step=10)
    with pytest.raises(StickError, match="too much on the stick"):
        clear_leftovers(tmp_path, lambda: float(next(clock)))


def test_a_link_that_is_called_as_an_unfinished_bundle_does_not_stop_an_export(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").touch()
    stick = tmp_path / "stick"
    stick.mkdir()
    (stick / ".medkiosk-partial-deadbeef").symlink_to(tmp_path / "elsewhere")
    write_bundle(stick, bundle(1))
    assert (tmp_path / "elsewhere" / "kept").exists()


def synced(path: Path, data: bytes) -> Path:
    file = durable.create(path)
    file.write(data)
    fd = durable.open_dir(path.parent)
    durable.sync_files(fd, [file])
    os.close(fd)
    file.close()
    return path


@fuse
def test_a_disk_is_read_past_the_cache(tmp_path: Path) -> None:
    data = os.urandom(3 * MIB + 17)
    with plugged_in(tmp_path / "stick") as stick:
        how, chunks = reading(synced(stick.at / "file", data))
        assert how is ReadBack.DIRECT
        assert b"".join(map(bytes, chunks)) == data


def test_a_place_in_memory_says_that_it_is_one() -> None:
    if not Path("/dev/shm").is_dir():
        pytest.skip("no tmpfs here")
    path = synced(Path("/dev/shm") / f"medkiosk-{os.getpid()}", b"x" * 9000)
    try:
        how, chunks = reading(path)
        assert how is ReadBack.CACHED
        assert b"".join(map(bytes, chunks)) == b"x" * 9000
    finally:
        path.unlink()


def test_what_is_no_plain_file_is_not_read_back(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "folder").mkdir()
    for name in ("link", "folder"):
        with pytest.raises(OSError):
            reading(tmp_path / name)


FAULTS: dict[str, tuple[Fault, type[Exception], str]] = {
    "full at last": (Fault(error=28, error_after=30_000), StickFullError, "full"),
    "full, said at the sync": (Fault(error=28, error_after=30_000, late=True), StickFullError, "full"),
    "fails": (Fault(error=5, error_after=30_000), StickError, "failed or was pulled out"),
    "fails at once": (Fault(error=5), StickError, "failed or was pulled out"),
    "fails, said at the sync": (Fault(error=5, error_after=9_000, late=True), StickError, "failed or was"),
    "locked": (Fault(locked=True), StickProtectedError, "write-protected"),
    "fake capacity": (Fault(has=16 << 10), StickLiesError, "smaller than it claims"),
    "other bytes": (Fault(flips=".age"), StickLiesError, "other bytes"),
    "other bytes of a small file": (Fault(flips="checkpoint"), StickLiesError, "other bytes"),
    "takes no name": (Fault(error_on_rename=5), StickError, "failed or was pulled out"),
}


@fuse
@pytest.mark.parametrize("name", FAULTS)
def test_a_stick_that_misbehaves_holds_no_bundle(tmp_path: Path, name: str) -> None:
    fault, kind, words = FAULTS[name]
    with plugged_in(tmp_path / "stick", fault) as stick:
        files = StickFiles()
        with pytest.raises(kind, match=words):
            write_bundle(stick.at, bundle(3), files)
        assert stick.names() == []
        assert files.past in (None, ReadBack.DIRECT)


@fuse
def test_a_stick_that_is_pulled_out_has_nothing_with_a_final_name(tmp_path: Path) -> None:
    with plugged_in(tmp_path / "stick", Fault(pulled_after=20_000)) as stick:
        with pytest.raises(StickError):
            write_bundle(stick.at, bundle(3))
        assert [name for name in stick.names() if not name.startswith(".medkiosk-partial-")] == []


@fuse
def test_a_slow_stick_is_no_broken_one(tmp_path: Path) -> None:
    with plugged_in(tmp_path / "stick", Fault(slow_s=0.01)) as stick:
        written = write_bundle(stick.at, bundle(1))
        assert stick.names() == [written.folder]
        assert room_on(stick.at).cluster == 4096

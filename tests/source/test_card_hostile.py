"""Trees that no camera makes: whatever is wrong with one file or folder fails alone, by name."""

from __future__ import annotations

import os
import shutil
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from medkiosk.source import cardtree
from medkiosk.source.cardtree import CardTree
from medkiosk.source.client import SourceSession
from medkiosk.source.medium import Medium
from medkiosk.source.model import MAX_ENTRIES, Entry, SourceCode, SourceError
from tests.source.conftest import card_session, fill, large
from tests.virtual import fuse

GOOD = b"a photograph" * 5000

needs_fuse = pytest.mark.skipif(bool(fuse.why_not()), reason=fuse.why_not() or "FUSE")


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[fuse.Folder], Path]]:
    """Mounts a card that misbehaves for the length of a test."""
    with ExitStack() as mounts:
        yield lambda root: mounts.enter_context(fuse.mounted(root, tmp_path / "misbehaves"))


def _card(first: fuse.File) -> fuse.Folder:
    """A card with this file and a good one."""
    return fuse.folder({"DCIM": fuse.folder({"a.JPG": first, "b.JPG": fuse.data(GOOD)})})


def failures(entries: list[Entry]) -> dict[str, SourceCode]:
    return {f"{entry.folder}/{entry.name}": entry.failure for entry in entries if entry.failure is not None}


def readable(session: SourceSession, entries: list[Entry]) -> dict[str, bytes]:
    """Every file that can be read whole, by its path."""
    return {
        f"{entry.folder}/{entry.name}": b"".join(session.read(entry.index))
        for entry in entries
        if entry.failure is None
    }


def test_what_is_no_file_is_not_listed_and_not_followed(tmp_path: Path) -> None:
    root = fill(tmp_path / "card", {"DCIM/100CANON/IMG_0001.JPG": 10})
    folder = root / "DCIM/100CANON"
    (folder / "passwd.JPG").symlink_to("/etc/passwd")
    (folder / "etc").symlink_to("/etc", target_is_directory=True)
    (folder / "dangling.JPG").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.JPG")
    server = socket.socket(socket.AF_UNIX)
    here = os.open(folder, os.O_RDONLY)
    server.bind(f"/proc/self/fd/{here}/socket.JPG")
    os.close(here)
    server.close()
    if os.geteuid() == 0:
        os.mknod(folder / "zero.JPG", stat.S_IFCHR | 0o600, os.makedev(1, 5))
        os.mknod(folder / "disk.JPG", stat.S_IFBLK | 0o600, os.makedev(7, 0))
    with card_session(root) as session:
        assert [entry.name for entry in session.list()] == ["IMG_0001.JPG"]


def test_a_depth_of_a_hundred_is_read_and_one_beyond_the_bound_fails_alone(tmp_path: Path) -> None:
    deep = "/".join(["d"] * 100) + "/IMG_0001.JPG"
    beyond = "/".join(["x"] * (cardtree.MAX_CARD_DEPTH + 2)) + "/IMG_0002.JPG"
    root = fill(
        tmp_path / "card", {deep: 7, beyond: 7, "DCIM/100CANON/IMG_0003.JPG": 7, "zz/IMG_0004.JPG": 7}
    )
    with card_session(root) as session:
        entries = session.list()
        assert [entry.name for entry in entries] == ["IMG_0003.JPG", "IMG_0001.JPG", "x", "IMG_0004.JPG"]
        assert list(failures(entries).values()) == [SourceCode.TOO_DEEP]
        assert all(len(content) == 7 for content in readable(session, entries).values())


def test_names_of_any_bytes(tmp_path: Path) -> None:
    root = fill(tmp_path / "card", {"DCIM/100CANON/IMG_0001.JPG": 1})
    names = [
        b"\x01\x1b[31mred.JPG",
        b"line\nend.JPG",
        b"\xff\xfe\x80.JPG",
        b"n" * 255,
        b" ",
        b"-rf",
        "\N{RIGHT-TO-LEFT OVERRIDE}GPJ.exe".encode(),
    ]
    for name in names:
        (root / "DCIM/100CANON" / os.fsdecode(name)).write_bytes(name)
    with card_session(root) as session:
        entries = session.list()
        assert len({entry.name for entry in entries}) == len(names) + 1
        assert failures(entries) == {}
        assert set(readable(session, entries).values()) >= set(names)


def test_pictures_are_found_wherever_a_person_put_them(tmp_path: Path) -> None:
    files = [
        "IMG_0001.JPG",
        "Ward 3/before/IMG_0002.CR3",
        "MISC/AUTPRINT.MRK",
        ".Trashes/501/IMG_0003.JPG",
        "$RECYCLE.BIN/S-1-5-21/$RABC.JPG",
        "FOUND.000/FILE0000.CHK",
        "Android/media/x.jpg",
        "LOST.DIR/12345",
        "System Volume Information/hidden.JPG",
        "DCIM/100CANON/._IMG_0009.JPG",
    ]
    left = [
        "System Volume Information/IndexerVolumeGuid",
        "System Volume Information/WPSettings.dat",
        ".Spotlight-V100/Store-V2/x/store.db",
        ".fseventsd/0000000000a1b2c3",
        "DCIM/.DS_Store",
        "DCIM/100CANON/Thumbs.db",
        "DCIM/100CANON/._IMG_0004.JPG",
    ]
    root = fill(tmp_path / "card", dict.fromkeys([*files, *left, "DCIM/100CANON/IMG_0004.JPG"], 100))
    descriptor = os.open(root, os.O_RDONLY)
    tree = CardTree(descriptor, Medium(os.fstat(descriptor).st_dev))
    listed = {b"/".join((*found.folder, found.name)).decode() for found in tree.walk()}
    os.close(descriptor)
    assert listed == {*files, "DCIM/100CANON/IMG_0004.JPG"}


def test_what_is_beyond_a_bound_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cardtree, "MAX_IN_FOLDER", 12)
    monkeypatch.setattr(cardtree, "MAX_ENTRIES", 25)
    root = fill(tmp_path / "card", {"DCIM/100CANON/IMG_0001.JPG": 5, "zz/IMG_0002.JPG": 5})
    for name in ("a", "b"):
        _many_names(root / name, 15)
    descriptor = os.open(root, os.O_RDONLY)
    found = list(CardTree(descriptor, Medium(os.fstat(descriptor).st_dev)).walk())
    os.close(descriptor)
    assert len(found) == 25
    assert found[0].name == b"IMG_0001.JPG"
    assert [(one.name, one.failure) for one in found if one.failure] == [
        (b"a", SourceCode.TOO_MANY),
        (b"b", SourceCode.TOO_MANY),
    ]


@large
def test_a_hundred_thousand_files_in_bounded_memory(tmp_path: Path) -> None:
    for number in range(10):
        _many_names(tmp_path / f"card/DCIM/{100 + number}CANON", 10_000)
    with card_session(tmp_path / "card") as session:
        entries = session.list()
        assert len(entries) == 100_000
        assert failures(entries) == {}
        assert _peak_mib(session) < 100
    shutil.rmtree(tmp_path / "card")


@large
def test_more_files_than_are_taken_at_once_are_said_to_be_more(tmp_path: Path) -> None:
    root = fill(tmp_path / "card", {"DCIM/100CANON/IMG_0001.JPG": 5, "zz/IMG_0002.JPG": 5})
    for name in ("a", "b"):
        _many_names(root / name, cardtree.MAX_IN_FOLDER + 10)
    with card_session(root) as session:
        entries = session.list()
        assert len(entries) == MAX_ENTRIES
        assert entries[0].name == "IMG_0001.JPG"
        assert failures(entries) == {"/a": SourceCode.TOO_MANY, "/b": SourceCode.TOO_MANY}
        assert entries[-1].failure == SourceCode.TOO_MANY
        assert _peak_mib(session) < 200
    shutil.rmtree(root)


def _many_names(folder: Path, count: int) -> None:
    """Put names into a folder; they are links to few files, for which no room is needed."""
    folder.mkdir(parents=True)
    inside = os.open(folder, os.O_RDONLY)
    for number in range(count):
        if number % 10_000 == 0:
            first = f"IMG_{number:06}.JPG"
            os.close(os.open(first, os.O_CREAT | os.O_WRONLY, dir_fd=inside))
        else:
            os.link(first, f"IMG_{number:06}.JPG", src_dir_fd=inside, dst_dir_fd=inside)
    os.close(inside)


def _peak_mib(session: SourceSession) -> float:
    """Return the most memory that the worker ever had, MiB."""
    status = Path(f"/proc/{session._channel.process.pid}/status").read_text()  # type: ignore[attr-defined]
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


@needs_fuse
def test_one_bad_sector_fails_one_file(mount: Callable[[fuse.Folder], Path]) -> None:
    long = GOOD * 60
    files = {"IMG_0001.JPG": fuse.data(GOOD), "IMG_0003.CR3": fuse.data(long)}
    bad = fuse.with_bad_sector(long, at=2 << 20)
    root = mount(fuse.folder({"DCIM": fuse.folder({**files, "IMG_0002.CR3": bad})}))
    with card_session(root) as session:
        first, broken, last = session.list()
        assert len(session.head(broken.index)) > 0
        with pytest.raises(SourceError) as caught:
            list(session.read(broken.index))
        assert caught.value.reason == SourceCode.UNREADABLE
        assert b"".join(session.read(first.index)) == GOOD
        assert b"".join(session.read(last.index)) == long


@needs_fuse
def test_a_bad_sector_in_a_folder_is_told_and_the_other_names_stay(
    mount: Callable[[fuse.Folder], Path],
) -> None:
    files = {f"IMG_{number:04}.JPG": fuse.data(GOOD) for number in range(20)}
    bad, good = fuse.folder(files), fuse.folder(files)
    bad.fails_after = 15
    root = mount(fuse.folder({"DCIM": fuse.folder({"100CANON": bad, "101CANON": good})}))
    with card_session(root) as session:
        entries = session.list()
        assert failures(entries) == {"DCIM/100CANON": SourceCode.UNREADABLE}
        assert len(readable(session, entries)) == 15 + 20


@needs_fuse
@pytest.mark.parametrize("looped", ["the kernel sees it", "equal inode numbers", "never the same"])
def test_a_folder_inside_itself_fails_alone(mount: Callable[[fuse.Folder], Path], looped: str) -> None:
    picture = (b"IMG_0001.JPG", fuse.data(GOOD))
    loop = fuse.Folder(lambda: [picture, (b"again", inner())])

    def inner() -> fuse.Folder:
        if looped == "the kernel sees it":
            return loop
        return fuse.Folder(loop.names, inode=loop.inode)

    loop.inode = 4711 if looped == "equal inode numbers" else 0
    good = fuse.folder({"IMG_0002.JPG": fuse.data(GOOD)})
    root = mount(fuse.folder({"DCIM": fuse.folder({"a": loop, "b": good})}))
    with card_session(root) as session:
        entries = session.list()
        assert list(failures(entries).values()) == [SourceCode.TOO_DEEP]
        contents = readable(session, entries)
        assert contents["DCIM/a/IMG_0001.JPG"] == contents["DCIM/b/IMG_0002.JPG"] == GOOD
        assert len(contents) == (cardtree.MAX_CARD_DEPTH if looped == "never the same" else 2)


@needs_fuse
def test_the_same_name_twice_is_told(mount: Callable[[fuse.Folder], Path]) -> None:
    twice = fuse.Folder(lambda: [(b"IMG_0001.JPG", fuse.data(GOOD))] * 2)
    with card_session(mount(fuse.folder({"DCIM": twice}))) as session:
        entries = session.list()
        assert failures(entries) == {"DCIM/IMG_0001.JPG": SourceCode.UNREADABLE}
        assert len(readable(session, entries)) == 1


@needs_fuse
@pytest.mark.parametrize(
    ("announced", "reason"), [(len(GOOD) + 1, SourceCode.SHORT), (len(GOOD) - 1, SourceCode.LONG)]
)
def test_a_size_that_is_not_true_is_no_success(
    mount: Callable[[fuse.Folder], Path], announced: int, reason: SourceCode
) -> None:
    wrong = fuse.data(GOOD, announced=announced)
    root = mount(_card(wrong))
    with card_session(root) as session:
        liar, honest = session.list()
        with pytest.raises(SourceError) as caught:
            list(session.read(liar.index))
        assert caught.value.reason == reason
        assert b"".join(session.read(honest.index)) == GOOD


@needs_fuse
def test_a_file_that_grows_while_it_is_read_is_no_success(mount: Callable[[fuse.Folder], Path]) -> None:
    growing = fuse.data(b"")

    def read(offset: int, count: int) -> bytes:
        growing.size += 1
        return GOOD[:count]

    growing.size, growing.read = 3 << 20, read
    root = mount(_card(growing))
    with card_session(root) as session:
        moving, honest = session.list()
        with pytest.raises(SourceError) as caught:
            list(session.read(moving.index))
        assert caught.value.reason in (SourceCode.CHANGED, SourceCode.LONG)
        assert b"".join(session.read(honest.index)) == GOOD


@needs_fuse
def test_a_card_that_is_pulled_out_while_it_is_read_ends_the_session(tmp_path: Path) -> None:
    with fuse.mounted(_card(fuse.data(GOOD)), tmp_path / "card") as root, card_session(root) as session:
        entries = session.list()
        fuse.pull_out(root)
        with pytest.raises(SourceError) as caught:
            list(session.read(entries[0].index))
        assert caught.value.reason == SourceCode.UNPLUGGED
        assert caught.value.ends_session

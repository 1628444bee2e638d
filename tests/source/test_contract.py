"""What both kinds of source promise. A new kind is added to the `source` fixture."""

from __future__ import annotations

from pathlib import Path

import pytest

from medkiosk.core.frames import CHUNK
from medkiosk.source.model import HEAD_BYTES, Shape, SourceCode, SourceError
from tests.source.conftest import SIZES, Opener


def test_lists_every_file_with_its_size(source: Opener) -> None:
    with source() as session:
        listed = {f"{entry.folder}/{entry.name}": entry.size for entry in session.list()}
    assert listed == SIZES


def test_indexes_count_up_and_storages_are_named(source: Opener) -> None:
    with source() as session:
        entries = session.list()
    assert [entry.index for entry in entries] == list(range(len(SIZES)))
    assert {entry.storage for entry in entries} <= {"store_00010001", "card"}
    assert all(entry.mtime > 1_600_000_000 for entry in entries)


def test_every_byte_arrives(source: Opener, tree: Path) -> None:
    with source() as session:
        for entry in session.list():
            chunks = list(session.read(entry.index))
            assert b"".join(chunks) == (tree / entry.folder / entry.name).read_bytes()
            assert all(0 < len(chunk) <= CHUNK for chunk in chunks)


def test_head_is_the_beginning(source: Opener, tree: Path) -> None:
    with source() as session:
        for entry in session.list():
            whole = (tree / entry.folder / entry.name).read_bytes()
            assert session.head(entry.index) == whole[:HEAD_BYTES]


def test_an_empty_file_is_read_as_nothing(source: Opener) -> None:
    with source() as session:
        (empty,) = [entry for entry in session.list() if entry.name == "IMG_0002.CTG"]
        assert empty.size == 0
        assert list(session.read(empty.index)) == []


def test_says_what_it_is(source: Opener) -> None:
    with source() as session:
        info = session.hello()
    assert (info.kind, info.model) in {("camera", "Canon EOS R6"), ("card", "memory card")}
    assert info.port


def test_sessions_follow_each_other(source: Opener) -> None:
    for _ in range(3):
        with source() as session:
            assert len(session.list()) == len(SIZES)


def test_a_worker_killed_in_mid_file_is_an_error_and_the_next_session_works(source: Opener) -> None:
    with source() as session:
        large = max(session.list(), key=lambda entry: entry.size)
        chunks = session.read(large.index)
        next(chunks)
        session._channel.kill()
        with pytest.raises(SourceError) as caught:
            for _ in chunks:
                pass
        assert caught.value.reason == SourceCode.CRASHED
        with pytest.raises(SourceError):
            session.list()
    with source() as session:
        assert sum(map(len, session.read(session.list()[large.index].index))) == large.size


def test_leaving_a_read_early_ends_the_session(source: Opener) -> None:
    with source() as session:
        large = max(session.list(), key=lambda entry: entry.size)
        chunks = session.read(large.index)
        next(chunks)
        del chunks
        with pytest.raises(SourceError) as caught:
            session.head(0)
        assert caught.value.ends_session


def test_close_may_be_repeated(source: Opener) -> None:
    session = source().__enter__()
    session.list()
    session.close()
    session.close()
    with pytest.raises(SourceError):
        session.list()


def test_says_whether_a_file_ends_where_its_picture_ends(source: Opener, tree: Path) -> None:
    picture = b"\xff\xd8\xff\xda\0\x02" + bytes(range(1, 200)) * 9000 + b"\xff\xd9"
    shapes = {
        "IMG_0001.JPG": (picture, Shape.WHOLE),
        "IMG_0001.CR3": (b"\0\0\0\x10ftypcrx \0\0\0\1" + b"\0\0\0\x20mdat", Shape.CUT),
        "IMG_0002.CTG": (b"catalogue", Shape.UNKNOWN),
        "IMG_0003.JPG": (picture[:-1], Shape.CUT),
        "MVI_0004.MP4": (b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x08free", Shape.WHOLE),
        "IMG_0005.JPG": (bytes(100), Shape.BROKEN),
        "IMG_0006.JPG": (picture + b"more", Shape.TRAILING),
    }
    (tree / "DCIM/101CANON/IMG_0006.JPG").touch()
    for path in tree.rglob("*.*"):
        path.write_bytes(shapes[path.name][0])
    with source() as session:
        for entry in session.list():
            session.head(entry.index)
            assert sum(map(len, session.read(entry.index))) == entry.size
            assert session.shape == shapes[entry.name][1], entry.name


def test_a_clock_or_none_and_then_a_listing(source: Opener) -> None:
    with source() as session:
        kind = session.hello().kind
        session.list()
        reading = session.clock()
        assert (reading is not None) == (kind == "camera")
        with pytest.raises(IndexError):  # the listing is over with it
            session.head(0)
        assert len(session.list()) == len(SIZES)

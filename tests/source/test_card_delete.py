"""Deleting from a card: exactly the listed file, for good, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from medkiosk.source.client import SourceSession
from medkiosk.source.model import Entry, SourceCode, SourceError
from tests.source.conftest import SIZES, card_session, fill
from tests.virtual import fuse
from tests.virtual.memory import memory_card, needs_root, set_lock_switch

NAME = "DCIM/100CANON/IMG_0003.JPG"

needs_fuse = pytest.mark.skipif(bool(fuse.why_not()), reason=fuse.why_not() or "FUSE")


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def chosen(session: SourceSession, path: str = NAME) -> Entry:
    (entry,) = [one for one in session.list() if f"{one.folder}/{one.name}" == path]
    return entry


def refusal(session: SourceSession, entry: Entry) -> SourceCode:
    with pytest.raises(SourceError) as caught:
        session.delete(entry.index)
    return caught.value.reason


def test_one_file_goes_and_the_others_stay(tree: Path) -> None:
    with card_session(tree, "--may-delete") as session:
        entry = chosen(session)
        session.delete(entry.index)
        assert files(tree) == set(SIZES) - {NAME}
        assert refusal(session, entry) == SourceCode.GONE
        assert sum(map(len, session.read(0))) == SIZES["DCIM/100CANON/IMG_0001.CR3"]
        assert len(session.list()) == len(SIZES) - 1


def test_a_worker_that_was_not_granted_it_deletes_nothing(tree: Path) -> None:
    with card_session(tree) as session:
        assert refusal(session, chosen(session)) == SourceCode.CRASHED
    assert files(tree) == set(SIZES)


@pytest.mark.parametrize("how", ["other content", "other time", "another file"])
def test_what_is_not_what_was_listed_stays(tree: Path, how: str) -> None:
    with card_session(tree, "--may-delete") as session:
        entry = chosen(session)
        target = tree / NAME
        status = target.stat()
        if how == "other content":
            target.write_bytes(b"another picture")
        elif how == "other time":
            os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns + 2_000_000_000))
        else:
            (tree / "copy").write_bytes(target.read_bytes())
            os.utime(tree / "copy", ns=(status.st_atime_ns, status.st_mtime_ns))
            (tree / "copy").rename(target)
        assert refusal(session, entry) == SourceCode.CHANGED
        assert target.exists()


def test_a_link_in_its_place_is_not_followed(tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.JPG"
    with card_session(tree, "--may-delete") as session:
        entry = chosen(session)
        (tree / NAME).rename(outside)
        (tree / NAME).symlink_to(outside)
        assert refusal(session, entry) == SourceCode.GONE
    assert (tree / NAME).is_symlink()
    assert outside.exists()


def test_a_protected_picture_stays(tree: Path) -> None:
    (tree / NAME).chmod(0o444)  # what FAT's read-only attribute looks like: the camera's "protect image"
    with card_session(tree, "--may-delete") as session:
        assert refusal(session, chosen(session)) == SourceCode.PROTECTED
        session.delete(chosen(session, "DCIM/100CANON/IMG_0001.CR3").index)
    assert (tree / NAME).exists()


@pytest.fixture
def protected_card(tmp_path: Path) -> Iterator[Path]:
    """A card whose lock switch is set: a file system that is mounted read-only."""
    at = tmp_path / "card"
    at.mkdir()
    with memory_card(at):
        fill(at, SIZES)
        set_lock_switch(at)
        yield at


@needs_root
def test_a_write_protected_card_is_a_state_and_not_the_end(protected_card: Path) -> None:
    with card_session(protected_card, "--may-delete") as session:
        assert refusal(session, chosen(session)) == SourceCode.READ_ONLY
        assert sum(map(len, session.read(0))) == SIZES["DCIM/100CANON/IMG_0001.CR3"]
    assert files(protected_card) == set(SIZES)


@needs_fuse
@pytest.mark.parametrize("fault", ["deletes", "syncs"])
def test_a_card_that_only_says_that_it_deleted_is_not_believed(tmp_path: Path, fault: str) -> None:
    inside = fuse.folder({"IMG_0001.JPG": fuse.data(b"x"), "IMG_0002.JPG": fuse.data(b"y")})
    setattr(inside, fault, False)
    with (
        fuse.mounted(fuse.folder({"DCIM": inside}), tmp_path / "card") as root,
        card_session(root, "--may-delete") as session,
    ):
        assert refusal(session, chosen(session, "DCIM/IMG_0001.JPG")) == SourceCode.UNREADABLE
        assert b"".join(session.read(1)) == b"y"


@needs_fuse
def test_a_card_that_deletes_is_believed(tmp_path: Path) -> None:
    inside = fuse.folder({"IMG_0001.JPG": fuse.data(b"x"), "IMG_0002.JPG": fuse.data(b"y")})
    with (
        fuse.mounted(fuse.folder({"DCIM": inside}), tmp_path / "card") as root,
        card_session(root, "--may-delete") as session,
    ):
        session.delete(chosen(session, "DCIM/IMG_0001.JPG").index)
        assert [entry.name for entry in session.list()] == ["IMG_0002.JPG"]


def test_a_card_has_no_clock(tree: Path) -> None:
    with card_session(tree, "--may-set-clock") as session:
        assert session.clock() is None
        with pytest.raises(SourceError) as caught:
            session.set_clock(1_700_000_000)
        assert caught.value.reason == SourceCode.UNSUPPORTED
        assert len(session.list()) == len(SIZES)

"""The card: a tree that somebody else made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from medkiosk.source.model import SourceCode, SourceError
from tests.source.conftest import SIZES, card_session, fill


def _reason(root: Path) -> SourceCode:
    with card_session(root) as session, pytest.raises(SourceError) as caught:
        session.list()
    return caught.value.reason


def test_only_regular_files_count(tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.JPG").write_bytes(b"not on the card")
    (tree / "DCIM/link.JPG").symlink_to(outside / "secret.JPG")
    (tree / "DCIM/102CANON").symlink_to(outside, target_is_directory=True)
    os.mkfifo(tree / "DCIM/100CANON/IMG_0009.JPG")
    with card_session(tree) as session:
        assert {f"{entry.folder}/{entry.name}" for entry in session.list()} == set(SIZES)


def test_names_are_bytes(tmp_path: Path) -> None:
    root = fill(tmp_path / "card", {"DCIM/100CANON/I\n0001.JPG": 5})
    (root / "DCIM/100CANON" / os.fsdecode(b"\xff\xfe.JPG")).write_bytes(b"hello")
    with card_session(root) as session:
        entries = session.list()
        assert [entry.name for entry in entries] == ["I\n0001.JPG", r"\xff\xfe.JPG"]
        assert b"".join(session.read(1)) == b"hello"


def test_pictures_outside_dcim_are_found(tmp_path: Path) -> None:
    root = fill(tmp_path / "card", {"holiday/a/b/IMG_1.JPG": 3, "IMG_2.JPG": 4})
    with card_session(root) as session:
        assert {(entry.folder, entry.name) for entry in session.list()} == {
            ("", "IMG_2.JPG"),
            ("holiday/a/b", "IMG_1.JPG"),
        }


def test_a_file_that_changed_after_the_listing_is_refused(tree: Path) -> None:
    target = tree / "DCIM/100CANON/IMG_0003.JPG"
    with card_session(tree) as session:
        (entry,) = [entry for entry in session.list() if entry.name == target.name]
        with target.open("ab") as stream:
            stream.write(b"more")
        with pytest.raises(SourceError) as caught:
            list(session.read(entry.index))
        assert caught.value.reason == SourceCode.CHANGED
        target.unlink()
        with pytest.raises(SourceError) as caught:
            list(session.read(entry.index))
        assert caught.value.reason == SourceCode.GONE
        target.symlink_to("/etc/hostname")
        with pytest.raises(SourceError) as caught:
            session.head(entry.index)
        assert caught.value.reason == SourceCode.GONE
        assert sum(map(len, session.read(0))) == SIZES["DCIM/100CANON/IMG_0001.CR3"]


def test_a_folder_swapped_for_a_link_is_not_followed(tree: Path, tmp_path: Path) -> None:
    outside = fill(tmp_path / "outside", {"IMG_0005.JPG": 1})
    with card_session(tree) as session:
        (entry,) = [entry for entry in session.list() if entry.name == "IMG_0005.JPG"]
        (tree / "DCIM/101CANON").rename(tmp_path / "moved")
        (tree / "DCIM/101CANON").symlink_to(outside)
        with pytest.raises(SourceError) as caught:
            list(session.read(entry.index))
        assert caught.value.reason == SourceCode.GONE


def test_long_paths_are_shortened_and_stay_apart(tmp_path: Path) -> None:
    root = tmp_path / "card"
    deep = "/".join([f"{n}" + "x" * 200 for n in range(8)])
    for last in ("a", "b"):
        fill(root, {f"{deep}/{last}/IMG_0001.JPG": 1})
    with card_session(root) as session:
        folders = [entry.folder for entry in session.list()]
    assert len(set(folders)) == 2
    assert all(len(folder) <= 1024 for folder in folders)


def test_a_missing_card_is_unplugged(tmp_path: Path) -> None:
    assert _reason(tmp_path / "nothing") == SourceCode.UNPLUGGED

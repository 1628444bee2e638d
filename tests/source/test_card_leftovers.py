"""What a system leaves on a card is not listed; a picture is, whatever somebody called it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.source.conftest import card_session

JPEG = b"\xff\xd8\xff\xe1" + bytes(40_000)
NAMES = ["DCIM/100CANON/._IMG_0001.JPG", "desktop.ini", "System Volume Information/a.png"]


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_under_the_name_of_a_leftover_is_listed(tree: Path, name: str) -> None:
    listed = []
    for content in (b"\0\5\x16\7" + bytes(4000), JPEG, b"\x89PNG\r\n\x1a\n", b"\0\0\0\x18ftypcrx "):
        path = tree / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        with card_session(tree) as session:
            listed.append(name in {f"{entry.folder}/{entry.name}".lstrip("/") for entry in session.list()})
    assert listed == [False, True, True, True]


def test_a_leftover_is_small(tree: Path) -> None:
    for size in (64 << 20, (64 << 20) + 1):
        with (tree / ".DS_Store").open("wb") as file:
            file.truncate(size)
        with card_session(tree) as session:
            assert (".DS_Store" in {entry.name for entry in session.list()}) == (size > 64 << 20)

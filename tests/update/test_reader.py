"""The process that reads the stick: it opens plain files of five names, whatever lies there."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from medkiosk.core.frames import Frame, read_frame
from medkiosk.update.errors import NoUpdateError, OddUpdateError, UnreadableUpdateError, UpdateError
from medkiosk.update.protocol import GO, NUMBER, PIECE, SIZE, Read
from medkiosk.updatereader import read
from tests.update.build import Update

if TYPE_CHECKING:
    from typing_extensions import Buffer


def run(stick: Path, orders: bytes = GO) -> list[Frame]:
    """All that the process says, in a process of its own."""
    folder = os.open(stick, os.O_RDONLY | os.O_DIRECTORY)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "medkiosk.updatereader", "--folder", str(folder)],
            input=orders,
            capture_output=True,
            pass_fds=(folder,),
            timeout=60,
            check=True,
        )
    finally:
        os.close(folder)
    return frames(io.BytesIO(done.stdout))


def frames(said: io.BytesIO) -> list[Frame]:
    found = []
    while (frame := read_frame(said, PIECE)) is not None:
        found.append(frame)
    return found


def here(stick: Path, orders: bytes = GO) -> list[Frame]:
    """The same in this process, for the many cases."""
    folder = os.open(stick, os.O_RDONLY | os.O_DIRECTORY)
    said = io.BytesIO()
    try:
        read(folder, io.BytesIO(orders), said)
    finally:
        os.close(folder)
        said.seek(0)
    return frames(said)


def test_the_newest_update_is_read_whole(tmp_path: Path) -> None:
    Update(version="0.0.9").write(tmp_path)
    update = Update(version="0.0.10")
    update.write(tmp_path)
    (tmp_path / "medkiosk-update-9.9").mkdir()
    (tmp_path / "holiday.jpg").write_bytes(b"not opened")
    said = run(tmp_path)
    assert said[:3] == [
        Frame(Read.FOLDER, b"0.0.10"),
        Frame(Read.MANIFEST, update.manifest),
        Frame(Read.SIGNATURE, update.signature),
    ]
    sizes = [SIZE.unpack(frame.payload)[0] for frame in said if frame.type == Read.PART]
    assert sizes == [len(data) for data in update.parts.values()]
    assert b"".join(frame.payload for frame in said if frame.type == Read.DATA) == update.all_bytes
    assert said[-1] == Frame(Read.END, b"")


def test_without_a_word_no_part_is_read(tmp_path: Path) -> None:
    Update().write(tmp_path)
    assert [frame.type for frame in run(tmp_path, b"")] == [Read.FOLDER, Read.MANIFEST, Read.SIGNATURE]


def test_an_empty_stick_has_none(tmp_path: Path) -> None:
    assert run(tmp_path) == [Frame(Read.FAILED, NUMBER.pack(NoUpdateError.number))]


def _link(folder: Path, name: str) -> None:
    (folder / name).unlink()
    (folder / name).symlink_to("/etc/passwd")


def _pipe(folder: Path, name: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)


def _folder(folder: Path, name: str) -> None:
    (folder / name).unlink()
    (folder / name).mkdir()


def _empty(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"")


def _huge(folder: Path, name: str) -> None:
    with (folder / name).open("r+b") as file:
        file.truncate(5 << 30)  # sparse


def _gone(folder: Path, name: str) -> None:
    (folder / name).unlink()


@pytest.mark.parametrize("name", ["update.json", "update.json.sig", "root.raw", "uki.efi"])
@pytest.mark.parametrize(
    ("change", "error"),
    [
        (_link, UnreadableUpdateError),
        (_pipe, OddUpdateError),
        (_folder, OddUpdateError),
        (_empty, OddUpdateError),
        (_huge, OddUpdateError),
        (_gone, UnreadableUpdateError),
    ],
)
def test_what_is_no_plain_file_of_a_possible_size_is_refused_and_never_waited_for(
    tmp_path: Path, name: str, change: Callable[[Path, str], None], error: type[UpdateError]
) -> None:
    change(Update(sizes=(512, 512, 10)).write(tmp_path), name)
    with pytest.raises(error):
        here(tmp_path)


def test_a_link_is_no_folder(tmp_path: Path) -> None:
    Update().write(tmp_path / "elsewhere")
    (tmp_path / "medkiosk-update-0.0.2").symlink_to("elsewhere/medkiosk-update-0.0.2")
    with pytest.raises(UnreadableUpdateError):
        here(tmp_path)


def test_many_names_come_to_an_end(tmp_path: Path) -> None:
    for number in range(20_001):
        (tmp_path / f"{number}").touch()
    with pytest.raises(UnreadableUpdateError):
        here(tmp_path)


class _Growing(io.BytesIO):
    """Where frames go; the file grows whenever some of it was read."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def write(self, data: Buffer, /) -> int:
        with self._file.open("ab") as file:
            file.write(bytes(1 << 20))
        return super().write(data)


def test_a_part_that_grows_while_it_is_read_is_read_as_far_as_it_was(tmp_path: Path) -> None:
    folder = Update().write(tmp_path)
    said = _Growing(folder / "uki.efi")
    stick = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        read(stick, io.BytesIO(GO), said)
    finally:
        os.close(stick)
    said.seek(0)
    heard = frames(said)
    (size,) = SIZE.unpack([frame for frame in heard if frame.type == Read.PART][-1].payload)
    last = max(at for at, frame in enumerate(heard) if frame.type == Read.PART)
    assert sum(len(frame.payload) for frame in heard[last + 1 :]) == size

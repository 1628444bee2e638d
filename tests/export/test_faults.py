"""Sticks that are full, pulled out or lie.

Every operation fails twice: once nothing happened, once it happened and was reported as failed. After each,
the stick holds no bundle, and the next attempt makes a sound one.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from medkiosk import durable
from medkiosk.durable import TmpFile
from medkiosk.export.bundle import Files, StickError, StickLiesError, write_bundle
from medkiosk.export.verify import verify_bundle
from tests.export.build import SIGNER_LINE, Log, bundle

T = TypeVar("T")


class Stick:
    """The real operations, of which the one with number ``fails_at`` fails."""

    def __init__(self, fails_at: int = -1, after: bool = False, number: int = 0) -> None:
        self.fails_at = fails_at
        self.after = after
        self.number = number
        self.calls: list[str] = []

    def call(self, name: str, do: Callable[[], T]) -> T:
        now = len(self.calls) == self.fails_at
        self.calls.append(name)
        if now and not self.after:
            raise OSError(self.number, "injected")
        result = do()
        if now:
            if isinstance(result, TmpFile):
                result.close()
            raise OSError(self.number, "injected")
        return result

    def open_dir(self, path: Path) -> int:
        return durable.open_dir(path)

    def make_dir(self, path: Path) -> None:
        self.call("make_dir", lambda: durable.make_dir(path))

    def create(self, path: Path) -> TmpFile:
        return self.call("create", lambda: File(self, path, durable.create(path).fileno()))

    def sync_files(self, root_fd: int, files: Sequence[TmpFile]) -> None:
        self.call("sync_files", lambda: durable.sync_files(root_fd, files))

    def publish(self, tmp: Path, final: Path) -> None:
        self.call("publish", lambda: durable.publish(tmp, final))

    def sync_dirs(self, root_fd: int, folders: Iterable[Path]) -> None:
        self.call("sync_dirs", lambda: durable.sync_dirs(root_fd, folders))

    def read_back(self, path: Path) -> Iterator[memoryview]:
        yield from self.call("read_back", lambda: durable.read_back(path))


class File(TmpFile):
    """A file on such a stick."""

    def __init__(self, stick: Stick, path: Path, fd: int) -> None:
        super().__init__(path, fd)
        self.stick = stick

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.stick.call("write", lambda: TmpFile.write(self, data))


class LyingStick(Stick):
    """Takes every write, and gives back one file with a byte changed, shortened or lengthened."""

    def __init__(self, victim: int, lie: Callable[[bytes], bytes]) -> None:
        super().__init__()
        self.victim = victim
        self.lie = lie

    def read_back(self, path: Path) -> Iterator[memoryview]:
        data = b"".join(map(bytes, durable.read_back(path)))
        if self.victim == self.calls.count("read_back"):
            data = self.lie(data)
        self.calls.append("read_back")
        yield memoryview(data)


def good_run(folder: Path) -> list[str]:
    """The operations of a run in which nothing fails, in order."""
    folder.mkdir()
    stick = Stick()
    write_bundle(folder, bundle(1), stick)
    return stick.calls


def test_order_of_operations(tmp_path: Path) -> None:
    calls = good_run(tmp_path / "stick")
    assert calls == [
        *["make_dir"] * 3,
        *["create", "write"] * 7,
        *["sync_files", "sync_dirs"],
        *["read_back"] * 7,
        *["publish", "sync_dirs"],
    ]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("after", [False, True])
def test_every_operation_fails_once(tmp_path: Path, after: bool, number: int) -> None:
    for fails_at, name in enumerate(good_run(tmp_path / "good")):
        folder = tmp_path / f"{fails_at}-{name}"
        folder.mkdir()
        with pytest.raises(StickError) as caught:
            write_bundle(folder, bundle(1), Stick(fails_at, after, number))
        assert ("full" in caught.value.message) == (number == errno.ENOSPC), name
        assert list(folder.iterdir()) == [], name
        written = write_bundle(folder, bundle(1))
        assert verify_bundle(folder / written.folder, SIGNER_LINE, Log.verify) == (), name


@pytest.mark.parametrize("victim", range(7))
@pytest.mark.parametrize(
    "lie",
    [
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: bytes(len(data)),
    ],
)
def test_a_stick_that_lies_is_found_out(tmp_path: Path, victim: int, lie: Callable[[bytes], bytes]) -> None:
    with pytest.raises(StickLiesError):
        write_bundle(tmp_path, bundle(1), LyingStick(victim, lie))
    assert list(tmp_path.iterdir()) == []


def test_a_stick_that_is_gone_cannot_be_cleaned_and_says_so(tmp_path: Path) -> None:
    """What is left has the name of something incomplete, and the words promise nothing about it."""
    folder = tmp_path / "stick"
    folder.mkdir()

    class PulledOut(Stick):
        def sync_files(self, root_fd: int, files: Sequence[TmpFile]) -> None:
            folder.rename(tmp_path / "pulled out")
            raise OSError(errno.EIO, "injected")

    stick: Files = PulledOut()
    with pytest.raises(StickError, match="do not hand it over"):
        write_bundle(folder, bundle(1), stick)
    assert [path.name.startswith(".medkiosk-partial-") for path in (tmp_path / "pulled out").iterdir()] == [
        True
    ]

"""Sticks that are full, pulled out or lie.

Every operation fails twice: once nothing happened, once it happened and was reported as failed. After each,
the stick holds no bundle, and the next attempt makes a sound one.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from medkiosk import durable
from medkiosk.durable import TmpFile
from medkiosk.export.bundle import Written, write_bundle
from medkiosk.export.errors import (
    StickError,
    StickGoneError,
    StickLiesError,
    StickLockedError,
    StickProtectedError,
)
from medkiosk.export.folder import Files
from medkiosk.export.volume import PARTIAL
from medkiosk.receiver.medkiosk_verify import RefusedError, check_bundle, read_key
from tests.export.build import PASSPHRASE, SIGNER_LINE, bundle
from tests.virtual.memory import memory_card, needs_root, set_lock_switch

T = TypeVar("T")


class Stick:
    """The real operations, of which the one with number ``fails_at`` fails."""

    def __init__(self, fails_at: int = -1, after: bool = False, number: int = 0) -> None:
        self.fails_at = fails_at
        self.after = after
        self.number = number
        self.calls: list[str] = []
        self.lock = threading.Lock()

    def call(self, name: str, do: Callable[[], T]) -> T:
        with self.lock:  # files are read back side by side
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

    def set_time(self, path: Path, at: int) -> None:
        self.call("set_time", lambda: durable.set_time(path, at))

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

    def write_direct(self, data: memoryview) -> None:
        self.stick.call("write_direct", lambda: TmpFile.write_direct(self, data))


def never() -> None:
    """Nobody may say that nothing is left."""
    raise AssertionError("it was called gone")


class LyingStick(Stick):
    """Takes every write, and gives back one file with a byte changed, shortened or lengthened."""

    def __init__(self, victim: int, lie: Callable[[bytes], bytes]) -> None:
        super().__init__()
        self.victim = victim
        self.lie = lie

    def read_back(self, path: Path) -> Iterator[memoryview]:
        data = b"".join(map(bytes, durable.read_back(path)))
        with self.lock:
            lies = self.victim == self.calls.count("read_back")
            self.calls.append("read_back")
        if lies:
            data = self.lie(data)
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
        *["make_dir"] * 2,
        *["create", "write_direct", "write", "set_time"] * 2,  # the picture and the record
        *["create", "write", "set_time"] * 5,
        *["sync_files", "set_time", "set_time", "sync_dirs"],
        *["read_back"] * 7,
        *["publish", "sync_dirs"],
    ]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("after", [False, True])
def test_every_operation_fails_once(tmp_path: Path, after: bool, number: int) -> None:
    for fails_at, name in enumerate(good_run(tmp_path / "good")):
        folder = tmp_path / f"{fails_at}-{name}"
        folder.mkdir()
        seen: list[str] = []
        with pytest.raises(StickError) as caught:
            write_bundle(
                folder, bundle(1), Stick(fails_at, after, number), cleaned=partial(seen.append, name)
            )
        assert seen == [name]
        assert ("full" in caught.value.message) == (number == errno.ENOSPC), name
        assert list(folder.iterdir()) == [], name
        written = write_bundle(folder, bundle(1))
        check_bundle(folder / written.folder, read_key(SIGNER_LINE))


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
        # Of what it says was removed, nothing is known either.
        write_bundle(tmp_path, bundle(1), LyingStick(victim, lie), cleaned=never)
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
        write_bundle(folder, bundle(1), stick, cleaned=never)
    assert [path.name.startswith(".medkiosk-partial-") for path in (tmp_path / "pulled out").iterdir()] == [
        True
    ]


class LocksItself(Stick):
    """Its file system becomes one that can only be read, as FAT and ext4 do after an error."""

    def __init__(self, card: Path, when: str) -> None:
        super().__init__()
        self.card = card
        self.when = when

    def publish(self, tmp: Path, final: Path) -> None:
        if self.when == "before its name":
            set_lock_switch(self.card)
        durable.publish(tmp, final)
        if self.when == "after its name":
            set_lock_switch(self.card)
            raise OSError(errno.EROFS, "what the sync of the folder says then")


@needs_root
@pytest.mark.parametrize("when", ["before its name", "after its name"])
def test_a_stick_that_locks_itself_may_have_all_of_it(tmp_path: Path, when: str) -> None:
    """Whole, signed and with its name: nobody says that it is gone, or that nothing was changed."""
    with memory_card(tmp_path) as card:
        with pytest.raises(StickLockedError) as caught:
            write_bundle(card, bundle(1), LocksItself(card, when), cleaned=never)
        assert "Do not hand this stick over" in caught.value.message
        assert "nothing on the stick was changed" not in caught.value.message
        (left,) = card.iterdir()
        assert left.name.startswith(PARTIAL) == (when != "after its name")
        check_bundle(left, read_key(SIGNER_LINE))


@needs_root
def test_a_stick_that_was_locked_before_the_first_byte(tmp_path: Path) -> None:
    with memory_card(tmp_path) as card:
        set_lock_switch(card)
        with pytest.raises(StickProtectedError, match="nothing on the stick was changed") as caught:
            write_bundle(card, bundle(1))
        assert not isinstance(caught.value, StickLockedError)
        assert list(card.iterdir()) == []


@pytest.mark.parametrize("removed", [0, 1, 2, 3, 5])
@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
def test_what_is_removed_in_part_opens_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, removed: int, passphrase: str
) -> None:
    """The stick goes while a bundle is removed that has its name: what makes it whole is gone first."""
    unlink, rmdir = os.unlink, os.rmdir
    gone: list[str] = []

    def unlinked(path: str, *, dir_fd: int | None = None) -> None:
        if len(gone) == removed:
            raise OSError(errno.EIO, "injected")
        unlink(path, dir_fd=dir_fd)
        gone.append(Path(path).name)

    def kept(path: str, *, dir_fd: int | None = None) -> None:
        if len(gone) == removed:
            raise OSError(errno.EIO, "injected")
        rmdir(path, dir_fd=dir_fd)

    def no(_: Written, name_it: Callable[[], object]) -> None:
        name_it()
        monkeypatch.setattr(os, "unlink", unlinked)
        monkeypatch.setattr(os, "rmdir", kept)
        raise StickGoneError(detail="it was pulled out")

    with pytest.raises(StickGoneError):
        write_bundle(tmp_path, bundle(1, passphrase=passphrase), naming=no, cleaned=never)
    monkeypatch.undo()
    (left,) = tmp_path.iterdir()
    assert gone[:2] == ["manifest.json.sig", "manifest.json"][:removed]
    assert not passphrase or removed < 3 or gone[2] == "identity.age"
    if removed == 0:
        check_bundle(left, read_key(SIGNER_LINE))
        return
    with pytest.raises(RefusedError):
        check_bundle(left, read_key(SIGNER_LINE))


def test_a_stick_that_another_was_put_in_the_place_of(tmp_path: Path) -> None:
    """That neither name is there says nothing, where it is another folder that was looked at."""
    top = tmp_path / "stick"
    top.mkdir()

    def swapped(_: Written, name_it: Callable[[], object]) -> None:
        name_it()
        top.rename(tmp_path / "pulled out")
        top.mkdir()
        raise StickGoneError(detail="it was pulled out")

    with pytest.raises(StickGoneError):
        write_bundle(top, bundle(1), naming=swapped, cleaned=never)
    (left,) = (tmp_path / "pulled out").iterdir()
    check_bundle(left, read_key(SIGNER_LINE))


class Dying(Stick):
    """The power goes at the operation with number ``fails_at``: before it, or after."""

    def call(self, name: str, do: Callable[[], T]) -> T:
        with self.lock:
            now = len(self.calls) == self.fails_at
            self.calls.append(name)
        if now and not self.after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = do()
        if now:
            os.kill(os.getpid(), signal.SIGKILL)
        return result


def dies(folder: Path, stick: Dying) -> None:
    """Write a bundle in a process of its own, which is killed on the way."""
    child = os.fork()
    if child == 0:
        try:
            write_bundle(folder, bundle(1, viewer=True), stick)
        finally:
            os._exit(7)  # it was not killed
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "it should have died"
    assert os.WTERMSIG(status) == signal.SIGKILL


@pytest.mark.parametrize("after", [False, True])
def test_the_power_goes_at_every_operation(tmp_path: Path, after: bool) -> None:
    """What is left never has the final name unless it is whole; the next export clears it away."""
    calls = Stick()
    (tmp_path / "good").mkdir()
    write_bundle(tmp_path / "good", bundle(1, viewer=True), calls)
    named = 0
    for fails_at, name in enumerate(calls.calls):
        folder = tmp_path / f"{fails_at}-{name}"
        folder.mkdir()
        dies(folder, Dying(fails_at, after))
        for left in folder.iterdir():
            if left.name.startswith(PARTIAL):
                continue
            named += 1
            check_bundle(left, read_key(SIGNER_LINE))
        written = write_bundle(folder, bundle(1, seed=1))
        check_bundle(folder / written.folder, read_key(SIGNER_LINE))
        assert not [left for left in folder.iterdir() if left.name.startswith(PARTIAL)], name
    assert named == (2 if after else 1)  # the last one syncs the name that it has already


def test_a_stick_that_is_really_full(tmp_path: Path) -> None:
    """The kernel's own ENOSPC, at whatever write it comes."""
    top = tmp_path / "stick"
    top.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", top], capture_output=True, check=False, timeout=30
    )
    if mounted.returncode:
        pytest.skip("only root may mount a small file system")
    try:
        with pytest.raises(StickError, match="full"):
            write_bundle(top, bundle(20))
        assert list(top.iterdir()) == []
        written = write_bundle(top, bundle(1))
        check_bundle(top / written.folder, read_key(SIGNER_LINE))
    finally:
        subprocess.run(["umount", top], check=True, timeout=30)


class SmallerThanItSays(Stick):
    """Takes every write, and has room for so many bytes: later files lie over earlier ones."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.cells = bytearray(room)
        self.where: dict[str, tuple[int, int]] = {}
        self.next = 0
        self.written: list[Path] = []

    def set_time(self, path: Path, at: int) -> None:
        self.written.append(path)
        super().set_time(path, at)

    def sync_dirs(self, root_fd: int, folders: Iterable[Path]) -> None:
        """What was written goes round and round, in the order in which it came."""
        if not self.where:
            for path in (path for path in self.written if path.is_file()):
                data = path.read_bytes()
                self.where[str(path)] = (self.next, len(data))
                for byte in data:
                    self.cells[self.next % len(self.cells)] = byte
                    self.next += 1
        super().sync_dirs(root_fd, folders)

    def read_back(self, path: Path) -> Iterator[memoryview]:
        at, size = self.where[str(path)]
        yield memoryview(bytes(self.cells[(at + n) % len(self.cells)] for n in range(size)))


def test_a_stick_that_is_smaller_than_it_says(tmp_path: Path) -> None:
    with pytest.raises(StickLiesError):
        write_bundle(tmp_path, bundle(3), SmallerThanItSays(30_000))
    assert list(tmp_path.iterdir()) == []
    written = write_bundle(tmp_path, bundle(3), SmallerThanItSays(300_000))
    check_bundle(tmp_path / written.folder, read_key(SIGNER_LINE))

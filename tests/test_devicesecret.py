"""The contract of every place that keeps device secrets, and what files do beyond it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medkiosk.devicesecret import (
    DeviceSecretError,
    DeviceSecretLostError,
    DeviceSecrets,
    FileSecrets,
    settle,
)
from medkiosk.devicetpm import COUNT, FIRST, TpmSecrets
from tests.disk import FailingDisk
from tests.test_durable import strace_works
from tests.virtual import tpm

Open = Callable[[], DeviceSecrets]
"""Opens the same secrets again: as after a restart of the machine."""

ONE, TWO, THREE = b"1" * 32, b"2" * 32, b"3" * 32

needs_tpm = pytest.mark.skipif(not tpm.AVAILABLE, reason=tpm.NEEDED)


@pytest.fixture(params=["files", pytest.param("tpm", marks=needs_tpm)])
def open_device(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    if request.param == "files":
        yield lambda: FileSecrets(tmp_path / "device")
        return
    with tpm.SoftTpm(tmp_path / "tpm") as soft:

        def again() -> DeviceSecrets:
            soft.stop()
            soft.start()
            return TpmSecrets(soft.path)

        yield again


class TestContract:
    def test_empty(self, open_device: Open) -> None:
        device = open_device()
        assert device.generations() == []
        with pytest.raises(DeviceSecretLostError, match="two recovery sheets do") as error:
            device.read(1)
        assert "number 1" in error.value.message
        device.keep_only(1)
        assert len(device.source) > 10

    def test_kept_across_restarts(self, open_device: Open) -> None:
        open_device().put(9, ONE)
        open_device().put(10, bytearray(TWO))
        assert open_device().generations() == [9, 10]
        assert [bytes(open_device().read(generation)) for generation in (9, 10)] == [ONE, TWO]

    def test_what_is_read_is_the_callers(self, open_device: Open) -> None:
        device = open_device()
        device.put(1, ONE)
        device.read(1)[:] = bytes(32)
        assert device.read(1) == ONE

    def test_replaced(self, open_device: Open) -> None:
        device = open_device()
        device.put(1, ONE)
        device.put(1, TWO)
        assert (device.generations(), bytes(device.read(1))) == ([1], TWO)

    def test_destroyed(self, open_device: Open) -> None:
        device = open_device()
        for generation, secret in enumerate((ONE, TWO, THREE), 1):
            device.put(generation, secret)
        device.keep_only(2, 3)
        device.keep_only(3)
        device.keep_only(3)
        assert (open_device().generations(), bytes(open_device().read(3))) == ([3], THREE)
        for generation in (1, 2):
            with pytest.raises(DeviceSecretLostError):
                open_device().read(generation)
        device.keep_only(7)
        assert open_device().generations() == []

    @pytest.mark.parametrize(("generation", "secret"), [(1, ONE[1:]), (1, ONE + b"x"), (0, ONE), (-1, ONE)])
    def test_refused(self, open_device: Open, generation: int, secret: bytes) -> None:
        with pytest.raises(ValueError, match="32 bytes"):
            open_device().put(generation, secret)
        assert open_device().generations() == []


@pytest.mark.parametrize(
    ("there", "generation", "moving", "left"),
    [
        ([1], 1, False, [1]),
        ([1, 2], 1, False, [1]),  # proposed, and the disposal never began
        ([1, 2], 1, True, [1, 2]),
        ([1, 2, 3], 1, True, [1, 2]),
        ([1, 2], 2, False, [2]),  # the keys are replaced, the old one was not destroyed yet
        ([4], 2, False, [4]),  # an older copy of the store: the newest one must still open
        ([], 1, False, []),
    ],
)
def test_settle(tmp_path: Path, there: list[int], generation: int, *, moving: bool, left: list[int]) -> None:
    device = FileSecrets(tmp_path / "device")
    for one in there:
        device.put(one, ONE)
    assert settle(device, generation, moving=moving) == (there != left)
    assert device.generations() == left


def test_files_are_private_and_others_are_refused(tmp_path: Path) -> None:
    device = FileSecrets(tmp_path / "a" / "device")
    device.put(1, ONE)
    path = tmp_path / "a" / "device" / "device-1.key"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    path.chmod(0o640)
    with pytest.raises(DeviceSecretError, match="other users"):
        device.read(1)
    path.chmod(0o600)
    for wrong in (ONE[1:], ONE + b"x", b""):
        path.write_bytes(wrong)
        with pytest.raises(DeviceSecretError, match="32 bytes"):
            device.read(1)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DeviceSecretError, match="symbolic link"):
        device.read(1)


def test_a_destroyed_file_is_overwritten_where_it_lies(tmp_path: Path) -> None:
    device = FileSecrets(tmp_path)
    device.put(1, ONE)
    device.put(2, TWO)
    (tmp_path / "device-3.key.new").write_bytes(THREE)  # a put that a crash interrupted
    (tmp_path / "index.key").write_bytes(ONE)  # in the same folder by default
    names = ("device-1.key", "device-2.key", "device-3.key.new")
    for name in names:
        (tmp_path / f"{name}.same-bytes").hardlink_to(tmp_path / name)
    device.put(1, ONE)  # replacing destroys, too
    device.keep_only(1)
    assert device.generations() == [1]
    assert (tmp_path / "index.key").read_bytes() == ONE
    for name in names:
        assert (tmp_path / f"{name}.same-bytes").read_bytes() == bytes(32)


def test_a_secret_that_a_crash_left_overwritten_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "device-1.key"
    path.touch(0o600)
    path.write_bytes(bytes(32))
    with pytest.raises(DeviceSecretLostError):
        FileSecrets(tmp_path).read(1)


@pytest.mark.parametrize("persisted", [False, True])
def test_a_failing_disk_is_told_and_the_second_try_works(tmp_path: Path, *, persisted: bool) -> None:
    fail_at = 0
    while True:
        fail_at += 1
        folder = tmp_path / str(fail_at)
        FileSecrets(folder).put(1, ONE)
        FileSecrets(folder).put(2, TWO)
        disk = FailingDisk(fail_at, persisted=persisted)
        device = FileSecrets(folder, disk=disk)
        told = False
        try:
            device.put(3, THREE)
            device.keep_only(3)
        except OSError:
            told = True
            again = FileSecrets(folder)
            again.put(3, THREE)
            again.keep_only(3)
        assert told == disk.failed
        assert (FileSecrets(folder).generations(), bytes(FileSecrets(folder).read(3))) == ([3], THREE)
        if not disk.failed:
            break
    assert fail_at == 4


@pytest.mark.skipif(not strace_works(), reason="strace cannot trace here")
@pytest.mark.parametrize("call", ["write", "fsync", "rename", "unlink"])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_killed(tmp_path: Path, call: str, n: int) -> None:
    """After a kill at any call the new secret is whole or not there, the old one whole, lost or gone."""
    device = FileSecrets(tmp_path)
    device.put(1, ONE)
    code = (
        "import sys; from pathlib import Path; from medkiosk.devicesecret import FileSecrets\n"
        f"device = FileSecrets(Path(sys.argv[1])); device.put(2, {TWO!r}); device.keep_only(2)"
    )
    inject = f"inject={call}:signal=KILL:when={n}"
    subprocess.run(
        ["strace", "-f", "-qq", "-o", os.devnull, "-e", inject, sys.executable, "-c", code, str(tmp_path)],
        cwd=Path(__file__).resolve().parents[1],
        check=False,
    )
    there = device.generations()
    if 2 in there:
        assert device.read(2) == TWO
        if 1 in there:
            with contextlib.suppress(DeviceSecretLostError):  # overwritten, its name not gone yet
                assert device.read(1) == ONE
    else:
        assert (there, bytes(device.read(1))) == ([1], ONE)
    device.put(2, TWO)
    device.keep_only(2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["device-2.key"]


def test_a_copy_of_the_stores_disk_holds_the_files_that_are_on_it(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    assert FileSecrets(tmp_path / "not" / "yet").beside(tmp_path / "store")
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system to write to here")
    assert not FileSecrets(memory).beside(tmp_path / "store")


@pytest.fixture
def soft(tmp_path: Path) -> Iterator[tpm.SoftTpm]:
    with tpm.SoftTpm(tmp_path / "tpm") as running:
        yield running


@needs_tpm
@pytest.mark.parametrize("persisted", [False, True])
def test_a_tpm_that_ends_at_any_command(soft: tpm.SoftTpm, tmp_path: Path, *, persisted: bool) -> None:
    """Before the command or after it: it is told, a secret that opens is there, and a second try works."""
    sent = 0
    while True:
        sent += 1
        direct = TpmSecrets(soft.path)
        direct.keep_only()
        direct.put(1, ONE)
        with tpm.Cut(soft.path, tmp_path / f"cut-{sent}", after=sent, persisted=persisted) as cut:
            through = TpmSecrets(cut.path)
            told = False
            try:
                through.put(2, TWO)
                through.keep_only(2)
            except OSError:
                told = True
        assert told == cut.happened
        there = direct.generations()
        assert there in ([1], [1, 2], [2])
        assert all(bytes(direct.read(n)) == (ONE, TWO)[n - 1] for n in there)
        direct.put(2, TWO)
        direct.keep_only(2)
        assert (direct.generations(), bytes(direct.read(2))) == ([2], TWO)
        if not told:
            break
    assert sent > 8


@needs_tpm
def test_what_a_tpm_forgot_is_in_no_byte_of_its_memory(soft: tpm.SoftTpm) -> None:
    """The memory of this one is a file; a real one keeps it inside."""
    secret = os.urandom(32)
    TpmSecrets(soft.path).put(1, secret)
    TpmSecrets(soft.path).put(2, TWO)
    assert secret in soft.memory()
    TpmSecrets(soft.path).keep_only(2)
    assert secret not in soft.memory()
    assert TWO in soft.memory()


def fill(device: DeviceSecrets) -> None:
    for generation in range(1, COUNT + 2):
        device.put(generation, ONE)


@needs_tpm
def test_a_tpm_that_is_full_or_gone_says_so(soft: tpm.SoftTpm, tmp_path: Path) -> None:
    device = TpmSecrets(soft.path)
    with pytest.raises(OSError, match=r"taken|refused"):  # its memory ends before our places do, or not
        fill(device)
    assert len(device.generations()) >= 2
    assert not device.beside(tmp_path)
    soft.stop()
    gone = TpmSecrets(tmp_path / "no-tpm")
    for ask in (gone.generations, lambda: gone.read(1)):
        with pytest.raises(DeviceSecretError, match="No such file") as error:
            ask()
        assert "Pictures are still sealed" in error.value.message
    with pytest.raises(OSError, match="No such file"):
        gone.put(1, ONE)


@needs_tpm
def test_what_others_keep_in_a_tpm_stays(soft: tpm.SoftTpm) -> None:
    """An index in our range that somebody else made, of another size or without our mark."""
    with tpm.spoken_to(soft.path) as fd:
        tpm.define(fd, FIRST, size=8)
        tpm.define(fd, FIRST + 1, size=40, attributes=tpm.OWNERS)
    device = TpmSecrets(soft.path)
    assert device.generations() == []
    device.put(1, ONE)
    device.keep_only()
    with tpm.spoken_to(soft.path) as fd:
        assert tpm.handles(fd, FIRST, COUNT)[-1] == FIRST + 1

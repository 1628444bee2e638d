"""The update helper: checks an update, takes its bytes, has them written. Runs as root, one request a
process.

It hears bytes from the daemon and no name, no path: it never sees the stick, and opens only files that it
made itself. What it makes of the bytes before the signature over the manifest holds is nothing; after that
every byte is counted and hashed against the manifest before anything is written but files in its own folder.
Killed or cut off at any moment up to `systemd-sysupdate`, nothing happened; that writes the slot that does
not run, and makes it one that can be started as its last step (docs/update-format.md section 6).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from medkiosk import durable, sshsig
from medkiosk.core.frames import FrameError, Readable, Writable, read_frame, write_frame
from medkiosk.update.check import Here, check
from medkiosk.update.errors import (
    CutUpdateError,
    DamagedUpdateError,
    DiskUpdateError,
    NoApplianceError,
    NoRoomError,
    NotInstalledError,
    OnTrialError,
    UpdateBusyError,
    UpdateError,
)
from medkiosk.update.manifest import MAX_MANIFEST, MAX_SIGNATURE, Manifest, Part, PartName, parse_version
from medkiosk.update.protocol import NUMBER, PIECE, Ask, Say, Stage

SPARE = 256 << 20
"""What must stay free on the disk beside the update, bytes: imports go on meanwhile."""
_BEAT_S = 5.0
_INSTALL_S = 30 * 60.0
_ARCHITECTURES = {"x86_64": "x86-64", "aarch64": "arm64"}
_LOCK = ".lock"


def _restart() -> None:
    os.kill(1, signal.SIGRTMIN + 5)  # systemd(1), "Signals": the same as starting reboot.target


@dataclass(frozen=True)
class System:
    """Where this system keeps things, and what writes partitions.

    Attributes:
        folder: for an update while it is checked; nothing else is in it.
        version: file with the version that runs.
        signers: file of those who may sign updates.
        boot: where the unified kernel images are, on the ESP, which is mounted when this is looked at.
        install: the command that installs; the version follows.
        restart: starts the machine again.
    """

    folder: Path = Path("/var/lib/medkiosk-update")
    version: Path = Path("/usr/lib/medkiosk/version")
    signers: Path = Path("/usr/lib/medkiosk/release.pub")
    boot: Path = Path("/efi/EFI/Linux")
    install: tuple[str, ...] = ("/usr/lib/systemd/systemd-sysupdate", "update")
    restart: Callable[[], None] = _restart

    def here(self) -> Here:
        """What is here.

        Raises:
            NoApplianceError: nothing says which version runs, or who may sign.
        """
        try:
            version = parse_version(self.version.read_text("ascii").strip())
            keys = sshsig.allowed_keys(self.signers.read_text("ascii"), sshsig.UPDATE_NAMESPACE)
        except (OSError, ValueError) as error:
            raise NoApplianceError from error
        return Here(version, _ARCHITECTURES.get(platform.machine(), platform.machine()), keys)


def serve(reader: Readable, writer: Writable, system: System) -> None:
    """Answer one connection.

    Raises:
        FrameError: the daemon said something that it never says.
    """
    frame = read_frame(reader, MAX_MANIFEST)
    if frame is None:
        return
    try:
        match frame.type:
            case Ask.RESTART:
                write_frame(writer, Say.DONE)
                system.restart()
            case Ask.MANIFEST:
                _update(frame.payload, reader, writer, system)
            case _:
                raise FrameError("unknown request")
    except UpdateError as error:
        write_frame(writer, Say.FAILED, NUMBER.pack(error.number))


def _update(untrusted_manifest: bytes, reader: Readable, writer: Writable, system: System) -> None:
    frame = read_frame(reader, MAX_SIGNATURE)
    if frame is None or frame.type != Ask.SIGNATURE:
        raise FrameError("a signature follows")
    here = system.here()
    manifest = check(untrusted_manifest, frame.payload, here)
    write_frame(writer, Say.ACCEPTED)
    frame = read_frame(reader, 0)
    if frame is None:
        return
    if frame.type != Ask.INSTALL:
        raise FrameError("unknown request")
    with _alone(system.folder) as folder, _in_words():
        _check_trial(str(here.version), system)
        if os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize < manifest.size + SPARE:
            raise NoRoomError
        write_frame(writer, Say.AT, bytes((Stage.READY,)))
        received = _Received(reader)
        for part in manifest.parts:
            _take(part, folder / file_name(manifest, part), received)
        _install(manifest, writer, system)
    write_frame(writer, Say.DONE)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[Path]:
    """Have the folder alone and empty; what is in it afterwards is removed, too."""
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UpdateBusyError from error
        _clear(folder)  # what one left that was cut off
        try:
            yield folder
        finally:
            _clear(folder)
    finally:
        os.close(lock)


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name != _LOCK:
            durable.remove(path)


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise (NoRoomError if error.errno in {errno.ENOSPC, errno.EDQUOT} else DiskUpdateError) from error


def _check_trial(version: str, system: System) -> None:
    """Raise while the version that runs still counts its boots: then the one before is the only good one.

    Raises:
        OnTrialError: it does, or nobody knows.
    """
    if not (system.boot / f"medkiosk_{version}.efi").is_file():
        raise OnTrialError


class _Received:
    """The bytes of all parts, in the order in which they come."""

    def __init__(self, reader: Readable) -> None:
        self._reader = reader
        self._rest = memoryview(b"")

    def piece(self, most: int) -> memoryview:
        """Return the next bytes, at least one and at most so many.

        Raises:
            CutUpdateError: no more come.
        """
        while not self._rest:
            try:
                frame = read_frame(self._reader, PIECE)
            except (FrameError, ConnectionError) as error:
                raise CutUpdateError from error
            if frame is None:
                raise CutUpdateError
            if frame.type != Ask.DATA:
                raise FrameError("bytes follow")
            self._rest = memoryview(frame.payload)
        piece, self._rest = self._rest[:most], self._rest[most:]
        return piece


def file_name(manifest: Manifest, part: Part) -> str:
    """Return how a part is called for systemd-sysupdate (image-build/sysupdate.d)."""
    uuid = f"_{part.uuid}" if part.uuid else ""
    suffix = "efi" if part.name is PartName.UKI else f"{part.name}.raw"
    return f"medkiosk_{manifest.version}{uuid}.{suffix}"


def _take(part: Part, path: Path, received: _Received) -> None:
    """Write one part to the disk; it has its name only when it is what was signed, and durable."""
    digest = hashlib.sha256()
    file = durable.create(path.with_suffix(".partial"))
    try:
        while rest := part.size - file.size:
            piece = received.piece(rest)
            digest.update(piece)
            file.write(piece)
        if digest.hexdigest() != part.sha256:
            raise DamagedUpdateError
        durable.replace(file, path)
    finally:
        file.close()


def _install(manifest: Manifest, writer: Writable, system: System) -> None:
    """Have systemd-sysupdate write the slot that does not run.

    Raises:
        NotInstalledError: it could not, or what can be started is not there afterwards.
    """
    images = f"medkiosk_{manifest.version}"
    image = next(part for part in manifest.parts if part.name is PartName.UKI)
    # Tried before and without tries left, or not whole: forgotten, so that it is written again and gets new
    # ones. systemd-sysupdate looks at names alone, and would call this version installed.
    for old in system.boot.glob(f"{images}+*.efi"):
        if old.match(f"{images}+0*.efi") or not _is(old, image):
            durable.remove(old)
    try:
        done = subprocess.Popen([*system.install, manifest.version], stdin=subprocess.DEVNULL, stdout=2)
    except OSError as error:
        raise NotInstalledError from error
    for _ in range(int(_INSTALL_S / _BEAT_S)):
        with contextlib.suppress(BrokenPipeError):  # whoever listened is gone; half done would help nobody
            write_frame(writer, Say.AT, bytes((Stage.INSTALLING,)))
        with contextlib.suppress(subprocess.TimeoutExpired):
            done.wait(_BEAT_S)
            break
    else:
        done.kill()
        done.wait()
    # It leaves the last part in the kernel's memory for a while; the power may go as soon as we say DONE.
    boot = durable.open_dir(system.boot)
    try:
        durable.sync_file_system(boot)
    finally:
        os.close(boot)
    if done.returncode != 0 or not any(_is(made, image) for made in system.boot.glob(f"{images}*.efi")):
        raise NotInstalledError


def _is(path: Path, part: Part) -> bool:
    """Whether the device has a part of the update there, whole."""
    digest = hashlib.sha256()
    for piece in durable.read_back(path):
        digest.update(piece)
    return digest.hexdigest() == part.sha256


def main() -> None:
    """Answer the connection that is on standard input."""
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer, System())
    except (BrokenPipeError, FrameError):
        sys.exit(1)


if __name__ == "__main__":
    main()

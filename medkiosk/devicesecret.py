"""The secret that belongs to the machine and is replaced at each disposal (docs/format.md sections 2 and 5).

32 random bytes of one *generation*. No passphrase opens the store without it, and nothing that was sealed
under an earlier generation opens once that one is destroyed. Where it is kept decides what a destruction is
worth: a `DeviceSecrets` on a TPM forgets for certain, a file as well as its medium overwrites.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Protocol

from medkiosk import durable
from medkiosk.core.errors import KioskError
from medkiosk.durable import Disk

SIZE = 32
"""Bytes of a device secret."""

_FILE = re.compile(r"device-([1-9][0-9]{0,8})\.key(\.new)?", re.ASCII)


class DeviceSecretError(KioskError):
    """The device secret in {path} cannot be used: {detail}. Pictures are still sealed, but nobody can log in.
    Nothing was changed. Two recovery sheets make this machine the same kiosk again: at Log in, F4; call
    whoever looks after this kiosk.
    """

    code = "device.unusable"
    exit_code = 2


class DeviceSecretLostError(KioskError):
    """The device secret number {generation} is not on this machine any more ({path}). What is sealed is safe
    and pictures are still sealed, but no passphrase opens anything; two recovery sheets do. They make this
    machine the same kiosk again: at Log in, F4; call whoever looks after this kiosk.
    """

    code = "device.lost"
    exit_code = 3


class DeviceSecretsExistError(KioskError):
    """There is a device secret in {path} already, of another store. Nothing was changed; name another folder,
    or move the old one away if that store is no longer needed.
    """

    code = "device.exists"
    exit_code = 2


class DeviceSecrets(Protocol):
    """Where the machine keeps its secret. Every implementation passes tests/test_devicesecret.py."""

    @property
    def source(self) -> str:
        """Where that is, in words, for people."""
        ...

    def beside(self, path: Path) -> bool:
        """Tell whether a copy of the file system that holds ``path`` holds the secrets, too."""
        ...

    def read(self, generation: int) -> bytearray:
        """Return the 32 bytes; the buffer is the caller's, to overwrite.

        Raises:
            DeviceSecretLostError: there is none of this generation.
            DeviceSecretError: there is one, and it cannot be used.
        """
        ...

    def put(self, generation: int, secret: bytes | bytearray) -> None:
        """Keep a secret; when this returns it survives any crash. One of the same generation is destroyed.

        Raises:
            ValueError: not 32 bytes, or the generation is below 1.
            OSError: it could not be kept; whether it is there is not known.
        """
        ...

    def generations(self) -> list[int]:
        """Return the generations that are there, ascending.

        Raises:
            DeviceSecretError: that cannot be told.
        """
        ...

    def keep_only(self, *generations: int) -> None:
        """Destroy every secret but these for ever; when this returns no crash brings one back.

        Harmless when repeated, and when there is nothing to destroy.

        Raises:
            OSError: at least one may still be there.
        """
        ...


class FileSecrets:
    """Device secrets in files ``device-N.key`` of mode 0600, for machines without a TPM.

    Args:
        folder: made, private to its owner, when the first secret is put there.
        disk: what makes bytes durable.
    """

    def __init__(self, folder: Path, *, disk: Disk = durable) -> None:
        self.folder = folder
        self._disk = disk

    @property
    def source(self) -> str:
        """Where the secrets are, in words."""
        return f"files of mode 0600 in {self.folder} (no TPM)"

    def beside(self, path: Path) -> bool:
        """See `DeviceSecrets.beside`. Two partitions of one disk count as two, and are copied together."""
        existing = next(folder for folder in (self.folder, *self.folder.parents) if folder.exists())
        return existing.stat().st_dev == path.stat().st_dev

    def read(self, generation: int) -> bytearray:
        """See `DeviceSecrets.read`; a file that others may read is refused."""
        path = self._path(generation)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise DeviceSecretLostError(generation=generation, path=self.folder) from error
        except OSError as error:
            raise self._unusable(path, error.strerror or "unreadable") from error
        try:
            if stat.S_IMODE(os.fstat(fd).st_mode) & 0o077:
                raise self._unusable(path, "it can be read by other users")
            secret = bytearray(SIZE + 1)
            count = os.readv(fd, [secret])
        except OSError as error:
            raise self._unusable(path, error.strerror or "unreadable") from error
        finally:
            os.close(fd)
        if count != SIZE:
            raise self._unusable(path, f"it has not {SIZE} bytes")
        del secret[SIZE:]
        if not any(secret):  # a crash in the middle of `durable.destroy`
            raise DeviceSecretLostError(generation=generation, path=self.folder)
        return secret

    def put(self, generation: int, secret: bytes | bytearray) -> None:
        """See `DeviceSecrets.put`."""
        if len(secret) != SIZE or generation < 1:
            raise ValueError(f"a device secret has {SIZE} bytes and a generation from 1")
        for folder in reversed([one for one in (self.folder, *self.folder.parents) if not one.exists()]):
            durable.make_dir(folder)
        path = self._path(generation)
        if path.exists():  # replacing the name alone would leave the old bytes on the medium
            self._disk.destroy(path)
        self._disk.write_atomic(path, bytes(secret))

    def generations(self) -> list[int]:
        """See `DeviceSecrets.generations`."""
        return sorted(int(found[1]) for _, found in self._files() if not found[2])

    def keep_only(self, *generations: int) -> None:
        """See `DeviceSecrets.keep_only`; what an interrupted `put` left goes, too."""
        for path, found in self._files():
            if found[2] or int(found[1]) not in generations:
                self._disk.destroy(path)

    def _files(self) -> list[tuple[Path, re.Match[str]]]:
        try:
            paths = sorted(self.folder.iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._unusable(self.folder, error.strerror or "unreadable") from error
        return [(path, found) for path in paths if (found := _FILE.fullmatch(path.name))]

    def _path(self, generation: int) -> Path:
        return self.folder / f"device-{generation}.key"

    def _unusable(self, path: Path, detail: str) -> DeviceSecretError:
        return DeviceSecretError(path=self.folder, detail=f"{path.name}: {detail}")


def settle(device: DeviceSecrets, generation: int, *, moving: bool) -> bool:
    """Destroy what a crash left between the steps of a disposal; tell whether there was something.

    Where the store's own generation is missing nothing is destroyed: then the store is an older copy, put in
    the place of the one whose secret is here, and that one must still open.

    Args:
        device: the machine's secrets.
        generation: of the store.
        moving: whether a disposal is at that step: then the next generation is needed, too.

    Raises:
        OSError: a secret may still be there.
    """
    try:
        there = device.generations()
    except DeviceSecretError:
        return False  # said where somebody wants to unlock; sealing goes on
    keep = {generation, generation + 1} if moving else {generation}
    if generation not in there or not set(there) - keep:
        return False
    device.keep_only(*keep)
    return True

"""Device secrets in the memory of a TPM 2.0: destroyed there, nothing brings one back.

Each is an NV index of its own (TPM 2.0 Library, part 3, section 31), made and removed with the owner's empty
authorisation, as systemd-cryptenroll does. Whoever may open the TPM may read it, as whoever may read a file;
what it is for is the end: `TPM2_NV_UndefineSpace` frees memory inside the chip, and no copy of a disk has
ever had any of it. The few commands are written out here, so that nothing between the kiosk and the kernel's
resource manager keeps or logs what goes by.

Not protected: the wires between processor and a TPM that is a chip of its own. Whoever solders to them while
somebody logs in reads the secret, and still needs the disk and a passphrase.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from medkiosk.core.config import Store
from medkiosk.devicesecret import (
    SIZE,
    DeviceSecretError,
    DeviceSecretLostError,
    DeviceSecrets,
    FileSecrets,
)

FIRST = 0x01806D00
"""The first of our NV indices; in the owner's range (TCG Registry of Reserved TPM 2.0 Handles)."""
COUNT = 32
"""So many indices are ours; a store needs one, two while a disposal is at work."""

_MAGIC = b"mdk1"
_DATA = struct.Struct(f">4sI{SIZE}s")  # magic, generation, secret

_OWNER = 0x40000001
_PASSWORD_SESSION = 0x40000009
_EMPTY_AUTH = struct.pack(
    ">IIHBH", 9, _PASSWORD_SESSION, 0, 0, 0
)  # length, session, nonce, attributes, password
_SESSIONS, _NO_SESSIONS = 0x8002, 0x8001
_SHA256 = 0x000B
_AUTHWRITE, _AUTHREAD, _NO_DA, _WRITTEN = 1 << 2, 1 << 18, 1 << 25, 1 << 29
_ATTRIBUTES = _AUTHWRITE | _AUTHREAD | _NO_DA
_HANDLES = 1  # TPM_CAP_HANDLES

_NV_UNDEFINE, _NV_DEFINE, _NV_WRITE, _NV_READ, _NV_PUBLIC, _CAPABILITY = (
    0x122, 0x12A, 0x137, 0x14E, 0x169, 0x17A,
)  # fmt: skip
_HEADER = struct.Struct(">HII")  # tag, size, code
_LARGEST = 4096
_AGAIN = frozenset({0x908, 0x90A, 0x920, 0x922})
"""TPM_RC_YIELDED, _TESTING, _NV_RATE, _RETRY: nothing was done, ask again."""
_TRIES, _PAUSE_S = 100, 0.05


class TpmError(OSError):
    """The TPM did not do what it was asked."""


class _Index(NamedTuple):
    """One of our NV indices; generation 0 where nothing was written to it yet, after a crash."""

    handle: int
    generation: int


class TpmSecrets:
    """Device secrets in a TPM's memory.

    Args:
        path: the kernel's resource manager, ``/dev/tpmrm0``; or a socket that takes the same bytes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def source(self) -> str:
        """Where the secrets are, in words."""
        return f"the TPM ({self.path})"

    def beside(self, path: Path) -> bool:
        """See `DeviceSecrets.beside`: no copy of a disk holds what is in the TPM."""
        del path
        return False

    def read(self, generation: int) -> bytearray:
        """See `DeviceSecrets.read`."""
        try:
            with _opened(self.path) as tpm:
                for index in _indices(tpm):
                    if index.generation == generation:
                        data = _nv_read(tpm, index.handle)
                        secret = data[-SIZE:]
                        data[:] = bytes(len(data))
                        return secret
        except OSError as error:
            raise DeviceSecretError(path=self.source, detail=_words(error)) from error
        raise DeviceSecretLostError(generation=generation, path=self.source)

    def put(self, generation: int, secret: bytes | bytearray) -> None:
        """See `DeviceSecrets.put`; the TPM answers when its memory has it, and it is read back."""
        if len(secret) != SIZE or not 1 <= generation < 1 << 32:
            raise ValueError(f"a device secret has {SIZE} bytes and a generation from 1")
        data = bytearray(_DATA.size)
        _DATA.pack_into(data, 0, _MAGIC, generation, bytes(secret))
        with _opened(self.path) as tpm:
            for index in _indices(tpm):
                if index.generation in {0, generation}:
                    _undefine(tpm, index.handle)
            handle = _free(tpm)
            _define(tpm, handle)
            _nv_write(tpm, handle, data)
            again = _nv_read(tpm, handle)
            same = again == data
            for buffer in (data, again):
                buffer[:] = bytes(len(buffer))
            if not same:
                raise TpmError(errno.EIO, "the TPM gave back something else than it was given")

    def generations(self) -> list[int]:
        """See `DeviceSecrets.generations`."""
        try:
            with _opened(self.path) as tpm:
                return sorted(index.generation for index in _indices(tpm) if index.generation)
        except OSError as error:
            raise DeviceSecretError(path=self.source, detail=_words(error)) from error

    def keep_only(self, *generations: int) -> None:
        """See `DeviceSecrets.keep_only`; what an interrupted `put` left goes, too."""
        with _opened(self.path) as tpm:
            for index in _indices(tpm):
                if index.generation not in generations:
                    _undefine(tpm, index.handle)
            if any(index.generation not in generations for index in _indices(tpm)):
                raise TpmError(errno.EIO, "the TPM did not forget what it was told to forget")


def machine_secrets(store: Store) -> DeviceSecrets:
    """Where this machine keeps its device secrets, as its configuration says: a TPM, or files in a folder."""
    return TpmSecrets(Path(store.tpm)) if store.tpm else FileSecrets(Path(store.device_folder))


# The commands


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """The TPM, for some commands.

    Raises:
        OSError: there is none, it may not be opened, or it answers what is no answer.
    """
    try:
        if stat.S_ISSOCK(path.stat().st_mode):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(os.fspath(path))
                yield connection.fileno()
            return
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            yield fd
        finally:
            os.close(fd)
    except struct.error as error:
        raise TpmError(errno.EPROTO, "the TPM's answer is too short") from error


def _indices(tpm: int) -> list[_Index]:
    """Our indices, by their handles; others' in the same range are passed over."""
    found = []
    for handle in _handles(tpm):
        public = _transact(tpm, _NV_PUBLIC, struct.pack(">I", handle))
        _, _, algorithm, attributes = struct.unpack_from(">HIHI", public)
        if (algorithm, attributes & ~_WRITTEN) != (_SHA256, _ATTRIBUTES):
            continue
        if not attributes & _WRITTEN:
            found.append(_Index(handle, 0))
            continue
        (policy,) = struct.unpack_from(">H", public, 12)
        (size,) = struct.unpack_from(">H", public, 14 + policy)
        if size != _DATA.size:
            continue
        data = _nv_read(tpm, handle, _DATA.size - SIZE)  # not the secret
        if data.startswith(_MAGIC):
            found.append(_Index(handle, int.from_bytes(data[len(_MAGIC) :], "big")))
    return found


def _handles(tpm: int) -> list[int]:
    """All NV indices in our range, whoever's they are."""
    answer = _transact(tpm, _CAPABILITY, struct.pack(">III", _HANDLES, FIRST, COUNT))
    (count,) = struct.unpack_from(">I", answer, 5)  # after moreData and the capability
    handles = struct.unpack_from(f">{count}I", answer, 9)
    return [handle for handle in handles if FIRST <= handle < FIRST + COUNT]


def _free(tpm: int) -> int:
    taken = set(_handles(tpm))
    for handle in range(FIRST, FIRST + COUNT):
        if handle not in taken:
            return handle
    raise TpmError(errno.ENOSPC, "all places of this kiosk in the TPM are taken")


def _define(tpm: int, handle: int) -> None:
    public = struct.pack(">IHIHH", handle, _SHA256, _ATTRIBUTES, 0, _DATA.size)
    body = struct.pack(">I", _OWNER) + _EMPTY_AUTH + struct.pack(">HH", 0, len(public)) + public
    _transact(tpm, _NV_DEFINE, body, auth=True)


def _undefine(tpm: int, handle: int) -> None:
    _transact(tpm, _NV_UNDEFINE, struct.pack(">II", _OWNER, handle) + _EMPTY_AUTH, auth=True)


def _nv_write(tpm: int, handle: int, data: bytearray) -> None:
    body = bytearray(struct.pack(">II", handle, handle) + _EMPTY_AUTH + struct.pack(">H", len(data)))
    body += data
    body += struct.pack(">H", 0)  # from its beginning
    try:
        _transact(tpm, _NV_WRITE, body, auth=True)
    finally:
        body[:] = bytes(len(body))


def _nv_read(tpm: int, handle: int, size: int = _DATA.size) -> bytearray:
    body = struct.pack(">II", handle, handle) + _EMPTY_AUTH + struct.pack(">HH", size, 0)
    answer = _transact(tpm, _NV_READ, body, auth=True)
    data = answer[6 : 6 + size]  # after the parameters' size and the buffer's
    answer[:] = bytes(len(answer))
    if len(data) != size:
        raise TpmError(errno.EPROTO, "the TPM's answer is too short")
    return data


def _transact(tpm: int, code: int, body: bytes | bytearray, *, auth: bool = False) -> bytearray:
    """Send a command; return its answer behind the header.

    Raises:
        OSError: it was not answered.
        TpmError: it was refused.
    """
    command = bytearray(_HEADER.pack(_SESSIONS if auth else _NO_SESSIONS, _HEADER.size + len(body), code))
    command += body
    try:
        for _ in range(_TRIES):
            answer, refusal = _exchange(tpm, command)
            if refusal not in _AGAIN:
                break
            time.sleep(_PAUSE_S)
    finally:
        command[:] = bytes(len(command))
    if refusal:
        raise TpmError(errno.EIO, f"the TPM refused command {code:#x} with {refusal:#x}")
    return answer


def _exchange(tpm: int, command: bytearray) -> tuple[bytearray, int]:
    rest = memoryview(command)
    while rest:
        rest = rest[os.write(tpm, rest) :]
    buffer, have, size = bytearray(_LARGEST), 0, _HEADER.size
    with memoryview(buffer) as view:
        while have < size:
            count = os.readv(tpm, [view[have:]])
            if not count:
                raise TpmError(errno.EPROTO, "the TPM ended in the middle of an answer")
            have += count
            if have >= _HEADER.size:
                size = int.from_bytes(view[2:6], "big")
                if not _HEADER.size <= size <= _LARGEST:
                    raise TpmError(errno.EPROTO, "the TPM's answer has no sensible size")
    _, _, refusal = _HEADER.unpack_from(buffer)
    answer = buffer[_HEADER.size : size]
    buffer[:] = bytes(len(buffer))
    return answer, refusal


def _words(error: OSError) -> str:
    return error.strerror or "it does not answer"

"""Writing one object: hash, encrypt and write as the bytes come, nothing of it durable yet."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from medkiosk.core.ids import ObjectId, RecordId
from medkiosk.core.refs import ObjectRef, RecordRef
from medkiosk.durable import BLOCK, TmpFile, aligned
from medkiosk.vault import envelope
from medkiosk.vault.envelope import Name
from medkiosk.vault.errors import write_error
from medkiosk.vault.keys import DataKey

STEP = 1 << 21
"""Plaintext bytes encrypted at once, and about the size of one write. Measured: half of it is slower by a
seventh, since a device is asked one write at a time; twice as much gains nothing."""

_SMALL = 1 << 16
"""Up to here a piece is hashed at once: handing it to a thread costs about as much."""

_DIRECT = 1 << 18
"""From here on a write goes past the page cache. A smaller one costs less when the device takes it later."""

# A buffer is handed over once it holds STEP bytes; one more piece, and what the cipher kept back of the
# piece before, must still fit. Less than a block stays behind for the next buffer.
_BUFFER = STEP + envelope.sealed_size(STEP) + 2 * envelope.CHUNK_SEALED + BLOCK


@dataclass(frozen=True)
class PendingObject:
    """An object that is sealed and written, and neither durable nor known to anyone: see `Vault.commit`.

    Attributes:
        id: its id.
        kind: its kind.
        size: of the plaintext, bytes.
        sealed_size: of the blob, bytes.
        sha256: of the blob, hex.
        plain_sha256: of the plaintext; never written anywhere.
        commitment: hex.
        epoch: whose public key the envelope is for.
        envelope: the sealed data key.
        data_key: the data key; the caller wipes it when nothing needs it any more.
        file: the blob under its temporary name.
    """

    id: ObjectId
    kind: str
    size: int
    sealed_size: int
    sha256: str
    plain_sha256: bytes = field(repr=False)
    commitment: str
    epoch: int
    envelope: bytes = field(repr=False)
    data_key: DataKey
    file: TmpFile = field(repr=False)

    @property
    def ref(self) -> ObjectRef:
        """How a ledger entry names it."""
        return ObjectRef(
            id=self.id,
            kind=self.kind,
            size=self.size,
            sha256=self.sha256,
            commitment=self.commitment,
            envelope=hashlib.sha256(self.envelope).hexdigest(),
        )


@dataclass(frozen=True)
class PendingRecord:
    """A sealed record, in memory: see `Vault.commit`. Fields as in `PendingObject`."""

    id: RecordId
    kind: str
    sha256: str
    commitment: str
    epoch: int
    envelope: bytes = field(repr=False)
    sealed: bytes = field(repr=False)

    @property
    def ref(self) -> RecordRef:
        """How a ledger entry names it."""
        return RecordRef(
            id=self.id,
            kind=self.kind,
            sha256=self.sha256,
            commitment=self.commitment,
            envelope=hashlib.sha256(self.envelope).hexdigest(),
        )


class Buffers:
    """Buffers for sealed bytes, lent and used again: touching fresh memory costs more than sealing."""

    def __init__(self) -> None:
        self._free: SimpleQueue[mmap.mmap] = SimpleQueue()

    def take(self) -> mmap.mmap:
        """Return a buffer; what is in it is old ciphertext."""
        try:
            return self._free.get_nowait()
        except Empty:
            return aligned(_BUFFER)

    def give(self, *buffers: mmap.mmap) -> None:
        """Take buffers back."""
        for buffer in buffers:
            self._free.put(buffer)


class ObjectWriter:
    """Takes the bytes of one object. Belongs to one thread at a time; several may write side by side.

    Two buffers take turns: while one is hashed on a helper thread and written on another, the caller's thread
    encrypts into the other buffer, and the plaintext is hashed on a third. Each of the two SHA-256 costs five
    times the encryption, so the caller has time to fetch the next bytes meanwhile.
    """

    def __init__(
        self,
        name: Name,
        *,
        data_key: DataKey,
        public_key: envelope.PublicKey,
        epoch: int,
        file: TmpFile,
        helper: Executor,
        buffers: Buffers,
        discard: Callable[[TmpFile], None],
    ) -> None:
        self._name = name
        self._key = data_key
        self._public = public_key
        self._epoch = epoch
        self._file = file
        self._helper = helper
        self._discard = discard
        self._encryptor = envelope.encryptor(data_key, self._name)
        self._plain = hashlib.sha256()
        self._sealed = hashlib.sha256()
        self._size = 0
        self._buffers = buffers
        self._buffer, self._other = buffers.take(), buffers.take()
        self._used = 0
        self._jobs: list[Future[None]] = []
        self._hashing: Future[None] | None = None
        self._done = False

    @property
    def id(self) -> str:
        """The object's id, known from the start."""
        return self._name.id

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes; ``data`` may be reused afterwards.

        Raises:
            VaultFullError: the disk is full; the object was given up.
            VaultWriteError: the disk failed; the object was given up.
            ValueError: after `finish` or `abort`.
        """
        self._open()
        view = memoryview(data).cast("B")
        for start in range(0, len(view), STEP):
            piece = view[start : start + STEP]
            self._hash(piece)
            self._used += self._encryptor.update_into(piece, memoryview(self._buffer)[self._used :])
            self._size += len(piece)
            if self._used >= STEP:
                self._hand_over()
        if not isinstance(data, bytes):  # what may change under the hash must have been hashed
            self._wait_hashed()

    def finish(self) -> PendingObject:
        """End the object; returns what `Vault.commit` needs.

        Raises:
            VaultFullError: the disk is full; the object was given up.
            VaultWriteError: the disk failed; the object was given up.
            ValueError: after `finish` or `abort`.
        """
        self._open()
        tail = self._encryptor.finalize()
        self._buffer[self._used : self._used + len(tail)] = tail
        self._used += len(tail)
        self._hand_over(last=True)
        self._wait_hashed()
        self._wait()
        self._end()
        digest = self._plain.digest()
        return PendingObject(
            id=ObjectId(self._name.id),
            kind=self._name.kind,
            size=self._size,
            sealed_size=self._file.size,
            sha256=self._sealed.hexdigest(),
            plain_sha256=digest,
            commitment=envelope.commitment(self._key, digest).hex(),
            epoch=self._epoch,
            envelope=envelope.seal_key(self._key, self._public, self._name, self._epoch),
            data_key=self._key,
            file=self._file,
        )

    def abort(self) -> None:
        """Forget the object, its key and its temporary file; harmless when repeated or after `finish`."""
        if not self._done:
            for job in (*self._jobs, *([self._hashing] if self._hashing else [])):
                job.exception()
            self._end()
            self._key.wipe()
            self._discard(self._file)

    def _open(self) -> None:
        if self._done:
            raise ValueError("this object was finished or given up")

    def _end(self) -> None:
        self._done = True
        self._buffers.give(self._buffer, self._other)

    def _hash(self, piece: memoryview) -> None:
        self._wait_hashed()  # one after the other, in order
        if len(piece) > _SMALL:
            self._hashing = self._helper.submit(self._plain.update, piece)
        else:
            self._plain.update(piece)

    def _wait_hashed(self) -> None:
        if self._hashing is not None:
            job, self._hashing = self._hashing, None
            job.result()

    def _hand_over(self, *, last: bool = False) -> None:
        self._wait()
        view = memoryview(self._buffer)
        end = self._used if last else self._used - self._used % BLOCK
        kept = self._used - end
        self._other[:kept] = view[end : self._used]
        ready = view[:end]
        self._jobs = [self._helper.submit(self._put, ready), self._helper.submit(self._sealed.update, ready)]
        self._buffer, self._other = self._other, self._buffer
        self._used = kept

    def _put(self, sealed: memoryview) -> None:
        blocks = len(sealed) - len(sealed) % BLOCK
        if blocks < _DIRECT:
            blocks = 0
        else:
            self._file.write_direct(sealed[:blocks])
        if blocks < len(sealed):
            self._file.write(sealed[blocks:])

    def _wait(self) -> None:
        jobs, self._jobs = self._jobs, []
        errors = [job.exception() for job in jobs]  # of both: neither may still look at the buffer
        for error in errors:
            if isinstance(error, OSError):
                self.abort()
                raise write_error(error) from error
            if error is not None:
                raise error

"""Walk a card's tree that somebody else made: bounded, following no link, losing nothing in silence.

What is on a card is one of three things, and each has its place:

- a regular file: listed, wherever it lies;
- what could not be looked through: listed as a failure, so that the card never counts as imported whole;
- what no camera and no person put there (`is_leftover`), and what is no file at all (links, pipes, device
  nodes): not listed.

The bounds make one absurd folder a failure of its own and leave the rest readable.
"""

from __future__ import annotations

import errno
import os
import stat
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import NamedTuple

from medkiosk.core.dcf import media_extension
from medkiosk.source.medium import Medium
from medkiosk.source.model import MAX_ENTRIES, SourceCode, SourceError

MAX_CARD_DEPTH = 128
"""Folders inside folders that are walked. DCF needs two; a photographer's own sorting perhaps five."""
MAX_IN_FOLDER = 120_000
"""Most names that are taken from one folder. DCF allows 9,999 files; FAT32 allows 65,534 names."""
MAX_NAMES = 2 * MAX_ENTRIES
"""Most names that are looked at on one card, listed or not: this ends a tree that never ends."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

_HOUSEKEEPING = frozenset(
    {b"system volume information", b".spotlight-v100", b".fseventsd", b".temporaryitems"}
)
"""Folders at the card's root, in lower case, in which Windows and macOS keep indexes of their own."""
_HOUSEKEEPING_FILES = frozenset({b".ds_store", b"thumbs.db", b"desktop.ini"})
_APPLE_DOUBLE = b"._"
_APPLE_DOUBLE_BYTES = 64 << 10
_HOUSEKEEPING_BYTES = 64 << 20
"""What is larger is listed, whatever it is called."""
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"II*\0", b"MM\0*", b"GIF8", b"RIFF", b"BM")

_CODES: dict[int, SourceCode] = {
    errno.ENOENT: SourceCode.GONE,
    errno.ENOTDIR: SourceCode.GONE,
    errno.ELOOP: SourceCode.GONE,
    errno.ENODEV: SourceCode.UNPLUGGED,
    errno.ENXIO: SourceCode.UNPLUGGED,
    errno.ENOMEDIUM: SourceCode.UNPLUGGED,
    errno.ENOTCONN: SourceCode.UNPLUGGED,  # a file system in user space whose process is gone
    errno.ECONNABORTED: SourceCode.UNPLUGGED,
    errno.ESTALE: SourceCode.UNPLUGGED,
}

Folder = tuple[bytes, ...]


class Found(NamedTuple):
    """One line of the listing: a file, or what could not be looked through (``failure``).

    ``inode`` and ``mtime_ns`` say which file it was; FAT has no inode numbers, so they hold for this mount.
    """

    folder: Folder
    name: bytes
    size: int
    inode: int
    mtime_ns: int
    failure: SourceCode | None


class CardTree:
    """One walk over one card.

    Args:
        root: a descriptor of the card's root, which stays the caller's.
        medium: the card.
    """

    def __init__(self, root: int, medium: Medium) -> None:
        self._root = root
        self._medium = medium
        self._looked = 0

    def walk(self) -> Iterator[Found]:
        """List folder by folder, ``DCIM`` first, the names of a folder in the order of their bytes.

        Yields:
            At most `MAX_ENTRIES`; where there would be more, the last one is a failure that says so.

        Raises:
            SourceError: the card is gone, or its root cannot be opened.
        """
        listed = 0
        waiting: list[Folder] = [()]
        while waiting:
            folder = waiting.pop()
            inner: list[bytes] = []
            for found in self._one(folder, inner):
                listed += 1
                if listed == MAX_ENTRIES:
                    yield _failed(folder, SourceCode.TOO_MANY)
                    return
                yield found
            if self._looked >= MAX_NAMES:
                yield _failed(folder, SourceCode.TOO_MANY)
                return
            if not folder:
                inner.sort(key=lambda name: name.upper() != b"DCIM")
            waiting.extend((*folder, name) for name in reversed(inner))

    def _one(self, folder: Folder, inner: list[bytes]) -> Iterator[Found]:
        """List the files of one folder and put the folders in it into ``inner``."""
        try:
            with opened_folder(self._root, folder) as descriptor:
                names: list[bytes] = []
                failure = self._names(descriptor, names)
                yield from self._files(descriptor, folder, names, inner)
        except OSError as error:
            if not folder:
                raise translated(error, self._medium) from error
            failure = self._reason(error)
        except SourceError as error:
            if error.ends_session:
                raise
            failure = error.reason
        if failure is not None:
            yield _failed(folder, failure)

    def _names(self, descriptor: int, names: list[bytes]) -> SourceCode | None:
        """Put a folder's names into ``names``, in order; return why they are not all of them."""
        failure = None
        with os.scandir(descriptor) as entries:
            try:
                names += (os.fsencode(entry.name) for entry in islice(entries, MAX_IN_FOLDER))
                if next(entries, None) is not None:
                    failure = SourceCode.TOO_MANY
            except OSError as error:
                failure = self._reason(error)
        names.sort()
        self._looked += len(names)
        return failure

    def _files(
        self, descriptor: int, folder: Folder, names: Sequence[bytes], inner: list[bytes]
    ) -> Iterator[Found]:
        before = b""
        for name in names:
            if name == before:  # a damaged table: only one of the two can be reached
                yield Found(folder, name, 0, 0, 0, SourceCode.UNREADABLE)
                continue
            before = name
            try:
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except OSError as error:
                yield Found(folder, name, 0, 0, 0, self._reason(error))
                continue
            if stat.S_ISDIR(status.st_mode):
                inner.append(name)
            elif stat.S_ISREG(status.st_mode) and not (
                is_leftover(folder, name, status.st_size, names) and not _may_be_picture(descriptor, name)
            ):
                yield Found(folder, name, status.st_size, status.st_ino, status.st_mtime_ns, None)

    def _reason(self, error: OSError) -> SourceCode:
        """Return the failure of one file or folder; one of the whole card is raised."""
        if error.errno == errno.ELOOP:  # the kernel itself found a folder inside itself
            return SourceCode.TOO_DEEP
        failure = translated(error, self._medium)
        if failure.ends_session:
            raise failure from error
        return failure.reason


def is_leftover(folder: Folder, name: bytes, size: int, beside: Sequence[bytes]) -> bool:
    """Tell whether a file is something that an operating system left on the card for itself.

    A file with an extension that cameras use is one only where macOS keeps a picture's attributes beside it.

    Args:
        folder: where it lies.
        name: its name.
        size: its size, bytes.
        beside: all names of its folder, in order.
    """
    if size > _HOUSEKEEPING_BYTES:
        return False
    if name.lower() in _HOUSEKEEPING_FILES:
        return True
    if name.startswith(_APPLE_DOUBLE) and size <= _APPLE_DOUBLE_BYTES:
        at = bisect_left(beside, name[len(_APPLE_DOUBLE) :])
        return at < len(beside) and beside[at] == name[len(_APPLE_DOUBLE) :]
    in_housekeeping = bool(folder) and folder[0].lower() in _HOUSEKEEPING
    return in_housekeeping and media_extension(name.decode("latin-1")) is None


def _may_be_picture(folder: int, name: bytes) -> bool:
    """Tell whether a file begins like a picture or a film, or cannot be looked at."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        try:
            head = os.read(descriptor, 12)
        finally:
            os.close(descriptor)
    except OSError:
        return True
    return head.startswith(_PICTURES) or head[4:8] == b"ftyp"


@contextmanager
def opened_folder(root: int, folder: Folder) -> Iterator[int]:
    """Open a folder component by component, so that no link is followed; yields its descriptor.

    Raises:
        OSError: a component cannot be opened.
        SourceError: TOO_DEEP, also for a folder that is one of those it lies in: such a tree never ends.
    """
    if len(folder) > MAX_CARD_DEPTH:
        raise SourceError(SourceCode.TOO_DEEP)
    descriptor = os.dup(root)
    try:
        above = {_identity(descriptor)}
        for component in folder:
            inner = os.open(component, _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
            identity = _identity(descriptor)
            if identity in above:
                raise SourceError(SourceCode.TOO_DEEP)
            above.add(identity)
        yield descriptor
    finally:
        os.close(descriptor)


def _identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def translated(error: OSError, medium: Medium) -> SourceError:
    """Say which of our codes an error of the operating system is.

    Args:
        error: what the system said.
        medium: the card. One that was pulled out answers with the same EIO as a bad sector.
    """
    if error.errno == errno.EIO and medium.has_changed():
        return SourceError(SourceCode.UNPLUGGED)
    return SourceError(_CODES.get(error.errno or 0, SourceCode.UNREADABLE))


def _failed(folder: Folder, failure: SourceCode) -> Found:
    """The line for a folder that was not looked through, or not to its end."""
    return Found(folder[:-1], folder[-1] if folder else b".", 0, 0, 0, failure)

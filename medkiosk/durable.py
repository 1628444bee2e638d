"""The only place that makes bytes durable.

Nothing else in medkiosk calls rename, fsync, fdatasync or syncfs (SQLite does so inside its own library).
Above each function stands the sequence of system calls that it makes when all goes well; a test compares
that sequence with what strace sees.

Two rules hold everywhere:

- A failed sync is final. Linux marks the pages clean after it reported the error once, so syncing again
  and getting no error proves nothing (Rebello et al., "Can Applications Recover from fsync Failures?",
  USENIX ATC 2020). Callers give the file up and write a new one.
- Errors are `OSError` as the kernel gave them; callers say what they mean for the operator.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

CHUNK = 1 << 20
"""Bytes read or written at once."""

BLOCK = 4096
"""What goes past the page cache is a multiple of this, in memory that begins on one (`aligned`)."""

SMALL_GROUP = 4
"""Up to this many files are synced one by one, more by one syncfs. Below it, syncfs costs more than it
saves, since it also waits for other processes' dirty pages; above it, one journal commit beats many."""

_RENAME_NOREPLACE = 1
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100
_FITRIM = 0xC0185879
_MOUNTS = Path("/proc/self/mountinfo")
_DISCARD = frozenset({"discard", "discard=async"})
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syncfs.argtypes = [ctypes.c_int]
_libc.renameat2.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]


class TmpFile:
    """A file that is being written and has no name yet that anyone relies on.

    Not durable before `sync_files`; not visible before `publish`.
    """

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self.size = 0
        self._fd = fd
        self._direct: bool | None = None  # not asked yet

    def fileno(self) -> int:
        """Return the open descriptor.

        Raises:
            ValueError: the file was closed.
        """
        if self._fd < 0:
            raise ValueError("the file was closed")
        return self._fd

    # Syscalls: write until all is taken; then one fadvise64 with DONTNEED over what was written.
    #
    # The advice starts write-back of the dirty range without waiting for it, so that the device works while
    # the next chunk is hashed. Measured on 20 files of 9 MB: 1.4 to 1.7 times the throughput of syncing at
    # the end alone. It cannot harm: dirty pages are never dropped.
    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append all of ``data``.

        Raises:
            OSError: not all of it could be written (``ENOSPC``, ``EIO``); the file is then worthless.
        """
        if self._direct:
            self._direct = _set_direct(self.fileno(), False)
        rest = memoryview(data)
        start = self.size
        while rest:
            written = os.write(self.fileno(), rest)
            self.size += written
            rest = rest[written:]
        os.posix_fadvise(self.fileno(), start, self.size - start, os.POSIX_FADV_DONTNEED)

    # Syscalls: at first, fcntl with F_GETFL, then F_SETFL with O_DIRECT; write until all is taken.
    #
    # A photo is written once and read back at once: the page cache only costs. Measured on a GiB in files of
    # 8 MiB: 1.15 s of processor time and 1.9 s of waiting through it, 0.13 s and 1.5 s past it.
    def write_direct(self, data: memoryview) -> None:
        """Append whole blocks past the page cache; where the file system cannot do that, as `write` does.

        Args:
            data: from `aligned`, beginning on a block, a multiple of `BLOCK` long; what was written before
                is a multiple of `BLOCK`, too.

        Raises:
            OSError: as `write`.
        """
        if self._direct is None:
            self._direct = _set_direct(self.fileno(), True)
        rest = data
        while rest and self._direct:
            try:
                written = os.write(self.fileno(), rest)
            except OSError as error:
                if error.errno != errno.EINVAL:  # which says that its blocks are larger than ours
                    raise
                break
            self.size += written
            rest = rest[written:]
            if written % BLOCK:  # the disk is nearly full
                break
        if rest:
            self.write(rest)

    def close(self) -> None:
        """Close the descriptor; harmless when repeated."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)


class Disk(Protocol):
    """The operations that the vault and the ledger need, so that a test can hand in ones that fail.

    This module itself is one: ``disk: Disk = durable``.
    """

    def create(self, path: Path) -> TmpFile:
        """See `create`."""
        ...

    def sync_files(self, root_fd: int, files: Sequence[TmpFile]) -> None:
        """See `sync_files`."""
        ...

    def publish(self, tmp: Path, final: Path) -> None:
        """See `publish`."""
        ...

    def sync_dirs(self, root_fd: int, folders: Iterable[Path]) -> None:
        """See `sync_dirs`."""
        ...

    def read_back(self, path: Path) -> Iterator[memoryview]:
        """See `read_back`."""
        ...

    def write_atomic(self, path: Path, data: bytes) -> None:
        """See `write_atomic`."""
        ...

    def remove(self, path: Path) -> None:
        """See `remove`."""
        ...

    def destroy(self, path: Path) -> None:
        """See `destroy`."""
        ...


# Syscalls: one open with O_RDONLY, O_DIRECTORY and O_CLOEXEC.
def open_dir(path: Path) -> int:
    """Open a folder, for `sync_files` and `sync_dirs`.

    Open it before the first write and keep it: since Linux 5.8 syncfs reports the write-back errors that
    happened on the file system after this descriptor was opened, each of them once.
    """
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


# Syscalls: mkdir with mode 0700; then open, fsync and close of the parent folder.
def make_dir(path: Path) -> None:
    """Make a folder that survives a power cut, private to its owner.

    Raises:
        FileExistsError: it is already there.
    """
    path.mkdir(mode=0o700)
    _fsync_dir(path.parent)


# Syscalls: one open with O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW and O_CLOEXEC, mode 0600.
def create(path: Path) -> TmpFile:
    """Create a file to write to, in a ``tmp`` folder on the file system where it will end up.

    Raises:
        FileExistsError: ``path`` is already there.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return TmpFile(path, os.open(path, flags, 0o600))


# Syscalls: one utimensat with AT_SYMLINK_NOFOLLOW.
def set_time(path: Path, at: int) -> bool:
    """Set when a file or folder was last changed and read; whether that could be done.

    Durable after the sync that follows. What changes the file or the folder after this sets it anew.

    Args:
        path: what.
        at: seconds since 1970.

    Raises:
        OSError: the device failed. That it belongs to somebody else, or has no times, is no error.
    """
    try:
        os.utime(path, (at, at), follow_symlinks=False)
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EOPNOTSUPP}:
            raise
        return False
    return True


# Syscalls: for up to SMALL_GROUP files, fsync of each; for more, one syncfs of root_fd.
def sync_files(root_fd: int, files: Sequence[TmpFile]) -> None:
    """Return when the contents of all ``files`` are on the device, or raise.

    Args:
        root_fd: from `open_dir`, on the same file system, opened before the files were written.
        files: still open.

    Raises:
        OSError: at least one of them is not, or something else on this file system failed to be written
            and we cannot tell: none of them may be relied on, now or after another sync.
    """
    if len(files) <= SMALL_GROUP:
        for file in files:
            os.fsync(file.fileno())
    else:
        sync_file_system(root_fd)


# Syscalls: one renameat2 with RENAME_NOREPLACE.
def publish(tmp: Path, final: Path) -> None:
    """Give a synced file its final name, on the same file system. Durable after `sync_dirs`.

    Raises:
        FileExistsError: ``final`` is taken; nothing was changed.
    """
    result = _libc.renameat2(
        _AT_FDCWD, os.fsencode(tmp), _AT_FDCWD, os.fsencode(final), ctypes.c_uint(_RENAME_NOREPLACE)
    )
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(tmp), None, str(final))


# Syscalls: one renameat2 with RENAME_EXCHANGE. Where the file system cannot do that (exFAT): open of final
# with O_WRONLY; rename over it; write, CHUNK bytes at most each, until as many zero bytes are written as the
# old file has; fsync; close.
def exchange(new: Path, final: Path) -> None:
    """Put a synced file in the place of another one, in one step. Durable after `sync_dirs`.

    The old file then has the name of the new one, for `destroy`; where names cannot be exchanged it is
    overwritten and gone.

    Raises:
        OSError: ``final`` is one of the two, whole.
    """
    result = _libc.renameat2(
        _AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(final), ctypes.c_uint(_RENAME_EXCHANGE)
    )
    if result == 0:
        return
    number = ctypes.get_errno()
    if number not in {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}:
        raise OSError(number, os.strerror(number), str(new), None, str(final))
    fd = os.open(final, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        new.rename(final)
        _overwrite(fd)
    finally:
        os.close(fd)


# Syscalls: for up to SMALL_GROUP folders, open, fsync and close of each; for more, one syncfs of root_fd.
def sync_dirs(root_fd: int, folders: Iterable[Path]) -> None:
    """Return when the names in all ``folders`` are on the device, or raise."""
    distinct = sorted(set(folders))
    if len(distinct) <= SMALL_GROUP:
        for folder in distinct:
            _fsync_dir(folder)
    else:
        sync_file_system(root_fd)


# Syscalls: one open with O_RDONLY, O_NOATIME, O_NOFOLLOW and O_CLOEXEC; once more without O_NOATIME where the
# file is somebody else's.
def open_to_read(path: Path, more: int = 0) -> int:
    """Open a file, so that reading it does not change when it was last read, as far as that can be had.

    Args:
        path: what.
        more: flags.

    Raises:
        OSError: it cannot be opened.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | more
    try:
        return os.open(path, flags | os.O_NOATIME)
    except PermissionError:
        return os.open(path, flags)


# Syscalls: `open_to_read` with O_DIRECT, once more without it where the file system refuses; fadvise64 with
# DONTNEED, then SEQUENTIAL, over the whole file; readv until the end; close.
def read_back(path: Path) -> Iterator[memoryview]:
    """Yield the bytes of a synced file as the device returns them, not as the page cache remembers them.

    Each view is valid until the next is asked for. File systems without a device (tmpfs) have nothing else
    to read from than memory; those that cannot go past the page cache are asked to drop it.
    """
    try:
        fd = open_to_read(path, os.O_DIRECT)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        fd = open_to_read(path)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        rest = os.fstat(fd).st_size
        buffer = aligned(CHUNK)
        view = memoryview(buffer)
        while rest > 0 and (count := _readv(fd, buffer)):
            yield view[:count]
            rest -= count
    finally:
        os.close(fd)


def aligned(size: int) -> mmap.mmap:
    """Return zeroed memory that begins on a page, for `TmpFile.write_direct`."""
    return mmap.mmap(-1, size)


# Syscalls: open of path.new with O_CREAT, O_TRUNC and mode 0600; write; fsync; close; rename over path;
# then open, fsync and close of the parent folder.
def write_atomic(path: Path, data: bytes) -> None:
    """Replace a small file: after a crash at any instant it has its old content or its new one.

    One writer at a time; a ``.new`` file left by a crash is overwritten.

    Raises:
        OSError: which of the two it has is not known until it is read again after a restart.
    """
    new = path.with_name(path.name + ".new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    file = TmpFile(new, os.open(new, flags, 0o600))
    try:
        file.write(data)
        os.fsync(file.fileno())
    finally:
        file.close()
    new.rename(path)
    _fsync_dir(path.parent)


# Syscalls: fsync of the file; rename over final; then open, fsync and close of final's folder.
def replace(file: TmpFile, final: Path) -> None:
    """Give a written file a name that may be taken: after a crash it has its old content or the new one.

    For what is too large for `write_atomic`; on the same file system.

    Raises:
        OSError: which of the two it has is not known until it is read again after a restart.
    """
    os.fsync(file.fileno())
    file.path.rename(final)
    _fsync_dir(final.parent)


# Syscalls: one unlink.
def remove(path: Path) -> None:
    """Remove a file if it is there. Not durable by itself: after a crash it may be back."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()


# Syscalls: open with O_WRONLY; write, CHUNK bytes at most each, until as many zero bytes are written as the
# file has; fsync; close; unlink; then open, fsync and close of the parent folder. Only the last three where
# there is no such file.
def destroy(path: Path) -> None:
    """Overwrite a secret file where it lies, then remove it; when this returns no crash brings it back.

    How much an overwrite is worth is up to the medium: flash and copy-on-write file systems may keep the old
    bytes. Harmless when repeated: a crash leaves the file as it was, overwritten, or gone.

    Raises:
        OSError: it may still be there.
    """
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        _fsync_dir(path.parent)  # an unlink that a crash interrupted may not be on the device yet
        return
    try:
        _overwrite(fd)
    finally:
        os.close(fd)
    path.unlink()
    _fsync_dir(path.parent)


# Syscalls: one ioctl with FITRIM on the folder.
def trim(root_fd: int) -> bool:
    """Have a file system tell its disk which blocks are free, so that the disk forgets them; whether it is.

    To ask for it (FITRIM) takes CAP_SYS_ADMIN, which the daemon does not have. A file system that is mounted
    with ``discard`` tells its disk by itself, when what was removed is durable. Whether the disk listens,
    nobody knows.

    Args:
        root_fd: from `open_dir`.
    """
    whole = struct.pack("=QQQ", 0, 0xFFFFFFFFFFFFFFFF, 0)  # struct fstrim_range: start, length, shortest
    try:
        fcntl.ioctl(root_fd, _FITRIM, whole)
        return True
    except OSError:
        try:
            mounts = _MOUNTS.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        return discards(mounts, os.fstat(root_fd).st_dev)


def discards(mounts: str, device: int) -> bool:
    """Tell whether a file system is mounted with ``discard``.

    Args:
        mounts: lines of ``/proc/self/mountinfo`` (proc_pid_mountinfo(5)).
        device: its ``st_dev``.
    """
    name = f"{os.major(device)}:{os.minor(device)}"
    for line in mounts.splitlines():
        mount, _, kind = line.partition(" - ")
        options = kind.split(" ")[-1].split(",")
        if mount.split(" ")[2:3] == [name] and not _DISCARD.isdisjoint(options):
            return True
    return False


def _overwrite(fd: int) -> None:
    rest = os.fstat(fd).st_size
    zeros = memoryview(bytes(min(rest, CHUNK)))
    while rest:
        rest -= os.write(fd, zeros[:rest])
    os.fsync(fd)


def _readv(fd: int, buffer: mmap.mmap) -> int:
    try:
        return os.readv(fd, [buffer])
    except OSError as error:
        if error.errno != errno.EINVAL or _set_direct(fd, False):
            raise
        return os.readv(fd, [buffer])


def _set_direct(fd: int, on: bool) -> bool:
    """Switch a descriptor's O_DIRECT; whether it is on now."""
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    try:
        fcntl.fcntl(fd, fcntl.F_SETFL, flags | os.O_DIRECT if on else flags & ~os.O_DIRECT)
    except OSError as error:
        if error.errno != errno.EINVAL or not on:
            raise
        return False
    return on


def _fsync_dir(path: Path) -> None:
    fd = open_dir(path)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_file_system(fd: int) -> None:
    """Return when all of an open folder's file system is on the device, whoever wrote it; OSError if not."""
    # A signal may interrupt the wait; what was written so far stays written, so asking again is right.
    while _libc.syncfs(fd) != 0:
        number = ctypes.get_errno()
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))

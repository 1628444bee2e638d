"""A card that misbehaves: a file system in user space, spoken to the kernel over /dev/fuse.

The kernel turns what is made here into real directory entries, real sizes and real errors, so that the source
worker meets them as it would meet a damaged card. Read-only but for unlink. The protocol is that of
``include/uapi/linux/fuse.h``, version 7.31; needs root.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_IN = struct.Struct("<IIQQIIII")
_OUT = struct.Struct("<IiQ")
_INIT = struct.Struct("<IIIIHHIIHHII24x")
_ATTR = struct.Struct("<6Q10I")
_ENTRY = struct.Struct("<QQQQII")
_ATTR_VALID = struct.Struct("<QII")
_OPENED = struct.Struct("<QIi")
_READ = struct.Struct("<QQI")
_DIRENT = struct.Struct("<QQII")
_DIRECT_IO = 1
_REQUEST = (1 << 20) + 4096
_MNT_FORCE, _MNT_DETACH = 1, 2
_LOOKUP, _FORGET, _GETATTR, _UNLINK, _OPEN, _READ_FILE, _STATFS = 1, 2, 3, 10, 14, 15, 17
_RELEASE, _FSYNC, _FLUSH, _INIT_OP, _OPENDIR, _READDIR, _RELEASEDIR = 18, 20, 25, 26, 27, 28, 29
_FSYNCDIR, _ACCESS, _INTERRUPT, _BATCH_FORGET = 30, 34, 36, 42
_SILENT = {_FORGET, _INTERRUPT, _BATCH_FORGET}
_EMPTY = {_RELEASE, _FSYNC, _FLUSH, _RELEASEDIR, _FSYNCDIR, _ACCESS}

Read = Callable[[int, int], bytes]
"""Offset and size to bytes; an OSError becomes the errno that the reader gets."""


@dataclass(eq=False)
class File:
    """A file: what it says its size is, and how it is read."""

    size: int
    read: Read
    mode: int = stat.S_IFREG | 0o644
    inode: int = 0
    links: int = 1


@dataclass(eq=False)
class Folder:
    """A folder: its names, made anew for each listing; those from ``fails_after`` on cannot be read.

    A name without a node is listed and not there.
    ``deletes``: a name that is unlinked is gone, else that is only said. ``syncs``: that can be made durable.
    """

    names: Callable[[], Sequence[tuple[bytes, Node | None]]]
    fails_after: int | None = None
    deletes: bool = True
    syncs: bool = True
    mode: int = stat.S_IFDIR | 0o555
    inode: int = 0
    size: int = 0
    links: int = 1
    removed: list[bytes] = field(default_factory=list)


Node = File | Folder


def data(content: bytes, *, announced: int | None = None) -> File:
    """A file with this content, which may say that it has another size."""
    size = len(content) if announced is None else announced
    return File(size, lambda offset, count: content[offset : offset + count])


def with_bad_sector(content: bytes, at: int) -> File:
    """A file of which the 512 bytes from ``at`` cannot be read."""

    def read(offset: int, count: int) -> bytes:
        if offset < at + 512 and offset + count > at:
            raise OSError(errno.EIO, "bad sector")
        return content[offset : offset + count]

    return File(len(content), read)


def folder(names: Mapping[str, Node]) -> Folder:
    """A folder with these names."""
    found = [(os.fsencode(name), node) for name, node in names.items()]
    return Folder(lambda: found)


def why_not() -> str:
    """Why such a card cannot be mounted here; empty where it can."""
    if os.geteuid() != 0:
        return "mounting a file system needs root"
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        return f"no FUSE here: {error.strerror}"
    return ""


@contextmanager
def mounted(root: Folder, at: Path) -> Iterator[Path]:
    """Mount ``root`` at a new directory and answer the kernel until the end of the block."""
    libc = ctypes.CDLL(None, use_errno=True)
    at.mkdir(exist_ok=True)
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    if libc.mount(b"virtual-card", os.fsencode(at), b"fuse", 0, options) != 0:
        os.close(device)
        raise OSError(ctypes.get_errno(), "mount")
    server = threading.Thread(target=_Server(device, root).answer_all, name="fuse", daemon=True)
    server.start()
    try:
        yield at
    finally:
        pull_out(at)
        libc.umount2(os.fsencode(at), _MNT_DETACH)
        os.close(device)  # ends what still waits for an answer
        server.join(5)


def pull_out(at: Path) -> None:
    """Break the connection behind a mounted card: every call on it fails from now on."""
    ctypes.CDLL(None).umount2(os.fsencode(at), _MNT_FORCE)  # busy, so it stays mounted


class _Server:
    def __init__(self, device: int, root: Folder) -> None:
        self._device = device
        self._root = root
        self._nodes: dict[int, Node] = {1: root}
        self._numbers: dict[int, int] = {id(root): 1}

    def answer_all(self) -> None:
        while True:
            try:
                request = os.read(self._device, _REQUEST)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.ENOENT):
                    continue
                return  # unmounted
            _, opcode, unique, number, *_ = _IN.unpack_from(request)
            if opcode in _SILENT:
                continue
            try:
                error_number, answer = (
                    0,
                    self._answer(opcode, self._nodes.get(number, self._root), request[_IN.size :]),
                )
            except OSError as error:
                error_number, answer = -(error.errno or errno.EIO), b""
            try:
                os.write(self._device, _OUT.pack(_OUT.size + len(answer), error_number, unique) + answer)
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.EINVAL):  # nobody waits for it, or it is refused
                    return

    def _answer(self, opcode: int, node: Node, body: bytes) -> bytes:
        if opcode == _INIT_OP:
            return _INIT.pack(7, 31, 1 << 17, 0, 16, 12, 1 << 20, 1, 256, 0, 0, 0)
        if opcode == _GETATTR:
            return _ATTR_VALID.pack(0, 0, 0) + self._attributes(node)
        if opcode == _LOOKUP and isinstance(node, Folder):
            return self._found(node, body.rstrip(b"\0"))
        if opcode == _OPEN:
            return _OPENED.pack(0, _DIRECT_IO, 0)
        if opcode == _OPENDIR:
            return _OPENED.pack(0, 0, 0)
        if opcode == _READ_FILE and isinstance(node, File):
            _, offset, size = _READ.unpack_from(body)
            return node.read(offset, size)
        if opcode == _READDIR and isinstance(node, Folder):
            _, offset, size = _READ.unpack_from(body)
            return self._listing(node, offset, size)
        if opcode == _UNLINK and isinstance(node, Folder):
            if node.deletes:
                removed = dict(node.names())[body.rstrip(b"\0")]
                if removed is not None:
                    removed.links = 0
                node.removed.append(body.rstrip(b"\0"))
            return b""
        if opcode == _FSYNCDIR and isinstance(node, Folder) and not node.syncs:
            raise OSError(errno.EIO, "cannot be written")
        if opcode in _EMPTY:
            return b""
        raise OSError(errno.ENOSYS, "not answered")

    def _found(self, node: Folder, wanted: bytes) -> bytes:
        for name, inner in node.names():
            if name == wanted and name not in node.removed and inner is not None:
                number = self._numbers.setdefault(id(inner), len(self._nodes) + 1)
                self._nodes[number] = inner
                return _ENTRY.pack(number, 0, 0, 0, 0, 0) + self._attributes(inner)
        raise OSError(errno.ENOENT, "no such name")

    def _attributes(self, node: Node) -> bytes:
        inode = node.inode or self._numbers[id(node)]
        now = 1_700_000_000
        return _ATTR.pack(
            inode, node.size, 0, now, now, now, 0, 0, 0, node.mode, node.links, 0, 0, 0, 512, 0
        )  # fmt: skip

    def _listing(self, node: Folder, offset: int, size: int) -> bytes:
        answer = b""
        for at, (name, inner) in enumerate(node.names()):
            if at < offset:
                continue
            if node.fails_after is not None and at >= node.fails_after:
                if answer:
                    break
                raise OSError(errno.EIO, "bad sector in the folder")
            if name in node.removed:
                continue
            kind = 0 if inner is None else stat.S_IFMT(inner.mode) >> 12
            inode = at + 2 if inner is None else inner.inode or at + 2
            entry = _DIRENT.pack(inode, at + 1, len(name), kind) + name
            entry += bytes(-len(entry) % 8)
            if len(answer) + len(entry) > size:
                break
            answer += entry
        return answer

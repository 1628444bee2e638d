"""A stick that misbehaves: a writable file system in user space, spoken to the kernel over /dev/fuse.

The page cache, O_DIRECT, errors and unmounting are the kernel's own. Blocks lie on one flat medium, so a
stick that claims more room than it has overwrites what was written first, as a counterfeit one does. The
protocol is that of ``include/uapi/linux/fuse.h``, version 7.31; needs root.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.virtual.fuse import _MNT_DETACH, pull_out, why_not

__all__ = ["Fault", "Stick", "plugged_in", "why_not"]

BLOCK = 4096
_IN = struct.Struct("<IIQQIIII")
_OUT = struct.Struct("<IiQ")
_INIT = struct.Struct("<IIIIHHIIHHII24x")
_ATTR = struct.Struct("<6Q10I")
_ENTRY = struct.Struct("<QQQQII")
_ATTR_VALID = struct.Struct("<QII")
_OPENED = struct.Struct("<QIi")
_READ = struct.Struct("<QQI")
_WRITE = struct.Struct("<QQIIQII")
_SETATTR = struct.Struct("<IIQQ")
_STATFS = struct.Struct("<QQQQQIIII24x")
_DIRENT = struct.Struct("<QQII")
_SIZE_IS_SET = 1 << 3
_REQUEST = (1 << 20) + 4096
_SILENT = {2, 36, 42}  # forget, interrupt, forget many
_NO_FLUSH = 1 << 5
"""FOPEN_NOFLUSH (Linux 5.16): close(2) asks nothing of us, as it asks nothing of vfat or exfat. Else whoever
starts a program while a write hangs here would wait with it: a child closes what is open."""
_EMPTY = {18, 20, 25, 29, 30, 34, 50}  # release, fsync, flush, releasedir, fsyncdir, access, syncfs


@dataclass
class Fault:
    """What is wrong with a stick; bytes are counted over everything that was written to it.

    Attributes:
        claims: bytes that it says it has.
        has: bytes that it has; what is written beyond begins at the start again.
        error: raised by writes from ``error_after`` bytes on.
        late: the error is not said when something is written, but at the next sync.
        pulled_after: it is pulled out when so much was written.
        flips: of every block of files whose name ends so, one bit comes back changed.
        slow_s: for each write.
        locked: it is write-protected, and does not say so before.
        error_on_rename: it takes every byte, and no name.
    """

    claims: int = 64 << 20
    has: int = 64 << 20
    error: int = 0
    error_after: int = 0
    late: bool = False
    pulled_after: int = -1
    flips: str = ""
    slow_s: float = 0.0
    locked: bool = False
    error_on_rename: int = 0


@dataclass(eq=False)
class _File:
    mode: int = stat.S_IFREG | 0o600
    size: int = 0
    blocks: dict[int, int] = field(default_factory=dict)  # of the file -> of the medium


@dataclass(eq=False)
class _Folder:
    mode: int = stat.S_IFDIR | 0o700
    names: dict[bytes, _File | _Folder] = field(default_factory=dict)
    size: int = 0


class Stick:
    """A mounted stick."""

    def __init__(self, at: Path, fault: Fault) -> None:
        self.at = at
        self.fault = fault
        self.written = 0
        self.top = _Folder()
        self.writing = threading.Event()
        """Set when the first byte of a file came."""
        self.go_on = threading.Event()
        """Writes wait for it."""
        self.go_on.set()
        self._medium: dict[int, bytes] = {}
        self._next = 0
        self._failing = False
        self._nodes: dict[int, _File | _Folder] = {1: self.top}
        self._numbers: dict[int, int] = {id(self.top): 1}
        self._answers: dict[int, Callable[[_File | _Folder, bytes], bytes]] = {
            1: self._lookup,
            3: self._getattr,
            4: self._setattr,
            9: self._mkdir,
            10: self._remove,
            11: self._remove,
            14: lambda _node, _body: _OPENED.pack(0, _NO_FLUSH, 0),
            12: self._replace,
            15: self._read,
            16: self._write,
            17: self._statfs,
            27: lambda _node, _body: _OPENED.pack(0, _NO_FLUSH, 0),
            28: self._list,
            35: self._create,
            45: self._rename,
        }

    def names(self) -> list[str]:
        """What is in the top folder, by what the stick itself knows."""
        return sorted(os.fsdecode(name) for name in self.top.names)

    def pull_out(self) -> None:
        """Every call on it fails from now on."""
        pull_out(self.at)

    def serve(self, device: int) -> None:
        """Answer the kernel until it is unmounted."""
        while True:
            try:
                request = os.read(device, _REQUEST)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.ENOENT):
                    continue
                return
            _, opcode, unique, number, *_ = _IN.unpack_from(request)
            if opcode in _SILENT:
                continue
            try:
                code, answer = 0, self._answer(opcode, number, request[_IN.size :])
            except OSError as error:
                code, answer = -(error.errno or errno.EIO), b""
            try:
                os.write(device, _OUT.pack(_OUT.size + len(answer), code, unique) + answer)
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.EINVAL):
                    return

    def _answer(self, opcode: int, number: int, body: bytes) -> bytes:
        if opcode == 26:
            return _INIT.pack(7, 31, 1 << 17, 0, 16, 12, 1 << 17, 1, 0, 0, 0, 0)
        if opcode in _EMPTY:
            if opcode in (20, 30, 50) and self._failing and self.fault.late:
                raise OSError(self.fault.error, "late")
            return b""
        if opcode not in self._answers:
            raise OSError(errno.ENOSYS, "not answered")
        node = self._nodes.get(number)
        if node is None:
            raise OSError(errno.ESTALE, "no such node")
        return self._answers[opcode](node, body)

    def _lookup(self, node: _File | _Folder, body: bytes) -> bytes:
        return self._entry(self._in(node)[body.rstrip(b"\0")])

    def _in(self, node: _File | _Folder) -> _Names:
        if not isinstance(node, _Folder):
            raise OSError(errno.ENOTDIR, "no folder")
        return _Names(node)

    def _entry(self, node: _File | _Folder) -> bytes:
        number = self._numbers.setdefault(id(node), len(self._numbers) + 1)
        self._nodes[number] = node
        return _ENTRY.pack(number, 0, 0, 0, 0, 0) + self._attributes(node)

    def _attributes(self, node: _File | _Folder) -> bytes:
        now = 1_700_000_000
        inode = self._numbers[id(node)]
        blocks = -(-node.size // 512)
        return _ATTR.pack(inode, node.size, blocks, now, now, now, 0, 0, 0, node.mode, 1, 0, 0, 0, BLOCK, 0)

    def _getattr(self, node: _File | _Folder, _body: bytes) -> bytes:
        return _ATTR_VALID.pack(0, 0, 0) + self._attributes(node)

    def _setattr(self, node: _File | _Folder, body: bytes) -> bytes:
        valid, _, _, size = _SETATTR.unpack_from(body)
        if valid & _SIZE_IS_SET:
            node.size = size
        return self._getattr(node, body)

    def _may_write(self) -> None:
        if self.fault.locked:
            raise OSError(errno.EROFS, "locked")

    def _mkdir(self, node: _File | _Folder, body: bytes) -> bytes:
        self._may_write()
        made = _Folder()
        self._in(node).folder.names[body[8:].rstrip(b"\0")] = made
        return self._entry(made)

    def _create(self, node: _File | _Folder, body: bytes) -> bytes:
        self._may_write()
        made = _File()
        self._in(node).folder.names[body[16:].rstrip(b"\0")] = made
        return self._entry(made) + _OPENED.pack(0, _NO_FLUSH, 0)

    def _remove(self, node: _File | _Folder, body: bytes) -> bytes:
        self._may_write()
        name = body.rstrip(b"\0")
        removed = self._in(node)[name]
        if isinstance(removed, _Folder) and removed.names:
            raise OSError(errno.ENOTEMPTY, "not empty")
        del self._in(node).folder.names[name]
        return b""

    def _rename(self, node: _File | _Folder, body: bytes) -> bytes:
        self._may_write()
        if self.fault.error_on_rename:
            raise OSError(self.fault.error_on_rename, "no name")
        number, flags, _ = struct.unpack_from("<QII", body)
        return self._move(node, number, flags, body[16:])

    def _replace(self, node: _File | _Folder, body: bytes) -> bytes:
        """rename(2), where `_rename` is renameat2(2) with flags."""
        self._may_write()
        return self._move(node, struct.unpack_from("<Q", body)[0], 0, body[8:])

    def _move(self, node: _File | _Folder, number: int, flags: int, names: bytes) -> bytes:
        old, new = names.split(b"\0")[:2]
        target = self._in(self._nodes[number]).folder
        if flags & 1 and new in target.names:
            raise OSError(errno.EEXIST, "taken")
        target.names[new] = self._in(node)[old]
        del self._in(node).folder.names[old]
        return b""

    def _write(self, node: _File | _Folder, body: bytes) -> bytes:
        assert isinstance(node, _File)
        _, offset, size, *_ = _WRITE.unpack_from(body)
        data = body[_WRITE.size : _WRITE.size + size]
        self.writing.set()
        self.go_on.wait(30)
        if self.fault.slow_s:
            time.sleep(self.fault.slow_s)
        if self.fault.error and self.written + size > self.fault.error_after:
            self._failing = True
            if not self.fault.late:
                raise OSError(self.fault.error, "failed")
        if self.written + size > self.fault.claims:
            raise OSError(errno.ENOSPC, "full")
        self._put(node, offset, data)
        self.written += size
        if 0 <= self.fault.pulled_after <= self.written:
            self.fault.pulled_after = -1
            # By another thread: the kernel waits for this answer.
            threading.Thread(target=self.pull_out, daemon=True).start()
            time.sleep(0.05)
            raise OSError(errno.EIO, "gone")
        return struct.pack("<II", size, 0)

    def _put(self, file: _File, offset: int, data: bytes) -> None:
        while data:
            block, inside = divmod(offset, BLOCK)
            piece, data = data[: BLOCK - inside], data[BLOCK - inside :]
            if block not in file.blocks:
                file.blocks[block] = self._next % (self.fault.has // BLOCK)
                self._next += 1
            at = file.blocks[block]
            old = self._medium.get(at, bytes(BLOCK))
            self._medium[at] = old[:inside] + piece + old[inside + len(piece) :]
            offset += len(piece)
            file.size = max(file.size, offset)

    def _read(self, node: _File | _Folder, body: bytes) -> bytes:
        assert isinstance(node, _File)
        _, offset, size = _READ.unpack_from(body)
        end = min(offset + size, node.size)
        first, last = offset // BLOCK, -(-end // BLOCK)
        blocks = [self._medium.get(node.blocks.get(n, -1), bytes(BLOCK)) for n in range(first, last)]
        if self.fault.flips and self._name_of(node).endswith(os.fsencode(self.fault.flips)):
            blocks = [bytes([block[0] ^ 1]) + block[1:] for block in blocks]
        return b"".join(blocks)[offset - first * BLOCK : max(end - first * BLOCK, 0)]

    def _name_of(self, wanted: _File) -> bytes:
        left: list[_Folder] = [self.top]
        while left:
            for name, node in left.pop().names.items():
                if node is wanted:
                    return name
                if isinstance(node, _Folder):
                    left.append(node)
        return b""

    def _statfs(self, _node: _File | _Folder, _body: bytes) -> bytes:
        total = self.fault.claims // BLOCK
        free = max(0, total - self._next)
        return _STATFS.pack(total, free, free, 0, 0, BLOCK, 255, BLOCK, 0)

    def _list(self, node: _File | _Folder, body: bytes) -> bytes:
        _, offset, size = _READ.unpack_from(body)
        answer = b""
        for at, (name, inner) in enumerate(self._in(node).folder.names.items()):
            if at < offset:
                continue
            entry = _DIRENT.pack(at + 2, at + 1, len(name), stat.S_IFMT(inner.mode) >> 12) + name
            entry += bytes(-len(entry) % 8)
            if len(answer) + len(entry) > size:
                break
            answer += entry
        return answer


class _Names:
    def __init__(self, folder: _Folder) -> None:
        self.folder = folder

    def __getitem__(self, name: bytes) -> _File | _Folder:
        if name not in self.folder.names:
            raise OSError(errno.ENOENT, "no such name")
        return self.folder.names[name]


@contextmanager
def plugged_in(at: Path, fault: Fault | None = None) -> Iterator[Stick]:
    """Mount an empty stick at a directory until the end of the block."""
    libc = ctypes.CDLL(None, use_errno=True)
    at.mkdir(exist_ok=True)
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other,max_read=131072".encode()
    if libc.mount(b"virtual-stick", os.fsencode(at), b"fuse", 0, options) != 0:
        os.close(device)
        raise OSError(ctypes.get_errno(), "mount")
    stick = Stick(at, fault or Fault())
    server = threading.Thread(target=stick.serve, args=(device,), name="stick", daemon=True)
    server.start()
    try:
        yield stick
    finally:
        stick.go_on.set()
        stick.pull_out()
        libc.umount2(os.fsencode(at), _MNT_DETACH)
        os.close(device)
        server.join(5)

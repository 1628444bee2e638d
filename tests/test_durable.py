"""The durable calls make the system calls that their comments say, and mean what they say."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from medkiosk import durable

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]

_TRACED = (
    "mkdir,utimensat,fcntl,openat,rename,renameat2,unlink,write,fsync,fdatasync,syncfs,fadvise64,readv,close"
)


def strace_works() -> bool:
    strace = shutil.which("strace")
    return (
        strace is not None and subprocess.run([strace, "-o", os.devnull, "true"], check=False).returncode == 0
    )


def trace(folder: Path, code: str) -> list[str]:
    """Run code with ``folder`` as ``here``; return the system calls between two marks, with file names."""
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom medkiosk import durable\nhere = Path(sys.argv[1])\n"
        "root = durable.open_dir(here)\nos.access('MARK', 0)\n" + code + "\nos.access('MARK', 0)\n"
    )
    log = folder.with_suffix(".strace")
    subprocess.run(
        [
            "strace",
            "-y",
            "-o",
            str(log),
            "-e",
            f"trace={_TRACED},access",
            sys.executable,
            "-c",
            script,
            str(folder),
        ],
        check=True,
    )
    calls = []
    inside = False
    for line in log.read_text().splitlines():
        if 'access("MARK"' in line:
            inside = not inside
        elif inside and (found := re.match(r"(\w+)\((.*)\)\s+= ", line)):
            name, arguments = found.groups()
            files = re.findall(re.escape(str(folder)) + r"/?([\w./-]*)", arguments)
            advice = re.findall(r"POSIX_FADV_\w+|RENAME_NOREPLACE|RENAME_EXCHANGE", arguments)
            calls.append(" ".join([name, *dict.fromkeys(file or "." for file in files), *advice]))
    return calls


needs_strace = pytest.mark.skipif(not strace_works(), reason="strace cannot trace here")


@needs_strace
def test_write_atomic_calls(tmp_path: Path) -> None:
    assert trace(tmp_path, "durable.write_atomic(here / 'a', b'x')") == [
        "openat a.new",
        "write a.new",
        "fadvise64 a.new POSIX_FADV_DONTNEED",
        "fsync a.new",
        "close a.new",
        "rename a.new a",
        "openat .",
        "fsync .",
        "close .",
    ]


@needs_strace
def test_replace_calls(tmp_path: Path) -> None:
    code = "file = durable.create(here / 'n'); file.write(b'x'); durable.replace(file, here / 'a')"
    (tmp_path / "a").write_bytes(b"old")
    assert trace(tmp_path, code)[3:] == ["fsync n", "rename n a", "openat .", "fsync .", "close ."]
    assert (tmp_path / "a").read_bytes() == b"x"


@needs_strace
def test_small_group_calls(tmp_path: Path) -> None:
    code = (
        "(here / 'tmp').mkdir(); os.access('MARK', 0); os.access('MARK', 0)\n"
        "files = [durable.create(here / 'tmp' / n) for n in 'ab']\n"
        "[file.write(b'x') for file in files]\n"
        "durable.sync_files(root, files)\n"
        "[durable.publish(here / 'tmp' / n, here / n) for n in 'ab']\n"
        "durable.sync_dirs(root, [here, here])\n"
    )
    assert trace(tmp_path, code)[1:] == [
        "openat tmp/a",
        "openat tmp/b",
        "write tmp/a",
        "fadvise64 tmp/a POSIX_FADV_DONTNEED",
        "write tmp/b",
        "fadvise64 tmp/b POSIX_FADV_DONTNEED",
        "fsync tmp/a",
        "fsync tmp/b",
        "renameat2 tmp/a a RENAME_NOREPLACE",
        "renameat2 tmp/b b RENAME_NOREPLACE",
        "openat .",
        "fsync .",
        "close .",
    ]


@needs_strace
def test_large_group_calls(tmp_path: Path) -> None:
    code = (
        "files = [durable.create(here / n) for n in 'abcde']\n"
        "durable.sync_files(root, files)\n"
        "durable.sync_dirs(root, [here / n for n in 'abcde'])\n"
    )
    assert trace(tmp_path, code)[5:] == ["syncfs .", "syncfs ."]


@needs_strace
def test_the_other_calls(tmp_path: Path) -> None:
    assert trace(tmp_path, "durable.make_dir(here / 'd')") == ["mkdir d", "openat .", "fsync .", "close ."]
    (tmp_path / "a").write_bytes(b"x" * 10)
    assert trace(tmp_path, "for piece in durable.read_back(here / 'a'): pass") == [
        "openat a",
        "fadvise64 a POSIX_FADV_DONTNEED",
        "fadvise64 a POSIX_FADV_SEQUENTIAL",
        "readv a",
        "close a",
    ]
    assert trace(tmp_path, "durable.set_time(here / 'a', 86400)") == ["utimensat a"]
    assert (tmp_path / "a").stat().st_mtime == 86400
    assert trace(tmp_path, "durable.remove(here / 'a')") == ["unlink a"]


@needs_strace
def test_destroy_calls(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 32)
    folder = ["openat .", "fsync .", "close ."]
    calls = ["openat a", "write a", "fsync a", "close a", "unlink a", *folder]
    assert trace(tmp_path, "durable.destroy(here / 'a')") == calls
    assert trace(tmp_path, "durable.destroy(here / 'a')") == ["openat a", *folder]


def test_destroy_overwrites_where_the_bytes_lie(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"secret" * 6)
    (tmp_path / "link").hardlink_to(tmp_path / "a")  # the same bytes on the medium
    durable.destroy(tmp_path / "a")
    assert not (tmp_path / "a").exists()
    assert (tmp_path / "link").read_bytes() == bytes(36)
    durable.destroy(tmp_path / "a")
    (tmp_path / "symlink").symlink_to(tmp_path / "link")
    with pytest.raises(OSError, match="symbolic link"):
        durable.destroy(tmp_path / "symlink")


def test_a_large_file_is_overwritten_in_little_memory(tmp_path: Path) -> None:
    path, size = tmp_path / "old", 300 << 20
    with path.open("wb") as file:
        file.truncate(size)
    (tmp_path / "link").hardlink_to(path)
    code = (
        "import resource, sys; from pathlib import Path; from medkiosk import durable;"
        "limit = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize() + (64 << 20);"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit));"
        "durable.destroy(Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    assert not path.exists()
    whole = (tmp_path / "link").stat()
    assert whole.st_size == size
    assert whole.st_blocks * 512 >= size  # written, to the last byte, and no further


@needs_strace
def test_destroy_writes_chunk_by_chunk(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * (2 * durable.CHUNK + 5))
    calls = trace(tmp_path, "durable.destroy(here / 'a')")
    assert calls[:5] == ["openat a", *["write a"] * 3, "fsync a"]


def test_publish_never_replaces(tmp_path: Path) -> None:
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "taken").write_bytes(b"taken")
    with pytest.raises(FileExistsError):
        durable.publish(tmp_path / "new", tmp_path / "taken")
    assert (tmp_path / "taken").read_bytes() == b"taken"
    durable.publish(tmp_path / "new", tmp_path / "free")
    assert (tmp_path / "free").read_bytes() == b"new"
    assert not (tmp_path / "new").exists()
    with pytest.raises(FileNotFoundError) as error:
        durable.publish(tmp_path / "new", tmp_path / "other")
    assert error.value.filename2 == str(tmp_path / "other")


@needs_strace
def test_exchange_calls(tmp_path: Path) -> None:
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "old").write_bytes(b"old")
    assert trace(tmp_path, "durable.exchange(here / 'new', here / 'old')") == [
        "renameat2 new old RENAME_EXCHANGE"
    ]
    assert ((tmp_path / "new").read_bytes(), (tmp_path / "old").read_bytes()) == (b"old", b"new")


@needs_strace
def test_exchange_where_names_cannot_be_exchanged(tmp_path: Path) -> None:
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "old").write_bytes(b"secret")
    (tmp_path / "link").hardlink_to(tmp_path / "old")  # the same bytes on the medium
    code = (
        "import sys; from pathlib import Path; from medkiosk import durable;"
        "durable.exchange(*map(Path, sys.argv[1:]))"
    )
    strace = ["strace", "-qq", "-o", os.devnull, "-e", "inject=renameat2:error=EINVAL"]
    files = [str(tmp_path / "new"), str(tmp_path / "old")]
    subprocess.run([*strace, sys.executable, "-c", code, *files], check=True)
    assert (tmp_path / "old").read_bytes() == b"new"
    assert (tmp_path / "link").read_bytes() == bytes(6)
    assert not (tmp_path / "new").exists()


def test_create_is_exclusive_private_and_follows_no_link(tmp_path: Path) -> None:
    file = durable.create(tmp_path / "a")
    file.write(b"ab")
    file.write(memoryview(b"cd"))
    file.write(b"")
    assert file.size == 4
    file.close()
    file.close()
    with pytest.raises(ValueError, match="closed"):
        file.fileno()
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    assert (tmp_path / "a").read_bytes() == b"abcd"
    (tmp_path / "link").symlink_to(tmp_path / "target")
    for name in ("a", "link"):
        with pytest.raises(OSError, match="File exists"):
            durable.create(tmp_path / name)
    with pytest.raises(FileExistsError):
        durable.make_dir(tmp_path / "a")


def test_write_atomic_replaces_and_recovers_from_a_left_over_file(tmp_path: Path) -> None:
    durable.write_atomic(tmp_path / "a", b"one")
    (tmp_path / "a.new").write_bytes(b"left by a crash, and longer")
    durable.write_atomic(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"two"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a"]


def test_read_back_comes_from_the_device(tmp_path: Path) -> None:
    content = os.urandom(3 * durable.CHUNK + 5)
    file = durable.create(tmp_path / "a")
    file.write(content)
    root = durable.open_dir(tmp_path)
    durable.sync_files(root, [file])
    os.close(root)
    file.close()
    fd = os.open(tmp_path / "a", os.O_RDONLY)
    try:
        os.pread(fd, len(content), 0)
        if not cached(fd):
            pytest.skip("this file system does not tell what is cached")
        pieces = durable.read_back(tmp_path / "a")
        first = bytes(next(pieces))
        assert not cached(fd, at=3 * durable.CHUNK)  # dropped, and not yet read again
        assert first + b"".join(bytes(piece) for piece in pieces) == content
    finally:
        os.close(fd)


def cached(fd: int, at: int = 0) -> bool:
    """Tell whether a page is in the page cache, by mincore(2).

    Reading with RWF_NOWAIT would ask the same, but since Linux 6.x it also starts to fetch what is not there,
    and a quick disk is sometimes done before the answer.
    """
    page = at - at % mmap.PAGESIZE
    size = min(mmap.PAGESIZE, os.fstat(fd).st_size - page)
    with mmap.mmap(fd, size, mmap.MAP_PRIVATE, offset=page) as view:
        pinned = ctypes.c_char.from_buffer(view)
        there = ctypes.c_ubyte()
        failed = _libc.mincore(ctypes.addressof(pinned), size, ctypes.byref(there))
        del pinned
    if failed:
        raise OSError(ctypes.get_errno(), "mincore")
    return bool(there.value & 1)


@needs_strace
@pytest.mark.parametrize(("call", "files"), [("syncfs", "abcdef"), ("fsync", "a")])
def test_a_failed_sync_is_an_error(tmp_path: Path, call: str, files: str) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom medkiosk import durable\nhere = Path(sys.argv[1])\n"
        "root = durable.open_dir(here)\n"
        f"files = [durable.create(here / n) for n in {files!r}]\n"
        "try:\n    durable.sync_files(root, files)\nexcept OSError as error:\n    print(error.errno)\n"
    )
    done = subprocess.run(
        [
            "strace",
            "-o",
            os.devnull,
            "-e",
            f"inject={call}:error=EIO:when=1",
            sys.executable,
            "-c",
            code,
            str(tmp_path),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == f"{errno.EIO}\n"


def blocks(size: int) -> memoryview:
    """Random bytes in memory that begins on a block."""
    buffer = durable.aligned(size)
    buffer[:] = os.urandom(size)
    return memoryview(buffer)


@needs_strace
def test_write_direct_calls(tmp_path: Path) -> None:
    code = (
        "file = durable.create(here / 'a')\n"
        "buffer = memoryview(durable.aligned(8192))\n"
        "file.write_direct(buffer)\nfile.write_direct(buffer[:4096])\nfile.write(b'rest')\n"
    )
    assert trace(tmp_path, code) == [
        "openat a",
        "fcntl a",  # F_GETFL
        "fcntl a",  # F_SETFL with O_DIRECT
        "write a",
        "write a",
        "fcntl a",
        "fcntl a",  # F_SETFL without
        "write a",
        "fadvise64 a POSIX_FADV_DONTNEED",
    ]
    assert (tmp_path / "a").stat().st_size == 3 * 4096 + 4


@pytest.mark.parametrize("where", ["disk", "/dev/shm"])
@pytest.mark.parametrize("tail", [0, 1, 4095])
def test_what_was_written_directly_comes_back(tmp_path: Path, where: str, tail: int) -> None:
    folder = tmp_path if where == "disk" else Path(where)
    if not os.access(folder, os.W_OK):
        pytest.skip(f"{folder} is not here")
    path = folder / f"medkiosk-{os.getpid()}-{tail}"
    content = blocks(3 * durable.BLOCK + tail)
    whole = 3 * durable.BLOCK
    file = durable.create(path)
    try:
        file.write_direct(content[: durable.BLOCK])
        file.write_direct(content[durable.BLOCK : whole])
        file.write(content[whole:])
        assert file.size == len(content)
        os.fsync(file.fileno())
        assert b"".join(bytes(piece) for piece in durable.read_back(path)) == content
    finally:
        file.close()
        path.unlink()


def test_written_directly_is_not_kept_in_the_page_cache(tmp_path: Path) -> None:
    file = durable.create(tmp_path / "a")
    file.write_direct(blocks(1 << 20))
    file.close()
    with (tmp_path / "a").open("rb", buffering=0) as read:
        direct = fcntl.fcntl(read.fileno(), fcntl.F_GETFL)
        assert not direct & os.O_DIRECT
        assert not cached(read.fileno())
        os.pread(read.fileno(), 1, 0)
        if not cached(read.fileno()):
            pytest.skip("this file system does not tell what is cached")


def test_a_full_disk_says_so_past_the_page_cache() -> None:
    file = durable.TmpFile(Path("/dev/full"), os.open("/dev/full", os.O_WRONLY))
    with pytest.raises(OSError, match="No space left"):
        file.write_direct(blocks(durable.BLOCK))
    file.close()


_MOUNTS = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
30 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw,errors=remount-ro
41 30 253:1 / /var/lib/medkiosk rw,nosuid,relatime shared:7 master:3 - ext4 /dev/mapper/data rw,discard
42 30 253:2 /discard /mnt/discard rw,relatime - xfs /dev/discard rw,nodiscard
43 30 0:44 / /mnt/tree rw - btrfs /dev/sdb rw,ssd,discard=async,space_cache=v2
"""


@pytest.mark.parametrize(
    ("device", "told"),
    [((253, 1), True), ((0, 44), True), ((259, 2), False), ((253, 2), False), ((9, 9), False)],
)
def test_a_file_system_that_discards_is_known_by_its_mount(device: tuple[int, int], *, told: bool) -> None:
    assert durable.discards(_MOUNTS, os.makedev(*device)) is told


def test_what_cannot_be_trimmed_is_not_said_to_be() -> None:
    """In the memory there is nothing to trim."""
    memory = Path("/dev/shm")
    if not memory.is_dir():
        pytest.skip("no /dev/shm")
    fd = durable.open_dir(memory)
    try:
        assert not durable.trim(fd)
    finally:
        os.close(fd)

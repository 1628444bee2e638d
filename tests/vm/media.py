"""Cards and sticks as files, with real file systems and files on them; no kernel has to know those.

FAT32 by mtools. exFAT is made by mkfs.exfat; files are put into it here, by Microsoft's "exFAT file system
specification" (2019), sections 6 and 7: enough for files and folders that are written once.
"""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

from tests import gpt

_START = 1 << 20  # where the partition begins: as fdisk and cameras do
_SECTOR = 512
_EOF = 0xFFFFFFFF
_FILE, _STREAM, _NAME, _BITMAP = 0x85, 0xC0, 0xC1, 0x81
_DIRECTORY, _ARCHIVE = 0x10, 0x20
_STAMP = (2026 - 1980) << 25 | 11 << 21 | 2 << 16 | 10 << 11


def _partitioned(path: Path, mib: int, kind: int) -> None:
    """An empty medium with one partition (MBR), 1 MiB from its start."""
    with path.open("wb") as file:
        file.truncate((mib + 1) << 20)
        entry = struct.pack(
            "<B3sB3sII", 0, b"\xfe" * 3, kind, b"\xfe" * 3, _START // _SECTOR, (mib << 20) // _SECTOR
        )
        file.seek(446)
        file.write(entry.ljust(64, b"\0") + b"\x55\xaa")


def fat32(path: Path, files: dict[str, bytes], *, label: str = "EOS_DIGITAL", mib: int = 256) -> Path:
    """A medium with FAT32; ``files`` by their path, with ``/``."""
    _partitioned(path, mib, 0x0C)
    subprocess.run(
        ["mkfs.vfat", "-F", "32", "-n", label, f"--offset={_START // _SECTOR}", path, str(mib << 10)],
        check=True,
        capture_output=True,
    )
    image = f"{path}@@{_START}"
    for folder in _folders(files):
        subprocess.run(["mmd", "-i", image, f"::{folder}"], check=True)
    for name, data in files.items():
        subprocess.run(["mcopy", "-i", image, "-", f"::{name}"], input=data, check=True)
    return path


def read_fat32(path: Path, into: Path) -> None:
    """Copy everything that is on a FAT32 medium into a folder."""
    into.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "MTOOLS_SKIP_CHECK": "1"}
    subprocess.run(
        ["mcopy", "-i", f"{path}@@{_START}", "-s", "-n", "::", into],
        check=True,
        env=environment,
        capture_output=True,
    )


def ext4(path: Path, *, label: str, owner: int, mib: int = 512) -> Path:
    """An empty medium with ext4; ``owner``: whose its top folder is, user and group."""
    _partitioned(path, mib, 0x83)
    options = f"offset={_START},root_owner={owner}:{owner}"
    subprocess.run(
        ["mkfs.ext4", "-q", "-F", "-L", label, "-E", options, path, f"{mib}M"],
        check=True,
        capture_output=True,
    )
    return path


def partitions(disk: Path) -> dict[str, tuple[int, int]]:
    """Start and length of each partition by its label, bytes."""
    return {one.label: (one.offset, one.size) for one in gpt.read(disk)}


def _folders(files: dict[str, bytes]) -> list[str]:
    found = {str(parent) for name in files for parent in Path(name).parents if str(parent) != "."}
    return sorted(found)


def exfat(path: Path, files: dict[str, bytes], *, label: str = "EOS_DIGITAL", mib: int = 256) -> Path:
    """A medium with exFAT; ``files`` by their path, with ``/``."""
    _partitioned(path, mib, 0x07)
    volume = path.with_suffix(".volume")
    with volume.open("wb") as file:
        file.truncate(mib << 20)
    subprocess.run(["mkfs.exfat", "-n", label, volume], check=True, capture_output=True)
    with volume.open("r+b") as file:
        made = bytearray(file.read())
        _Exfat(made).put(files)
        file.seek(0)
        file.write(made)
    subprocess.run(
        ["dd", f"if={volume}", f"of={path}", "bs=1M", "seek=1", "conv=notrunc,sparse", "status=none"],
        check=True,
    )
    volume.unlink()
    return path


class _Exfat:
    """A fresh exFAT volume in memory, filled from its first free cluster on."""

    def __init__(self, volume: bytearray) -> None:
        self._volume = volume
        self._fat, _, self._heap, self._count, self._root = struct.unpack_from("<IIIII", volume, 80)
        sector, cluster = volume[108], volume[109]
        self._sector = 1 << sector
        self._size = 1 << (sector + cluster)
        root = self._at(self._root)
        self._bitmap = next(
            self._at(struct.unpack_from("<I", volume, at + 20)[0])
            for at in range(root, root + self._size, 32)
            if volume[at] == _BITMAP
        )
        self._next = 2 + next(n for n in range(self._count) if not self._used(n))

    def put(self, files: dict[str, bytes]) -> None:
        """Write files and the folders that they are in."""
        tree: dict[str, list[bytes]] = {".": []}
        for folder in _folders(files):
            tree[folder] = []
        for name, data in files.items():
            tree[str(Path(name).parent)].append(self._entry(Path(name).name, data, _ARCHIVE))
        for folder in sorted(tree, key=lambda each: -each.count("/")):
            if folder != ".":
                listed = b"".join(tree[folder])
                data = listed.ljust(-(-(len(listed) + 32) // self._size) * self._size, b"\0")
                tree[str(Path(folder).parent)].append(self._entry(Path(folder).name, data, _DIRECTORY))
        root = self._at(self._root)
        first = next(at for at in range(root, root + self._size, 32) if not self._volume[at])
        listed = b"".join(tree["."])
        if first + len(listed) + 32 > root + self._size:
            raise ValueError("too many files in the top folder")
        self._volume[first : first + len(listed)] = listed

    def _at(self, cluster: int) -> int:
        return int(self._heap * self._sector + (cluster - 2) * self._size)

    def _used(self, number: int) -> bool:
        return bool(self._volume[self._bitmap + number // 8] >> number % 8 & 1)

    def _entry(self, name: str, data: bytes, attributes: int) -> bytes:
        first = 0
        if data:
            first, clusters = self._next, -(-len(data) // self._size)
            self._next += clusters
            if self._next > self._count + 2:
                raise ValueError("the medium is full")
            self._volume[self._at(first) : self._at(first) + len(data)] = data
            for number in range(first - 2, first - 2 + clusters):
                self._volume[self._bitmap + number // 8] |= 1 << number % 8
        letters = name.encode("utf-16-le")
        pieces = [letters[at : at + 30].ljust(30, b"\0") for at in range(0, len(letters), 30)]
        hashed = _name_hash(name.upper().encode("utf-16-le"))
        # AllocationPossible and NoFatChain: the clusters lie one after another.
        stream = struct.pack(
            "<BBBBHHQII Q".replace(" ", ""),
            _STREAM,
            3 if data else 1,
            0,
            len(name),
            hashed,
            0,
            len(data),
            0,
            first,
            len(data),
        )
        file = struct.pack(
            "<BBHHHIIIBBBBB7x",
            _FILE,
            1 + len(pieces),
            0,
            attributes,
            0,
            _STAMP,
            _STAMP,
            _STAMP,
            0,
            0,
            0x80,
            0x80,
            0x80,
        )
        entries = bytearray(file + stream + b"".join(bytes([_NAME, 0]) + piece for piece in pieces))
        struct.pack_into("<H", entries, 2, _checksum(entries))
        return bytes(entries)


def _checksum(entries: bytes | bytearray) -> int:
    """EntrySetChecksum, section 6.3.3 (bytes 2 and 3 are its own place)."""
    total = 0
    for place, byte in enumerate(entries):
        if place not in {2, 3}:
            total = ((total & 1) << 15 | total >> 1) + byte & 0xFFFF
    return total


def _name_hash(name: bytes) -> int:
    """NameHash, section 7.6.4, of the name in capitals."""
    total = 0
    for byte in name:
        total = ((total & 1) << 15 | total >> 1) + byte & 0xFFFF
    return total

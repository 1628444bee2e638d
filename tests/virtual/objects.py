"""What lies on the virtual camera's cards: a folder tree seen as PTP objects with handles."""

from __future__ import annotations

import json
import os
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from tests.virtual.faults import Fault
from tests.virtual.ptpip import string

ROOT = 0xFFFFFFFF
"""The parent handle by which an initiator asks for what lies at the top of a storage."""

FOLDER = 0x3001
_FORMATS = {
    ".JPG": 0x3801,
    ".CR3": 0xB108,
    ".HIF": 0xB10B,
    ".MP4": 0xB982,
    ".MOV": 0x300D,
    ".WAV": 0x3008,
    ".MRK": 0x3006,
}
_UNDEFINED = 0x3000
_EOS_NAME = 12  # characters that libgphoto2 keeps of a name in an EOS folder entry
_NOT_DOWNLOADED = 0x20
_PROTECTED = 0x01
_MAX_SIZE = 0xFFFFFFFF


@dataclass(frozen=True)
class Object:
    """A file or folder. ``parent`` is 0 at the top of a storage."""

    handle: int
    storage: int
    parent: int
    name: str
    format: int
    size: int
    mtime: int
    path: Path
    announced_size: int
    protected: bool = False


class Cards:
    """The objects of all slots, as they were when it was made.

    Args:
        root: holds ``slot1`` and ``slot2``, or ``DCIM``, which then is slot 1. An optional ``names.json``
            maps a file's path below ``root`` to the name announced for it, for names that no file
            system takes; surrogates U+DC80 to U+DCFF stand for bytes that are not UTF-8. A file that its
            owner may not write is protected, as if by the camera's menu.
    """

    def __init__(self, root: Path, faults: Fault | None = None) -> None:
        self._faults = faults or Fault()
        self.objects: dict[int, Object] = {}
        self.children: dict[tuple[int, int], list[Object]] = {}
        names_file = root / "names.json"
        self._root = root
        self._names: dict[str, str] = json.loads(names_file.read_text()) if names_file.exists() else {}
        slots = [root / "slot1", root / "slot2"]
        if not any(slot.is_dir() for slot in slots):
            slots = [root]
        self.storages: list[int] = []
        for number, slot in enumerate(slots, 1):
            if slot.is_dir():
                storage = number << 16 | 1
                self.storages.append(storage)
                self._next = 0x90000000 + (number << 24) + self._faults.handle_shift()
                self._scan(slot, storage, 0)

    def _scan(self, folder: Path, storage: int, parent: int) -> None:
        found = self.children[storage, parent] = []
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: os.fsencode(entry.name)):
                if parent == 0 and not entry.is_dir():
                    continue  # names.json and the like; the R6 shows folders only at the top
                path = Path(entry.path)
                status = entry.stat()
                is_folder = entry.is_dir()
                self._next += 1
                size = 0 if is_folder else status.st_size
                child = Object(
                    handle=self._next,
                    storage=storage,
                    parent=parent,
                    name=self._names.get(path.relative_to(self._root).as_posix(), entry.name),
                    format=FOLDER if is_folder else _FORMATS.get(path.suffix.upper(), _UNDEFINED),
                    size=size,
                    mtime=int(status.st_mtime),
                    path=path,
                    # Sizes are 32 bit on the wire; a larger file is announced as all ones.
                    announced_size=min(self._faults.size(entry.name, size), _MAX_SIZE),
                    protected=not is_folder and not status.st_mode & 0o200,
                )
                self.objects[child.handle] = child
                found.append(child)
                if is_folder:
                    self._scan(path, storage, child.handle)

    def delete(self, handle: int) -> bool:
        """Remove a file from card and list; False where it is protected. A folder stays."""
        item = self.objects[handle]
        if item.protected:
            return False
        if item.format != FOLDER:
            item.path.unlink(missing_ok=True)
            del self.objects[handle]
            self.children[item.storage, item.parent].remove(item)
        return True

    def in_folder(self, storage: int, parent: int) -> list[Object] | None:
        """What lies in a folder (`ROOT` for the top); None where there is no such folder."""
        return self.children.get((storage, 0 if parent == ROOT else parent))


def _flags(item: Object) -> int:
    return _NOT_DOWNLOADED | (_PROTECTED if item.protected else 0)


def eos_entries(objects: list[Object]) -> bytes | None:
    """The answer to EOS GetObjectInfoEx: 56 bytes an object.

    None where a name does not fit (a real R6 has only 8.3 names): the initiator then falls back to the
    standard PTP operations.
    """
    parts = [struct.pack("<I", len(objects))]
    for item in objects:
        name = os.fsencode(item.name)
        if len(name) > _EOS_NAME:
            return None
        entry = struct.pack(
            "<IIIIIIII16sI",
            item.handle,
            item.storage,
            item.format,
            0,
            _flags(item),
            item.announced_size,
            item.parent,
            item.handle,
            name,
            item.mtime,
        )
        parts.append(struct.pack("<I", len(entry) + 4) + entry)
    return b"".join(parts)


def object_info(item: Object) -> bytes:
    """The PTP ObjectInfo dataset."""
    moment = time.strftime("%Y%m%dT%H%M%S", time.gmtime(item.mtime))
    return (
        struct.pack(
            "<IHHIHIIIIIIIHII",
            item.storage,
            item.format,
            1 if item.protected else 0,
            item.announced_size,
            0x3808 if item.format != FOLDER else 0,
            0,
            160,
            120,
            0,
            0,
            0,
            item.parent,
            1 if item.format == FOLDER else 0,
            0,
            0,
        )
        + string(item.name)
        + string(moment)
        + string(moment)
        + string("")
    )

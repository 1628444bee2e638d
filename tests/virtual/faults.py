"""What can go wrong with the virtual camera: one named switch each, given as ``NAME`` or ``NAME=ARGUMENT``.

A fault is a set of hooks that the responder asks; the base class changes nothing. To add one, write the
class and put it in `FAULTS`: its docstring is its documentation. ``NAME`` in an argument is an object's
name; ``*`` or nothing means every object.
"""

from __future__ import annotations

import os
import re
import struct
import time
from collections.abc import Callable, Iterable
from functools import reduce
from pathlib import Path

from tests.virtual.ptpip import Answer

_DATA_OPERATIONS = frozenset({0x1009, 0x101B})
_LIST_OPERATIONS = frozenset({0x9109, 0x1007, 0x1008})
_UNITS = {"": 1, "MiB": 1 << 20, "GiB": 1 << 30}


def sparse_film(path: Path, size: int) -> None:
    """A film of this size that takes no room on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    start = struct.pack(">I4s4sI", 16, b"ftyp", b"mp42", 0)
    with path.open("wb") as stream:
        stream.write(start + struct.pack(">I4sQ", 1, b"mdat", size - len(start)))
        stream.truncate(size)


def many_files(root: Path, count: int, in_folder: int = 1000) -> Path:
    """So many pictures of one byte, in folders of so many."""
    for number in range(count):
        folder = root / f"DCIM/{200 + number // in_folder}CANON"
        if number % in_folder == 0:
            folder.mkdir(parents=True, exist_ok=True)
        (folder / f"IMG_{number % in_folder + 1:04d}.JPG").write_bytes(b"x")
    return root


class Fault:
    def prepare(self, root: Path) -> None:
        """Called once, before the camera is switched on: here the fault may put something on the card."""

    def comes_back(self) -> bool:
        """Asked when the camera has vanished: whether it is there again at once."""
        return False

    def before_session(self) -> None:
        """Called before an initiator is answered at all: here the fault may wait."""

    def refuse(self, code: int) -> int | None:
        """A response code with which to refuse this operation, or None to go on."""
        return None

    def partial(self, name: str, count: int) -> int:
        """How many bytes to give of the ``count`` asked of object ``name``; more than those is possible."""
        return count

    def sent(self, name: str, count: int) -> int:
        """How many of the ``count`` announced bytes are really in the data that is sent."""
        return count

    def allow(self, count: int) -> int:
        """How many of the next ``count`` bytes of object data may be sent before the camera vanishes."""
        return count

    def before_data(self, root: Path, name: str, offset: int) -> None:
        """Called before bytes of an object are sent: here the fault may wait, or change the card."""

    def alter(self, name: str, offset: int, data: bytes) -> bytes:
        """The bytes to send instead of these, as many."""
        return data

    def alters(self, name: str) -> bool:
        """Whether `alter` is to be asked for this object."""
        return False

    def size(self, name: str, size: int) -> int:
        """The size to announce for an object."""
        return size

    def listing(self, data: bytes) -> bytes:
        """The dataset of a folder to send instead of this one."""
        return data

    def handle_shift(self) -> int:
        """Added to every handle."""
        return 0

    def is_stale(self) -> bool:
        """Whether every session sees the card as the first one saw it."""
        return False

    def refuse_delete(self) -> int | None:
        """A response code with which to refuse to delete, or None to go on."""
        return None

    def deletes_all(self) -> bool:
        """Whether the deletion of one object deletes all of them."""
        return False

    def read_only(self) -> bool:
        """Whether the card's write protection is on."""
        return False


class _Named(Fault):
    """A fault of the objects of one name: ``SWITCH[=NAME[:NUMBER]]``."""

    def __init__(self, argument: str, number: int = 0) -> None:
        name, _, given = argument.partition(":")
        self.name = name or "*"
        self.number = int(given) if given else number
        self.has_number = bool(given)

    def concerns(self, name: str) -> bool:
        return self.name in {"*", name}


class VanishAt(Fault):
    """``vanish-at=BYTES``: gone after that many bytes of object data; refuses connections from then on."""

    def __init__(self, argument: str) -> None:
        self._left = int(argument)

    def allow(self, count: int) -> int:
        allowed = min(count, self._left)
        self._left -= allowed
        return allowed


class AgainWithNewHandles(Fault):
    """``again-with-new-handles=BYTES``: gone after that many bytes of object data, once, and there again at
    once: every object has another handle then. (On USB it is there again when it is plugged in again.)
    """

    def __init__(self, argument: str) -> None:
        self._left = int(argument)
        self._was_gone = self._comes_back = False

    def allow(self, count: int) -> int:
        if self._was_gone:
            return count
        allowed = min(count, self._left)
        self._left -= allowed
        self._was_gone = self._comes_back = allowed < count
        return allowed

    def comes_back(self) -> bool:
        answer, self._comes_back = self._comes_back, False  # another fault may make it vanish later
        return answer

    def handle_shift(self) -> int:
        return 0x2000 if self._was_gone else 0


class VanishIn(_Named):
    """``vanish=NAME:BYTES``: gone whenever byte BYTES of this object is to be sent, also after a replug."""

    def __init__(self, argument: str) -> None:
        super().__init__(argument)
        self._left: int | None = None

    def before_data(self, root: Path, name: str, offset: int) -> None:
        self._left = max(0, self.number - offset) if self.concerns(name) else None

    def allow(self, count: int) -> int:
        return count if self._left is None else min(count, self._left)


class Stall(Fault):
    """``stall=BYTES``: silent for good after that many bytes of object data; the connection stays."""

    def __init__(self, argument: str) -> None:
        self._left = int(argument)

    def before_data(self, root: Path, name: str, offset: int) -> None:
        if self._left <= 0:
            time.sleep(3600)

    def sent(self, name: str, count: int) -> int:
        self._left -= count
        return count


class Slow(Fault):
    """``slow=SECONDS``: waits that long before each block of object data."""

    def __init__(self, argument: str) -> None:
        self._pause = float(argument)

    def before_data(self, root: Path, name: str, offset: int) -> None:
        time.sleep(self._pause)


class Asleep(Fault):
    """``asleep=SECONDS``: takes connections and answers none of them, for so long after its start."""

    def __init__(self, argument: str) -> None:
        self._until = time.monotonic() + float(argument)

    def before_session(self) -> None:
        time.sleep(max(0.0, self._until - time.monotonic()))


class ClockHangs(Fault):
    """``clock-hangs=SECONDS``: silent for so long when its settings are asked for, the clock among them."""

    def __init__(self, argument: str) -> None:
        self._pause = float(argument)

    def refuse(self, code: int) -> int | None:
        if code == 0x9115:
            time.sleep(self._pause)
        return None


class ShortRead(_Named):
    """``short-read[=NAME[:BYTES]]``: GetPartialObject gives at most BYTES (default: half) and says OK."""

    def partial(self, name: str, count: int) -> int:
        if not self.concerns(name):
            return count
        return min(count, self.number) if self.has_number else count // 2


class LongRead(_Named):
    """``long-read[=NAME[:BYTES]]``: GetPartialObject gives BYTES (default: 1) more than it was asked for."""

    def partial(self, name: str, count: int) -> int:
        return count + (self.number if self.has_number else 1) if self.concerns(name) else count


class HalfObject(_Named):
    """``half-object[=NAME]``: half of the announced data comes, is called complete, and answered with OK."""

    def sent(self, name: str, count: int) -> int:
        return count // 2 if self.concerns(name) else count


class AnnouncedSize(_Named):
    """``size=NAME:BYTES``: the object is listed with this size."""

    def size(self, name: str, size: int) -> int:
        return self.number if self.concerns(name) else size


class Flip(_Named):
    """``flip=NAME[:TIMES]``: a wrong bit in each of the first TIMES (default: 1) blocks, never the same."""

    def __init__(self, argument: str) -> None:
        super().__init__(argument, 1)

    def alters(self, name: str) -> bool:
        return self.concerns(name) and self.number > 0

    def alter(self, name: str, offset: int, data: bytes) -> bytes:
        if offset == 0 and len(data) <= 1 << 16:
            return data  # only its head was asked for
        self.number -= 1
        middle = len(data) // 2
        return data[:middle] + bytes([data[middle] ^ 1 << self.number % 8]) + data[middle + 1 :]


class NewPhoto(_Named):
    """``new-photo=NAME[:BYTES]``: a picture of BYTES (default: 5000) is taken while another is read."""

    def __init__(self, argument: str) -> None:
        super().__init__(argument, 5000)
        self._taken = False

    def before_data(self, root: Path, name: str, offset: int) -> None:
        if not self._taken:
            self._taken = True
            folder = max(root.glob("**/DCIM/*"))
            (folder / self.name).write_bytes(b"\xff\xd8" + bytes(self.number - 4) + b"\xff\xd9")


class Grow(_Named):
    """``grow=NAME[:BYTES]``: the object becomes BYTES (default: 100) longer, once, while it is read."""

    def __init__(self, argument: str) -> None:
        super().__init__(argument, 100)
        self._done = False

    def before_data(self, root: Path, name: str, offset: int) -> None:
        if self.concerns(name) and not self._done:
            self._done = True
            path = min(path for path in root.glob("**/*") if path.name == name)
            with path.open("ab") as stream:
                stream.write(bytes(self.number))


class Many(Fault):
    """``many=COUNT[:FOLDER]``: so many pictures of one byte besides, FOLDER (default: 1000) in a folder."""

    def __init__(self, argument: str) -> None:
        count, _, in_folder = argument.partition(":")
        self._count, self._in_folder = int(count), int(in_folder or 1000)

    def prepare(self, root: Path) -> None:
        many_files(_first_slot(root), self._count, self._in_folder)


class Film(Fault):
    """``film=SIZE``: a film of so many bytes, MiB or GiB (``5GiB``) besides, that takes no room."""

    def __init__(self, argument: str) -> None:
        match = re.fullmatch(r"(\d+)(MiB|GiB|)", argument)
        if match is None:
            raise ValueError(argument)
        self._size = int(match[1]) * _UNITS[match[2]]

    def prepare(self, root: Path) -> None:
        sparse_film(_first_slot(root) / "DCIM/100CANON/MVI_9001.MP4", self._size)


def _first_slot(root: Path) -> Path:
    return root / "slot1" if (root / "slot1").is_dir() else root


class _Refusal(Fault):
    """``SWITCH[=N]``: the next N requests of some operations (default: all) are answered with a code."""

    answer: int
    operations: frozenset[int]

    def __init__(self, argument: str) -> None:
        self._left = int(argument) if argument else None

    def refuse(self, code: int) -> int | None:
        if code not in self.operations or self._left == 0:
            return None
        if self._left is not None:
            self._left -= 1
        return self.answer


class Busy(_Refusal):
    """``busy[=N]``: the next N requests for object data (default: all) are answered "device busy"."""

    answer = Answer.DEVICE_BUSY
    operations = _DATA_OPERATIONS


class Denied(_Refusal):
    """``denied[=N]``: the next N requests for object data (default: all) are answered "access denied"."""

    answer = Answer.ACCESS_DENIED
    operations = _DATA_OPERATIONS


class ListBusy(_Refusal):
    """``list-busy[=N]``: the next N requests for a listing (default: all) are answered "device busy"."""

    answer = Answer.DEVICE_BUSY
    operations = _LIST_OPERATIONS


class ShortListing(Fault):
    """``short-listing[=N]``: the first N folders (default: all) come with only half of their dataset."""

    def __init__(self, argument: str) -> None:
        self._left = int(argument) if argument else None

    def listing(self, data: bytes) -> bytes:
        if self._left == 0 or len(data) < 200:  # folders of folders come whole
            return data
        if self._left is not None:
            self._left -= 1
        return data[: len(data) // 2]


class _Plain(Fault):
    """A switch without an argument."""

    def __init__(self, argument: str) -> None:
        if argument:
            raise ValueError(argument)


class NewHandles(_Plain):
    """``new-handles``: every object has another handle than it has without this."""

    def handle_shift(self) -> int:
        return 0x1000


class SameNames(_Plain):
    """``same-names``: a second slot holds other files of the same folders, names, sizes and times."""

    def prepare(self, root: Path) -> None:
        if not (root / "slot1").is_dir():
            (root / "slot1").mkdir()
            (root / "DCIM").rename(root / "slot1/DCIM")
        for path in sorted((root / "slot1").rglob("*.*")):
            other = root / "slot2" / path.relative_to(root / "slot1")
            if not other.exists():  # else it was there when the camera was switched on before
                other.parent.mkdir(parents=True, exist_ok=True)
                data, middle = bytearray(path.read_bytes()), path.stat().st_size // 2
                if data:
                    data[middle] = ord("U" if data[middle] == ord("V") else "V")
                other.write_bytes(data)
                times = path.stat()
                os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))


class StaleListing(_Plain):
    """``stale``: every session lists the card as the first one saw it."""

    def is_stale(self) -> bool:
        return True


class WriteProtect(_Plain):
    """``write-protect``: the card's lock switch is on: it says so, and deletes nothing."""

    def refuse_delete(self) -> int | None:
        return Answer.STORE_READ_ONLY

    def read_only(self) -> bool:
        return True


class KeepDeleted(_Plain):
    """``keep-deleted``: every DeleteObject is refused, and nothing told beforehand that it would be."""

    def refuse_delete(self) -> int | None:
        return Answer.GENERAL_ERROR


class DeleteAll(_Plain):
    """``delete-all``: whatever object is to be deleted, all of them are."""

    def deletes_all(self) -> bool:
        return True


FAULTS: dict[str, Callable[[str], Fault]] = {
    "again-with-new-handles": AgainWithNewHandles,
    "asleep": Asleep,
    "busy": Busy,
    "clock-hangs": ClockHangs,
    "delete-all": DeleteAll,
    "denied": Denied,
    "film": Film,
    "flip": Flip,
    "grow": Grow,
    "half-object": HalfObject,
    "keep-deleted": KeepDeleted,
    "list-busy": ListBusy,
    "long-read": LongRead,
    "many": Many,
    "new-handles": NewHandles,
    "new-photo": NewPhoto,
    "same-names": SameNames,
    "short-listing": ShortListing,
    "short-read": ShortRead,
    "size": AnnouncedSize,
    "slow": Slow,
    "stale": StaleListing,
    "stall": Stall,
    "vanish": VanishIn,
    "vanish-at": VanishAt,
    "write-protect": WriteProtect,
}


class Faults(Fault):
    """All chosen faults as one. Raises KeyError for a name that does not exist."""

    def __init__(self, chosen: Iterable[str]) -> None:
        self._faults: list[Fault] = []
        for text in chosen:
            name, _, argument = text.partition("=")
            self._faults.append(FAULTS[name](argument))

    def prepare(self, root: Path) -> None:
        for fault in self._faults:
            fault.prepare(root)

    def comes_back(self) -> bool:
        return any(fault.comes_back() for fault in self._faults)

    def before_session(self) -> None:
        for fault in self._faults:
            fault.before_session()

    def refuse(self, code: int) -> int | None:
        return next((answer for fault in self._faults if (answer := fault.refuse(code)) is not None), None)

    def partial(self, name: str, count: int) -> int:
        return reduce(lambda left, fault: fault.partial(name, left), self._faults, count)

    def sent(self, name: str, count: int) -> int:
        return reduce(lambda left, fault: fault.sent(name, left), self._faults, count)

    def allow(self, count: int) -> int:
        return reduce(lambda left, fault: fault.allow(left), self._faults, count)

    def before_data(self, root: Path, name: str, offset: int) -> None:
        for fault in self._faults:
            fault.before_data(root, name, offset)

    def alter(self, name: str, offset: int, data: bytes) -> bytes:
        altering = (fault for fault in self._faults if fault.alters(name))
        return reduce(lambda bytes_, fault: fault.alter(name, offset, bytes_), altering, data)

    def alters(self, name: str) -> bool:
        return any(fault.alters(name) for fault in self._faults)

    def size(self, name: str, size: int) -> int:
        return reduce(lambda left, fault: fault.size(name, left), self._faults, size)

    def listing(self, data: bytes) -> bytes:
        return reduce(lambda left, fault: fault.listing(left), self._faults, data)

    def handle_shift(self) -> int:
        return sum(fault.handle_shift() for fault in self._faults)

    def is_stale(self) -> bool:
        return any(fault.is_stale() for fault in self._faults)

    def refuse_delete(self) -> int | None:
        return next((answer for fault in self._faults if (answer := fault.refuse_delete()) is not None), None)

    def deletes_all(self) -> bool:
        return any(fault.deletes_all() for fault in self._faults)

    def read_only(self) -> bool:
        return any(fault.read_only() for fault in self._faults)

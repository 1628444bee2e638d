"""A virtual USB stick or card reader (Bulk-Only Transport, SCSI) on an image file; its medium may be bad."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from tests.virtual.usbdesc import Transfer, endpoint, interface
from tests.virtual.usbredir import RedirDevice
from tests.virtual.usbwire import Setup, Status

STORAGE_CLASS = (8, 6, 0x50)
DISK_IN, DISK_OUT = 0x85, 0x06
SECTOR = 512
_COMMAND = struct.Struct("<4sIIBBB16s")  # signature, tag, length, flags, unit, length of the block, block
_STATUS = struct.Struct("<4sIIB")  # signature, tag, residue, status
_GOOD = (0, 0, 0)
_MEDIUM_ERROR = (3, 0x11, 0)  # unrecovered read error
_NOT_READY = (2, 0x3A, 0)  # medium not present
_BAD_COMMAND = (5, 0x20, 0)
_BEYOND_THE_END = (5, 0x21, 0)
_READ_10, _WRITE_10 = 0x28, 0x2A


def storage_interface(number: int = 0) -> bytes:
    """The interface of a disk."""
    ends = (endpoint(DISK_IN, Transfer.BULK, 512), endpoint(DISK_OUT, Transfer.BULK, 512))
    return interface(number, STORAGE_CLASS, *ends)


class Disk:
    """The handler of a disk.

    Args:
        image: its sectors; without one it is a reader without a card.
        bad: sectors that cannot be read.
    """

    def __init__(self, image: Path | None, *, bad: frozenset[int] = frozenset()) -> None:
        self._image = image
        self.bad = bad
        self._port: RedirDevice | None = None
        self._sense = _GOOD
        self._writing: tuple[int, int, int] | None = None  # tag, offset, bytes to come
        self.read_sectors = 0

    def plugged(self, port: RedirDevice) -> None:
        self._port = port
        self.reset()

    def reset(self) -> None:
        self._sense = _GOOD
        self._writing = None

    def control(self, setup: Setup, data: bytes) -> bytes | Status | None:
        if (setup.request_type, setup.request) == (0xA1, 0xFE):
            return b"\0"  # the highest unit's number
        if (setup.request_type, setup.request) == (0x21, 0xFF):
            self.reset()
            return b""
        return Status.STALL

    def received(self, endpoint: int, data: bytes) -> Status:
        if self._writing is not None:
            self._write(data)
        elif len(data) == _COMMAND.size and data[:4] == b"USBC":
            _, tag, length, _, _, _, block = _COMMAND.unpack(data)
            self._obey(tag, length, block)
        else:
            return Status.STALL
        return Status.SUCCESS

    def _obey(self, tag: int, length: int, block: bytes) -> None:
        if block[0] == _WRITE_10 and self._image is not None:
            first, count = struct.unpack_from(">IxH", block, 2)
            self._writing = tag, first * SECTOR, count * SECTOR
            return
        data, sense = self._answer(block)
        self._sense = sense
        assert self._port is not None
        if length:
            self._port.send(DISK_IN, data[:length], ended=len(data) < length)  # else the host knows the end
        failed = sense != _GOOD
        left = max(0, length - len(data))
        self._port.send(DISK_IN, _STATUS.pack(b"USBS", tag, left, failed))

    def _answer(self, block: bytes) -> tuple[bytes, tuple[int, int, int]]:
        sectors = 0 if self._image is None else self._image.stat().st_size // SECTOR
        match block[0]:
            case 0x12:  # INQUIRY: a removable disk
                said = b"SanDisk Ultra           1.00"
                return bytes((0, 0x80, 4, 2, len(said) + 3, 0, 0, 0)) + said, _GOOD
            case 0x03:  # REQUEST SENSE
                key, code, qualifier = self._sense
                return bytes((0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, code, qualifier, 0, 0, 0, 0)), _GOOD
            case 0x1A:  # MODE SENSE (6)
                return bytes((3, 0, 0, 0)), _GOOD
            case 0x1E | 0x1B | 0x35:  # PREVENT REMOVAL, START STOP, SYNCHRONIZE CACHE
                return b"", _GOOD
            case _ if self._image is None:
                return b"", _NOT_READY
            case 0x00:  # TEST UNIT READY
                return b"", _GOOD
            case 0x25:  # READ CAPACITY
                return struct.pack(">II", sectors - 1, SECTOR), _GOOD
            case code if code == _READ_10:
                first, count = struct.unpack_from(">IxH", block, 2)
                return self._read(first, count, sectors)
        return b"", _BAD_COMMAND

    def _read(self, first: int, count: int, sectors: int) -> tuple[bytes, tuple[int, int, int]]:
        if first + count > sectors:
            return b"", _BEYOND_THE_END
        assert self._image is not None
        readable = next((at for at in range(count) if first + at in self.bad), count)
        with self._image.open("rb") as stream:
            data = os.pread(stream.fileno(), readable * SECTOR, first * SECTOR)
        self.read_sectors += readable
        return data, (_GOOD if readable == count else _MEDIUM_ERROR)

    def _write(self, data: bytes) -> None:
        assert self._writing is not None
        assert self._image is not None
        assert self._port is not None
        tag, offset, left = self._writing
        with self._image.open("r+b") as stream:
            os.pwrite(stream.fileno(), data, offset)
        left -= len(data)
        self._writing = (tag, offset + len(data), left) if left > 0 else None
        if self._writing is None:
            self._port.send(DISK_IN, _STATUS.pack(b"USBS", tag, 0, 0))

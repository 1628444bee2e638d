"""A process that reads the update on one stick and ends (docs/update-format.md section 5).

It gets one open folder, shuts itself in before it looks at it, and says frames on standard output
(`medkiosk.update.protocol`). It holds no key, sees no store, no network and no other folder, opens five fixed
names, and interprets nothing that it reads.
"""

from __future__ import annotations

import os
import sys
from typing import BinaryIO

from medkiosk.core.frames import write_frame
from medkiosk.stickfolder import OPEN, OddFileError, open_plain, read_plain, shut_in
from medkiosk.update.errors import NoUpdateError, OddUpdateError, UnreadableUpdateError, UpdateError
from medkiosk.update.manifest import (
    FILES,
    MAX_MANIFEST,
    MAX_SIGNATURE,
    MOST,
    Version,
    folder_name,
    version_of_folder,
)
from medkiosk.update.protocol import GO, NUMBER, PIECE, SIZE, Read

_MOST_NAMES = 20_000


def read(stick: int, orders: BinaryIO, writer: BinaryIO) -> None:
    """Say what the newest update in the top folder of a stick is, and, when told to, all of it.

    Args:
        stick: an open descriptor of the folder.
        orders: gives `GO`, or ends.
        writer: where frames go.

    Raises:
        UpdateError: there is none, or it cannot be read.
    """
    version = _newest(stick)
    try:
        folder = os.open(folder_name(version), OPEN | os.O_DIRECTORY, dir_fd=stick)
    except OSError as error:
        raise UnreadableUpdateError from error
    write_frame(writer, Read.FOLDER, str(version).encode())
    write_frame(writer, Read.MANIFEST, _small(folder, "update.json", MAX_MANIFEST))
    write_frame(writer, Read.SIGNATURE, _small(folder, "update.json.sig", MAX_SIGNATURE))
    if orders.read(len(GO)) != GO:
        return
    for name, file in FILES.items():
        _part(folder, file, MOST[name], writer)
    write_frame(writer, Read.END)


def _newest(stick: int) -> Version:
    found = None
    try:
        with os.scandir(stick) as entries:
            for number, entry in enumerate(entries):
                if number >= _MOST_NAMES:
                    raise UnreadableUpdateError
                version = version_of_folder(os.fsencode(entry.name))
                found = max(filter(None, (found, version)), default=None)
    except OSError as error:
        raise UnreadableUpdateError from error
    if found is None:
        raise NoUpdateError
    return found


def _open(folder: int, name: str, most: int) -> tuple[int, int]:
    try:
        descriptor, size = open_plain(folder, name, most)
    except OSError as error:
        raise UnreadableUpdateError from error
    except OddFileError as error:
        raise OddUpdateError from error
    if not size:
        os.close(descriptor)
        raise OddUpdateError
    return descriptor, size


def _small(folder: int, name: str, most: int) -> bytes:
    try:
        content = read_plain(folder, name, most)
    except OSError as error:
        raise UnreadableUpdateError from error
    except OddFileError as error:
        raise OddUpdateError from error
    if not content:
        raise OddUpdateError
    return content


def _part(folder: int, name: str, most: int, writer: BinaryIO) -> None:
    descriptor, size = _open(folder, name, most)
    buffer = bytearray(PIECE)
    view = memoryview(buffer)
    write_frame(writer, Read.PART, SIZE.pack(size))
    try:
        # No further than it said: one that grows without end would be read without end.
        while size and (count := os.readv(descriptor, [view[: min(size, PIECE)]])):
            write_frame(writer, Read.DATA, view[:count])
            size -= count
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise UnreadableUpdateError from error
    finally:
        os.close(descriptor)


def main() -> int:
    """Read from the folder that was handed in."""
    if (folder := shut_in("Reads the update on one stick for medkioskd.")) is None:
        return 2
    try:
        read(folder, sys.stdin.buffer, sys.stdout.buffer)
    except UpdateError as error:
        write_frame(sys.stdout.buffer, Read.FAILED, NUMBER.pack(error.number))
    except BrokenPipeError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A process that looks at the top folder of one stick, reads what receivers and witnesses sent, and ends.

It gets one open folder, shuts itself in before it looks at it, and says frames on standard output
(`medkiosk.device.stickfiles`). It holds no key, sees no store, no network and no other folder, and interprets
nothing that it reads.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from medkiosk.core.frames import Writable, write_frame
from medkiosk.device.stickfiles import (
    FOUND,
    MARK,
    MARK_BYTES,
    MOST_NAMES,
    READ,
    Found,
    Frame,
    is_foreign,
    is_misnamed,
    kind_of,
)
from medkiosk.stickfolder import OddFileError, read_plain, shut_in


def look(folder: int, writer: Writable) -> None:
    """Say what is in the top folder of a stick.

    Args:
        folder: an open descriptor of it.
        writer: where frames go.
    """
    found = Found.NOTHING
    wanted: dict[Frame, list[bytes]] = {kind.frame: [] for kind in READ}
    try:
        for number, name in enumerate(_names(folder)):
            if number >= MOST_NAMES:
                found |= Found.TOO_MANY
                break
            if name == MARK.encode():
                found |= Found.MARKED
            if is_foreign(name):
                found |= Found.FOREIGN | (Found.ODD if is_misnamed(name) else Found.NOTHING)
            elif (kind := kind_of(name)) is not None:
                wanted[kind.frame].append(name)
    except OSError:
        found |= Found.UNREADABLE
    if found & Found.MARKED:
        found |= _send(folder, MARK.encode(), MARK_BYTES, Frame.MARK, writer)
    for kind in READ:
        names = sorted(wanted[kind.frame])
        if len(names) > kind.most:
            found |= Found.TOO_MANY
        for name in names[: kind.most]:
            found |= _send(folder, name, kind.most_bytes, kind.frame, writer)
    write_frame(writer, Frame.FOUND, FOUND.pack(found))


def _names(folder: int) -> Iterator[bytes]:
    """Yield names as they come, so that a folder without an end costs no memory."""
    with os.scandir(folder) as entries:
        for entry in entries:
            yield os.fsencode(entry.name)


def _send(folder: int, name: bytes, most: int, frame: Frame, writer: Writable) -> Found:
    """Send a plain file of at most so many bytes; anything else of that name is passed over and said."""
    try:
        content = read_plain(folder, name, most)
    except OSError:
        return Found.UNREADABLE
    except OddFileError:
        return Found.FOREIGN | Found.ODD
    write_frame(writer, frame, content)
    return Found.NOTHING


def main() -> int:
    """Look at the folder that was handed in."""
    if (folder := shut_in("Looks at one stick for medkioskd.")) is None:
        return 2
    try:
        look(folder, sys.stdout.buffer)
    except BrokenPipeError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

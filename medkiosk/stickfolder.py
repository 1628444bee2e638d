"""What both workers do that read a stick: shut themselves in with one open folder, and read plain files of a
bounded size in it."""

from __future__ import annotations

import argparse
import os
import resource
import stat
from typing import Final

from medkiosk.redact.sandbox import confine as sandbox

# Without waiting: what has a file's name may be a pipe.
OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_MEMORY = 512 << 20


class OddFileError(Exception):
    """No plain file, or one with more bytes than there may be."""


def open_plain(folder: int, name: str | bytes, most: int) -> tuple[int, int]:
    """Open a plain file of at most so many bytes; a link, a pipe and a device are none.

    Returns:
        The descriptor, and how many bytes it says it has.

    Raises:
        OddFileError: it is none, or larger.
        OSError: it cannot be opened.
    """
    descriptor = os.open(name, OPEN, dir_fd=folder)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > most:
            raise OddFileError
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, status.st_size


def read_plain(folder: int, name: str | bytes, most: int) -> bytes:
    """Read a plain file of at most so many bytes, whole.

    Raises:
        OddFileError: it is none, larger, or grew beyond that meanwhile.
        OSError: it cannot be read.
    """
    descriptor, _ = open_plain(folder, name, most)
    content = b""
    try:
        while len(content) <= most and (piece := os.read(descriptor, most + 1 - len(content))):
            content += piece
    finally:
        os.close(descriptor)
    if len(content) > most:
        raise OddFileError
    return content


def shut_in(description: str) -> int | None:
    """Take the folder that was handed in as ``--folder DESCRIPTOR``, and give up everything else.

    Args:
        description: what the program does, for its help.

    Returns:
        The open descriptor; None where there is none.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--folder", type=int, required=True, help="an open descriptor")
    folder: int = parser.parse_args().folder
    try:
        os.fstat(folder)
    except OSError:
        return None
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    sandbox.confine(readable=folder)
    return folder

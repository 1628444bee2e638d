"""The guide's files: the kiosk's own, and the department's folder, read again when it changed."""

from __future__ import annotations

import os
import stat
import threading
from importlib import resources
from pathlib import Path

from medkiosk.guide.library import Library, build, printable
from medkiosk.guide.page import LONGEST_FILE, MOST_FILES

_SUFFIX = ".md"
_UNREADABLE = "{name}: it could not be read. Its rights and its kind may be wrong: a plain file is needed."
_NO_FOLDER = (
    "The folder of the department's pages could not be read; the kiosk's own are shown. An administrator"
    " corrects [guide] path in the configuration."
)

_Signs = tuple[tuple[str, int, int, int], ...]


def built_in() -> dict[str, bytes]:
    """The files that come with the kiosk, by their names."""
    folder = resources.files("medkiosk.guide") / "content"
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.name.endswith(_SUFFIX)}


class GuideShelf:
    """All pages. Thread-safe.

    Args:
        folder: the department's; None where there is none.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._ours = built_in()
        self._lock = threading.Lock()
        self._signs: _Signs | None = None
        self._library = build(self._ours, {})

    def library(self) -> Library:
        """The pages as the files are now."""
        if self._folder is None:
            return self._library
        with self._lock:
            try:
                signs = self._look(self._folder)
            except OSError:
                self._signs = None
                return build(self._ours, {}, [_NO_FOLDER])
            if signs != self._signs:
                self._library = self._read(self._folder, [sign[0] for sign in signs])
                self._signs = signs
            return self._library

    @staticmethod
    def _look(folder: Path) -> _Signs:
        """What tells that a file changed: name, time, size, number."""
        found = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(_SUFFIX) and not entry.is_dir(follow_symlinks=False):
                    about = entry.stat(follow_symlinks=False)
                    found.append((entry.name, about.st_mtime_ns, about.st_size, about.st_ino))
        return tuple(sorted(found)[: MOST_FILES + 1])  # one more than are used, so that somebody is told

    def _read(self, folder: Path, names: list[str]) -> Library:
        theirs, unread = {}, []
        for name in names:
            try:
                theirs[name] = _bytes(folder / name)
            except OSError:
                unread.append(_UNREADABLE.format(name=printable(name)))
        return build(self._ours, theirs, unread)


def _bytes(path: Path) -> bytes:
    """Read a plain file, and not much more than a page may have."""
    # Without O_NONBLOCK a pipe would hold the daemon for good.
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError("not a plain file")
        return file.read(LONGEST_FILE + 1)

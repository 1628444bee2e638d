"""The guide's files: the kiosk's own; and the department's, which a stick brought or a folder has."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from medkiosk import durable
from medkiosk.guide import taking
from medkiosk.guide.library import Library, build, printable
from medkiosk.guide.page import LONGEST_FILE, MOST_FILES
from medkiosk.guide.reading import PageError

_SUFFIX = ".md"
_UNREADABLE = "{name}: it could not be read. Its rights and its kind may be wrong: a plain file is needed."
_NO_FOLDER = (
    "The folder of the department's pages could not be read; the kiosk's own are shown. An administrator"
    " corrects [guide] path in the configuration."
)

_NOT_READ = (
    "The department's pages that were taken from a stick could not be read; the kiosk's own are shown. An"
    " administrator takes them again."
)
TAKEN = "guide.json"
"""The file with the pages that a stick brought; it lies beside the store."""

_Signs = tuple[tuple[str, int, int, int], ...]


def built_in() -> dict[str, bytes]:
    """The files that come with the kiosk, by their names."""
    folder = resources.files("medkiosk.guide") / "content"
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.name.endswith(_SUFFIX)}


class GuideShelf:
    """All pages. Thread-safe.

    Args:
        folder: the department's; None where there is none.
        taken: the file with the pages that a stick brought, which count where there is no folder.

    Attributes:
        ours: the kiosk's own files.
        changing: held by whoever takes pages.
        has_folder: whether the pages lie in a folder: then a stick brings none.
    """

    def __init__(self, folder: Path | None, taken: Path | None = None) -> None:
        self._folder = folder
        self._taken = taken
        self.has_folder = folder is not None
        self.ours = self._ours = built_in()
        self.changing = threading.Lock()
        self._lock = threading.Lock()
        self._signs: _Signs | None = None
        self._library = build(self._ours, {})

    def library(self) -> Library:
        """The pages as the files are now."""
        if self._folder is None:
            with self._lock:
                return self._of_taken()
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

    def take(self, files: Mapping[str, bytes]) -> None:
        """Put the pages of a stick in the place of all that were taken before.

        Raises:
            OSError: the disk refused it; which ones there are then is not known.
        """
        if self._taken is None:
            raise ValueError("there is no place for them")
        with self._lock:
            durable.write_atomic(self._taken, taking.written(files))
            self._signs = None

    def _of_taken(self) -> Library:
        try:
            about = self._taken.stat() if self._taken else None
        except FileNotFoundError:
            about = None
        except OSError:
            return build(self._ours, {}, [_NOT_READ])
        signs = ((TAKEN, about.st_mtime_ns, about.st_size, about.st_ino),) if about else ()
        if self._taken and signs != self._signs:
            try:
                theirs = taking.read_written(_bytes(self._taken, taking.LONGEST_SET)) if signs else {}
                self._library = build(self._ours, theirs)
            except OSError:
                return build(self._ours, {}, [_NOT_READ])  # it may pass
            except PageError:
                self._library = build(self._ours, {}, [_NOT_READ])
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


def _bytes(path: Path, most: int = LONGEST_FILE) -> bytes:
    """Read a plain file, and not much more than it may have."""
    # Without O_NONBLOCK a pipe would hold the daemon for good.
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError("not a plain file")
        return file.read(most + 1)

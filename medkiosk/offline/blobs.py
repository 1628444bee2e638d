"""The sealed files beside the ledger: are all there, unchanged, and no others?"""

from __future__ import annotations

import os
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from medkiosk.core.ids import is_id
from medkiosk.hashing import sha256_of
from medkiosk.offline.promised import Blob, Blobs, Disposed
from medkiosk.offline.report import Finder

Progress = Callable[[int, int], None]
"""Told (bytes read, bytes in all) after each sealed file."""

_THREADS = 2
_AHEAD = 8


class BlobCheck:
    """The check of one store's sealed files.

    Args:
        root: the store.
        blobs: what must be there.
        disposed: what must not.
        live: whether a kiosk is at work in the store.
    """

    def __init__(self, root: Path, blobs: Blobs, disposed: Disposed, finder: Finder, *, live: bool) -> None:
        self._root = root
        self._blobs = blobs
        self._disposed = disposed
        self._finder = finder
        self._live = live
        self._to_read: list[bytes] = []
        self._sizes = array("q")
        self._owner: dict[bytes, bytes] | None = None
        self._unfinished = _listed(root)
        self.missing: list[Blob] = []
        self.total = 0

    def walk(self, known: Callable[[str], bool]) -> None:
        """Look at every name below ``objects``.

        Args:
            known: tells whether the database has a row of this id.
        """
        top = self._root / "objects"
        extra: list[str] = []
        for first in range(256):
            folder = top / f"{first:02x}"
            sizes, odd = _contents(folder)
            for blob in self._blobs.of_folder(first):
                self._look(blob, sizes.pop(blob.id, None))
            extra += [
                f"{folder.name}/{name}"
                for name in (*sizes, *odd)
                if name in self._disposed or not known(name)
            ]
        extra += _elsewhere(top)
        for path in sorted(extra):
            self._extra(f"objects/{path}", Path(path).name)

    def _look(self, blob: Blob, size: int | None) -> None:
        if size is None:
            self.missing.append(blob)
        elif blob.size is not None and size != blob.size:
            self._finder.found("object.blob_size", blob.id, detail=f"{size} bytes instead of {blob.size}")
        else:
            self._to_read.append(bytes.fromhex(blob.id))
            self._sizes.append(size)
            self.total += size

    def _extra(self, path: str, name: str) -> None:
        # A crash leaves such files behind, and so does an import in progress.
        if name in self._unfinished:
            self._finder.note(f"{path} belongs to an import or a backup that was not finished.")
        elif self._disposed.is_finished(name):
            self._finder.found("disposal.blob_left", name)
        elif name in self._disposed:
            return
        elif self._live:
            self._finder.note(f"{path} belongs to an import that is at work.")
        else:
            self._finder.found("blob.unlogged", path)

    def read(self, progress: Progress | None) -> int:
        """Read every file of the right size and compare; return how many bytes that were."""
        done = 0
        for (id_, hash_), size in zip(self._hashes(), self._sizes, strict=True):
            blob = self._blobs.get(id_)
            if blob is None:
                raise KeyError(id_.hex())
            if isinstance(hash_, FileNotFoundError) and self._live:
                self.missing.append(blob)
            elif isinstance(hash_, OSError):
                self._finder.found("object.blob_unreadable", blob.id, detail=hash_.strerror)
            elif hash_ != blob.sha256:
                self._changed(blob, hash_)
            done += size
            if progress:
                progress(done, self.total)
        return done

    def _changed(self, blob: Blob, hash_: bytes) -> None:
        if self._owner is None:
            every = (each for first in range(256) for each in self._blobs.of_folder(first))
            self._owner = {each.sha256: bytes.fromhex(each.id) for each in every}
        owner = self._owner.get(hash_)
        if owner is not None:
            self._finder.found("object.blob_swapped", blob.id, detail=owner.hex())
        else:
            self._finder.found("object.blob_changed", blob.id, detail=blob.kind)

    def _hashes(self) -> Iterator[tuple[bytes, bytes | OSError]]:
        ahead: deque[tuple[bytes, Future[bytes | OSError]]] = deque()
        with ThreadPoolExecutor(_THREADS) as pool:
            for id_ in self._to_read:
                name = id_.hex()
                ahead.append((id_, pool.submit(_sha256, self._root / "objects" / name[:2] / name)))
                if len(ahead) >= _AHEAD:
                    first, future = ahead.popleft()
                    yield first, future.result()
            for first, future in ahead:
                yield first, future.result()


def _contents(folder: Path) -> tuple[dict[str, int], list[str]]:
    """Return the plain files in a folder with their sizes, and the names of what is something else."""
    sizes: dict[str, int] = {}
    odd: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    sizes[entry.name] = entry.stat(follow_symlinks=False).st_size
                else:
                    odd.append(entry.name)
    except OSError:
        return sizes, odd  # what should be in it is missing, and is said to be
    return sizes, odd


def _elsewhere(top: Path) -> Iterator[str]:
    """Yield what is beside the 256 folders, by its path below ``objects``."""
    folders = {f"{first:02x}" for first in range(256)}
    for at, inner, names in os.walk(top):
        if Path(at) == top:
            inner[:] = [name for name in inner if name not in folders]
        yield from (str((Path(at) / name).relative_to(top)) for name in names)


def _listed(root: Path) -> set[str]:
    """The ids of blobs that somebody was about to give their names."""
    found: set[str] = set()
    for path in (root / "tmp").glob("*.batch"):
        found |= set(filter(is_id, path.read_text("ascii", errors="replace").split("\n")))
    return found


def _sha256(path: Path) -> bytes | OSError:
    try:
        return sha256_of(path)
    except OSError as error:
        return error

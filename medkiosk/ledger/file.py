"""The ledger on disk: a C2SP tlog-tiles log in a folder (docs/format.md section 8).

One writer at a time (the vault's lock sees to that), any number of readers in its process.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from medkiosk import durable
from medkiosk.core.errors import KioskError
from medkiosk.durable import Disk
from medkiosk.ledger import checkpoint, held, merkle, proof, tiles
from medkiosk.ledger.checkpoint import Checkpoint
from medkiosk.ledger.entry import MAX_SIZE
from medkiosk.ledger.errors import (
    LedgerContradictedError,
    LedgerDamagedError,
    LedgerExistsError,
    LedgerRolledBackError,
    LedgerWriteError,
    ProofError,
)
from medkiosk.ledger.sign import Signer
from medkiosk.ledger.tiles import WIDTH, Edge, tile_path

_CACHED_TILES = 64


class Log:
    """An open log. Safe to use from several threads.

    A log whose head contradicts what a witness signed opens, so that it can be read and looked at, and takes
    nothing (`refusal`).
    """

    def __init__(self, folder: Path, signer: Signer | None, signed: bytes, edge: Edge, disk: Disk) -> None:
        self._folder = folder
        self._signer = signer
        self._signed = signed
        self._edge = edge
        self._disk = disk
        self._lock = threading.RLock()
        self._cache: dict[tuple[int, int], bytes] = {}
        self._stopped: str | None = None
        self._refusal: KioskError | None = None

    @classmethod
    def create(cls, folder: Path, signer: Signer, *, disk: Disk = durable) -> Log:
        """Begin a log with the signed head of the empty tree.

        Raises:
            LedgerExistsError: there is one.
        """
        if (folder / "checkpoint").exists():
            raise LedgerExistsError(path=folder)
        if not folder.exists():
            durable.make_dir(folder)
        disk.write_atomic(folder / "vkey", f"{signer.vkeys}\n".encode())
        disk.write_atomic(folder / "checkpoint", signer.begin())
        return cls.open(folder, signer, disk=disk)

    @classmethod
    def open(cls, folder: Path, signer: Signer | None = None, *, disk: Disk = durable) -> Log:
        """Open a log, for appending where there is a signer, else for reading.

        The head's signature is verified by the signer; without one, whoever trusts the log verifies it.

        Raises:
            CheckpointError: the head is not in the format or not signed with this key.
            LedgerForkError: the head contradicts what this signer signed.
            LedgerDamagedError: the right edge of the tree does not lead to the head.
        """
        signed = _read(folder, "checkpoint")
        while True:
            head = signer.resume(signed) if signer else checkpoint.parse(signed)[0]
            try:
                log = cls(folder, signer, signed, _read_edge(folder, head), disk)
                log._ask_witnesses()
                return log
            except LedgerDamagedError:
                # A reader beside a running kiosk may have seen a head whose partial tiles are gone by now.
                again = _read(folder, "checkpoint")
                if signer is not None or again == signed:
                    raise
                signed = again

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self._folder

    @property
    def refusal(self) -> KioskError | None:
        """Why nothing is appended, if so."""
        return self._refusal

    def refuse(self, why: KioskError) -> None:
        """Append nothing from now on; the first reason stays."""
        with self._lock:
            self._refusal = self._refusal or why

    def readmit(self) -> None:
        """Append again. What a witness signed is never overruled."""
        with self._lock:
            self._refusal = None
            self._ask_witnesses()

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self._edge.size

    @property
    def head(self) -> Checkpoint:
        """The tree head of the newest checkpoint."""
        return checkpoint.parse(self._signed)[0]

    @property
    def root(self) -> bytes:
        """The root hash of the newest checkpoint."""
        return self.head.root

    @property
    def checkpoint(self) -> bytes:
        """The newest checkpoint, as it stands in the file."""
        return self._signed

    # Syscalls: for each new tile and bundle unlink (of what an interrupted append left), open, write; fsync
    # of all; fsync of their folders; then write_atomic of the checkpoint; then unlink of the tiles and
    # bundle that were cut short by the new ones.
    def append(self, leaves: Sequence[bytes]) -> range:
        """Append entries; when this returns they are on the device under a signed checkpoint.

        Returns:
            Their indices.

        Raises:
            LedgerWriteError: the disk failed; the log takes nothing more until it is opened again.
            LedgerForkError: the signer refused.
            KioskError: `refusal`, where there is one.
            ValueError: an entry is too large, or the log was opened for reading.
        """
        if self._signer is None:
            raise ValueError("this log was opened for reading")
        if any(not 0 < len(leaf) <= MAX_SIZE for leaf in leaves):
            raise ValueError(f"an entry has 1 to {MAX_SIZE} bytes")
        with self._lock:
            if self._stopped is not None:
                raise LedgerWriteError(detail=self._stopped)
            if self._refusal is not None:
                raise self._refusal
            old = self._edge
            if not leaves:
                return range(old.size, old.size)
            new, files = old.grown(list(leaves))
            node = new.node(self._overlaid(files))
            path = merkle.consistency_proof(old.size, new.size, node) if old.size else []
            signed = self._signer.extend(new.size, merkle.root(new.size, node), path)
            try:
                self._write(files)
                self._disk.write_atomic(self._folder / "checkpoint", signed)
            except OSError as error:
                self._stopped = error.strerror or str(error)
                raise LedgerWriteError(detail=self._stopped) from error
            self._edge, self._signed = new, signed
            self._prune(old, files)
            return range(old.size, new.size)

    def append_once(self, numbered: Sequence[tuple[int, bytes]]) -> list[int]:
        """Append entries that were promised these indices, leaving out those that are there already.

        This is how a crash between appending and acknowledging does no harm: the same call again.

        Returns:
            The indices of all of them.

        Raises:
            LedgerRolledBackError: another entry has one of the indices, or one before them is missing.
        """
        with self._lock:
            fresh: list[bytes] = []
            for index, leaf in numbered:
                if index < self.size:
                    if self.entry(index) != leaf:
                        raise LedgerRolledBackError(detail=f"another entry stands at {index}")
                elif index != self.size + len(fresh):
                    raise LedgerRolledBackError(
                        detail=f"the ledger has {self.size} entries, the vault's next one is {index}"
                    )
                else:
                    fresh.append(leaf)
            self.append(fresh)
            return [index for index, _ in numbered]

    def entry(self, index: int) -> bytes:
        """Return one entry.

        Raises:
            IndexError: there is no such entry.
            LedgerDamagedError: it cannot be read, or is not what the tree says.
        """
        if not 0 <= index < self.size:
            raise IndexError(index)
        number, offset = divmod(index, WIDTH)
        return self._bundle(number)[offset]

    def entries(self, start: int = 0) -> Iterator[bytes]:
        """Yield all entries from ``start``, each checked against its tile, up to the size at the end.

        Raises:
            LedgerDamagedError: as in `entry`.
        """
        while start < self.size:
            number, offset = divmod(start, WIDTH)
            for leaf in self._bundle(number)[offset:]:
                yield leaf
                start += 1

    def proof(self, index: int, *, with_entry: bool = False) -> bytes:
        """Return a tlog-proof file for one entry, up to the newest checkpoint.

        Raises:
            IndexError: there is no such entry.
            LedgerDamagedError: the tree on disk does not lead to the head.
        """
        with self._lock:
            leaf = self.entry(index)
            head = self.head
            path = merkle.inclusion_proof(index, head.size, self._edge.node(self._tile))
            try:
                merkle.verify_inclusion(merkle.leaf_hash(leaf), index, head.size, path, head.root)
            except ProofError as error:
                raise LedgerDamagedError(
                    detail=f"the way from entry {index} to the head is broken"
                ) from error
            return proof.write(proof.Proof(index, tuple(path), self._signed, leaf if with_entry else None))

    def consistency(self, old: int) -> list[bytes]:
        """Return the proof that the newest tree extends the one of ``old`` entries.

        Raises:
            ValueError: not ``0 < old <= size``.
            LedgerDamagedError: a hash file cannot be read.
        """
        with self._lock:
            return merkle.consistency_proof(old, self.size, self._edge.node(self._tile))

    def why_not(self, head: Checkpoint) -> str:
        """Return in words why this log does not extend another head; empty if it does.

        It is the newest root that decides, not what the files say: damaged hashes prove nothing.
        """
        with self._lock:
            if head.size > self.size:
                return f"shorter by {head.size - self.size} entries"
            if head.size == 0:
                return ""
            try:
                path = self.consistency(head.size)
                merkle.verify_consistency(head.size, head.root, self.size, self.root, path)
            except LedgerDamagedError as error:
                return f"damaged: {error.values['detail']}"
            except ProofError:
                return f"another one: not the same first {head.size} entries, or its hash files are damaged"
            return ""

    def _ask_witnesses(self) -> None:
        for each in held.read(self._folder, self._signer.key, held.CHECKED) if self._signer else ():
            if words := self.why_not(each.head):
                self._refusal = LedgerContradictedError(size=each.head.size, words=words)

    def _bundle(self, number: int) -> list[bytes]:
        with self._lock:
            full, width = divmod(self.size, WIDTH)
            if number == full:
                return tiles.unpack(self._edge.bundle)[:width]
            hashes = tiles.split(self._tile(0, number))
            return _checked(_read_entries(self._folder, number, WIDTH), hashes, number)

    def _tile(self, level: int, number: int) -> bytes:
        key = (level, number)
        if key not in self._cache:
            if len(self._cache) >= _CACHED_TILES:
                self._cache.pop(next(iter(self._cache)))
            self._cache[key] = _read_tile(self._folder, level, number, WIDTH)
        return self._cache[key]

    def _overlaid(self, files: dict[str, bytes]) -> tiles.Tile:
        def tile(level: int, number: int) -> bytes:
            return files.get(tile_path(level, number, WIDTH)) or self._tile(level, number)

        return tile

    def _write(self, files: dict[str, bytes]) -> None:
        open_files = []
        folders = set()
        root_fd = durable.open_dir(self._folder)
        try:
            for name, data in files.items():
                path = self._folder / name
                folders |= _make_folders(self._folder, path.parent)
                self._disk.remove(path)
                file = self._disk.create(path)
                open_files.append(file)
                file.write(data)
            self._disk.sync_files(root_fd, open_files)
            self._disk.sync_dirs(root_fd, folders)
        finally:
            for file in open_files:
                file.close()
            os.close(root_fd)

    def _prune(self, old: Edge, written: dict[str, bytes]) -> None:
        # Not synced, and a failure does no harm: what comes back is narrower than what is there.
        for level, full, width in tiles.levels(old.size):
            kinds: list[int | str] = [level, "entries"] if level == 0 else [level]
            for kind in kinds if width else []:
                path = tile_path(kind, full, width)
                if path not in written and _replaced(kind, full, written):
                    with contextlib.suppress(OSError):
                        self._disk.remove(self._folder / path)
                        if tile_path(kind, full, WIDTH) in written:
                            (self._folder / path).parent.rmdir()


def _replaced(kind: int | str, number: int, written: dict[str, bytes]) -> bool:
    full = tile_path(kind, number, WIDTH)
    return any(name == full or name.startswith(f"{full}.p/") for name in written)


def _make_folders(top: Path, folder: Path) -> set[Path]:
    """Make what is missing; return the folders to sync so that a new file in ``folder`` is there to stay."""
    changed = {folder}
    while folder != top and not folder.exists():
        changed |= {folder, folder.parent}
        folder = folder.parent
    for made in sorted(changed, key=lambda path: len(path.parts)):
        made.mkdir(mode=0o700, exist_ok=True)
    return changed


def _read_edge(folder: Path, head: Checkpoint) -> Edge:
    hashes = []
    for level, full, width in tiles.levels(head.size):
        hashes.append(tiles.split(_read_tile(folder, level, full, width)) if width else [])
    full, width = divmod(head.size, WIDTH)
    entries = _checked(_read_entries(folder, full, width), hashes[0], full) if width else []
    edge = Edge(head.size, hashes, b"".join(map(tiles.pack, entries)))

    def no_tile(level: int, number: int) -> bytes:
        raise AssertionError(f"the root needs full tile {level}/{number}")

    if merkle.root(head.size, edge.node(no_tile)) != head.root:
        raise LedgerDamagedError(detail="its newest hashes do not lead to the head")
    return edge


def _read_tile(folder: Path, level: int, number: int, width: int) -> bytes:
    path = tile_path(level, number, width)
    data = _read(folder, path)
    if len(data) != width * merkle.HASH_SIZE:
        raise LedgerDamagedError(detail=f"{path} has {len(data)} bytes")
    return data


def _read_entries(folder: Path, number: int, width: int) -> list[bytes]:
    path = tile_path("entries", number, width)
    try:
        entries = tiles.unpack(_read(folder, path))
    except ValueError as error:
        raise LedgerDamagedError(detail=f"{path} ends inside an entry") from error
    if len(entries) != width:
        raise LedgerDamagedError(detail=f"{path} has {len(entries)} entries")
    return entries


def _read(folder: Path, path: str) -> bytes:
    try:
        return (folder / path).read_bytes()
    except OSError as error:
        raise LedgerDamagedError(detail=f"{path} cannot be read ({error.strerror})") from error


def _checked(entries: list[bytes], hashes: list[bytes], number: int) -> list[bytes]:
    for offset, (leaf, expected) in enumerate(zip(entries, hashes, strict=True)):
        if merkle.leaf_hash(leaf) != expected:
            raise LedgerDamagedError(detail=f"entry {number * WIDTH + offset} is not the one that was logged")
    return entries

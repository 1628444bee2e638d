"""What a backup drive holds, read after docs/format.md: what there is to send, and what its bytes must be."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from medkiosk.archive.errors import ForkError, NotABackupError
from medkiosk.core.errors import KioskError
from medkiosk.ledger import checkpoint, merkle, tiles
from medkiosk.ledger.checkpoint import Checkpoint
from medkiosk.ledger.file import Log

_FORMAT = re.compile(r"medkiosk-store v2\n([0-9a-f]{32})\n", re.ASCII)


class Item(NamedTuple):
    """One thing to hold.

    Attributes:
        key: its name in the archive.
        size: bytes.
        sha256: of these bytes, hex.
        source: the file that has them, or the bytes themselves.
    """

    key: str
    size: int
    sha256: str
    source: Path | bytes


class DriveStore:
    """The folder ``store`` of a backup drive, opened for reading."""

    def __init__(self, root: Path) -> None:
        """Open it.

        Raises:
            NotABackupError: it is not one, or a run of the kiosk did not end.
        """
        self.root = root
        self.store_id = self._store_id()
        try:
            with closing(self._open()) as db:
                kinds = {kind for (kind,) in db.execute("SELECT kind FROM slots")}
                self.objects: dict[str, tuple[int, str]] = {
                    id_: (size, sha256.hex())
                    for id_, size, sha256 in db.execute(
                        "SELECT o.id, o.sealed_size, o.sha256 FROM objects o"
                        " JOIN envelopes e ON e.id = o.id AND e.what = 'object' ORDER BY o.seq"
                    )
                }
                self.disposed: frozenset[str] = frozenset(
                    id_ for (id_,) in db.execute("SELECT id FROM objects") if id_ not in self.objects
                )
            self.log = Log.open(root / "ledger")
        except (sqlite3.Error, KioskError, OSError) as error:
            raise NotABackupError(path=root, detail=error) from error
        if kinds != {"recovery"}:
            raise NotABackupError(
                path=root, detail="it has passphrase slots, as only a kiosk's own store has"
            )

    def _store_id(self) -> str:
        try:
            found = _FORMAT.fullmatch((self.root / "format").read_text("ascii"))
        except (OSError, UnicodeDecodeError) as error:
            raise NotABackupError(path=self.root, detail="it has no file named format") from error
        if found is None:
            raise NotABackupError(path=self.root, detail="it has another format")
        if (self.root / "vault.db-wal").exists():
            raise NotABackupError(path=self.root, detail="something is still writing to its database")
        return found[1]

    def _open(self) -> sqlite3.Connection:
        path = quote(str((self.root / "vault.db").absolute()))
        # Nobody changes it, so SQLite need not make files beside it; the drive may be mounted read-only.
        return sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)

    def head(self) -> Checkpoint:
        """Return the newest tree head."""
        return self.log.head

    def check_extends(self, archived: bytes) -> None:
        """Check that the ledger is what the archive's newest checkpoint was about, and went on from there.

        Raises:
            ForkError: it is not.
        """
        try:
            old, _ = checkpoint.parse(archived)
            if old.origin != self.head().origin:
                raise ForkError(
                    detail=f"the archive's is of {old.origin}, the drive's of {self.head().origin}"
                )
            if old.size:  # everything goes on from the empty tree
                proof = self.log.consistency(old.size)
                merkle.verify_consistency(old.size, old.root, self.head().size, self.head().root, proof)
        except ForkError:
            raise
        except (KioskError, ValueError, IndexError) as error:
            raise ForkError(detail=error) from error

    def blobs(self) -> Iterator[Item]:
        """Yield every sealed object that was not disposed of; ``sha256`` is the one that its row has."""
        for id_, (size, sha256) in self.objects.items():
            path = self.root / "objects" / id_[:2] / id_
            yield Item(f"{self.store_id}/objects/{id_[:2]}/{id_}", size, sha256, path)

    def ledger(self) -> Iterator[Item]:
        """Yield tiles, bundles, keys and, at the end, the checkpoint that they belong to.

        A tile with its width in its name never changes; a checkpoint is named by size and hash.
        """
        yield self._small("format", (self.root / "format").read_bytes())
        keys = (self.root / "ledger/vkey").read_bytes()
        yield self._small(f"vkey/{hashlib.sha256(keys).hexdigest()}", keys)
        for level, full, partial in tiles.levels(self.head().size):
            for kind in [str(level)] if level else ["0", "entries"]:
                for number in range(full):
                    yield self._tile(kind, number, tiles.WIDTH)
                if partial:
                    yield self._tile(kind, full, partial)
        signed = self.log.checkpoint
        yield self._small(checkpoint_key(self.head().size, hashlib.sha256(signed).hexdigest()), signed)

    def database(self) -> Item:
        """Return ``vault.db``: the envelopes, without which nothing in the archive can be opened."""
        path = self.root / "vault.db"
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        key = f"{self.store_id}/vault.db/{self.head().size:019d}-{sha256}"
        return Item(key, path.stat().st_size, sha256, path)

    def _tile(self, kind: str, number: int, width: int) -> Item:
        name = tiles.tile_path(kind, number, width)
        path = self.root / "ledger" / name
        if width < tiles.WIDTH and not path.exists():  # only the widest is kept: cut it
            wider = max(path.parent.iterdir(), key=lambda each: int(each.name))
            data = wider.read_bytes()
            if kind == "entries":
                data = b"".join(map(tiles.pack, tiles.unpack(data)[:width]))
            else:
                data = data[: width * merkle.HASH_SIZE]
            return self._small(f"ledger/{name}", data)
        return self._small(f"ledger/{name}", path.read_bytes())

    def _small(self, name: str, data: bytes) -> Item:
        return Item(f"{self.store_id}/{name}", len(data), hashlib.sha256(data).hexdigest(), data)


def checkpoint_key(size: int, sha256: str) -> str:
    """Return the name of a checkpoint below the store's id: in the order of size."""
    return f"checkpoints/{size:019d}-{sha256}"

"""A store opened for reading: no lock taken, nothing repaired, nothing changed.

This is what recovery on another machine and the keyless verifier use. `Vault` builds on it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography.exceptions import InvalidTag

from medkiosk.core.ids import ObjectId, is_id
from medkiosk.vault import envelope, recovery
from medkiosk.vault.db import Database, Row
from medkiosk.vault.envelope import Name
from medkiosk.vault.epochs import Epoch, EpochKeys, check_pin, open_epoch_by_recovery
from medkiosk.vault.errors import VaultDamagedError, VaultFormatError, VaultWriteError
from medkiosk.vault.identity import Opener
from medkiosk.vault.keyrows import get_epochs
from medkiosk.vault.keys import DataKey, IndexKeys, Secret
from medkiosk.vault.recovery import Recovered
from medkiosk.vault.schema import COLUMNS, ObjectRow, RecordRow, SeenRow
from medkiosk.vault.slots import Slot

FORMAT_LINE = "medkiosk-store v2"
_PAGE = 256
_OBJECTS = (
    "SELECT seq, o.id, kind, size, sealed_size, lower(hex(sha256)), lower(hex(commitment)), epoch"
    " FROM objects o LEFT JOIN envelopes e ON e.id = o.id AND e.what = 'object'"
)
_RECORDS = (
    "SELECT seq, r.id, kind, lower(hex(sha256)), lower(hex(commitment)), sealed, epoch, envelope"
    " FROM records r LEFT JOIN envelopes e ON e.id = r.id AND e.what = 'record'"
)
_READ = 16 * envelope.CHUNK_SEALED
"""Bytes at once. So few that their memory is used again: 1 MiB costs up to three times as much."""


class StoreReader:
    """A locked store: everything but the keys."""

    def __init__(self, root: Path, database: Database) -> None:
        self.root = root
        self._db = database

    @classmethod
    def open_for_reading(cls, root: Path) -> Self:
        """Open the store in ``root``, also while a kiosk is using it.

        Raises:
            VaultFormatError: there is no store of this version.
        """
        store_id = check_format(root)
        reader = cls(root, Database.open(root / "vault.db", writable=False, in_use=in_use(root)))
        if reader.store_id != store_id:
            reader.close()
            raise VaultFormatError(path=root, detail="vault.db belongs to another store than the format file")
        return reader

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._db.close()

    @property
    def store_id(self) -> str:
        """The store's random id, 32 hexadecimal digits."""
        return str(self._db.rows("SELECT store_id FROM state")[0][0])

    @property
    def generation(self) -> int:
        """The generation of the device secret that the store is under."""
        return int(self._db.rows("SELECT generation FROM state")[0][0])

    @property
    def current_epoch(self) -> int:
        """The epoch that is sealed to."""
        return int(self._db.rows("SELECT current_epoch FROM state")[0][0])

    @property
    def next_index(self) -> int:
        """The ledger index that the next entry gets."""
        return int(self._db.rows("SELECT next_index FROM state")[0][0])

    def objects(self, after: int = 0) -> Iterator[ObjectRow]:
        """Give the facts about every object with a ``seq`` above ``after``, in the order of commitment."""
        return (ObjectRow(*row) for row in self._pages(_OBJECTS, after))

    def _pages(self, select: str, after: int) -> Iterator[Row]:
        """Yield rows by ``seq``, the first column, a page at a time: others get the database in between."""
        last = after
        while page := self._db.rows(f"{select} WHERE seq > ? ORDER BY seq LIMIT ?", (last, _PAGE)):
            yield from page
            last = page[-1][0]

    def count(self) -> int:
        """Return how many objects there are."""
        return int(self._db.rows("SELECT count(*) FROM objects")[0][0])

    def object(self, object_id: str) -> ObjectRow | None:
        """Return the facts about one object."""
        row = self._db.row(f"{_OBJECTS} WHERE o.id = ?", (object_id,))
        return None if row is None else ObjectRow(*row)

    def present(self, object_id: str) -> bool:
        """Whether an object's blob is there and has its size. One look: its bytes are not read."""
        row = self.object(object_id)
        try:
            return row is not None and self.blob_path(object_id).stat().st_size == row.sealed_size
        except OSError:
            return False

    def records(self, after: int = 0) -> Iterator[RecordRow]:
        """Give every record with a ``seq`` above ``after``, still sealed, in the order of commitment."""
        return (RecordRow(*row) for row in self._pages(_RECORDS, after))

    def record(self, record_id: str) -> RecordRow | None:
        """Return one record, still sealed."""
        row = self._db.row(f"{_RECORDS} WHERE r.id = ?", (record_id,))
        return None if row is None else RecordRow(*row)

    @property
    def last_record(self) -> int:
        """``seq`` of the newest record; 0 while there is none. They are numbered from 1 without a gap."""
        return int(self._db.rows("SELECT coalesce(max(seq), 0) FROM records")[0][0])

    def record_at(self, seq: int) -> RecordRow | None:
        """Return one record, still sealed; None where there is none of this number."""
        row = self._db.row(f"{_RECORDS} WHERE seq = ?", (seq,))
        return None if row is None else RecordRow(*row)

    def record_id(self, seq: int) -> str:
        """The id of a record, disposed of or not; empty where there is none of this number."""
        row = self._db.row("SELECT id FROM records WHERE seq = ?", (seq,))
        return "" if row is None else str(row[0])

    def seen(self, tag: bytes) -> SeenRow | None:
        """Return what is known about the file with this tag."""
        row = self._db.row("SELECT tag, content, object_id, group_id FROM seen WHERE tag = ?", (tag,))
        return None if row is None else SeenRow(*row)

    def seen_content(self, content: bytes) -> SeenRow | None:
        """Return what is known about a file with this content, wherever it was last found."""
        row = self._db.row(
            "SELECT tag, content, object_id, group_id FROM seen WHERE content = ?"
            " ORDER BY rowid DESC LIMIT 1",
            (content,),
        )
        return None if row is None else SeenRow(*row)

    def epochs(self) -> list[Epoch]:
        """Return all epochs, oldest first."""
        return get_epochs(self._db)

    def slots(self) -> list[Slot]:
        """Return all key slots."""
        rows = self._db.rows("SELECT id, kind, name_tag, params, salt, wrapped_master FROM slots ORDER BY id")
        return [Slot(*row) for row in rows]

    def outbox(self) -> list[tuple[int, bytes]]:
        """Return the ledger entries promised and not acknowledged, in order: (ledger index, leaf)."""
        return [
            (int(index), bytes(leaf))
            for index, leaf in self._db.rows("SELECT ledger_index, leaf FROM outbox ORDER BY ledger_index")
        ]

    def blob_path(self, object_id: str) -> Path:
        """Return where an object's sealed bytes are."""
        return self.root / "objects" / object_id[:2] / object_id

    def unlock_recovery(self, shares: Sequence[str]) -> Opener:
        """Unlock with two of the three recovery mnemonics; no device secret is needed.

        Raises:
            WrongSharesError: they do not open this store.
            EpochReplacedError: a public key was replaced.
            VaultDamagedError: there is no recovery slot, or an epoch's key is damaged.
        """
        slot = self._recovery_slot()
        recovered = recovery.open_recovery_slot(slot, shares)
        # Where the escrow is damaged, the ledger alone vouches for what was sealed: a picture that opens is
        # worth more than knowing whose epoch it was.
        with contextlib.suppress(VaultDamagedError):
            index = IndexKeys(bytes(recovery.open_escrow(self._escrow(), slot, recovered)["index"].reveal()))
            for row in self.epochs():
                check_pin(row, index)
        return Opener(self._db, recovered.master, self._recovered_keys(recovered))

    def open_escrow(self, shares: Sequence[str]) -> dict[str, Secret]:
        """Return the device's lasting secrets by name, with two of the three recovery mnemonics.

        Raises:
            WrongSharesError: they do not open this store.
            VaultDamagedError: there is no recovery slot, or a secret is missing, damaged or somebody else's.
        """
        slot = self._recovery_slot()
        recovered = recovery.open_recovery_slot(slot, shares)
        recovered.master.wipe()
        return recovery.open_escrow(self._escrow(), slot, recovered)

    def read_object(self, object_id: ObjectId | str, data_key: DataKey) -> Iterator[bytes]:
        """Yield the plaintext of an object, each piece verified before it is handed on.

        The object is whole only when the iterator ends without an error: until then more could follow.

        Raises:
            VaultDamagedError: it is missing, has the wrong size, or does not open. Nothing unverified was
                yielded.
        """
        row = self.object(object_id)
        if row is None:
            raise VaultDamagedError(what="object", id=object_id, detail="the store has no such object")
        return self._read(row, data_key)

    def _recover(self, shares: Sequence[str]) -> Recovered:
        return recovery.open_recovery_slot(self._recovery_slot(), shares)

    def _recovery_slot(self) -> Slot:
        found = [slot for slot in self.slots() if slot.kind == recovery.KIND]
        if not found:
            raise VaultDamagedError(what="slot", id=recovery.KIND, detail="it is missing")
        return found[0]

    def _escrow(self) -> dict[str, bytes]:
        return {str(name): sealed for name, sealed in self._db.rows("SELECT name, sealed FROM escrow")}

    def _current(self) -> Epoch:
        columns = ", ".join(COLUMNS["epochs"])
        row = self._db.row(
            f"SELECT {columns} FROM epochs WHERE epoch = (SELECT current_epoch FROM state)"  # noqa: S608 -- names from COLUMNS only
        )
        if row is None:
            raise VaultWriteError(detail="the current epoch has no key")
        return Epoch(*row)

    def _recovered_keys(self, recovered: Recovered) -> list[EpochKeys]:
        return [open_epoch_by_recovery(row, recovered.private) for row in self.epochs()]

    def _read(self, row: ObjectRow, data_key: DataKey) -> Iterator[bytes]:
        opener = envelope.decryptor(data_key, Name("object", row.id, row.kind))
        try:
            with self.blob_path(row.id).open("rb", buffering=0) as blob:
                if (size := blob.seek(0, 2)) != row.sealed_size:
                    raise VaultDamagedError(
                        what="object", id=row.id, detail=f"it has {size} bytes instead of {row.sealed_size}"
                    )
                blob.seek(0)
                while sealed := blob.read(_READ):
                    if plain := opener.update(sealed):
                        yield plain
                if plain := opener.finalize():
                    yield plain
        except InvalidTag as error:
            raise VaultDamagedError(
                what="object", id=row.id, detail="its bytes or its key were changed"
            ) from error
        except OSError as error:
            raise VaultDamagedError(
                what="object", id=row.id, detail=error.strerror or "unreadable"
            ) from error


def check_format(root: Path) -> str:
    """Check the ``format`` file and return the store's id.

    Raises:
        VaultFormatError: missing, or of another version.
    """
    try:
        text = (root / "format").read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise VaultFormatError(path=root, detail="it has no readable file named format") from error
    first, _, rest = text.partition("\n")
    if first != FORMAT_LINE:
        raise VaultFormatError(path=root, detail=f"its format is {first[:40]!r}, not {FORMAT_LINE!r}")
    if not (rest.endswith("\n") and is_id(rest[:-1])):
        raise VaultFormatError(path=root, detail="its format file was changed")
    return rest[:-1]


def in_use(root: Path) -> bool:
    """Tell whether a process has the store open for writing."""
    try:
        fd = os.open(root / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False

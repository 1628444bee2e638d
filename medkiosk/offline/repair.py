"""Put back what a verification named as damaged, from the copy on a backup drive, and nothing else.

Nothing is believed because it is on the drive: a sealed file must have the hash that the store knows, ledger
entries must have the hashes in the store's own tiles, a row must have its digest. What a repaired row says is
compared with the ledger by the verification that comes after. Rows that hold keys are not in the ledger: they
come back only where the store's own ledger has no entry since the copy that says that they were replaced.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import msgspec

from medkiosk import durable
from medkiosk.core.errors import KioskError
from medkiosk.core.ids import Random, is_id, new_id
from medkiosk.core.lifecycle import AccountClosed, RecoveryReplaced, SlotChanged
from medkiosk.durable import CHUNK
from medkiosk.ledger import entry, merkle, tiles
from medkiosk.ledger.file import Log
from medkiosk.ledger.tiles import WIDTH, tile_path
from medkiosk.offline.report import Problem
from medkiosk.vault import recovery
from medkiosk.vault.reader import StoreReader
from medkiosk.vault.schema import COLUMNS, insert, row_digest


class Repaired(msgspec.Struct, frozen=True, tag="repaired"):
    """Something is as it was sealed: ``what`` names it."""

    code: str
    subject: str
    what: str


class NotRepaired(msgspec.Struct, frozen=True, tag="not repaired"):
    """Something is still damaged; ``reason`` says why, in words."""

    code: str
    subject: str
    reason: str


class _CannotError(Exception):
    """Why something cannot be repaired, in words."""


_BLOBS = ("missing", "size", "changed", "swapped", "unreadable")
_BUNDLES = ("unreadable", "entry_changed", "removed", "truncated", "reordered", "entry_added")
_KEYED = {
    "objects": "id",
    "records": "id",
    "envelopes": "id",
    "slots": "id",
    "epochs": "epoch",
    "escrow": "name",
}
_SHEETS = frozenset({RecoveryReplaced.__struct_config__.tag})
_PERSONS_KEY = frozenset({SlotChanged.__struct_config__.tag, AccountClosed.__struct_config__.tag})
"""Ledger entries after which an older copy of a key is no longer in force."""
_RANGE = re.compile(r"(?P<first>[0-9]{1,18})( to (?P<last>[0-9]{1,18}))?", re.ASCII)


Publishing = Callable[[str], AbstractContextManager[bool]]
"""Entered with an object's id right before its file gets its name; gives whether it still may."""


class _Tools(NamedTuple):
    random: Random
    publishing: Publishing


def repair(
    root: Path,
    source: Path,
    problem: Problem,
    *,
    random: Random = os.urandom,
    publishing: Publishing = lambda _id: nullcontext(True),
) -> Repaired | NotRepaired:
    """Repair one thing.

    Args:
        root: the damaged store.
        source: a copy of it, as on a backup drive (``DRIVE/store``); it is only read.
        problem: from `medkiosk.offline.verify`.
        random: for names of temporary files.
        publishing: in a running kiosk, keeps a disposal from coming in between.

    Raises:
        OSError: the store's disk failed; what was there is still there.
    """
    action = _ACTIONS.get(problem.code)
    try:
        if action is None:
            raise _CannotError("a copy of it cannot be put back one by one; see docs/backup.md, a lost kiosk")
        what = action(root, source, problem, _Tools(random, publishing))
    except _CannotError as error:
        return NotRepaired(problem.code, problem.subject, str(error))
    return Repaired(problem.code, problem.subject, what)


# Sealed files


def _blob(root: Path, source: Path, problem: Problem, tools: _Tools) -> str:
    if not is_id(problem.subject):
        raise _CannotError("it is not the name of an object")
    with _reader(root) as reader:
        row = reader.object(problem.subject)
        final = reader.blob_path(problem.subject)
    if row is None:
        raise _CannotError("the store does not know its hash; repair its row first")
    if row.epoch is None:
        raise _CannotError("its key is missing or was destroyed; without it the file is worth nothing")
    copy = source / "objects" / row.id[:2] / row.id
    _put(root, final, lambda: _pieces(copy), row.sha256, tools, row.id)
    return f"the sealed file of object {row.id}"


def _pieces(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb", buffering=0) as file:
            while piece := file.read(CHUNK):
                yield piece
    except OSError as error:
        raise _CannotError(f"the drive does not have it ({error.strerror})") from error


def _put(
    root: Path,
    final: Path,
    pieces: Callable[[], Iterator[bytes]],
    sha256: str,
    tools: _Tools,
    object_id: str = "",
) -> None:
    """Write a file beside its place, check it, and only then put it there."""
    tmp = root / "tmp" / f"{new_id(tools.random)}.repair"
    root_fd = durable.open_dir(root)
    file = durable.create(tmp)
    try:
        digest = hashlib.sha256()
        for piece in pieces():
            digest.update(piece)
            file.write(piece)
        if digest.hexdigest() != sha256:
            raise _CannotError("the copy on the drive is not what was sealed, either")
        durable.sync_files(root_fd, [file])
        read = hashlib.sha256()
        for view in durable.read_back(tmp):
            read.update(view)
        if read.hexdigest() != sha256:
            raise _CannotError("the kiosk's disk returned other bytes than were written to it")
        with tools.publishing(object_id) if object_id else nullcontext(True) as may:
            if not may:
                raise _CannotError("it was disposed of meanwhile")
            final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if final.exists():
                durable.exchange(tmp, final)
            else:
                durable.publish(tmp, final)
            durable.sync_dirs(root_fd, [final.parent, tmp.parent])
    finally:
        file.close()
        with contextlib.suppress(OSError):
            durable.remove(tmp)
        os.close(root_fd)


# Ledger entries


def _bundle(root: Path, source: Path, problem: Problem, tools: _Tools) -> str:
    found = _RANGE.fullmatch(problem.subject)
    if found is None:
        raise _CannotError("it is not said where in the ledger it is")
    first, last = int(found["first"]), int(found["last"] or found["first"])
    for number in range(first // WIDTH, last // WIDTH + 1):
        _one_bundle(root, source, number, tools)
    return f"ledger entries {first // WIDTH * WIDTH} and following"


def _one_bundle(root: Path, source: Path, number: int, tools: _Tools) -> None:
    width, hashes = _signed_hashes(root / "ledger", number)
    entries = _entries(source / "ledger", number)
    if len(entries) < width:
        raise _CannotError("the drive does not have it: it was last plugged in before")
    if [merkle.leaf_hash(leaf) for leaf in entries[:width]] != hashes:
        raise _CannotError("the copy on the drive is not what was signed, either")
    data = b"".join(map(tiles.pack, entries[:width]))
    path = root / "ledger" / tile_path("entries", number, width)
    _put(root, path, lambda: iter([data]), hashlib.sha256(data).hexdigest(), tools)


def _signed_hashes(ledger: Path, number: int) -> tuple[int, list[bytes]]:
    """Return how many entries the widest hash file has, and their hashes."""
    for width in range(WIDTH, 0, -1):
        with contextlib.suppress(OSError):
            data = (ledger / tile_path(0, number, width)).read_bytes()
            if len(data) == width * merkle.HASH_SIZE:
                return width, tiles.split(data)
    raise _CannotError("the hashes that were signed are damaged, too")


def _entries(ledger: Path, number: int) -> list[bytes]:
    for width in range(WIDTH, 0, -1):
        with contextlib.suppress(OSError, ValueError):
            return tiles.unpack((ledger / tile_path("entries", number, width)).read_bytes())
    return []


# Rows


def _row(root: Path, source: Path, problem: Problem, _tools: _Tools) -> str:
    table, key = _which(problem)
    if table not in _KEYED:
        raise _CannotError("it is a row that nothing is lost with; an unlocked kiosk makes it again")
    columns = ", ".join((*COLUMNS[table], "digest"))
    with _database(source, "ro&immutable=1") as copy:
        rows = copy.execute(f"SELECT {columns} FROM {table} WHERE {_KEYED[table]} = ?", (key,)).fetchall()  # noqa: S608 -- names from COLUMNS only
    if not rows:
        raise _CannotError("the drive does not have it: it was last plugged in before, or it was disposed of")
    *values, digest = rows[0]
    if row_digest(table, *values) != digest:
        raise _CannotError("the copy on the drive is damaged, too")
    with _alone(root), _database(root, "rw") as db:
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA secure_delete = ON")
        db.execute("PRAGMA foreign_keys = ON")
        row = dict(zip(COLUMNS[table], values, strict=True))
        if table == "envelopes":
            _check_epoch(db, source, row["epoch"])
        if table in ("epochs", "slots", "escrow"):
            _check_not_replaced(root, db, source, table, row)
        _replace(db, table, key, (*values, digest))
    return f"the row {table}/{key} of vault.db"


def _which(problem: Problem) -> tuple[str, str]:
    if problem.code == "row.damaged":
        table, _, key = problem.subject.partition("/")
        return table, key
    if problem.code == "escrow.missing":
        return "escrow", problem.subject
    what, _, kind = problem.code.partition(".")
    return ("envelopes" if kind.startswith("envelope") else f"{what}s"), problem.subject


def _check_epoch(db: sqlite3.Connection, source: Path, epoch: int) -> None:
    """A key of an epoch that is gone is of no use, and one that was moved since must not come back."""
    sql = "SELECT public_key FROM epochs WHERE epoch = ?"
    mine = db.execute(sql, (epoch,)).fetchone()
    with _database(source, "ro&immutable=1") as copy:
        if mine is None or mine != copy.execute(sql, (epoch,)).fetchone():
            raise _CannotError(
                "the copy on the drive is older than a disposal: its key is of no use any more"
            )


def _check_not_replaced(
    root: Path, db: sqlite3.Connection, source: Path, table: str, row: dict[str, object]
) -> None:
    """A key that was replaced since must not come back: what it opened then, it would open again."""
    if table == "epochs":
        [(generation,)] = db.execute("SELECT generation FROM state").fetchall()
        [(moving,)] = db.execute("SELECT count(*) FROM disposals WHERE step = 'moving'").fetchall()
        if row["generation"] not in ((generation, generation + 1) if moving else (generation,)):
            raise _CannotError("the copy on the drive is of another device secret: older than a disposal")
    persons = table == "slots" and row["kind"] != recovery.KIND
    types = _PERSONS_KEY if persons else _SHEETS
    with _database(source, "ro&immutable=1") as copy:
        [(since,)] = copy.execute("SELECT next_index FROM state").fetchall()
    try:
        leaves = [*Log.open(root / "ledger").entries(since)]
        promised = db.execute("SELECT leaf FROM outbox WHERE ledger_index >= ?", (since,)).fetchall()
        found = {entry.decode(bytes(leaf)).type for leaf in (*leaves, *(leaf for (leaf,) in promised))}
    except (KioskError, ValueError) as error:
        raise _CannotError(
            "the ledger cannot be read, so nobody can tell whether the copy is still in force"
        ) from error
    if found & types:
        what = (
            "somebody's passphrase or account was changed" if persons else "the recovery sheets were replaced"
        )
        raise _CannotError(f"the copy on the drive is older: {what} since it was made")


def _replace(db: sqlite3.Connection, table: str, key: str, values: tuple[object, ...]) -> None:
    columns = (*COLUMNS[table], "digest")
    assignments = ", ".join(f"{column} = ?" for column in columns)
    try:
        db.execute("BEGIN IMMEDIATE")
        changed = db.execute(
            f"UPDATE {table} SET {assignments} WHERE {_KEYED[table]} = ?",  # noqa: S608 -- names from COLUMNS only
            (*values, key),
        )
        if not changed.rowcount:
            db.execute(insert(table), values)
        db.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        raise _CannotError(f"vault.db does not take it ({error})") from error


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    fd = os.open(root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise _CannotError("the kiosk is running; stop medkioskd first") from error
    finally:
        os.close(fd)


@contextlib.contextmanager
def _database(root: Path, mode: str) -> Iterator[sqlite3.Connection]:
    try:
        uri = f"file:{quote(str((root / 'vault.db').absolute()))}?mode={mode}"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as db:
            yield db
    except sqlite3.Error as error:
        raise _CannotError(f"vault.db cannot be used ({error})") from error


@contextlib.contextmanager
def _reader(root: Path) -> Iterator[StoreReader]:
    try:
        with StoreReader.open_for_reading(root) as reader:
            yield reader
    except (KioskError, sqlite3.Error) as error:
        raise _CannotError("the store's database cannot be read") from error


_ACTIONS: dict[str, Callable[[Path, Path, Problem, _Tools], str]] = {
    **{f"object.blob_{kind}": _blob for kind in _BLOBS},
    **{f"ledger.{kind}": _bundle for kind in _BUNDLES},
    "row.damaged": _row,
    "escrow.missing": _row,
    **{f"object.{kind}": _row for kind in ("row_missing", "facts", "envelope_missing", "envelope_changed")},
    **{f"record.{kind}": _row for kind in ("row_missing", "facts", "changed")},
    **{f"record.{kind}": _row for kind in ("envelope_missing", "envelope_changed")},
}
"""What can be put back, by the code of the problem."""

"""Get the originals back with the recovery words, from nothing but the store's folder."""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from medkiosk import durable
from medkiosk.core.errors import KioskError
from medkiosk.durable import TmpFile
from medkiosk.ledger import entry
from medkiosk.ledger.file import Log
from medkiosk.vault import envelope
from medkiosk.vault.errors import DisposedError, VaultDamagedError
from medkiosk.vault.identity import Opener
from medkiosk.vault.reader import StoreReader
from medkiosk.vault.schema import ObjectRow

KIND = "original"
_LONGEST = 200
_FATAL = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)
_BAD = frozenset('<>:"/\\|?*')


class FileName(NamedTuple):
    """What a sealed record says a file was called. Untrusted: it came from a camera or card."""

    object_id: str
    folder: str
    name: str


NameOf = Callable[[bytes], FileName | None]
"""Given the payload of a record, return which file it names, or None if it names none."""


class RestoreTargetError(KioskError):
    """Nothing was restored: {path} is not an empty folder that can be written to. Name another one."""

    code = "restore.target"
    exit_code = 2


class Restored(msgspec.Struct, frozen=True):
    """What became of one original.

    Attributes:
        object_id: its id.
        status: ``ok``: written, and the ledger confirms it; ``unconfirmed``: written, but no readable ledger
            entry names it; ``damaged``: not written; ``disposed``: not written, its key was destroyed.
        path: relative to the output folder; empty where nothing was written.
        size: bytes written.
        detail: why, where it is not ``ok``.
    """

    object_id: str
    status: Literal["ok", "unconfirmed", "damaged", "disposed"]
    path: str = ""
    size: int = 0
    detail: str = ""


def restore(root: Path, shares: Sequence[str], out: Path, name_of: NameOf) -> Iterator[Restored]:
    """Write every original to ``out``, one result each, in the order of import.

    The store is only read. Files in ``out`` are private to their owner, and on the device when the
    iterator ends.

    Args:
        root: the store's folder.
        shares: two of the three recovery mnemonics.
        out: a folder that does not exist or is empty.
        name_of: tells file names from the sealed records.

    Raises:
        VaultFormatError: ``root`` is not a store.
        WrongSharesError: the words do not open it.
        RestoreTargetError: ``out`` is not empty, or not writable.
        OSError: writing failed; what was yielded as ``ok`` before is complete.
    """
    with StoreReader.open_for_reading(root) as reader, reader.unlock_recovery(shares) as opener:
        _make_target(out)
        names = _names(reader, opener, name_of)
        confirmed = _commitments(root / "ledger")
        root_fd = durable.open_dir(out)
        folders = {out}
        try:
            for row in reader.objects():
                if row.kind == KIND:
                    result = _restore_one(reader, opener, row, out, names.get(row.id), confirmed, root_fd)
                    if result.path:
                        folders |= {(out / result.path).parent, *(out / result.path).parent.parents}
                    yield result
            durable.sync_dirs(root_fd, {folder for folder in folders if folder.is_relative_to(out)})
        finally:
            os.close(root_fd)


def _restore_one(
    reader: StoreReader,
    opener: Opener,
    row: ObjectRow,
    out: Path,
    name: FileName | None,
    confirmed: dict[str, str],
    root_fd: int,
) -> Restored:
    try:
        key = opener.open_key(row.id)
    except DisposedError as error:
        return Restored(row.id, "disposed", detail=error.message)
    except VaultDamagedError as error:
        return Restored(row.id, "damaged", detail=error.message)
    path, file = _create(out, row, name)
    digest = hashlib.sha256()
    try:
        try:
            for piece in reader.read_object(row.id, key):
                digest.update(piece)
                file.write(piece)
            durable.sync_files(root_fd, [file])
        finally:
            file.close()
        actual = envelope.commitment(key, digest.digest()).hex()
        if not hmac.compare_digest(actual, confirmed.get(row.id, row.commitment)):
            raise VaultDamagedError(
                what="object", id=row.id, detail="it opens, but is not the file that was imported"
            )
    except VaultDamagedError as error:
        path.unlink()
        return Restored(row.id, "damaged", detail=error.message)
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
    finally:
        key.wipe()
    relative = str(path.relative_to(out))
    if row.id not in confirmed:
        return Restored(row.id, "unconfirmed", relative, row.size, "no readable ledger entry names it")
    return Restored(row.id, "ok", relative, row.size)


def _create(out: Path, row: ObjectRow, name: FileName | None) -> tuple[Path, TmpFile]:
    """Make the file; one whose name the file system or an earlier name rules out gets its id instead."""
    if name is not None:
        try:
            path = _free(out, name)
            return path, durable.create(path)
        except OSError as error:
            if error.errno in _FATAL:
                raise
    path = _free(out, FileName(row.id, "unnamed", row.id))
    return path, durable.create(path)


def _make_target(out: Path) -> None:
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        empty = not any(out.iterdir())
    except OSError as error:
        raise RestoreTargetError(path=out) from error
    if not empty or not os.access(out, os.W_OK):
        raise RestoreTargetError(path=out)


def _names(reader: StoreReader, opener: Opener, name_of: NameOf) -> dict[str, FileName]:
    names = {}
    for row in reader.records():
        # A record that does not open costs its file's name, not the file.
        with suppress(VaultDamagedError, DisposedError):
            if name := name_of(opener.open_record(row)):
                names[name.object_id] = name
    return names


def _commitments(folder: Path) -> dict[str, str]:
    """Return what the ledger says, as far as it can be read."""
    found: dict[str, str] = {}
    with suppress(KioskError):
        for data in Log.open(folder).entries():
            with suppress(ValueError):
                found |= {ref.id: ref.commitment for ref in entry.decode(data).objects}
    return found


def _free(out: Path, name: FileName) -> Path:
    """Return a path below ``out`` that is free, as like the name as a path can be."""
    parts = [safe for part in name.folder.replace("\\", "/").split("/") if (safe := _safe(part))]
    folder = out.joinpath(*parts)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stem, dot, suffix = (_safe(name.name) or name.object_id).rpartition(".")
    stem, suffix = (stem, dot + suffix) if stem else (suffix, "")
    path = folder / (stem + suffix)
    count = 1
    while path.exists():
        count += 1
        path = folder / f"{stem} ({count}){suffix}"
    return path


def _safe(untrusted_part: str) -> str:
    """Return one path component without anything that means something to a file system or terminal."""
    kept = "".join(char if char.isprintable() and char not in _BAD else "_" for char in untrusted_part).strip(
        " ."
    )
    return kept.encode("utf-8", "replace")[:_LONGEST].decode("utf-8", "ignore")

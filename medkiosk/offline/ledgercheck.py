"""Check a ledger's files from the entries up, and say which entries can be believed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from medkiosk.core.errors import KioskError
from medkiosk.ledger import checkpoint, merkle, tiles
from medkiosk.ledger.checkpoint import Checkpoint
from medkiosk.ledger.note import LogKeys
from medkiosk.ledger.tiles import HEIGHT, WIDTH, tile_path
from medkiosk.offline.report import Problem, problem

_TRIES = 5


@dataclass
class CheckedLedger:
    """What was found. ``leaves`` holds None where an entry is unreadable or not the signed one."""

    head: Checkpoint | None = None
    signature: str = "not verified"
    leaves: list[bytes | None] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def check_ledger(folder: Path, key: LogKeys | None) -> CheckedLedger:
    """Check the checkpoint, every entry and every tile.

    Args:
        folder: the log's folder.
        key: the key to expect; without one, the one in the folder is used and a note says so.
    """
    for _ in range(_TRIES):
        checked = CheckedLedger()
        _check_head(folder, key, checked)
        if checked.head is not None:
            _check_tree(folder, checked.head, checked)
        # A running kiosk may have moved on and removed the partial tiles of the head that was read.
        if not checked.problems or checked.head == _head_now(folder):
            break
    return checked


def _head_now(folder: Path) -> Checkpoint | None:
    try:
        return checkpoint.parse((folder / "checkpoint").read_bytes())[0]
    except (OSError, KioskError):
        return None


def _check_head(folder: Path, key: LogKeys | None, checked: CheckedLedger) -> None:
    try:
        signed = (folder / "checkpoint").read_bytes()
        checked.head = checkpoint.parse(signed)[0]
    except OSError as error:
        checked.problems.append(problem("ledger.no_checkpoint", detail=f"{error.strerror}."))
        return
    except KioskError as error:
        checked.problems.append(problem("ledger.no_checkpoint", detail=error.message))
        return
    verified = "verified"
    if key is None:
        verified = "own key only"
        checked.notes.append(
            "The signature was checked with the key that lies in the store itself. Give the ledger key that"
            " was printed when the kiosk was set up to be sure that the store was not forged."
        )
    try:
        checkpoint.verify(signed, key or LogKeys.parse((folder / "vkey").read_text("utf-8")))
        checked.signature = verified
    except (OSError, UnicodeDecodeError) as error:
        checked.problems.append(
            problem("ledger.signature", detail=f"the file vkey cannot be read ({error}).")
        )
    except KioskError as error:
        checked.problems.append(problem("ledger.signature", detail=error.message))


def _check_tree(folder: Path, head: Checkpoint, checked: CheckedLedger) -> None:
    """Hash the entries; where they do not lead to the head, find out with the tiles which one is wrong."""
    hashes: list[bytes | None] = []
    stored: list[bytes | None] = []
    # A forged head may claim any size: look no further than there are files.
    present = WIDTH * sum(1 for path in (folder / "tile" / "entries").rglob("*") if path.is_file())
    if head.size > present:
        checked.problems.append(problem("ledger.unreadable", f"{present} to {head.size - 1}"))
    for number, width in _tiles(min(head.size, present)):
        entries = _entries(folder, number, width, checked)
        checked.leaves += entries
        hashes += [None if leaf is None else merkle.leaf_hash(leaf) for leaf in entries]
        stored += _hashes(folder, 0, number, width)

    if _root(hashes) == head.root:
        # The entries are the signed ones; whatever is wrong with the tiles costs nothing.
        _check_tiles(folder, [hash_ for hash_ in hashes if hash_], checked)
        return
    differing = [i for i, (mine, theirs) in enumerate(zip(hashes, stored, strict=True)) if mine != theirs]
    for index in differing:
        checked.leaves[index] = None
    named = [index for index in differing if hashes[index] is not None]
    if _root(stored) == head.root:
        checked.problems += [problem("ledger.entry_changed", index) for index in named]
        return
    if named:
        checked.problems += [problem("ledger.entry_changed", index) for index in named]
    checked.problems.append(problem("ledger.tree", detail=_where(folder, stored)))


def _tiles(size: int) -> Iterator[tuple[int, int]]:
    for number in range(size // WIDTH):
        yield number, WIDTH
    if size % WIDTH:
        yield size // WIDTH, size % WIDTH


def _entries(folder: Path, number: int, width: int, checked: CheckedLedger) -> list[bytes | None]:
    path = folder / tile_path("entries", number, width)
    try:
        entries: list[bytes | None] = list(tiles.unpack(path.read_bytes()))
    except (OSError, ValueError):
        entries = []
    if len(entries) != width:
        first = number * WIDTH
        checked.problems.append(problem("ledger.unreadable", f"{first} to {first + width - 1}"))
        return [None] * width
    return entries


def _hashes(folder: Path, level: int, number: int, width: int) -> list[bytes | None]:
    try:
        data = (folder / tile_path(level, number, width)).read_bytes()
    except OSError:
        data = b""
    if len(data) != width * merkle.HASH_SIZE:
        return [None] * width
    return list(tiles.split(data))


def _root(hashes: list[bytes | None]) -> bytes | None:
    """Return the root over leaf hashes, None if one is missing."""
    known = [hash_ for hash_ in hashes if hash_ is not None]
    if len(known) != len(hashes):
        return None

    def node(level: int, index: int) -> bytes:
        return merkle.fold(known[index << level : (index + 1) << level])

    return merkle.root(len(known), node)


def _check_tiles(folder: Path, hashes: list[bytes], checked: CheckedLedger) -> None:
    row = hashes
    for level, full, width in tiles.levels(len(hashes)):
        for number in range(full + bool(width)):
            expected = row[number * WIDTH : (number + 1) * WIDTH]
            if _hashes(folder, level, number, len(expected)) != expected:
                checked.problems.append(
                    problem("ledger.tile_damaged", tile_path(level, number, len(expected)))
                )
        row = [merkle.fold(row[i : i + WIDTH]) for i in range(0, full * WIDTH, WIDTH)]


def _where(folder: Path, stored: list[bytes | None]) -> str:
    """Say between which entries the tiles stop agreeing with the tile level above."""
    size = len(stored)
    above = [hash_ for number, width in _tiles(size >> HEIGHT) for hash_ in _hashes(folder, 1, number, width)]
    wrong = []
    for number, expected in enumerate(above):
        tile = stored[number * WIDTH : (number + 1) * WIDTH]
        if None in tile or expected is None or merkle.fold([hash_ for hash_ in tile if hash_]) != expected:
            wrong.append(number)
    if not wrong:
        return f"after entry {size // WIDTH * WIDTH - 1}" if size >= WIDTH else f"among the {size} entries"
    return "among " + ", ".join(f"{number * WIDTH} to {number * WIDTH + WIDTH - 1}" for number in wrong[:10])

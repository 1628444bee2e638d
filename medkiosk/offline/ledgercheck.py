"""Check a ledger's files from the entries up, and say which entries can be believed.

The entries are read twice: first to see whether they lead to the signed head, then to be interpreted. What is
kept between the two are hashes, 32 bytes an entry, and the few bundles in which something is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from medkiosk.core.errors import KioskError
from medkiosk.ledger import checkpoint, held, merkle, tiles
from medkiosk.ledger.checkpoint import Checkpoint
from medkiosk.ledger.file import Log
from medkiosk.ledger.note import LogKeys
from medkiosk.ledger.tiles import HEIGHT, WIDTH, tile_path
from medkiosk.offline.bundle import Bundle, read_bundle, what_is_wrong
from medkiosk.offline.report import Problem, problem

_TRIES = 5
_WAYS = 8
"""Bundles that are tried one by one where nothing says whether entries or hashes are right."""
_DIGITS = 9
"""Of the number of a bundle, at most: more entries than that no kiosk will ever have."""

Hashes = list[bytes | None]


@dataclass
class CheckedLedger:
    """What was found.

    Attributes:
        head: the newest checkpoint's tree head.
        signature: as in `Report`.
        size: entries that were looked at: fewer than the head's where files are missing.
        problems: damage.
        notes: what is no damage.
        made_again: hash files as they should be, by path below the log's folder: those that are damaged or
            missing and can be computed from the entries.
        incomplete: whether an entry is lost, or there is no head: what no entry names may have been named.
    """

    folder: Path
    head: Checkpoint | None = None
    signature: str = "not verified"
    size: int = 0
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    made_again: dict[str, bytes] = field(default_factory=dict)
    incomplete: bool = False
    _kept: dict[int, list[bytes | None]] = field(default_factory=dict)
    _hashes: list[bytes] = field(default_factory=list)

    def leaves(self) -> Iterator[bytes | None]:
        """Yield every entry, in order; None for one that is unreadable or not the signed one."""
        for number, width in _tiles(self.size):
            if number in self._kept:
                self.incomplete |= None in self._kept[number]
                yield from self._kept[number]
                continue
            entries = read_bundle(self.folder, number, width).entries
            entries += [b""] * (width - len(entries))
            expected = self._hashes[number] if self._hashes else b""
            for offset, leaf in enumerate(entries[:width]):
                signed = expected[offset * merkle.HASH_SIZE : (offset + 1) * merkle.HASH_SIZE]
                # A file that reads differently the second time is as good as unreadable.
                yield leaf if merkle.leaf_hash(leaf) == signed else None


def check_ledger(folder: Path, key: LogKeys | None) -> CheckedLedger:
    """Check the checkpoint, every entry and every tile.

    Args:
        folder: the log's folder.
        key: the key to expect; without one, the one in the folder is used and a note says so.
    """
    for _ in range(_TRIES):
        checked = CheckedLedger(folder)
        _check_head(folder, key, checked)
        if checked.head is not None:
            _Tree(folder, checked.head, checked).check()
            _check_witnesses(folder, key, checked)
        checked.incomplete = checked.head is None or checked.size < checked.head.size
        # A running kiosk may have moved on and removed the partial tiles of the head that was read.
        if not checked.problems or checked.head == _head_now(folder):
            break
    return checked


def _check_witnesses(folder: Path, key: LogKeys | None, checked: CheckedLedger) -> None:
    """Check that the ledger extends everything that witnesses signed of it."""
    try:
        log = Log.open(folder)
        keys = key or LogKeys.parse((folder / "vkey").read_text("utf-8"))
    except (OSError, UnicodeDecodeError, KioskError):
        return  # named already
    for path in held.files(folder):
        try:
            head = checkpoint.verify(path.read_bytes(), keys)
        except (OSError, KioskError):
            checked.problems.append(problem("ledger.cosigned_damaged", path.name))
            continue
        if words := log.why_not(head):
            checked.problems.append(problem("ledger.contradicted", head.size, detail=words))


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
        own = LogKeys.parse((folder / "vkey").read_text("utf-8"))
    except (OSError, UnicodeDecodeError, KioskError) as error:
        words = error.message if isinstance(error, KioskError) else f"{error}."
        if key is None:
            checked.problems.append(
                problem("ledger.signature", detail=f"the file vkey cannot be read ({words})")
            )
            return
        checked.problems.append(problem("ledger.vkey", detail=words))
        own = key
    if key is not None and own.ed25519 != key.ed25519:
        checked.problems.append(problem("ledger.vkey", detail="it is another key."))
        own = key
    try:
        checkpoint.verify(signed, key or own)
        checkpoint.verify(signed, own)  # it may know one of the log's keys that was not given
        checked.signature = verified
    except KioskError as error:
        checked.problems.append(problem("ledger.signature", detail=error.message))


class _Tree:
    """The entries of one head, and the hash files beside them.

    An entry's hash is known twice: from the entry, and from the tile of level 0; where they differ, the tile
    above says which of the two belongs to the signed tree.
    """

    def __init__(self, folder: Path, head: Checkpoint, checked: CheckedLedger) -> None:
        self._folder = folder
        self._head = head
        self._checked = checked
        self._wrong: dict[int, Bundle] = {}
        self._stored: dict[int, Hashes] = {}
        self._undecided: dict[int, bytes] = {}
        self._rows: list[bytes] = []  # of each bundle: its entries' hashes, one after another
        self._above: Hashes = []

    def check(self) -> None:
        size = self._present()
        self._checked.size = size
        self._above = [
            hash_ for number, width in _tiles(size >> HEIGHT) for hash_ in self._hashes(1, number, width)
        ]
        for number, width in _tiles(size):
            self._rows.append(self._row(number, width))
        if size == self._head.size and (self._leads_to_head() or self._other_way()):
            self._name_entries()
            self._check_tiles()
        else:
            self._name_without_head(size)

    def _present(self) -> int:
        """How many entries there can be: a forged head may claim any size, there are only so many files."""
        present = WIDTH * max(_bundles(self._folder / "tile" / kind) for kind in ("entries", "0"))
        if present < self._head.size:
            self._found("ledger.unreadable", f"{present} to {self._head.size - 1}")
        return min(present, self._head.size)

    def _found(self, code: str, subject: object = "", **values: object) -> None:
        self._checked.problems.append(problem(code, subject, **values))

    def _row(self, number: int, width: int) -> bytes:
        """Return the hashes of one bundle's entries that are most likely the signed ones."""
        bundle = read_bundle(self._folder, number, width)
        stored = self._hashes(0, number, width)
        mine = [merkle.leaf_hash(leaf) for leaf in bundle.entries]
        if bundle.whole and mine == stored:
            return b"".join(mine)
        self._wrong[number], self._stored[number] = bundle, stored
        known = [hash_ for hash_ in stored if hash_ is not None]
        if not bundle.whole:
            return b"".join(known)
        if len(known) < width:
            return b"".join(mine)
        parent = self._above[number] if width == WIDTH else None
        if parent is not None and merkle.fold(mine) == parent:
            return b"".join(mine)
        if parent is None or merkle.fold(known) != parent:
            self._undecided[number] = b"".join(mine)
        return b"".join(known)

    def _leads_to_head(self) -> bool:
        widths = (width for _, width in _tiles(self._checked.size))
        if any(len(row) != width * merkle.HASH_SIZE for row, width in zip(self._rows, widths, strict=True)):
            return False

        def node(level: int, index: int) -> bytes:
            first = index << level
            if level >= HEIGHT:
                last = (first + (1 << level)) // WIDTH
                return merkle.fold(
                    [merkle.fold(tiles.split(row)) for row in self._rows[first // WIDTH : last]]
                )
            row = tiles.split(self._rows[first // WIDTH])
            return merkle.fold(row[first % WIDTH : first % WIDTH + (1 << level)])

        return merkle.root(self._head.size, node) == self._head.root

    def _other_way(self) -> bool:
        """Believe the entries, where no tile above decides: all of them, then one bundle after another."""
        kept = {number: self._rows[number] for number in self._undecided}
        for numbers in (list(self._undecided), *([number] for number in list(self._undecided)[:_WAYS])):
            if not numbers:
                break
            for number in numbers:
                self._rows[number] = self._undecided[number]
            if self._leads_to_head():
                return True
            for number in numbers:
                self._rows[number] = kept[number]
        return False

    def _name_entries(self) -> None:
        """The hashes are the signed ones: say which entries are not."""
        self._checked._hashes = self._rows  # noqa: SLF001 -- one module
        for number, bundle in self._wrong.items():
            signed = tiles.split(self._rows[number])
            leaves, wrong = what_is_wrong(bundle, signed, number * WIDTH)
            self._checked._kept[number] = leaves  # noqa: SLF001
            self._checked.problems += wrong

    def _name_without_head(self, size: int) -> None:
        """Nothing leads to the head: what entry and tile agree on is all that there is to believe."""
        self._checked._hashes = self._rows  # noqa: SLF001
        stored: Hashes = []
        for number, width in _tiles(size):
            bundle = self._wrong.get(number)
            if bundle is None:
                stored += tiles.split(self._rows[number])
                continue
            theirs = self._stored[number]
            stored += theirs
            if None in theirs:
                self._found("ledger.tile_damaged", tile_path(0, number, width))
                self._checked._kept[number] = [*bundle.entries, *[None] * width][:width]  # noqa: SLF001
                if not bundle.whole:
                    self._found("ledger.unreadable", f"{number * WIDTH} to {number * WIDTH + width - 1}")
                continue
            leaves, wrong = what_is_wrong(bundle, [h for h in theirs if h], number * WIDTH)
            self._checked._kept[number] = leaves  # noqa: SLF001
            self._checked.problems += wrong
        self._found("ledger.tree", detail=self._where(stored))

    def _check_tiles(self) -> None:
        """The entries are the signed ones; whatever is wrong with the tiles costs nothing."""
        rows = self._rows
        for level, full, width in tiles.levels(self._head.size):
            for number in range(full + bool(width)):
                path = tile_path(level, number, WIDTH if number < full else width)
                if _read(self._folder / path) != rows[number]:
                    self._found("ledger.tile_damaged", path)
                    self._checked.made_again[path] = rows[number]
            folded = [merkle.fold(tiles.split(row)) for row in rows[:full]]
            rows = [b"".join(folded[i : i + WIDTH]) for i in range(0, len(folded), WIDTH)]

    def _hashes(self, level: int, number: int, width: int) -> Hashes:
        data = _read(self._folder / tile_path(level, number, width))
        if len(data) != width * merkle.HASH_SIZE:
            return [None] * width
        return list(tiles.split(data))

    def _where(self, stored: Hashes) -> str:
        """Say between which entries the tiles stop agreeing with the tile level above."""
        size = len(stored)
        wrong = []
        for number, expected in enumerate(self._above[: size // WIDTH]):
            tile = stored[number * WIDTH : (number + 1) * WIDTH]
            known = [hash_ for hash_ in tile if hash_]
            if len(known) < WIDTH or expected is None or merkle.fold(known) != expected:
                wrong.append(number)
        if not wrong:
            whole = size // WIDTH * WIDTH
            return f"after entry {whole - 1}" if size >= WIDTH else f"among the {size} entries"
        return "among " + ", ".join(f"{n * WIDTH} to {n * WIDTH + WIDTH - 1}" for n in wrong[:10])


def _bundles(folder: Path) -> int:
    """Return how many bundles there would be if none were missing before the last one that is there."""
    count = 0
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if len(parts) > 1 and parts[-2].endswith(".p"):
            parts = (*parts[:-2], parts[-2].removesuffix(".p"))
        digits = "".join(part.removeprefix("x") for part in parts)
        if path.is_file() and digits.isdecimal() and digits.isascii() and len(digits) <= _DIGITS:
            count = max(count, int(digits) + 1)
    return count


def _tiles(size: int) -> Iterator[tuple[int, int]]:
    for number in range(size // WIDTH):
        yield number, WIDTH
    if size % WIDTH:
        yield size // WIDTH, size % WIDTH


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""

"""One bundle of ledger entries beside the hashes that were signed: what is wrong, and what can be saved."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from medkiosk.ledger import merkle
from medkiosk.ledger.tiles import tile_path
from medkiosk.offline.report import Problem, problem


class Bundle(NamedTuple):
    """A file of entries as it is.

    Attributes:
        entries: those that are complete, in their order; none where the file cannot be read.
        readable: whether there is a file.
        cut: whether it ends inside an entry.
        whole: whether it has as many entries as it should, and nothing else.
    """

    entries: list[bytes]
    readable: bool
    cut: bool
    whole: bool


def read_bundle(folder: Path, number: int, width: int) -> Bundle:
    """Read a bundle as far as it goes.

    Args:
        folder: the log's folder.
        number: of the bundle.
        width: how many entries it should have.
    """
    try:
        data = (folder / tile_path("entries", number, width)).read_bytes()
    except OSError:
        return Bundle([], readable=False, cut=False, whole=False)
    entries = []
    at = 0
    while at + 2 <= len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if end > len(data):
            break
        entries.append(data[at + 2 : end])
        at = end
    cut = at < len(data)
    return Bundle(entries, readable=True, cut=cut, whole=not cut and len(entries) == width)


def what_is_wrong(
    bundle: Bundle, signed: list[bytes], first: int
) -> tuple[list[bytes | None], list[Problem]]:
    """Find every signed entry that is still there, wherever it stands, and name what happened to the others.

    Args:
        bundle: as it was read.
        signed: the hashes that its entries should have.
        first: the number of its first entry in the log.

    Returns:
        The entries by their place, None for one that is lost, and the damage: nothing where the bundle is
        as it was signed.
    """
    hashes = [merkle.leaf_hash(leaf) for leaf in bundle.entries]
    there = dict(zip(hashes, bundle.entries, strict=True))
    leaves = [there.get(hash_) for hash_ in signed]
    lost = [place for place, leaf in enumerate(leaves) if leaf is None]
    strangers = set(hashes) - set(signed)
    if not bundle.readable:
        return leaves, [problem("ledger.unreadable", _range(first, 0, len(signed) - 1))]
    if not lost:
        if strangers or bundle.cut or len(hashes) > len(signed):
            return leaves, [problem("ledger.entry_added", _range(first, 0, len(signed) - 1))]
        if len(hashes) < len(signed):  # one of two that say the same is gone
            return leaves, [problem("ledger.removed", _range(first, len(hashes), len(signed) - 1))]
        if hashes != signed:
            moved = [i for i, (mine, theirs) in enumerate(zip(hashes, signed, strict=True)) if mine != theirs]
            return leaves, [problem("ledger.reordered", _range(first, moved[0], moved[-1]))]
        return leaves, []
    # Entries are cut off if all that is left stands where it should and only the end is missing.
    if hashes == signed[: len(hashes)]:
        return leaves, [problem("ledger.truncated", _range(first, lost[0], lost[-1]))]
    found = []
    for place in lost:
        replaced = len(hashes) == len(signed) and hashes[place] in strangers
        found.append(
            problem("ledger.entry_changed" if replaced or strangers else "ledger.removed", first + place)
        )
    return leaves, found


def _range(first: int, start: int, end: int) -> str:
    return f"{first + start} to {first + end}" if end > start else str(first + start)

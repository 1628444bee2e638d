"""The ledger's head without a daemon and without keys: show it, prove that it grew, compare it with a copy.

For whoever has the store's folder, a backup drive or a copy of either (docs/ledger.md).
"""

from __future__ import annotations

import base64
import re
from pathlib import Path

import msgspec

from medkiosk.core.errors import KioskError
from medkiosk.ledger import checkpoint, merkle
from medkiosk.ledger.checkpoint import Checkpoint
from medkiosk.ledger.errors import CheckpointError, LedgerDamagedError, ProofError
from medkiosk.ledger.file import Log
from medkiosk.ledger.note import LogKeys, decode_base64

_ROOT_DIGITS = 2 * merkle.HASH_SIZE
_HEX = re.compile("[0-9A-Fa-f]+")


class HeadCopyError(KioskError):
    """This is not a copy of a ledger's head: {detail}. It is three words (the log's name, the number of
    entries, the root in base64 or as 64 hex digits), as the console shows them, or a checkpoint file."""

    code = "ledger.copy"
    exit_code = 2


class Comparison(msgspec.Struct, frozen=True):
    """What comparing a store with a head that was kept elsewhere showed.

    Attributes:
        verdict: ``extends`` or ``same``, if all is well; ``rolled_back``, ``rewritten``, ``damaged`` or
            ``another_log``, if not.
        size: entries in the store.
        kept: entries in the copy.
        signature: ``verified`` with a key that was given; ``own key only`` with the one in the store.
        words: for a person.
    """

    verdict: str
    size: int
    kept: int
    signature: str
    words: str

    @property
    def ok(self) -> bool:
        """Whether everything that the copy knew is still there."""
        return self.verdict in ("extends", "same")


def open_log(root: Path, vkey: str | None) -> tuple[Log, str]:
    """Open a store's ledger for reading, and say how its head's signature was verified.

    Raises:
        CheckpointError: the head is not signed by the key.
        LedgerDamagedError: it cannot be read.
    """
    folder = root / "ledger"
    log = Log.open(folder)
    try:
        keys = LogKeys.parse(vkey or (folder / "vkey").read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise LedgerDamagedError(detail=f"the file vkey cannot be read ({error})") from error
    checkpoint.verify(log.checkpoint, keys)
    return log, "verified" if vkey else "own key only"


def read_line(text: str) -> Checkpoint:
    """Read what `Checkpoint.line` wrote, what the console shows, or the first three lines of a checkpoint.

    Between the words may be any white space, and so may be between the groups of a root in hex.

    Raises:
        HeadCopyError: it is none of them.
    """
    words = text.split()
    if len(words) < 3 or not (words[1].isascii() and words[1].isdecimal()) or len(words[1]) > 19:
        raise HeadCopyError(detail="it has not the log's name, a number and a root")
    return Checkpoint(words[0], int(words[1]), _read_root(words[2:]))


def _read_root(words: list[str]) -> bytes:
    digits = ""
    while words and len(digits) < _ROOT_DIGITS and _HEX.fullmatch(words[0]):
        digits += words.pop(0)
    try:
        # A root in base64 ends with "=", so it is never taken for hex.
        root = bytes.fromhex(digits) if digits else decode_base64(words[0])
    except (CheckpointError, ValueError) as error:
        raise HeadCopyError(detail="its root was mistyped") from error
    if len(root) != merkle.HASH_SIZE:
        raise HeadCopyError(detail=f"its root has not {_ROOT_DIGITS} digits, or was cut short")
    return root


def compare(root: Path, text: str, vkey: str | None = None) -> Comparison:
    """Say whether a store's ledger still holds everything that a head kept elsewhere stands for.

    Raises:
        HeadCopyError: ``text`` is not a head.
        KioskError: the ledger cannot be opened.
    """
    kept = read_line(text)
    log, signature = open_log(root, vkey)
    head = log.head
    verdict, words = _compare(log, head, kept)
    return Comparison(verdict, head.size, kept.size, signature, words)


def _compare(log: Log, head: Checkpoint, kept: Checkpoint) -> tuple[str, str]:
    if kept.origin != head.origin:
        return (
            "another_log",
            f"The copy is of another ledger: {kept.origin}, and this store's is {head.origin}.",
        )
    if kept == head:
        return "same", f"GOOD: the ledger is the one of the copy, {kept.size} entries."
    if kept.size > head.size:
        missing = kept.size - head.size
        return "rolled_back", (
            f"ROLLED BACK: the copy is of a ledger of {kept.size} entries and this store has {head.size}. The"
            f" last {missing} are missing: this is an older copy of the store, or entries were cut off."
        )
    try:
        if kept.size:
            path = log.consistency(kept.size)
            merkle.verify_consistency(kept.size, kept.root, head.size, head.root, path)
    except LedgerDamagedError as error:
        return "damaged", f"{error.message} It cannot be compared; restore it, then compare again."
    except ProofError:
        return "rewritten", (
            f"REWRITTEN: the first {kept.size} entries of this ledger are not those of the copy, or its hash"
            " files are damaged. Check the store (kioskctl verify); if it is sound, its history was replaced."
        )
    more = head.size - kept.size
    return (
        "extends",
        f"GOOD: all {kept.size} entries of the copy are there, unchanged, and {more} came since.",
    )


def extension(root: Path, old: int) -> bytes:
    """Return the proof that the ledger grew from ``old`` entries, with its newest checkpoint.

    It is what a witness is asked with: the body of an ``add-checkpoint`` request (C2SP tlog-witness).

    Raises:
        ProofError: the ledger was never that small, or is smaller.
        KioskError: the ledger cannot be opened.
    """
    log, _ = open_log(root, None)
    if not 0 <= old <= log.size:
        raise ProofError(detail=f"there is none from {old} entries to {log.size}")
    path = log.consistency(old) if old else []
    lines = [f"old {old}", *(base64.b64encode(hash_).decode() for hash_ in path), "", ""]
    return "\n".join(lines).encode() + log.checkpoint

"""The newest head that the kiosk signed, kept outside the store, and what it says about a store.

A store that was replaced as a whole by an older copy is sound in itself; only this tells. Whoever signs, or
writes to the vault, compares first: the daemon at its start, and every tool that works without it.
"""

from __future__ import annotations

from pathlib import Path

from medkiosk.ledger import checkpoint
from medkiosk.ledger.checkpoint import Checkpoint
from medkiosk.ledger.errors import CheckpointError, LedgerSetBackError
from medkiosk.ledger.file import Log
from medkiosk.ledger.note import LogKeys

NAME = "ledger-head"
"""The file in the device folder."""


def set_back(log: Log, remembered: Checkpoint) -> LedgerSetBackError | None:
    """Return why a log is older than what is remembered, or another one; None if it extends that."""
    words = log.why_not(remembered)
    if not words:
        return None
    lost = max(remembered.size - log.size, 0) or "an unknown number of"
    return LedgerSetBackError(lost=lost, remembered=remembered.size, size=log.size, words=words)


def refuse_if_set_back(log: Log, folder: Path, key: LogKeys) -> None:
    """Refuse a log that is older than what the folder remembers; nothing where nothing usable is there.

    What cannot be used stops nobody; the daemon tells of it at its next start.

    Args:
        log: of the store.
        folder: the device folder.
        key: of the log.
    """
    try:
        remembered = checkpoint.verify((folder / NAME).read_bytes(), key)
    except (OSError, CheckpointError):
        return
    if (error := set_back(log, remembered)) is not None:
        log.refuse(error)

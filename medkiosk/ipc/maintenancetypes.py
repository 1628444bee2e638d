"""What clients and daemon say about looking after a kiosk: checks of the store, the head of the ledger."""

from __future__ import annotations

from medkiosk.ipc.exporttypes import StickInfo
from medkiosk.ipc.storetypes import Wire


class CheckStatus(Wire, frozen=True):
    """How far a check of the whole store is, or how the last one ended.

    Attributes:
        running: whether one is at work.
        done: bytes that were read; 0 while the records are compared.
        total: bytes to read.
        finished: when the last one was at its end, RFC 3339; empty where none ever was.
        problems: how many things were damaged then.
        failed: why the last one was not finished, a sentence; empty where it was.
    """

    running: bool = False
    done: int = 0
    total: int = 0
    finished: str = ""
    problems: int = 0
    failed: str = ""


class CheckProblem(Wire, frozen=True):
    """One thing that is damaged; ``code`` and ``subject`` as `kioskctl verify` has them (docs/verify.md)."""

    code: str
    subject: str
    sentence: str


class CheckReport(Wire, frozen=True):
    """What the last check that was finished found.

    Attributes:
        finished: when, RFC 3339; empty where there was none.
        objects: sealed files that the ledger names.
        records: sealed records.
        ledger_size: entries.
        bytes: of the sealed files.
        problems: the first of what is damaged.
        more: how many more are.
        notes: what is no damage.
    """

    finished: str = ""
    objects: int = 0
    records: int = 0
    ledger_size: int = 0
    bytes: int = 0
    problems: tuple[CheckProblem, ...] = ()
    more: int = 0
    notes: tuple[str, ...] = ()


class HeadWritten(Wire, frozen=True):
    """The ledger's head is on a stick: the folder, how many entries it stands for, what the stick is now."""

    folder: str
    size: int
    stick: StickInfo | None = None


class WitnessKey(Wire, frozen=True):
    """A key that lay on a stick, of somebody who would sign the ledger's heads."""

    name: str
    key_id: str
    vkey: str


class WitnessesRead(Wire, frozen=True):
    """What witnesses sent back on a stick.

    Attributes:
        held: names of the witnesses whose signature is held now.
        refused: files that are not believed, a sentence each.
        keys: keys that are not enrolled.
    """

    held: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    keys: tuple[WitnessKey, ...] = ()

"""What crosses the socket about imports and their receipts; `medkiosk.ipc.types` exports all of it."""

from __future__ import annotations

from medkiosk.core.ids import ImportId
from medkiosk.ipc.storetypes import Wire


class ImportInfo(Wire, frozen=True):
    """One import, as its receipt will show it."""

    import_id: ImportId
    at: str
    device_kind: str
    model: str
    serial: str
    captures: int
    assigned: int
    finished: bool
    failed: int


class Imports(Wire, frozen=True):
    """A page of imports, newest first; ``total`` counts all."""

    imports: tuple[ImportInfo, ...]
    total: int


class KeptFile(Wire, frozen=True):
    """A file for which its device is still needed, and why.

    ``name`` is one that a camera gives by itself, empty for any other file: everybody may read the screen.
    """

    name: str
    words: str


class KeptFiles(Wire, frozen=True):
    """A page of such files; ``total`` counts all."""

    files: tuple[KeptFile, ...]
    total: int


class ReceiptLine(Wire, frozen=True):
    """What became of one file. ``place`` is where it lay on the device."""

    place: str
    size: int
    outcome: str
    commitment: str
    words: str = ""


class Receipt(Wire, frozen=True):
    """A page of one import's receipt; ``total`` counts the lines.

    ``already`` files were acknowledged by earlier imports and are in their receipts. ``commitment`` of a line
    is the hash of its content under seal, as it stands in the ledger. ``safe`` says whether every file was
    acknowledged, ``expendable`` whether the device was needed for none of them any more.
    """

    info: ImportInfo
    on_device: int
    bytes: int
    sealed: int
    already: int
    copies: int
    damaged: int
    failed: int
    safe: bool
    expendable: bool
    gaps: tuple[str, ...]
    lines: tuple[ReceiptLine, ...]
    total: int
    disposed: int = 0
    """Files that were sealed and disposed of since; what they were is not known any more."""
    deleted: int = 0
    """Files that were deleted from the device after the import, each with its own entries in the ledger."""
    kept: int = 0
    """Files that were to be deleted and are still on the device."""
    unclear: int = 0
    """Files that were to be deleted, and nobody knows what became of them there; they are sealed."""

"""What crosses the socket about the end of a kiosk."""

from __future__ import annotations

from medkiosk.ipc.storetypes import LedgerHead, Wire


class Ended(Wire, frozen=True):
    """What is on the disk is unreadable. The machine switches itself off in five minutes.

    Attributes:
        head: the ledger's last one, to be photographed.
        header: the disk's header was overwritten.
        keys: so many key files were overwritten and removed.
        discarded: the disk was told that all of it is free.
        tpm: the firmware was asked to clear the TPM at the next start.
        remembers: the TPM's memory may still hold the device secret.
        folder: on the stick, with the ledger's last head; empty where no stick was in, or it was not written.
        stick: why it was not, a sentence; empty where it was, or no stick was in.
    """

    head: LedgerHead
    header: bool
    keys: int
    discarded: bool
    tpm: bool
    remembers: bool = False
    folder: str = ""
    stick: str = ""

"""What can go wrong with the ledger, in the operator's words."""

from __future__ import annotations

from medkiosk.core.errors import KioskError


class LedgerExistsError(KioskError):
    """There is already a ledger in {path}. Nothing was changed."""

    code = "ledger.exists"
    exit_code = 2


class LedgerDamagedError(KioskError):
    """The ledger is damaged: {detail}. No photo is affected by this; nothing more is written to the ledger
    until it is put back. Plug a backup drive in and start the kiosk again: it repairs itself from the drive.
    """

    code = "ledger.damaged"
    exit_code = 3


class LedgerRolledBackError(KioskError):
    """The ledger and the vault do not belong together: {detail}. One of them was replaced by an older copy.
    Nothing more is written; call the administrator and compare with the last checkpoint that was kept
    elsewhere.
    """

    code = "ledger.rolled_back"
    exit_code = 3


class LedgerForkError(KioskError):
    """The kiosk refused to sign a ledger that contradicts one it signed before: {detail}. Nothing was signed;
    call the administrator.
    """

    code = "ledger.fork"
    exit_code = 3


class LedgerWriteError(KioskError):
    """The kiosk's disk did not take a ledger entry: {detail}. The entry is kept and is written at the next
    start; nothing that was acknowledged is affected.
    """

    code = "ledger.write"


class CheckpointError(KioskError):
    """This checkpoint cannot be accepted: {detail}."""

    code = "ledger.checkpoint"
    exit_code = 3


class ProofError(KioskError):
    """This proof does not hold: {detail}."""

    code = "ledger.proof"
    exit_code = 3


class CosignatureError(KioskError):
    """This is not taken as a witness's word: {detail}. Nothing was changed. Ask the witness for a checkpoint
    of this ledger with their signature below it."""

    code = "ledger.cosignature"


class LedgerContradictedError(KioskError):
    """A witness signed that this ledger had {size} entries, and what is here is {words}. No picture is harmed
    by this, but nothing is taken and nothing is signed: keep the cards and call the administrator.
    Restore the store from the newest backup."""

    code = "ledger.contradicted"
    exit_code = 3


class LedgerSetBackError(KioskError):
    """The store was rolled back by {lost} entries: the kiosk remembers a ledger of {remembered} entries, and
    the one in the store, of {size}, is {words}. An older copy was put in its place. All in it is safe, but
    nothing is taken and nothing is signed: keep the cards as they are and call the administrator. Put the
    newest copy back; if it is lost, an administrator or auditor says so at the console: L."""

    code = "ledger.set_back"
    exit_code = 3

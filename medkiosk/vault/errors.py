"""What can go wrong with the vault, in the operator's words."""

from __future__ import annotations

import errno

from medkiosk.core.errors import KioskError


class VaultExistsError(KioskError):
    """There is already something in {path}. Nothing was changed; choose an empty folder for a new store."""

    code = "vault.exists"
    exit_code = 2


class VaultFormatError(KioskError):
    """The folder {path} is not a store that this program can read: {detail}. Nothing was changed."""

    code = "vault.format"
    exit_code = 2


class VaultBusyError(KioskError):
    """Another program is using the store in {path}. Nothing was changed; stop the other one first."""

    code = "vault.busy"
    exit_code = 4


class VaultFullError(KioskError):
    """The kiosk's disk is full. What was acknowledged is safe; what was in hand was not taken, so leave the
    card as it is and call the administrator.
    """

    code = "vault.full"


class VaultWriteError(KioskError):
    """The kiosk's disk did not take what was written to it: {detail}. What was acknowledged is safe; what was
    in hand was not taken, so leave the card as it is and call the administrator.
    """

    code = "vault.write"


class VaultStoppedError(KioskError):
    """The kiosk's disk failed at a moment when it is not known whether it took the last files ({detail}).
    They are not acknowledged, and nothing more is taken until the kiosk is started again; leave the card as
    it is.
    """

    code = "vault.stopped"


class VaultDamagedError(KioskError):
    """The sealed {what} {id} is damaged: {detail}. Nothing of it was shown; others are not affected. Plug
    a backup drive in: Maintenance (M), R puts back what the drive has.
    """

    code = "vault.damaged"
    exit_code = 3


class DisposedError(KioskError):
    """The sealed {what} {id} was disposed of; its key no longer exists and it cannot be opened."""

    code = "vault.disposed"


class EpochReplacedError(KioskError):
    """The public key of epoch {epoch} is not the one this kiosk made. Someone replaced it; nothing more is
    sealed to it. What was sealed before is safe. Take the kiosk out of use and call the administrator.
    """

    code = "vault.epoch_replaced"
    exit_code = 3


class RecoveryReplacedError(KioskError):
    """The public key of the recovery sheets is not the one this kiosk made. Someone replaced it; nothing is
    sealed to it. What was sealed before is safe. Take the kiosk out of use and call the administrator.
    """

    code = "vault.recovery_replaced"
    exit_code = 3


class EpochEndedError(KioskError):
    """The key that this was sealed to ended meanwhile. Nothing was taken; nothing is lost: do it again."""

    code = "vault.epoch_ended"


class WrongPassphraseError(KioskError):
    """The user name or the passphrase is wrong, or a security key belongs to it that is not plugged in.
    Nothing was opened."""

    code = "vault.passphrase"
    exit_code = 5


class WrongSharesError(KioskError):
    """These recovery words do not open this store: {detail}. Nothing was opened; two of the three sheets are
    needed, both printed for this store.
    """

    code = "vault.shares"
    exit_code = 5


class WeakSlotError(KioskError):
    """A passphrase slot needs at least {floor} of work, this one has {given}. Nothing was changed."""

    code = "vault.weak_slot"
    exit_code = 2


class SlotExistsError(KioskError):
    """There is already a key slot for this user name. Nothing was changed."""

    code = "vault.slot_exists"


class NoSlotError(KioskError):
    """There is no key slot for this user name. Nothing was changed."""

    code = "vault.no_slot"


class LockedError(KioskError):
    """The vault is locked. Nothing was opened; log in first."""

    code = "vault.locked"
    exit_code = 5


def write_error(error: OSError) -> VaultFullError | VaultWriteError:
    """Say what a failed write means."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return VaultFullError()
    return VaultWriteError(detail=error.strerror or str(error))

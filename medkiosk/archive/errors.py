"""What can go wrong with the archive, in the operator's words."""

from __future__ import annotations

from medkiosk.core.errors import KioskError


class OnKioskError(KioskError):
    """This machine is a kiosk ({sign} is here), and a kiosk never has a network. Nothing was sent; carry the
    backup drive to the machine that the archive is reached from, and run the command there.
    """

    code = "archive.on_kiosk"
    exit_code = 5


class NoClientError(KioskError):
    """The client library for the archive is not installed. Nothing was sent; on this machine, which must not
    be a kiosk, install medkiosk[archive].
    """

    code = "archive.no_client"
    exit_code = 2


class NotABackupError(KioskError):
    """The folder {path} is not the store of a backup drive: {detail}. Nothing was sent; name the folder
    "store" of an enrolled drive that says BACKUP COMPLETE.
    """

    code = "archive.not_a_backup"
    exit_code = 2


class UnreachableError(KioskError):
    """The archive does not answer or does not let us in: {detail}. What it already has is safe there; put it
    right and run the same command again, it goes on where it stopped.
    """

    code = "archive.unreachable"
    exit_code = 4


class NoLockError(KioskError):
    """The bucket {bucket} has no Object Lock, so whoever has the credentials could delete everything. Nothing
    was sent; make a bucket with Object Lock (it can only be chosen when a bucket is made).
    """

    code = "archive.no_lock"
    exit_code = 2


class OlderDriveError(KioskError):
    """This drive is older than the archive: it has {drive} events, the archive {archive}. Nothing was sent or
    deleted; bring the drive that was plugged into the kiosk last.
    """

    code = "archive.older_drive"


class ForkError(KioskError):
    """The ledger on this drive contradicts the one in the archive: {detail}. One of the two was changed or
    rolled back. Nothing was sent or deleted; keep the drive as it is and call the privacy officer.
    """

    code = "archive.fork"
    exit_code = 3

"""What can go wrong with a backup drive, in the operator's words."""

from __future__ import annotations

import errno

from medkiosk.core.errors import KioskError


class NotEnrolledError(KioskError):
    """This disk is not one of this kiosk's backup drives. Nothing on it was touched. If it is to become
    one, log in as administrator and enrol it; it must be empty.
    """

    code = "backup.not_enrolled"


class ForeignDriveError(KioskError):
    """This backup drive belongs to another kiosk, or its marker was changed: {detail}. Nothing on it was
    touched. Plug it into the kiosk it belongs to.
    """

    code = "backup.foreign"


class NotEmptyError(KioskError):
    """The disk at {path} is not empty, so it was not enrolled and nothing on it was touched. Take an empty
    disk, or empty this one on another computer first.
    """

    code = "backup.not_empty"


class NoDriveError(KioskError):
    """No backup drive is plugged in at {name}. Nothing was changed; plug it in and try again."""

    code = "backup.no_drive"
    exit_code = 4


class DriveReadOnlyError(KioskError):
    """The backup drive is write-protected. Nothing on it was changed, and what was copied earlier is still
    good. Open its lock switch, or call the installer.
    """

    code = "backup.read_only"


class DriveFullError(KioskError):
    """The backup drive is too small: {needed_mib} MiB more are needed and {free_mib} MiB are free. What was
    copied earlier is still good; the newest pictures are not on it. Enrol a larger drive.
    """

    code = "backup.full"


class DriveGoneError(KioskError):
    """The backup drive was unplugged before it was complete, or does not answer ({detail}). What was copied
    earlier is still good and the kiosk is not affected. Plug it in again and leave it until BACKUP
    COMPLETE.
    """

    code = "backup.gone"


class DriveWriteError(KioskError):
    """The backup drive did not take what was written to it ({detail}). What was copied earlier is still
    good and the kiosk is not affected. Plug it in again; if this comes back, the drive is failing: enrol
    another one.
    """

    code = "backup.write"


class DriveLiesError(KioskError):
    """The backup drive returned other bytes than were written to it ({detail}): it cannot be trusted. The
    kiosk is not affected. Take this drive out of use and enrol another one.
    """

    code = "backup.lies"
    exit_code = 3


class DriveBusyError(KioskError):
    """Another program is writing to the backup drive. Nothing was changed; it begins by itself when that has
    ended. Leave the drive in.
    """

    code = "backup.busy"
    exit_code = 4


class DriveDamagedError(KioskError):
    """The copy on the backup drive is damaged: {detail}. Nothing on it was changed and the kiosk is not
    affected. Enrol another drive, and forget this one when that is complete.
    """

    code = "backup.damaged"
    exit_code = 3


class KioskRolledBackError(KioskError):
    """ALARM: the backup drive knows more than this kiosk, or something else: {detail}. The kiosk's store
    was replaced by an older copy, or tampered with. Nothing on the drive was changed: unplug it, keep it
    safe, take no more pictures on this kiosk and call the administrator.
    """

    code = "backup.rolled_back"
    exit_code = 3


class KioskDamagedError(KioskError):
    """The kiosk's own store is damaged ({detail}), so the good copy on the backup drive was not replaced.
    Leave the drive in and call the administrator: at Maintenance (M), C says what is damaged, and R puts it
    back from the drive.
    """

    code = "backup.kiosk_damaged"
    exit_code = 3


class BlobsDamagedError(KioskError):
    """{count} sealed files on the kiosk are damaged and could not be copied, {first} is the first.
    Everything else is on the backup drive. Keep the drive safe and call the administrator.
    """

    code = "backup.blobs_damaged"
    exit_code = 3


class DisposingError(KioskError):
    """A disposal is at work. The backup begins by itself when it has ended; nothing was changed. Leave the
    drive in.
    """

    code = "backup.disposing"


class StoppedError(KioskError):
    """The backup was stopped before it was complete. What was copied earlier is still good; it goes on at
    the next plug-in.
    """

    code = "backup.stopped"


_GONE = frozenset({errno.ENODEV, errno.ENXIO, errno.ENOENT, errno.ENOTCONN, errno.ESTALE, errno.ENOTDIR})


def drive_error(error: OSError, *, needed: int = 0, free: int = 0) -> KioskError:
    """Say what an error of the drive means; ``needed`` and ``free`` are bytes."""
    words = error.strerror or type(error).__name__
    if error.errno == errno.EROFS:
        return DriveReadOnlyError()
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DriveFullError(needed_mib=(max(needed, 1) >> 20) + 1, free_mib=free >> 20)
    if error.errno in _GONE:
        return DriveGoneError(detail=words)
    return DriveWriteError(detail=words)

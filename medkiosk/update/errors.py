"""Why an update is not installed. Only ``number`` crosses from the helper and the reader to the daemon."""

from __future__ import annotations

from typing import ClassVar

from medkiosk.core.errors import KioskError


class UpdateError(KioskError):
    """The update was not installed, and nobody knows why. The version that runs goes on, and nothing that was
    imported is affected; try again, and call the installer if it happens twice.
    """

    code = "update.error"
    number: ClassVar[int] = 0


class NoUpdateError(UpdateError):
    """There is no update on this stick. Nothing was changed; an update is a folder called
    medkiosk-update-VERSION, in no other folder, on a stick labelled MEDKIOSK.
    """

    code = "update.none"
    number = 1


class UnreadableUpdateError(UpdateError):
    """The update could not be read from the stick. Nothing was changed; copy it to another stick."""

    code = "update.unreadable"
    number = 2


class OddUpdateError(UpdateError):
    """What is called an update on this stick is not built like one. Nothing was changed; get the update again
    from whoever makes them, and take the stick to whoever looks after the kiosk.
    """

    code = "update.odd"
    number = 3


class ForeignUpdateError(UpdateError):
    """Nobody whom this kiosk trusts signed this update. Nothing was changed. Do not try it again: take the
    stick to whoever looks after the kiosk, since somebody made it or changed it.
    """

    code = "update.foreign"
    number = 4
    exit_code = 5


class OlderUpdateError(UpdateError):
    """The update on the stick is older than the version that runs. Nothing was changed; an older version
    would bring back faults that are known since, so it is never installed.
    """

    code = "update.older"
    number = 5


class SameUpdateError(UpdateError):
    """The update on the stick is the version that runs already. Nothing was changed, and there is nothing to
    do.
    """

    code = "update.same"
    number = 6


class TooFarError(UpdateError):
    """The version that runs is too old for this update. Nothing was changed; install an update in between
    first: the notes that come with this one name it.
    """

    code = "update.too_far"
    number = 7


class OtherMachineError(UpdateError):
    """The update is for another product or another kind of machine. Nothing was changed; get the right
    one.
    """

    code = "update.other_machine"
    number = 8


class StoreFormatError(UpdateError):
    """The version on the stick cannot read the pictures as they are stored here. Nothing was changed; get an
    update that can, from whoever makes them.
    """

    code = "update.store_format"
    number = 9


class NoRoomError(UpdateError):
    """There is not enough room on the kiosk's disk for the update. Nothing was changed; make room first
    (disposal of what is due), or call the installer.
    """

    code = "update.no_room"
    number = 10


class CutUpdateError(UpdateError):
    """The stick stopped giving the update before its end: it was pulled out, or part of a file is missing.
    Nothing was changed; put it in again and leave it in, or copy the update to it again.
    """

    code = "update.cut"
    number = 11


class DamagedUpdateError(UpdateError):
    """A part of the update is not what was signed: it was damaged or changed on its way. Nothing was changed;
    copy the update again, to another stick if it happens twice.
    """

    code = "update.damaged"
    number = 12


class DiskUpdateError(UpdateError):
    """The kiosk's own disk failed while the update was copied. The version that runs goes on; nothing that
    was acknowledged is affected. Call the installer.
    """

    code = "update.disk"
    number = 13


class NotInstalledError(UpdateError):
    """The update was copied and is whole, but it could not be written to its place. The version that runs
    goes on, and starts again after a restart, too; try once more, then call the installer.
    """

    code = "update.not_installed"
    number = 14


class UpdateBusyError(UpdateError):
    """Another update is being installed. Nothing was changed by this one; wait for the other."""

    code = "update.busy"
    number = 15


class OnTrialError(UpdateError):
    """The version that runs has not proven itself yet, and the one before must stay until it has. Nothing was
    changed; wait a few minutes, and try again.
    """

    code = "update.on_trial"
    number = 16


class NoHelperError(UpdateError):
    """The part of the kiosk that installs updates does not answer. Whether anything was installed, the screen
    says after a restart; the version that runs goes on. Call the installer.
    """

    code = "update.no_helper"
    number = 17
    exit_code = 4


class ChangedUpdateError(UpdateError):
    """The update on the stick is not the one that was looked at before. Nothing was changed; look at it
    again.
    """

    code = "update.changed"
    number = 18


class NoApplianceError(UpdateError):
    """This kiosk was not installed from an image, so it cannot be updated from a stick. Nothing was
    changed.
    """

    code = "update.no_appliance"
    number = 19


class NotNowError(UpdateError):
    """Not now: {detail}. Nothing was changed; wait until it is finished, and try again."""

    code = "update.not_now"
    number = 20


class NothingWaitsError(UpdateError):
    """No update waits for a restart. Nothing was changed; install one first."""

    code = "update.nothing_waits"
    number = 21


_BY_NUMBER = {error.number: error for error in UpdateError.__subclasses__() if error is not NotNowError}


def by_number(untrusted_number: int) -> UpdateError:
    """Return the error with a number; a number that nobody gives is the nameless one."""
    return _BY_NUMBER.get(untrusted_number, UpdateError)()

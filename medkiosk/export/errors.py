"""What can go wrong when a bundle is written, in the operator's words."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator

from medkiosk.core.errors import KioskError


class StickError(KioskError):
    """The bundle could not be written: {detail}.

    It was not recorded as exported. Keep or erase the stick and do not hand it over: what may be left on it
    is encrypted, but the recipient could open it. Try again, with another stick if this happens twice.
    """

    code = "export.stick"


class StickFullError(StickError):
    """The bundle could not be written: {detail}.

    It was not recorded as exported. Do not hand this stick over: what may be left on it is encrypted, but the
    recipient could open it. Erase it, or take a larger one, or export fewer pictures at a time.
    """

    code = "export.stick_full"


class StickProtectedError(StickError):
    """The bundle could not be written: {detail}.

    It was not recorded as exported, and nothing on the stick was changed. Open its lock switch. If it has
    none, plug it into the kiosk itself and not into a hub; else take another stick.
    """

    code = "export.stick_protected"


class StickLockedError(StickProtectedError):
    """The bundle could not be finished: {detail}, after some of it was written.

    It was not recorded as exported. Do not hand this stick over: what may be left on it is encrypted, but the
    recipient could open it. Open its lock switch and export once more, or erase it and take another stick.
    """

    code = "export.stick_locked"


class StickGoneError(StickError):
    """The bundle could not be written: {detail}.

    It was not recorded as exported. Do not hand this stick over: what may be left on it is encrypted, but the
    recipient could open it. Plug it in, export once more, and leave it in until SAFE TO UNPLUG.
    """

    code = "export.stick_gone"


class StickLiesError(KioskError):
    """The stick gave back other bytes than were written to it ({detail}).

    It is broken, or smaller than it claims. Nothing was recorded as exported. Do not hand this stick over;
    destroy it and use another.
    """

    code = "export.stick_lies"


class MixedUpError(KioskError):
    """Picture {number} of this export does not fit its entry in the ledger: {detail}.

    The export was stopped, and nothing was recorded as exported. This must never happen: tell whoever looks
    after the kiosk.
    """

    code = "export.mixed_up"
    exit_code = 3


class ChangedError(KioskError):
    """While this was written it became something that may not leave: {reason}.

    It was stopped before it was finished, and not recorded as exported. Look at the pictures again and decide
    anew.
    """

    code = "export.changed"
    exit_code = 5


class LeftBehindError(KioskError):
    """{why}.

    What was written by then may still be on the stick: the kiosk could not see that it is gone. Do not hand
    this stick over: it is encrypted, but the recipient could open it. Erase the stick.
    """

    code = "export.left_behind"


_FULL = "the stick is full"
_LOCKED = "the stick is write-protected"
_FORBIDDEN = "the stick may not be written to"
_NOT_THERE = "the stick is not there (any more)"
_GONE = "the stick was pulled out"
_ERRORS: dict[int, tuple[type[StickError], str]] = {
    errno.ENOSPC: (StickFullError, _FULL),
    errno.EDQUOT: (StickFullError, _FULL),
    errno.EFBIG: (StickError, "a picture is too large for the stick's file system"),
    errno.EROFS: (StickProtectedError, _LOCKED),
    errno.EACCES: (StickProtectedError, _FORBIDDEN),
    errno.EPERM: (StickProtectedError, _FORBIDDEN),
    errno.ENOENT: (StickGoneError, _NOT_THERE),
    errno.ENOTDIR: (StickGoneError, _NOT_THERE),
    errno.ENODEV: (StickGoneError, _GONE),
    errno.ENXIO: (StickGoneError, _GONE),
    errno.ENOTCONN: (StickGoneError, _GONE),  # what FUSE says for a stick that is not there any more
    errno.ECONNABORTED: (StickGoneError, _GONE),
    errno.EIO: (StickError, "the stick failed or was pulled out"),
}


def stick_error(error: OSError) -> StickError:
    """Name what a stick did, for people."""
    number = error.errno or 0
    kind, words = _ERRORS.get(number, (StickError, os.strerror(number)))
    return kind(detail=words)


@contextlib.contextmanager
def on_stick() -> Iterator[None]:
    """Tell the errors of the stick from those of the place where the pictures come from."""
    try:
        yield
    except OSError as error:
        raise stick_error(error) from error

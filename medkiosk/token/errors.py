"""What may go wrong with a security key."""

from __future__ import annotations

from enum import IntEnum

from medkiosk.core.errors import KioskError


class Code(IntEnum):
    """Why the worker has no answer: all that it says about it."""

    NO_KEY = 1
    UNKNOWN = 2
    SEVERAL = 3
    UNSUPPORTED = 4
    PIN_NEEDED = 5
    PIN_WRONG = 6
    PIN_BLOCKED = 7
    TIMEOUT = 8
    REFUSED = 9
    FAILED = 10
    NO_LIBRARY = 11


class TokenError(KioskError):
    """The security key did not answer: {detail}. Nothing was changed."""

    code = "token.failed"
    exit_code = 1


class NoTokenError(KioskError):
    """No security key was found: {detail}. Nothing was changed."""

    code = "token.none"
    exit_code = 4


class UnknownTokenError(KioskError):
    """None of the security keys that are plugged in belongs to this user. Nothing was changed; plug in the
    right one, or ask an administrator to reset the passphrase."""

    code = "token.unknown"
    exit_code = 5


class PinNeededError(KioskError):
    """The security key asks for its PIN. Nothing was changed."""

    code = "token.pin_needed"
    exit_code = 5


class WrongPinError(KioskError):
    """The PIN of the security key is wrong. Nothing was changed; the key blocks itself after a few."""

    code = "token.pin"
    exit_code = 5


_WORDS = {
    Code.SEVERAL: "there is more than one; leave only the one to be added plugged in",
    Code.UNSUPPORTED: "it has no hmac-secret, or wants a PIN and has none; use another, or set its PIN first",
    Code.PIN_BLOCKED: "its PIN is blocked; unplug it and try again; if that does not help, use another",
    Code.TIMEOUT: "nobody touched it in time; try again",
    Code.REFUSED: "it was told no",
    Code.FAILED: "it is not understood; unplug it and try again",
}


def error_of(code: Code) -> KioskError:
    """Return the error that a person sees for what the worker said."""
    match code:
        case Code.NO_KEY:
            return NoTokenError(detail="plug it in, and see that this user may open it in /dev")
        case Code.NO_LIBRARY:
            return NoTokenError(detail="this machine has no support for them (medkiosk[fido2])")
        case Code.UNKNOWN:
            return UnknownTokenError()
        case Code.PIN_NEEDED:
            return PinNeededError()
        case Code.PIN_WRONG:
            return WrongPinError()
        case _:
            return TokenError(detail=_WORDS[code])

"""Security keys at the command line, asked through a worker where something that may be one is plugged in."""

from __future__ import annotations

import sys
from collections.abc import Callable

from medkiosk.ipc.client import Client
from medkiosk.token.client import SecurityKeys, may_be_there
from medkiosk.token.errors import PinNeededError
from medkiosk.token.protocol import Added
from medkiosk.workers import ProcessChannel, python_worker

AskPin = Callable[[str], str]
"""Asks a person, with this prompt."""


def security_keys() -> SecurityKeys:
    """The keys on USB."""
    return SecurityKeys(lambda: ProcessChannel(python_worker("medkiosk.token.worker")), _touch)


def perhaps() -> SecurityKeys | None:
    """The keys on USB; None where nothing is plugged in that could be one, so that a login need not wait."""
    return security_keys() if may_be_there() else None


def said(client: Client, user: str, keys: SecurityKeys | None, pin: AskPin) -> str:
    """Return what the user's security key says to a login; empty where theirs is not plugged in.

    Whether they have one at all is not known here: the kiosk does not say it to who has not logged in.

    Raises:
        KioskError: the right key is there and did not answer.
    """
    if keys is None:
        return ""
    challenge = client.login_challenge(user)

    def ask(pin: str) -> str:
        return keys.perhaps(challenge.credential, challenge.salt, verified=challenge.verified, pin=pin)

    try:
        return ask("")
    except PinNeededError:
        return ask(pin(_PIN))


def added(keys: SecurityKeys, salt: str, pin: AskPin) -> Added:
    """Make a credential on the one key that is plugged in; errors as in `SecurityKeys.add`."""
    try:
        return keys.add(salt)
    except PinNeededError:
        return keys.add(salt, pin(_PIN))


_PIN = "PIN of the security key: "


def _touch() -> None:
    print("Touch the security key.", file=sys.stderr)

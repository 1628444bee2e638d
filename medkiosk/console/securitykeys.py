"""Security keys at the console: asked in a worker process, at a login and when the passphrase is changed."""

from __future__ import annotations

from collections.abc import Callable

from textual.message_pump import MessagePump

from medkiosk.console.messages import TouchKey
from medkiosk.ipc.client import Client
from medkiosk.token.client import SecurityKeys, may_be_there
from medkiosk.token.errors import PinNeededError, TokenError
from medkiosk.workers import ProcessChannel, python_worker

Keys = Callable[[Callable[[], None]], SecurityKeys | None]
"""Gives the keys that are plugged in; it is told what to call when one has to be touched."""

TOUCH = "Touch your security key now."
_PIN = "it wants its PIN, which this screen does not ask for; use another key, or call the administrator"


def on_usb(touch: Callable[[], None]) -> SecurityKeys | None:
    """The keys on USB; None where nothing is plugged in that could be one."""
    if not may_be_there():
        return None
    return SecurityKeys(lambda: ProcessChannel(python_worker("medkiosk.token.worker")), touch)


def telling(asker: MessagePump) -> Callable[[], None]:
    """Return what tells a screen, from any thread, that a key waits to be touched."""

    def touch() -> None:
        asker.post_message(TouchKey())

    return touch


def said(client: Client, user: str, keys: SecurityKeys | None) -> str:
    """Return what the user's security key says to a login; empty where theirs is not plugged in. Blocks.

    Raises:
        KioskError: the right key is there and did not answer.
    """
    if keys is None:
        return ""
    challenge = client.login_challenge(user)
    try:
        return keys.perhaps(challenge.credential, challenge.salt, verified=challenge.verified)
    except PinNeededError as error:
        raise TokenError(detail=_PIN) from error

"""What an account must be made of. Pure: the daemon and the set-up both ask here."""

from __future__ import annotations

from collections.abc import Sequence

from medkiosk.core.events import Role

LONGEST_NAME = 200
"""Characters of a user name or a person's name."""
SHORTEST_PASSPHRASE = 10
"""Characters; the lockout and Argon2id stand before the rest."""


def problems(user: str, display_name: str, roles: Sequence[Role], passphrase: str) -> tuple[str, ...]:
    """Return what is wrong with a new account, a clause each; empty when nothing is.

    No clause quotes what was typed.
    """
    found = []
    if not _is_name(user):
        found.append(f"a user name needs printable characters, at most {LONGEST_NAME}")
    if not _is_name(display_name):
        found.append(f"a person's name needs printable characters, at most {LONGEST_NAME}")
    if not roles or len(set(roles)) != len(roles):
        found.append("an account needs at least one role, each named once")
    if len(passphrase) < SHORTEST_PASSPHRASE:
        found.append(f"a passphrase needs at least {SHORTEST_PASSPHRASE} characters")
    return tuple(found)


def _is_name(text: str) -> bool:
    return bool(text.strip()) and text.isprintable() and len(text) <= LONGEST_NAME

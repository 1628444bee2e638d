"""What an account must be made of. Pure: the daemon and the set-up both ask here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from medkiosk.access.passphrase import weakness
from medkiosk.core.events import Role

LONGEST_NAME = 200
"""Characters of a user name or a person's name."""


def problems(
    user: str, display_name: str, roles: Sequence[Role], passphrase: str, site: Iterable[str] = ()
) -> tuple[str, ...]:
    """Return what is wrong with a new account, a clause each; empty when nothing is.

    No clause quotes what was typed.

    Args:
        user: user name.
        display_name: the person's name.
        roles: what they are.
        passphrase: measured by `medkiosk.access.passphrase`.
        site: names of the place, which no passphrase should be made of.
    """
    found = []
    if not _is_name(user):
        found.append(f"a user name needs printable characters, at most {LONGEST_NAME}")
    if not _is_name(display_name):
        found.append(f"a person's name needs printable characters, at most {LONGEST_NAME}")
    if not roles or len(set(roles)) != len(roles):
        found.append("an account needs at least one role, each named once")
    if weak := weakness(passphrase, (user, display_name, *site)):
        found.append(weak)
    return tuple(found)


def _is_name(text: str) -> bool:
    return bool(text.strip()) and text.isprintable() and len(text) <= LONGEST_NAME

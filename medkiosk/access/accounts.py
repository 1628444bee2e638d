"""What an account must be made of. Pure: the daemon and the set-up both ask here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from medkiosk.access.passphrase import weakness
from medkiosk.access.roles import capabilities
from medkiosk.core.capability import Capability
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
    found += problems_of_roles(roles)
    if weak := weakness(passphrase, (user, display_name, *site)):
        found.append(weak)
    return tuple(found)


def problems_of_roles(roles: Sequence[Role]) -> tuple[str, ...]:
    """Return what is wrong with what somebody is to be, a clause each (docs/access.md)."""
    found = []
    if not roles or len(set(roles)) != len(roles):
        found.append("an account needs at least one role, each named once")
    if set(roles) == {Role.INTIMATE_PICTURES}:
        found.append("the right to see intimate pictures is no job by itself; add one that sees pictures")
    if Role.ADMINISTRATOR in roles and Capability.SEE_CATALOGUE in capabilities(roles):
        found.append("who lets people in sees no patients: an administrator has no role that does")
    return tuple(found)


def _is_name(text: str) -> bool:
    return bool(text.strip()) and text.isprintable() and len(text) <= LONGEST_NAME

"""What can happen about updates of the appliance (`medkiosk.core.events` has everything else)."""

from __future__ import annotations

from medkiosk.core.event import Event


class UpdateApplied(Event, frozen=True, tag="update.applied"):
    """An update was checked and is in its place; the next start of the machine takes it.

    Attributes:
        version: of the update.
        before: the version that ran.
        manifest_sha256: SHA-256 of the update's manifest, hexadecimal.
        commit: of the source that it was made from.
    """

    version: str
    before: str
    manifest_sha256: str
    commit: str


class UpdateRefused(Event, frozen=True, tag="update.refused"):
    """An update on a stick was looked at or begun, and not installed.

    Attributes:
        version: what its folder says, which nobody signed; empty where it does not.
        code: why, as a name that programs know.
        manifest_sha256: SHA-256 of what it has for a manifest, hexadecimal; empty where it has none.
    """

    version: str
    code: str
    manifest_sha256: str


class UpdateBooted(Event, frozen=True, tag="update.booted"):
    """Another version runs than before.

    Attributes:
        version: that runs.
        before: that ran before.
    """

    version: str
    before: str


class UpdateRolledBack(Event, frozen=True, tag="update.rolled_back"):
    """A version did not work, and an earlier one runs again.

    Attributes:
        version: that did not work.
        to: that runs.
    """

    version: str
    to: str


class RestartAsked(Event, frozen=True, tag="update.restart"):
    """Somebody had the machine start again, so that an update is taken."""

    version: str


AnyUpdateEvent = UpdateApplied | UpdateRefused | UpdateBooted | UpdateRolledBack | RestartAsked

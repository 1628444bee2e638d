"""What clients may ask about updates of the appliance; a part of `medkiosk.ipc.api.Api`."""

from __future__ import annotations

from typing import Protocol

from medkiosk.core.capability import Capability
from medkiosk.ipc import types as t
from medkiosk.ipc.marking import method


class UpdateApi(Protocol):
    """Everything a client can ask about updates."""

    @method(needs=Capability.UPDATE)
    def check_update(self, stick: str = "") -> t.UpdateFound:
        """Look at the newest update on a stick; ``stick`` is a name of `Status.sticks`, empty for the
        first.
        """
        ...

    @method(needs=Capability.UPDATE)
    def apply_update(self, manifest_sha256: str, stick: str = "") -> t.UpdateStatus:
        """Begin to install the update that was looked at; the status says how far it is."""
        ...

    @method(needs=Capability.UPDATE)
    def restart_for_update(self) -> t.UpdateStatus:
        """Start the machine again, so that the update that waits is taken."""
        ...

"""One connection's face of updates. A part of `Service`."""

from __future__ import annotations

from medkiosk.daemon.connection import Connection
from medkiosk.ipc.types import UpdateFound, UpdateStatus


class UpdateService(Connection):
    """The methods of `medkiosk.ipc.updateapi.UpdateApi`."""

    def check_update(self, stick: str = "") -> UpdateFound:
        """See `UpdateApi.check_update`."""
        return self._kiosk.updates.check(stick, self._who.account_id)

    def apply_update(self, manifest_sha256: str, stick: str = "") -> UpdateStatus:
        """See `UpdateApi.apply_update`."""
        return self._kiosk.updates.apply(manifest_sha256, stick, self._who.account_id)

    def restart_for_update(self) -> UpdateStatus:
        """See `UpdateApi.restart_for_update`."""
        return self._kiosk.updates.restart(self._who.account_id)

"""One connection's face of looking after the kiosk. A part of `Service`."""

from __future__ import annotations

from medkiosk.access.roles import capabilities
from medkiosk.core.capability import Capability
from medkiosk.core.errors import NotAllowedError
from medkiosk.daemon import maintainingheads, maintainingstart
from medkiosk.daemon.connection import Connection
from medkiosk.ipc import types as t
from medkiosk.ipc.maintenancetypes import CheckReport, HeadWritten, WitnessesRead


class MaintenanceService(Connection):
    """The methods of `medkiosk.ipc.maintenanceapi.MaintenanceApi`."""

    def check_now(self) -> t.Done:
        """See `MaintenanceApi.check_now`."""
        self._kiosk.checker.now()
        return t.Done()

    def get_check(self) -> CheckReport:
        """See `MaintenanceApi.get_check`."""
        return self._kiosk.checker.report

    def repair_now(self, without_drive: bool = False) -> t.Done:
        """See `MaintenanceApi.repair_now`."""
        kiosk = self._kiosk
        working = kiosk.sessions.working
        maintainingstart.restart(kiosk.config, kiosk.board, working=working, without_drive=without_drive)
        return t.Done()

    def ask_setup(self) -> t.Done:
        """See `MaintenanceApi.ask_setup`."""
        if self._kiosk.journal.vault.device_problem is None:
            account = self._who
            if Capability.MANAGE_STORE not in capabilities(account.roles):
                raise NotAllowedError(reason="your role does not look after backups and the ledger")
        maintainingstart.ask_setup(self._kiosk.config)
        return t.Done()

    def write_head(self, stick: str = "") -> HeadWritten:
        """See `MaintenanceApi.write_head`."""
        with self._kiosk.sessions.busy(self._living):
            return maintainingheads.write(self._kiosk, stick)

    def read_witnesses(self, stick: str = "") -> WitnessesRead:
        """See `MaintenanceApi.read_witnesses`."""
        with self._kiosk.sessions.busy(self._living):
            return maintainingheads.read(self._kiosk, self._who, stick)

"""What clients may ask about looking after the kiosk; a part of `medkiosk.ipc.api.Api`."""

from __future__ import annotations

from typing import Protocol

from medkiosk.core.capability import Capability
from medkiosk.ipc import types as t
from medkiosk.ipc.maintenancetypes import CheckReport, HeadWritten, WitnessesRead
from medkiosk.ipc.marking import method


class MaintenanceApi(Protocol):
    """What an appliance without a shell needs now and then (docs/operations.md, "Maintenance")."""

    @method(needs=Capability.MANAGE_STORE)
    def check_now(self) -> t.Done:
        """Begin to check store and ledger as a whole; the status says how far it is. One at work goes on."""
        ...

    @method(needs=Capability.MANAGE_STORE)
    def get_check(self) -> CheckReport:
        """What the last check that was finished found."""
        ...

    @method(needs=Capability.MANAGE_STORE)
    def repair_now(self, without_drive: bool = False) -> t.Done:
        """Start the daemon again, and put back before that what a plugged-in backup drive proves.

        Refused while something is in progress that would end, and where no such drive is in unless
        ``without_drive``: then only what the store itself proves is put back.
        """
        ...

    @method(needs=None)
    def ask_setup(self) -> t.Done:
        """Have the set-up repair this kiosk at the next start of the machine, with two recovery sheets.

        Where the device secret is missing nobody can log in, so nobody needs to; else only who looks after
        the store may ask.
        """
        ...

    @method(needs=Capability.MANAGE_STORE)
    def write_head(self, stick: str = "") -> HeadWritten:
        """Write the ledger's head, its keys and what each witness is asked with to a stick."""
        ...

    @method(needs=Capability.MANAGE_STORE)
    def read_witnesses(self, stick: str = "") -> WitnessesRead:
        """Read what witnesses sent back on a stick, and hold what they signed; enrol nobody."""
        ...

"""What clients may ask about the end of a kiosk; a part of `medkiosk.ipc.api.Api`."""

from __future__ import annotations

from typing import Protocol

from medkiosk.core.capability import Capability
from medkiosk.ipc import types as t
from medkiosk.ipc.marking import method


class EndApi(Protocol):
    """The end (docs/install.md)."""

    @method(needs=Capability.MANAGE_ACCOUNTS, secret=("second_user", "second_passphrase", "second_output"))
    def decommission(
        self, site: str, second_user: str, second_passphrase: str, second_output: str = ""
    ) -> t.Ended:
        """Make everything that is on the disk unreadable, for ever; ``site`` is the site's name, typed.

        The second person is another administrator or a privacy officer.
        """
        ...

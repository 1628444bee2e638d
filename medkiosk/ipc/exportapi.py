"""What clients may ask about recipients, exports, recall and sticks; a part of `medkiosk.ipc.api.Api`."""

from __future__ import annotations

from typing import Protocol

from medkiosk.core.capability import Capability
from medkiosk.core.consent import Purpose
from medkiosk.core.datause import DataUse
from medkiosk.core.exportevents import RecipientMethod
from medkiosk.core.ids import CaptureId, RecipientId
from medkiosk.ipc import types as t
from medkiosk.ipc.marking import method

MOST = 1000
"""Captures in one export, and lines in one answer about what left."""


class ExportApi(Protocol):
    """Everything a client can ask about what leaves."""

    @method(needs=Capability.ENROL_RECIPIENT, secret=("display_name", "organisation", "heard"))
    def enrol_recipient(
        self,
        display_name: str,
        organisation: str,
        method: RecipientMethod,
        age_recipient: str,
        heard: str,
        purposes: tuple[Purpose, ...],
        expires: str,
    ) -> t.RecipientInfo:
        """Add somebody who may receive exports, until ``expires`` (RFC 3339 UTC), for these purposes.

        ``age_recipient`` and ``heard`` are empty for the method passphrase. ``heard``: the last 16
        letters of the key, as the recipient read them out on the telephone, in capitals or not.
        """
        ...

    @method(needs=Capability.ENROL_RECIPIENT, secret=("reason",))
    def revoke_recipient(self, recipient_id: RecipientId, reason: str) -> t.RecipientInfo:
        """Let somebody receive nothing any more."""
        ...

    @method(needs=Capability.ENROL_RECIPIENT)
    def list_recipients(self) -> t.Recipients:
        """All recipients, with those who were revoked or are over."""
        ...

    @method(needs=Capability.ENROL_RECIPIENT)
    def get_sheet(self) -> t.RecipientSheet:
        """What a recipient must get apart from the stick: keys and hashes to compare with."""
        ...

    @method(needs=Capability.EXPORT, secret=("use",))
    def check_export(
        self,
        recipient_id: RecipientId,
        purpose: Purpose,
        captures: tuple[CaptureId, ...],
        data_use: DataUse,
        use: str = "",
    ) -> t.ExportCheck:
        """Say for each capture whether it may leave on these terms, and why not.

        ``use``: for publication, the one that it is for, as the consents name it; else empty.
        """
        ...

    @method(needs=Capability.EXPORT, secret=("use",))
    def export(
        self,
        recipient_id: RecipientId,
        purpose: Purpose,
        captures: tuple[CaptureId, ...],
        data_use: DataUse,
        options: t.ExportOptions,
        stick: str = "",
        use: str = "",
    ) -> t.ExportResult:
        """Write a signed, encrypted bundle to a stick, all or nothing, and read it back.

        ``stick`` is a name of `Status.sticks`; empty for the first. ``use`` as for `check_export`.
        """
        ...

    @method(needs=Capability.EXPORT)
    def list_exports(self, offset: int = 0, limit: int = 200) -> t.Exports:
        """What left, or perhaps left, newest first."""
        ...

    @method(needs=Capability.EXPORT)
    def list_recall(self) -> t.RecallList:
        """What is outside and must be destroyed, with who was told when."""
        ...

    @method(needs=Capability.EXPORT)
    def write_recall(self, recipient_id: RecipientId, stick: str = "") -> t.RecallResult:
        """Write a signed recall notice for one recipient to a stick, alone."""
        ...

    @method(needs=Capability.EXPORT, secret=("words",))
    def confirm_recall(self, recipient_id: RecipientId, words: str) -> t.RecallList:
        """Record that a recipient knows of every notice written for them; ``words``: who said so, and how."""
        ...

    @method(needs=Capability.EXPORT)
    def take_acknowledgements(self, stick: str = "") -> t.Acknowledgements:
        """Read the acknowledgements that came back on a stick, and record those that are true."""
        ...

    @method(needs=Capability.MANAGE_STORE, secret=("label",))
    def enrol_stick(self, name: str, label: str) -> t.Sticks:
        """Make a stick one of this kiosk's own, whatever else is on it; ``name`` as in `Status.sticks`."""
        ...

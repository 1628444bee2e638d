"""One connection's face of what leaves: recipients, exports, recall, sticks. A part of `Service`."""

from __future__ import annotations

import msgspec

from medkiosk.access.need import Action
from medkiosk.core.consent import Purpose
from medkiosk.core.datause import DataUse
from medkiosk.core.exportevents import RecipientMethod
from medkiosk.core.ids import CaptureId, RecipientId
from medkiosk.daemon import acknowledging, exporting, outside, recalling, recipients, training
from medkiosk.daemon.connection import Connection
from medkiosk.ipc import types as t
from medkiosk.ipc.exportapi import MOST


class ExportService(Connection):
    """The methods of `medkiosk.ipc.exportapi.ExportApi`."""

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
        """See `ExportApi.enrol_recipient`."""
        asked = recipients.Enrolment(
            display_name, organisation, method, age_recipient, heard, purposes, expires
        )
        return recipients.enrol(self._kiosk, self._who, asked)

    def revoke_recipient(self, recipient_id: RecipientId, reason: str) -> t.RecipientInfo:
        """See `ExportApi.revoke_recipient`."""
        return recipients.revoke(self._kiosk, self._who, recipient_id, reason)

    def list_recipients(self) -> t.Recipients:
        """See `ExportApi.list_recipients`."""
        return recipients.everybody(self._kiosk)

    def get_sheet(self) -> t.RecipientSheet:
        """See `ExportApi.get_sheet`."""
        return recipients.sheet(self._kiosk)

    def check_export(
        self,
        recipient_id: RecipientId,
        purpose: Purpose,
        captures: tuple[CaptureId, ...],
        data_use: DataUse,
        use: str = "",
    ) -> t.ExportCheck:
        """See `ExportApi.check_export`."""
        self._need(Action.EXPORT, *captures)
        asked = exporting.Asked(recipient_id, purpose, captures, data_use, use)
        found = exporting.check(self._kiosk, asked)
        lacking = training.problems(self._kiosk, self._who, "export")
        return msgspec.structs.replace(found, problems=(*lacking, *found.problems))

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
        """See `ExportApi.export`."""
        self._need(Action.EXPORT, *captures)
        asked = exporting.Asked(recipient_id, purpose, captures, data_use, use)

        def still() -> None:  # a stick takes minutes, in which pictures may become intimate ones
            self._need(Action.EXPORT, *captures)

        with self._kiosk.sessions.busy(self._living):
            return exporting.export(self._kiosk, self._who, asked, options, stick, still=still)

    def list_exports(self, offset: int = 0, limit: int = 200) -> t.Exports:
        """See `ExportApi.list_exports`."""
        return outside.exports(self._kiosk, max(offset, 0), max(0, min(limit, MOST)))

    def list_recall(self) -> t.RecallList:
        """See `ExportApi.list_recall`."""
        return recalling.recall_list(self._kiosk)

    def write_recall(self, recipient_id: RecipientId, stick: str = "") -> t.RecallResult:
        """See `ExportApi.write_recall`."""
        with self._kiosk.sessions.busy(self._living):
            return recalling.write(self._kiosk, self._who, recipient_id, stick)

    def confirm_recall(self, recipient_id: RecipientId, words: str) -> t.RecallList:
        """See `ExportApi.confirm_recall`."""
        return recalling.confirm(self._kiosk, self._who, recipient_id, words)

    def take_acknowledgements(self, stick: str = "") -> t.Acknowledgements:
        """See `ExportApi.take_acknowledgements`."""
        with self._kiosk.sessions.busy(self._living):
            return acknowledging.take(self._kiosk, self._who, stick)

    def enrol_stick(self, name: str, label: str) -> t.Sticks:
        """See `ExportApi.enrol_stick`."""
        with self._kiosk.sessions.busy(self._living):
            self._kiosk.sticks.enrol(name, label, self._who.account_id)
            return self._kiosk.sticks.sticks()

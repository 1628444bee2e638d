"""Enrolling and exporting in one line, for tests of other things."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from medkiosk.core.clock import rfc3339
from medkiosk.core.consent import Purpose
from medkiosk.core.datause import DataUse, usual
from medkiosk.core.exportevents import RecipientMethod
from medkiosk.core.ids import CaptureId, RecipientId
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import ExportOptions, ExportResult, RecipientInfo

SOON = rfc3339(datetime.now(UTC) + timedelta(days=30))
PLAIN = ExportOptions()


def terms(purpose: Purpose = Purpose.TEACHING_RESEARCH) -> DataUse:
    """What is offered first for a purpose, today."""
    return usual(purpose, datetime.now(UTC).date())


def enrolled(
    client: Client,
    key: str,
    *,
    name: str = "Dr. C",
    purposes: tuple[Purpose, ...] = tuple(Purpose),
    expires: str = SOON,
) -> RecipientInfo:
    """Enrol a recipient with an age key, or with a passphrase where it is empty."""
    method = RecipientMethod.AGE if key else RecipientMethod.PASSPHRASE
    return client.enrol_recipient(name, "Elsewhere", method, key, key[-16:], purposes, expires)


def exported(
    client: Client,
    recipient: RecipientId,
    captures: tuple[CaptureId, ...],
    purpose: Purpose = Purpose.TEACHING_RESEARCH,
    options: ExportOptions = PLAIN,
) -> ExportResult:
    """Export on the usual terms."""
    return client.export(recipient, purpose, captures, terms(purpose), options)

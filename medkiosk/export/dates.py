"""Dates that keep their distances and say nothing else (docs/export-format.md section 5.1). Pure."""

from __future__ import annotations

import hashlib
import hmac
from datetime import date, timedelta

from medkiosk.core import canon
from medkiosk.core.ids import RecipientId

MOST = 364
"""Days of the longest shift; the shortest is 1, so that a shifted date is never the true one."""


def shift_days(secret: bytes, subject: tuple[str, str], recipient_id: RecipientId) -> int:
    """Return by how many days the dates of one subject are moved back for one recipient: 1 to 364.

    HMAC-SHA256, taken as a number, modulo 364: each shift is as likely as any other, to one part in 2^247.

    Args:
        secret: of the store, 32 random bytes (docs/format.md section 6).
        subject: from `medkiosk.core.consent.subject_key`, so that no spelling makes another person.
        recipient_id: who gets the pictures. Two of them who put their bundles together find no common dates.
    """
    message = canon.encode([*subject, recipient_id])
    number = int.from_bytes(hmac.digest(secret, message, hashlib.sha256))
    return 1 + number % MOST


def shifted(day: date, days: int) -> str:
    """Return the day so many days earlier, as ``YYYY-MM-DD``; empty where the calendar has no such day."""
    try:
        return (day - timedelta(days=days)).isoformat()
    except OverflowError:
        return ""

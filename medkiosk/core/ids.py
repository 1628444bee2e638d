"""Identifiers: 128 random bits written as 32 lowercase hexadecimal digits.

Random and meaningless, so that an id can appear in the public part of the ledger and in file names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NewType

ObjectId = NewType("ObjectId", str)  # one sealed blob in the vault
RecordId = NewType("RecordId", str)  # one sealed event record in the vault
ImportId = NewType("ImportId", str)
CaptureId = NewType("CaptureId", str)
AccountId = NewType("AccountId", str)
EncounterId = NewType("EncounterId", str)
ConsentId = NewType("ConsentId", str)
RecipientId = NewType("RecipientId", str)
ExportId = NewType("ExportId", str)
DisposalId = NewType("DisposalId", str)
HoldId = NewType("HoldId", str)
CorrectionId = NewType("CorrectionId", str)
DriveId = NewType("DriveId", str)  # one enrolled backup drive
GlassId = NewType("GlassId", str)  # one broken glass (docs/access.md)
ProposalId = NewType("ProposalId", str)  # of other settings (docs/settings.md)

Random = Callable[[int], bytes]
"""A source of randomness, handed in: ``os.urandom`` in the daemon, a seeded one in tests."""

KIOSK = AccountId("kiosk")
"""The actor of what the appliance does by itself."""

_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


def new_id(random: Random) -> str:
    """Return a fresh id: 32 hexadecimal digits."""
    return random(16).hex()


def is_id(text: str) -> bool:
    """Tell whether ``text`` has the form of an id."""
    return _ID.fullmatch(text) is not None

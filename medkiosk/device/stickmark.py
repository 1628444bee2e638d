"""The file by which a kiosk knows its own sticks (docs/stick.md). Pure."""

from __future__ import annotations

import hashlib
import hmac
from typing import NewType

import msgspec

from medkiosk.core import canon
from medkiosk.core.ids import is_id

StickId = NewType("StickId", str)

KEY_LABEL = "medkiosk/stick/v1"
"""The label under which the key of these files is derived from the index key."""
_VERSION = "medkiosk-stick/1"


class _Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    mac: str
    stick_id: str
    version: str


def write(key: bytes, stick_id: StickId) -> bytes:
    """Return the file's content.

    Args:
        key: 32 bytes, derived with `KEY_LABEL`.
        stick_id: random, new for each enrolment.
    """
    text = f"{_VERSION}\n{stick_id}\n".encode()
    mac = hmac.digest(key, text, hashlib.sha256).hex()
    return canon.encode(_Mark(mac=mac, stick_id=stick_id, version=_VERSION))


def read(key: bytes, untrusted: bytes) -> StickId | None:
    """Return the id of the stick that has this file; None where this kiosk did not write it."""
    try:
        mark = canon.decode(untrusted, _Mark)
    except ValueError:
        return None
    if mark.version != _VERSION or not is_id(mark.stick_id):
        return None
    stick_id = StickId(mark.stick_id)
    return stick_id if hmac.compare_digest(untrusted, write(key, stick_id)) else None

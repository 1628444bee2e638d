"""The file by which a kiosk recognises its backup drives (docs/backup.md). Pure."""

from __future__ import annotations

import hashlib
import hmac

from medkiosk.backup.errors import ForeignDriveError
from medkiosk.core.ids import DriveId, is_id

NAME = "medkiosk-backup"
KEY_LABEL = "medkiosk/backup/v1"
"""The label under which the key of markers is derived from the index key."""
MAX_BYTES = 1024

_LINE = "medkiosk-backup v1"


def write(key: bytes, store_id: str, drive_id: DriveId) -> bytes:
    """Return the marker's content.

    Args:
        key: 32 bytes, derived from the index key with `KEY_LABEL`.
        store_id: of the kiosk's store.
        drive_id: random, new for each enrolment.
    """
    text = f"{_LINE}\n{store_id}\n{drive_id}\n".encode()
    return text + hmac.digest(key, text, hashlib.sha256).hex().encode() + b"\n"


def read(key: bytes, store_id: str, untrusted: bytes) -> DriveId:
    """Return the id of the drive that has this marker.

    Raises:
        ForeignDriveError: it is not a marker of this kiosk and store.
    """
    lines = untrusted[: MAX_BYTES + 1].decode("ascii", "replace").split("\n")
    if len(lines) != 5 or lines[4] or lines[0] != _LINE or not (is_id(lines[1]) and is_id(lines[2])):
        raise ForeignDriveError(detail="its marker is not one of this version")
    if lines[1] != store_id:
        raise ForeignDriveError(detail="it is the backup of another store")
    drive_id = DriveId(lines[2])
    if not hmac.compare_digest(untrusted, write(key, store_id, drive_id)):
        raise ForeignDriveError(detail="its marker was not written by this kiosk")
    return drive_id

"""Reads what a receiver sends back (docs/acknowledgement.md); not what its lines are worth. Pure."""

from __future__ import annotations

import re

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from medkiosk.core import canon
from medkiosk.core.ids import ExportId, is_id

VERSION = "medkiosk-acknowledgement/1"
LONGEST = 64 << 10
"""Bytes."""
KEY_NAME = "medkiosk-export/"
"""Name of an export's own key, before the export's id."""
_MOST_BY = 200
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks that nobody sees (Unicode's Default_Ignorable_Code_Point, and the empty Braille cell)."""
_SIGNATURE = re.compile(r"[0-9a-f]{128}", re.ASCII)


class Acknowledgement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file, as it stands there."""

    version: str
    export_id: ExportId
    manifest_sha256: str
    by: str
    cosigned: str
    signature: str


def read(untrusted: bytes) -> Acknowledgement:
    """Take a file apart without believing anything in it.

    Raises:
        ValueError: it is not an acknowledgement in its one form.
    """
    if len(untrusted) > LONGEST:
        raise ValueError("it is too long")
    found = canon.decode(untrusted, Acknowledgement)
    if (
        found.version != VERSION
        or not is_id(found.export_id)
        or _SIGNATURE.fullmatch(found.signature) is None
    ):
        raise ValueError("it is of another version, or not made of what it must be")
    if len(found.by) > _MOST_BY or not found.by.isprintable() or _BLANK.search(found.by):
        raise ValueError("the name in it is none that can be shown")
    return found


def is_signed(found: Acknowledgement, public: bytes) -> bool:
    """Tell whether the export's own key made it.

    Args:
        found: the file.
        public: 32 bytes, as the kiosk kept them.
    """
    rest = {name: getattr(found, name) for name in found.__struct_fields__ if name != "signature"}
    message = f"{VERSION}\n".encode() + canon.encode(rest)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(bytes.fromhex(found.signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True

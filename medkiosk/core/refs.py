"""What the public ledger says about sealed things: ids, sizes and hashes, nothing personal.

The vault makes these when it seals, the ledger carries them in entries; the two never import each other.
"""

from __future__ import annotations

import msgspec


class ObjectRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sealed object, as a ledger entry names it. Hashes are 64 lowercase hexadecimal digits.

    Attributes:
        id: object id.
        kind: ``original``, ``derivative``, ``preview``.
        size: of the plaintext, bytes.
        sha256: of the sealed bytes.
        commitment: HMAC of the plaintext's hash under a key that dies with the data key.
        envelope: SHA-256 of the envelope that the data key was first put in.
    """

    id: str
    kind: str
    size: int
    sha256: str
    commitment: str
    envelope: str


class RecordRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sealed record, as a ledger entry names it. Fields as in `ObjectRef`; its size is not told."""

    id: str
    kind: str
    sha256: str
    commitment: str
    envelope: str

"""How one thing is sealed: contexts, envelopes, commitments, record padding (docs/format.md section 3).

Pure. HPKE and Cobblestone draw their own randomness inside the library; everything else is handed in.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Literal, NamedTuple

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from medkiosk.core.ids import Random, is_id
from medkiosk.vault.keys import NONCE_SIZE, DataKey, Secret, derive, lines

What = Literal["object", "record"]
PrivateKey = MLKEM768X25519PrivateKey
PublicKey = MLKEM768X25519PublicKey

PRIVATE_SIZE = 96
PUBLIC_SIZE = 1216
ENVELOPE_SIZE = 1168
"""A sealed envelope, bytes."""

MOVED_SIZE = 60
"""A moved envelope, bytes."""

MAX_RECORD = 256 * 1024
"""Largest record payload, bytes."""

CHUNK_PLAIN = 16 * 1024
CHUNK_SEALED = CHUNK_PLAIN + 16
CONTENT_HEADER = 24 + 32
"""Cobblestone's salt and commitment, before the first chunk."""

_RECORD_STEP = 512
_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_KIND = re.compile(r"[a-z][a-z0-9_.-]{0,31}", re.ASCII)
_MLKEM_SEED = 64
_MLKEM_PUBLIC = 1184


class Name(NamedTuple):
    """What a sealed thing is bound to. Moving its bytes under another name makes them unreadable."""

    what: What
    id: str
    kind: str

    def check(self) -> Name:
        """Return itself.

        Raises:
            ValueError: the id or the kind is not well formed.
        """
        if not is_id(self.id):
            raise ValueError(f"not an id: {self.id!r}")
        if _KIND.fullmatch(self.kind) is None:
            raise ValueError(f"not a kind: {self.kind!r}")
        return self


def sealed_size(size: int) -> int:
    """Return how many bytes ``size`` bytes of plaintext have when sealed."""
    return CONTENT_HEADER + size + 16 * (size // CHUNK_PLAIN + 1)


def content_context(name: Name) -> bytes:
    """Return the context that the content's encryption is bound to."""
    return lines(f"medkiosk/{name.what}/v1", name.id, name.kind)


def encryptor(key: DataKey, name: Name) -> Cobblestone256Encryptor:
    """Return the content encryptor; use it for one content, then forget it."""
    return Cobblestone256Encryptor(key.reveal(), content_context(name))


def decryptor(key: DataKey, name: Name) -> Cobblestone256Decryptor:
    """Return the content decryptor. Use its ``update``: ``update_into`` leaves unverified bytes behind."""
    return Cobblestone256Decryptor(key.reveal(), content_context(name))


def private_key(raw: bytes | bytearray) -> PrivateKey:
    """Build an epoch's private key from its 96 bytes.

    Raises:
        ValueError: wrong length.
    """
    if len(raw) != PRIVATE_SIZE:
        raise ValueError(f"a private key has {PRIVATE_SIZE} bytes")
    return MLKEM768X25519PrivateKey(
        MLKEM768PrivateKey.from_seed_bytes(raw[:_MLKEM_SEED]),
        X25519PrivateKey.from_private_bytes(raw[_MLKEM_SEED:]),
    )


def public_bytes(raw_private: bytes | bytearray) -> bytes:
    """Return the 1,216 bytes of the public key that belongs to the 96 bytes of a private key."""
    mlkem = MLKEM768PrivateKey.from_seed_bytes(raw_private[:_MLKEM_SEED])
    x25519 = X25519PrivateKey.from_private_bytes(raw_private[_MLKEM_SEED:])
    return mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()


def public_key(raw: bytes) -> PublicKey:
    """Build an epoch's public key from its 1,216 bytes.

    Raises:
        ValueError: wrong length or not a key.
    """
    if len(raw) != PUBLIC_SIZE:
        raise ValueError(f"a public key has {PUBLIC_SIZE} bytes")
    return MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(raw[:_MLKEM_PUBLIC]),
        X25519PublicKey.from_public_bytes(raw[_MLKEM_PUBLIC:]),
    )


def envelope_info(name: Name, epoch: int) -> bytes:
    """Return the HPKE info that an envelope is bound to."""
    return lines("medkiosk/envelope/v1", name.what, name.id, name.kind, epoch)


def seal_key(key: DataKey, public: PublicKey, name: Name, epoch: int) -> bytes:
    """Put a data key in an envelope of 1,168 bytes."""
    return _SUITE.encrypt(key.reveal(), public, envelope_info(name, epoch))


def open_key(envelope: bytes, private: PrivateKey, name: Name, epoch: int) -> DataKey:
    """Take a data key out of its envelope.

    Raises:
        cryptography.exceptions.InvalidTag: wrong key, changed, or made for another name or epoch.
    """
    return DataKey(_SUITE.decrypt(envelope, private, envelope_info(name, epoch)))


def moved_aad(name: Name, epoch: int) -> bytes:
    """Return what a moved envelope is bound to."""
    return lines("medkiosk/moved/v1", name.what, name.id, name.kind, epoch)


def move_key(key: DataKey, moving: AESGCM, name: Name, epoch: int, random: Random) -> bytes:
    """Put a data key in a moved envelope, 60 bytes.

    ``moving`` is of the epoch's moving key. It may seal 2^32 of them with random nonces (NIST SP 800-38D,
    section 8.3); an epoch has some thousand.
    """
    nonce = random(NONCE_SIZE)
    return nonce + moving.encrypt(nonce, key.reveal(), moved_aad(name, epoch))


def open_moved(envelope: bytes, moving: AESGCM, name: Name, epoch: int) -> DataKey:
    """Take a data key out of a moved envelope.

    Raises:
        cryptography.exceptions.InvalidTag: wrong key, changed, or made for another name or epoch.
    """
    return DataKey(moving.decrypt(envelope[:NONCE_SIZE], envelope[NONCE_SIZE:], moved_aad(name, epoch)))


def seal(secret: bytes | bytearray, public: PublicKey, info: bytes) -> bytes:
    """Seal a secret of any size to a public key; 1,136 bytes longer."""
    return _SUITE.encrypt(secret, public, info)


def open_sealed(sealed: bytes, private: PrivateKey, info: bytes) -> Secret:
    """Open what `seal` sealed.

    Raises:
        cryptography.exceptions.InvalidTag: wrong key, changed, or another ``info``.
    """
    return Secret(_SUITE.decrypt(sealed, private, info))


def commitment_key(key: DataKey) -> bytes:
    """Return the 32 bytes that a commitment is made with; they open nothing."""
    return derive(key.reveal(), "medkiosk/commitment/v1")


def commitment(key: DataKey, digest: bytes) -> bytes:
    """Commit to a plaintext by its SHA-256, so that the commitment means nothing without the data key."""
    return hmac.digest(commitment_key(key), digest, "sha256")


def seal_record(key: DataKey, name: Name, payload: bytes) -> bytes:
    """Seal a record's payload, padded to hide most of its size.

    Raises:
        ValueError: the payload is larger than `MAX_RECORD`.
    """
    if len(payload) > MAX_RECORD:
        raise ValueError(f"a record holds at most {MAX_RECORD} bytes, this one has {len(payload)}")
    seal = encryptor(key, name)
    return seal.update(_pad(payload)) + seal.finalize()


def open_record(key: DataKey, name: Name, sealed: bytes) -> bytes:
    """Open what `seal_record` sealed.

    Raises:
        cryptography.exceptions.InvalidTag: wrong key, or changed.
        ValueError: sealed by someone who does not keep to the format.
    """
    opener = decryptor(key, name)
    return _unpad(opener.update(sealed) + opener.finalize())


def record_commitment(key: DataKey, payload: bytes) -> bytes:
    """Return the commitment to a record's payload (without its padding)."""
    return commitment(key, hashlib.sha256(payload).digest())


def _pad(payload: bytes) -> bytes:
    used = 4 + len(payload)
    return len(payload).to_bytes(4, "big") + payload + bytes(-used % _RECORD_STEP)


def _unpad(padded: bytes) -> bytes:
    payload = padded[4 : 4 + int.from_bytes(padded[:4], "big")]
    if len(payload) > MAX_RECORD or _pad(payload) != padded:
        raise ValueError("not padded as a record is")
    return payload

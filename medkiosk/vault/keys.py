"""Keys in memory, and the three constructions everything else is made of: Parts, Derive, Wrap.

docs/format.md section 1.
"""

from __future__ import annotations

import hmac
from typing import NoReturn

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from medkiosk.core.ids import Random

KEY_SIZE = 32
NONCE_SIZE = 12


class Secret:
    """Secret bytes that do not show themselves: not in ``repr``, not in a pickle, not in a log.

    They are kept in one ``bytearray`` that `wipe` overwrites. Copies that libraries make of them are out of
    our hands; the process is kept from swap and core dumps instead.
    """

    __slots__ = ("_buffer",)

    def __init__(self, value: bytes | bytearray) -> None:
        self._buffer = bytearray(value)

    def reveal(self) -> bytearray:
        """Return the live buffer, not a copy; do not change it.

        Raises:
            ValueError: it was wiped.
        """
        if not self._buffer:
            raise ValueError("this secret was wiped")
        return self._buffer

    def wipe(self) -> None:
        """Overwrite and forget; harmless when repeated."""
        self._buffer[:] = bytes(len(self._buffer))
        self._buffer = bytearray()

    @property
    def wiped(self) -> bool:
        """Tell whether `wipe` was called."""
        return not self._buffer

    def __repr__(self) -> str:
        return f"{type(self).__name__}(hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("secrets are not pickled or copied")


class DataKey(Secret):
    """The key of one object or record."""

    __slots__ = ()


class IndexKeys:
    """What the device's index key is used for, each use with its own key (docs/format.md sections 4 to 6)."""

    def __init__(self, index_key: bytes) -> None:
        if len(index_key) != KEY_SIZE:
            raise ValueError(f"an index key has {KEY_SIZE} bytes")
        self._tag = derive(index_key, "medkiosk/tag/v1")
        self._name = derive(index_key, "medkiosk/name/v1")
        self._pin = derive(index_key, "medkiosk/pin/v1")
        self._plan = derive(index_key, "medkiosk/plan/v1")

    def tag(self, *values: bytes) -> bytes:
        """Return the 32-byte tag of a sequence of byte strings; which string ended where matters."""
        return hmac.digest(self._tag, parts(*values), "sha256")

    def name(self, normalised: bytes) -> bytes:
        """Return the 32-byte tag by which a user's slot is found."""
        return hmac.digest(self._name, normalised, "sha256")

    def pin(self, epoch: int, public_key: bytes) -> bytes:
        """Return the 32 bytes by which a locked kiosk recognises its own public key."""
        return hmac.digest(self._pin, parts(epoch, public_key), "sha256")

    def plan(self, disposal_id: str, step: str, plan: str) -> bytes:
        """Return the 32 bytes by which a kiosk knows that it wrote down itself what a disposal destroys."""
        return hmac.digest(self._plan, parts(disposal_id, step, plan), "sha256")


def parts(*values: bytes | str | int) -> bytes:
    """Join values so that no two different sequences give the same bytes."""
    joined = bytearray()
    for value in values:
        data = value if isinstance(value, bytes) else str(value).encode()
        joined += len(data).to_bytes(8, "big")
        joined += data
    return bytes(joined)


def lines(*values: str | int) -> bytes:
    """Join values with line feeds.

    Raises:
        ValueError: one of them contains a line feed.
    """
    texts = [str(value) for value in values]
    if any("\n" in text for text in texts):
        raise ValueError("a line feed inside a line")
    return "\n".join(texts).encode()


def derive(key: bytes | bytearray, label: str, length: int = KEY_SIZE) -> bytes:
    """HKDF-Expand with SHA-512 (RFC 5869) from a uniformly random 32-byte key."""
    return HKDFExpand(SHA512(), length, label.encode()).derive(key)


def wrap(key: bytes | bytearray, secret: bytes | bytearray, aad: bytes, random: Random) -> bytes:
    """Seal a secret under a key: 12-byte nonce, ciphertext, 16-byte tag (AES-256-GCM)."""
    nonce = random(NONCE_SIZE)
    return nonce + AESGCM(key).encrypt(nonce, secret, aad)


def unwrap(key: bytes | bytearray, wrapped: bytes, aad: bytes) -> Secret:
    """Open what `wrap` sealed.

    Raises:
        cryptography.exceptions.InvalidTag: wrong key, or changed.
    """
    opened = AESGCM(key).decrypt(wrapped[:NONCE_SIZE], wrapped[NONCE_SIZE:], aad)
    return Secret(opened)

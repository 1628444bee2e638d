"""Whether a stick gives back what was written: a keyed check value of each file, kept in memory.

The value is a GMAC (AES-GCM over additional data only, NIST SP 800-38D) under a key that is drawn for each
bundle and never leaves this process. That is enough for reading back, because the stick cannot know the key
and sees no value: whatever other bytes it gives back, by fault or by intent, were chosen without both. GHASH
is a universal hash (McGrew and Viega, "The Security and Performance of the Galois/Counter Mode of Operation",
INDOCRYPT 2004): two contents of at most n blocks of 16 bytes that were chosen so have the same value with a
probability of at most (n + 1) / 2^128, which is 2^-99 for 4 GiB. It proves nothing to anybody else: the
SHA-256 in the manifest does. Measured on 10 MiB: 0.5 ms, and 5.8 ms for SHA-256.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from medkiosk.core.ids import Random

_KEY = 32
_NONCE = 12


class Value(NamedTuple):
    """Check value of one content.

    Attributes:
        number: which content of this key; the nonce.
        size: bytes.
        tag: of GMAC, 16 bytes.
    """

    number: int
    size: int
    tag: bytes


class Check:
    """Takes one content, piece by piece. Lets other threads run meanwhile."""

    def __init__(self, key: bytes, number: int) -> None:
        self._number = number
        self._size = 0
        self._gcm = Cipher(algorithms.AES(key), modes.GCM(number.to_bytes(_NONCE, "big"))).encryptor()

    def update(self, piece: bytes | memoryview) -> None:
        """Take the next piece."""
        self._gcm.authenticate_additional_data(piece)
        self._size += len(piece)

    def value(self) -> Value:
        """Return the value of all pieces; nothing can be added after it."""
        self._gcm.finalize()
        return Value(self._number, self._size, self._gcm.tag)


class Checks:
    """The key of one bundle; thread-safe."""

    def __init__(self, random: Random) -> None:
        self._key = random(_KEY)
        self._numbers = itertools.count()

    def start(self) -> Check:
        """Begin with a content that was not checked before."""
        return Check(self._key, next(self._numbers))

    def again(self, value: Value) -> Check:
        """Begin with what should be the content of this value. The value of another content shows nobody."""
        return Check(self._key, value.number)

"""A small reader of age v1 files, written from the specification (C2SP age.md) to check what we write."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


@dataclass(frozen=True)
class Opened:
    """What came out, and the secrets that were met on the way."""

    plaintext: bytes
    file_key: bytes
    nonce: bytes
    stanza: tuple[str, ...]


def open_file(data: bytes, *, identity: str = "", passphrase: str = "") -> Opened:
    """Open a file of one stanza.

    Raises:
        ValueError: it is not one, or is not for this identity or passphrase.
        cryptography.exceptions.InvalidTag: likewise, or the payload is damaged.
    """
    end = data.index(b"\n---") + 4
    head, rest = data[:end], data[end:]
    mac_line, payload = rest.split(b"\n", 1)
    version, arguments, *body = head.decode("ascii").split("\n")[:-1]
    if version != "age-encryption.org/v1" or not arguments.startswith("-> "):
        raise ValueError("not an age file")
    if any(line.startswith("->") for line in body):
        raise ValueError("more than one stanza")
    kind, *args = arguments.removeprefix("-> ").split(" ")
    wrapped = _decode("".join(body))
    if kind == "X25519" and identity:
        key = _x25519(identity, _decode(args[0]))
    elif kind == "scrypt" and passphrase:
        salt = b"age-encryption.org/v1/scrypt" + _decode(args[0])
        key = hashlib.scrypt(
            passphrase.encode(), salt=salt, n=1 << int(args[1]), r=8, p=1, dklen=32, maxmem=1 << 30
        )
    else:
        raise ValueError(f"no {kind} key")
    file_key = ChaCha20Poly1305(key).decrypt(bytes(12), wrapped, None)
    expected = hmac.digest(_hkdf(file_key, b"", b"header"), head, hashlib.sha256)
    if not hmac.compare_digest(_decode(mac_line.decode().removeprefix(" ")), expected):
        raise ValueError("the header was changed")
    nonce, payload = payload[:16], payload[16:]
    cipher = ChaCha20Poly1305(_hkdf(file_key, nonce, b"payload"))
    size = (64 << 10) + 16
    chunks = [payload[at : at + size] for at in range(0, len(payload), size)]
    plain = [
        cipher.decrypt(number.to_bytes(11, "big") + bytes([number == len(chunks) - 1]), chunk, None)
        for number, chunk in enumerate(chunks)
    ]
    if not chunks or (len(chunks) > 1 and not plain[-1]):
        raise ValueError("the payload has no last chunk")
    return Opened(b"".join(plain), file_key, nonce, (kind, *args))


def _x25519(identity: str, share: bytes) -> bytes:
    letters = identity.lower().removeprefix("age-secret-key-1")[:52]
    bits = 0
    for letter in letters:
        bits = bits << 5 | _LETTERS.index(letter)
    secret = X25519PrivateKey.from_private_bytes((bits >> 4).to_bytes(32, "big"))
    shared = secret.exchange(X25519PublicKey.from_public_bytes(share))
    return _hkdf(shared, share + secret.public_key().public_bytes_raw(), b"age-encryption.org/v1/X25519")


def _hkdf(secret: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt or None, info).derive(secret)


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)

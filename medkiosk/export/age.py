"""Encryption for the recipient: standard age v1 files (C2SP age.md), written with `cryptography`.

Ours and not pyrage's, because scrypt's work factor must be chosen for a browser, and because pyrage holds the
interpreter's lock while it works. Vectors, Debian's age and pyrage open what this writes (tests).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from medkiosk.core.errors import KioskError
from medkiosk.core.ids import Random

WORK_FACTOR = 16
"""log2 of scrypt's N for a passphrase: 64 MiB, half a second in a browser (export-format.md section 4)."""

_CHUNK = 64 << 10
_TAG = 16
_FILE_KEY = 16
_NONCE = 16
_X25519_HEADER = 22 + 54 + 44 + 48
"""Bytes of the header's four lines: version, stanza, its body, MAC."""
_X25519_LABEL = b"age-encryption.org/v1/X25519"
_SCRYPT_LABEL = b"age-encryption.org/v1/scrypt"

# Bech32 (BIP 173): 32 bytes in 52 letters of five bits, then six letters of check sum.
_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_X25519 = re.compile(rf"age1([{_LETTERS}]{{58}})", re.ASCII)
_IDENTITY_HRP = "age-secret-key-"


class RecipientKeyError(KioskError):
    """This is not a public key that pictures can be encrypted to: {detail}.

    Nothing was changed. Ask the recipient for the line that begins with age1; age-keygen shows it.
    """

    code = "export.recipient_key"
    exit_code = 2


def check_recipient(untrusted_text: str) -> str:
    """Return the public key if it is one.

    Raises:
        RecipientKeyError: it is not, or it is a key that nothing may be encrypted to.
    """
    _public_key(untrusted_text)
    return untrusted_text


def new_identity(random: Random) -> tuple[str, str]:
    """Make an X25519 identity; gives its text as age-keygen writes it, and its public key."""
    secret = random(32)
    public = X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    return _bech32(_IDENTITY_HRP, secret).upper(), _bech32("age", public)


def encrypted_size(size: int) -> int:
    """Return how long the file of a content of ``size`` bytes is that `encrypt_into` makes."""
    return _X25519_HEADER + _NONCE + size + max(1, -(-size // _CHUNK)) * _TAG


def encrypt_into(data: memoryview, recipient: str, random: Random, out: memoryview) -> None:
    """Encrypt to one X25519 public key.

    Args:
        data: the content.
        recipient: the key.
        random: makes keys.
        out: takes the file; exactly `encrypted_size` long.

    Raises:
        RecipientKeyError: it is not a public key.
    """
    public = _public_key(recipient)
    ephemeral = X25519PrivateKey.from_private_bytes(random(32))
    share = ephemeral.public_key().public_bytes_raw()
    key = _hkdf(ephemeral.exchange(public), share + public.public_bytes_raw(), _X25519_LABEL)
    _write(data, f"X25519 {_base64(share)}", key, random, out)


def encrypt_with_passphrase(
    data: bytes, passphrase: bytes | bytearray, random: Random, work_factor: int = WORK_FACTOR
) -> bytes:
    """Encrypt to a passphrase; scrypt's N is 2^``work_factor``."""
    salt = random(16)
    scrypt = Scrypt(salt=_SCRYPT_LABEL + salt, length=32, n=1 << work_factor, r=8, p=1)
    key = scrypt.derive(passphrase)
    stanza = f"scrypt {_base64(salt)} {work_factor}"
    longer = len(stanza) - len(f"X25519 {_base64(bytes(32))}")
    out = bytearray(encrypted_size(len(data)) + longer)
    _write(memoryview(data), stanza, key, random, memoryview(out))
    return bytes(out)


def _write(data: memoryview, stanza: str, wrapping_key: bytes, random: Random, out: memoryview) -> None:
    """Header with one stanza, then the payload (age.md, "The age file format")."""
    file_key = random(_FILE_KEY)
    wrapped = ChaCha20Poly1305(wrapping_key).encrypt(bytes(12), file_key, None)
    header = f"age-encryption.org/v1\n-> {stanza}\n{_base64(wrapped)}\n---".encode()
    mac = hmac.new(_hkdf(file_key, b"", b"header"), header, hashlib.sha256).digest()
    nonce = random(_NONCE)
    head = header + f" {_base64(mac)}\n".encode() + nonce
    out[: len(head)] = head
    _stream(data, ChaCha20Poly1305(_hkdf(file_key, nonce, b"payload")), out[len(head) :])


def _stream(data: memoryview, cipher: ChaCha20Poly1305, out: memoryview) -> None:
    """STREAM: chunks of 64 KiB, each with its number, the last one marked; empty only if all is."""
    at, number = 0, 0
    while True:
        end = at + _CHUNK >= len(data)
        chunk = data[at : at + _CHUNK]
        where = at + number * _TAG
        nonce = number.to_bytes(11, "big") + bytes([end])
        cipher.encrypt_into(nonce, chunk, None, out[where : where + len(chunk) + _TAG])
        if end:
            return
        at, number = at + _CHUNK, number + 1


def _public_key(untrusted_text: str) -> X25519PublicKey:
    # Whoever pastes a secret key here must learn it, and the text must not end up in an error.
    if "AGE-SECRET-KEY" in untrusted_text.upper():
        raise RecipientKeyError(detail="it is a secret key, which its owner must give to nobody")
    found = _X25519.fullmatch(untrusted_text)
    if found is None:
        raise RecipientKeyError(detail="it must be age1 and 58 more small letters and digits")
    values = [_LETTERS.index(letter) for letter in found[1]]
    bits = 0
    for value in values[:52]:
        bits = bits << 5 | value
    if _checksum("age", values[:52]) != values[52:] or bits & 0xF:
        raise RecipientKeyError(detail="a letter in it is wrong")
    point = X25519PublicKey.from_public_bytes((bits >> 4).to_bytes(32, "big"))
    try:
        # A point of low order gives zero, whoever asks: zero for one secret is zero for each, so any will do.
        X25519PrivateKey.from_private_bytes(bytes(32)).exchange(point)
    except ValueError as error:
        raise RecipientKeyError(detail="it is one of the few that everybody can open") from error
    return point


def _bech32(prefix: str, data: bytes) -> str:
    """Encode 32 bytes (BIP 173); age sets no limit on the length."""
    bits = int.from_bytes(data, "big") << 4
    values = [bits >> shift & 31 for shift in range(255, -1, -5)]
    return prefix + "1" + "".join(_LETTERS[value] for value in [*values, *_checksum(prefix, values)])


def _checksum(prefix: str, values: list[int]) -> list[int]:
    expanded = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    check = 1
    for value in [*expanded, *values, 0, 0, 0, 0, 0, 0]:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            check ^= generator if top >> bit & 1 else 0
    return [(check ^ 1) >> 5 * (5 - i) & 31 for i in range(6)]


def _hkdf(secret: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt or None, info).derive(secret)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")

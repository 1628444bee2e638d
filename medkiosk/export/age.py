"""Encryption for the recipient: standard age v1 files (C2SP age.md), by the Rust implementation.

Only ``pyrage.encrypt`` on bytes is used: its file and stream functions report success when the last
write fails. It holds the interpreter's lock while it works: 10 MB stop every other thread for some 20 ms.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyrage
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from medkiosk.core.errors import KioskError

# Bech32 (BIP 173): 32 bytes in 52 letters of five bits, then six letters of check sum.
_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_X25519 = re.compile(rf"age1([{_LETTERS}]{{52}})[{_LETTERS}]{{6}}", re.ASCII)


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
    # Whoever pastes a secret key here must learn it, and the text must not end up in an error.
    if "AGE-SECRET-KEY" in untrusted_text.upper():
        raise RecipientKeyError(detail="it is a secret key, which its owner must give to nobody")
    found = _X25519.fullmatch(untrusted_text)
    if found is None:
        raise RecipientKeyError(detail="it must be age1 and 58 more small letters and digits")
    try:
        pyrage.x25519.Recipient.from_str(untrusted_text)
    except pyrage.RecipientError as error:
        raise RecipientKeyError(detail="a letter in it is wrong") from error
    if _opens_to_everybody(found[1]):
        raise RecipientKeyError(detail="it is one of the few that everybody can open")
    return untrusted_text


def encrypt(data: bytes, recipients: Sequence[str]) -> bytes:
    """Encrypt to every recipient's X25519 public key.

    Raises:
        RecipientKeyError: one of them is not a public key, or there is none.
    """
    if not recipients:
        raise RecipientKeyError(detail="none was given")
    keys = [pyrage.x25519.Recipient.from_str(check_recipient(recipient)) for recipient in recipients]
    encrypted: bytes = pyrage.encrypt(data, keys)
    return encrypted


def _opens_to_everybody(letters: str) -> bool:
    """Tell whether the key is a point of low order, whose shared secret is zero whoever asks.

    pyrage panics on these, which is no Exception and would take the daemon down.
    """
    bits = 0
    for letter in letters:
        bits = bits << 5 | _LETTERS.index(letter)
    point = X25519PublicKey.from_public_bytes((bits >> 4).to_bytes(32, "big"))
    try:
        # Zero for one secret is zero for each, so any will do.
        X25519PrivateKey.from_private_bytes(bytes(32)).exchange(point)
    except ValueError:
        return True
    return False

"""HPKE, with the official vectors that come nearest to the vault's suite.

Nobody has published any for MLKEM768-X25519 with HKDF-SHA256 and AES-256-GCM. So its halves are tested
apart: draft-ietf-hpke-pq has this KEM and KDF with ChaCha20-Poly1305, RFC 9180 has this KDF and AEAD with
X25519. `tests/vault/independent_reader.py` has the whole suite, written from the format alone.

The library's interface takes no aad, which all of these messages have. So it is given the vector's
plaintext, sealed with the vector's key and nonce for an empty aad: it must find both by itself.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from medkiosk.vault import envelope
from tests.assets import asset

HYBRID: list[dict[str, Any]] = [
    case for case in json.loads(asset("hpke-pq.json").read_text()) if case["kem_id"] == 0x647A
]
CLASSIC: list[dict[str, Any]] = [
    case
    for case in json.loads(asset("hpke.json").read_text())
    if (case["mode"], case["kem_id"], case["kdf_id"], case["aead_id"]) == (0, 0x20, 1, 2)
]
KDFS = {0x0001: KDF.HKDF_SHA256, 0x0011: KDF.SHAKE256}


def hexed(case: dict[str, Any], *names: str) -> list[bytes]:
    return [bytes.fromhex(case[name]) for name in names]


def private(case: dict[str, Any]) -> bytes:
    """The 96 bytes that the format keeps; the draft keeps the seed that they are expanded from."""
    return hashlib.shake_256(bytes.fromhex(case["skRm"])).digest(96)


def test_the_vectors_are_there() -> None:
    assert sorted((case["kdf_id"], case["aead_id"]) for case in HYBRID) == [(0x0001, 3), (0x0011, 3)]
    assert len(CLASSIC) == 1


@pytest.mark.parametrize("case", HYBRID, ids=lambda case: f"kdf {case['kdf_id']:04x}")
def test_our_keys_are_the_drafts(case: dict[str, Any]) -> None:
    assert envelope.public_bytes(private(case)).hex() == case["pkRm"]


def without_aad(case: dict[str, Any], aead: type[AESGCM | ChaCha20Poly1305]) -> bytes:
    key, nonce, enc, pt = hexed({**case, **case["encryptions"][0]}, "key", "base_nonce", "enc", "pt")
    return enc + aead(key).encrypt(nonce, pt, b"")


@pytest.mark.parametrize("case", HYBRID, ids=lambda case: f"kdf {case['kdf_id']:04x}")
def test_the_library_opens_the_drafts_messages(case: dict[str, Any]) -> None:
    suite = Suite(KEM.MLKEM768_X25519, KDFS[case["kdf_id"]], AEAD.CHACHA20_POLY1305)
    key = envelope.private_key(private(case))
    [info, pt] = hexed({**case, **case["encryptions"][0]}, "info", "pt")
    message = without_aad(case, ChaCha20Poly1305)
    assert suite.decrypt(message, key, info) == pt
    for at in (0, envelope.ENVELOPE_SIZE - 48 - 1, envelope.ENVELOPE_SIZE - 48, len(message) - 1):
        with pytest.raises(InvalidTag):
            suite.decrypt(flip(message, at), key, info)
    with pytest.raises(InvalidTag):
        suite.decrypt(message[:-1], key, info)
    with pytest.raises(InvalidTag):
        suite.decrypt(message, key, flip(info, 0))


def test_the_library_opens_the_rfcs_message() -> None:
    [case] = CLASSIC
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    info, secret, pt = hexed({**case, **case["encryptions"][0]}, "info", "skRm", "pt")
    key = X25519PrivateKey.from_private_bytes(secret)
    assert suite.decrypt(without_aad(case, AESGCM), key, info) == pt


@pytest.mark.parametrize(
    ("case", "kem", "aead"),
    [(HYBRID[0], "647a00010003", ChaCha20Poly1305), (CLASSIC[0], "002000010002", AESGCM)],
    ids=["draft", "rfc"],
)
def test_the_key_schedule_as_the_format_tells_it(
    case: dict[str, Any], kem: str, aead: type[AESGCM | ChaCha20Poly1305]
) -> None:
    """The steps of the second reader's `open_envelope`, from the vector's shared secret to its message."""
    shared, info = hexed(case, "shared_secret", "info")
    suite = b"HPKE" + bytes.fromhex(kem)

    def extract(salt: bytes, label: bytes, ikm: bytes) -> bytes:
        return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256")

    def expand(label: bytes, size: int) -> bytes:
        data = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + context
        return hmac.digest(secret, data + b"\x01", "sha256")[:size]

    context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    secret = extract(shared, b"secret", b"")
    key, nonce = expand(b"key", 32), expand(b"base_nonce", 12)
    assert (key.hex(), nonce.hex()) == (case["key"], case["base_nonce"])
    ct, aad, pt = hexed(case["encryptions"][0], "ct", "aad", "pt")
    assert aead(key).decrypt(nonce, ct, aad) == pt


def flip(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)

"""Known answers for the cryptography that everything rests on, and a look at what is installed.

`TESTS` is counted by a test of the project, so that none can vanish unnoticed.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from medkiosk.core.errors import KioskError
from medkiosk.redact.client import RedactSession
from medkiosk.workers import ProcessChannel, python_worker


@dataclass(frozen=True)
class Result:
    """One test: whether it passed, and what was seen."""

    name: str
    ok: bool
    detail: str


def _sha256() -> bool:
    # FIPS 180-4, the message "abc".
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    return hashlib.sha256(b"abc").hexdigest() == expected


def _hmac() -> bool:
    # RFC 4231, test case 2.
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    return hmac.digest(b"Jefe", b"what do ya want for nothing?", "sha256").hex() == expected


def _aes_gcm() -> bool:
    # McGrew and Viega, "The Galois/Counter Mode of Operation", test case 14.
    sealed = AESGCM(bytes(32)).encrypt(bytes(12), bytes(16), None).hex()
    return sealed == "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"


def _ed25519() -> bool:
    # RFC 8032, section 7.1, test 1.
    seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    signature = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed)).sign(b"")
    return signature.hex().startswith("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155")


def _argon2id() -> bool:
    # RFC 9106, section 5.3.
    kdf = Argon2id(
        salt=bytes([2]) * 16, length=32, iterations=3, lanes=4, memory_cost=32, ad=bytes([4]) * 12,
        secret=bytes([3]) * 8,
    )  # fmt: skip
    return (
        kdf.derive(bytes([1]) * 32).hex()
        == "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"
    )


def _cobblestone() -> bool:
    # Random salt, so no fixed answer: what was sealed opens, and one flipped bit does not.
    key, context = bytes(range(32)), b"selftest"
    encryptor = Cobblestone256Encryptor(key, context)
    sealed = encryptor.update(b"medkiosk" * 5000) + encryptor.finalize()

    def opened(data: bytes) -> bytes:
        decryptor = Cobblestone256Decryptor(key, context)
        return decryptor.update(data) + decryptor.finalize()

    if opened(sealed) != b"medkiosk" * 5000:
        return False
    try:
        opened(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    except InvalidTag:
        return True
    return False


TESTS: dict[str, Callable[[], bool]] = {
    "SHA-256 (FIPS 180-4)": _sha256,
    "HMAC-SHA256 (RFC 4231)": _hmac,
    "AES-256-GCM (test case 14)": _aes_gcm,
    "Ed25519 (RFC 8032)": _ed25519,
    "Argon2id (RFC 9106)": _argon2id,
    "Cobblestone-256 (seal, open, refuse)": _cobblestone,
}


def run_all(models: Path | None) -> list[Result]:
    """Run every test; with ``models``, start a redact worker too and say what it has."""
    results = []
    for name, test in TESTS.items():
        ok = test()
        results.append(Result(name, ok, "known answer" if ok else "WRONG ANSWER: do not use this machine"))
    if models is not None:
        results.append(_worker(models))
    return results


def _worker(models: Path) -> Result:
    name = "redact worker"
    try:
        with RedactSession(
            ProcessChannel(python_worker("medkiosk.redact.worker", "--models", str(models)))
        ) as session:
            layers = ", ".join(
                str(layer.name).lower().replace("_", " ")
                for layer in type(session.layers)
                if layer in session.layers
            )
            missing = ", ".join(session.missing)
            detail = f"missing: {missing}" if missing else f"all detectors; sandbox: {layers or 'none'}"
            return Result(name, not session.missing, detail)
    except KioskError as error:
        return Result(name, False, error.message)

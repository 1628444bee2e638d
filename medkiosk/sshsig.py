"""SSHSIG: signatures that ``ssh-keygen -Y verify`` checks (OpenSSH PROTOCOL.sshsig), with Ed25519. Pure.

The bytes are those that ``ssh-keygen -Y sign`` writes: Ed25519 is deterministic, and so is the armour.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

NAMESPACE = "medkiosk-export@v1"
"""What our signatures are for; one made for anything else is refused."""
RECALL_NAMESPACE = "medkiosk-recall@v1"
"""Of recall notices (docs/recall.md)."""
UPDATE_NAMESPACE = "medkiosk-update@v1"
"""Of updates (docs/update-format.md)."""
AUDIT_NAMESPACE = "medkiosk-audit@v1"
"""Of audit reports (docs/audit.md)."""
PRINCIPAL = "medkiosk"
"""The name of the signer in an ``allowed_signers`` file."""

_KEY_TYPE = b"ssh-ed25519"
_BEGIN, _END = b"-----BEGIN SSH SIGNATURE-----\n", b"-----END SSH SIGNATURE-----\n"
_WIDTH = 70
_RAW = 64
_KEY_BYTES = 32
_KEY_AT = len(b"SSHSIG") + 4 + 4 + 4 + len(_KEY_TYPE) + 4
"""Where the raw key begins: behind the magic, the version, and three lengths with the key's type."""


def sign(message: bytes, key: Ed25519PrivateKey, namespace: str = NAMESPACE) -> bytes:
    """Return the armoured detached signature of ``message``, as it stands in a ``.sig`` file."""
    return sign_digest(hashlib.sha512(message).digest(), key, namespace)


def sign_digest(digest: bytes, key: Ed25519PrivateKey, namespace: str) -> bytes:
    """Return what `sign` returns for a message with this SHA-512: one that was never in memory as a whole."""
    return _armoured(key.sign(_signed_data(digest, namespace)), key.public_key(), namespace)


def verify(
    message: bytes, untrusted_armoured: bytes, keys: Iterable[Ed25519PublicKey], namespace: str
) -> Ed25519PublicKey | None:
    """Return which of the keys signed ``message`` for this namespace; None where none did.

    Nothing in the signature is interpreted but its last 64 bytes: all else must be, byte for byte, what
    `sign` writes for that key, so there is one spelling of each signature and no field to lie in.
    """
    body = untrusted_armoured.removeprefix(_BEGIN).removesuffix(_END)
    try:
        raw = base64.b64decode(body.replace(b"\n", b""), validate=True)[-_RAW:]
    except binascii.Error:
        return None
    for key in keys:
        if len(raw) == _RAW and _armoured(raw, key, namespace) == untrusted_armoured:
            try:
                key.verify(raw, _signed_data(hashlib.sha512(message).digest(), namespace))
            except InvalidSignature:
                return None
            return key
    return None


def signer_of(untrusted_armoured: bytes) -> Ed25519PublicKey | None:
    """Return the key that a signature names, which says nothing about whose it is; None where it names none.

    Whoever verifies with it learns only that the bytes are as they were signed.
    """
    body = untrusted_armoured.removeprefix(_BEGIN).removesuffix(_END)
    try:
        data = base64.b64decode(body.replace(b"\n", b""), validate=True)
    except binascii.Error:
        return None
    key = data[_KEY_AT : _KEY_AT + _KEY_BYTES]
    return Ed25519PublicKey.from_public_bytes(key) if len(key) == _KEY_BYTES else None


def allowed_keys(text: str, namespace: str) -> tuple[Ed25519PublicKey, ...]:
    """Return the keys of an ``allowed_signers`` file that count for this namespace; the file is trusted.

    Raises:
        ValueError: a line is not as `allowed_signers_line` writes them: principal, namespaces, Ed25519 key.
    """
    found = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        _, options, kind, blob, *_ = [*line.split(), "", "", "", ""]
        names = options.removeprefix('namespaces="').removesuffix('"').split(",")
        prefix = _string(_KEY_TYPE) + struct.pack(">I", 32)
        data = base64.b64decode(blob, validate=True)
        if kind.encode() != _KEY_TYPE or not data.startswith(prefix) or len(data) != len(prefix) + 32:
            raise ValueError("not an Ed25519 key with namespaces")
        if namespace in names:
            found.append(Ed25519PublicKey.from_public_bytes(data[len(prefix) :]))
    return tuple(found)


def public_line(key: Ed25519PublicKey, comment: str = PRINCIPAL) -> str:
    """Return the public key as OpenSSH writes it, without a newline."""
    return f"{_KEY_TYPE.decode()} {base64.b64encode(_key_blob(key)).decode()} {comment}".rstrip()


def allowed_signers_line(
    key: Ed25519PublicKey, namespaces: tuple[str, ...] = (NAMESPACE, RECALL_NAMESPACE)
) -> str:
    """Return the line for an ``allowed_signers`` file: this key, for what is named."""
    return f'{PRINCIPAL} namespaces="{",".join(namespaces)}" {public_line(key, "")}'


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the SHA256 fingerprint as ``ssh-keygen -l`` shows it, to be compared aloud."""
    digest = hashlib.sha256(_key_blob(key)).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def _armoured(raw: bytes, key: Ed25519PublicKey, namespace: str) -> bytes:
    blob = b"".join(
        (
            b"SSHSIG",
            struct.pack(">I", 1),
            _string(_key_blob(key)),
            _string(namespace.encode()),
            _string(b""),
            _string(b"sha512"),
            _string(_string(_KEY_TYPE) + _string(raw)),
        )
    )
    text = base64.b64encode(blob)
    lines = [text[at : at + _WIDTH] + b"\n" for at in range(0, len(text), _WIDTH)]
    return _BEGIN + b"".join(lines) + _END


def _signed_data(digest: bytes, namespace: str) -> bytes:
    return b"SSHSIG" + _string(namespace.encode()) + _string(b"") + _string(b"sha512") + _string(digest)


def _key_blob(key: Ed25519PublicKey) -> bytes:
    return _string(_KEY_TYPE) + _string(key.public_bytes_raw())


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data

"""SSHSIG: signatures that ``ssh-keygen -Y verify`` checks (OpenSSH PROTOCOL.sshsig), with Ed25519. Pure.

The bytes are those that ``ssh-keygen -Y sign`` writes: Ed25519 is deterministic, and so is the armour.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from medkiosk.core.errors import KioskError

NAMESPACE = "medkiosk-export@v1"
"""What our signatures are for; one made for anything else is refused."""
PRINCIPAL = "medkiosk"
"""The name of the signer in an ``allowed_signers`` file."""

_KEY_TYPE = b"ssh-ed25519"
_BEGIN, _END = b"-----BEGIN SSH SIGNATURE-----\n", b"-----END SSH SIGNATURE-----\n"
_WIDTH = 70
_RAW = 64
"""Bytes of an Ed25519 signature."""
_KEY_LINE = re.compile(r"ssh-ed25519 ([A-Za-z0-9+/]{1,200}={0,2})( .*)?\s*", re.ASCII)


class SignerKeyError(KioskError):
    """The signer's public key cannot be read: {detail}.

    Nothing was checked. Give the line that begins with ssh-ed25519, as you got it from the department.
    """

    code = "export.signer_key"
    exit_code = 2


def sign(message: bytes, key: Ed25519PrivateKey, namespace: str = NAMESPACE) -> bytes:
    """Return the armoured detached signature of ``message``, as it stands in a ``.sig`` file."""
    return _armoured(key.sign(_signed_data(message, namespace)), key.public_key(), namespace)


def verify(
    message: bytes, untrusted_signature: bytes, key: Ed25519PublicKey, namespace: str = NAMESPACE
) -> str:
    """Return why the file is not this key's signature of ``message``; empty if it is.

    Only the very bytes that `sign` makes are accepted: a message has one signature file and no other.
    """
    body = untrusted_signature.removeprefix(_BEGIN).removesuffix(_END).replace(b"\n", b"")
    try:
        raw = base64.b64decode(body, validate=True)[-_RAW:]
    except binascii.Error:
        return "the signature file is damaged"
    if untrusted_signature != _armoured(raw, key, namespace):
        return "the signature file is damaged, was made with another key, or was made for another use"
    try:
        key.verify(raw, _signed_data(message, namespace))
    except InvalidSignature:
        return "what was signed is not what is here"
    return ""


def public_line(key: Ed25519PublicKey, comment: str = PRINCIPAL) -> str:
    """Return the public key as OpenSSH writes it, without a newline."""
    return f"{_KEY_TYPE.decode()} {base64.b64encode(_key_blob(key)).decode()} {comment}".rstrip()


def allowed_signers_line(key: Ed25519PublicKey) -> str:
    """Return the line for the receiver's ``allowed_signers`` file: this key, for exports only."""
    return f'{PRINCIPAL} namespaces="{NAMESPACE}" {public_line(key, "")}'


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the SHA256 fingerprint as ``ssh-keygen -l`` shows it, to be compared aloud."""
    digest = hashlib.sha256(_key_blob(key)).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def read_public_line(untrusted_line: str) -> Ed25519PublicKey:
    """Read an OpenSSH public key line.

    Raises:
        SignerKeyError: it is no ssh-ed25519 public key.
    """
    found = _KEY_LINE.fullmatch(untrusted_line)
    if found is None:
        raise SignerKeyError(detail="it is not an ssh-ed25519 line")
    prefix = _string(_KEY_TYPE)
    try:
        blob = base64.b64decode(found[1], validate=True)
        key = Ed25519PublicKey.from_public_bytes(blob.removeprefix(prefix + struct.pack(">I", 32)))
    except ValueError as error:
        raise SignerKeyError(detail="the key in it is damaged") from error
    if _key_blob(key) != blob:
        raise SignerKeyError(detail="the key in it is damaged")
    return key


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


def _signed_data(message: bytes, namespace: str) -> bytes:
    digest = hashlib.sha512(message).digest()
    return b"SSHSIG" + _string(namespace.encode()) + _string(b"") + _string(b"sha512") + _string(digest)


def _key_blob(key: Ed25519PublicKey) -> bytes:
    return _string(_KEY_TYPE) + _string(key.public_bytes_raw())


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data

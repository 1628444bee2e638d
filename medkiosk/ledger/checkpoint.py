"""Checkpoints: signed tree heads in the format of C2SP tlog-checkpoint and signed-note. Pure.

A log signs its checkpoint twice: with Ed25519 over the text (signed-note), and with ML-DSA-44 as a
cosignature by itself (tlog-cosignature), as tlog-checkpoint says that logs should. Below may stand the
cosignatures of witnesses.
"""

from __future__ import annotations

import base64
import re
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from medkiosk.ledger.errors import CheckpointError
from medkiosk.ledger.merkle import HASH_SIZE
from medkiosk.ledger.note import (
    COSIGNATURE,
    ED25519,
    ML_DSA_44,
    LogKeys,
    Signature,
    VerifierKey,
    decode_base64,
    parse_signature,
)

MAX_BYTES = 1 << 20
MAX_SIGNATURES = 64
MAX_SIZE = (1 << 63) - 1
"""Largest tree that a head can be of."""

_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_TIMESTAMP = 8
_NOT_SIGNED = "it was not signed with the expected key"
_NOT_SIGNED_ML_DSA_44 = "it was not signed with the expected ML-DSA-44 key"


class Checkpoint(NamedTuple):
    """A tree head."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return what is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def line(self) -> str:
        """Return it as one line for paper, a telephone or a QR code: origin, size, root."""
        return " ".join(self.text().split("\n")).rstrip()


def signed_message(head: Checkpoint, key: VerifierKey, timestamp: int) -> bytes:
    """Return the bytes that a signature of this key is over (C2SP signed-note, tlog-cosignature).

    Args:
        head: what is signed.
        key: whose signature it is.
        timestamp: POSIX seconds; of cosignatures only.
    """
    if key.kind == ED25519:
        return head.text().encode()
    if key.kind == COSIGNATURE:
        return f"cosignature/v1\ntime {timestamp}\n{head.text()}".encode()
    name, origin = key.name.encode(), head.origin.encode()
    numbers = (0).to_bytes(8, "big") + head.size.to_bytes(8, "big")  # of the first leaf, and behind the last
    return b"".join(
        (
            b"subtree/v1\n\x00",
            bytes([len(name)]),
            name,
            timestamp.to_bytes(8, "big"),
            bytes([len(origin)]),
            origin,
            numbers,
            head.root,
        )
    )


def sign(head: Checkpoint, key: Ed25519PrivateKey, ml_dsa_44: MLDSA44PrivateKey) -> bytes:
    """Return the checkpoint with the log's two signatures; their keys' name is the origin.

    The second has no time in it (0): a log says that its heads agree, not when this was the newest; and its
    clock may be wrong.
    """
    lines = [cosign(head, head.origin, each, 0) for each in (key, ml_dsa_44)]
    return (head.text() + "\n" + "".join(f"{line}\n" for line in lines)).encode()


def cosign(
    head: Checkpoint, name: str, key: Ed25519PrivateKey | MLDSA44PrivateKey, timestamp: int
) -> Signature:
    """Return one signature line; an Ed25519 key whose name is not the origin's makes a cosignature."""
    if isinstance(key, MLDSA44PrivateKey):
        kind = ML_DSA_44
    else:
        kind = ED25519 if name == head.origin else COSIGNATURE
    verifier = VerifierKey(name, key.public_key().public_bytes_raw(), kind)
    signature = key.sign(signed_message(head, verifier, timestamp))
    if kind != ED25519:
        signature = timestamp.to_bytes(_TIMESTAMP, "big") + signature
    return Signature(name, verifier.key_id, signature)


def parse(untrusted: bytes) -> tuple[Checkpoint, list[Signature]]:
    """Take a checkpoint apart without verifying anything.

    Raises:
        CheckpointError: not in the format.
    """
    if len(untrusted) > MAX_BYTES:
        raise CheckpointError(detail="it is larger than a checkpoint can be")
    try:
        note = untrusted.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CheckpointError(detail="it is not text") from error
    if _CONTROL.search(note):
        raise CheckpointError(detail="it has control characters in it")
    text, separator, below = note.rpartition("\n\n")
    if not separator or not below.endswith("\n"):
        raise CheckpointError(detail="it has no signatures")
    lines = text.split("\n")
    if len(lines) < 3 or not all(lines) or _NUMBER.fullmatch(lines[1]) is None:
        raise CheckpointError(detail="it is not a tree head")
    if len(lines) > 3:
        raise CheckpointError(detail="it has extension lines, which this program does not know")
    root = decode_base64(lines[2])
    if len(root) != HASH_SIZE or int(lines[1]) > MAX_SIZE:
        raise CheckpointError(
            detail="its root has the wrong length, or its size is none that a tree can have"
        )
    signatures = [parse_signature(line) for line in below[:-1].split("\n")]
    if len(signatures) > MAX_SIGNATURES:
        raise CheckpointError(detail="it has too many signatures")
    return Checkpoint(lines[0], int(lines[1]), root), signatures


def verify(untrusted: bytes, keys: LogKeys) -> Checkpoint:
    """Return the tree head after verifying that the log signed it: with every key of it that is known.

    Raises:
        CheckpointError: it did not, or the checkpoint is not in the format.
    """
    head, signatures = parse(untrusted)
    if head.origin != keys.name:
        raise CheckpointError(detail=f"it is of the log {head.origin!r}, not {keys.name!r}")
    for key in filter(None, keys):
        if verify_signatures(head, signatures, key) is None:
            raise CheckpointError(detail=_NOT_SIGNED if key.kind == ED25519 else _NOT_SIGNED_ML_DSA_44)
    return head


def verify_signatures(head: Checkpoint, signatures: list[Signature], key: VerifierKey) -> int | None:
    """Return the time at which a key signed this head: the latest, 0 where none is given; None if it did not.

    Raises:
        CheckpointError: a line bears the key's name and id, and its signature is wrong.
    """
    times = []
    for raw in key.lines_of(signatures):
        timestamp = 0
        signature = raw
        if key.kind != ED25519:
            timestamp, signature = int.from_bytes(raw[:_TIMESTAMP], "big"), raw[_TIMESTAMP:]
        public = Ed25519PublicKey if key.kind in (ED25519, COSIGNATURE) else MLDSA44PublicKey
        try:
            if timestamp > MAX_SIZE:
                raise ValueError("no such time")
            public.from_public_bytes(key.public).verify(signature, signed_message(head, key, timestamp))
        except (InvalidSignature, ValueError) as error:
            raise CheckpointError(detail=f"the signature of {key.name} is wrong") from error
        times.append(timestamp)
    return max(times, default=None)

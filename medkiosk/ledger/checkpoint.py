"""Checkpoints: signed tree heads in the format of C2SP tlog-checkpoint and signed-note. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from medkiosk.ledger.errors import CheckpointError
from medkiosk.ledger.merkle import HASH_SIZE

MAX_BYTES = 1 << 20
MAX_SIGNATURES = 64

_ED25519 = b"\x01"
_KEY_ID = 4
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_NAME = re.compile(r"[^\s+\x00-\x1f]+")


class Signature(NamedTuple):
    """One line below the text. What the bytes mean depends on the key."""

    name: str
    key_id: bytes
    signature: bytes


class Checkpoint(NamedTuple):
    """A tree head."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return what is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


class VerifierKey(NamedTuple):
    """An Ed25519 key that signs checkpoints; its text form is ``name+KEYID+base64``."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that stand for the key in a signature line."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:_KEY_ID]

    def __str__(self) -> str:
        data = base64.b64encode(_ED25519 + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{data}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read the text form.

        Raises:
            CheckpointError: not an Ed25519 verifier key.
        """
        name, _, rest = text.strip().partition("+")
        key_id, _, data = rest.partition("+")
        raw = decode_base64(data)
        if raw[:1] != _ED25519 or len(raw) != 1 + 32 or _NAME.fullmatch(name) is None:
            raise CheckpointError(detail="the ledger key is not an Ed25519 verifier key")
        key = cls(name, raw[1:])
        if key.key_id.hex() != key_id:
            raise CheckpointError(detail="the ledger key's id does not belong to it; it was mistyped")
        return key


def sign(head: Checkpoint, key: Ed25519PrivateKey) -> bytes:
    """Return the checkpoint with one signature; the key's name is the origin."""
    verifier = VerifierKey(head.origin, key.public_key().public_bytes_raw())
    line = base64.b64encode(verifier.key_id + key.sign(head.text().encode())).decode()
    return f"{head.text()}\n\N{EM DASH} {head.origin} {line}\n".encode()


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
    if any(char < " " and char != "\n" for char in note):
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
    if len(root) != HASH_SIZE:
        raise CheckpointError(detail="its root has the wrong length")
    signatures = [_signature(line) for line in below[:-1].split("\n")]
    if len(signatures) > MAX_SIGNATURES:
        raise CheckpointError(detail="it has too many signatures")
    return Checkpoint(lines[0], int(lines[1]), root), signatures


def verify(untrusted: bytes, key: VerifierKey) -> Checkpoint:
    """Return the tree head after verifying that ``key`` signed it, for its own log.

    Raises:
        CheckpointError: it did not, or the checkpoint is not in the format.
    """
    head, signatures = parse(untrusted)
    if head.origin != key.name:
        raise CheckpointError(detail=f"it is of the log {head.origin!r}, not {key.name!r}")
    mine = [one for one in signatures if (one.name, one.key_id) == (key.name, key.key_id)]
    if not mine:
        raise CheckpointError(detail="it was not signed with the expected key")
    public = Ed25519PublicKey.from_public_bytes(key.public)
    for one in mine:
        try:
            public.verify(one.signature, head.text().encode())
        except InvalidSignature as error:
            raise CheckpointError(detail="its signature is wrong") from error
    return head


def _signature(line: str) -> Signature:
    dash, _, rest = line.partition(" ")
    name, _, data = rest.partition(" ")
    raw = decode_base64(data)
    if dash != "\N{EM DASH}" or _NAME.fullmatch(name) is None or len(raw) <= _KEY_ID:
        raise CheckpointError(detail="it has a line that is not a signature")
    return Signature(name, raw[:_KEY_ID], raw[_KEY_ID:])


def decode_base64(text: str) -> bytes:
    """Decode standard base64, one spelling a value.

    Raises:
        CheckpointError: it is not, or not canonical.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CheckpointError(detail="it has something in it that is not base64") from error
    # b64decode ignores stray bits at the end; one value must have one spelling.
    if base64.b64encode(raw).decode() != text:
        raise CheckpointError(detail="it has something in it that is not canonical base64")
    return raw

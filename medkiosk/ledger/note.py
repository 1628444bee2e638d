"""Signed notes and the keys that sign them (C2SP signed-note, tlog-cosignature). Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import NamedTuple

from medkiosk.ledger.errors import CheckpointError

ED25519 = 0x01
"""Signature type of a log's own Ed25519 line (C2SP signed-note)."""
COSIGNATURE = 0x04
"""Signature type of a timestamped Ed25519 cosignature (C2SP tlog-cosignature)."""
ML_DSA_44 = 0x06
"""Signature type of an ML-DSA-44 cosignature, a log's own line included (C2SP tlog-cosignature)."""

PUBLIC_SIZES = {ED25519: 32, COSIGNATURE: 32, ML_DSA_44: 1312}
"""Bytes of the public key by signature type."""

LONGEST_NAME = 255
"""Bytes of a key's name: an ML-DSA-44 cosignature has one byte for the length."""

_KEY_ID = 4
_NAME = re.compile(r"[^\s+\x00-\x1f]+")


class Signature(NamedTuple):
    """One line below the text. What the bytes mean depends on the key."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        data = base64.b64encode(self.key_id + self.signature).decode()
        return f"\N{EM DASH} {self.name} {data}"


class VerifierKey(NamedTuple):
    """A key that signs checkpoints; its text form is ``name+KEYID+base64(kind || public key)``."""

    name: str
    public: bytes
    kind: int = ED25519

    @property
    def key_id(self) -> bytes:
        """The four bytes that stand for the key in a signature line."""
        hashed = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(hashed).digest()[:_KEY_ID]

    def __str__(self) -> str:
        data = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{data}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read the text form.

        Raises:
            CheckpointError: not a verifier key, or of a type that this program does not know.
        """
        name, _, rest = text.strip().partition("+")
        key_id, _, data = rest.partition("+")
        raw = decode_base64(data)
        if PUBLIC_SIZES.get(raw[0] if raw else -1) != len(raw) - 1 or not is_name(name):
            raise CheckpointError(detail="this is not an Ed25519 or ML-DSA-44 verifier key")
        key = cls(name, raw[1:], raw[0])
        if key.key_id.hex() != key_id:
            raise CheckpointError(detail="the key's id does not belong to it; it was mistyped")
        return key

    def lines_of(self, signatures: list[Signature]) -> list[bytes]:
        """Return what this key is said to have signed with."""
        return [one.signature for one in signatures if (one.name, one.key_id) == (self.name, self.key_id)]


class LogKeys(NamedTuple):
    """What a verifier has of a log: the Ed25519 key, and the ML-DSA-44 key where it was given."""

    ed25519: VerifierKey
    ml_dsa_44: VerifierKey | None = None

    @property
    def name(self) -> str:
        """The log's name, which is its checkpoints' origin."""
        return self.ed25519.name

    def __str__(self) -> str:
        return "\n".join(map(str, filter(None, self)))

    @classmethod
    def parse(cls, text: str) -> LogKeys:
        """Read a ``vkey`` file: one verifier key a line, in any order; lines of other types are ignored.

        Raises:
            CheckpointError: no Ed25519 key, two of a type, or two of different logs.
        """
        found: dict[int, VerifierKey] = {}
        for line in filter(None, (line.strip() for line in text.splitlines())):
            if _is_other(line):
                continue
            key = VerifierKey.parse(line)
            if found.setdefault(key.kind, key) != key or key.name != next(iter(found.values())).name:
                raise CheckpointError(detail="the ledger key has several keys of a type, or of several logs")
        if ED25519 not in found:
            raise CheckpointError(detail="the ledger key is not an Ed25519 verifier key")
        return cls(found[ED25519], found.get(ML_DSA_44))


def is_name(name: str) -> bool:
    """Whether this can be the name of a key: no blanks, no plus sign, and nothing that a terminal acts on.

    Names of strangers' keys are shown. C2SP signed-note forbids blanks and plus signs; that nothing of
    Unicode's categories C and Z may be in one (`str.isprintable`) is our own rule.
    """
    return (
        _NAME.fullmatch(name) is not None
        and name.isprintable()
        and len(name.encode(errors="surrogatepass")) <= LONGEST_NAME
    )


def parse_signature(line: str) -> Signature:
    """Read one line below the text.

    Raises:
        CheckpointError: it is not a signature line.
    """
    dash, _, rest = line.partition(" ")
    name, _, data = rest.partition(" ")
    raw = decode_base64(data)
    if dash != "\N{EM DASH}" or not is_name(name) or len(raw) <= _KEY_ID:
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


def _is_other(line: str) -> bool:
    # What does not even look like a key is not passed over: a mistyped one must be heard of.
    try:
        raw = decode_base64(line.split("+", 2)[-1])  # base64 has a plus, too
    except CheckpointError:
        return False
    return bool(raw) and raw[0] not in (ED25519, ML_DSA_44)

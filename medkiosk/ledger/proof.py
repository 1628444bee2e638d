"""Proof files in the format of C2SP tlog-proof: one entry, its place, and the checkpoint. Pure."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from medkiosk.ledger import checkpoint, merkle
from medkiosk.ledger.checkpoint import Checkpoint
from medkiosk.ledger.errors import CheckpointError, ProofError
from medkiosk.ledger.note import LogKeys, decode_base64

MAGIC = "c2sp.org/tlog-proof@v1"
MAX_BYTES = 1 << 20
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)
_MAX_PATH = 64


@dataclass(frozen=True)
class Proof:
    """What a proof file says; nothing in it is to be trusted before `verify`.

    Attributes:
        index: the entry's place in the log, from 0.
        path: hashes from the leaf's sibling up.
        checkpoint: the signed tree head, as it stands in the file.
        extra: opaque data beside the proof; this project puts the entry there. None where there is none.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None


def write(proof: Proof) -> bytes:
    """Return the file."""
    lines = [MAGIC]
    if proof.extra is not None:
        lines.append(f"extra {base64.b64encode(proof.extra).decode()}")
    lines.append(f"index {proof.index}")
    lines += [base64.b64encode(hash_).decode() for hash_ in proof.path]
    return "\n".join([*lines, "", ""]).encode() + proof.checkpoint


def parse(untrusted: bytes) -> Proof:
    """Take a proof file apart without verifying anything.

    Raises:
        ProofError: not in the format.
    """
    if len(untrusted) > MAX_BYTES:
        raise ProofError(detail="it is larger than a proof can be")
    head, separator, signed = untrusted.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise ProofError(detail="it is not text") from error
    if not separator or lines.pop(0) != MAGIC:
        raise ProofError(detail="it is not a proof file")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = _base64(lines.pop(0).removeprefix("extra "))
    found = _INDEX.fullmatch(lines.pop(0)) if lines else None
    if found is None:
        raise ProofError(detail="it does not say which entry it is for")
    path = tuple(_base64(line) for line in lines)
    if len(path) > _MAX_PATH or any(len(hash_) != merkle.HASH_SIZE for hash_ in path):
        raise ProofError(detail="its path is not one of hashes")
    return Proof(int(found[1]), path, signed, extra)


def verify(untrusted: bytes, leaf: bytes, key: LogKeys) -> tuple[int, Checkpoint]:
    """Return where ``leaf`` stands in the log and the head that shows it, after verifying both.

    Raises:
        ProofError: the entry is not shown to be in the log.
        CheckpointError: the head is not signed by ``key``.
    """
    proof = parse(untrusted)
    head = checkpoint.verify(proof.checkpoint, key)
    merkle.verify_inclusion(merkle.leaf_hash(leaf), proof.index, head.size, proof.path, head.root)
    return proof.index, head


def _base64(text: str) -> bytes:
    try:
        return decode_base64(text)
    except CheckpointError as error:
        raise ProofError(detail="it has something in it that is not canonical base64") from error

"""A witness's own machine: a key, and the signature under a ledger that only grew (docs/ledger.md section 3).

For an auditor without a C2SP witness of their own. What was signed last is kept beside the key: it is what
makes a witness one.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from medkiosk import durable
from medkiosk.core.clock import Clock
from medkiosk.core.errors import KioskError
from medkiosk.core.ids import Random
from medkiosk.ledger import checkpoint, merkle
from medkiosk.ledger.checkpoint import MAX_BYTES, Checkpoint
from medkiosk.ledger.errors import CheckpointError, ProofError
from medkiosk.ledger.note import ML_DSA_44, LogKeys, VerifierKey, decode_base64, is_name

_SEED = 32
_LONGEST_PATH = 63


class WitnessKeyError(KioskError):
    """The witness's key {path} cannot be used: {detail}. Nothing was signed."""

    code = "witness.key"
    exit_code = 2


class WitnessRefusedError(KioskError):
    """NOT SIGNED: {detail}. Somebody may have changed what this ledger says: keep both files, and ask
    the hospital what became of its kiosk."""

    code = "witness.refused"
    exit_code = 3


def create(path: Path, name: str, random: Random) -> str:
    """Make a witness's ML-DSA-44 key; return its verifier key, which the kiosk's administrator enrols.

    The file holds the name and the seed, in two lines, mode 0600.

    Raises:
        WitnessKeyError: there is a file already, or the name cannot be a key's.
    """
    if not is_name(name):
        raise WitnessKeyError(
            path=path, detail="its name has spaces, plus signs or what cannot be shown, or is too long"
        )
    if path.exists():
        raise WitnessKeyError(path=path, detail="there is one already")
    durable.write_atomic(path, f"{name}\n{random(_SEED).hex()}\n".encode())
    return str(_load(path)[1])


def sign(key_path: Path, log: LogKeys, untrusted_request: bytes, clock: Clock) -> bytes:
    """Return the checkpoint with the witness's signature, after its ledger was found only to have grown.

    Args:
        key_path: from `create`; what was signed last is in the same place with ``.seen`` behind it.
        log: the ledger's keys, from elsewhere than the request.
        untrusted_request: what ``kioskctl ledger proof`` wrote (C2SP tlog-witness, add-checkpoint).
        clock: the time that is put into the signature.

    Raises:
        WitnessKeyError: no usable key.
        WitnessRefusedError: the ledger was rolled back or written anew since the last signature.
        ProofError: the request does not start from what was signed last; the message says from where.
        CheckpointError: the checkpoint is not in the format or not the log's.
    """
    private, key = _load(key_path)
    seen_path = key_path.with_name(f"{key_path.name}.seen")
    old, path, signed = _read(untrusted_request)
    head = checkpoint.verify(signed, log)
    if seen_path.exists():
        seen = checkpoint.verify(seen_path.read_bytes(), log)
        _compare(seen, head, old, path)
    line = checkpoint.cosign(head, key.name, private, int(clock().timestamp()))
    # First remembered: a signature that was given out and forgotten could be contradicted by the next.
    durable.write_atomic(seen_path, signed)
    return signed + f"{line}\n".encode()


def _compare(seen: Checkpoint, head: Checkpoint, old: int, path: list[bytes]) -> None:
    if head.size < seen.size:
        raise WitnessRefusedError(detail=f"{seen.size} entries were signed, and this ledger has {head.size}")
    if head.size == seen.size:
        if head != seen:
            raise WitnessRefusedError(detail=f"another ledger of {seen.size} entries was signed")
        return
    if seen.size == 0:
        return
    if old != seen.size:
        raise ProofError(detail=f"it starts from {old} entries; ask for one from {seen.size}")
    try:
        merkle.verify_consistency(seen.size, seen.root, head.size, head.root, path)
    except ProofError as error:
        raise WitnessRefusedError(
            detail=f"the {seen.size} entries that were signed are not shown to be in it"
        ) from error


def _load(path: Path) -> tuple[MLDSA44PrivateKey, VerifierKey]:
    try:
        name, seed = path.read_text("utf-8").split()
        private = MLDSA44PrivateKey.from_seed_bytes(bytes.fromhex(seed))
    except (OSError, ValueError) as error:
        raise WitnessKeyError(path=path, detail=type(error).__name__) from error
    return private, VerifierKey(name, private.public_key().public_bytes_raw(), ML_DSA_44)


def _read(untrusted: bytes) -> tuple[int, list[bytes], bytes]:
    if len(untrusted) > 2 * MAX_BYTES:
        raise ProofError(detail="it is larger than a request can be")
    head, separator, signed = untrusted.partition(b"\n\n")
    try:
        first, *lines = head.decode("ascii").split("\n")
        path = [decode_base64(line) for line in lines]
    except (UnicodeDecodeError, CheckpointError) as error:
        raise ProofError(detail="it is not what kioskctl ledger proof writes") from error
    number = first.removeprefix("old ")
    if not separator or number == first or not number.isdecimal() or len(path) > _LONGEST_PATH:
        raise ProofError(detail="it is not what kioskctl ledger proof writes")
    return int(number), path, signed

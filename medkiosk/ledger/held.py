"""What witnesses signed of this log, kept beside it (docs/ledger.md section 3).

A witness is somebody else who looks at heads of the log, checks that each extends the one before, and signs
that (C2SP tlog-cosignature). A checkpoint that comes back with such a signature is held for good: the kiosk
never signs a head that contradicts it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from medkiosk import durable
from medkiosk.durable import Disk
from medkiosk.ledger import checkpoint
from medkiosk.ledger.checkpoint import Checkpoint
from medkiosk.ledger.errors import CheckpointError, CosignatureError
from medkiosk.ledger.note import COSIGNATURE, ML_DSA_44, LogKeys, Signature, VerifierKey

WITNESSES = "witnesses"
COSIGNED = "cosigned"
CHECKED = 32
"""How many held checkpoints are checked when a log is opened for appending: the largest. The log extended
each when it was taken, so that the others follow from the largest. A verifier checks all."""
LATELY = 400
"""Held checkpoints in which the last word of each witness is looked for, the largest."""
MOST_WITNESSES = 32
"""Keys of witnesses; with the log's own two lines far below `checkpoint.MAX_SIGNATURES`."""


class Held(NamedTuple):
    """One checkpoint that witnesses signed."""

    head: Checkpoint
    signatures: list[Signature]

    def times(self, witnesses: Sequence[VerifierKey]) -> dict[VerifierKey, int]:
        """Return when each of these witnesses signed it, POSIX seconds.

        Raises:
            CheckpointError: a line bears a witness's name, and its signature is wrong.
        """
        found = {key: checkpoint.verify_signatures(self.head, self.signatures, key) for key in witnesses}
        return {key: time for key, time in found.items() if time is not None}


def read_witnesses(folder: Path) -> list[VerifierKey]:
    """Return the enrolled witnesses' keys, in the order of their enrolment.

    Raises:
        CheckpointError: the file has something else in it.
    """
    try:
        text = (folder / WITNESSES).read_text("utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(detail=f"the file {WITNESSES} cannot be read") from error
    return [VerifierKey.parse(line) for line in text.splitlines() if line]


def enrol(folder: Path, text: str, own: LogKeys, *, disk: Disk = durable) -> VerifierKey:
    """Add a witness's key; harmless when it is there.

    Raises:
        CosignatureError: it is not a key that cosigns, is one of the log's own, or there are too many.
    """
    key = check_witness(folder, text, own)
    known = read_witnesses(folder)
    if key not in known:
        lines = "".join(f"{each}\n" for each in [*known, key])
        disk.write_atomic(folder / WITNESSES, lines.encode())
    return key


def check_witness(folder: Path, text: str, own: LogKeys) -> VerifierKey:
    """Return the key if it can be enrolled.

    Raises:
        CosignatureError: as `enrol`.
    """
    try:
        key = VerifierKey.parse(text)
    except CheckpointError as error:
        raise CosignatureError(detail=str(error.values["detail"])) from error
    if key.kind not in (COSIGNATURE, ML_DSA_44):
        raise CosignatureError(detail="the key is one of a log (type 1), not of a witness (type 4 or 6)")
    if key.name == own.name:
        raise CosignatureError(detail="the key has this ledger's own name; a witness is somebody else")
    known = read_witnesses(folder)
    if key not in known and len(known) >= MOST_WITNESSES:
        raise CosignatureError(detail=f"there are {len(known)} witnesses, and no more are taken")
    return key


def read(folder: Path, own: LogKeys, newest: int = 0) -> Iterator[Held]:
    """Yield what is held, the largest head first. What our key did not sign is left out: it binds nobody.

    The signatures of witnesses were verified when it was taken, and are not verified again.

    Args:
        folder: the log's.
        own: the log's keys.
        newest: only so many of the largest heads; 0 for all.
    """
    for path in files(folder)[: newest or None]:
        if (found := _read(path, own)) is not None:
            yield found


def files(folder: Path) -> list[Path]:
    """Return the files of held checkpoints, the largest head first."""
    found = (path for path in (folder / COSIGNED).glob("*") if path.name.isascii() and path.name.isdecimal())
    return sorted(found, key=lambda path: int(path.name), reverse=True)


def last_seen(
    folder: Path, own: LogKeys, witnesses: Sequence[VerifierKey]
) -> dict[VerifierKey, tuple[int, int]]:
    """Return the size of the largest head that each witness signed lately, and when."""
    seen: dict[VerifierKey, tuple[int, int]] = {}
    for each in read(folder, own, LATELY):
        if len(seen) == len(witnesses):
            break
        for key, time in each.times([key for key in witnesses if key not in seen]).items():
            seen[key] = each.head.size, time
    return seen


def _read(path: Path, own: LogKeys) -> Held | None:
    try:
        signed = path.read_bytes()
        return Held(checkpoint.verify(signed, own), checkpoint.parse(signed)[1])
    except (OSError, CheckpointError):
        return None


def examine(untrusted: bytes, own: LogKeys, witnesses: Sequence[VerifierKey]) -> Held:
    """Return a checkpoint that comes from outside after verifying our signature and at least one witness's.

    Lines of keys that are not known are cut off.

    Raises:
        CosignatureError: it is not in the format, not ours, or not signed by a witness.
    """
    try:
        head = checkpoint.verify(untrusted, own)
        signatures = checkpoint.parse(untrusted)[1]
        signed = Held(head, signatures).times(witnesses)
    except CheckpointError as error:
        raise CosignatureError(detail=str(error.values["detail"])) from error
    if not signed:
        raise CosignatureError(detail="no witness that is enrolled here has signed it")
    keys = {(key.name, key.key_id) for key in (*filter(None, own), *signed)}
    return Held(head, [one for one in signatures if (one.name, one.key_id) in keys])


def of(folder: Path, head: Checkpoint, own: LogKeys) -> Held:
    """Return what is held of this very head; without signatures where nothing is."""
    found = _read(folder / COSIGNED / str(head.size), own)
    return found if found is not None and found.head == head else Held(head, [])


def hold(folder: Path, held: Held, own: LogKeys, *, disk: Disk = durable) -> None:
    """Keep a checkpoint that was examined; the lines of an earlier one of the same head stay."""
    earlier = of(folder, held.head, own).signatures
    # The newest signature of each key is enough: the same head, seen once more.
    lines = {(one.name, one.key_id): one for one in [*earlier, *held.signatures]}
    mine = [key for key in filter(None, own) if (key.name, key.key_id) in lines]
    ordered = [lines.pop((key.name, key.key_id)) for key in mine] + list(lines.values())
    text = held.head.text() + "\n" + "".join(f"{one}\n" for one in ordered)
    if not (folder / COSIGNED).exists():
        durable.make_dir(folder / COSIGNED)
    disk.write_atomic(folder / COSIGNED / str(held.head.size), text.encode())

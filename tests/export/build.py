"""Makes bundles for the tests: real pictures, a real key each, and a log that is small enough to read."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from medkiosk.core import canon
from medkiosk.core.consent import Purpose
from medkiosk.core.ids import ExportId
from medkiosk.export.bundle import Bundle, Picture
from medkiosk.export.manifest import commitment
from medkiosk.export.sshsig import public_line

MRN, NAME, FILE = "MRN-4711-0815", "Ada Example", "IMG_0042"
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNER_LINE = public_line(SIGNER.public_key())
IDENTITY = pyrage.x25519.Identity.generate()


def jpeg(seed: int) -> bytes:
    """A small photograph that says inside whose it is, as one does that was not redacted well."""
    noise = random.Random(seed).randbytes(64 * 48 * 3)
    out = io.BytesIO()
    Image.frombytes("RGB", (64, 48), noise).save(out, "JPEG", comment=f"{NAME} {MRN} {FILE}".encode())
    return out.getvalue()


@dataclass
class Log:
    """A log whose head is the hash of all entries' hashes, and whose proof is the list of them.

    The ledger is another stage; what this stage must do with it does not depend on the shape of its tree.
    """

    entries: list[bytes] = field(default_factory=list)

    def append(self, entry: bytes) -> int:
        self.entries.append(hashlib.sha256(b"\x00" + entry).digest())
        return len(self.entries) - 1

    def proof(self) -> bytes:
        return b"".join(self.entries)

    def checkpoint(self) -> bytes:
        return hashlib.sha256(self.proof()).hexdigest().encode()

    @staticmethod
    def verify(proof: bytes, leaf: bytes, index: int, checkpoint: bytes) -> str:
        if hashlib.sha256(proof).hexdigest().encode() != checkpoint:
            return "the proof is for another checkpoint"
        if proof[32 * index : 32 * index + 32] != hashlib.sha256(b"\x00" + leaf).digest():
            return "the entry is not at its place in the log"
        return ""


def leaf(picture: bytes, key: bytes) -> bytes:
    """The entry of a redacted picture, as in docs/format.md section 8."""
    derivative = {
        "id": "d" * 32,
        "kind": "derivative",
        "size": len(picture),
        "sha256": "5" * 64,
        "commitment": commitment(key, hashlib.sha256(picture).hexdigest()),
        "envelope": "e" * 64,
    }
    preview = {**derivative, "id": "9" * 32, "kind": "preview", "size": 99, "commitment": "c" * 64}
    return canon.encode(
        {
            "v": 1,
            "type": "redacted",
            "at": "2026-05-01T09:00:00.000Z",
            "actor": "kiosk",
            "record": None,
            "objects": [derivative, preview],
            "note": "",
        }
    )


def pictures(count: int) -> tuple[list[Picture], bytes]:
    """So many pictures with their proofs, and the checkpoint."""
    log = Log()
    log.append(b"something else happened")
    made = []
    for seed in range(count):
        data, key = jpeg(seed), hashlib.sha256(bytes([seed])).digest()
        entry = leaf(data, key)
        made.append((data, key, log.append(entry), entry))
    return [
        Picture(
            jpeg=data,
            width=64,
            height=48,
            policy="2026-1",
            commitment_key=key,
            leaf_index=index,
            leaf=entry,
            proof=log.proof(),
        )
        for data, key, index, entry in made
    ], log.checkpoint()


def bundle(count: int = 3, seed: int = 0) -> Bundle:
    """A bundle of so many pictures for `IDENTITY`, signed by `SIGNER`."""
    ready, checkpoint = pictures(count)
    source = random.Random(seed)
    return Bundle(
        export_id=ExportId(source.randbytes(16).hex()),
        created=date(2026, 5, 1),
        purpose=Purpose.TEACHING_RESEARCH,
        recipient=str(IDENTITY.to_public()),
        pictures=ready,
        checkpoint=checkpoint,
        signer=SIGNER,
        random=source.randbytes,
    )


def files_in(folder: Path) -> Iterator[Path]:
    """Every file in a bundle."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())

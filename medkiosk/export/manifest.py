"""What a bundle says about itself: ``manifest.json`` as in docs/export-format.md. Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator
from datetime import date
from typing import Literal

import msgspec

from medkiosk.core import canon
from medkiosk.core.consent import Purpose
from medkiosk.core.ids import ExportId, is_id

MANIFEST, SIGNATURE = "manifest.json", "manifest.json.sig"
INSTRUCTIONS, CHECKPOINT = "VERIFY.txt", "checkpoint"
MOST_IMAGES = 10_000
LONGEST = 16 << 20
"""Bytes of a manifest."""
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of the bundle: its path, SHA-256 (hex) and size (bytes)."""

    file: str
    sha256: str
    size: int


class Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What comes out when an image is decrypted."""

    sha256: str
    size: int


class Image(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One picture. ``id`` is fresh for each export and means nothing inside the kiosk."""

    id: str
    statement: str
    width: int
    height: int
    jpeg: Content
    commitment_key: str
    ciphertext: Part
    leaf_index: int
    leaf: Part
    proof: Part


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole bundle; see docs/export-format.md section 2 for each member."""

    version: Literal["medkiosk-export/1"]
    export_id: ExportId
    created: str
    purpose: Purpose
    recipient: str
    images: tuple[Image, ...]
    checkpoint: Part
    instructions: Part

    def parts(self) -> Iterator[Part]:
        """Every file of the bundle but the manifest and its signature."""
        yield self.checkpoint
        yield self.instructions
        for image in self.images:
            yield from (image.ciphertext, image.leaf, image.proof)


class _LeafObject(msgspec.Struct, frozen=True):
    kind: str
    size: int
    commitment: str


class _Leaf(msgspec.Struct, frozen=True):
    """The members of a ledger entry (docs/format.md section 8) that matter here."""

    objects: tuple[_LeafObject, ...]


def part(file: str, data: bytes) -> Part:
    """Describe a file by its content."""
    return Part(file, hashlib.sha256(data).hexdigest(), len(data))


def names(image_id: str) -> tuple[str, str, str]:
    """Return the paths of an image's ciphertext, leaf and proof."""
    return f"images/{image_id}.jpg.age", f"proofs/{image_id}.leaf", f"proofs/{image_id}.tlog-proof"


def statement(policy: str) -> str:
    """Return the only words that we say about a picture's redaction."""
    return f"redacted under policy {policy}"


def recipient_fingerprint(age_recipient: str) -> str:
    """Return what stands for the recipient: it can be checked by them, and names nobody."""
    return hashlib.sha256(age_recipient.encode()).hexdigest()


def commitment(key: bytes, jpeg_sha256: str) -> str:
    """Return, in hex, what the entry of a picture with this SHA-256 holds (docs/format.md section 3)."""
    return hmac.new(key, bytes.fromhex(jpeg_sha256), hashlib.sha256).hexdigest()


def expected(image: Image) -> str:
    """Return the commitment that follows from what the manifest says about an image, hex."""
    return commitment(bytes.fromhex(image.commitment_key), image.jpeg.sha256)


def why_not_in_leaf(untrusted_leaf: bytes, jpeg_size: int, expected_commitment: str = "") -> str:
    """Return why a ledger entry is not about a picture; empty if it is.

    Args:
        untrusted_leaf: the entry.
        jpeg_size: bytes of the picture.
        expected_commitment: from `commitment`; empty where the picture cannot be opened.
    """
    try:
        leaf = msgspec.json.decode(untrusted_leaf, type=_Leaf)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "its ledger entry cannot be read"
    derivatives = [item for item in leaf.objects if item.kind == "derivative"]
    if len(derivatives) != 1:
        return "its ledger entry is not that of a redacted picture"
    if derivatives[0].size != jpeg_size:
        return "its ledger entry is of a picture of another size"
    if expected_commitment and derivatives[0].commitment != expected_commitment:
        return "its ledger entry is of another picture"
    return ""


def read(untrusted: bytes) -> Manifest:
    """Read a manifest and check all that can be checked without the other files.

    Raises:
        ValueError: it is not a manifest of this version in its one form; the words say why.
    """
    if len(untrusted) > LONGEST:
        raise ValueError("it is too long")
    manifest = canon.decode(untrusted, Manifest)
    if not 1 <= len(manifest.images) <= MOST_IMAGES:
        raise ValueError(f"it lists {len(manifest.images)} images")
    ids = [image.id for image in manifest.images]
    if ids != sorted(set(ids)):
        raise ValueError("its images are not in order")
    hashes = [manifest.recipient, *(item.sha256 for item in manifest.parts())]
    sizes = [item.size for item in manifest.parts()]
    for image in manifest.images:
        if (image.ciphertext.file, image.leaf.file, image.proof.file) != names(image.id):
            raise ValueError("a file has another name than its image")
        hashes += [image.jpeg.sha256, image.commitment_key]
        sizes += [image.jpeg.size, image.leaf_index, image.width - 1, image.height - 1]
    if (manifest.checkpoint.file, manifest.instructions.file) != (CHECKPOINT, INSTRUCTIONS):
        raise ValueError("a file has another name than it must have")
    if not all(map(is_id, [manifest.export_id, *ids])) or not all(map(_SHA256.fullmatch, hashes)):
        raise ValueError("an id or a hash is not one")
    if min(sizes) < 0:
        raise ValueError("a size is not one")
    if date.fromisoformat(manifest.created).isoformat() != manifest.created:
        raise ValueError("its date is not in its one form")
    return manifest

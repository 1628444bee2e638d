"""What only the receiver may know: ``record.json`` and its ZIP (docs/export-format.md section 5). Pure."""

from __future__ import annotations

import hashlib
import hmac
import io
import re
import zipfile
from collections.abc import Mapping
from datetime import date
from typing import Literal

import msgspec

from medkiosk.core import canon
from medkiosk.core.consent import Purpose
from medkiosk.core.datause import DataUse
from medkiosk.core.ids import ExportId, is_id
from medkiosk.export.padding import padded_size

VERSION: Literal["medkiosk-record/1"] = "medkiosk-record/1"
RECORD, PADDING = "record.json", "padding"
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MEMBER = re.compile(
    r"(leaves/[0-9a-f]{32}\.leaf|proofs/[0-9a-f]{32}\.tlog-proof|consent/[0-9a-f]{32}-r[45]\.json"
    r"|thumbnails/[0-9a-f]{32}\.jpg)",
    re.ASCII,
)
_MOST_BYTES = (1 << 31) - 1
"""Of the ZIP: beyond 4 GiB it would be another format."""


class Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What comes out when something is decrypted: SHA-256 (hex) and size (bytes)."""

    sha256: str
    size: int


class Image(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One picture; docs/export-format.md section 5 says what each member is."""

    id: str
    subject: str
    statement: str
    width: int
    height: int
    jpeg: Content
    dicom: Content | None
    date: str
    commitment_key: str
    leaf_index: int


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``record.json``. ``acknowledge`` is a secret of the receiver's."""

    version: Literal["medkiosk-record/1"]
    export_id: ExportId
    recipient: str
    purpose: Purpose
    data_use: DataUse
    acknowledge: str
    images: tuple[Image, ...]


class _LeafObject(msgspec.Struct, frozen=True):
    kind: str
    size: int
    commitment: str


class _Leaf(msgspec.Struct, frozen=True):
    """The members of a ledger entry (docs/format.md section 8) that matter here."""

    objects: tuple[_LeafObject, ...]


def content(data: bytes) -> Content:
    """Describe what is about to be encrypted."""
    return Content(hashlib.sha256(data).hexdigest(), len(data))


def statement(policy: str) -> str:
    """Return the only words that we say about a picture's redaction."""
    return f"redacted under policy {policy}"


def recipient_fingerprint(age_recipient: str) -> str:
    """Return what stands for the recipient, and names nobody; empty for a passphrase."""
    return hashlib.sha256(age_recipient.encode()).hexdigest() if age_recipient else ""


def commitment(key: bytes, jpeg_sha256: str) -> str:
    """Return, in hex, what the entry of a picture with this SHA-256 holds (docs/format.md section 3)."""
    return hmac.new(key, bytes.fromhex(jpeg_sha256), hashlib.sha256).hexdigest()


def why_not_in_leaf(untrusted_leaf: bytes, jpeg_size: int, expected_commitment: str) -> str:
    """Return why a ledger entry is not about a picture; empty if it is.

    Args:
        untrusted_leaf: the entry.
        jpeg_size: bytes of the picture.
        expected_commitment: from `commitment`.
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
    if derivatives[0].commitment != expected_commitment:
        return "its ledger entry is of another picture"
    return ""


def check(record: Record) -> None:
    """Check all that can be checked without the other files.

    Raises:
        ValueError: it breaks a rule of the format; the words say which.
    """
    ids = [image.id for image in record.images]
    if not ids or ids != sorted(set(ids)):
        raise ValueError("its images are not in order")
    contents = [c for image in record.images for c in (image.jpeg, image.dicom) if c is not None]
    hashes = [record.acknowledge, *(c.sha256 for c in contents), *(i.commitment_key for i in record.images)]
    if record.recipient:
        hashes.append(record.recipient)
    subjects = [image.subject for image in record.images]
    if not all(map(is_id, [record.export_id, *ids, *subjects])) or not all(map(_SHA256.fullmatch, hashes)):
        raise ValueError("an id or a hash is not one")
    numbers = [n for i in record.images for n in (i.leaf_index, i.width - 1, i.height - 1)]
    if min([*numbers, *(c.size for c in contents)]) < 0:
        raise ValueError("a size is not one")
    codes = list(record.data_use.codes)
    if codes != sorted(set(codes)):
        raise ValueError("its codes of data use are not in order")
    for day in (record.data_use.until, *(image.date for image in record.images)):
        if day and date.fromisoformat(day).isoformat() != day:
            raise ValueError("a date is not in its one form")


def read(untrusted: bytes) -> Record:
    """Read ``record.json``.

    Raises:
        ValueError: it is not a record of this version in its one form; the words say why.
    """
    record = canon.decode(untrusted, Record)
    check(record)
    return record


def write_record(record: Record, members: Mapping[str, bytes]) -> bytes:
    """Return the ZIP: the record, the members in their one order, and padding to a Padmé length.

    Args:
        record: for ``record.json``.
        members: content by name; `leaves/`, `proofs/`, `consent/` and `thumbnails/` only.

    Raises:
        ValueError: a member has a name that the format does not know, or all are too much.
    """
    check(record)
    for name in members:
        if _MEMBER.fullmatch(name) is None:
            raise ValueError(f"a record has no member {name!r}")
    files = [(RECORD, canon.encode(record))]
    ids = [image.id for image in record.images]
    for image_id in ids:
        names = (f"leaves/{image_id}.leaf", f"proofs/{image_id}.tlog-proof")
        files += [(name, members[name]) for name in names]
    later = sorted(name for name in members if not name.startswith(("leaves/", "proofs/")))
    files += [(name, members[name]) for name in later]
    if len(files) != len(members) + 1:
        raise ValueError("an entry or a proof is of no image of this record")
    size = sum(len(data) for _, data in files)
    if size > _MOST_BYTES:
        raise ValueError("it would be too large for a ZIP")
    bare = _zip([*files, (PADDING, b"")])
    missing = padded_size(len(bare)) - len(bare)
    return _zip([*files, (PADDING, bytes(missing))])


def _zip(files: list[tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
        for name, data in files:
            archive.writestr(zipfile.ZipInfo(name), data)  # without a time: 1980-01-01
    return out.getvalue()

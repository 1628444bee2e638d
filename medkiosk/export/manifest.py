"""What a bundle says to everybody: ``manifest.json`` as in docs/export-format.md section 2. Pure."""

from __future__ import annotations

import hashlib
import re
from datetime import date
from typing import Literal

import msgspec

from medkiosk.core import canon
from medkiosk.core.ids import ExportId, is_id
from medkiosk.export.viewer import chunks

VERSION: Literal["medkiosk-export/2"] = "medkiosk-export/2"
MANIFEST, SIGNATURE = "manifest.json", "manifest.json.sig"
CHECKPOINT, README, INSTRUCTIONS = "checkpoint", "README.html", "VERIFY.txt"
RECORD, IDENTITY, PAGE = "record.zip.age", "identity.age", "index.html"
RECALL = ("RECALL.txt", "recall.json", "recall.json.sig")
IMAGES, DICOM, VIEW = "images", "dicom", chunks.FOLDER
MOST_IMAGES = 10_000
LONGEST = 16 << 20
"""Bytes of a manifest."""

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NEEDED = frozenset({CHECKPOINT, README, INSTRUCTIONS, RECORD})
_VIEW_NEEDED = ("checkpoint", "record")
_IN_FOLDER = re.compile(
    r"images/(?P<image>[0-9a-f]{32})\.jpg\.age|dicom/(?P<dicom>[0-9a-f]{32})\.dcm\.age"
    r"|view/(?P<view>[0-9a-f]{32}|checkpoint|identity|record|recall)\.css",
    re.ASCII,
)


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of the bundle: its path, SHA-256 (hex) and size (bytes)."""

    file: str
    sha256: str
    size: int


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole bundle; see docs/export-format.md section 2 for each member."""

    version: Literal["medkiosk-export/2"]
    export_id: ExportId
    created: str
    files: tuple[Part, ...]


def part(file: str, data: bytes) -> Part:
    """Describe a file by its content."""
    return Part(file, hashlib.sha256(data).hexdigest(), len(data))


def image(image_id: str) -> str:
    """Return the path of a picture's ciphertext."""
    return f"{IMAGES}/{image_id}.jpg.age"


def dicom(image_id: str) -> str:
    """Return the path of a DICOM object's ciphertext."""
    return f"{DICOM}/{image_id}.dcm.age"


def view(name: str) -> str:
    """Return the path of one file as the page loads it (section 6)."""
    return f"{VIEW}/{name}.css"


def read(untrusted: bytes) -> Manifest:
    """Read a manifest and check all that can be checked without the other files.

    Raises:
        ValueError: it is not a manifest of this version in its one form; the words say why.
    """
    if len(untrusted) > LONGEST:
        raise ValueError("it is too long")
    manifest = canon.decode(untrusted, Manifest)
    if not is_id(manifest.export_id):
        raise ValueError("the id of the export is not one")
    if date.fromisoformat(manifest.created).isoformat() != manifest.created:
        raise ValueError("its date is not in its one form")
    names = [part.file for part in manifest.files]
    if names != sorted(set(names)):
        raise ValueError("its files are not in order")
    for listed in manifest.files:
        if _SHA256.fullmatch(listed.sha256) is None or listed.size < 0:
            raise ValueError("a hash or a size is not one")
    _check_names(set(names))
    return manifest


def _check_names(names: set[str]) -> None:
    found: dict[str, set[str]] = {"image": set(), "dicom": set(), "view": set()}
    for name in names - _NEEDED - {IDENTITY, PAGE, *RECALL}:
        match = _IN_FOLDER.fullmatch(name)
        if match is None or match.lastgroup is None:
            raise ValueError(f"it lists what no bundle has: {name[:60]!a}")
        found[match.lastgroup].add(match[match.lastgroup])
    if missing := sorted(_NEEDED - names):
        raise ValueError(f"it does not list {missing[0]}")
    if not 1 <= len(found["image"]) <= MOST_IMAGES:
        raise ValueError(f"it lists {len(found['image'])} images")
    if found["dicom"] and found["dicom"] != found["image"]:
        raise ValueError("its DICOM objects are not those of its images")
    if names & set(RECALL) and not names >= set(RECALL):
        raise ValueError("its recall notice is not complete")
    page = {*_VIEW_NEEDED, *found["image"]}
    page |= {shown for shown, of in (("identity", IDENTITY), ("recall", RECALL[1])) if of in names}
    if found["view"] != (page if PAGE in names else set()):
        raise ValueError("its viewer does not show what is in it")

"""The manifest of an update: what is in it, where it may go (docs/update-format.md section 3). Pure."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple

import msgspec

from medkiosk.core import canon
from medkiosk.update.errors import OddUpdateError

FORMAT = "medkiosk-update/1"
PRODUCT = "medkiosk"
MAX_MANIFEST = 16 << 10
MAX_SIGNATURE = 1 << 10
_SECTOR = 512

_VERSION = re.compile(r"(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})", re.ASCII)
_FOLDER = re.compile(rb"medkiosk-update-([0-9.]{5,20})")


class Version(NamedTuple):
    """Three numbers; ordered as numbers."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


class PartName(StrEnum):
    """The three parts; the value is the part's name in the manifest."""

    ROOT = "root"
    VERITY = "root-verity"
    UKI = "uki"


FILES: dict[PartName, str] = {
    PartName.ROOT: "root.raw",
    PartName.VERITY: "root-verity.raw",
    PartName.UKI: "uki.efi",
}
"""How each part's file is called on the stick; no name from a manifest is ever opened. In the order of
reading.
"""
MOST: dict[PartName, int] = {PartName.ROOT: 4 << 30, PartName.VERITY: 1 << 30, PartName.UKI: 256 << 20}
"""Largest size of each part, bytes."""

_Hex64 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
_Uuid = Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{32})?$")]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One part.

    Attributes:
        name: which.
        sha256: of the file, hexadecimal.
        size: bytes.
        uuid: of the partition it becomes, 32 hexadecimal digits, by which the kernel command line inside the
            UKI finds it; empty for the UKI.
    """

    name: PartName
    sha256: _Hex64
    size: Annotated[int, msgspec.Meta(ge=1, le=4 << 30)]
    uuid: _Uuid


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an update says of itself; `decode` reads and checks it.

    Attributes:
        format, product, architecture: what it is for.
        version: three numbers.
        minimum: the oldest version over which it may be installed.
        store_oldest, store_newest: the formats of the store that it can read (docs/format.md).
        commit: of the source, 40 hexadecimal digits; `-dirty` after it where the source had changes of its
            own.
        created: RFC 3339 in UTC with milliseconds; shown to people, decides nothing.
        parts: root, root-verity, uki.
    """

    format: Literal["medkiosk-update/1"]
    product: Annotated[str, msgspec.Meta(max_length=32)]
    architecture: Annotated[str, msgspec.Meta(max_length=32)]
    version: str
    minimum: str
    store_oldest: Annotated[int, msgspec.Meta(ge=0)]
    store_newest: Annotated[int, msgspec.Meta(ge=0)]
    commit: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{40}(-dirty)?$")]
    created: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z$")]
    parts: Annotated[tuple[Part, ...], msgspec.Meta(min_length=3, max_length=3)]

    @property
    def size(self) -> int:
        """Bytes of all parts together."""
        return sum(part.size for part in self.parts)


def parse_version(text: str) -> Version:
    """Read a version.

    Raises:
        ValueError: not three numbers without needless zeros, joined by dots.
    """
    match = _VERSION.fullmatch(text)
    if match is None:
        raise ValueError("not a version")
    return Version(*map(int, match.groups()))


def version_of_folder(untrusted_name: bytes) -> Version | None:
    """Return the version that a folder's name on a stick says; None where it is not the name of an update."""
    match = _FOLDER.fullmatch(untrusted_name)
    if match is None:
        return None
    try:
        return parse_version(match[1].decode("ascii"))
    except ValueError:
        return None


def folder_name(version: Version) -> str:
    """Return how the folder of an update is called."""
    return f"medkiosk-update-{version}"


def decode(untrusted: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        OddUpdateError: it is too long, not canonical, or says something that cannot be.
    """
    try:
        if len(untrusted) > MAX_MANIFEST:
            raise ValueError("too long")
        manifest = canon.decode(untrusted, Manifest)
        if parse_version(manifest.minimum) > parse_version(manifest.version):
            raise ValueError("it may be installed over later versions only")
    except (ValueError, RecursionError) as error:
        raise OddUpdateError from error
    if manifest.store_oldest > manifest.store_newest or tuple(part.name for part in manifest.parts) != tuple(
        PartName
    ):
        raise OddUpdateError
    for part in manifest.parts:
        is_partition = part.name is not PartName.UKI
        if (
            part.size > MOST[part.name]
            or bool(part.uuid) != is_partition
            or (is_partition and part.size % _SECTOR)
        ):
            raise OddUpdateError
    if manifest.parts[0].uuid == manifest.parts[1].uuid:
        raise OddUpdateError
    return manifest

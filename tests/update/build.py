"""Updates made for the tests: small parts, real signatures."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from medkiosk.core import canon
from medkiosk.sshsig import UPDATE_NAMESPACE, public_line, sign
from medkiosk.update.check import Here
from medkiosk.update.manifest import FILES, PartName, parse_version
from medkiosk.vault.schema import USER_VERSION

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
SIGNERS = f'release@medkiosk namespaces="{UPDATE_NAMESPACE}" {public_line(KEY.public_key(), "")}\n'
UUIDS = {PartName.ROOT: "1" * 32, PartName.VERITY: "2" * 32, PartName.UKI: ""}


def here(version: str = "0.0.1") -> Here:
    return Here(parse_version(version), "x86-64", (KEY.public_key(),))


@functools.cache
def part_bytes(name: PartName, version: str, size: int) -> bytes:
    seed = hashlib.shake_256(f"{name} {version}".encode())
    return seed.digest(size)


@dataclass
class Update:
    """One update; every member can be changed before `write`.

    Attributes:
        said: what the manifest says, as plain data.
        key: who signs it.
    """

    version: str = "0.0.2"
    sizes: tuple[int, int, int] = (3 << 20, 64 << 10, 300_001)
    key: Ed25519PrivateKey = KEY
    namespace: str = UPDATE_NAMESPACE
    parts: dict[PartName, bytes] = field(default_factory=dict)
    said: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, size in zip(PartName, self.sizes, strict=True):
            self.parts[name] = part_bytes(name, self.version, size)
        self.said = {
            "format": "medkiosk-update/1",
            "product": "medkiosk",
            "architecture": "x86-64",
            "version": self.version,
            "minimum": "0.0.0",
            "store_oldest": USER_VERSION,
            "store_newest": USER_VERSION,
            "commit": "c" * 40,
            "created": "2026-11-23T00:00:00.000Z",
            "parts": [
                {
                    "name": str(name),
                    "sha256": hashlib.sha256(data).hexdigest(),
                    "size": len(data),
                    "uuid": UUIDS[name],
                }
                for name, data in self.parts.items()
            ],
        }

    @property
    def manifest(self) -> bytes:
        return canon.encode(self.said)

    @property
    def signature(self) -> bytes:
        return sign(self.manifest, self.key, self.namespace)

    @property
    def all_bytes(self) -> bytes:
        return b"".join(self.parts.values())

    def write(self, stick: Path) -> Path:
        folder = stick / f"medkiosk-update-{self.version}"
        folder.mkdir(parents=True)
        (folder / "update.json").write_bytes(self.manifest)
        (folder / "update.json.sig").write_bytes(self.signature)
        for name, data in self.parts.items():
            (folder / FILES[name]).write_bytes(data)
        return folder

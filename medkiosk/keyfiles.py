"""The kiosk's own secrets: not the vault's keys, which only a person or the recovery words can open.

Each is 32 random bytes in a file of mode 0600. In production they come from systemd credentials (encrypted
to the host or its TPM); in development from the configured directory. They let the daemon work unattended:
sign ledger heads and manifests, recognise files it has seen. None of them opens a photo.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from medkiosk import durable
from medkiosk.core.errors import KioskError
from medkiosk.core.ids import Random

_NAMES = ("index", "ledger", "export")
_SIZE = 32


class KeyFilesError(KioskError):
    """The kiosk's own keys in {path} cannot be used: {detail}. Nothing was changed, and what is sealed is
    safe: the repair of the set-up takes them out of the store again, with two recovery sheets."""

    code = "keys.unusable"
    exit_code = 2


@dataclass(frozen=True)
class KeyFiles:
    """32 bytes each.

    Attributes:
        index: keys the tags under which files and user names are recognised.
        ledger: Ed25519 seed that signs checkpoints.
        export: Ed25519 seed that signs manifests.
        source: where they came from, in words.
    """

    index: bytes = field(repr=False)
    ledger: bytes = field(repr=False)
    export: bytes = field(repr=False)
    source: str

    @property
    def escrow(self) -> dict[str, bytes]:
        """What the store keeps a sealed copy of, for the recovery sheets."""
        return {"index": self.index, "ledger": self.ledger, "export": self.export}

    @property
    def export_key(self) -> Ed25519PrivateKey:
        """The key that signs manifests."""
        return Ed25519PrivateKey.from_private_bytes(self.export)


def _directory(configured: Path) -> tuple[Path, str]:
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and all((Path(credentials) / f"{name}.key").exists() for name in _NAMES):
        return Path(credentials), "systemd credentials"
    return configured, "files of mode 0600 (no TPM, no systemd credentials)"


def load(configured: Path) -> KeyFiles:
    """Read the keys.

    Raises:
        KeyFilesError: one is missing, has the wrong size, or others may read it.
    """
    directory, source = _directory(configured)
    keys = []
    for name in _NAMES:
        path = directory / f"{name}.key"
        try:
            mode = path.stat().st_mode
            key = path.read_bytes()
        except OSError as error:
            raise KeyFilesError(path=directory, detail=f"{path.name}: {error.strerror}") from error
        if directory == configured and stat.S_IMODE(mode) & 0o077:
            raise KeyFilesError(path=directory, detail=f"{path.name} can be read by other users")
        if len(key) != _SIZE:
            raise KeyFilesError(path=directory, detail=f"{path.name} has {len(key)} bytes, not {_SIZE}")
        keys.append(key)
    return KeyFiles(keys[0], keys[1], keys[2], source)


def put_back(configured: Path, secrets: Mapping[str, bytes]) -> KeyFiles:
    """Write the keys that came out of a store's escrow; those that are there must be the same.

    Cut short, it is done again.

    Raises:
        KeyFilesError: there are keys of another kiosk; nothing was changed.
        OSError: a key could not be written.
    """
    directory, _ = _directory(configured)
    missing = []
    for name in _NAMES:
        path = directory / f"{name}.key"
        if not path.exists():
            missing.append(path)
        elif path.read_bytes() != secrets[name]:
            raise KeyFilesError(path=directory, detail=f"{path.name} belongs to another kiosk")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in missing:
        durable.write_atomic(path, secrets[path.stem])
    return load(configured)


def create(configured: Path, random: Random) -> KeyFiles:
    """Make fresh keys; refuses to replace any.

    Raises:
        KeyFilesError: the directory already has keys, or cannot be made.
        OSError: a key could not be written; those before it are there.
    """
    paths = [configured / f"{name}.key" for name in _NAMES]
    try:
        configured.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise KeyFilesError(path=configured, detail=str(error.strerror)) from error
    for path in paths:
        if path.exists():
            raise KeyFilesError(path=configured, detail=f"{path.name} exists already")
    for path in paths:
        durable.write_atomic(path, random(_SIZE))
    return load(configured)

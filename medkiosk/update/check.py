"""Whether an update may be installed here. Pure: bytes and versions in, a manifest or a refusal out.

Order matters: nothing of the manifest is read before the signature over its bytes holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from medkiosk import sshsig
from medkiosk.update import manifest as form
from medkiosk.update.errors import (
    ForeignUpdateError,
    OddUpdateError,
    OlderUpdateError,
    OtherMachineError,
    SameUpdateError,
    StoreFormatError,
    TooFarError,
)
from medkiosk.update.manifest import Manifest, Version, parse_version


@dataclass(frozen=True)
class Here:
    """What is here.

    Attributes:
        version: that runs.
        architecture: of the machine, as systemd calls it.
        keys: whose updates are taken.
    """

    version: Version
    architecture: str
    keys: Sequence[Ed25519PublicKey]


def check(untrusted_manifest: bytes, untrusted_signature: bytes, here: Here) -> Manifest:
    """Return the manifest of an update that may be installed.

    Raises:
        UpdateError: it may not, and why.
    """
    if max(len(untrusted_manifest) - form.MAX_MANIFEST, len(untrusted_signature) - form.MAX_SIGNATURE) > 0:
        raise OddUpdateError
    if sshsig.verify(untrusted_manifest, untrusted_signature, here.keys, sshsig.UPDATE_NAMESPACE) is None:
        raise ForeignUpdateError
    manifest = form.decode(untrusted_manifest)
    if (manifest.product, manifest.architecture) != (form.PRODUCT, here.architecture):
        raise OtherMachineError
    version = parse_version(manifest.version)
    if version < here.version:
        raise OlderUpdateError
    if version == here.version:
        raise SameUpdateError
    if here.version < parse_version(manifest.minimum):
        raise TooFarError
    return manifest


def check_store(manifest: Manifest, store_format: int) -> None:
    """Raise unless this version can read a store of this format.

    Raises:
        StoreFormatError: it cannot.
    """
    if not manifest.store_oldest <= store_format <= manifest.store_newest:
        raise StoreFormatError

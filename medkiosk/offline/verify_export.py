"""Check a bundle: the manifest's signature, every file, and that the ledger has each picture's redaction."""

from __future__ import annotations

from pathlib import Path

from medkiosk.core.errors import KioskError
from medkiosk.export.verify import verify_bundle
from medkiosk.ledger import checkpoint, proof
from medkiosk.ledger.note import LogKeys


def verify_export(folder: Path, signer: str, ledger_key: str) -> tuple[str, ...]:
    """Return what is wrong with a bundle, each problem with the name of its file; empty if it is sound.

    Args:
        folder: the bundle.
        signer: OpenSSH public key line of the kiosk.
        ledger_key: verifier key of the kiosk's ledger, as text.

    Raises:
        CheckpointError: ``ledger_key`` is not a verifier key.
        SignerKeyError: ``signer`` is not a public key.
    """
    key = LogKeys.parse(ledger_key)

    def verify_proof(untrusted_proof: bytes, leaf: bytes, index: int, untrusted_head: bytes) -> str:
        try:
            proved, head = proof.verify(untrusted_proof, leaf, key)
            if proved != index:
                return f"it proves entry {proved}, not {index}"
            if head != checkpoint.verify(untrusted_head, key):
                return "it leads to another head than the bundle's"
        except KioskError as error:
            return error.message
        return ""

    return verify_bundle(folder, signer, verify_proof)

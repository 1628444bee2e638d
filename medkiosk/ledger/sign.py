"""The only hand that signs tree heads; it never contradicts itself."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from medkiosk.ledger import checkpoint, merkle
from medkiosk.ledger.checkpoint import Checkpoint
from medkiosk.ledger.errors import LedgerForkError, ProofError
from medkiosk.ledger.note import ML_DSA_44, LogKeys, VerifierKey

_LABEL = b"medkiosk/ledger-ml-dsa-44/v1"


class Signer:
    """Signs heads of one log, each a consistent extension of the one before.

    What it signed before it learns from `resume`. It does not remember across restarts by itself: for that
    there is what witnesses signed (`medkiosk.ledger.held`) and what the kiosk remembers outside the store
    (`medkiosk.daemon.witness`).
    """

    def __init__(self, origin: str, seed: bytes) -> None:
        """Take the log's name and the 32 bytes that both its keys are made of.

        Raises:
            CheckpointError: the origin cannot be a key's name.
            ValueError: the seed has not 32 bytes.
        """
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        # Whoever breaks the Ed25519 key one day gets its scalar, a half of SHA-512(seed), and not the seed:
        # the second key stays safe, and there is no second secret to keep, to escrow and to restore.
        expand = HKDFExpand(algorithm=hashes.SHA512(), length=32, info=_LABEL)
        self._ml_dsa_44 = MLDSA44PrivateKey.from_seed_bytes(expand.derive(seed))
        first = VerifierKey(origin, self._key.public_key().public_bytes_raw())
        second = VerifierKey(origin, self._ml_dsa_44.public_key().public_bytes_raw(), ML_DSA_44)
        self.key = LogKeys.parse(f"{first}\n{second}")
        self._head: Checkpoint | None = None

    def __repr__(self) -> str:
        return f"Signer({self.origin!r})"

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.key.name

    @property
    def vkey(self) -> str:
        """The Ed25519 verifier key as text: short enough for paper."""
        return str(self.key.ed25519)

    @property
    def vkeys(self) -> str:
        """Both verifier keys, one a line: what the file ``vkey`` holds."""
        return str(self.key)

    def begin(self) -> bytes:
        """Sign the empty tree; only ever the first thing.

        Raises:
            LedgerForkError: something was signed before.
        """
        if self._head is not None:
            raise LedgerForkError(detail=f"it already has {self._head.size} entries")
        return self._sign(Checkpoint(self.origin, 0, merkle.EMPTY_ROOT))

    def resume(self, signed: bytes) -> Checkpoint:
        """Learn what was signed last, from a checkpoint with this key's signature.

        Raises:
            CheckpointError: not signed with this key.
            LedgerForkError: it is older than what was signed meanwhile, or differs from it.
        """
        head = checkpoint.verify(signed, self.key)
        if self._head is not None and head != self._head:
            raise LedgerForkError(detail=f"it has {head.size} entries, the last one had {self._head.size}")
        self._head = head
        return head

    def extend(self, size: int, root: bytes, proof: Sequence[bytes]) -> bytes:
        """Sign a larger tree.

        Args:
            size: of the new tree.
            root: of the new tree.
            proof: that the last signed tree is a prefix of it; empty if that one was empty.

        Raises:
            LedgerForkError: it is not.
        """
        head = self._head
        if head is None:
            raise LedgerForkError(detail="it is not known what was signed before")
        try:
            if head.size:
                merkle.verify_consistency(head.size, head.root, size, root, proof)
            elif size <= 0:
                raise ProofError(detail="it does not grow")
        except ProofError as error:
            raise LedgerForkError(detail=str(error.values["detail"])) from error
        return self._sign(Checkpoint(self.origin, size, root))

    def _sign(self, head: Checkpoint) -> bytes:
        signed = checkpoint.sign(head, self._key, self._ml_dsa_44)
        self._head = head
        return signed

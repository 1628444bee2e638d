"""The only hand that signs tree heads; it never contradicts itself."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from medkiosk.ledger import checkpoint, merkle
from medkiosk.ledger.checkpoint import Checkpoint, VerifierKey
from medkiosk.ledger.errors import LedgerForkError, ProofError


class Signer:
    """Signs heads of one log, each a consistent extension of the one before.

    What it signed before it learns from `resume`. It does not remember across restarts by itself: a store
    that was replaced as a whole by an older copy is found by comparing with a checkpoint kept elsewhere.
    """

    def __init__(self, origin: str, seed: bytes) -> None:
        """Take the log's name and the 32 bytes of its Ed25519 key.

        Raises:
            CheckpointError: the origin cannot be a key's name.
            ValueError: the seed has not 32 bytes.
        """
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        public = self._key.public_key().public_bytes_raw()
        self.key = VerifierKey.parse(str(VerifierKey(origin, public)))
        self._head: Checkpoint | None = None

    def __repr__(self) -> str:
        return f"Signer({self.key.name!r})"

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.key.name

    @property
    def vkey(self) -> str:
        """What a verifier needs, as text."""
        return str(self.key)

    def begin(self) -> bytes:
        """Sign the empty tree; only ever the first thing."""
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
        signed = checkpoint.sign(head, self._key)
        self._head = head
        return signed

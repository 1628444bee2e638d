"""The Merkle tree of RFC 6962: hashes, roots, proofs and their verification. Pure, SHA-256 only."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from medkiosk.ledger.errors import ProofError

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

Node = Callable[[int, int], bytes]
"""``node(level, index)``: the hash over ``2**level`` leaves, all there, from leaf ``index * 2**level`` on."""


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of one entry."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """Return the root over a power of two of subtree hashes."""
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row), 2)]
    return row[0]


def root(size: int, node: Node) -> bytes:
    """Return the root of the first ``size`` leaves."""
    return _range_hash(0, size, node) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """Return the audit path of leaf ``index`` in the tree of ``size`` leaves, leaf's sibling first.

    Raises:
        ValueError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_range_hash(middle, high, node))
            high = middle
        else:
            path.append(_range_hash(low, middle, node))
            low = middle
    return path[::-1]


def consistency_proof(old: int, size: int, node: Node) -> list[bytes]:
    """Return the proof that the tree of ``old`` leaves is a prefix of the one of ``size`` leaves.

    Raises:
        ValueError: not ``0 < old <= size``.
    """
    if not 0 < old <= size:
        raise ValueError(f"no proof from {old} to {size}")
    path: list[bytes] = []
    low, high = 0, size
    whole = True  # is low..old still all that the verifier knows the hash of?
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(_range_hash(middle, high, node))
            high = middle
        else:
            path.append(_range_hash(low, middle, node))
            low, whole = middle, False
    if not whole:
        path.append(_range_hash(low, high, node))
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root_hash: bytes) -> None:
    """Check that the entry with this leaf hash is number ``index`` of the tree (RFC 9162 section 2.1.3.2).

    Raises:
        ProofError: it is not, or not shown to be.
    """
    _check_hashes([leaf, root_hash, *proof])
    if not 0 <= index < size:
        raise ProofError(detail=f"there is no entry {index} in a tree of {size}")
    fn, sn, hash_ = index, size - 1, leaf
    for sibling in proof:
        if sn == 0:
            raise ProofError(detail="it is too long")
        if fn & 1 or fn == sn:
            hash_ = node_hash(sibling, hash_)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            hash_ = node_hash(hash_, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise ProofError(detail="it is too short")
    if hash_ != root_hash:
        raise ProofError(detail="it leads to another tree")


def verify_consistency(
    old: int, old_root: bytes, size: int, root_hash: bytes, proof: Sequence[bytes]
) -> None:
    """Check that one tree is a prefix of another (RFC 9162 section 2.1.4.2).

    Raises:
        ProofError: it is not, or not shown to be. A proof from an empty tree shows nothing and is refused.
    """
    _check_hashes([old_root, root_hash, *proof])
    if not 0 < old <= size:
        raise ProofError(detail=f"there is no proof from {old} to {size} entries")
    if old == size:
        if proof:
            raise ProofError(detail="it is too long")
        if old_root != root_hash:
            raise ProofError(detail="two different trees of the same size")
        return
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        raise ProofError(detail="it is too short")
    fn, sn = old - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = path[0]
    for hash_ in path[1:]:
        if sn == 0:
            raise ProofError(detail="it is too long")
        if fn & 1 or fn == sn:
            first, second = node_hash(hash_, first), node_hash(hash_, second)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = node_hash(second, hash_)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise ProofError(detail="it is too short")
    if first != old_root:
        raise ProofError(detail="it does not start from the older tree")
    if second != root_hash:
        raise ProofError(detail="it does not lead to the newer tree")


def _split(count: int) -> int:
    """Return the largest power of two smaller than ``count``."""
    return int(1 << ((count - 1).bit_length() - 1))


def _range_hash(low: int, high: int, node: Node) -> bytes:
    count = high - low
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return node(level, low >> level)
    middle = low + _split(count)
    return node_hash(_range_hash(low, middle, node), _range_hash(middle, high, node))


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(hash_) != HASH_SIZE for hash_ in hashes):
        raise ProofError(detail=f"a hash in it has not {HASH_SIZE} bytes")

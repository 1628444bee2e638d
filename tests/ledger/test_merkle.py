"""The tree against the shared vectors, a naive implementation of the RFC's text, and chance."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.ledger import merkle
from medkiosk.ledger.errors import ProofError
from tests.shared import shared

VECTORS = shared("vectors/merkle/testdata")


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def node_of(leaves: list[bytes]) -> merkle.Node:
    return lambda level, index: naive_root(leaves[index << level : (index + 1) << level])


def cases(kind: str) -> list[Path]:
    return sorted((VECTORS / kind).rglob("*.json")) if VECTORS else []


@pytest.mark.skipif(VECTORS is None, reason="shared vectors are not here")
def test_the_vectors_are_all_there() -> None:
    assert (len(cases("inclusion")), len(cases("consistency"))) == (98, 98)


@pytest.mark.parametrize("path", cases("inclusion"), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_inclusion_vectors(path: Path) -> None:
    case = json.loads(path.read_text())
    proof = [base64.b64decode(hash_) for hash_ in case["proof"] or []]
    leaf, root = base64.b64decode(case["leafHash"]), base64.b64decode(case["root"])
    if case["wantErr"]:
        with pytest.raises(ProofError):
            merkle.verify_inclusion(leaf, case["leafIdx"], case["treeSize"], proof, root)
    else:
        merkle.verify_inclusion(leaf, case["leafIdx"], case["treeSize"], proof, root)


@pytest.mark.parametrize("path", cases("consistency"), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_consistency_vectors(path: Path) -> None:
    case = json.loads(path.read_text())
    proof = [base64.b64decode(hash_) for hash_ in case["proof"] or []]
    one, two = base64.b64decode(case["root1"]), base64.b64decode(case["root2"])
    # Stricter than the vectors: what is not a SHA-256 hash is refused even where it would not be used.
    if case["wantErr"] or case["size1"] == 0 or {len(one), len(two)} != {32}:
        with pytest.raises(ProofError):
            merkle.verify_consistency(case["size1"], one, case["size2"], two, proof)
    else:
        merkle.verify_consistency(case["size1"], one, case["size2"], two, proof)


@given(st.integers(1, 70), st.data(), st.binary(max_size=4))
def test_inclusion(size: int, data: st.DataObject, salt: bytes) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves = [salt + bytes([i]) for i in range(size)]
    node, root = node_of(leaves), naive_root(leaves)
    assert merkle.root(size, node) == root
    proof = merkle.inclusion_proof(index, size, node)
    leaf = merkle.leaf_hash(leaves[index])
    merkle.verify_inclusion(leaf, index, size, proof, root)
    for outside in (-1, size):
        with pytest.raises(ProofError):
            merkle.verify_inclusion(leaf, outside, size, proof, root)
    if size > 1:
        with pytest.raises(ProofError):
            merkle.verify_inclusion(leaf, index ^ 1, size, proof, root)
        with pytest.raises(ProofError):
            merkle.verify_inclusion(leaf, index, size, proof[:-1], root)
    with pytest.raises(ProofError):
        merkle.verify_inclusion(leaf, index, size, [*proof, root], root)
    with pytest.raises(ProofError):
        merkle.verify_inclusion(merkle.leaf_hash(b"other"), index, size, proof, root)


@given(st.integers(1, 70).flatmap(lambda n: st.tuples(st.integers(1, n), st.just(n), st.integers(0, 255))))
def test_consistency(case: tuple[int, int, int]) -> None:
    old, size, bit = case
    leaves = [bytes([i]) for i in range(size)]
    proof = merkle.consistency_proof(old, size, node_of(leaves))
    one, two = naive_root(leaves[:old]), naive_root(leaves)
    merkle.verify_consistency(old, one, size, two, proof)
    flipped = bytearray(one)
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ProofError):
        merkle.verify_consistency(old, bytes(flipped), size, two, proof)
    with pytest.raises(ProofError):
        merkle.verify_consistency(old, one, size, two, [*proof, two])
    if proof:
        with pytest.raises(ProofError):
            merkle.verify_consistency(old, one, size, two, proof[:-1])


def test_the_empty_tree() -> None:
    assert merkle.root(0, node_of([])).hex() == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    with pytest.raises(ValueError, match="no leaf"):
        merkle.inclusion_proof(0, 0, node_of([]))
    with pytest.raises(ValueError, match="no proof"):
        merkle.consistency_proof(0, 1, node_of([b""]))

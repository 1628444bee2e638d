"""The committed vectors: today's code writes the same bytes, and they verify."""

from __future__ import annotations

import json

from medkiosk.ledger import checkpoint, entry, proof
from medkiosk.ledger.checkpoint import VerifierKey
from tests.ledger.make_vectors import HERE, make


def test_the_bytes_are_the_contract() -> None:
    assert make() == json.loads((HERE / "vectors.json").read_text())


def test_they_verify() -> None:
    vectors = json.loads((HERE / "vectors.json").read_text())
    key = VerifierKey.parse(vectors["vkey"])
    assert checkpoint.verify(vectors["checkpoint"].encode(), key).size == 7
    leaf = vectors["entries"][4].encode()
    assert proof.verify(vectors["proof of entry 4"].encode(), leaf, key)[0] == 4
    assert proof.parse(vectors["proof of entry 4"].encode()).extra == leaf
    assert [entry.encode(entry.decode(text.encode())).decode() for text in vectors["entries"]] == vectors[
        "entries"
    ]

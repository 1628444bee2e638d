"""The committed vectors: today's code writes the same bytes, and they verify."""

from __future__ import annotations

import json
from typing import Any

from medkiosk.ledger import checkpoint, entry, proof
from medkiosk.ledger.note import LogKeys
from tests.ledger.make_vectors import HERE, ORIGIN, make


def fixed(vectors: dict[str, Any]) -> dict[str, Any]:
    """Without the ML-DSA-44 signatures, which are made with randomness (FIPS 204, hedged)."""
    line = f"\u2014 {ORIGIN} ".encode()
    return {
        name: [part[:16] if at == 2 else part for at, part in enumerate(value.encode().split(line))]
        if isinstance(value, str)
        else value
        for name, value in vectors.items()
    }


def test_the_bytes_are_the_contract() -> None:
    committed = json.loads((HERE / "vectors.json").read_text())
    assert fixed(make()) == fixed(committed)
    assert committed["vkey"] == make()["vkey"]


def test_they_verify() -> None:
    vectors = json.loads((HERE / "vectors.json").read_text())
    key = LogKeys.parse(vectors["vkey"])
    assert checkpoint.verify(vectors["checkpoint"].encode(), key).size == 7
    leaf = vectors["entries"][4].encode()
    assert proof.verify(vectors["proof of entry 4"].encode(), leaf, key)[0] == 4
    assert proof.parse(vectors["proof of entry 4"].encode()).extra == leaf
    assert [entry.encode(entry.decode(text.encode())).decode() for text in vectors["entries"]] == vectors[
        "entries"
    ]

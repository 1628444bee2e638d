"""Wycheproof's Cobblestone-256 vectors as a stream: in steps of any size, and as the vault writes it.

`tests/vault/test_vectors.py` opens each of them in one piece, with the library and with a second reader.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from typing import Any

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag

from medkiosk.vault import envelope
from tests.shared import shared

FILE = shared("vectors/cobblestone/c2sp_chunked_encryption_aes_256_gcm_test.json")
CASES: list[dict[str, Any]] = []
if FILE is not None:
    CASES = [test for group in json.loads(FILE.read_text())["testGroups"] for test in group["tests"]]
VALID = [test for test in CASES if test["result"] == "valid"]
pytestmark = pytest.mark.skipif(not CASES, reason="the shared vectors are not here")


def name(test: dict[str, Any]) -> str:
    return f"{test['tcId']} {test['comment']}"


def opened(test: dict[str, Any], sealed: bytes, step: int) -> tuple[bytes, Exception | None]:
    """What came out before the end or the error, and the error."""
    out = b""
    try:
        opener = Cobblestone256Decryptor(bytes.fromhex(test["key"]), bytes.fromhex(test["ctx"]))
        for start in range(0, len(sealed), step):
            out += opener.update(sealed[start : start + step])
        out += opener.finalize()
    except (InvalidTag, ValueError) as error:
        return out, error
    return out, None


def content(test: dict[str, Any]) -> bytes:
    return zlib.decompress(bytes.fromhex(test["ct"]))


@pytest.mark.parametrize("step", [1 << 20, 16_400, 997])
@pytest.mark.parametrize("test", CASES, ids=name)
def test_wycheproof(test: dict[str, Any], step: int) -> None:
    out, error = opened(test, content(test), step)
    if test["result"] == "valid":
        assert error is None
        assert (len(out), hashlib.sha512(out).hexdigest()) == (test["msgLength"], test["msgSha512"])
    else:
        assert error is not None
        # Never a byte beyond the chunks that verified; without any, nothing.
        assert len(out) <= test.get("msgLength", 0)
        if len(out) == test.get("msgLength"):
            assert hashlib.sha512(out).hexdigest() == test["msgSha512"]


@pytest.mark.parametrize("test", VALID, ids=name)
def test_sizes_are_what_the_format_says(test: dict[str, Any]) -> None:
    assert len(content(test)) == envelope.sealed_size(test["msgLength"])


@pytest.mark.parametrize("test", VALID, ids=name)
def test_what_we_seal_in_pieces_opens_like_the_vector(test: dict[str, Any]) -> None:
    plain, _ = opened(test, content(test), 1 << 20)
    seal = Cobblestone256Encryptor(bytes.fromhex(test["key"]), bytes.fromhex(test["ctx"]))
    buffer = bytearray(len(content(test)) + 2 * envelope.CHUNK_SEALED)
    used = 0
    for start in range(0, len(plain), 10_000):  # across the chunks' borders, as a camera's blocks fall
        used += seal.update_into(plain[start : start + 10_000], memoryview(buffer)[used:])
    sealed = bytes(buffer[:used]) + seal.finalize()
    assert opened(test, sealed, 4096) == (plain, None)
    assert sealed[:24] != content(test)[:24]  # a salt of its own

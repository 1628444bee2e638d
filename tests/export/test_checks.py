"""The check values by which a file that was read back is compared."""

from __future__ import annotations

import os
import random

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from medkiosk.export.checks import Checks, Value


def value(checks: Checks, data: bytes, step: int, meant: Value | None = None) -> Value:
    check = checks.start() if meant is None else checks.again(meant)
    for at in range(0, len(data), step):
        check.update(memoryview(data)[at : at + step])
    return check.value()


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 4096, 100_001])
def test_it_is_the_gmac_of_another_implementation_with_a_nonce_of_its_own(size: int) -> None:
    key = bytes(range(32))
    checks, data = Checks(lambda _: key), random.Random(size).randbytes(size)
    for number in range(3):
        found = value(checks, data, 1000)
        assert found == Value(number, size, AESGCM(key).encrypt(number.to_bytes(12, "big"), b"", data))


def test_the_same_bytes_in_other_pieces_are_the_same() -> None:
    checks, data = Checks(os.urandom), os.urandom(10_000)
    meant = value(checks, data, 4096)
    assert value(checks, data, 1, meant) == meant
    assert value(checks, data, 10_000, meant) == meant


def test_every_changed_bit_and_every_other_length_shows() -> None:
    checks, data = Checks(os.urandom), os.urandom(37)
    meant = value(checks, data, 16)
    for bit in range(37 * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        assert value(checks, bytes(changed), 16, meant) != meant
    for other in (data[:-1], data + b"\0", b"", data[16:32] + data[:16] + data[32:]):
        assert value(checks, other, 16, meant) != meant


def test_a_key_of_its_own_for_each_bundle() -> None:
    """What one bundle's stick was once asked tells nothing about the next one's."""
    assert value(Checks(os.urandom), b"x", 1).tag != value(Checks(os.urandom), b"x", 1).tag

"""What receivers send back is taken apart in one form only; the receiver's tool made the vectors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.core import canon
from medkiosk.export import acknowledgement

VECTORS = json.loads(
    (Path(__file__).parents[1] / "receiver" / "vectors" / "acknowledgement.json").read_text()
)


def test_the_vectors_are_read_and_signed() -> None:
    public = bytes.fromhex(VECTORS["public"])
    for case in VECTORS["good"]:
        found = acknowledgement.read(case["file"].encode())
        assert acknowledgement.is_signed(found, public)
        assert not acknowledgement.is_signed(found, bytes(32))


@given(st.integers(0), st.integers(0, 255))
def test_no_byte_can_be_changed(place: int, value: int) -> None:
    data = bytearray(VECTORS["good"][0]["file"].encode())
    place %= len(data)
    if data[place] == value:
        return
    data[place] = value
    try:
        found = acknowledgement.read(bytes(data))
    except ValueError:
        return
    assert not acknowledgement.is_signed(found, bytes.fromhex(VECTORS["public"]))


@pytest.mark.parametrize(
    "by",
    [
        "a\x1b[2J",
        "\u202ea",
        "a\u2028b",
        "x" * 201,
        "\u3164",
        "\u2800",
        "a\xa0b",
        "\ue000",
        "\u0378",
        "\U000e0100",
    ],
)
def test_a_name_that_cannot_be_shown_is_refused(by: str) -> None:
    members = {**json.loads(VECTORS["good"][0]["file"]), "by": by}
    with pytest.raises(ValueError, match="none that can be shown"):
        acknowledgement.read(canon.encode(members))


def test_what_is_too_long_is_not_read() -> None:
    with pytest.raises(ValueError, match="too long"):
        acknowledgement.read(b"{" + b" " * (64 << 10))

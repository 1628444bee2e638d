"""What was written into stores stays readable, byte for byte: one file has the schema and golden bytes."""

from __future__ import annotations

import json

import msgspec
import pytest

from medkiosk.core import canon
from medkiosk.core.events import decode
from medkiosk.ledger import entry
from tests.core.make_events import FILE, make, types

GOLDEN = json.loads(FILE.read_text())


@pytest.mark.parametrize("tag", sorted(GOLDEN))
def test_an_event_is_read_and_written_as_ever(tag: str) -> None:
    data = GOLDEN[tag]["golden"].encode()
    event = decode(data)
    assert event.name == tag
    assert canon.encode(event) == data


def test_the_file_is_of_today() -> None:
    assert make() == GOLDEN, "a new event or field: python -m tests.core.make_events, and look at the diff"


def test_no_event_demands_more_than_it_ever_did() -> None:
    """Each golden event without its optional fields is one of an earlier version, and still read."""
    for tag, said in GOLDEN.items():
        whole = json.loads(said["golden"])
        least = {name: value for name, value in whole.items() if name in said["required"] or name == "type"}
        assert decode(canon.encode(least)).name == tag


@pytest.mark.parametrize("type_", types(), ids=lambda type_: str(type_.__struct_config__.tag))
def test_each_has_a_leaf(type_: type[msgspec.Struct]) -> None:
    leaf = entry.Leaf(type=str(type_.__struct_config__.tag), at="2026-01-31T23:59:59.000Z", actor="kiosk")
    data = entry.encode(leaf)
    assert entry.decode(data) == leaf
    assert data.startswith(b'{"actor":"kiosk","at":"2026-01-31T23:59:59.000Z","note":"","objects":[]')

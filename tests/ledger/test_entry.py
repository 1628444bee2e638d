"""Entries: golden bytes, and everything else is refused."""

from __future__ import annotations

import json

import msgspec
import pytest

from medkiosk.core.refs import ObjectRef, RecordRef
from medkiosk.ledger import entry
from medkiosk.ledger.entry import Leaf

RECORD = RecordRef(id="0" * 32, kind="event", sha256="1" * 64, commitment="2" * 64, envelope="3" * 64)
OBJECT = ObjectRef(
    id="a" * 32, kind="original", size=8_123_456, sha256="b" * 64, commitment="c" * 64, envelope="d" * 64
)
LEAF = Leaf(
    type="original.sealed",
    at="2026-01-31T23:59:59.000Z",
    actor="kiosk",
    record=RECORD,
    objects=(OBJECT,),
    note="files=1",
)
GOLDEN = (
    '{"actor":"kiosk","at":"2026-01-31T23:59:59.000Z","note":"files=1","objects":[{"commitment":"' + "c" * 64
    + '","envelope":"' + "d" * 64 + '","id":"' + "a" * 32 + '","kind":"original","sha256":"' + "b" * 64
    + '","size":8123456}],"record":{"commitment":"' + "2" * 64 + '","envelope":"' + "3" * 64 + '","id":"'
    + "0" * 32 + '","kind":"event","sha256":"' + "1" * 64 + '"},"type":"original.sealed","v":1}'
).encode()  # fmt: skip


def test_golden_bytes() -> None:
    assert entry.encode(LEAF) == GOLDEN
    assert entry.decode(GOLDEN) == LEAF


def test_without_a_record() -> None:
    bare = Leaf(type="kiosk.started", at="2026-01-01T00:00:00.000Z", actor="0" * 32)
    data = entry.encode(bare)
    assert data == (
        b'{"actor":"00000000000000000000000000000000","at":"2026-01-01T00:00:00.000Z","note":"","objects":[],'
        b'"record":null,"type":"kiosk.started","v":1}'
    )
    assert entry.decode(data) == bare


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["v"], 2),
        (["type"], "Original.sealed"),
        (["type"], ""),
        (["type"], "a." + "b" * 70),
        (["type"], "a..b"),
        (["at"], "2026-01-31T23:59:59Z"),
        (["at"], "2026-01-31T23:59:59.000+00:00"),
        (["at"], "yesterday"),
        (["actor"], "Dr. Smith"),
        (["note"], "Jane Smith"),
        (["note"], "x" * 201),
        (["note"], "a\nb"),
        (["extra"], 1),
        (["record", "extra"], 1),
        (["record", "id"], "A" * 32),
        (["record", "kind"], "Event"),
        (["record", "sha256"], "1" * 63),
        (["objects", 0, "size"], -1),
        (["objects", 0, "size"], 1.0),
        (["objects", 0, "commitment"], "c" * 65),
        (["objects", 0, "name"], "IMG_0001.JPG"),
    ],
)
def test_what_is_not_an_entry_is_refused(path: list[str | int], value: object) -> None:
    changed = json.loads(GOLDEN)
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    with pytest.raises(ValueError):
        entry.decode(json.dumps(changed, sort_keys=True, separators=(",", ":")).encode())


@pytest.mark.parametrize("member", ["v", "type", "at", "actor", "note", "objects", "record"])
def test_a_missing_member_is_refused(member: str) -> None:
    changed = json.loads(GOLDEN)
    del changed[member]
    with pytest.raises(ValueError):
        entry.decode(json.dumps(changed, sort_keys=True, separators=(",", ":")).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        GOLDEN + b" ",
        GOLDEN.replace(b":8123456", b": 8123456"),
        GOLDEN.replace(b"kiosk", b"ki\\u006fsk"),
        json.dumps(json.loads(GOLDEN)).encode(),
        b"\xff" + GOLDEN,
    ],
)
def test_another_spelling_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        entry.decode(data)


def test_too_large() -> None:
    with pytest.raises(ValueError, match="at most"):
        entry.encode(Leaf(type="x", at=LEAF.at, actor="kiosk", objects=(OBJECT,) * 300))


def test_what_leaves_with_a_picture_says_the_year_and_no_person() -> None:
    redacted = msgspec.structs.replace(LEAF, type="redacted", actor="7" * 32)
    blurred = entry.blurred(redacted)
    assert (blurred.at, blurred.actor) == ("2026-01-01T00:00:00.000Z", "kiosk")
    assert msgspec.structs.replace(blurred, at=redacted.at, actor=redacted.actor) == redacted
    assert entry.blurred(blurred) == entry.decode(entry.encode(blurred)) == blurred
    assert not entry.has_time(blurred)


@pytest.mark.parametrize("type_", ["original.sealed", "approved", "redaction.failed", "export.prepared"])
def test_every_other_entry_keeps_its_time_and_person(type_: str) -> None:
    other = msgspec.structs.replace(LEAF, type=type_, actor="7" * 32)
    assert entry.blurred(other) == other
    assert entry.has_time(other)

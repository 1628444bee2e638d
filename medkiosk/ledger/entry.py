"""Ledger entries: typed, canonical, nothing personal in them (docs/format.md section 8)."""

from __future__ import annotations

import re

import msgspec

from medkiosk.core import canon
from medkiosk.core.clock import parse_rfc3339
from medkiosk.core.ids import KIOSK, is_id
from medkiosk.core.refs import ObjectRef, RecordRef

VERSION = 1
MAX_SIZE = 0xFFFF
"""Largest entry, bytes: what the 2-byte length in an entry bundle can say."""

MAX_DISPOSED = 1500
"""Most ids in one entry's ``disposed``."""

_LEAVES_WITH_PICTURE = frozenset({"redacted"})
"""Types of entries that an export gives away; those of an export's pictures."""

_TYPE = re.compile(r"(?=.{1,64}$)[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*", re.ASCII)
_KIND = re.compile(r"[a-z][a-z0-9_.-]{0,31}", re.ASCII)
_NOTE = re.compile(r"[a-z0-9 .,:;=/_-]{0,200}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Leaf(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry.

    Attributes:
        v: version of this schema.
        type: what happened, as in `medkiosk.core.events`.
        at: when, RFC 3339 UTC with milliseconds; of what `blurred` blurs only the year.
        actor: account id, or ``kiosk``; of what `blurred` blurs always the latter.
        record: the sealed record with all that is personal, if there is one.
        objects: the sealed objects that came with it.
        note: a few machine words (counts, codes); the alphabet has no capitals, so no names fit well.
        disposed: ids of objects and records that were destroyed, at most `MAX_DISPOSED`; left out where none.
    """

    v: int = VERSION
    type: str
    at: str
    actor: str
    record: RecordRef | None = None
    objects: tuple[ObjectRef, ...] = ()
    note: str = ""
    disposed: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


def blurred(leaf: Leaf) -> Leaf:
    """Take out of an entry what must not leave with a picture: when it was made within its year, and by whom.

    Both stand in the sealed record. Other entries never leave, and stay as they are (docs/format.md, 8).
    """
    if leaf.type not in _LEAVES_WITH_PICTURE:
        return leaf
    return msgspec.structs.replace(leaf, at=f"{leaf.at[:4]}-01-01T00:00:00.000Z", actor=KIOSK)


def has_time(leaf: Leaf) -> bool:
    """Whether its ``at`` is when it happened; not for the types that are written blurred."""
    return leaf.type not in _LEAVES_WITH_PICTURE


def encode(leaf: Leaf) -> bytes:
    """Return the entry's one canonical form.

    Raises:
        ValueError: a field is not as the format demands, or the entry is too large.
    """
    _check(leaf)
    data = canon.encode(leaf)
    if len(data) > MAX_SIZE:
        raise ValueError(f"an entry has at most {MAX_SIZE} bytes, this one has {len(data)}")
    return data


def decode(data: bytes) -> Leaf:
    """Read an entry.

    Raises:
        ValueError: not canonical, not of this version, or a field is not as the format demands.
    """
    if len(data) > MAX_SIZE:
        raise ValueError("larger than an entry may be")
    leaf = canon.decode(data, Leaf)
    _check(leaf)
    return leaf


def _check(leaf: Leaf) -> None:
    if leaf.v != VERSION:
        raise ValueError(f"entries of version {leaf.v} are not known")
    if _TYPE.fullmatch(leaf.type) is None:
        raise ValueError(f"not a type: {leaf.type!r}")
    parse_rfc3339(leaf.at)
    if leaf.actor != KIOSK and not is_id(leaf.actor):
        raise ValueError(f"not an actor: {leaf.actor!r}")
    if _NOTE.fullmatch(leaf.note) is None:
        raise ValueError("a note holds only lower-case letters, digits and . , : ; = / _ -")
    for ref in ((leaf.record,) if leaf.record else ()) + leaf.objects:
        if not is_id(ref.id) or _KIND.fullmatch(ref.kind) is None:
            raise ValueError(f"not a sealed thing's name: {ref.id!r} {ref.kind!r}")
        for hash_ in (ref.sha256, ref.commitment, ref.envelope):
            if _HASH.fullmatch(hash_) is None:
                raise ValueError(f"not a hash: {hash_!r}")
    if leaf.disposed is not msgspec.UNSET and not (
        0 < len(leaf.disposed) <= MAX_DISPOSED and all(map(is_id, leaf.disposed))
    ):
        raise ValueError(f"a list of what was disposed of holds 1 to {MAX_DISPOSED} ids")
    if any(ref.size < 0 for ref in leaf.objects):
        raise ValueError("a size below zero")

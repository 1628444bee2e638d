"""What an event names: the ids by which an auditor asks for it. Made from the types: none is forgotten."""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from medkiosk.core.event import Event
from medkiosk.core.ids import KIOSK, AccountId, CaptureId, EncounterId, ExportId, ObjectId

BLURRED = frozenset({"redacted"})
"""Events whose ledger entry does not say who it was, and only the year (docs/format.md, section 8)."""

_ASKED_FOR: tuple[object, ...] = (CaptureId, EncounterId, ExportId, AccountId)
_Reader = Callable[[Any], Iterator[str]]


def names(event: Event) -> Iterator[str]:
    """Yield every id in an event by which somebody may ask for it, some perhaps twice.

    That is captures, encounters, exports and accounts, at any depth. Of objects only where the
    type names no capture at all: a file that was deleted from a card. Not who did it, which the ledger
    entry says; but where it does not (`BLURRED`), that, too.
    """
    for name, reader in _readers(type(event)):
        yield from reader(getattr(event, name))
    if names_actor(type(event)) and event.actor != KIOSK:
        yield event.actor


@functools.cache
def plain(type_: type[Event]) -> tuple[str, ...] | None:
    """The members in which `names` finds everything but an actor, where each is one id or empty; else None.

    Most events are like that, and hundreds of thousands are read at a login.
    """
    readers = _readers(type_)
    return tuple(name for name, _ in readers) if all(reader is _one for _, reader in readers) else None


@functools.cache
def names_actor(type_: type[Event]) -> bool:
    """Whether `names` gives an event's actor, who is not in its ledger entry."""
    return type_.__struct_config__.tag in BLURRED


def accounts(event: Event) -> Iterator[str]:
    """Yield every account that an event names, but for whose doing it was."""
    for name, reader in _account_readers(type(event)):
        yield from reader(getattr(event, name))


def names_accounts(type_: type[Event]) -> bool:
    """Whether events of this type may name an account other than by whom it was."""
    return bool(_account_readers(type_))


@functools.cache
def _account_readers(type_: type[Event]) -> tuple[tuple[str, _Reader], ...]:
    return _readers_of(type_, (AccountId,))


@functools.cache
def _readers(type_: type[Event]) -> tuple[tuple[str, _Reader], ...]:
    members = _members(type_)
    wanted = _ASKED_FOR
    if not any(_has(each, (CaptureId,)) for each in members.values()):
        wanted = (*_ASKED_FOR, ObjectId)
    return _readers_of(type_, wanted)


def _readers_of(type_: type[Event], wanted: tuple[object, ...]) -> tuple[tuple[str, _Reader], ...]:
    found = ((name, _reader(hint, wanted)) for name, hint in _members(type_).items())
    return tuple((name, reader) for name, reader in found if reader is not None)


def _members(type_: type[msgspec.Struct]) -> dict[str, Any]:
    hints = typing.get_type_hints(type_)
    return {name: hints[name] for name in type_.__struct_fields__ if name != "actor"}


def _has(hint: Any, wanted: tuple[object, ...]) -> bool:  # noqa: ANN401 -- a type hint is anything
    return _reader(hint, wanted) is not None


def _reader(hint: Any, wanted: tuple[object, ...]) -> _Reader | None:  # noqa: ANN401 -- likewise
    """What reads the ids out of a value of this type; None where there are none in it."""
    if hint in wanted:
        return _one
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        parts = [(name, _reader(each, wanted)) for name, each in typing.get_type_hints(hint).items()]
        inner = [(name, reader) for name, reader in parts if reader is not None]
        return functools.partial(_inside, inner) if inner else None
    parts_of = [each for each in typing.get_args(hint) if each not in (type(None), ...)]
    readers = [reader for each in parts_of if (reader := _reader(each, wanted)) is not None]
    if not readers:
        return None
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return functools.partial(_perhaps, readers[0])
    return functools.partial(_each, readers[0])


def _one(value: str) -> Iterator[str]:
    if value:
        yield value


def _perhaps(reader: _Reader, value: object) -> Iterator[str]:
    return iter(()) if value is None else reader(value)


def _each(reader: _Reader, values: Any) -> Iterator[str]:  # noqa: ANN401 -- a tuple of what the reader takes
    for value in values:
        yield from reader(value)


def _inside(inner: list[tuple[str, _Reader]], value: object) -> Iterator[str]:
    for name, reader in inner:
        yield from reader(getattr(value, name))

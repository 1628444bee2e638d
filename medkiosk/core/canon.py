"""Canonical JSON: one byte string for one value, so that it can be hashed, signed and compared.

The subset of RFC 8785 (JCS) without fractions: objects with ASCII keys in order, arrays, strings,
integers within +-(2^53 - 1), booleans, null. What `decode` accepts re-encodes to the same bytes.
"""

from __future__ import annotations

import functools
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
_MAX_INT = 2**53 - 1


def encode(value: object) -> bytes:
    """Encode plain data or a msgspec Struct.

    Raises:
        ValueError: a float, a too large integer or a key that is not ASCII is inside.
    """
    builtin = msgspec.to_builtins(value)
    _check(builtin)
    return msgspec.json.encode(builtin, order="sorted")


def decode(data: bytes, type_: type[T]) -> T:
    """Decode canonical bytes as ``type_``, refusing every non-canonical spelling.

    Raises:
        ValueError: not JSON, not of the type, or not in canonical form.
    """
    value: T = _decoder(type_).decode(data)  # type: ignore[arg-type]  # any class can be hashed
    if encode(value) != data:
        raise ValueError("not in canonical form")
    return value


@functools.cache
def _decoder(type_: object) -> msgspec.json.Decoder[Any]:
    # Made once a type: for the union of all events that takes twenty times as long as decoding one.
    return msgspec.json.Decoder(type_, strict=True)


def _check(value: object) -> None:
    match value:
        case None | bool() | str():
            return
        case int():
            if abs(value) > _MAX_INT:
                raise ValueError("integer beyond 2^53 - 1")
        case list() | tuple():
            for item in value:
                _check(item)
        case dict():
            for key, item in value.items():
                if not (isinstance(key, str) and key.isascii()):
                    raise ValueError("object keys must be ASCII strings")
                _check(item)
        case _:
            raise ValueError(f"{type(value).__name__} has no canonical form")

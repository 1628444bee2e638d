"""Make events.json, the schema and golden bytes of every event: ``python -m tests.core.make_events``.

For each type: its fields, and the canonical bytes of a made-up event with every field filled. What stands
there was written into stores; it never changes. New types and new optional fields are added by running this.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import msgspec
from msgspec import inspect

from medkiosk.core import canon
from medkiosk.core.events import AnyEvent

FILE = Path(__file__).resolve().parent / "events.json"


def types() -> list[type[msgspec.Struct]]:
    """Every type of event, by name."""
    return sorted(_flat(AnyEvent), key=lambda type_: str(type_.__struct_config__.tag))


def _flat(union: Any) -> list[type[msgspec.Struct]]:
    parts = get_args(union)
    return [each for part in parts for each in _flat(part)] if parts else [union]


def filled(info: inspect.Type, name: str) -> Any:
    """A made-up value of a type, as JSON has it: the same each time."""
    match info:
        case inspect.StrType():
            return "2026-01-31T23:59:59.000Z" if name == "at" else "0" * 32 if name.endswith("_id") else name
        case inspect.BoolType():
            return True
        case inspect.IntType():
            return max(1, info.ge or 1)
        case inspect.NoneType():
            return None
        case inspect.EnumType():
            return min((member.value for member in info.cls), key=str)
        case inspect.LiteralType():
            return min(info.values, key=str)
        case inspect.VarTupleType() | inspect.ListType() | inspect.SetType() | inspect.FrozenSetType():
            return [filled(info.item_type, name)]
        case inspect.TupleType():
            return [filled(each, name) for each in info.item_types]
        case inspect.DictType():
            return {filled(info.key_type, name): filled(info.value_type, name)}
        case inspect.UnionType():
            return filled(next(each for each in info.types if not isinstance(each, inspect.NoneType)), name)
        case inspect.StructType():
            tag = {info.tag_field: info.tag} if info.tag_field else {}
            values = {each.encode_name: filled(each.type, each.name) for each in info.fields}
            return [*values.values()] if info.array_like else {**tag, **values}
        case _:
            raise TypeError(f"{name}: {info}")


def words(info: inspect.Type) -> Any:
    """A type in words, the same in every version of Python."""
    match info:
        case inspect.StructType():
            return {each.encode_name: words(each.type) for each in info.fields}
        case inspect.EnumType():
            return " | ".join(sorted(str(member.value) for member in info.cls))
        case inspect.VarTupleType() | inspect.ListType() | inspect.SetType() | inspect.FrozenSetType():
            return [words(info.item_type)]
        case inspect.TupleType():
            return [words(each) for each in info.item_types]
        case inspect.UnionType():
            return [words(each) for each in info.types]
        case _:
            return type(info).__name__.removesuffix("Type").lower()


def _may_be_unset(field: inspect.Field) -> bool:
    """Whether it is left out where it is UNSET: it is not required, and has no default that is written."""
    nothing = msgspec.NODEFAULT
    return not field.required and field.default is nothing and field.default_factory is nothing


def make() -> dict[str, Any]:
    """The file's content."""
    made = {}
    for type_ in types():
        info = inspect.type_info(type_)
        assert isinstance(info, inspect.StructType)
        event = msgspec.convert(filled(info, ""), type_)
        made[str(info.tag)] = {
            # Without omit_defaults a field with a default is written all the same.
            "required": sorted(
                each.encode_name
                for each in info.fields
                if each.required or (not type_.__struct_config__.omit_defaults and not _may_be_unset(each))
            ),
            "fields": words(info),
            "golden": canon.encode(event).decode(),
        }
    return made


if __name__ == "__main__":
    FILE.write_text(json.dumps(make(), indent=1, ensure_ascii=False, sort_keys=True) + "\n")

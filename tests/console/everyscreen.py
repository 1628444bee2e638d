"""Every screen there is, found by itself: a new one is walked through without anybody adding it to a list.

What a screen is given is made from the types that its constructor names, filled with names that were made to
harm; ids are those of the kiosk that the test runs.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import msgspec
from textual.screen import Screen

import medkiosk.console.screens as package
from medkiosk.console.screens.base import Dialog, KioskScreen
from medkiosk.console.screens.review import ReviewScreen
from medkiosk.core.explanation import EXPLANATIONS, Explanation

NAME = "Zyxwvut"
"""A name that must never be in a log."""
EVIL = f"\x1b]0;{NAME}\x07\x1b[2J[red][@click=app.quit]\u202e{NAME}[/] $background e\u0301\u0301\u0301 [/x"
_ALSO = {ReviewScreen}
"""Screens of which there are others."""


def all_screens() -> list[type[Screen[Any]]]:
    """Every class that is a screen by itself and not only the base of others."""
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    found = {*_below(KioskScreen), *_below(Dialog)}
    ours = [each for each in found if each.__module__.startswith("medkiosk.")]
    alone = [each for each in ours if each in _ALSO or not each.__subclasses__()]
    return sorted(alone, key=lambda each: each.__qualname__)


def _below(kind: type[Screen[Any]]) -> Iterator[type[Screen[Any]]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)


def make(kind: type[Screen[Any]], ids: Mapping[str, str]) -> Screen[Any]:
    """A screen with what it needs.

    Args:
        kind: its class.
        ids: for the name of a type of ids, one that the kiosk knows.
    """
    hints = typing.get_type_hints(kind.__init__)
    needed = [
        name
        for name, each in list(inspect.signature(kind.__init__).parameters.items())[1:]
        if each.default is each.empty
    ]
    return kind(**{name: value(hints[name], ids) for name in needed})


def value(hint: Any, ids: Mapping[str, str]) -> Any:
    """Something of a type, as hostile as the type allows."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Explanation:
        return next(iter(EXPLANATIONS.values()))
    if isinstance(hint, typing.NewType):
        return ids.get(hint.__name__, "0" * 32)
    if origin in {typing.Union, types.UnionType}:
        return None if type(None) in arguments else value(arguments[0], ids)
    if origin is typing.Annotated:
        return value(arguments[0], ids)
    if origin in {tuple, list, Sequence, frozenset}:
        return origin_of(origin)([value(arguments[0], ids)])
    if origin in {dict, Mapping}:
        return {}
    if hint in {str, int, bool, float, bytes}:
        return {str: EVIL, int: 1, bool: True, float: 1.0, bytes: b"x"}[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint))
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        inside = typing.get_type_hints(hint, include_extras=True)
        return hint(**{name: value(inside[name], ids) for name in hint.__struct_fields__})
    if isinstance(hint, type) and is_dataclass(hint):
        inside = typing.get_type_hints(hint)
        return hint(**{each.name: value(inside[each.name], ids) for each in fields(hint)})
    raise TypeError(f"no value of {hint}")


def origin_of(origin: Any) -> type:
    """The class to make for an abstract collection."""
    return tuple if origin is Sequence else origin

"""How a method of the interface is marked (`medkiosk.ipc.api`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from medkiosk.core.capability import Capability

_F = TypeVar("_F", bound=Callable[..., object])


def method(*, needs: Capability | None, secret: tuple[str, ...] = ()) -> Callable[[_F], _F]:
    """Mark a method of the interface."""

    def mark(function: _F) -> _F:
        function.__ipc__ = (needs, frozenset(secret))  # type: ignore[attr-defined]
        return function

    return mark

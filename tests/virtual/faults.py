"""What can go wrong with the virtual camera: one named switch each, given as ``NAME`` or ``NAME=ARGUMENT``.

A fault is a set of hooks that the responder asks; the base class changes nothing. To add one, write the
class and put it in `FAULTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tests.virtual.ptpip import Answer

_DATA_OPERATIONS = frozenset({0x1009, 0x101B})


class Fault:
    def refuse(self, code: int) -> int | None:
        """A response code with which to refuse this operation, or None to go on."""
        return None

    def partial(self, name: str, count: int) -> int:
        """How many of the ``count`` bytes asked of object ``name`` to give."""
        return count

    def allow(self, count: int) -> int:
        """How many of the next ``count`` bytes of object data may be sent before the camera vanishes."""
        return count

    def refuse_delete(self) -> int | None:
        """A response code with which to refuse to delete, or None to go on."""
        return None

    def read_only(self) -> bool:
        """Whether the card's write protection is on."""
        return False


class VanishAt(Fault):
    """``vanish-at=BYTES``: gone after that many bytes of object data; refuses connections from then on."""

    def __init__(self, argument: str) -> None:
        self._left = int(argument)

    def allow(self, count: int) -> int:
        allowed = min(count, self._left)
        self._left -= allowed
        return allowed


class ShortRead(Fault):
    """``short-read[=NAME[:BYTES]]``: GetPartialObject gives at most BYTES (default: half) and says OK.

    NAME limits it to the objects of that name; ``*`` or nothing means all.
    """

    def __init__(self, argument: str) -> None:
        name, _, most = argument.partition(":")
        self._name = name or "*"
        self._most = int(most) if most else None

    def partial(self, name: str, count: int) -> int:
        if self._name not in {"*", name}:
            return count
        return count // 2 if self._most is None else min(count, self._most)


class Busy(Fault):
    """``busy[=N]``: the next N requests for object data (default: all) are answered "device busy"."""

    def __init__(self, argument: str) -> None:
        self._left = int(argument) if argument else None

    def refuse(self, code: int) -> int | None:
        if code not in _DATA_OPERATIONS or self._left == 0:
            return None
        if self._left is not None:
            self._left -= 1
        return Answer.DEVICE_BUSY


class WriteProtect(Fault):
    """``write-protect``: the card's lock switch is on: it says so, and deletes nothing."""

    def __init__(self, argument: str) -> None:
        pass

    def refuse_delete(self) -> int | None:
        return Answer.STORE_READ_ONLY

    def read_only(self) -> bool:
        return True


class KeepDeleted(Fault):
    """``keep-deleted``: every DeleteObject is refused, and nothing told beforehand that it would be."""

    def __init__(self, argument: str) -> None:
        pass

    def refuse_delete(self) -> int | None:
        return Answer.GENERAL_ERROR


FAULTS: dict[str, Callable[[str], Fault]] = {
    "vanish-at": VanishAt,
    "short-read": ShortRead,
    "busy": Busy,
    "write-protect": WriteProtect,
    "keep-deleted": KeepDeleted,
}


class Faults(Fault):
    """All chosen faults as one. Raises KeyError for a name that does not exist."""

    def __init__(self, chosen: Iterable[str]) -> None:
        self._faults: list[Fault] = []
        for text in chosen:
            name, _, argument = text.partition("=")
            self._faults.append(FAULTS[name](argument))

    def refuse(self, code: int) -> int | None:
        return next((answer for fault in self._faults if (answer := fault.refuse(code)) is not None), None)

    def partial(self, name: str, count: int) -> int:
        for fault in self._faults:
            count = fault.partial(name, count)
        return count

    def allow(self, count: int) -> int:
        for fault in self._faults:
            count = fault.allow(count)
        return count

    def refuse_delete(self) -> int | None:
        return next((answer for fault in self._faults if (answer := fault.refuse_delete()) is not None), None)

    def read_only(self) -> bool:
        return any(fault.read_only() for fault in self._faults)

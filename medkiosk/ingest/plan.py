"""Which files of a listing belong together, and when a group of them is made durable. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from medkiosk.core.ids import CaptureId

E = TypeVar("E")
S = TypeVar("S", bound=Hashable)


@dataclass
class CaptureIds(Generic[S]):
    """Gives the files of one shot (RAW+JPEG+HEIF) one capture id.

    A file that was acknowledged before, here or on another device, brings the id that it has, and its
    siblings join it. The first id that a shot has is the one that it keeps.

    Args:
        fresh: makes a new id.
    """

    fresh: Callable[[], CaptureId]
    _by_shot: dict[S, CaptureId] = field(default_factory=dict)

    def known(self, shot: S, capture_id: CaptureId) -> None:
        """A member of ``shot`` already has this id."""
        self._by_shot.setdefault(shot, capture_id)

    def has(self, shot: S) -> bool:
        """Whether a member of ``shot`` has an id."""
        return shot in self._by_shot

    def of(self, shot: S) -> CaptureId:
        """The id for a new member of ``shot``."""
        if shot not in self._by_shot:
            self._by_shot[shot] = self.fresh()
        return self._by_shot[shot]


@dataclass
class Group(Generic[E]):
    """Files sealed but not yet durable; full at so many files or bytes.

    One group is one sync, one transaction, one checkpoint: the cost of durability is paid once for all.
    """

    max_files: int
    max_bytes: int
    items: list[E] = field(default_factory=list)
    size: int = 0

    def add(self, item: E, size: int) -> None:
        """Put one sealed file of ``size`` bytes in."""
        self.items.append(item)
        self.size += size

    @property
    def full(self) -> bool:
        """Whether it is time to make the group durable."""
        return len(self.items) >= self.max_files or self.size >= self.max_bytes

    def take(self) -> list[E]:
        """Empty the group and give what was in it."""
        items, self.items, self.size = self.items, [], 0
        return items

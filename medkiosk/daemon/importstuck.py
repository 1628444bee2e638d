"""Files at which a device stops answering: read last, then given up by name, so that the others come."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator

from medkiosk.daemon.importtools import Place, place
from medkiosk.source.model import Entry, SourceCode, SourceError

_TRIES = 2
"""Sessions that one file may end: a cable that shook once does not cost a photograph."""
_BLAMED = frozenset({SourceCode.STALLED, SourceCode.CRASHED})


class Stuck:
    """What is remembered of one device from plug to unplug."""

    def __init__(self) -> None:
        self._ended: Counter[Place] = Counter()

    def last(self, entries: Iterable[Entry]) -> list[Entry]:
        """The same files, those at which a session ended behind all others."""
        return sorted(entries, key=lambda entry: self._ended[place(entry)])

    @contextlib.contextmanager
    def reading(self, entry: Entry) -> Iterator[None]:
        """While this file is read: a session that ends here is remembered against it.

        Raises:
            SourceError: STUCK, at once, where two sessions ended here.
        """
        if self._ended[place(entry)] >= _TRIES:
            raise SourceError(SourceCode.STUCK)
        try:
            yield
        except SourceError as error:
            if error.reason in _BLAMED:
                self._ended[place(entry)] += 1
            raise

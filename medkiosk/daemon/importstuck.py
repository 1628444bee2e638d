"""Files at which a device stops answering: read last, then given up by name, so that the others come."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from medkiosk.daemon.importmemory import Vanished
from medkiosk.daemon.importtools import Place, place
from medkiosk.source.model import Entry, SourceCode, SourceError

_TRIES = 2
"""Sessions that one file may end: a cable that shook once does not cost a photograph."""
_BLAMED = frozenset({SourceCode.STALLED, SourceCode.CRASHED})


class Stuck:
    """What is remembered of one device from plug to unplug, and at which files it went away before.

    A device that goes away may have been pulled. So a file that was being read then is put behind all others,
    and given up only when it ended two sessions: the second one when everything else had been read.

    Args:
        vanished: the files at which the device went away, also in earlier plugs.
        stopped: whether it is known to be unplugged: then it went away, however its worker ended.
        monotonic: a clock that only goes forward, seconds.
    """

    def __init__(
        self,
        vanished: Vanished | None = None,
        stopped: Callable[[], bool] = lambda: False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ended: Counter[Place] = Counter()
        self._vanished = Vanished() if vanished is None else vanished
        self._stopped = stopped
        self._monotonic = monotonic

    def last(self, entries: Iterable[Entry]) -> list[Entry]:
        """The same files, those at which a session ended behind all others."""
        return sorted(entries, key=self._times)

    def _times(self, entry: Entry) -> int:
        return self._ended[place(entry)] + self._vanished.times(entry)

    @contextlib.contextmanager
    def reading(self, entry: Entry) -> Iterator[None]:
        """While this file is read: a session that ends here is remembered against it.

        Raises:
            SourceError: STUCK, at once, where two sessions ended here.
        """
        if self._times(entry) >= _TRIES:
            raise SourceError(SourceCode.STUCK)
        try:
            yield
        except SourceError as error:
            # The kernel may tell of the unplugging first, and the worker is then ended in the middle.
            if error.reason is SourceCode.UNPLUGGED or (error.reason in _BLAMED and self._stopped()):
                self._vanished.at(entry, self._monotonic())
            elif error.reason in _BLAMED:
                self._ended[place(entry)] += 1
            raise

    def told(self) -> None:
        """An import came to its end, and what could not be read was named."""
        self._vanished.told()

"""The versions of this kiosk's settings: which one is in force, and whether the disk has what was decided."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from medkiosk.catalog.settings import SettingsBook
from medkiosk.core.config import Config
from medkiosk.daemon.board import Board
from medkiosk.ipc.settingstypes import SettingsStatus
from medkiosk.settings import history
from medkiosk.settings.history import InForce

_log = logging.getLogger(__name__)
_NOT_WRITTEN = (
    "The settings that were decided cannot be written to the disk ({reason}); the ones before stay in force."
    " Nothing that was imported is affected. Log in again after the disk was looked at: it is tried anew."
)
_STRANGE = (
    "On the disk were settings that nobody decided; they were in force until now, perhaps. They were removed"
    " from the disk. After a restoration from a backup that is as it must be; else somebody put them there:"
    " tell the privacy officer. Start the program again: Settings (S), then R."
)


def folder(config: Config) -> Path:
    """Where the versions are: beside the store, which backs up the entries that they are made of."""
    return Path(config.store.path).parent / history.FOLDER


class SettingsDesk:
    """Thread-safe.

    Args:
        image: the configuration without the settings of this kiosk.
        board: says which version counts.

    Attributes:
        chosen: what counts until this daemon ends.
    """

    def __init__(self, image: Config, board: Board) -> None:
        self._lock = threading.Lock()
        self._board = board
        self.chosen = history.load(folder(image), image)
        for reason in self.chosen.unused:
            _log.warning("settings: not used: %s", reason)
        self._show(self.chosen)

    def settle(self, book: SettingsBook) -> None:
        """Bring the disk to what was decided: at each unlock, and after each decision."""
        with self._lock:
            place = folder(self.chosen.image)
            try:
                settled = history.settle(place, book.version, book.text)
            except OSError as error:
                reason = error.strerror or type(error).__name__
                self._board.problem(_NOT_WRITTEN.format(reason=reason), key="settings.disk")
                return
            self._board.solved("settings.disk")
            if settled.written:
                _log.info("settings: version %d is on the disk", book.version)
            if settled.removed:
                self._board.problem(_STRANGE, key="settings.strange")
            self._show(history.load(place, self.chosen.image))

    def _show(self, found: InForce) -> None:
        """Say what counts, and what would at the next start."""
        now, then = self.chosen, found
        self._board.set(
            settings=SettingsStatus(
                version=now.number,
                newest=max(then.newest, then.number),
                restart=(now.number, now.sha256) != (then.number, then.sha256),
                unused=bool(then.unused),
            )
        )

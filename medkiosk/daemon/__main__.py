"""medkioskd: open the store, start the parts, tell systemd, stop cleanly."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from medkiosk import configfile
from medkiosk.core.config import Config
from medkiosk.core.errors import KioskError
from medkiosk.daemon import maintainingstart
from medkiosk.daemon.hardening import harden, overwrite_what_is_freed
from medkiosk.daemon.notify import Notifier, watchdog_interval_s
from medkiosk.daemon.pipeline import Daemon

_log = logging.getLogger(__name__)
_IDLE_S = 5.0
_TICK_S = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the daemon until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="medkioskd", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    args = parser.parse_args(arguments)
    overwrite_what_is_freed()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    refused = harden()
    notifier = Notifier()
    config: Config | None = None
    try:
        config = configfile.load(args.config)
        repaired = maintainingstart.repair(config, notifier.repairing, stop)
        daemon = Daemon(config)
        for sentence in refused:
            daemon.board.problem(sentence)
        if repaired:
            daemon.board.problem(repaired)
        daemon.start()
    except KioskError as error:
        print(error.message, file=sys.stderr)
        notifier.failed(error.message)
        if config is not None and maintainingstart.ask_after(config, error):
            _log.warning("start: a backup drive is plugged in: the next start repairs the store from it")
        return error.exit_code
    notifier.ready()
    _serve(daemon, notifier, stop)
    notifier.stopping()
    daemon.stop()
    return 0


def _serve(daemon: Daemon, notifier: Notifier, stop: threading.Event) -> None:
    interval = min(watchdog_interval_s() or _IDLE_S, _IDLE_S)
    shown, fed = -1, 0.0
    while True:
        status = daemon.board.status
        if status.serial != shown:
            notifier.status(status)
            shown = status.serial
        # The watchdog is fed only when the parts that must move do move.
        if time.monotonic() - fed >= interval and daemon.alive():
            notifier.alive()
            fed = time.monotonic()
        if stop.wait(_TICK_S):
            return


if __name__ == "__main__":
    sys.exit(main())

"""Repair at the start, before anything is opened: what a drive can prove is put back (docs/operations.md).

Nobody types a command at an appliance. So the repair that needs the store to be closed is done by the daemon
itself, when it starts again: because somebody asked at the console, or because it could not start since
something is damaged and one of its backup drives is plugged in. A file in the daemon's own folder says so to
the next start. Each thing is put back only if it has the hash that the ledger or the row has
(`medkiosk.offline.mend`); nothing is believed because it is on a drive.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from medkiosk import durable, keyfiles
from medkiosk.backup.drive import STORE
from medkiosk.core.config import Config
from medkiosk.core.errors import BadRequestError, KioskError
from medkiosk.core.updates import UPDATE_BUSY
from medkiosk.daemon.board import Board
from medkiosk.daemon.updating import not_now
from medkiosk.ledger.errors import LedgerDamagedError, LedgerRolledBackError
from medkiosk.ledger.sign import Signer
from medkiosk.offline.mend import Mended, mend
from medkiosk.vault.errors import VaultDamagedError

_log = logging.getLogger(__name__)
DAMAGE = (VaultDamagedError, LedgerDamagedError, LedgerRolledBackError)
"""Why a daemon does not start where a drive may help."""
_LOOK_S, _WAIT_S, _AGAIN_S = 1.0, 30.0, 20.0
_ANSWERED_S = 0.5  # whoever asked gets the answer first


def request(config: Config) -> Path:
    """The file that asks the next start for a repair."""
    return Path(config.store.path).parent / "repair"


def ask(config: Config) -> None:
    """Have the next start repair the store.

    Raises:
        OSError: the disk refused it.
    """
    durable.write_atomic(request(config), b"")


def restart(config: Config, board: Board, *, working: bool, without_drive: bool = False) -> None:
    """End this daemon in an orderly way; what starts it again finds the request.

    Args:
        config: the whole configuration.
        board: what is in progress.
        working: whether somebody waits for an export, a report or the like.
        without_drive: do it also where no backup drive is plugged in.

    Raises:
        BadRequestError: it would end something that is in progress, or no backup drive is in.
        OSError: the disk refused the request.
    """
    check_idle(board, working=working)
    if not without_drive and drive(config) is None:
        raise BadRequestError(detail="no backup drive with this store is plugged in")
    ask(config)
    end_soon()


def check_idle(board: Board, *, working: bool) -> None:
    """Let the daemon be ended only where that ends nothing else.

    Raises:
        BadRequestError: it would.
    """
    doing = not_now(board.status)
    if board.status.update.state in UPDATE_BUSY:
        doing = "an update is being installed"
    if doing := doing or ("somebody waits for an export or a report" if working else ""):
        raise BadRequestError(detail=f"{doing}: wait until that has ended, then ask again")


def end_soon() -> None:
    """End this daemon in an orderly way, as soon as whoever asked has the answer; systemd starts it again."""
    ending = threading.Timer(_ANSWERED_S, os.kill, (os.getpid(), signal.SIGTERM))
    ending.daemon = True
    ending.start()


def ask_setup(config: Config) -> None:
    """Have the set-up repair the kiosk at the machine's next start (`systemd/medkiosk-repair.path`).

    Raises:
        OSError: the disk refused it.
    """
    durable.write_atomic(Path(config.store.path).parent / "set-up", b"")


def ask_after(config: Config, error: KioskError) -> bool:
    """Have the next start repair what kept this one from starting; whether that can help."""
    if not isinstance(error, DAMAGE) or drive(config) is None:
        return False
    try:
        ask(config)
    except OSError:
        return False
    return True


def drive(config: Config) -> Path | None:
    """The store on the first backup drive that is plugged in; None where there is none."""
    for place in config.backup:
        folder = Path(place.path)
        try:
            if (folder / STORE / "vault.db").is_file() and (not place.mounted or folder.is_mount()):
                return folder / STORE
        except OSError:
            continue  # pulled out while it was looked at
    return None


def repair(config: Config, busy: Callable[[], None], stop: threading.Event) -> str:
    """Repair the store if that was asked for; return what came of it, a sentence, or nothing.

    Args:
        config: the whole configuration.
        busy: called again and again while it lasts, so that the service manager waits.
        stop: set by somebody who wants the daemon to end.

    Raises:
        KioskError: the keys cannot be used.
        OSError: the store's disk failed.
    """
    asked = request(config)
    if not asked.exists():
        return ""
    durable.remove(asked)  # first: what does not work is not tried for ever
    ended = threading.Event()
    ticking = threading.Thread(target=_tick, args=(busy, ended), name="repair", daemon=True)
    ticking.start()
    try:
        source = _wait(config, stop)
        signer = Signer(config.site.origin, keyfiles.load(Path(config.store.keys)).ledger)
        done = mend(Path(config.store.path), str(signer.key), source, quick=True)
    finally:
        ended.set()
        ticking.join()
    for one in done.repaired:
        _log.info("repair: %s: %s", one.code, one.what)
    for left in done.not_repaired:
        _log.warning("repair: not repaired: %s: %s", left.code, left.reason)
    return words(done, source is not None)


def words(done: Mended, with_drive: bool) -> str:
    """What was put back and what was not."""
    left = len(done.report.problems)
    if not done.repaired and not left:
        return ""
    where = "from the backup drive" if with_drive else "without a backup drive, from the store itself"
    sentence = f"The store was repaired {where}: {len(done.repaired)} put back, {left} still damaged."
    if left:
        sentence += " Maintenance (M) says which; try the other backup drive."
    return sentence


def _tick(busy: Callable[[], None], ended: threading.Event) -> None:
    busy()
    while not ended.wait(_AGAIN_S):
        busy()


def _wait(config: Config, stop: threading.Event) -> Path | None:
    """A drive that was there before the restart is there soon, should it have been mounted anew."""
    waited = 0.0
    while (found := drive(config)) is None and waited < _WAIT_S and config.backup:
        if stop.wait(_LOOK_S):
            break
        waited += _LOOK_S
    return found

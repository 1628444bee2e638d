"""Have a store brought back or adopted by the daemon's user, in a process of its own (`talking`).

    {"source": DIR or "", "config", "sheets", "user", "passphrase"}   ->
                                                  <-  {"made": {...}}, or {"error", "message"}

With a source it is what ``kioskctl backup restore`` does, without one what ``kioskctl adopt`` does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from medkiosk import configfile
from medkiosk.core.config import Config
from medkiosk.core.errors import KioskError
from medkiosk.devicetpm import machine_secrets
from medkiosk.ledger.note import LogKeys
from medkiosk.offline.adopt import adopt
from medkiosk.offline.rebuild import rebuild
from medkiosk.setup.errors import RepairFailedError
from medkiosk.setup.talking import answer_with, begun, talking

PROGRAM = (sys.executable, "-m", "medkiosk.setup.repairing")
RESTORING, ADOPTING = "bringing the store back from the drive", "taking the keys out of the store"
_LARGEST = 1 << 14


@dataclass(frozen=True)
class Repaired:
    """What was done.

    Attributes:
        ledger_size: entries of the ledger; 0 where only keys were put back.
        objects: sealed files of the store; likewise.
        damaged: sealed files that the drive had not whole.
        renewed: whether the machine got new device secrets.
    """

    ledger_size: int = 0
    objects: int = 0
    damaged: int = 0
    renewed: bool = True


def origin_of(store: Path) -> str:
    """Return the name of the ledger of a store, as it says itself: what signs under it is tried later.

    Raises:
        RepairFailedError: it has none that can be read.
    """
    try:
        with (store / "ledger" / "vkey").open("rb") as stream:
            return LogKeys.parse(stream.read(_LARGEST).decode()).name
    except (OSError, UnicodeDecodeError, KioskError) as error:
        detail = "the drive's ledger has no key that can be read"
        raise RepairFailedError(step=RESTORING, detail=detail) from error


def ask(
    config: Path,
    sheets: Sequence[str],
    *,
    source: Path | None,
    account: tuple[str, str] = ("", ""),
    user: str | None,
    program: Sequence[str] = PROGRAM,
) -> Repaired:
    """Bring a store back from a drive, or adopt the one that is here.

    Args:
        config: the configuration, as it is on the disk.
        sheets: the words of two recovery sheets.
        source: the store on the drive; None to adopt.
        account: user name of an administrator of the kiosk that was, and their new passphrase.
        user: whose all of it is; None for whoever calls.
        program: what does it.

    Raises:
        RepairFailedError: it did not work; the message says why.
    """
    step = RESTORING if source else ADOPTING
    with talking(program, user, step, RepairFailedError) as (say, hear):
        say(
            source=str(source or ""),
            config=str(config),
            sheets=list(sheets),
            user=account[0],
            passphrase=account[1],
        )
        return Repaired(**hear()["made"])


def main() -> int:
    """Do it, as asked on standard input."""
    asked = begun()
    try:
        config = configfile.load(Path(asked["config"]))
        made = _restore(config, asked) if asked["source"] else _adopt(config, asked["sheets"])
    except KioskError as error:
        answer_with(error=error.code, message=error.message)
        return error.exit_code
    except OSError as error:
        answer_with(error="os", message=f"{error.filename or 'the disk'}: {error.strerror}")
        return 1
    answer_with(made=made)
    return 0


def _restore(config: Config, asked: dict[str, object]) -> dict[str, object]:
    done = rebuild(
        Path(str(asked["source"])),
        config,
        _texts(asked["sheets"]),
        user=str(asked["user"]),
        passphrase=str(asked["passphrase"]),
        random=os.urandom,
        clock=_now,
        older=True,  # the daemon takes nothing until an administrator accepts it, at the console
    )
    return {"ledger_size": done.ledger_size, "objects": done.objects, "damaged": len(done.damaged)}


def _adopt(config: Config, sheets: object) -> dict[str, object]:
    store = config.store
    done = adopt(
        Path(store.path),
        _texts(sheets),
        device=machine_secrets(store),
        keys_folder=Path(store.keys),
        memory=Path(store.device_folder),
        origin=config.site.origin,
        random=os.urandom,
        clock=_now,
        older=True,
    )
    return {"renewed": done.renewed}


def _texts(given: object) -> list[str]:
    return [str(one) for one in given] if isinstance(given, list) else []


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    sys.exit(main())

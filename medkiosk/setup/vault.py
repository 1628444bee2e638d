"""Have the vault made by the daemon's user, in a process of its own, by what ``kioskctl init`` calls.

    set-up (root)                        this module as a program (user medkiosk)
    {"config", "user", ...}       ->
                                  <-     {"shares": [...]}      nothing is committed yet
    {"typed": true or false}      ->
                                  <-     {"made": {...}}, or {"error", "message"}

One JSON object a line, over pipes: the passphrase and the words are in no file and no argument list. Where
the set-up ends in the middle, the program is killed, and what it had begun is removed by the next set-up.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from medkiosk import configfile
from medkiosk.core.errors import KioskError
from medkiosk.offline.init import initialise
from medkiosk.setup.answers import Answers
from medkiosk.setup.errors import StepFailedError
from medkiosk.setup.talking import MOST, answer_with, begun, talking

PROGRAM = (sys.executable, "-m", "medkiosk.setup.vault")
_STEP = "making the vault"


@dataclass(frozen=True)
class Made:
    """What can be told to everybody: the public keys that check what leaves the kiosk."""

    ledger_vkey: str
    allowed_signers: str
    export_fingerprint: str


def make(
    config: Path,
    answers: Answers,
    check: Callable[[list[str]], bool],
    *,
    user: str | None,
    program: Sequence[str] = PROGRAM,
) -> Made:
    """Make keys, vault, ledger and the first account.

    Args:
        config: the configuration, as it is on the disk.
        answers: who the administrator is.
        check: as `medkiosk.offline.init.initialise`; what it raises ends the making, and goes on from here.
        user: who owns all that; None for whoever calls.
        program: what makes it.

    Raises:
        StepFailedError: it could not be made; what was begun is removed, or will be.
    """
    with talking(program, user, _STEP) as (say, hear):
        say(
            config=str(config),
            user=answers.user,
            display_name=answers.display_name,
            passphrase=answers.passphrase,
        )
        shares = hear()["shares"]
        say(typed=check(shares))
        return Made(**hear()["made"])


def main() -> int:
    """Make it, as asked on standard input."""
    asked = begun()

    def check(shares: list[str]) -> bool:
        answer_with(shares=shares)
        answer = sys.stdin.buffer.readline(MOST)
        if not answer:
            raise StepFailedError(step=_STEP, detail="the set-up ended")
        return bool(json.loads(answer)["typed"])

    try:
        made = initialise(
            configfile.load(Path(asked["config"])),
            user=asked["user"],
            display_name=asked["display_name"],
            passphrase=asked["passphrase"],
            random=os.urandom,
            clock=lambda: datetime.now(UTC),
            check=check,
        )
    except KioskError as error:
        answer_with(error=error.code, message=error.message)
        return error.exit_code
    answer_with(
        made={
            "ledger_vkey": made.ledger_vkey,
            "allowed_signers": made.allowed_signers,
            "export_fingerprint": made.export_fingerprint,
        },
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Checks a store, as ``kioskctl verify`` does: one JSON line for how far it is, and one at the end.

    medkiosk.daemon.checkworker STORE < the ledger's verifier keys

A process of its own, at the lowest priority, without any key: what a check takes in memory and time is
nothing to the daemon, and it can be ended at any instant.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_EVERY_S = 0.5
_MOST = 50


def main() -> int:
    """Check the store that the command line names."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    from medkiosk.core.errors import KioskError
    from medkiosk.daemon.idle import make_idle
    from medkiosk.offline.report import at_console
    from medkiosk.offline.verify import verify

    make_idle()
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    keys = sys.stdin.read()
    said = 0.0

    def progress(done: int, total: int) -> None:
        nonlocal said
        if time.monotonic() - said >= _EVERY_S or done == total:
            said = time.monotonic()
            print(json.dumps({"done": done, "total": total}), flush=True)

    try:
        report = verify(Path(sys.argv[1]), keys, progress=progress)
    except KioskError as error:
        print(json.dumps({"failed": error.message}), flush=True)
        return 0
    shown = report.problems[:_MOST]
    print(
        json.dumps(
            {
                "objects": report.objects,
                "records": report.records,
                "ledger_size": report.ledger_size,
                "bytes": report.bytes,
                "problems": [
                    {
                        "code": each.code,
                        "subject": str(each.subject)[:200],
                        "sentence": at_console(each)[:600],
                    }
                    for each in shown
                ],
                "more": len(report.problems) - len(shown),
                "notes": [note[:400] for note in report.notes[:_MOST]],
            }
        ),
        flush=True,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Hashes files whose paths come in on stdin, one a line; the SHA-256 or ``! ERRNO`` of each goes out.

A process of its own and no thread: a disk that hangs holds up nothing but this, and a thread that has
Python's lock while it waits for its turn at the lowest priority would hold up every other one. It has no key.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

from medkiosk.hashing import sha256_of

_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Answer until the input ends."""
    # Also when it is stopped: then it would not see its input end.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    from medkiosk.daemon.idle import make_idle

    make_idle()
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    for line in sys.stdin.buffer:
        try:
            answer = sha256_of(Path(os.fsdecode(line.rstrip(b"\n")))).hex()
        except OSError as error:
            answer = f"! {error.errno or 0}"
        print(answer, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

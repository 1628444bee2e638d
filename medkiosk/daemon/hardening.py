"""Keep keys out of core dumps, debuggers and swap (design, invariant 6)."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import sys
from pathlib import Path

_PR_SET_DUMPABLE = 4
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4


MALLOC = "glibc.malloc.tcache_count=0:glibc.malloc.perturb=219:glibc.malloc.arena_max=2"
"""Settings of the C library (its manual, "Memory Allocation Tunables"): what is freed is overwritten.

Keys and passphrases pass through buffers of libraries that nobody wipes: OpenSSL's parameters for Argon2id,
messages of the socket. Without the first setting, small pieces wait in a cache of their thread, unchanged.

The third is against growth (docs/soak.md): connections and imports are threads, to which the library gives up
to eight heaps for each processor, and every heap stays as large as it ever was."""


def overwrite_what_is_freed() -> None:
    """Start this program again with `MALLOC`, unless it was started so: the library reads it only then.

    The workers do not inherit it: they hold no keys, and would be slower.
    """
    # The library may have cut its own copy of the text at the first colon.
    if not os.environ.pop("GLIBC_TUNABLES", "").startswith(MALLOC.partition(":")[0]):
        os.environ["GLIBC_TUNABLES"] = MALLOC
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - what runs now


def harden() -> tuple[str, ...]:
    """Confine this process; return a sentence for each protection that the system would not give.

    No core dumps, no ptrace by the same user (prctl(2) PR_SET_DUMPABLE), no page ever swapped (mlockall(2),
    where the memory lock limit allows; in production the unit sets it and swap is off as well).
    """
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    refused = []
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        refused.append("The kernel would not make the daemon's memory undumpable; debuggers could read it.")
    _, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if hard == resource.RLIM_INFINITY:
        # With a finite limit, locking what is to come would make later allocations fail.
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (hard, hard))
        if libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT):
            refused.append(
                f"The daemon's memory could be swapped out ({errno.errorcode[ctypes.get_errno()]})."
            )
    elif _swap_is_on():
        refused.append(
            "The daemon's memory could be swapped out: raise its memory lock limit, or turn swap off."
        )
    return tuple(refused)


def _swap_is_on() -> bool:
    try:
        return len(Path("/proc/swaps").read_text("ascii").splitlines()) > 1
    except OSError:
        return True  # unknown counts as on

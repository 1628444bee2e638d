"""System call filters by libseccomp: the worker's allow-list, and what its children lose on top.

Everything that is not named fails with EPERM instead of killing: Python and the libraries then go on
without it (they ask for much that they do not need), and an attacker gains nothing by asking.
"""

from __future__ import annotations

import errno
import os

try:
    import pyseccomp
except (ImportError, OSError, RuntimeError):  # the shared library libseccomp.so.2 is not installed
    pyseccomp = None

_ALLOWED = (
    # pipes that are open already
    "read", "readv", "write", "writev", "close", "pipe2", "poll", "ppoll", "dup", "dup2", "dup3", "fcntl",
    "fstat", "lseek",
    # memory
    "mmap", "munmap", "mprotect", "mremap", "madvise", "brk", "membarrier",
    # threads, waiting, time
    "futex", "set_robust_list", "get_robust_list", "rseq", "sched_yield", "sched_getaffinity", "gettid",
    "tgkill", "set_tid_address", "nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres",
    "gettimeofday", "time", "getcpu", "restart_syscall", "arch_prctl",
    # signals
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait", "sigaltstack",
    # its own children: one for each photo
    "fork", "vfork", "wait4", "waitid", "kill", "prctl", "prlimit64", "setrlimit", "getrlimit", "seccomp",
    "landlock_create_ruleset", "landlock_restrict_self",
    # who am I
    "getpid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getrusage", "getrandom", "uname",
    "sysinfo",
    # ending
    "exit", "exit_group",
)  # fmt: skip
_FOR_FILES = ("openat", "getdents64", "newfstatat", "statx")
"""For a worker that reads a folder; which one, Landlock says."""
_CHILD_LOSES = (
    "fork", "vfork", "kill", "pipe2", "dup", "dup2", "dup3", "prctl", "prlimit64", "setrlimit", "seccomp",
    "landlock_create_ruleset", "landlock_restrict_self", "readv", "read",
)  # fmt: skip
_CLONE_THREAD = 0x00010000
_CLONE_NAMESPACES = 0x7E020080  # NEWUSER, NEWPID, NEWNET, NEWIPC, NEWUTS, NEWCGROUP, NEWNS, NEWTIME


def filter_worker(*, files: bool = False) -> bool:
    """Install the worker's allow-list; False where libseccomp or the kernel cannot.

    Args:
        files: whether it may open files and list folders.
    """
    if pyseccomp is None:
        return False
    rules = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.EPERM))
    for name in (*_ALLOWED, *(_FOR_FILES if files else ())):
        _add(rules, pyseccomp.ALLOW, name)
    # clone's flags are in a register and can be seen; clone3's are behind a pointer, so it is said not to
    # exist and the C library falls back to clone.
    _add(rules, pyseccomp.ALLOW, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, _CLONE_NAMESPACES, 0))
    _add(rules, pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    return _load(rules)


def filter_child() -> bool:
    """On top of the worker's list, take away what only the parent needs: processes, signals, reading."""
    if pyseccomp is None:
        return False
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    for name in _CHILD_LOSES:
        _add(rules, pyseccomp.ERRNO(errno.EPERM), name)
    # abort() signals the process itself; any other target is somebody else, where Landlock cannot scope.
    _add(rules, pyseccomp.ERRNO(errno.EPERM), "tgkill", pyseccomp.Arg(0, pyseccomp.NE, os.getpid()))
    _add(
        rules, pyseccomp.ERRNO(errno.EPERM), "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, _CLONE_THREAD, 0)
    )
    return _load(rules)


def _add(rules: pyseccomp.SyscallFilter, action: int, name: str, *arguments: pyseccomp.Arg) -> None:
    """Add a rule, but for calls that this architecture does not have."""
    if pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) >= 0:
        rules.add_rule(action, name, *arguments)


def _load(rules: pyseccomp.SyscallFilter) -> bool:
    try:
        rules.load()
    except OSError:
        return False
    return True

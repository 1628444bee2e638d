"""What the kiosk remembers of its versions, and what a start of another one means. Pure."""

from __future__ import annotations

import msgspec

from medkiosk.core import canon
from medkiosk.update.manifest import parse_version


class Memory(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is remembered from one start to the next.

    Attributes:
        version: that ran.
        waiting: that was installed and waits for a restart; empty where none does.
        manifest_sha256: of its manifest.
        boot: the kernel's id of the boot in which it was installed.
        failed: the last version that did not work; empty where the last one did.
    """

    version: str
    waiting: str = ""
    manifest_sha256: str = ""
    boot: str = ""
    failed: str = ""


class Noticed(msgspec.Struct, frozen=True, kw_only=True):
    """What a start showed.

    Attributes:
        memory: to be remembered now.
        booted: another version runs, newer than the one before.
        rolled_back: an older one runs, or the one before, since this one did not work; empty where not.
        before: the version that ran before.
    """

    memory: Memory
    booted: bool = False
    rolled_back: str = ""
    before: str = ""


def decode(data: bytes) -> Memory | None:
    """Read what was remembered; None where it cannot be read, which is as good as nothing."""
    try:
        return canon.decode(data, Memory)
    except ValueError:
        return None


def notice(memory: Memory | None, running: str, boot: str) -> Noticed:
    """Compare what runs with what is remembered.

    Args:
        memory: None at the first start.
        running: the version that runs.
        boot: the kernel's id of this boot.
    """
    if memory is None:
        return Noticed(memory=Memory(version=running))
    if memory.waiting and memory.boot == boot:  # the daemon started again, not the machine
        return Noticed(memory=memory)
    if running == memory.version:
        if not memory.waiting:
            return Noticed(memory=memory)
        gone = memory.waiting
        return Noticed(memory=Memory(version=running, failed=gone), rolled_back=gone, before=gone)
    if parse_version(running) > parse_version(memory.version):
        return Noticed(memory=Memory(version=running), booted=True, before=memory.version)
    gone = memory.version
    return Noticed(memory=Memory(version=running, failed=gone), rolled_back=gone, before=gone)

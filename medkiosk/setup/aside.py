"""Put a store aside while another is made in its place, so that a power cut leaves something to go on with.

The file ``replacing`` is durable before the first name changes and goes after the last: its first line is the
name that the old store gets, the rest is the drive's signed head. While it is there, a store with that head
is a mere copy of the drive, which nobody has signed for and no daemon has opened; one with another head is
the kiosk's from now on.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from medkiosk import durable
from medkiosk.setup.places import Places


def begin(places: Places, store: Path, source: Path) -> None:
    """Put the store aside under a name that is free, or go on with what was begun before.

    Args:
        places: of this machine.
        store: where the store is.
        source: the one on the drive.

    Raises:
        OSError: the drive cannot be read, or the disk refused something.
    """
    kept = _kept(places, store)
    if kept is None or not (
        kept.exists() and store.exists()
    ):  # else it is the head of the copy that is there
        kept = kept or _free(store)
        durable.write_atomic(places.replacing, kept.name.encode() + b"\n" + _head(source))
    if not kept.exists() and store.exists():
        durable.publish(store, kept)
        _sync(store.parent)


def put_back(places: Places, store: Path) -> bool:
    """Put the old store in its place again, if one was put aside and nobody has signed for the new one.

    Returns:
        False where the new store stays.

    Raises:
        OSError: the disk refused something; it can be done again.
    """
    kept = _kept(places, store)
    if kept is None:
        return True
    copy = store.with_name(store.name + ".restoring")  # what `medkiosk.offline.rebuild` begins with, too
    if kept.exists():
        if store.exists():
            if _head(store) != places.replacing.read_bytes().partition(b"\n")[2]:
                return False
            shutil.rmtree(copy, ignore_errors=True)
            durable.publish(store, copy)
        durable.publish(kept, store)
        _sync(store.parent)
    shutil.rmtree(copy, ignore_errors=True)
    end(places)
    return True


def end(places: Places) -> None:
    """Let the store that is there be the kiosk's; what was put aside stays."""
    durable.remove(places.replacing)
    _sync(places.site)


def _kept(places: Places, store: Path) -> Path | None:
    try:
        return store.with_name(places.replacing.read_bytes().partition(b"\n")[0].decode())
    except FileNotFoundError:
        return None


def _free(store: Path) -> Path:
    number, free = 1, store.with_name(store.name + ".aside")
    while free.exists():
        number += 1
        free = store.with_name(f"{store.name}.aside-{number}")
    return free


def _head(store: Path) -> bytes:
    return (store / "ledger" / "checkpoint").read_bytes()


def _sync(folder: Path) -> None:
    descriptor = durable.open_dir(folder)
    try:
        durable.sync_dirs(descriptor, [folder])
    finally:
        os.close(descriptor)

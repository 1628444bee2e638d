"""What a crash left in ``tmp`` and beside it, removed when a store is opened for writing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from medkiosk.core.ids import is_id
from medkiosk.durable import Disk


def remove_leftovers(
    root: Path, disk: Disk, root_fd: int, blob_path: Callable[[str], Path], known: Callable[[str], bool]
) -> list[str]:
    """Remove blobs that were named and never committed, and temporary files; returns what, in words.

    Args:
        root: the store.
        disk: what makes bytes durable.
        root_fd: of ``root``, from `durable.open_dir`.
        blob_path: where an object's blob lies.
        known: whether an object was committed.

    Raises:
        OSError: something may still be there.
    """
    removed = []
    tmp = root / "tmp"
    manifests = sorted(tmp.glob("*.batch"))
    folders = set()
    for manifest in manifests:
        # A manifest that a crash cut short was never synced, so nothing it names was published yet.
        for object_id in filter(is_id, manifest.read_text("ascii", errors="replace").split("\n")):
            blob = blob_path(object_id)
            if blob.exists() and not known(object_id):
                disk.remove(blob)
                folders.add(blob.parent)
                removed.append(f"unfinished object {object_id}")
    if folders:
        disk.sync_dirs(root_fd, folders)
    for left in sorted(tmp.iterdir()):
        disk.remove(left)
        if left not in manifests:
            removed.append(f"temporary file {left.name}")
    return removed

"""A few small files in a folder of their own on a stick, read back like a bundle: whole, or not there."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from medkiosk import durable
from medkiosk.core.ids import Random
from medkiosk.export.checks import Checks
from medkiosk.export.errors import StickError, on_stick
from medkiosk.export.folder import Files, Folder
from medkiosk.export.volume import PARTIAL


def write_folder(
    target_dir: Path,
    prefix: str,
    id_: str,
    created: date,
    files_of: Mapping[str, bytes],
    files: Files = durable,
    random: Random = os.urandom,
) -> str:
    """Write it, and read it back; gives the folder's name.

    Args:
        target_dir: the stick's top folder.
        prefix: begins the name; the date and eight digits of the id follow.
        id_: random.
        created: the date.
        files_of: what is in it, by name.
        files: the durable operations.
        random: for the keys of the check values.

    Raises:
        StickError: the stick did not take it.
        StickLiesError: the stick took it and gives back something else.
    """
    name = f"{prefix}{created.isoformat()}-{id_[:8]}"
    partial, final = target_dir / f"{PARTIAL}{id_[:8]}", target_dir / name
    with on_stick():
        root_fd = files.open_dir(target_dir)
    try:
        if final.exists():
            raise StickError(detail=f"{name} is on it already")
        folder = Folder(partial, root_fd, files, Checks(random), created)
        try:
            folder.make_dirs(())
            for member, data in files_of.items():
                folder.add(member, data)
            folder.finish(lambda _: None)
            with on_stick():
                files.publish(partial, final)
                files.sync_dirs(root_fd, [target_dir])
        except BaseException:
            with contextlib.suppress(StickError):
                folder.close()
            shutil.rmtree(partial, ignore_errors=True)
            shutil.rmtree(final, ignore_errors=True)
            raise
    finally:
        os.close(root_fd)
    return name

"""What an interrupted set-up left: told apart from a kiosk that is in use, and removed.

Before anything is made, the file ``begun`` is made durable. It becomes ``ready``, by one rename, when all is
there. So what lies beside ``begun`` was never used by anybody and may go; a store without it is somebody's.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from medkiosk import durable
from medkiosk.core.config import Config
from medkiosk.devicetpm import TpmSecrets
from medkiosk.setup.errors import ForeignStoreError
from medkiosk.setup.places import LASTING, Places

_RESTORE = b"restore\n"


def clean(places: Places, config: Config) -> bool:
    """Remove what an interrupted set-up left; whether there was something. Cut short, it is done again.

    Raises:
        ForeignStoreError: there is a store or key that no set-up has begun; nothing was changed.
        OSError: something could not be removed.
    """
    folders = {Path(config.store.path), Path(config.store.keys), Path(config.store.device_folder)}
    if not places.begun.exists():
        for folder in sorted(folders):
            if folder.exists() and any(folder.iterdir()):
                raise ForeignStoreError(path=folder)
        return False
    if config.store.tpm:
        TpmSecrets(Path(config.store.tpm)).keep_only()
    for folder in sorted(folders):
        _empty(folder)
    for name in LASTING:
        durable.remove(places.credentials / name)
    for path in (places.config, places.keyboard, places.keyboards, places.localtime):
        durable.remove(path)
    _sync(places, *folders, places.credentials, places.keyboards.parent)
    return True


def was_restoring(places: Places) -> bool:
    """Whether what was interrupted brought a kiosk back: then its sheets are good, and must be kept."""
    return places.begun.exists() and places.begun.read_bytes() == _RESTORE


def begin(places: Places, *, restore: bool = False) -> None:
    """Say that from here on what is found is unfinished."""
    durable.write_atomic(places.begun, _RESTORE if restore else b"")


def end(places: Places) -> None:
    """Say that all is there; when this returns no crash takes it back."""
    durable.publish(places.begun, places.ready)
    _sync(places)


def repaired(places: Places) -> None:
    """Let the kiosk start again after a repair, or as it was."""
    durable.publish(places.repair, places.ready)
    _sync(places)


def _empty(folder: Path) -> None:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.suffix == ".key":
            durable.destroy(path)
        else:
            durable.remove(path)


def _sync(places: Places, *folders: Path) -> None:
    descriptor = durable.open_dir(places.site)
    try:
        durable.sync_dirs(descriptor, [places.site, *(one for one in folders if one.is_dir())])
    finally:
        os.close(descriptor)

"""An empty store: folders, first epoch, recovery slot, escrow. `Vault.create` makes it and opens it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from medkiosk import devicesecret, durable
from medkiosk.core.clock import Clock, rfc3339
from medkiosk.core.ids import Random, new_id
from medkiosk.devicesecret import DeviceSecrets, DeviceSecretsExistError
from medkiosk.durable import Disk
from medkiosk.vault.db import Database
from medkiosk.vault.epochs import make_epoch
from medkiosk.vault.errors import VaultExistsError
from medkiosk.vault.keyrows import put_epoch, put_escrow, put_slot
from medkiosk.vault.keys import KEY_SIZE, IndexKeys, Secret
from medkiosk.vault.reader import FORMAT_LINE
from medkiosk.vault.recovery import recovery_public, recovery_slot, seal_escrow


def make_store(
    root: Path,
    *,
    index: IndexKeys,
    device: DeviceSecrets,
    escrow: Mapping[str, bytes],
    random: Random,
    clock: Clock,
    disk: Disk,
) -> list[str]:
    """Make an empty store and return the three recovery mnemonics; arguments and errors as `Vault.create`."""
    if root.exists():
        if any(root.iterdir()):
            raise VaultExistsError(path=root)
        root.chmod(0o700)
    if device.generations():
        raise DeviceSecretsExistError(path=device.source)
    if not root.exists():
        durable.make_dir(root)
    _lay_out(root, disk)
    store_id = new_id(random)
    master, secret = Secret(random(KEY_SIZE)), Secret(random(devicesecret.SIZE))
    device.put(1, secret.reveal())
    slot, shares = recovery_slot(master, index, random=random)
    public = recovery_public(slot, index)
    first, keys = make_epoch(
        1,
        master=master,
        generation=1,
        device_secret=secret,
        recovery=public,
        index=index,
        opened_at=rfc3339(clock()),
        random=random,
    )
    for one in (master, secret, keys):
        one.wipe()
    disk.create(root / "vault.db").close()
    database = Database.create(root / "vault.db")
    with database.transaction() as tx:
        put_epoch(tx, first)
        put_slot(tx, slot)
        put_escrow(tx, seal_escrow(escrow, public))
        tx.execute("INSERT INTO state VALUES (1, ?, 1, 0, 1)", (store_id,))
    database.close()
    # The last file makes it a store: a creation that was cut short leaves a folder that no one opens.
    disk.write_atomic(root / "format", f"{FORMAT_LINE}\n{store_id}\n".encode())
    return shares


def _lay_out(root: Path, disk: Disk) -> None:
    root_fd = durable.open_dir(root)
    try:
        folders = [root / "tmp", *(root / "objects" / f"{first:02x}" for first in range(256))]
        (root / "objects").mkdir(mode=0o700)
        for folder in folders:
            folder.mkdir(mode=0o700)
        disk.sync_dirs(root_fd, [root, root / "objects", *folders])
    finally:
        os.close(root_fd)

"""What must be true after a disposal that was cut short, and once it was completed.

What stays opens, what goes is gone in the end, the ledger agrees, and a copy made before opens nothing.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from medkiosk.core.errors import KioskError
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.offline.verify import verify
from medkiosk.vault.errors import DisposedError
from tests.retention.crash_worker import PASSPHRASE, USER
from tests.stores import CHEAP, create, device, reopen
from tests.vault import crash_worker as batches
from tests.vault.crash_worker import ORIGIN, SEED, content


def make(root: Path) -> Path:
    """A closed store with two batches of pictures, and one person."""
    vault, shares = create(root, random=os.urandom)
    with vault.unlock_recovery(shares) as identity:
        identity.add_user_slot(USER, PASSPHRASE, params=CHEAP, allow_weak=True)
    vault.close()
    Log.create(root / "ledger", Signer(ORIGIN, SEED))
    batches.run(root, 2)
    return root


def copied(template: Path, root: Path) -> Path:
    """Another copy of the store, and of the machine's secrets."""
    shutil.copytree(template, root)
    shutil.copytree(device(template).folder, device(root).folder)
    return root


def opens(root: Path) -> list[bytes]:
    """What somebody with a passphrase can open now."""
    found = []
    with reopen(root, random=os.urandom) as vault, vault.unlock(USER, PASSPHRASE) as identity:
        for row in vault.objects():
            try:
                found.append(b"".join(vault.read_object(row.id, identity.open_key(row.id))))
            except DisposedError:
                found.append(b"")
    return found


def check(root: Path, template: Path, copy: Path) -> None:
    """It is done, and rightly."""
    count = 2 * batches.PER_BATCH
    assert opens(root) == [b"", *(content(number) for number in range(1, count))]
    assert len(list((root / "objects").rglob("??????*"))) == count - 1
    assert verify(root).problems == ()
    assert len(device(root).generations()) == 1
    # The disk of before, in the machine of now.
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(template, copy)
    shutil.copytree(device(root).folder, device(copy).folder, dirs_exist_ok=True)
    with reopen(copy, random=os.urandom) as vault, pytest.raises(KioskError):
        vault.unlock(USER, PASSPHRASE)


def check_between(root: Path, *, finished: bool) -> None:
    """Wherever it stands, nothing that stays is lost; where it was finished, what goes is gone."""
    between = opens(root)
    whole = [content(n) for n in range(2 * batches.PER_BATCH)]
    assert between[1:] == whole[1:]
    assert between[0] in ((b"",) if finished else (b"", whole[0]))

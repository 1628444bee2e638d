"""What `test_every_call` kills: one change of keys on a store, as the daemon or kioskctl makes it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from medkiosk.devicesecret import FileSecrets
from medkiosk.offline.adopt import adopt
from medkiosk.vault.epochs import MAX_AGE
from tests.stores import CHEAP, ESCROW, clock, reopen

CHANGES = ("slot", "recovery", "rotate", "adopt")


def change(folder: Path, what: str, shares: Sequence[str]) -> None:
    """Make one change to the store in ``folder``; new words are said before they are taken into use."""
    root = folder / "store"
    if what == "adopt":
        secrets = FileSecrets(folder / "new-device")
        adopt(
            root,
            shares,
            device=secrets,
            keys_folder=folder / "keys",
            memory=secrets.folder,
            origin="test.invalid/ledger",
            random=os.urandom,
            clock=clock,
        )
        return
    later = lambda: clock() + MAX_AGE + timedelta(days=1)  # noqa: E731 -- for one call
    with reopen(root, random=os.urandom, clock=later) as vault, vault.unlock_recovery(shares) as identity:
        match what:
            case "slot":
                identity.replace_user_slot("ana", "new", params=CHEAP, allow_weak=True)
            case "recovery":
                slot, words = identity.prepare_recovery()
                os.write(1, "".join(f"words {one}\n" for one in words).encode())
                identity.put_recovery(slot, ESCROW)
            case "rotate":
                identity.rotate()

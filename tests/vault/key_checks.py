"""What must be true after a change of keys that was cut short: it happened or it did not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from medkiosk.devicesecret import FileSecrets
from medkiosk.vault.batch import Batch
from medkiosk.vault.errors import WrongPassphraseError, WrongSharesError
from medkiosk.vault.store import Vault
from tests.stores import CHEAP, ESCROW, INDEX_KEY, clock, create, reopen, seeded
from tests.vault.key_worker import change


class Template:
    """A closed store in a folder, with two epochs, one picture in each, and one person."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        vault, self.shares = create(folder / "store", random=seeded(1))
        with vault, vault.unlock_recovery(self.shares[:2]) as identity:
            identity.add_user_slot("ana", "old", params=CHEAP, allow_weak=True)
            for content in (b"one", b"two"):
                writer = vault.start("original")
                writer.write(content)
                vault.commit(Batch(objects=[writer.finish()]))
                if content == b"one":
                    with vault._db.transaction() as tx:
                        identity.open_epoch_under(tx, 1)


class Outcome:
    """What a change that was cut short left behind."""

    def __init__(self, folder: Path, old: list[str], said: list[str]) -> None:
        self.folder, self.root, self.old = folder, folder / "store", old
        self.done = "done" in said
        self.words = [line.removeprefix("words ") for line in said if line.startswith("words ")]

    def contents(self, vault: Vault, shares: list[str]) -> list[bytes]:
        with vault.unlock_recovery(shares) as identity:
            return [b"".join(vault.read_object(r.id, identity.open_key(r.id))) for r in vault.objects()]


def opens(vault: Vault, passphrase: str) -> bool:
    try:
        vault.unlock("ana", passphrase).close()
    except WrongPassphraseError:
        return False
    return True


def check_slot(left: Outcome) -> None:
    with reopen(left.root, random=os.urandom) as vault:
        found = (opens(vault, "old"), opens(vault, "new"))
        assert found == (False, True) or (not left.done and found == (True, False))
        assert left.contents(vault, left.old[1:]) == [b"one", b"two"]


def check_recovery(left: Outcome) -> None:
    with reopen(left.root, random=os.urandom) as vault:
        try:
            assert left.contents(vault, left.old[1:]) == [b"one", b"two"]
            assert not left.done
            good, bad = left.old, left.words
        except WrongSharesError:
            good, bad = left.words, left.old
        assert left.contents(vault, good[1:]) == [b"one", b"two"]
        assert {n: s.reveal() for n, s in vault.open_escrow(good[:2]).items()} == ESCROW
        if bad:
            with pytest.raises(WrongSharesError):
                vault.unlock_recovery(bad[1:])
        assert opens(vault, "old")


def check_rotate(left: Outcome) -> None:
    with reopen(left.root, random=os.urandom) as vault:
        assert vault.current_epoch in ((3,) if left.done else (2, 3))
        assert [row.epoch for row in vault.epochs()] == list(range(1, vault.current_epoch + 1))
        writer = vault.start("original")
        writer.write(b"three")
        vault.commit(Batch(objects=[writer.finish()]))
        assert left.contents(vault, left.old[1:]) == [b"one", b"two", b"three"]
        assert opens(vault, "old")


def check_adopt(left: Outcome) -> None:
    if not left.done:
        change(left.folder, "adopt", left.old[:2])
    secrets = FileSecrets(left.folder / "new-device")
    with Vault.open(left.root, index_key=INDEX_KEY, device=secrets, random=os.urandom, clock=clock) as vault:
        assert vault.device_problem is None
        assert opens(vault, "old")
        assert left.contents(vault, left.old[1:]) == [b"one", b"two"]
    assert sorted(p.name for p in (left.folder / "keys").iterdir()) == [
        "export.key",
        "index.key",
        "ledger.key",
    ]
    assert [p.name for p in secrets.folder.iterdir()] == ["device-1.key"]


CHECKS: dict[str, Callable[[Outcome], None]] = {
    "slot": check_slot,
    "recovery": check_recovery,
    "rotate": check_rotate,
    "adopt": check_adopt,
}

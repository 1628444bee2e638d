"""An older copy in the store's place destroys nothing that the newest store needs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from medkiosk.vault.batch import Batch
from medkiosk.vault.disposal import NextSecretExistsError
from tests.stores import CHEAP, create, device, reopen, seeded

USER, PASSPHRASE = "anna", "correct horse battery"


def test_an_older_copy_that_is_started_leaves_the_newest_stores_secret(tmp_path: Path) -> None:
    root, old, new = tmp_path / "store", tmp_path / "old", tmp_path / "new"
    vault, shares = create(root, random=seeded(1))
    with vault.unlock_recovery(shares) as identity:
        identity.add_user_slot(USER, PASSPHRASE, params=CHEAP, allow_weak=True)
    ids = []
    for content in (b"goes", b"stays"):
        writer = vault.start("original")
        writer.write(content)
        pending = writer.finish()
        vault.commit(Batch(objects=[pending]))
        ids.append(pending.id)
    vault.close()
    shutil.copytree(root, old)
    with reopen(root, random=seeded(2)) as vault, vault.unlock(USER, PASSPHRASE) as identity:
        running = vault.disposals.begin(identity, "d" * 32, ids[:1])
        vault.disposals.move(identity, running.plan)  # the machine goes down here
    secrets = {number: device(root).read(number) for number in device(root).generations()}
    assert list(secrets) == [1, 2]

    root.rename(new)
    shutil.copytree(old, root)
    with reopen(root, random=seeded(3)) as vault, vault.unlock(USER, PASSPHRASE) as identity:
        for _ in range(2):
            with pytest.raises(NextSecretExistsError, match="Put the newest copy back"):
                vault.disposals.begin(identity, "e" * 32, ids[1:])
        assert vault.disposals.running() is None
    assert {number: device(root).read(number) for number in device(root).generations()} == secrets

    shutil.rmtree(root)
    new.rename(root)
    with reopen(root, random=seeded(4)) as vault:
        assert vault.device_problem is None
        with vault.unlock(USER, PASSPHRASE) as identity:
            assert b"".join(vault.read_object(ids[1], identity.open_key(ids[1]))) == b"stays"


def test_a_beginning_that_failed_here_is_begun_again(tmp_path: Path) -> None:
    vault, shares = create(tmp_path / "store", random=seeded(1))
    with vault, vault.unlock_recovery(shares) as identity:
        for _ in range(2):
            with pytest.raises(ValueError, match="nothing to destroy"):
                vault.disposals.begin(identity, "d" * 32, ["0" * 32])
    assert device(tmp_path / "store").generations() == [1, 2]
    with reopen(tmp_path / "store", random=seeded(2)) as vault:
        vault.settle_device()
    assert device(tmp_path / "store").generations() == [1]

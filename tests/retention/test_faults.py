"""A disposal on a disk of which one call fails, or was carried out and is reported as failed.

`tests.vault.test_every_call` does the same to the daemon with the kernel's own errors; here are the failures
that a kernel cannot be asked for: the operation is on the device, and the program is told that it is not.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medkiosk.devicesecret import FileSecrets
from medkiosk.vault.batch import Batch
from medkiosk.vault.db import CommitUnknownError
from medkiosk.vault.disposal import Step
from medkiosk.vault.errors import DisposedError, VaultStoppedError, VaultWriteError
from medkiosk.vault.store import Vault
from tests.disk import FailingCommits, FailingDisk
from tests.stores import CHEAP, INDEX_KEY, clock, create, seeded

USER, PASSPHRASE = "anna", "correct horse battery"
CONTENTS = [b"photo %d" % number * 50 for number in range(4)]
REPORTED = (OSError, VaultWriteError, VaultStoppedError, CommitUnknownError)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    root = tmp_path_factory.mktemp("faults") / "store"
    vault, shares = create(root, random=seeded(1))
    ids: list[str] = []
    with vault.unlock_recovery(shares) as identity:
        identity.add_user_slot(USER, PASSPHRASE, params=CHEAP, allow_weak=True)
    for content in CONTENTS:
        writer = vault.start("original")
        writer.write(content)
        pending = writer.finish()
        vault.commit(Batch(objects=[pending]))
        ids.append(pending.id)
    vault.close()
    return root, ids


def copied(template: Path, root: Path) -> Path:
    shutil.copytree(template, root)
    shutil.copytree(template.with_name(template.name + "-device"), root.with_name(root.name + "-device"))
    return root


def opened(root: Path, **settings: Any) -> Vault:
    folder = root.with_name(root.name + "-device")
    secrets = FileSecrets(folder, disk=settings["disk"]) if "disk" in settings else FileSecrets(folder)
    vault = Vault.open(root, index_key=INDEX_KEY, device=secrets, random=os.urandom, clock=clock, **settings)
    vault.settle_device()
    return vault


def dispose(vault: Vault, gone: str) -> None:
    """Begin a disposal, or go on with the one that is there, to its end."""
    disposals = vault.disposals
    with vault.unlock(USER, PASSPHRASE) as identity:
        try:
            identity.open_key(gone)
        except DisposedError:
            running = disposals.running()
        else:
            running = disposals.running() or disposals.begin(identity, "d" * 32, [gone])
        while running is not None:
            now = running
            if now.step is Step.MOVING:
                while disposals.move(identity, now.plan):
                    pass
                vault.commit(Batch(also=lambda tx, now=now: disposals.destroy(tx, identity, now)))  # type: ignore[misc]
                identity.forget_epochs(now.plan.doomed)
            elif now.step is Step.DESTROYING:
                disposals.destroy_secret(now)
            else:
                disposals.erase(now)
                vault.commit(Batch(also=lambda tx, now=now: disposals.finish(tx, now)))  # type: ignore[misc]
            running = disposals.running()


def check(root: Path, ids: list[str], template: Path, copy: Path) -> None:
    """After the next start: what was named is gone everywhere, everything else opens, one secret is left."""
    with opened(root) as vault:
        dispose(vault, ids[1])
        with vault.unlock(USER, PASSPHRASE) as identity:
            for id_, content in zip(ids, CONTENTS, strict=True):
                if id_ == ids[1]:
                    with pytest.raises(DisposedError):
                        identity.open_key(id_)
                else:
                    assert b"".join(vault.read_object(id_, identity.open_key(id_))) == content
        assert not (root / "objects" / ids[1][:2] / ids[1]).exists()
        secrets = FileSecrets(root.with_name(root.name + "-device"))
        assert secrets.generations() == [vault.generation]
    # The disk of before, in the machine of now: no passphrase opens it.
    shutil.copytree(template, copy)
    shutil.copytree(root.with_name(root.name + "-device"), copy.with_name(copy.name + "-device"))
    with opened(copy) as old, pytest.raises(Exception, match="device secret"):
        old.unlock(USER, PASSPHRASE)


def sweep(attempt: Callable[[int], bool], most: int) -> int:
    """Let each call fail once, until none is left to fail; return how many there were."""
    for at in range(1, most):
        if not attempt(at):
            return at - 1
    raise AssertionError("it does not end")


@pytest.mark.parametrize("persisted", [False, True])
def test_each_durable_call_fails_once(
    template: tuple[Path, list[str]], tmp_path: Path, *, persisted: bool
) -> None:
    store, ids = template

    def attempt(at: int) -> bool:
        root = copied(store, tmp_path / f"{at}")
        disk = FailingDisk(at, persisted=persisted)
        try:
            with opened(root, disk=disk) as vault:
                dispose(vault, ids[1])
            told = False
        except REPORTED:
            told = True
        assert told == disk.failed, "what failed is said, and nothing else is"
        check(root, ids, store, tmp_path / f"{at}-before")
        return told

    assert sweep(attempt, 30) >= 4


@pytest.mark.parametrize("persisted", [False, True])
def test_each_commit_fails_once(template: tuple[Path, list[str]], tmp_path: Path, *, persisted: bool) -> None:
    store, ids = template

    def attempt(at: int) -> bool:
        root = copied(store, tmp_path / f"{at}")
        vault = opened(root)
        real = vault._db._connection
        failing = FailingCommits(at, persisted=persisted)
        vault._db._connection = failing.on(real)
        told = False
        try:
            dispose(vault, ids[1])
        except REPORTED:
            told = True
        finally:
            vault._db._connection = real
            vault.close()
        assert told == failing.failed
        check(root, ids, store, tmp_path / f"{at}-before")
        return told

    assert sweep(attempt, 20) >= 5  # begin, move, destroy, the secret's end, finish

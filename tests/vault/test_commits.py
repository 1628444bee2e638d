"""Changes of keys whose COMMIT is reported as failed, and was carried out or not: either way all is as before
or as after, for whoever opens the store next, and never in between.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from medkiosk.vault.batch import Batch
from medkiosk.vault.db import CommitUnknownError
from medkiosk.vault.errors import VaultStoppedError, WrongPassphraseError, WrongSharesError
from medkiosk.vault.identity import Identity
from medkiosk.vault.store import Vault
from tests.disk import FailingCommits
from tests.stores import CHEAP, ESCROW, create, reopen, seeded

OLD, NEW = "correct horse battery", "tulips beneath granite ladders"
REPORTED = (CommitUnknownError, VaultStoppedError)
CONTENT = b"a picture"


def later() -> datetime:
    """When a new epoch is due."""
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=31)


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, list[str], str]:
    root = tmp_path / "store"
    vault, shares = create(root, random=seeded(1))
    with vault.unlock_recovery(shares[:2]) as identity:
        identity.add_user_slot("ana", OLD, params=CHEAP, allow_weak=True)
    writer = vault.start("original")
    writer.write(CONTENT)
    pending = writer.finish()
    vault.commit(Batch(objects=[pending]))
    vault.close()
    return root, shares, pending.id


def fails(root: Path, change: Callable[[Identity], object], at: int, *, persisted: bool) -> bool:
    """Make a change while the ``at``-th COMMIT fails; tell whether there was one to fail."""
    vault = reopen(root, random=os.urandom, clock=later)
    real = vault._db._connection
    commits = FailingCommits(at, persisted=persisted)
    told = False
    try:
        with vault.unlock("ana", OLD) as identity:
            vault._db._connection = commits.on(real)
            change(identity)
    except REPORTED:
        told = True
    finally:
        vault._db._connection = real
        vault.close()
    assert told == commits.failed, "what failed is said"
    return told


def opens_with(vault: Vault, passphrase: str, object_id: str) -> bool:
    """Tell whether a passphrase opens the vault; what it opens is whole."""
    try:
        with vault.unlock("ana", passphrase) as identity:
            return b"".join(vault.read_object(object_id, identity.open_key(object_id))) == CONTENT
    except WrongPassphraseError:
        return False


def opens_with_words(vault: Vault, shares: list[str], object_id: str) -> bool:
    try:
        with vault.unlock_recovery(shares[:2]) as identity:
            return b"".join(vault.read_object(object_id, identity.open_key(object_id))) == CONTENT
    except WrongSharesError:
        return False


@pytest.mark.parametrize("persisted", [False, True])
def test_another_passphrase(made: tuple[Path, list[str], str], *, persisted: bool) -> None:
    root, shares, id_ = made
    assert fails(root, lambda identity: identity.change_user_passphrase("ana", NEW), 1, persisted=persisted)
    with reopen(root, random=os.urandom) as vault:
        assert opens_with(vault, NEW if persisted else OLD, id_)
        assert not opens_with(vault, OLD if persisted else NEW, id_)
        assert opens_with_words(vault, shares, id_)


@pytest.mark.parametrize("persisted", [False, True])
def test_a_person_who_leaves(made: tuple[Path, list[str], str], *, persisted: bool) -> None:
    root, shares, id_ = made
    assert fails(root, lambda identity: identity.remove_user_slot("ana"), 1, persisted=persisted)
    with reopen(root, random=os.urandom) as vault:
        assert opens_with(vault, OLD, id_) == (not persisted)
        assert opens_with_words(vault, shares, id_)


@pytest.mark.parametrize("persisted", [False, True])
def test_another_epoch(made: tuple[Path, list[str], str], *, persisted: bool) -> None:
    root, shares, id_ = made
    at = 0
    while fails(root, lambda identity: identity.rotate(), at := at + 1, persisted=persisted):
        with reopen(root, random=os.urandom) as vault:
            newest = max(row.epoch for row in vault.epochs())
            assert vault.current_epoch == newest
            writer = vault.start("original")
            writer.write(CONTENT)
            more = writer.finish()
            vault.commit(Batch(objects=[more]))
            for one in (id_, more.id):
                assert opens_with(vault, OLD, one)
                assert opens_with_words(vault, shares, one)
    assert at > 1


@pytest.mark.parametrize("persisted", [False, True])
def test_new_recovery_sheets(made: tuple[Path, list[str], str], *, persisted: bool) -> None:
    root, shares, id_ = made
    printed: list[str] = []

    def replace(identity: Identity) -> None:
        slot, words = identity.prepare_recovery()  # they are shown before anything is changed
        printed[:] = words
        identity.put_recovery(slot, ESCROW)

    assert fails(root, replace, 1, persisted=persisted)
    with reopen(root, random=os.urandom) as vault:
        assert opens_with(vault, OLD, id_)
        assert opens_with_words(vault, printed, id_) == persisted
        assert opens_with_words(vault, shares, id_) == (not persisted)

"""The archive on a real S3 server with Object Lock: what is sent, kept, refused, found and deleted."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from medkiosk.archive import push as archive
from medkiosk.archive.drive import DriveStore
from medkiosk.archive.errors import (
    ForkError,
    NoLockError,
    NotABackupError,
    OlderDriveError,
    UnreachableError,
)
from medkiosk.archive.push import Result
from medkiosk.archive.remote import Lock, Remote, Target
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.offline.verify import verify
from tests.archive.conftest import LOCK, clock
from tests.offline.conftest import ORIGIN, SEED, Store, leaf


def push(drive: Store, remote: Remote, **options: Any) -> Result:
    arguments: dict[str, Any] = {"lock": LOCK, "keys_days": 2, "clock": clock, **options}
    return archive.push(drive.root, remote, **arguments)


def more(drive: Store, count: int = 1) -> None:
    """The ledger goes on."""
    log = Log.open(drive.root / "ledger", Signer(ORIGIN, SEED))
    log.append([leaf("kiosk.started", 30 + number % 20) for number in range(count)])


def test_a_push_sends_everything_and_the_next_one_nothing(drive: Store, remote: Remote) -> None:
    assert archive.status(drive.root, remote).waiting > 8
    first = push(drive, remote)
    assert (first.problems, first.waiting) == ([], 0)
    assert first.sent >= len(drive.originals) + len(drive.others) + 4
    again = push(drive, remote)
    assert (again.sent, again.problems, again.held) == (0, [], len(drive.originals) + len(drive.others))
    for read in (False, True):
        compared = archive.verify(drive.root, remote, clock=clock, read=read)
        assert (compared.problems, compared.waiting) == ([], 0)
    assert len(compared.databases) == 1


def test_what_is_there_is_locked_for_everyone(drive: Store, remote: Remote, client: Any, bucket: str) -> None:
    store_id = push(drive, remote).store_id
    versions = client.list_object_versions(Bucket=bucket, Prefix=store_id)["Versions"]
    assert len(versions) > 10
    for one in versions:
        for bypass in (False, True):
            with pytest.raises(ClientError, match="AccessDenied"):
                client.delete_object(
                    Bucket=bucket,
                    Key=one["Key"],
                    VersionId=one["VersionId"],
                    BypassGovernanceRetention=bypass,
                )
    with pytest.raises(ClientError, match="AccessDenied"):
        client.put_object_retention(
            Bucket=bucket,
            Key=versions[0]["Key"],
            Retention={"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(minutes=1)},
        )
    assert archive.verify(drive.root, remote, clock=clock, read=True).problems == []


def test_a_store_rebuilt_from_the_archive_alone_is_whole(
    drive: Store, remote: Remote, client: Any, bucket: str, tmp_path: Path
) -> None:
    more(drive, 300)  # a full bundle, and a partial one
    result = push(drive, remote)
    back = tmp_path / "back"
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for one in page["Contents"]:
            name = one["Key"].removeprefix(result.store_id + "/")
            top = name.partition("/")[0]
            name = {"checkpoints": "ledger/checkpoint", "vkey": "ledger/vkey", "vault.db": "vault.db"}.get(
                top, name
            )
            (back / name).parent.mkdir(parents=True, exist_ok=True)
            (back / name).write_bytes(client.get_object(Bucket=bucket, Key=one["Key"])["Body"].read())
    for path in sorted(path.relative_to(back) for path in back.rglob("*") if path.is_file()):
        assert (back / path).read_bytes() == (drive.root / path).read_bytes()
    problems = [problem.code for problem in verify(back, drive.vkey).problems]
    assert problems == [problem.code for problem in verify(drive.root, drive.vkey).problems]


def test_only_what_is_new_is_sent(drive: Store, remote: Remote) -> None:
    push(drive, remote)
    more(drive)
    grown = push(drive, remote)
    assert grown.sent == 3  # a partial tile, a partial bundle, a checkpoint
    assert grown.archived_ledger_size == grown.ledger_size - 1


def test_an_interrupted_push_goes_on(drive: Store, remote: Remote, client: Any, bucket: str) -> None:
    class CutError(Exception):
        pass

    def cut(done: int, total: int) -> None:
        if done > total // 2:
            raise CutError

    with pytest.raises(CutError):
        push(drive, remote, progress=cut, parallel=1)
    there = client.list_objects_v2(Bucket=bucket)["KeyCount"]
    assert there
    assert not [one for one in client.list_objects_v2(Bucket=bucket)["Contents"] if "vault.db" in one["Key"]]
    done = push(drive, remote)
    assert done.problems == []
    assert done.sent > 0
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == there + done.sent + 1  # and vault.db
    assert archive.verify(drive.root, remote, clock=clock, read=True).problems == []


def test_a_locked_copy_of_the_envelopes_is_told(drive: Store, remote: Remote) -> None:
    first = push(drive, remote, keys_days=2)
    drive.sql("DELETE FROM envelopes WHERE id = ?", drive.others[0])
    (drive.root / "vault.db-wal").unlink(missing_ok=True)
    more(drive)
    second = push(drive, remote)
    # The first copy is locked for two days: it goes with a later push, and until then everybody is told.
    assert [copy.key for copy in second.databases[:1]] == [copy.key for copy in first.databases]
    assert len(second.databases) == 2
    assert all(copy.until > clock().isoformat() for copy in second.databases)
    assert second.disposed == 1


def test_the_newest_copys_lock_is_lengthened_and_never_shortened(drive: Store, remote: Remote) -> None:
    [first] = push(drive, remote, keys_days=5).databases
    [same] = push(drive, remote, keys_days=2).databases
    [longer] = push(drive, remote, keys_days=9).databases
    assert (first.key, first.until) == (same.key, same.until)
    assert longer.until > first.until


def test_an_older_copy_that_is_not_locked_is_deleted(
    drive: Store, remote: Remote, client: Any, bucket: str
) -> None:
    store_id = DriveStore(drive.root).store_id
    old = f"{store_id}/vault.db/{1:019d}-{'0' * 64}"
    client.put_object(Bucket=bucket, Key=old, Body=b"older envelopes")
    client.put_object(Bucket=bucket, Key=old, Body=b"older envelopes, again")
    result = push(drive, remote)
    assert len(result.databases) == 1
    left = client.list_object_versions(Bucket=bucket, Prefix=f"{store_id}/vault.db/")
    assert [one["Key"] != old for one in left["Versions"]] == [True]


def test_damage_on_the_drive_is_not_sent(drive: Store, remote: Remote) -> None:
    damaged, missing = list(drive.originals)[1], drive.others[0]
    blob = drive.blob(damaged)
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    blob.write_bytes(data)
    drive.blob(missing).unlink()
    result = push(drive, remote)
    assert {(problem.code, problem.key[-32:]) for problem in result.problems} == {
        ("drive.damaged", damaged),
        ("drive.missing", missing),
    }
    found = archive.verify(drive.root, remote, clock=clock)
    assert {problem.code for problem in found.problems} == {"archive.missing"}
    assert {problem.key[-32:] for problem in found.problems} == {damaged, missing}


def test_other_bytes_a_lost_lock_and_a_loss_are_found(
    drive: Store, remote: Remote, client: Any, bucket: str
) -> None:
    store_id = push(drive, remote).store_id
    other, hidden, *_ = (f"{store_id}/objects/{id_[:2]}/{id_}" for id_ in drive.originals)
    size = client.head_object(Bucket=bucket, Key=other)["ContentLength"]
    changed = bytes(size)
    client.put_object(
        Bucket=bucket,
        Key=other,
        Body=changed,
        ChecksumAlgorithm="SHA256",
        ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate=LOCK.until,
    )
    client.delete_object(Bucket=bucket, Key=hidden)  # only hides it: the version beneath is locked
    result = archive.verify(drive.root, remote, clock=clock)
    assert {(one.code, one.key) for one in result.problems} == {
        ("archive.other", other),
        ("archive.missing", hidden),
    }
    later = archive.verify(drive.root, remote, clock=lambda: LOCK.until + timedelta(days=1))
    assert {one.code for one in later.problems} == {"archive.other", "archive.missing", "archive.unlocked"}
    again = push(drive, remote)  # brings back what is missing
    assert (again.sent, [one.key for one in again.problems]) == (1, [])


def test_large_objects_go_in_parts(drive: Store, endpoint: str, bucket: str, client: Any) -> None:
    small = Remote(Target(endpoint, bucket), part=5 << 20, part_from=6 << 20)
    id_ = next(iter(drive.originals))
    content = b"film " * (3 << 20)
    drive.blob(id_).write_bytes(content)
    digest = hashlib.sha256(content).digest()
    drive.sql("UPDATE objects SET sealed_size = ?, sha256 = ? WHERE id = ?", len(content), digest, id_)
    result = push(drive, small)
    assert result.problems == []
    key = f"{result.store_id}/objects/{id_[:2]}/{id_}"
    head = client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"].endswith("-3")
    assert head["ObjectLockMode"] == "COMPLIANCE"
    assert archive.verify(drive.root, small, clock=clock, read=True).problems == []


def test_an_older_drive_and_a_forked_one_are_refused(drive: Store, remote: Remote, tmp_path: Path) -> None:
    older, forked = tmp_path / "older", tmp_path / "forked"
    shutil.copytree(drive.root, older)
    more(drive, 2)
    shutil.copytree(older, forked)
    log = Log.open(forked / "ledger", Signer(ORIGIN, SEED))
    log.append([leaf("kiosk.stopped", 59), leaf("kiosk.stopped", 58), leaf("kiosk.stopped", 57)])
    push(drive, remote)
    with pytest.raises(OlderDriveError):
        push(drive._replace(root=older), remote)
    with pytest.raises(ForkError):
        push(drive._replace(root=forked), remote)
    assert archive.verify(drive.root, remote, clock=clock).problems == []


def test_a_bucket_that_cannot_lock_gets_nothing(drive: Store, endpoint: str, client: Any) -> None:
    client.create_bucket(Bucket="unlocked-bucket")
    with pytest.raises(NoLockError):
        push(drive, Remote(Target(endpoint, "unlocked-bucket")))
    assert client.list_objects_v2(Bucket="unlocked-bucket")["KeyCount"] == 0


def test_a_kiosks_own_store_and_a_folder_are_refused(drive: Store, remote: Remote, tmp_path: Path) -> None:
    with pytest.raises(NotABackupError, match="no file named format"):
        push(drive._replace(root=tmp_path), remote)
    with sqlite3.connect(drive.root / "vault.db") as db:
        db.execute("UPDATE slots SET kind = 'passphrase'")
    db.close()
    for left in drive.root.glob("vault.db-*"):
        left.unlink()
    with pytest.raises(NotABackupError, match="passphrase"):
        push(drive, remote)


def test_no_bucket_no_server_no_credentials(
    drive: Store, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnreachableError):
        push(drive, Remote(Target(endpoint, "no-such-bucket")))
    with pytest.raises(UnreachableError):
        push(drive, Remote(Target("http://127.0.0.1:1", "bucket")))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    with pytest.raises(UnreachableError):
        push(drive, Remote(Target(endpoint, "bucket")))


def test_governance_is_what_was_asked_for(drive: Store, remote: Remote, client: Any, bucket: str) -> None:
    push(drive, remote, lock=Lock("GOVERNANCE", LOCK.until))
    for one in client.list_objects_v2(Bucket=bucket)["Contents"]:
        assert client.head_object(Bucket=bucket, Key=one["Key"])["ObjectLockMode"] == "GOVERNANCE"

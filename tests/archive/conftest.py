"""A server for all tests, a bucket with Object Lock for each, and a drive's store to send."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("botocore", reason="the extra medkiosk[archive] is not installed")

import botocore.session

from medkiosk.archive.remote import Lock, Remote, Target
from tests.archive.server import ACCESS, SECRET, s3_server
from tests.assets import asset
from tests.offline.conftest import Store, fill

NOW = datetime.now(UTC)
LOCK = Lock("COMPLIANCE", NOW + timedelta(days=3))


def clock() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        with s3_server(asset("weed"), tmp_path_factory.mktemp("s3")) as url:
            yield url


@pytest.fixture
def client(endpoint: str) -> Any:
    """Another client than the project's own use of it, to look and to break with."""
    return botocore.session.Session().create_client("s3", endpoint_url=endpoint, region_name="us-east-1")


@pytest.fixture
def bucket(client: Any) -> str:
    name = f"archive-{os.urandom(6).hex()}"
    client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


@pytest.fixture
def remote(endpoint: str, bucket: str) -> Remote:
    return Remote(Target(endpoint, bucket))


def as_drive(store: Store) -> Store:
    """Take away what a drive's store does not have (docs/backup.md)."""
    with sqlite3.connect(store.root / "vault.db") as db:
        db.execute("DELETE FROM slots WHERE kind <> 'recovery'")
    db.close()
    for left in store.root.glob("vault.db-*"):
        left.unlink()
    return store


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return as_drive(fill(tmp_path_factory.mktemp("drive") / "store"))


@pytest.fixture
def drive(pristine: Store, tmp_path: Path) -> Store:
    shutil.copytree(pristine.root, tmp_path / "store")
    return pristine._replace(root=tmp_path / "store")

"""An S3-compatible store with Object Lock, through botocore: the only module that knows it.

Every upload gives the SHA-256 that the bytes must have, so that the server refuses others, and is asked for
afterwards (HEAD with checksums). Objects above `PART_FROM` go in parts; their checksum is the hash of the
parts' hashes, followed by their number, as S3 defines it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from medkiosk.archive.drive import Item
from medkiosk.archive.errors import NoClientError, NoLockError, UnreachableError

if TYPE_CHECKING:
    from botocore.client import BaseClient

PART = 64 << 20
"""Bytes of a part."""

PART_FROM = 1 << 30
"""From here on an object goes in parts. S3 takes at most 5 GiB in one piece."""

_CHUNK = 1 << 20


class Target(NamedTuple):
    """Where the archive is. Credentials come from where botocore finds them (environment, files, roles)."""

    endpoint: str | None
    bucket: str
    region: str | None = None
    profile: str | None = None


class Lock(NamedTuple):
    """How long nobody may delete a version: ``mode`` is ``COMPLIANCE`` or ``GOVERNANCE``."""

    mode: str
    until: datetime


class Held(NamedTuple):
    """What the server says of one object's newest version."""

    size: int
    checksum: str
    part_size: int
    lock: Lock | None


class Version(NamedTuple):
    """One version of an object."""

    key: str
    version: str
    latest: bool


class DamagedSourceError(Exception):
    """The drive's bytes are not what its database says."""


class Remote:
    """One bucket. Whatever asks it may raise `UnreachableError`: no answer, or one that says no."""

    def __init__(self, target: Target, *, part: int = PART, part_from: int = PART_FROM) -> None:
        """Connect lazily.

        Raises:
            NoClientError: botocore is not installed.
        """
        try:
            import botocore.config
            import botocore.exceptions
            import botocore.session
        except ImportError as error:
            raise NoClientError from error
        self._bucket = target.bucket
        self._part, self._part_from = part, part_from
        self._errors = (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError)
        try:
            session = botocore.session.Session(profile=target.profile)
            self._client: BaseClient = session.create_client(
                "s3",
                endpoint_url=target.endpoint,
                region_name=target.region or session.get_config_variable("region") or "us-east-1",
                config=botocore.config.Config(
                    retries={"max_attempts": 5, "mode": "standard"},
                    s3={"addressing_style": "path" if target.endpoint else "auto"},
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                ),
            )
        except (*self._errors, ValueError) as error:
            raise UnreachableError(detail=error) from error

    def _call(self, operation: str, **arguments: object) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(Bucket=self._bucket, **arguments)
            return answer
        except self._errors as error:
            raise UnreachableError(detail=error) from error

    def check_lock(self) -> None:
        """Check that the bucket can lock.

        Raises:
            NoLockError: it cannot.
        """
        try:
            answer = self._client.get_object_lock_configuration(Bucket=self._bucket)
        except self._errors as error:
            if code_of(error) == "ObjectLockConfigurationNotFoundError":
                raise NoLockError(bucket=self._bucket) from error
            raise UnreachableError(detail=error) from error
        if answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") != "Enabled":
            raise NoLockError(bucket=self._bucket)

    def sizes(self, prefix: str) -> dict[str, int]:
        """Return the size of every object below ``prefix``, bytes, by key."""
        found: dict[str, int] = {}
        for page in self._pages("list_objects_v2", prefix):
            found.update({one["Key"]: one["Size"] for one in page.get("Contents", ())})
        return found

    def versions(self, prefix: str) -> list[Version]:
        """Return every version of every object below ``prefix``."""
        return [
            Version(one["Key"], one["VersionId"], one["IsLatest"])
            for page in self._pages("list_object_versions", prefix)
            for one in page.get("Versions", ())
        ]

    def _pages(self, operation: str, prefix: str) -> Iterator[dict[str, Any]]:
        try:
            yield from self._client.get_paginator(operation).paginate(Bucket=self._bucket, Prefix=prefix)
        except self._errors as error:
            raise UnreachableError(detail=error) from error

    def head(self, key: str, version: str | None = None) -> Held | None:
        """Return what is held under a key; None where there is nothing."""
        which = {"VersionId": version} if version else {}
        try:
            answer = self._client.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED", **which)
        except self._errors as error:
            if code_of(error) in ("404", "NoSuchKey", "NotFound"):
                return None
            raise UnreachableError(detail=error) from error
        lock = None
        if "ObjectLockMode" in answer and "ObjectLockRetainUntilDate" in answer:
            lock = Lock(answer["ObjectLockMode"], answer["ObjectLockRetainUntilDate"])
        part_size = int(answer.get("Metadata", {}).get("part-size", "0"))
        return Held(answer["ContentLength"], answer.get("ChecksumSHA256", ""), part_size, lock)

    def read(self, key: str) -> Iterator[bytes]:
        """Yield the bytes of a key's newest version."""
        body = self._call("get_object", Key=key)["Body"]
        try:
            yield from body.iter_chunks(_CHUNK)
        except self._errors as error:
            raise UnreachableError(detail=error) from error

    def put(self, item: Item, lock: Lock) -> None:
        """Store an item under lock.

        Raises:
            DamagedSourceError: its bytes do not have its hash.
        """
        held = {"ObjectLockMode": lock.mode, "ObjectLockRetainUntilDate": lock.until}
        if isinstance(item.source, bytes):
            self._put(item, item.source, held)
        elif item.size >= self._part_from:
            self._put_parts(item, item.source, held)
        else:
            with item.source.open("rb") as file:
                self._put(item, file, held)

    def _put(self, item: Item, body: object, held: dict[str, object]) -> None:
        checksum = base64.b64encode(bytes.fromhex(item.sha256)).decode()
        try:
            self._client.put_object(
                Bucket=self._bucket, Key=item.key, Body=body, ChecksumSHA256=checksum, **held
            )
        except self._errors as error:
            if isinstance(item.source, Path) and sha256_of(item.source) != item.sha256:
                raise DamagedSourceError from error
            raise UnreachableError(detail=error) from error

    def _put_parts(self, item: Item, path: Path, held: dict[str, object]) -> None:
        upload = self._call(
            "create_multipart_upload",
            Key=item.key,
            ChecksumAlgorithm="SHA256",
            Metadata={"part-size": str(self._part)},
            **held,
        )["UploadId"]
        try:
            whole = hashlib.sha256()
            parts: list[dict[str, object]] = []
            with path.open("rb") as file:
                while data := file.read(self._part):
                    whole.update(data)
                    checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
                    which = {"Key": item.key, "UploadId": upload, "PartNumber": len(parts) + 1}
                    sent = self._call("upload_part", Body=data, ChecksumSHA256=checksum, **which)
                    parts.append(
                        {"PartNumber": len(parts) + 1, "ETag": sent["ETag"], "ChecksumSHA256": checksum}
                    )
            if whole.hexdigest() != item.sha256:
                raise DamagedSourceError
            self._call(
                "complete_multipart_upload", Key=item.key, UploadId=upload, MultipartUpload={"Parts": parts}
            )
        except BaseException:
            self._call("abort_multipart_upload", Key=item.key, UploadId=upload)
            raise

    def retain(self, key: str, lock: Lock) -> None:
        """Lengthen a lock."""
        self._call(
            "put_object_retention", Key=key, Retention={"Mode": lock.mode, "RetainUntilDate": lock.until}
        )

    def delete(self, version: Version) -> bool:
        """Delete one version for good; whether the server did, which it does not while it is locked."""
        try:
            self._client.delete_object(Bucket=self._bucket, Key=version.key, VersionId=version.version)
        except self._errors as error:
            if code_of(error) == "AccessDenied":
                return False
            raise UnreachableError(detail=error) from error
        return True

    def each(self, items: list[Item], work: Callable[[Item], None], parallel: int) -> None:
        """Do ``work`` for all items, several at a time; the first error stops it."""
        with ThreadPoolExecutor(parallel, thread_name_prefix="archive") as pool:
            jobs = [pool.submit(work, item) for item in items]
            try:
                for job in jobs:
                    job.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def code_of(error: BaseException) -> str:
    """Return the code that the server gave."""
    answer = getattr(error, "response", {})
    return str(answer.get("Error", {}).get("Code", ""))


def sha256_of(path: Path) -> str | None:
    """Return a file's SHA-256 in hex; None where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def checksum_of(item: Item, part_size: int) -> str:
    """Return the checksum that S3 keeps for an item, in one piece (``part_size`` 0) or in parts."""
    if not part_size or isinstance(item.source, bytes):
        return base64.b64encode(bytes.fromhex(item.sha256)).decode()
    digests = []
    with item.source.open("rb") as file:
        while data := file.read(part_size):
            digests.append(hashlib.sha256(data).digest())
    return base64.b64encode(hashlib.sha256(b"".join(digests)).digest()).decode() + f"-{len(digests)}"

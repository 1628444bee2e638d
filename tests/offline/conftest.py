"""A small store with everything in it: two imports, derivatives, records, a ledger."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from medkiosk.core import canon
from medkiosk.core.events import OriginalSealed
from medkiosk.core.ids import KIOSK, CaptureId, ImportId, ObjectId
from medkiosk.core.photo import MediaKind
from medkiosk.ledger import entry
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.offline.restore import FileName
from medkiosk.vault.batch import Batch
from tests.stores import create, seeded

ORIGIN = "scratch.medkiosk.invalid/ledger"
SEED = bytes(range(32))
FILES = {"IMG_0001.JPG": 100_000, "IMG_0002.JPG": 16_384, "IMG_0003.JPG": 0, "IMG_0004.JPG": 1_500_000}


class Store(NamedTuple):
    root: Path
    vkey: str
    shares: list[str]
    originals: dict[str, bytes]  # by object id
    others: list[str]

    def blob(self, object_id: str) -> Path:
        return self.root / "objects" / object_id[:2] / object_id

    def sql(self, statement: str, *values: object) -> None:
        with sqlite3.connect(self.root / "vault.db") as connection:
            connection.execute(statement, values)
        connection.close()


def name_of(payload: bytes) -> FileName | None:
    event = json.loads(payload)
    return FileName(event["object_id"], event["folder"], event["file"]) if "file" in event else None


def leaf(type_: str, second: int, **members: object) -> bytes:
    at = f"2026-01-01T00:00:{second:02d}.000Z"
    return entry.encode(entry.Leaf(type=type_, at=at, actor="kiosk", **members))  # type: ignore[arg-type]


def fill(root: Path) -> Store:
    random = seeded(5)
    vault, shares = create(root, random=random)
    signer = Signer(ORIGIN, SEED)
    log = Log.create(root / "ledger", signer)
    originals: dict[str, bytes] = {}
    others: list[str] = []

    def journal(batch: Batch) -> None:
        vault.commit(batch)
        waiting = vault.outbox()
        log.append_once(waiting)
        vault.outbox_done(waiting[-1][0])

    journal(Batch(leaves=[leaf("kiosk.started", 0)]))
    for second, (name, size) in enumerate(FILES.items(), 1):
        content = random(size)
        writer = vault.start("original")
        writer.write(content)
        sealed = writer.finish()
        originals[sealed.id] = content
        writer = vault.start("derivative")
        writer.write(content[: size // 2])
        derivative = writer.finish()
        others.append(derivative.id)
        said = OriginalSealed(
            at=f"2026-01-01T00:00:{second:02d}.000Z",
            actor=KIOSK,
            import_id=ImportId("1" * 32),
            capture_id=CaptureId(f"{second:032x}"),
            object_id=ObjectId(sealed.id),
            storage="card",
            folder="DCIM/100CANON",
            file=name,
            size=size,
            mtime=0,
            media=MediaKind.OTHER,
        )
        record = vault.seal_record("event", canon.encode(said))
        journal(
            Batch(
                objects=[sealed, derivative],
                records=[record],
                leaves=[
                    leaf("original.sealed", second, record=record.ref, objects=(sealed.ref,)),
                    leaf("redacted", second, objects=(derivative.ref,)),
                ],
            )
        )
    vault.close()
    return Store(root, signer.vkey, shares, originals, others)


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return fill(tmp_path_factory.mktemp("pristine") / "store")


@pytest.fixture
def store(pristine: Store, tmp_path: Path) -> Store:
    shutil.copytree(pristine.root, tmp_path / "store")
    return pristine._replace(root=tmp_path / "store")


Damage = Callable[[Store], object]

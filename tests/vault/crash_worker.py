"""What `test_every_call` kills: commits batches as the daemon does, and says what is acknowledged."""

from __future__ import annotations

import os
from pathlib import Path

from medkiosk.ledger import entry
from medkiosk.ledger.entry import Leaf
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.vault.batch import Batch
from medkiosk.vault.schema import SeenRow
from medkiosk.vault.store import Vault
from medkiosk.vault.writer import PendingObject
from tests.stores import reopen

ORIGIN = "scratch.medkiosk.invalid/ledger"
SEED = bytes(range(32))
AT = "2026-01-01T00:00:00.000Z"
PER_BATCH = 5  # more than durable.SMALL_GROUP


def content(number: int) -> bytes:
    """The same bytes for the same number, in another process too."""
    return b"photo %d " % number * (1000 * (number % 7) + 1)


def run(root: Path, batches: int) -> None:
    with reopen(root, random=os.urandom) as vault:
        log = Log.open(root / "ledger", Signer(ORIGIN, SEED))
        recover(vault, log)
        number = 0
        for _ in range(batches):
            sealed: list[PendingObject] = []
            seen: list[SeenRow] = []
            while len(sealed) < PER_BATCH:
                tag = vault.tag(b"%d" % number)
                if vault.seen(tag) is None:
                    writer = vault.start("original")
                    writer.write(content(number))
                    sealed.append(writer.finish())
                    seen.append(SeenRow(tag, vault.tag(sealed[-1].plain_sha256), sealed[-1].id))
                number += 1
            record = vault.seal_record("event", b"{}")
            objects = tuple(one.ref for one in sealed)
            leaf = Leaf(type="batch", at=AT, actor="kiosk", record=record.ref, objects=objects)
            vault.commit(Batch(objects=sealed, records=[record], leaves=[entry.encode(leaf)], seen=seen))
            recover(vault, log)
            for one in sealed:
                os.write(1, f"{one.id}\n".encode())


def recover(vault: Vault, log: Log) -> None:
    if waiting := vault.outbox():
        log.append_once(waiting)
        vault.outbox_done(waiting[-1][0])

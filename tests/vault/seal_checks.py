"""What must be true after sealing that was cut short."""

from __future__ import annotations

import os
from pathlib import Path

from medkiosk.ledger import entry
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.offline.verify import verify
from tests.stores import create, reopen
from tests.vault.crash_worker import ORIGIN, PER_BATCH, SEED, content, recover, run


class Template:
    """A closed store with one batch of pictures."""

    def __init__(self, root: Path) -> None:
        vault, self.shares = create(root, random=os.urandom)
        vault.close()
        Log.create(root / "ledger", Signer(ORIGIN, SEED))
        run(root, 1)
        self.root = root


def check(root: Path, shares: list[str], acknowledged: list[str]) -> None:
    """Reopen: all that was acknowledged is there, nothing is half there, each file is there once."""
    with reopen(root, random=os.urandom) as vault:
        log = Log.open(root / "ledger", Signer(ORIGIN, SEED))
        recover(vault, log)
        rows = [row.id for row in vault.objects()]
        assert set(acknowledged) <= set(rows)
        assert len(rows) % PER_BATCH == 0
        logged = [ref.id for data in log.entries() for ref in entry.decode(data).objects]
        assert logged == rows
        with vault.unlock_recovery(shares[:2]) as identity:
            opened = [b"".join(vault.read_object(id_, identity.open_key(id_))) for id_ in rows]
            records = [identity.open_record(row) for row in vault.records()]
        assert records == [b"{}"] * log.size
        assert opened == [content(number) for number in range(len(rows))]
        assert sorted(path.name for path in (root / "objects").rglob("*") if path.is_file()) == sorted(rows)
    report = verify(root)
    assert report.problems == ()
    assert report.pending == 0

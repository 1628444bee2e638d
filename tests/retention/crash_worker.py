"""What `test_every_call` kills: disposes of one picture as the daemon does, or goes on with that."""

from __future__ import annotations

import os
from pathlib import Path

from medkiosk.core.ids import KIOSK, CaptureId, DisposalId, ObjectId
from medkiosk.core.lifecycle import DisposalFinished, Disposed
from medkiosk.journal import Fact, Journal
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.vault.disposal import Running, Step
from medkiosk.vault.store import Vault
from tests.stores import clock, reopen
from tests.vault.crash_worker import ORIGIN, SEED

USER, PASSPHRASE = "anna", "correct horse battery"
DISPOSAL = DisposalId("d" * 32)


def run(root: Path) -> None:
    with reopen(root, random=os.urandom) as vault:
        journal = Journal(vault, Log.open(root / "ledger", Signer(ORIGIN, SEED)), clock)
        journal.recover()
        vault.settle_device()  # nobody put an older copy in the store's place here
        first = next(iter(vault.objects()))
        running = vault.disposals.running()
        if running is None:
            if first.epoch is None:
                return  # done
            with vault.unlock(USER, PASSPHRASE) as identity:
                running = vault.disposals.begin(identity, DISPOSAL, [first.id])
        while running is not None:
            step(vault, journal, running)
            running = vault.disposals.running()


def step(vault: Vault, journal: Journal, running: Running) -> None:
    disposals, at = vault.disposals, journal.now()
    match running.step:
        case Step.MOVING:
            with vault.unlock(USER, PASSPHRASE) as identity:
                while disposals.move(identity, running.plan, rows=3):
                    pass
                gone = Disposed(
                    at=at,
                    actor=KIOSK,
                    disposal_id=DISPOSAL,
                    encounters=(),
                    captures=(CaptureId("c" * 32),),
                    objects=tuple(map(ObjectId, running.plan.ids)),
                    records=(),
                )
                fact = Fact(gone, disposed=running.plan.ids, note=disposals.note(running.plan))
                journal.commit([fact], also=lambda tx: disposals.destroy(tx, identity, running))
        case Step.DESTROYING:
            disposals.destroy_secret(running)
        case _:
            blobs, trimmed = disposals.erase(running)
            end = DisposalFinished(at=at, actor=KIOSK, disposal_id=DISPOSAL, blobs=blobs, trimmed=trimmed)
            journal.commit([Fact(end)], also=lambda tx: disposals.finish(tx, running))

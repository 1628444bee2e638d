"""Takes a disposal through its steps on a store of the tests, as a kiosk does: ledger entries included."""

from __future__ import annotations

from collections.abc import Callable

from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.vault.batch import Batch
from medkiosk.vault.disposal import Running, Step
from medkiosk.vault.identity import Identity
from medkiosk.vault.store import Vault
from tests.offline.conftest import ORIGIN, SEED, Store, leaf


class Disposer:
    def __init__(self, store: Store, vault: Vault, identity: Identity) -> None:
        self.store, self.vault, self.identity = store, vault, identity

    def begin(self, ids: list[str], name: str = "d" * 32) -> Running:
        return self.vault.disposals.begin(self.identity, name, ids)

    def journal(self, batch: Batch) -> None:
        self.vault.commit(batch)
        waiting = self.vault.outbox()
        Log.open(self.store.root / "ledger", Signer(ORIGIN, SEED)).append_once(waiting)
        self.vault.outbox_done(waiting[-1][0])

    def step(self, running: Running, *, journal: Callable[[Batch], None] | None = None) -> Running:
        disposals, journal = self.vault.disposals, journal or self.journal
        match running.step:
            case Step.MOVING:
                while disposals.move(self.identity, running.plan):
                    pass
                entry = leaf(
                    "disposal.destroyed", 30, disposed=running.plan.ids, note=disposals.note(running.plan)
                )
                journal(Batch(leaves=[entry], also=lambda tx: disposals.destroy(tx, self.identity, running)))
                self.identity.forget_epochs(running.plan.doomed)
            case Step.DESTROYING:
                disposals.destroy_secret(running)
            case _:
                disposals.erase(running)
                entry = leaf("disposal.finished", 40)
                journal(Batch(leaves=[entry], also=lambda tx: disposals.finish(tx, running)))
        return disposals.running() or Running(running.id, Step.DONE, running.plan)

    def dispose(self, ids: list[str], name: str = "d" * 32) -> None:
        running = self.begin(ids, name)
        while running.step is not Step.DONE:
            running = self.step(running)

"""Random damage to a store: is every flipped bit, cut and swapped file found?

``python -m tests.offline.damage [--count 10000] [--seed N]`` (``make damage``). What is not found must lie
where nothing is: every row of the database and every key is then compared with the undamaged store.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from medkiosk.ledger.note import LogKeys
from medkiosk.offline.verify import verify
from medkiosk.vault.batch import Batch
from medkiosk.vault.schema import SeenRow
from tests.offline.conftest import Store, fill, leaf
from tests.offline.disposer import Disposer
from tests.stores import CHEAP, reopen, seeded

HOW = ("flip", "flip", "flip", "cut", "swap")
_IGNORED = {"lock"}
"""Empty, and nothing is ever read from it."""
_ENTRIES = 300


class Damaged(NamedTuple):
    """One piece of damage: what was done to which file, where, and what the verifier said."""

    how: str
    path: str
    at: int
    codes: tuple[str, ...]


def build(root: Path) -> Store:
    """A store with a bit of everything: imports, slots, a disposal, moved keys, a ledger of full tiles."""
    store = fill(root)
    with reopen(root, random=seeded(11)) as vault:
        identity = vault.unlock_recovery(store.shares)
        identity.add_user_slot("anna", "a passphrase of anna", params=CHEAP, allow_weak=True)
        disposer = Disposer(store, vault, identity)
        disposer.journal(Batch(leaves=[leaf("filler", n % 60, note=f"{n=}") for n in range(_ENTRIES)]))
        disposer.dispose([next(iter(store.originals))])
        writer = vault.start("original")
        writer.write(seeded(12)(20_000))
        sealed = writer.finish()
        tags = [vault.tag(b"%d" % number) for number in range(3)]
        disposer.journal(
            Batch(
                objects=[sealed],
                seen=[SeenRow(tag, vault.tag(b"content"), sealed.id, sealed.id) for tag in tags],
                leaves=[leaf("original.sealed", 50, objects=(sealed.ref,))],
            )
        )
        identity.close()
    return store


def meaning(root: Path) -> list[str]:
    """All that a store says, in an order that does not depend on where it stands in the files."""
    with closing(sqlite3.connect(f"file:{root / 'vault.db'}?mode=ro&immutable=1", uri=True)) as connection:
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        rows = list(connection.iterdump())
    return [*rows, str(LogKeys.parse((root / "ledger" / "vkey").read_text("utf-8")))]


class Damager:
    """Damages a store, looks, and makes it whole again."""

    def __init__(self, store: Store, seed: int) -> None:
        self.store = store
        self._dice = random.Random(seed)
        self._files = [
            path
            for path in sorted(store.root.rglob("*"))
            if path.is_file() and path.stat().st_size and path.name not in _IGNORED
        ]
        self._sizes = [path.stat().st_size for path in self._files]
        self._meaning = meaning(store.root)
        report = verify(store.root, store.vkey)
        assert report.ok, report.problems

    def once(self) -> Damaged:
        """Do one piece of damage."""
        dice = self._dice
        # Half of them anywhere by size, half in any file: else the small ones would hardly be hit.
        by_size = dice.choices(self._files, self._sizes)[0]
        path = dice.choice((by_size, dice.choice(self._files)))
        how = dice.choice(HOW)
        whole = path.read_bytes()
        at = dice.randrange(len(whole))
        other, others = path, whole
        if how == "flip":
            changed = bytearray(whole)
            changed[at] ^= 1 << dice.randrange(8)
            path.write_bytes(changed)
        elif how == "cut":
            path.write_bytes(whole[:at])
        else:
            while (others := other.read_bytes()) == whole:
                other = dice.choice(self._files)
            path.write_bytes(others)
            other.write_bytes(whole)
        try:
            report = verify(self.store.root, self.store.vkey)
            codes = tuple(sorted({problem.code for problem in report.problems}))
            name = str(path.relative_to(self.store.root))
            if not codes and meaning(self.store.root) != self._meaning:
                raise AssertionError(f"{how} {name} at {at} was not found, and means something")
            return Damaged(how, name, at, codes)
        finally:
            path.write_bytes(whole)
            other.write_bytes(others)
            for left in ("vault.db-wal", "vault.db-shm"):
                (self.store.root / left).unlink(missing_ok=True)


def run(store: Store, count: int, seed: int) -> list[Damaged]:
    """Do so many pieces of damage, one at a time."""
    damager = Damager(store, seed)
    return [damager.once() for _ in range(count)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="medkiosk-damage-") as folder:
        began = time.process_time()
        store = build(Path(folder) / "store")
        damaged = run(store, args.count, args.seed)
        shutil.rmtree(store.root)
    unnoticed = [one for one in damaged if not one.codes]
    print(
        json.dumps(
            {
                "damaged": len(damaged),
                "how": Counter(one.how for one in damaged),
                "found": len(damaged) - len(unnoticed),
                "where nothing is": len(unnoticed),
                "of these in": Counter(one.path for one in unnoticed),
                "how these": Counter(one.how for one in unnoticed),
                "missed": 0,  # the first one ends the run
                "codes": Counter(code for one in damaged for code in one.codes).most_common(),
                "cpu_s": round(time.process_time() - began),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

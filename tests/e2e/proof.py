"""Ask the store itself what it holds: with the recovery sheets, away from the daemon."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

from tests.kiosk import ScratchKiosk


def restored(kiosk: ScratchKiosk, into: Path) -> Counter[bytes]:
    """Every original in the store, how often it is there, from nothing but a copy of the store's folder."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    shutil.copytree(kiosk.store, into / "store")
    (into / "cards.txt").write_text("\n".join(kiosk.shares[:2]) + "\n")
    kiosk.ctl("restore", str(into / "store"), "--cards", str(into / "cards.txt"), "--out", str(into / "out"))
    return Counter(path.read_bytes() for path in (into / "out").rglob("*") if path.is_file())


def on_card(card: Path) -> Counter[bytes]:
    """Every file on a made card."""
    return Counter(
        path.read_bytes() for path in card.rglob("*") if path.is_file() and path.name != "names.json"
    )


def assert_clean(kiosk: ScratchKiosk) -> None:
    """The keyless verification finds nothing wrong."""
    done = kiosk.ctl(
        "verify", str(kiosk.store), "--ledger-key", kiosk.made["ledger_vkey"], "--json", check=False
    )
    report = json.loads(done.stdout)
    assert (done.returncode, report["problems"]) == (0, [])


def assert_exactly_once(kiosk: ScratchKiosk, card: Path, into: Path) -> None:
    """The store is whole and holds each file of the card once, and nothing else."""
    assert_clean(kiosk)
    assert restored(kiosk, into) == on_card(card)

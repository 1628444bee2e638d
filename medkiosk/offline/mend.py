"""Repair what a verification found: ledger hashes from the entries, the rest from a backup drive."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from medkiosk import durable
from medkiosk.offline.blobs import Progress
from medkiosk.offline.ledgercheck import check_ledger
from medkiosk.offline.repair import NotRepaired, Repaired, repair
from medkiosk.offline.report import Problem, Report
from medkiosk.offline.verify import verify
from medkiosk.vault.reader import in_use

_FIRST = ("ledger.", "row.", "record.", "object.row", "object.facts", "object.envelope")
"""What other repairs rely on: a sealed file is compared with its row, a row with its epoch's."""
_TILE = "ledger.tile_damaged"


class Mended(msgspec.Struct, frozen=True):
    """What was repaired, what was not and why, and what a verification says afterwards."""

    repaired: tuple[Repaired, ...]
    not_repaired: tuple[NotRepaired, ...]
    report: Report


def mend(
    root: Path,
    vkey: str | None = None,
    source: Path | None = None,
    *,
    quick: bool = False,
    progress: Progress | None = None,
) -> Mended:
    """Verify, repair what can be repaired, and verify again.

    Args:
        root: the store; no kiosk may be at work in it.
        vkey: verifier key of the ledger.
        source: a copy of the store, or the drive that has one in ``store``; without it only what follows from
            the store itself is repaired.
        quick: do not read sealed files, so that only missing and cut ones are found.
        progress: told while files are read.

    Raises:
        CheckpointError: ``vkey`` is not a verifier key.
        OSError: the store's disk failed.
    """
    found = verify(root, vkey, quick=quick, progress=progress).problems
    results = list(_repaired(root, _copy(source), sorted(found, key=_order)))
    return Mended(
        tuple(one for one in results if isinstance(one, Repaired)),
        tuple(one for one in results if isinstance(one, NotRepaired)),
        verify(root, vkey, quick=quick, progress=progress),
    )


def _repaired(root: Path, source: Path | None, found: list[Problem]) -> Iterable[Repaired | NotRepaired]:
    if in_use(root):
        for problem in found:
            yield NotRepaired(problem.code, problem.subject, "the kiosk is running; stop medkioskd first")
        return
    for problem in found:
        if problem.code != _TILE:
            yield _from_copy(root, source, problem)
    # With the entries put back there are more hashes to be made from them.
    if any(problem.code == _TILE for problem in found):
        made = remake_tiles(root)
        for problem in found:
            if problem.code == _TILE and problem.subject in made:
                yield Repaired(problem.code, problem.subject, f"the hash file {problem.subject}")
            elif problem.code == _TILE:
                yield NotRepaired(problem.code, problem.subject, "the entries do not lead to the signed head")


def _from_copy(root: Path, source: Path | None, problem: Problem) -> Repaired | NotRepaired:
    if source is None:
        return NotRepaired(problem.code, problem.subject, "it takes a backup drive: --repair-from DRIVE")
    return repair(root, source, problem)


def remake_tiles(root: Path) -> frozenset[str]:
    """Write the damaged and missing hash files of a ledger again, if its entries lead to its signed head.

    Returns:
        Their paths below ``ledger/``.

    Raises:
        OSError: the disk does not take them.
    """
    folder = root / "ledger"
    made = check_ledger(folder, None).made_again
    for path, data in made.items():
        (folder / path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        durable.write_atomic(folder / path, data)
    return frozenset(made)


def _order(problem: Problem) -> int:
    return next((at for at, start in enumerate(_FIRST) if problem.code.startswith(start)), len(_FIRST))


def _copy(source: Path | None) -> Path | None:
    return source / "store" if source is not None and (source / "store" / "format").exists() else source

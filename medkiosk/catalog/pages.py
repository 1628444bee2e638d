"""Pages of the catalogue's lists: only what is on a page becomes a view."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice

from medkiosk.catalog.holdings import Encounter, encounter_view
from medkiosk.catalog.views import EncounterView, ImportView
from medkiosk.core.ids import EncounterId

Keep = Callable[[EncounterId], bool]
"""Whether somebody may know of an encounter."""


@dataclass(frozen=True)
class EncounterPage:
    """Part of a list of encounters, newest first; ``total`` counts all that match."""

    encounters: tuple[EncounterView, ...]
    total: int


@dataclass(frozen=True)
class ImportPage:
    """Part of the list of imports, newest first; ``total`` counts all."""

    imports: tuple[ImportView, ...]
    total: int


def encounter_page(
    found: Iterable[Encounter], offset: int, limit: int, keep: Keep | None, total: int | None = None
) -> EncounterPage:
    """Cut a page out of what was found.

    Args:
        found: in the order of the list.
        offset: how many come before the page.
        limit: the most on the page.
        keep: leaves out what somebody may not know of, also of the count.
        total: how many ``found`` are, where that is known and nothing is left out.
    """
    start, stop = max(offset, 0), max(offset, 0) + max(limit, 0)
    if keep is not None:
        found, total = (each for each in found if keep(each.created.encounter_id)), None
    if total is None:
        all_ = list(found)
        found, total = all_, len(all_)
    return EncounterPage(tuple(encounter_view(each) for each in islice(found, start, stop)), total)

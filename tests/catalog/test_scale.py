"""A hundred thousand captures: folding is linear and a page is quick."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from medkiosk.catalog.fold import Catalog, fold
from medkiosk.core.events import AnyEvent
from medkiosk.core.ids import CaptureId, EncounterId, ImportId
from medkiosk.core.photo import MediaKind, ReviewState
from medkiosk.review.machine import step
from tests.catalog import story as s

CAPTURES = 100_000
PER_IMPORT = 500


def years() -> Iterator[AnyEvent]:
    for n in range(CAPTURES):
        day = n // PER_IMPORT
        if n % PER_IMPORT == 0:
            yield s.started(f"i{day}")
            yield s.encounter(f"e{day}")
        yield s.sealed(f"i{day}", f"c{n}", f"IMG_{n % 10000:04}.CR3", MediaKind.CR3)
        yield s.sealed(f"i{day}", f"c{n}", f"IMG_{n % 10000:04}.JPG")
        yield s.redacted(f"c{n}")
        if n % 3 == 0:
            yield s.approved(f"c{n}")
        if n % PER_IMPORT == PER_IMPORT - 1:
            yield s.assigned(f"e{day}", *(f"c{m}" for m in range(n - PER_IMPORT + 1, n + 1)))
            yield s.finished(f"i{day}")


@pytest.fixture(scope="module")
def made() -> Catalog:
    events = list(years())
    begin = time.process_time()
    fold(step, events[: len(events) // 10])
    tenth = time.process_time() - begin
    begin = time.process_time()
    catalog = fold(step, events)
    # Ten times the events take ten times as long; what is quadratic takes a hundred times.
    assert time.process_time() - begin < 30 * tenth
    assert catalog.problems == ()
    return catalog


def quick(begin: float) -> bool:
    """Whether less than 0.3 s of work was done: thirty times what was measured, on a machine under load."""
    return time.process_time() - begin < 0.3


def test_pages_are_quick_wherever_they_are(made: Catalog) -> None:
    begin = time.process_time()
    page = made.captures(state=ReviewState.APPROVED, offset=30_000, limit=100)
    assert quick(begin)
    assert page.total == 33_334
    assert [row.capture_id for row in page.captures] == [f"c{3 * n}" for n in range(30_000, 30_100)]


def test_one_import_encounter_and_capture_are_found_without_a_search(made: Catalog) -> None:
    begin = time.process_time()
    for day in range(200):
        assert made.captures(import_id=ImportId(f"i{day}"), limit=1).total == PER_IMPORT
        assert made.captures(encounter_id=EncounterId(f"e{day}"), limit=1).total == PER_IMPORT
        assert made.capture(CaptureId(f"c{day}")) is not None
    assert time.process_time() - begin < 3
    assert len(made.imports()) == 200
    assert made.waiting() == ()

"""Every fault of the virtual card: said by its name, or not noticed; and a clean replug gives everything.

Faults in a row, on camera and card alike: ``test_sequences.py``.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from medkiosk.source.model import SourceCode
from tests.source.conftest import SIZES, Outcome, card_session, fill, outcome, truth
from tests.virtual import fuse
from tests.virtual.card import ONE_FILE, RunningCard

pytestmark = pytest.mark.skipif(bool(fuse.why_not()), reason=fuse.why_not() or "FUSE")

LARGE = "DCIM/100CANON/IMG_0001.JPG"


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCard]:
    place = tmp_path_factory.mktemp("faults")
    running = RunningCard(fill(place / "real", SIZES), place / "card")
    yield running
    running.stop()


def come(card: RunningCard, **patience: float) -> Outcome | SourceCode:
    return outcome(card_session(card.root, **patience))


def real(card: RunningCard) -> Outcome:
    return truth(card.root.parent / "real")


EXPECTED = {
    "bad-sector=IMG_0001.JPG": {SourceCode.UNREADABLE},
    "bad-sector=IMG_0001.JPG:0": {SourceCode.UNREADABLE},
    "short=IMG_0001.JPG": {SourceCode.SHORT},
    "short=IMG_0001.JPG:0": {SourceCode.SHORT},
    "long=IMG_0001.JPG": {SourceCode.LONG},
    "grow=IMG_0001.JPG": {SourceCode.LONG, SourceCode.CHANGED},
    "gone=IMG_0001.JPG": {SourceCode.GONE},
}


@pytest.mark.parametrize("fault", EXPECTED)
def test_a_fault_of_one_file_fails_it_alone(card: RunningCard, fault: str) -> None:
    card.restart([fault])
    found = come(card)
    assert isinstance(found, dict)
    assert found.pop(LARGE) in EXPECTED[fault]
    expected = real(card)
    del expected[LARGE]
    assert found == expected


def test_every_fault_of_one_file_is_expected() -> None:
    assert {fault.partition("=")[0] for fault in EXPECTED} == set(ONE_FILE)


def test_a_folder_that_cannot_be_read_to_its_end_is_named(card: RunningCard) -> None:
    card.restart(["bad-folder=100CANON"])
    found = come(card)
    assert isinstance(found, dict)
    assert found.pop("DCIM/100CANON") == SourceCode.UNREADABLE
    assert set(found) == {"DCIM/100CANON/IMG_0001.CR3", "DCIM/101CANON/IMG_0005.JPG"}
    assert found.items() <= real(card).items()


@pytest.mark.parametrize("fault", ["vanish-at=0", "vanish-at=1000000", "stall=0", "stall=1000000"])
def test_a_card_that_goes_or_hangs_ends_the_session(card: RunningCard, fault: str) -> None:
    card.restart([fault])
    # No wait is without an end, also where no signal ends the worker.
    found = come(card, stall_s=1, grace_s=0.2)
    assert isinstance(found, dict)
    reasons = {value for value in found.values() if isinstance(value, SourceCode)}
    assert reasons <= {SourceCode.UNPLUGGED, SourceCode.STALLED}
    assert reasons
    card.restart()
    assert come(card) == real(card)


def test_a_wrong_bit_is_found_by_reading_twice(card: RunningCard) -> None:
    card.restart(["flip-once=IMG_0001.JPG"])
    with card_session(card.root) as session:
        (entry,) = [one for one in session.list() if f"{one.folder}/{one.name}" == LARGE]
        first, second = (b"".join(session.read(entry.index)) for _ in range(2))
    assert first != second
    assert second == real(card)[LARGE]

"""Every fault of the virtual card: said by its name, or not noticed; and a clean replug gives everything.

Faults in a row, on camera and card alike: ``test_sequences.py``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from medkiosk.source.model import SourceCode, SourceError
from tests.source.conftest import SIZES, card_session, fill
from tests.virtual import fuse
from tests.virtual.card import ONE_FILE, RunningCard

pytestmark = pytest.mark.skipif(bool(fuse.why_not()), reason=fuse.why_not() or "FUSE")

Outcome = dict[str, bytes | SourceCode]
LARGE = "DCIM/100CANON/IMG_0001.JPG"


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCard]:
    place = tmp_path_factory.mktemp("faults")
    running = RunningCard(fill(place / "real", SIZES), place / "card")
    yield running
    running.stop()


def outcome(card: RunningCard, stall_s: float = 30) -> Outcome | SourceCode:
    """What comes of each name that is listed, or of the session before it could list."""
    found: Outcome = {}
    try:
        with card_session(card.root, stall_s=stall_s) as session:
            for entry in session.list():
                place = f"{entry.folder}/{entry.name}"
                try:
                    found[place] = b"".join(session.read(entry.index))
                except SourceError as error:
                    found[place] = error.reason
    except SourceError as error:
        return error.reason
    return found


def truth(card: RunningCard) -> Outcome:
    root = card.root.parent / "real"
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.*")}


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
    found = outcome(card)
    assert isinstance(found, dict)
    assert found.pop(LARGE) in EXPECTED[fault]
    expected = truth(card)
    del expected[LARGE]
    assert found == expected


def test_every_fault_of_one_file_is_expected() -> None:
    assert {fault.partition("=")[0] for fault in EXPECTED} == set(ONE_FILE)


def test_a_folder_that_cannot_be_read_to_its_end_is_named(card: RunningCard) -> None:
    card.restart(["bad-folder=100CANON"])
    found = outcome(card)
    assert isinstance(found, dict)
    assert found.pop("DCIM/100CANON") == SourceCode.UNREADABLE
    assert set(found) == {"DCIM/100CANON/IMG_0001.CR3", "DCIM/101CANON/IMG_0005.JPG"}
    assert found.items() <= truth(card).items()


@pytest.mark.parametrize("fault", ["vanish-at=0", "vanish-at=1000000", "stall=0", "stall=1000000"])
def test_a_card_that_goes_or_hangs_ends_the_session(card: RunningCard, fault: str) -> None:
    card.restart([fault])
    began = time.monotonic()
    found = outcome(card, stall_s=1)
    assert time.monotonic() - began < 25  # no wait is without an end, also where no signal ends the worker
    assert isinstance(found, dict)
    reasons = {value for value in found.values() if isinstance(value, SourceCode)}
    assert reasons <= {SourceCode.UNPLUGGED, SourceCode.STALLED}
    assert reasons
    card.restart()
    assert outcome(card) == truth(card)


def test_a_wrong_bit_is_found_by_reading_twice(card: RunningCard) -> None:
    card.restart(["flip-once=IMG_0001.JPG"])
    with card_session(card.root) as session:
        (entry,) = [one for one in session.list() if f"{one.folder}/{one.name}" == LARGE]
        first, second = (b"".join(session.read(entry.index)) for _ in range(2))
    assert first != second
    assert second == truth(card)[LARGE]

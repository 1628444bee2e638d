"""A power cut, a full disk and a failing disk at a few durable operations of an import (`tests.e2e.crashes`).

``make sweep`` walks through all of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.crashes import WAYS, QuickKiosk, one, operations, swept_kiosk
from tests.virtual import inject

SPREAD = (0.2, 0.6)
"""Where the few lie, as shares of all operations."""

pytestmark = pytest.mark.skipif(
    not inject.works(), reason="this kernel does not tell others about system calls (seccomp notification)"
)


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QuickKiosk]:
    with swept_kiosk(tmp_path_factory.mktemp("sweep")) as kiosk:
        yield kiosk


@pytest.fixture(scope="module")
def count(kiosk: QuickKiosk) -> int:
    return len(operations(kiosk))


@pytest.mark.timeout(180)
@pytest.mark.parametrize("way", WAYS)
def test_whatever_happens_at_an_operation_nothing_is_lost_and_it_repairs_itself(
    kiosk: QuickKiosk, count: int, way: str
) -> None:
    offset = list(WAYS).index(way) / len(WAYS) / len(SPREAD) / 2
    for share in SPREAD:
        assert one(kiosk, 1 + int((share + offset) * count), way)

"""A power cut and a failing disk in the middle of a deletion: nothing that is gone was not sealed.

As `tests.e2e.crashes`, with ``delete = "after_verified"`` and a card that can be written to.
"""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Iterator

import pytest

from medkiosk.core.events import (
    AnyEvent,
    FileDeleted,
    FileDeleting,
    FileKept,
    FileUnclear,
    OriginalSealed,
    decode,
)
from medkiosk.core.ids import ObjectId
from medkiosk.offline.verify import verify
from medkiosk.vault.reader import StoreReader
from tests.daemon.importing import picture, write
from tests.e2e.crashes import QuickKiosk, fresh, kiosk_with_card, run_until_it_ends
from tests.kiosk import safe
from tests.virtual import inject
from tests.virtual.inject import Injector

FILES = {f"DCIM/100CANON/IMG_{n:04d}.JPG": picture(n) for n in range(1, 4)}
SETTINGS = 'retries = 1\ndelete = "after_verified"'
pytestmark = pytest.mark.skipif(
    not inject.works(), reason="this kernel does not tell others about system calls (seccomp notification)"
)
WHERE = {0: (0.6, 0.9), errno.EIO: (0.75, 0.97)}
"""As shares of all operations; the test sees to it that the deletion is met."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QuickKiosk]:
    with kiosk_with_card(tmp_path_factory.mktemp("sweep"), FILES, SETTINGS) as kiosk:
        yield kiosk


@pytest.fixture
def kiosk(template: QuickKiosk) -> QuickKiosk:
    write(template.root.parent / "card", FILES)
    return fresh(template)


def on_card(kiosk: QuickKiosk) -> set[str]:
    return {path.name for path in (kiosk.root.parent / "card").rglob("*.JPG")}


def opened(kiosk: QuickKiosk) -> tuple[list[AnyEvent], dict[str, bytes]]:
    """All events, and the plaintext of every original by the name that its file had."""
    with StoreReader.open_for_reading(kiosk.store) as store:
        identity = store.unlock_recovery(kiosk.shares[:2])
        events = [decode(identity.open_record(row)) for row in store.records()]
        content = {
            event.file: b"".join(
                store.read_object(ObjectId(event.object_id), identity.open_key(ObjectId(event.object_id)))
            )
            for event in events
            if isinstance(event, OriginalSealed)
        }
        identity.close()
    return events, content


@pytest.mark.timeout(180)
@pytest.mark.parametrize("error", WHERE, ids=["killed", "failing"])
def test_nothing_is_gone_that_is_not_sealed_whatever_happens_to_the_kiosk(
    kiosk: QuickKiosk, error: int
) -> None:
    with Injector(kiosk.store) as counting:
        assert run_until_it_ends(kiosk, counting), kiosk.log.read_text()
    assert on_card(kiosk) == set()
    met = 0
    for share in WHERE[error]:
        write(kiosk.root.parent / "card", FILES)
        fresh(kiosk)
        at = int(share * len(counting.made))
        with Injector(kiosk.store, at=at, error=error) as injector:
            run_until_it_ends(kiosk, injector)
        context = f"operation {at} of {len(counting.made)}"
        left = on_card(kiosk)
        kiosk.start()
        kiosk.wait(safe, timeout_s=60)
        kiosk.stop()
        events, content = opened(kiosk)
        originals = {name.rpartition("/")[2]: data for name, data in FILES.items()}
        assert content == originals, context
        assert on_card(kiosk) == set(), context
        began = Counter(event.file for event in events if isinstance(event, FileDeleting))
        ends = Counter(e.file for e in events if isinstance(e, FileDeleted | FileKept | FileUnclear))
        assert ends <= began, context
        met += bool(left < originals.keys() or began != ends)
        assert (originals.keys() - left) <= began.keys(), f"{context}: gone without a word"
        assert {e.file for e in events if isinstance(e, FileDeleted)} >= left, context
        assert verify(kiosk.store).problems == (), context
    assert met, "no operation of the deletion was interrupted"

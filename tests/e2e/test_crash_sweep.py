"""A power cut, a full disk and a failing disk at every durable operation of an import, one at a time.

An import of twenty files from a card is repeated; each time another operation is the one: the daemon is
killed before it, or it is answered with ENOSPC or EIO, once or from there on. Then the daemon starts again,
nobody having repaired anything, and the card is plugged in again. Each time: every original that the ledger
names opens and has the card's bytes, every file of the card is there once, and the keyless verification finds
nothing.

``make sweep`` walks through all operations; ``make test`` through a few that are spread over them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from medkiosk.core.errors import KioskError
from medkiosk.core.events import OriginalAgain, OriginalSealed, decode
from medkiosk.core.ids import ObjectId
from medkiosk.ipc.wire import ConnectionLostError
from medkiosk.offline.verify import verify
from medkiosk.vault.reader import StoreReader
from tests.daemon.importing import picture, write
from tests.kiosk import ScratchKiosk, safe
from tests.virtual import inject
from tests.virtual.inject import Injector

FILES = 20
SETTINGS = "group_files = 6\nretries = 1"
FULL = os.environ.get("MEDKIOSK_SWEEP", "")
"""``all``, or a step: ``7`` takes every seventh operation."""
SHARE, OF = (int(part) for part in os.environ.get("MEDKIOSK_SWEEP_SHARE", "0/1").split("/"))
"""``1/4`` does the second quarter: for several machines."""
SPREAD = (0.2, 0.6)
"""Where the few lie, as shares of all operations."""
WAYS = {"killed": 0, "full": errno.ENOSPC, "failing": errno.EIO, "stays full": errno.ENOSPC}

needs_injection = pytest.mark.skipif(
    not inject.works(), reason="this kernel does not tell others about system calls (seccomp notification)"
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchKiosk]:
    """A kiosk that was set up and never started, and a card. No models: nothing is redacted."""
    root = tmp_path_factory.mktemp("sweep")
    files = {f"DCIM/100CANON/IMG_{n:04d}.JPG": picture(n) for n in range(1, FILES + 1)}
    copies = {
        "copies/a.jpg": picture(2),
        "copies/b.jpg": picture(FILES),
    }  # of the first group and of the last
    card = write(root / "card", files | copies)
    models = root / "models"
    models.mkdir()
    kiosk = ScratchKiosk(root / "kiosk", cards=[card], models=models, settings=SETTINGS)
    kiosk.init()
    shutil.copytree(kiosk.store, root / "store")
    yield kiosk
    kiosk.close()


def fresh(template: ScratchKiosk) -> ScratchKiosk:
    """The same kiosk, as it was after its set-up."""
    shutil.rmtree(template.store)
    shutil.copytree(template.root.parent / "store", template.store)
    # Else the kiosk would remember a longer ledger, and rightly take nothing any more.
    (template.keys / "ledger-head").unlink(missing_ok=True)
    template.log.unlink(missing_ok=True)
    return template


def run_until_it_ends(kiosk: ScratchKiosk, injector: Injector) -> bool:
    """Import with the injector at work. Whether the import ended SAFE; the daemon is gone afterwards."""
    was_safe = False
    with contextlib.suppress(RuntimeError, ConnectionLostError, OSError, TimeoutError):
        kiosk.start(prefix=injector.prefix)
        kiosk.wait(lambda s: safe(s) or s.headline == "NOT EVERYTHING WAS READ", timeout_s=40)
        was_safe = safe(kiosk.status())
        if was_safe:
            kiosk.stop()
    if kiosk._process is not None:
        kiosk.signal(signal.SIGKILL)
    return was_safe


def assert_whole(kiosk: ScratchKiosk, said_safe: bool, context: str) -> None:
    """What was acknowledged is there: each original that a record names has the card's bytes."""
    card = {path.name: path.read_bytes() for path in (kiosk.root.parent / "card").rglob("*.*")}
    with StoreReader.open_for_reading(kiosk.store) as store:
        identity = store.unlock_recovery(kiosk.shares[:2])
        events = [decode(identity.open_record(row)) for row in store.records()]
        sealed = [event for event in events if isinstance(event, OriginalSealed)]
        content = {
            event.file: b"".join(
                store.read_object(ObjectId(event.object_id), identity.open_key(ObjectId(event.object_id)))
            )
            for event in sealed
        }
        again = [event for event in events if isinstance(event, OriginalAgain)]
        identity.close()
        assert {row.id for row in store.objects()} == {event.object_id for event in sealed}, context
    assert len(sealed) == len(content), f"{context}: a file is there twice"
    assert all(card[name] == data for name, data in content.items()), context
    # A copy counts only with its event, and its event only with the object that has these very bytes.
    by_object = {event.object_id: content[event.file] for event in sealed}
    assert all(by_object[event.object_id] == card[event.file] for event in again), context
    assert len({event.file for event in again}) == len(again), f"{context}: a copy is there twice"
    if said_safe:
        assert set(content) | {event.file for event in again} == set(card), (
            f"{context}: it said SAFE TO UNPLUG"
        )
        assert set(content.values()) == set(card.values()), f"{context}: it said SAFE TO UNPLUG"


def one(template: ScratchKiosk, at: int, way: str) -> bool:
    """One crash and what follows. Whether it came to it."""
    kiosk = fresh(template)
    with Injector(kiosk.store, at=at, error=WAYS[way], sticky=way == "stays full") as injector:
        said_safe = run_until_it_ends(kiosk, injector)
    operation = injector.made[at - 1] if injector.struck else "never"
    context = f"{way} at operation {at} of {len(injector.made)}: {operation}"
    if said_safe:
        assert_whole(kiosk, said_safe, context)
    try:
        kiosk.start()
        kiosk.wait(safe, timeout_s=60)
    except (RuntimeError, TimeoutError) as error:
        raise AssertionError(f"{context}: it did not repair itself: {error}") from error
    kiosk.stop()
    assert_whole(kiosk, True, context)
    assert verify(kiosk.store).problems == (), context
    assert list((kiosk.store / "tmp").iterdir()) == [], context
    return injector.struck


@pytest.fixture(scope="module")
def operations(template: ScratchKiosk) -> list[str]:
    """The durable operations of an import that nothing happens to."""
    kiosk = fresh(template)
    with Injector(kiosk.store) as injector:
        assert run_until_it_ends(kiosk, injector), kiosk.log.read_text()
    assert_whole(kiosk, True, "untouched")
    kinds = {made.split(" ")[0] for made in injector.made}
    assert {"fsync", "syncfs", "renameat2", "pwrite64", "write", "unlink"} <= kinds
    print(f"{len(injector.made)} durable operations: {Counter(m.split(' ')[0] for m in injector.made)}")
    return injector.made


@needs_injection
@pytest.mark.timeout(180)
@pytest.mark.parametrize("way", WAYS)
def test_a_few_operations(template: ScratchKiosk, operations: list[str], way: str) -> None:
    if FULL:
        pytest.skip("the whole sweep covers it")
    offset = list(WAYS).index(way) / len(WAYS) / len(SPREAD) / 2
    for share in SPREAD:
        assert one(template, 1 + int((share + offset) * len(operations)), way)


@needs_injection
@pytest.mark.timeout(0)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.skipif(not FULL, reason="make sweep walks through every operation")
def test_every_operation(template: ScratchKiosk, operations: list[str], way: str) -> None:
    began = time.monotonic()
    step = 1 if FULL == "all" else int(FULL)
    struck = wrong = 0
    last = len(operations)
    for at in range(1 + SHARE * step, last + 1, step * OF):
        try:
            struck += one(template, at, way)
        except (AssertionError, KioskError) as error:
            wrong += 1
            print(f"WRONG: {way} at operation {at}: {error}", flush=True)
    print(
        f"{way}: {struck} of {last} operations, {wrong} wrong, {time.monotonic() - began:.0f} s", flush=True
    )
    assert wrong == 0
    assert struck

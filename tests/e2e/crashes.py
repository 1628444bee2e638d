"""A power cut, a full disk and a failing disk at one durable operation of an import, and what follows.

The daemon is killed before the operation; or it is answered with ENOSPC or EIO, once or from there on; or it
is done, and answered with EIO all the same. Then the daemon starts again, nobody having repaired anything,
and the card is plugged in again. Each time: every original that the ledger names opens and has the card's
bytes, every file of the card is there once, the keyless verification finds nothing, nothing lies about
unfinished.
"""

from __future__ import annotations

import contextlib
import errno
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from medkiosk.core.events import OriginalAgain, OriginalSealed, decode
from medkiosk.core.ids import ObjectId
from medkiosk.ipc.wire import ConnectionLostError
from medkiosk.offline.verify import verify
from medkiosk.vault.reader import StoreReader
from tests.daemon.importing import picture, write
from tests.forking import Nursery
from tests.kiosk import Running, ScratchKiosk, safe
from tests.virtual.inject import Injector

FILES = 20
_SETTINGS = "group_files = 6\nretries = 1"


@dataclass(frozen=True)
class Way:
    """What happens to an operation, as `Injector` takes it."""

    error: int = 0
    sticky: bool = False
    done: bool = False


WAYS = {
    "killed": Way(),
    "full": Way(errno.ENOSPC),
    "failing": Way(errno.EIO),
    "stays full": Way(errno.ENOSPC, sticky=True),
    "done, said to fail": Way(errno.EIO, done=True),
}


class QuickKiosk(ScratchKiosk):
    """A scratch kiosk whose daemon and source workers are forks; no models, so that nothing is redacted."""

    def __init__(self, root: Path, card: Path, nursery: Nursery, settings: str) -> None:
        self._nursery = nursery
        super().__init__(root, cards=[card], models=root / "models", settings=settings)
        (root / "models").mkdir()
        text, _, _ = self.config.read_text().partition("[[stick]]")  # each stick would be a worker more
        workers = f'[workers]\nlaunch = "socket"\nsockets = "{nursery.sockets}"\n'
        self.config.write_text(f'{text}{workers}[[card]]\npath = "{card}"\n')

    def _launch(self, prefix: Sequence[str], environment: Mapping[str, str]) -> Running:
        return self._nursery.daemon(self.config, self.log, environment, prefix[-1] if prefix else "")


@contextlib.contextmanager
def kiosk_with_card(root: Path, files: Mapping[str, bytes], settings: str = "") -> Iterator[QuickKiosk]:
    """A kiosk that was set up and never started, with these files on its card."""
    card = write(root / "card", dict(files))
    with tempfile.TemporaryDirectory(prefix="mk-") as sockets, Nursery(Path(sockets)) as nursery:
        kiosk = QuickKiosk(root / "kiosk", card, nursery, settings)
        kiosk.init()
        shutil.copytree(kiosk.store, root / "store")
        try:
            yield kiosk
        finally:
            kiosk.close()


@contextlib.contextmanager
def swept_kiosk(root: Path) -> Iterator[QuickKiosk]:
    """The kiosk of the sweep: twenty pictures, and two copies: of one of the first group and of the last."""
    files = {f"DCIM/100CANON/IMG_{n:04d}.JPG": picture(n) for n in range(1, FILES + 1)}
    copies = {"copies/a.jpg": picture(2), "copies/b.jpg": picture(FILES)}
    with kiosk_with_card(root, files | copies, _SETTINGS) as kiosk:
        yield kiosk


def fresh(kiosk: QuickKiosk) -> QuickKiosk:
    """The same kiosk, as it was after its set-up."""
    shutil.rmtree(kiosk.store)
    shutil.copytree(kiosk.root.parent / "store", kiosk.store)
    # Else the kiosk would remember a longer ledger, and rightly take nothing any more.
    (kiosk.keys / "ledger-head").unlink(missing_ok=True)
    kiosk.log.unlink(missing_ok=True)
    return kiosk


def run_until_it_ends(kiosk: QuickKiosk, injector: Injector) -> bool:
    """Import with the injector at work. Whether the import ended SAFE; the daemon is gone afterwards."""
    was_safe = False
    with contextlib.suppress(RuntimeError, ConnectionLostError, OSError, TimeoutError):
        kiosk.start(prefix=injector.prefix)
        kiosk.wait(lambda s: safe(s) or s.headline == "NOT EVERYTHING WAS READ", timeout_s=120)
        was_safe = safe(kiosk.status())
        if was_safe:
            kiosk.stop()
    if kiosk._process is not None:
        kiosk.signal(signal.SIGKILL)
    return was_safe


def assert_whole(kiosk: QuickKiosk, said_safe: bool, context: str) -> None:
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


def one(kiosk: QuickKiosk, at: int, way: str) -> str:
    """One crash and what follows. Give the operation that it struck; empty where the import had ended before.

    Raises:
        AssertionError: something is lost, there twice, or not repaired; it says what.
    """
    fresh(kiosk)
    how = WAYS[way]
    with Injector(kiosk.store, at=at, error=how.error, sticky=how.sticky, done=how.done) as injector:
        said_safe = run_until_it_ends(kiosk, injector)
    operation = injector.made[at - 1] if injector.struck else ""
    context = f"{way} at operation {at} of {len(injector.made)}: {operation or 'never'}"
    if said_safe:
        assert_whole(kiosk, said_safe, context)
    try:
        kiosk.start()
        kiosk.wait(safe, timeout_s=300)
    except (RuntimeError, TimeoutError) as error:
        raise AssertionError(f"{context}: it did not repair itself: {error}") from error
    kiosk.stop()
    assert_whole(kiosk, True, context)
    assert verify(kiosk.store).problems == (), context
    assert list((kiosk.store / "tmp").iterdir()) == [], context
    return operation


def operations(kiosk: QuickKiosk) -> list[str]:
    """The durable operations of an import that nothing happens to.

    Raises:
        AssertionError: that import did not end well.
    """
    fresh(kiosk)
    with Injector(kiosk.store) as injector:
        assert run_until_it_ends(kiosk, injector), kiosk.log.read_text()
    assert_whole(kiosk, True, "untouched")
    kinds = {made.split(" ")[0] for made in injector.made}
    assert {"fsync", "syncfs", "renameat2", "pwrite64", "write", "unlink"} <= kinds
    return injector.made

"""A store, and imports into it: the real importer, journal and source workers, no more of a kiosk."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from medkiosk.core import config
from medkiosk.core.channel import Channel
from medkiosk.core.device import DeviceState
from medkiosk.core.events import AnyEvent, OriginalSealed, decode
from medkiosk.core.ids import ObjectId
from medkiosk.daemon.board import Board
from medkiosk.daemon.importer import Importer
from medkiosk.daemon.importtools import Tools
from medkiosk.daemon.redactor import Job
from medkiosk.device.model import DeviceRef
from medkiosk.ipc.types import DeviceStatus
from medkiosk.journal import Journal
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.offline.verify import verify
from medkiosk.workers import ProcessChannel, python_worker
from tests.stores import create, reopen
from tests.virtual.camera import RunningCamera

E = TypeVar("E")
ENDED = {DeviceState.SAFE, DeviceState.INCOMPLETE}


class ImportRig:
    """A fresh store below ``root``; each `plug` imports one device to the end.

    Attributes:
        jobs: what was handed to the redaction queue.
        stall_s: how long a silent worker is waited for, seconds.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.vault, self._shares = create(root, index_key=bytes(32), random=os.urandom)
        Log.create(root / "ledger", self._signer())
        self.board = Board()
        self.jobs: list[Job] = []
        self.stall_s = 20.0
        self._open_log()

    def _signer(self) -> Signer:
        return Signer("test.medkiosk.invalid/ledger", bytes(32))

    def _open_log(self) -> None:
        log = Log.open(self.root / "ledger", self._signer())
        self.journal = Journal(self.vault, log, lambda: datetime.now(UTC))
        self.journal.recover()

    def restart(self) -> None:
        """As after the end of the daemon, however it ended."""
        self.vault.close()
        self.vault = reopen(self.root, index_key=bytes(32), random=os.urandom)
        self._open_log()

    def _spawn(self) -> Channel:
        return ProcessChannel(python_worker("medkiosk.source.worker", "--asked"))

    def importer(self, device: DeviceRef, **settings: object) -> Importer:
        """An importer that was not started."""
        return Importer(
            device,
            Tools(
                journal=self.journal,
                board=self.board,
                random=os.urandom,
                settings=config.Ingest(retries=0, retry_s=0.05, **settings),  # type: ignore[arg-type]
                stall_s=self.stall_s,
                spawn=self._spawn,
                sealed=self.jobs.append,
            ),
        )

    def plug(self, device: Path | RunningCamera, **settings: object) -> DeviceStatus:
        """Plug a card or camera in, wait until its import ended, pull it; how it stood at the end."""
        importer = self.importer(reference(device), **settings)
        importer.start()
        status = self.ended(importer)
        importer.unplugged()
        return status

    @staticmethod
    def ended(importer: Importer) -> DeviceStatus:
        """Wait until its import ended; it goes on looking for more until it is unplugged."""
        deadline = time.monotonic() + 60
        while importer.status.state not in ENDED and time.monotonic() < deadline:
            time.sleep(0.02)
        return importer.status

    def events(self, kind: type[E]) -> list[E]:
        """All events of one type, in order."""
        found: list[AnyEvent] = []
        with self.vault.unlock_recovery(self._shares) as identity:
            found += [decode(identity.open_record(row)) for row in self.vault.records()]
        return [event for event in found if isinstance(event, kind)]

    def originals(self) -> list[tuple[OriginalSealed, bytes]]:
        """What each event says of a sealed original, and its plaintext."""
        sealed = self.events(OriginalSealed)
        with self.vault.unlock_recovery(self._shares) as identity:
            return [
                (event, b"".join(self.vault.read_object(event.object_id, identity.open_key(event.object_id))))
                for event in sealed
            ]

    def content(self) -> Counter[bytes]:
        """The plaintext of every original, how often it is there."""
        with self.vault.unlock_recovery(self._shares) as identity:
            return Counter(
                b"".join(self.vault.read_object(ObjectId(row.id), identity.open_key(ObjectId(row.id))))
                for row in self.vault.objects()
            )

    def assert_clean(self) -> None:
        """The keyless verification finds nothing, and nothing lies about unfinished."""
        assert verify(self.root).problems == ()
        assert list((self.root / "tmp").iterdir()) == []

    def close(self) -> None:
        for job in self.jobs:
            job.key.wipe()
        self.vault.close()


def reference(device: Path | RunningCamera) -> DeviceRef:
    """How the daemon would call it."""
    if isinstance(device, Path):
        return DeviceRef(kind="card", key=str(device), port=str(device), model="")
    return DeviceRef(kind="camera", key=device.gphoto_port, port=device.gphoto_port, model=device.model)


BODY = "012021000099"


def picture(seed: int, at: str = "2026:05:01 09:00:00", size: int = 5000, body: str = BODY) -> bytes:
    """The skeleton of a JPEG with date and serial number where EXIF has them; its coded data is noise."""
    noise = random.Random(seed).randbytes(size).replace(b"\xff", b"\x00")
    exif = b"Exif\0\0" + at.encode() + b"\0" + body.encode() + b"\0"
    header = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    scan = b"\xff\xda\0\x0c\3\1\0\2\x11\3\x11\0\x3f\0"
    return b"\xff\xd8" + header + scan + noise + b"\xff\xd9"


def raw(seed: int, at: str = "2026:05:01 09:00:00", size: int = 5000, serial: str = BODY) -> bytes:
    """The first box of a CR3, a box with date and serial number, a box of noise."""
    noise = random.Random(seed).randbytes(size)
    return b"".join(
        (8 + len(body)).to_bytes(4, "big") + kind + body
        for kind, body in (
            (b"ftyp", b"crx \0\0\0\1crx isom"),
            (b"moov", at.encode() + b"\0" + serial.encode() + b"\0"),
            (b"mdat", noise),
        )
    )


def write(root: Path, files: dict[str, bytes]) -> Path:
    """Put files on a card."""
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root

"""What a worker's word about a slate is worth, and what filing records."""

from __future__ import annotations

import os
import time
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import msgspec

from medkiosk.catalog.fold import fold
from medkiosk.catalog.views import Series, SeriesFrame
from medkiosk.core import events as ev
from medkiosk.core.config import Ingest
from medkiosk.core.events import Assigned, OriginalSealed, RoleGiven, SlateClock, SlateSeen
from medkiosk.core.ids import KIOSK, CaptureId, EncounterId, ImportId, ObjectId
from medkiosk.core.photo import ImageRole, MediaKind
from medkiosk.core.slate import ShownSlate, Slate, SlateKind, write_slate
from medkiosk.daemon.slates import _MOST, Filer, _events, _file, seen, slate_key
from medkiosk.journal import Journal
from medkiosk.ledger import entry
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.review.machine import step
from tests.catalog import story as s
from tests.stores import create

AT = "2026-05-01T09:00:00.000Z"
KEY = slate_key(bytes(32))
CAPTURE = CaptureId("c" * 32)
SLATE = Slate(SlateKind.OPEN, "aa" * 16, 1_795_000_000)
SHOWN = ShownSlate(1, EncounterId("e"), SlateKind.OPEN, SLATE.token, SLATE.shown)


def test_nothing_read_is_nothing_said() -> None:
    assert seen(CAPTURE, AT, (), KEY) == []


def test_a_slate_of_this_kiosk_is_recorded_and_gives_its_role() -> None:
    said, role = seen(CAPTURE, AT, [write_slate(SLATE, KEY)], KEY)
    assert said == SlateSeen(at=AT, actor=KIOSK, capture_id=CAPTURE, slates=(SLATE,), foreign=0)
    assert role == RoleGiven(at=AT, actor=KIOSK, capture_id=CAPTURE, role=ImageRole.SLATE)


def test_a_made_up_slate_is_recorded_as_foreign_and_never_leaves_either() -> None:
    texts = [write_slate(SLATE, slate_key(bytes([1] * 32))), "MKS1:nonsense", write_slate(SLATE, KEY)]
    said, role = seen(CAPTURE, AT, texts, KEY)
    assert isinstance(said, SlateSeen)
    assert (said.slates, said.foreign) == ((SLATE,), 2)
    assert isinstance(role, RoleGiven)
    assert role.role is ImageRole.SLATE


def frame(number: int, *slates: ShownSlate, owner: str = "", mtime: int = 1_795_003_605) -> SeriesFrame:
    original = OriginalSealed(
        at=AT,
        actor=KIOSK,
        import_id=ImportId("i"),
        capture_id=CaptureId(str(number)),
        object_id=ObjectId(str(number)),
        storage="store_00010001",
        folder="DCIM/100CANON",
        file=f"IMG_{number:04}.JPG",
        size=1,
        mtime=mtime,
        media=MediaKind.JPEG,
    )
    marks = (SLATE,) if slates else ()
    return SeriesFrame(
        original, EncounterId(owner) if owner else None, frozenset(slates), False, marks, clocked=False
    )


def events(*frames: SeriesFrame) -> list[object]:
    series = Series(frames, 1, whole=True)
    return list(_events(series, _file(series, unclosed=True), frozenset(), AT))


def test_filing_assigns_what_nobody_has_assigned_and_records_the_clock() -> None:
    clock, assigned = events(frame(1, SHOWN), frame(2), frame(3, owner="somebody"))
    assert clock == SlateClock(
        at=AT,
        actor=KIOSK,
        capture_id=CaptureId("1"),
        shown="2026-11-18T11:06:40.000Z",
        mtime=1_795_003_605,
        offset_s=3605,
    )
    assert isinstance(assigned, Assigned)
    assert (assigned.actor, assigned.encounter_id, assigned.captures) == (KIOSK, "e", ("1", "2"))


def test_a_device_that_gives_no_time_has_no_offset() -> None:
    assert not any(isinstance(event, SlateClock) for event in events(frame(1, SHOWN, mtime=0)))


def test_a_long_series_is_recorded_in_parts() -> None:
    frames = [frame(number) for number in range(2, _MOST + 3)]
    parts = [event for event in events(frame(1, SHOWN), *frames) if isinstance(event, Assigned)]
    assert [len(part.captures) for part in parts] == [_MOST, 2]
    assert len({capture for part in parts for capture in part.captures}) == _MOST + 2


def test_an_import_with_a_frame_that_is_being_destroyed_does_not_stop_the_others(tmp_path: Path) -> None:
    vault, _ = create(tmp_path / "store", random=os.urandom)
    log = Log.create(tmp_path / "ledger", Signer("test.medkiosk.invalid/ledger", bytes(32)))
    journal = Journal(vault, log, lambda: datetime(2026, 5, 1, tzinfo=UTC))
    story: list[ev.AnyEvent] = [
        s.encounter("e"),
        ev.SlateShown(
            at=s.AT, actor=s.ANNA, encounter_id=EncounterId("e"), token=SLATE.token, kind=SLATE.kind
        ),
    ]
    for name in ("one", "two"):
        for number in (1, 2):
            capture = f"{name}{number}"
            file = s.sealed(name, capture, f"IMG_{number:04}.JPG")
            story.append(msgspec.structs.replace(file, folder="DCIM/100CANON", mtime=1_795_003_605 + number))
            story.append(s.redacted(capture))
        slate, role = seen(CaptureId(f"{name}1"), s.AT, [write_slate(SLATE, KEY)], KEY)
        story += [slate, role, s.finished(name)]
    for name in ("one", "two"):
        story.insert(2, s.started(name))
    catalog = fold(step, story)
    assert catalog.problems == ()
    kiosk = SimpleNamespace(
        config=SimpleNamespace(ingest=Ingest(slates="opening")),
        journal=journal,
        reading=lambda: nullcontext(catalog),
        keyring=SimpleNamespace(is_open=True),
    )
    asked: list[Assigned] = []

    def guard(event: ev.AnyEvent) -> str:
        """The first import that is filed has a frame that is being destroyed."""
        if not isinstance(event, Assigned):
            return ""
        asked.append(event)
        return "it is being destroyed" if len(asked) == 1 else ""

    journal.guards.append(guard)
    filer = Filer(kiosk)  # type: ignore[arg-type]
    filer.wake()
    deadline = time.monotonic() + 30
    while log.size == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    filer.close()
    assert len(asked) == 2
    assert [entry.decode(data).type for data in log.entries()] == ["slate.clock", "capture.assigned"]
    vault.close()
